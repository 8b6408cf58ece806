//! The team that comes to an emergency: a role for each helper, and the box that one of them brings on the way.
//!
//! [`assign_team`] is pure: it is asked whenever a helper accepts, cancels, stalls or arrives, or a box is collected or
//! missing. It moves a role that was given only for a good reason, so that helpers are not sent back and forth.

use serde::{Deserialize, Serialize};

use super::TravelModel;
use crate::{EmergencyType, Metres, ResourceId, Timestamp, UserId, string_enum};

string_enum! {
    /// The task of a helper who comes.
    TeamRole {
        Patient = "patient", Companion = "companion", Aed = "aed", Guide = "guide", Support = "support",
        Standby = "standby",
    }
}

string_enum! {
    /// Why a helper has a new role: a first one, a better place in the team, the place of another, or a missing box.
    RoleReason {
        Accepted = "accepted", Better = "better", Vacated = "vacated", ResourceMissing = "resource_missing",
    }
}

/// Time that fetching a box takes beside the way, in seconds. Assumed.
const FETCH_SECONDS: f64 = 30.0;
/// Maximum seconds until a box is at the emergency.
const MAX_VIA: f64 = 900.0;
/// Maximum seconds by which fetching a box delays its helper.
const MAX_DETOUR: f64 = 300.0;
/// Seconds of detour below which a helper without others brings a box.
const MAX_DETOUR_ALONE: f64 = 30.0;
/// Seconds that an arrival has to gain for a role to move.
const MIN_GAIN: f64 = 60.0;
/// How often the role of a helper may move.
const MAX_MOVES: u8 = 2;
/// A box whose hours are unknown may be locked: the time by it is divided by this. Assumed.
const UNKNOWN_HOURS: f64 = 0.7;

/// The role that a helper has. Stored as JSON: fields may be added, never renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The role.
    pub role: TeamRole,
    /// The box that the helper brings.
    pub resource: Option<ResourceId>,
    /// Whether the helper has the box in hand.
    pub has_collected: bool,
    /// When the helper was given this role.
    pub since: Timestamp,
    /// How often the helper was given another role than before, or another box in place of one that was missing.
    pub moves: u8,
}

/// A helper who comes or is there, and has not stalled.
#[derive(Debug, Clone, PartialEq)]
pub struct TeamMember {
    /// The helper.
    pub helper: UserId,
    /// Seconds until the helper arrives without a detour; 0 once the helper is there.
    pub arrival: f64,
    /// Metres per second on the way.
    pub speed: f64,
    /// The geodesic to the emergency. `None` without a position: such a helper fetches nothing.
    pub distance: Option<Metres>,
    /// The geodesic from the helper to each box, in the order of the boxes. Empty without a position.
    pub distances_to_boxes: Vec<Metres>,
    /// The present role. `None` for a helper who has just accepted.
    pub assignment: Option<Assignment>,
    /// How often the roles had moved that the helper had before, for one who has none.
    pub earlier_moves: u8,
}

impl TeamMember {
    fn moves(&self) -> u8 {
        self.assignment.map_or(self.earlier_moves, |held| held.moves)
    }
}

/// A box with a defibrillator near the emergency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AedBox {
    /// The box.
    pub id: ResourceId,
    /// The geodesic to the emergency.
    pub distance: Metres,
    /// Whether it is there, unlocked and not private. `None` if its hours are not known.
    pub is_open: Option<bool>,
}

/// A helper's new role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoleChange {
    /// The helper.
    pub helper: UserId,
    /// The role from now on.
    pub assignment: Assignment,
    /// The role before.
    pub previous: Option<TeamRole>,
    /// Why.
    pub reason: RoleReason,
}

/// The roles of a kind of emergency, beside standby.
struct Roles {
    main: TeamRole,
    second: TeamRole,
    seconds: usize,
    needs_aed: bool,
}

/// Number of helpers with the main role.
const MAIN: usize = 2;

impl Roles {
    fn has(&self, role: TeamRole) -> bool {
        role == self.main
            || role == self.second
            || role == TeamRole::Standby
            || (role == TeamRole::Aed && self.needs_aed)
    }

    const fn of(kind: EmergencyType) -> Self {
        match kind {
            EmergencyType::Medical | EmergencyType::Accident => {
                Self { main: TeamRole::Patient, second: TeamRole::Guide, seconds: 1, needs_aed: true }
            }
            EmergencyType::Assault | EmergencyType::Safety => {
                Self { main: TeamRole::Companion, second: TeamRole::Guide, seconds: 1, needs_aed: false }
            }
            EmergencyType::NaturalDisaster | EmergencyType::Other => {
                Self { main: TeamRole::Patient, second: TeamRole::Support, seconds: 2, needs_aed: false }
            }
        }
    }
}

/// Gives each helper who comes a role. Returns what changes, by arrival.
///
/// The first two helpers to arrive go to the patient, the helper who brings a defibrillator soonest fetches it, one helper waits
/// as a guide, and the others stand by. The first helper at the patient and a helper with a collected box keep their roles. A role
/// moves when its holder is gone or its box is missing, or when an arrival gains a minute by it; at most twice per helper, unless
/// no helper would be with the patient. Roles that another kind of emergency had are given anew.
pub fn assign_team(
    now: Timestamp,
    kind: EmergencyType,
    travel: &TravelModel,
    members: &[TeamMember],
    boxes: &[AedBox],
) -> Vec<RoleChange> {
    let mut order: Vec<&TeamMember> = members.iter().collect();
    order.sort_by(|a, b| a.arrival.total_cmp(&b.arrival).then(a.helper.cmp(&b.helper)));
    let mut team = Team {
        now,
        roles: Roles::of(kind),
        detour: travel.detour,
        boxes,
        places: order.into_iter().map(Place::of).collect(),
    };
    team.drop_roles_of_another_kind();
    team.drop_missing_boxes();
    team.fill_main();
    team.bring_forward_arrival();
    // Who joins at the patient may be the first there, so that the one before them may fetch the box.
    for _ in 0..2 {
        team.fill_aed();
        team.fill(MAIN, team.roles.main);
    }
    team.fill(team.roles.seconds, team.roles.second);
    team.fill(usize::MAX, TeamRole::Standby);
    team.bring_forward_aed();
    team.let_the_only_one_bring_a_box();
    team.changes()
}

/// A member while roles are given.
struct Place<'a> {
    member: &'a TeamMember,
    role: Option<TeamRole>,
    resource: Option<ResourceId>,
    has_collected: bool,
    /// Why the role changes, if it does.
    reason: RoleReason,
}

impl<'a> Place<'a> {
    fn of(member: &'a TeamMember) -> Self {
        let held = member.assignment;
        Self {
            member,
            role: held.map(|held| held.role),
            resource: held.and_then(|held| held.resource),
            has_collected: held.is_some_and(|held| held.has_collected && held.resource.is_some()),
            reason: RoleReason::Vacated,
        }
    }

    /// Whether a role may still move to or from this member.
    fn may_move(&self) -> bool {
        self.has_moved_less_than(MAX_MOVES)
    }

    fn has_moved_less_than(&self, moves: u8) -> bool {
        self.member.moves() < moves
    }
}

struct Team<'a> {
    now: Timestamp,
    roles: Roles,
    detour: f64,
    boxes: &'a [AedBox],
    places: Vec<Place<'a>>,
}

impl Team<'_> {
    /// Takes the roles that this kind of emergency does not have, as after a change of the kind. A box in hand stays with its helper.
    fn drop_roles_of_another_kind(&mut self) {
        for place in &mut self.places {
            if !self.roles.needs_aed && !place.has_collected && place.resource.is_some() {
                (place.resource, place.reason) = (None, RoleReason::Better);
            }
            let brings_box = place.role == Some(TeamRole::Aed) && place.has_collected;
            if !brings_box && place.role.is_some_and(|role| !self.roles.has(role)) {
                (place.role, place.reason) = (None, RoleReason::Better);
            }
        }
    }

    fn drop_missing_boxes(&mut self) {
        let is_alone = self.places.len() == 1;
        for place in &mut self.places {
            let Some(held) = place.resource else { continue };
            let is_usable = self.boxes.iter().any(|aed| aed.id == held && aed.is_open != Some(false));
            if place.has_collected {
                continue;
            }
            if !is_usable {
                (place.resource, place.reason) = (None, RoleReason::ResourceMissing);
            }
            if place.role == Some(TeamRole::Aed) && (!is_usable || is_alone) {
                (place.resource, place.role) = (None, None);
            }
        }
    }

    /// The member with the main role that arrives first. Never taken for another role.
    fn first(&self) -> Option<usize> {
        self.places.iter().position(|place| place.role == Some(self.roles.main))
    }

    fn count(&self, role: TeamRole) -> usize {
        self.places.iter().filter(|place| place.role == Some(role)).count()
    }

    /// The member who takes a vacated role: one without a role, else from standby, else the second role, by arrival.
    fn substitute(&self, role: TeamRole, max_moves: u8) -> Option<usize> {
        let sources = [None, Some(TeamRole::Standby), Some(self.roles.second)];
        let from = |source: &Option<TeamRole>| {
            let is_source =
                |place: &Place<'_>| place.role == *source && (source.is_none() || place.has_moved_less_than(max_moves));
            self.places.iter().position(is_source)
        };
        sources.iter().filter(|source| **source != Some(role)).find_map(from)
    }

    /// Gives the main role to a helper if none has it, even to one whose role has moved as often as it may.
    fn fill_main(&mut self) {
        let main = self.roles.main;
        if self.count(main) > 0 {
            return;
        }
        let allowed = self.substitute(main, MAX_MOVES).or_else(|| self.substitute(main, u8::MAX));
        // A helper who has collected the box keeps it.
        if let Some(index) = allowed.or_else(|| (!self.places.is_empty()).then_some(0)) {
            let place = &mut self.places[index];
            place.role = Some(main);
            if !place.has_collected {
                place.resource = None;
            }
        }
    }

    fn fill(&mut self, places: usize, role: TeamRole) {
        while self.count(role) < places
            && let Some(index) = self.vacancy_for(role)
        {
            self.places[index].role = Some(role);
        }
    }

    fn vacancy_for(&self, role: TeamRole) -> Option<usize> {
        if role == TeamRole::Standby {
            return self.places.iter().position(|place| place.role.is_none());
        }
        self.substitute(role, MAX_MOVES)
    }

    fn fill_aed(&mut self) {
        let is_held = self.count(TeamRole::Aed) > 0 || self.places.iter().any(|place| place.has_collected);
        if !self.roles.needs_aed || is_held || self.places.len() < 2 {
            return;
        }
        // Taking a helper from a task has to gain as much as any move.
        let cost = |place: &Place<'_>| match place.role {
            None | Some(TeamRole::Standby) => 0.0,
            Some(_) => MIN_GAIN,
        };
        if let Some((index, resource, _)) = self.soonest_aed(cost) {
            self.give_aed(index, resource);
        }
    }

    fn give_aed(&mut self, index: usize, resource: ResourceId) {
        for place in &mut self.places {
            if place.resource.is_some() && !place.has_collected {
                place.resource = None;
            }
        }
        (self.places[index].role, self.places[index].resource) = (Some(TeamRole::Aed), Some(resource));
    }

    /// The member that brings a box soonest, with the box and the seconds. Never the first at the patient.
    fn soonest_aed(&self, cost: impl Fn(&Place<'_>) -> f64) -> Option<(usize, ResourceId, f64)> {
        let first = self.first();
        let able = self.places.iter().enumerate().filter(|(index, place)| {
            Some(*index) != first && !place.has_collected && place.may_move() && place.role != Some(TeamRole::Aed)
        });
        let ways = able.filter_map(|(index, place)| {
            let (resource, via) = self.via(place.member)?;
            Some((index, resource, via, via + cost(place)))
        });
        let soonest = ways.min_by(|a, b| {
            let ids = |way: &(usize, ResourceId, f64, f64)| (self.places[way.0].member.helper, way.1);
            a.3.total_cmp(&b.3).then(ids(a).cmp(&ids(b)))
        });
        soonest.map(|(index, resource, via, _)| (index, resource, via))
    }

    /// The box by which this member brings a defibrillator soonest, with the seconds, if that is worth the way.
    fn via(&self, member: &TeamMember) -> Option<(ResourceId, f64)> {
        let is_worth = |(_, via): &(ResourceId, f64)| *via <= MAX_VIA && via - member.arrival <= MAX_DETOUR;
        self.ways(member).filter(is_worth).min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)))
    }

    /// Seconds until the emergency by each usable box.
    fn ways(&self, member: &TeamMember) -> impl Iterator<Item = (ResourceId, f64)> {
        let (detour, speed, arrival) = (self.detour, member.speed, member.arrival);
        let direct = member.distance.map_or(0.0, Metres::get);
        self.boxes.iter().zip(&member.distances_to_boxes).filter_map(move |(aed, to_box)| {
            let factor = match aed.is_open {
                Some(true) => 1.0,
                Some(false) => return None,
                None => UNKNOWN_HOURS,
            };
            let longer = detour * (to_box.get() + aed.distance.get() - direct) / speed;
            Some((aed.id, (arrival + longer + FETCH_SECONDS) / factor))
        })
    }

    /// Sends a helper who arrives a minute sooner than the first helper at the patient there, too, if need be in place of another.
    fn bring_forward_arrival(&mut self) {
        let Some(first) = self.first() else { return };
        let may_go = |place: &Place<'_>| {
            let is_taken = matches!(place.role, Some(TeamRole::Aed)) || place.role == Some(self.roles.main);
            !is_taken && !place.has_collected && place.may_move()
        };
        let Some(sooner) = self.places.iter().position(may_go) else { return };
        if self.places[first].member.arrival - self.places[sooner].member.arrival < MIN_GAIN {
            return;
        }
        if self.count(self.roles.main) < MAIN {
            (self.places[sooner].role, self.places[sooner].reason) = (Some(self.roles.main), RoleReason::Better);
            return;
        }
        let second = self
            .places
            .iter()
            .rposition(|place| place.role == Some(self.roles.main) && place.may_move() && !place.has_collected);
        if let Some(second) = second {
            self.swap_roles(second, sooner);
        }
    }

    fn bring_forward_aed(&mut self) {
        let Some(holder) = self.places.iter().position(|place| place.role == Some(TeamRole::Aed)) else { return };
        let place = &self.places[holder];
        // A box that is in hand comes anyhow.
        if self.places.iter().any(|place| place.has_collected) || !place.may_move() {
            return;
        }
        let now =
            self.ways(place.member).find(|(id, _)| Some(*id) == place.resource).map_or(f64::INFINITY, |(_, via)| via);
        let Some((sooner, resource, via)) = self.soonest_aed(|_| 0.0) else { return };
        if via + MIN_GAIN <= now {
            self.swap_roles(holder, sooner);
            self.give_aed(sooner, resource);
        }
    }

    fn swap_roles(&mut self, a: usize, b: usize) {
        let (role_a, role_b) = (self.places[a].role, self.places[b].role);
        (self.places[a].role, self.places[b].role) = (role_b, role_a);
        (self.places[a].reason, self.places[b].reason) = (RoleReason::Better, RoleReason::Better);
    }

    fn let_the_only_one_bring_a_box(&mut self) {
        if let [only] = self.places.as_slice()
            && self.roles.needs_aed
            && only.resource.is_none()
            && !only.has_collected
            && only.may_move()
        {
            let fits = |(_, via): &(ResourceId, f64)| via - FETCH_SECONDS - only.member.arrival < MAX_DETOUR_ALONE;
            let nearest = self.ways(only.member).filter(fits).min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
            if let Some((id, _)) = nearest {
                let is_other_box = only.reason == RoleReason::ResourceMissing;
                self.places[0].resource = Some(id);
                if !is_other_box {
                    self.places[0].reason = RoleReason::Better;
                }
            }
        }
    }

    fn changes(&self) -> Vec<RoleChange> {
        self.places.iter().filter_map(|place| self.change(place)).collect()
    }

    fn change(&self, place: &Place<'_>) -> Option<RoleChange> {
        let before = place.member.assignment;
        let role = place.role?;
        if before.is_some_and(|held| held.role == role && held.resource == place.resource) {
            return None;
        }
        let is_moved = before.is_some_and(|held| held.role != role);
        // Another kind of emergency does not send helpers back and forth.
        let counts = is_moved && before.is_some_and(|held| self.roles.has(held.role));
        // Else one helper could report every box around as missing.
        let is_sent_on = place.reason == RoleReason::ResourceMissing && place.resource.is_some();
        let reason = if before.is_none() { RoleReason::Accepted } else { place.reason };
        let assignment = Assignment {
            role,
            resource: place.resource,
            has_collected: place.has_collected,
            since: before.filter(|_| !is_moved).map_or(self.now, |held| held.since),
            moves: place.member.moves().saturating_add(u8::from(counts || is_sent_on)),
        };
        Some(RoleChange { helper: place.member.helper, assignment, previous: before.map(|held| held.role), reason })
    }
}
