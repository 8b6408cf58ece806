//! How much of an emergency a viewer is shown: the one place where it is decided how precise a place, a name or a text is.
//!
//! Everything that leaves the service is rendered through a [`Disclosure`]: answers, events, replays, timelines.

use crate::{
    Details, Metres, Person, Position, Recipient, Relation,
    grid::{COARSE_CELL, FINE_CELL, Grid},
    string_enum,
};

string_enum! {
    /// What helpers are shown of an emergency before they accept it. Anonymous emergencies are always approximate.
    PlaceBeforeAccept { Exact = "exact", Approximate = "approximate" }
}

/// The part that a viewer has in an emergency when something of it is sent to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Raised the emergency.
    Owner,
    /// Administers the service.
    Administrator,
    /// Responds to it.
    Responder,
    /// Was alerted, and has neither answered nor cancelled.
    Alerted,
    /// Any other helper.
    LookerOn,
    /// May not help, and so may not read it. Of those that ended, a list shows the user that they took part.
    Stranger,
}

impl Stage {
    /// The stage of a user in this relation. `alerted`: was alerted, and has neither declined nor cancelled a response.
    pub const fn of(relation: Relation, alerted: bool) -> Self {
        match relation {
            Relation::Owner => Self::Owner,
            Relation::RespondingHelper => Self::Responder,
            Relation::Admin => Self::Administrator,
            Relation::Helper if alerted => Self::Alerted,
            Relation::Helper => Self::LookerOn,
            Relation::Stranger => Self::Stranger,
        }
    }

    /// Whether everything is disclosed in this stage, but for an anonymous owner.
    pub const fn is_participant(self) -> bool {
        matches!(self, Self::Owner | Self::Administrator | Self::Responder)
    }
}

/// The grid of the service, and what helpers are shown before they accept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlacePolicy {
    /// What helpers are shown before they accept.
    pub before_accept: PlaceBeforeAccept,
    /// The grid of approximate places.
    pub grid: Grid,
}

impl PlacePolicy {
    /// Whether an emergency is shown approximately to viewers other than participants.
    pub const fn is_approximate(&self, anonymous: bool) -> bool {
        anonymous || matches!(self.before_accept, PlaceBeforeAccept::Approximate)
    }

    /// How much of an emergency is disclosed in a stage.
    pub const fn disclosure(&self, stage: Stage, anonymous: bool) -> Disclosure {
        let detail = match stage {
            // Whatever helpers are shown.
            Stage::Stranger => Detail::Least,
            _ if !self.is_approximate(anonymous) => Detail::Full,
            Stage::Owner | Stage::Administrator | Stage::Responder => Detail::Full,
            Stage::Alerted => Detail::Reduced,
            Stage::LookerOn => Detail::Least,
        };
        let unmasks = !anonymous || matches!(stage, Stage::Owner | Stage::Administrator);
        Disclosure { detail, unmasks, is_thinned: false, grid: self.grid }
    }

    /// The place from which it is judged how far away helpers are.
    ///
    /// Judging by the exact place would disclose it: an owner could move a helper account of their own around an
    /// approximate emergency, and see where it begins to be counted.
    pub fn judged_place(&self, details: &Details) -> Position {
        self.judged_position(details.location.position, details.anonymous)
    }

    /// The same, for an emergency at this position.
    pub fn judged_position(&self, exact: Position, anonymous: bool) -> Position {
        if self.is_approximate(anonymous) { self.grid.fine(exact) } else { exact }
    }

    /// The place around which helpers are searched.
    pub fn alert_place(&self, details: &Details) -> AlertPlace {
        let (exact, judged) = (details.location.position, self.judged_place(details));
        if self.is_approximate(details.anonymous) {
            AlertPlace { judged, shown_exact: None, shown_coarse: Some(self.grid.coarse(exact)) }
        } else {
            AlertPlace { judged, shown_exact: Some(exact), shown_coarse: None }
        }
    }
}

/// The place of an emergency, for searches of helpers around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AlertPlace {
    /// The place from which distances are judged.
    pub judged: Position,
    /// The exact place, if it is shown to helpers.
    pub shown_exact: Option<Position>,
    /// The place that is shown to lookers-on, if the exact place is not shown to helpers.
    pub shown_coarse: Option<Position>,
}

impl Default for PlacePolicy {
    /// Exact places, and a grid without a key: for tests.
    fn default() -> Self {
        Self { before_accept: PlaceBeforeAccept::Exact, grid: Grid::with_key([0; 16]) }
    }
}

/// How much of an emergency is disclosed to a viewer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Disclosure {
    detail: Detail,
    unmasks: bool,
    is_thinned: bool,
    grid: Grid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// Everything.
    Full,
    /// The cell of 200 m, the description, and the owner's given name.
    Reduced,
    /// The cell of 1,000 m, and what kind of emergency it is.
    Least,
}

/// The owner of an emergency as they are disclosed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShownOwner<'a> {
    /// Id and names.
    Known(&'a Person),
    /// The given name only.
    FirstName(&'a Person),
    /// Not at all.
    Hidden,
}

impl Disclosure {
    /// Limits what is shown of an emergency that [was thinned](crate::Emergency::is_thinned), of whose place the cell of 1,000 m is left.
    #[must_use]
    pub const fn of_thinned(self, is_thinned: bool) -> Self {
        Self { is_thinned, ..self }
    }

    /// Size of the cell that stands for the place, in metres; 0 for the exact place.
    pub const fn precision(self) -> u32 {
        if self.is_thinned {
            return COARSE_CELL;
        }
        match self.detail {
            Detail::Full => 0,
            Detail::Reduced => FINE_CELL,
            Detail::Least => COARSE_CELL,
        }
    }

    /// The place that is shown for a place.
    pub fn place(self, place: Position) -> Position {
        // What is stored is the centre of the cell already. It is rounded, so that its own cell may be another one near a pole.
        if self.is_thinned {
            return place;
        }
        match self.detail {
            Detail::Full => place,
            Detail::Reduced => self.grid.fine(place),
            Detail::Least => self.grid.coarse(place),
        }
    }

    /// The number of metres that is shown to the recipient of an alert.
    pub fn alert_distance(self, recipient: &Recipient) -> u32 {
        self.metres(match self.detail {
            Detail::Full | Detail::Reduced => recipient.shown_distance(),
            // Events of earlier releases do not say so.
            Detail::Least => recipient.coarse_distance.unwrap_or(recipient.distance),
        })
    }

    /// The number of metres that is shown for a distance. It MUST have been measured from the shown [place](Self::place).
    pub fn metres(self, distance: Metres) -> u32 {
        let step = match self.detail {
            Detail::Full if !self.is_thinned => 1,
            Detail::Reduced if !self.is_thinned => 100,
            Detail::Full | Detail::Reduced | Detail::Least => 1_000,
        };
        Metres::new(distance.get() / f64::from(step)).whole().saturating_mul(step)
    }

    /// Whether the address and the words about the place are shown, and what is said on the way and at the end: notes,
    /// expected arrivals, reasons, and which user resolved the emergency.
    pub const fn shows_texts(self) -> bool {
        matches!(self.detail, Detail::Full)
    }

    /// Whether the description and the category are shown.
    pub const fn shows_description(self) -> bool {
        matches!(self.detail, Detail::Full | Detail::Reduced)
    }

    /// What is shown of the owner.
    pub const fn owner(self, owner: &Person) -> ShownOwner<'_> {
        match self.detail {
            _ if !self.unmasks => ShownOwner::Hidden,
            Detail::Full => ShownOwner::Known(owner),
            Detail::Reduced => ShownOwner::FirstName(owner),
            Detail::Least => ShownOwner::Hidden,
        }
    }

    /// Whether ids of the owner are shown.
    pub const fn identifies_owner(self) -> bool {
        self.unmasks && matches!(self.detail, Detail::Full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{OWNER, details, person, position};

    const STAGES: [Stage; 6] =
        [Stage::Owner, Stage::Administrator, Stage::Responder, Stage::Alerted, Stage::LookerOn, Stage::Stranger];

    fn policy(before_accept: PlaceBeforeAccept) -> PlacePolicy {
        PlacePolicy { before_accept, grid: Grid::with_key([7; 16]) }
    }

    fn rows(before_accept: PlaceBeforeAccept, anonymous: bool) -> [(u32, bool, bool, char); 6] {
        let owner = person(OWNER);
        STAGES.map(|stage| {
            let shown = policy(before_accept).disclosure(stage, anonymous);
            let name = match shown.owner(&owner) {
                ShownOwner::Known(_) => 'k',
                ShownOwner::FirstName(_) => 'f',
                ShownOwner::Hidden => 'h',
            };
            assert_eq!(shown.identifies_owner(), name == 'k', "{stage:?}");
            (shown.precision(), shown.shows_texts(), shown.shows_description(), name)
        })
    }

    #[test]
    fn what_is_disclosed_follows_from_stage_anonymity_and_policy() {
        use PlaceBeforeAccept::{Approximate, Exact};
        let (all, least) = ((0, true, true, 'k'), (1000, false, false, 'h'));
        assert_eq!(rows(Exact, false), [all, all, all, all, all, least]);
        assert_eq!(rows(Approximate, false), [all, all, all, (200, false, true, 'f'), least, least]);
        // An anonymous emergency is approximate under either policy.
        let hidden = [all, all, (0, true, true, 'h'), (200, false, true, 'h'), least, least];
        assert_eq!([rows(Exact, true), rows(Approximate, true)], [hidden, hidden]);
    }

    #[test]
    fn distances_are_shown_no_finer_than_the_place() {
        let policy = policy(PlaceBeforeAccept::Approximate);
        let shown = |stage, metres| policy.disclosure(stage, false).metres(Metres::new(metres));
        assert_eq!([shown(Stage::Responder, 1_234.5), shown(Stage::Owner, 0.4)], [1_235, 0]);
        assert_eq!([49.9, 50.0, 1_234.0].map(|m| shown(Stage::Alerted, m)), [0, 100, 1_200]);
        assert_eq!([499.0, 501.0, 12_600.0].map(|m| shown(Stage::LookerOn, m)), [0, 1_000, 13_000]);
    }

    #[test]
    fn of_a_thinned_emergency_nobody_is_shown_more_than_a_kilometre() {
        let (policy, place) = (policy(PlaceBeforeAccept::Exact), position(52.5, 13.4));
        for stage in STAGES {
            let shown = policy.disclosure(stage, false).of_thinned(true);
            let distance = shown.metres(Metres::new(1_499.0));
            assert_eq!((shown.precision(), shown.place(place), distance), (1_000, place, 1_000), "{stage:?}");
        }
    }

    #[test]
    fn the_place_is_shown_and_judged_as_the_centre_of_a_cell_if_it_is_approximate() {
        let (exact, approximate) = (policy(PlaceBeforeAccept::Exact), policy(PlaceBeforeAccept::Approximate));
        let place = position(52.5, 13.4);
        let shown = |stage| approximate.disclosure(stage, false).place(place);
        assert_eq!(
            [Stage::Owner, Stage::Alerted, Stage::LookerOn].map(shown),
            [place, approximate.grid.fine(place), approximate.grid.coarse(place)]
        );
        let anonymous = Details { anonymous: true, ..details() };
        assert_eq!(exact.judged_place(&details()), details().location.position);
        assert_eq!(
            [exact.judged_place(&anonymous), approximate.judged_place(&details())],
            [approximate.grid.fine(place); 2]
        );
    }

    #[test]
    fn the_stage_follows_from_the_relation_and_an_alert() {
        let of = |relation| [Stage::of(relation, false), Stage::of(relation, true)];
        assert_eq!(of(Relation::Owner), [Stage::Owner; 2]);
        assert_eq!(of(Relation::RespondingHelper), [Stage::Responder; 2]);
        assert_eq!(of(Relation::Admin), [Stage::Administrator; 2]);
        assert_eq!(of(Relation::Helper), [Stage::LookerOn, Stage::Alerted]);
        assert_eq!(of(Relation::Stranger), [Stage::Stranger; 2]);
    }
}
