//! Property tests: what reaches viewers who do not take part in an approximate emergency tells neither its place nor its
//! owner, whatever the event, the view and the answer.

use allynet_domain::{
    Details, EmergencyOverview, Event, FoundHelpers, Grid, Location, LoggedEvent, Metres, Movement, PlaceBeforeAccept,
    PlacePolicy, Position, Recipient, SessionFix, Stage, UserId, Viewer,
    testing::{ALAN, GRACE_HOPPER, at, details, edited, id, position, text},
};
use proptest::prelude::*;
use serde_json::Value;

use crate::{
    events::outgoing,
    testing::{every_logged_event, filled_emergency, filled_resolved},
    views::EmergencyView,
};

/// What an owner types, each text in letters that occur in no key and in no other text.
#[derive(Debug, Clone)]
struct Texts {
    owner: UserId,
    first_name: String,
    last_name: String,
    description: String,
    category: String,
    address: String,
    directions: String,
    notes: String,
}

impl Texts {
    fn all(&self) -> [String; 8] {
        let Self { owner, first_name, last_name, description, category, address, directions, notes } = self.clone();
        [first_name, description, category, last_name, address, directions, notes, owner.to_string()]
    }
}

/// An approximate emergency: why it is approximate, where it is, and what its owner says.
#[derive(Debug, Clone)]
struct Scene {
    places: PlacePolicy,
    anonymous: bool,
    place: Position,
    texts: Texts,
}

fn scenes() -> impl Strategy<Value = Scene> {
    let texts = ["[ÀÈÌ]{4,9}", "[àèì]{4,9}", "[ÂÊÎ]{4,9}", "[âêî]{4,9}", "[ÄËÏ]{4,9}", "[äëï]{4,9}", "[ÁÉÍ]{4,9}"];
    let owner = any::<u128>().prop_filter("ids of others", |id| *id > u128::from(u64::MAX));
    let texts = (owner, texts).prop_map(|(owner, texts)| {
        let [first_name, last_name, description, category, address, directions, notes] = texts;
        let owner = uuid::Uuid::from_u128(owner).into();
        Texts { owner, first_name, last_name, description, category, address, directions, notes }
    });
    // Far from every other number of a payload: from those up to 42 and from those beyond a hundred.
    let place = (prop_oneof![-80.0..-50.0, 50.0..80.0f64], prop_oneof![-90.0..-50.0, 50.0..90.0f64]);
    (any::<[u8; 16]>(), any::<bool>(), any::<bool>(), place, texts).prop_map(|(key, anonymous, open, place, texts)| {
        let before_accept = if open || !anonymous { PlaceBeforeAccept::Approximate } else { PlaceBeforeAccept::Exact };
        let places = PlacePolicy { before_accept, grid: Grid::with_key(key) };
        Scene { places, anonymous, place: position(place.0, place.1), texts }
    })
}

impl Scene {
    fn fill(&self, call: &mut allynet_domain::Call) {
        let texts = &self.texts;
        call.owner.id = texts.owner;
        call.owner.first_name = text(&texts.first_name);
        call.owner.last_name = Some(text(&texts.last_name));
        call.details.anonymous = self.anonymous;
        call.details.description = Some(text(&texts.description));
        call.details.category = Some(text(&texts.category));
        call.details.location.position = self.place;
        call.details.location.address = Some(text(&texts.address));
        call.details.location.description = Some(text(&texts.directions));
        // It has moved, and not far.
        call.movement = Movement {
            followed: Some(SessionFix { session: id(400), position: self.place, at: at(0) }),
            origin: Some(Box::new(call.details.location.clone())),
            moved_at: Some(at(1)),
        };
    }

    /// Every event that reaches others than participants.
    fn events(&self) -> Vec<LoggedEvent> {
        let mut events = every_logged_event(self.anonymous);
        events.retain(|event| {
            !matches!(
                event.event,
                Event::MessagePosted { .. } | Event::Unanswered { .. } | Event::ContactNotified { .. }
            )
        });
        for event in &mut events {
            match &mut event.event {
                Event::EmergencyCreated { call, .. }
                | Event::EmergencyAnnounced { call, .. }
                | Event::EmergencyUpdated { call, .. } => self.fill(call),
                Event::HelpersAlerted { call, recipients, .. } => {
                    self.fill(call);
                    *recipients = self.recipients();
                }
                Event::DetailsDisclosed { emergency, .. } => {
                    let of_scene = edited(emergency.emergency().clone(), |e| self.fill(&mut e.call));
                    *emergency = EmergencyOverview::from(&of_scene);
                }
                Event::EmergencyMoved { position, .. } => *position = self.place,
                Event::HelperStatusUpdated { notes, .. } => *notes = Some(text(&self.texts.notes)),
                Event::EmergencyResolved { by, notes, .. } => {
                    (*by, *notes) = (Some(self.texts.owner), Some(text(&self.texts.notes)));
                }
                Event::EmergencyCancelled { reason, .. } => *reason = Some(text(&self.texts.notes)),
                _ => {}
            }
        }
        events
    }

    /// Two helpers some kilometres away, at the distances by which they were chosen.
    fn recipients(&self) -> Vec<Recipient> {
        // Relative to the cell, so that they stand still when the emergency is moved within it.
        let cell = self.places.grid.coarse(self.place);
        let at = |north: f64, east: f64| position(cell.latitude() + north, cell.longitude() + east);
        let helpers = [(id(GRACE_HOPPER), at(0.02, 0.03)), (id(ALAN), at(-0.04, 0.01))];
        let details = Details { anonymous: self.anonymous, ..details() };
        let details = Details { location: Location { position: self.place, ..details.location.clone() }, ..details };
        FoundHelpers::new(helpers, Metres::new(1e6)).nearest(self.places.alert_place(&details), 9)
    }

    /// Everything that is rendered for a viewer in this stage.
    fn rendered(&self, stage: Stage) -> Vec<String> {
        let viewers = [Viewer::Anyone, Viewer::User(id(GRACE_HOPPER)), Viewer::User(id(ALAN))];
        let mut rendered = Vec::new();
        for (event, viewer) in self.events().iter().flat_map(|event| viewers.map(|viewer| (event, viewer))) {
            let outgoing = outgoing(event, event.view(viewer, stage), &self.places).unwrap();
            rendered.extend(outgoing.map(|outgoing| outgoing.payload.get().to_owned()));
        }
        for emergency in [filled_emergency(self.anonymous), filled_resolved(self.anonymous)] {
            let emergency = edited(emergency, |e| {
                self.fill(&mut e.call);
                e.responses[0].notes = Some(text(&self.texts.notes));
                if let Some(ending) = &mut e.ending {
                    (ending.by, ending.notes) = (Some(self.texts.owner), Some(text(&self.texts.notes)));
                }
            });
            let shown = self.places.disclosure(stage, self.anonymous).place(self.place);
            for distance in [None, Some(shown.distance_to(position(60.0, 60.0))), Some(Metres::new(12_345.6))] {
                let view = EmergencyView::new(&emergency, stage, &self.places, distance);
                rendered.push(serde_json::to_string(&view).unwrap());
            }
        }
        rendered
    }

    fn at(&self, place: Position) -> Self {
        Self { place, ..self.clone() }
    }
}

/// Every number of a payload but those of the shown place.
fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Number(number) => vec![number.as_f64().unwrap()],
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), "latitude" | "longitude"))
            .flat_map(|(_, v)| numbers(v))
            .collect(),
        Value::Null | Value::Bool(_) | Value::String(_) => Vec::new(),
    }
}

/// A step of up to some two cells.
fn steps() -> impl Strategy<Value = (f64, f64)> {
    let step = |limit: f64| -limit..limit;
    prop_oneof![(step(0.001), step(0.002)), (step(0.008), step(0.016))]
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 100_000, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn two_places_in_one_cell_give_the_same_bytes(scene in scenes(), (north, east) in steps()) {
        let other = position(scene.place.latitude() + north, scene.place.longitude() + east);
        let grid = scene.places.grid;
        prop_assume!(grid.coarse(scene.place) == grid.coarse(other));
        prop_assert_eq!(scene.rendered(Stage::LookerOn), scene.at(other).rendered(Stage::LookerOn));
        if grid.fine(scene.place) == grid.fine(other) {
            prop_assert_eq!(scene.rendered(Stage::Alerted), scene.at(other).rendered(Stage::Alerted));
        }
        prop_assert_ne!(scene.rendered(Stage::Responder), scene.at(other).rendered(Stage::Responder));
    }

    #[test]
    fn no_other_number_is_near_the_place_and_no_other_text_is_the_owners(scene in scenes()) {
        for (stage, allowed) in [(Stage::Alerted, if scene.anonymous { 1..3 } else { 0..3 }), (Stage::LookerOn, 0..0)] {
            for payload in scene.rendered(stage) {
                for number in numbers(&serde_json::from_str(&payload).unwrap()) {
                    let near = [scene.place.latitude(), scene.place.longitude()].map(|degrees| (degrees - number).abs() <= 0.001);
                    prop_assert_eq!(near, [false; 2], "{} in {}", number, payload);
                }
                for (at, text) in scene.texts.all().iter().enumerate() {
                    prop_assert!(allowed.contains(&at) || !payload.contains(text), "{} in {}", text, payload);
                }
            }
        }
        // The texts are rendered at all: to participants.
        let known = scene.rendered(Stage::Responder).concat();
        for text in &scene.texts.all()[usize::from(scene.anonymous)..3] {
            prop_assert!(known.contains(text), "{text}");
        }
    }
}
