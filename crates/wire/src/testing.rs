//! What the fixtures of the domain leave out: data in the fields that only payloads show, the log entries of events, and
//! readers of JSON.

use allynet_domain::{
    Account, Call, CheckedSkill, Details, Emergency, EmergencyOverview, EmergencyType, Event, EventId, Grid,
    HelperCard, HelperRecord, HelperReputation, Location, LoggedEvent, Message, PlaceBeforeAccept, PlacePolicy,
    Priority, Profile, Response, ResponseStatus, Sender, Severity, SkippedCounts, To,
    testing::{
        ADMIN, ALAN, EMERGENCY, GRACE_HOPPER, OWNER, at, call, edited, every_event, helper, id, message, position,
        recipient, resolved, text, with_responses,
    },
};
use serde::Serialize;
use serde_json::Value;

/// The policy `exact`, on a grid with a key.
pub(crate) fn exact_places() -> PlacePolicy {
    PlacePolicy { before_accept: PlaceBeforeAccept::Exact, grid: Grid::with_key([7; 16]) }
}

/// The policy `approximate`, on the same grid.
pub(crate) fn approximate_places() -> PlacePolicy {
    PlacePolicy { before_accept: PlaceBeforeAccept::Approximate, ..exact_places() }
}

/// The account with a phone number, an avatar, a biography and a reputation; that of a helper also with a skill.
pub(crate) fn filled(account: Account) -> Account {
    let (phone, bio) = (Some(text("+49 30 1")), Some(text("Sails")));
    let avatar = Some("https://example.org/avatar.png".parse().unwrap());
    let helper = account.helper.map(|record| {
        let checked_skills = vec![CheckedSkill { name: text("CPR"), until: Some(at(0)) }];
        HelperRecord { skills: vec![text("First aid")], checked_skills, ..record }
    });
    let reputation = HelperReputation { trust_score: 150, rating_sum: 14, rating_count: 3 };
    Account { profile: Profile { phone, avatar, bio, ..account.profile }, helper, reputation, ..account }
}

/// The helper card of Grace Hopper, with a reputation.
pub(crate) fn rated_helper_card() -> HelperCard {
    filled(helper(GRACE_HOPPER)).helper_card()
}

/// The call of the domain with a category and an address, and with values of its own in the other details.
pub(crate) fn filled_call(anonymous: bool) -> Call {
    Call {
        details: Details {
            kind: EmergencyType::NaturalDisaster,
            category: Some(text("flood")),
            description: None,
            location: Location { position: position(52.5, 13.25), address: Some(text("Am Ufer 1")), description: None },
            priority: Priority::Critical,
            severity: Severity::new(8).unwrap(),
            silent: true,
            anonymous,
        },
        ..call()
    }
}

/// Live, with Grace Hopper on her way.
pub(crate) fn filled_emergency(anonymous: bool) -> Emergency {
    edited(with_responses(&[(GRACE_HOPPER, ResponseStatus::OnWay)]), |e| {
        e.call = filled_call(anonymous);
        e.updated_at = at(2);
        e.alerts.acknowledged = 1;
        e.search.skipped = SkippedCounts { quiet: 3, paused: 2, engaged: 0, limit: 0 };
        e.alerts.sent = 1;
        e.responses = vec![Response {
            helper: rated_helper_card(),
            notes: Some(text("By bike")),
            estimated_arrival: Some(at(60)),
            updated_at: at(2),
            ..e.responses.remove(0)
        }];
    })
}

/// The same, resolved by its owner with notes.
pub(crate) fn filled_resolved(anonymous: bool) -> Emergency {
    edited(resolved(filled_emergency(anonymous)), |e| e.ending.as_mut().unwrap().notes = Some(text("All well")))
}

pub(crate) fn anonymous_message(from: Sender, to: To) -> Message {
    Message { anonymous: true, ..message(from, to) }
}

pub(crate) fn logged(actor: Option<u128>, event: Event) -> LoggedEvent {
    let emergency = match event {
        Event::HelperRightsChanged { .. }
        | Event::SessionsRevoked { .. }
        | Event::AccountBlocked { .. }
        | Event::UserBlocked(_)
        | Event::UserUnblocked(_) => None,
        _ => Some(id(EMERGENCY)),
    };
    LoggedEvent { id: EventId::new(42), at: at(5), emergency, actor: actor.map(id), event }
}

/// One of every variant with filled payloads, by the user that causes such an event.
pub(crate) fn every_logged_event(anonymous: bool) -> Vec<LoggedEvent> {
    let log = |mut event: Event| {
        fill(&mut event, anonymous);
        logged(actor_of(&event), event)
    };
    every_event().into_iter().map(log).collect()
}

fn fill(event: &mut Event, anonymous: bool) {
    match event {
        Event::EmergencyCreated { call, .. } | Event::EmergencyAnnounced { call, .. } => *call = filled_call(anonymous),
        Event::HelpersAlerted { call, recipients, .. } => {
            *call = filled_call(anonymous);
            // One is rounded up, the other down.
            *recipients = vec![recipient(GRACE_HOPPER, 149.5), recipient(ALAN, 3_000.2)];
        }
        Event::HelperJoined { helper, .. } => *helper = rated_helper_card(),
        Event::DetailsDisclosed { emergency, .. } => {
            *emergency = EmergencyOverview::from(&filled_emergency(anonymous));
        }
        Event::HelperStatusUpdated { anonymous: of, .. } | Event::EmergencyCancelled { anonymous: of, .. } => {
            *of = anonymous;
        }
        Event::EmergencyResolved { by, anonymous: of, .. } => {
            *by = by.filter(|_| !anonymous);
            *of = anonymous;
        }
        Event::MessagePosted { message } => message.anonymous = anonymous,
        // The message that was posted is for everyone.
        Event::MessageDeleted { readers, .. } => *readers = None,
        _ => {}
    }
}

fn actor_of(event: &Event) -> Option<u128> {
    match event {
        Event::AlertAcknowledged { .. }
        | Event::AlertSeen { .. }
        | Event::HelperJoined { .. }
        | Event::DetailsDisclosed { .. }
        | Event::ResponseChecked { .. }
        | Event::StatusChanged { .. }
        | Event::HelperStatusUpdated { .. }
        | Event::RoleAssigned { .. }
        | Event::HelperStoodDown { .. }
        | Event::HelperRightsChanged { .. }
        | Event::SessionsRevoked { .. } => Some(GRACE_HOPPER),
        Event::AlertDeclined { .. } => Some(ALAN),
        Event::Unanswered { .. } | Event::ContactNotified { .. } => None,
        Event::AccountBlocked { .. } => Some(ADMIN),
        _ => Some(OWNER),
    }
}

pub(crate) fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

/// The value at a path such as `user.profile`.
pub(crate) fn field<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(value, |value, key| value.get(key).unwrap_or_else(|| panic!("{path} is absent in {value}")))
}

/// A value as JSON for people: keys in alphabetical order, and whatever fits on a line in one line.
pub(crate) fn shown(value: &impl Serialize) -> String {
    lay_out(&json(value), 0)
}

fn lay_out(value: &Value, indent: usize) -> String {
    let (open, parts, close) = match value {
        Value::Object(map) => {
            let mut keys: Vec<_> = map.keys().collect();
            keys.sort();
            let part = |key: &String| format!("{key:?}: {}", lay_out(&map[key], indent + 2));
            ('{', keys.into_iter().map(part).collect::<Vec<_>>(), '}')
        }
        Value::Array(items) => ('[', items.iter().map(|item| lay_out(item, indent + 2)).collect(), ']'),
        other => return other.to_string(),
    };
    let flat = format!("{open}{}{close}", parts.join(", "));
    if indent + flat.len() <= 100 && !flat.contains('\n') {
        return flat;
    }
    let pad = " ".repeat(indent);
    format!("{open}\n{pad}  {}\n{pad}{close}", parts.join(&format!(",\n{pad}  ")))
}

/// A resource with all fields.
pub(crate) fn resource() -> allynet_domain::Resource {
    use allynet_domain::{Resource, ResourceAccess, ResourceDetails, ResourceKind, ResourceSource, ResourceStatus};
    Resource {
        id: id(77),
        details: ResourceDetails {
            kind: ResourceKind::Aed,
            position: position(52.5, 13.4),
            address: Some(text("Am Ufer 1")),
            access: ResourceAccess::Public,
            opening_hours: Some(text("24/7")),
            indoor: Some(false),
            level: Some(text("0")),
            description: Some(text("Beside the door")),
            phone: Some(text("+49 30 1")),
        },
        status: ResourceStatus::Available,
        checked_at: Some(at(0)),
        source: ResourceSource::Manual,
        created_at: at(0),
    }
}
