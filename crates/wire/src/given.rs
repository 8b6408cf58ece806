//! Fixtures of the tests of this crate: users with names that are easy to search for, one of every event, and readers
//! of JSON.

use allynet_domain::{
    Account, AlertCounts, Call, Details, Emergency, EmergencySnapshot, EmergencyStatus, EmergencyType, Event, EventId,
    HelperCard, HelperRecord, HelperReputation, Location, LoggedEvent, Message, Metres, Name, Person, Position,
    Priority, Profile, Recipient, Relation, ResolutionType, Response, ResponseStatus, Revision, Role, Sender, Severity,
    Text, Timestamp, To, UserId, Verification,
};
use chrono::TimeDelta;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// Ada Lovelace.
pub(crate) const OWNER: u128 = 0xADA;
/// Grace Hopper, the responding helper.
pub(crate) const GRACE: u128 = 0x6;
/// Alan, without a family name, a looker-on.
pub(crate) const ALAN: u128 = 0xA;
pub(crate) const ADMIN: u128 = 0xF;
pub(crate) const EMERGENCY: u128 = 0xE;
pub(crate) const MESSAGE: u128 = 0xC;

pub(crate) fn id<I: From<Uuid>>(n: u128) -> I {
    Uuid::from_u128(n).into()
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    "2026-01-15T10:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::seconds(seconds)
}

pub(crate) fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::parse(text).unwrap()
}

pub(crate) fn ada() -> Person {
    Person { id: id(OWNER), first_name: text("Ada"), last_name: Some(text("Lovelace")) }
}

pub(crate) fn grace() -> Person {
    Person { id: id(GRACE), first_name: text("Grace"), last_name: Some(text("Hopper")) }
}

pub(crate) fn grace_card() -> HelperCard {
    HelperCard { person: grace(), reputation: HelperReputation { trust_score: 150, rating_sum: 14, rating_count: 3 } }
}

pub(crate) fn call(anonymous: bool) -> Call {
    Call {
        id: id(EMERGENCY),
        owner: ada(),
        details: Details {
            kind: EmergencyType::NaturalDisaster,
            category: Some(text("flood")),
            description: None,
            location: Location {
                position: Position::new(52.5, 13.25).unwrap(),
                address: Some(text("Am Ufer 1")),
                description: None,
            },
            priority: Priority::Critical,
            severity: Severity::new(8).unwrap(),
            silent: true,
            anonymous,
        },
        created_at: at(0),
    }
}

/// Live, with Grace on her way.
pub(crate) fn emergency(anonymous: bool) -> Emergency {
    Emergency::restore(EmergencySnapshot {
        call: call(anonymous),
        request_id: Some(text("r-1")),
        status: EmergencyStatus::Responding,
        alert_radius: Metres::new(5_000.0),
        updated_at: at(2),
        first_response_at: Some(at(1)),
        ending: None,
        resolution: None,
        responses: vec![Response {
            helper: grace_card(),
            status: ResponseStatus::OnWay,
            notes: Some(text("By bike")),
            estimated_arrival: Some(at(60)),
            responded_at: at(1),
            updated_at: at(2),
        }],
        alerts: AlertCounts { wave: 1, alerted: 2, acknowledged: 1, declined: 0 },
        next_alert_at: None,
        revision: Revision(3),
    })
    .unwrap()
}

/// The same, resolved by its owner.
pub(crate) fn resolved(anonymous: bool) -> Emergency {
    let mut emergency = emergency(anonymous);
    emergency.resolve(id(OWNER), Relation::Owner, Some(text("All well")), at(10)).unwrap();
    emergency
}

pub(crate) fn message(from: Sender, to: To, anonymous: bool) -> Message {
    Message {
        id: id(MESSAGE),
        emergency: id(EMERGENCY),
        owner: id(OWNER),
        anonymous,
        from,
        to,
        text: text("The door is open"),
        created_at: at(5),
    }
}

pub(crate) fn account(n: u128) -> Account {
    Account {
        id: id(n),
        email: "grace@example.org".parse().unwrap(),
        profile: Profile {
            first_name: Name::parse("Grace").unwrap(),
            last_name: Some(text("Hopper")),
            phone: Some(text("+49 30 1")),
            avatar: Some("https://example.org/grace.png".parse().unwrap()),
            bio: Some(text("Sails")),
        },
        role: Role::User,
        blocked: false,
        helper: None,
        reputation: HelperReputation { trust_score: 150, rating_sum: 14, rating_count: 3 },
        created_at: at(-60),
    }
}

pub(crate) fn helper(n: u128) -> Account {
    let (verification, skills) = (Verification::Verified, vec![text("First aid")]);
    Account { role: Role::Helper, helper: Some(HelperRecord { verification, available: true, skills }), ..account(n) }
}

pub(crate) fn admin() -> Account {
    Account { role: Role::Admin, ..account(ADMIN) }
}

pub(crate) fn logged(actor: Option<u128>, event: Event) -> LoggedEvent {
    let emergency = match event {
        Event::HelperRightsChanged { .. } | Event::SessionsRevoked { .. } | Event::AccountBlocked { .. } => None,
        _ => Some(id(EMERGENCY)),
    };
    LoggedEvent { id: EventId::new(42), at: at(5), emergency, actor: actor.map(id), event }
}

/// One of every variant, as use cases make them when Ada does all that an owner may do.
pub(crate) fn every_event(anonymous: bool) -> Vec<LoggedEvent> {
    let alerted: Vec<UserId> = vec![id(GRACE), id(ALAN)];
    let to = |n, distance| Recipient { helper: id(n), distance: Metres::new(distance) };
    let status = EmergencyStatus::Active;
    let of = |actor, event| logged(Some(actor), event);
    vec![
        of(OWNER, Event::EmergencyCreated { call: call(anonymous), nearby_helpers: 2 }),
        of(
            OWNER,
            Event::HelpersAlerted {
                call: call(anonymous),
                status,
                wave: 1,
                radius: Metres::new(5_000.0),
                recipients: vec![to(GRACE, 149.5), to(ALAN, 3_000.2)],
            },
        ),
        of(GRACE, Event::AlertAcknowledged { helper: id(GRACE) }),
        of(ALAN, Event::AlertDeclined { helper: id(ALAN) }),
        logged(None, Event::Unanswered { owner: id(OWNER), alerted: 2 }),
        of(GRACE, Event::HelperJoined { helper: grace_card(), joined_at: at(1), estimated_arrival: None }),
        of(GRACE, Event::StatusChanged { status: EmergencyStatus::Responding, updated_at: at(1) }),
        of(
            GRACE,
            Event::HelperStatusUpdated {
                helper: id(GRACE),
                status: ResponseStatus::OnWay,
                notes: Some(text("By bike")),
                estimated_arrival: Some(at(60)),
                updated_at: at(2),
            },
        ),
        of(
            OWNER,
            Event::EmergencyResolved {
                at: at(10),
                by: (!anonymous).then(|| id(OWNER)),
                resolution: ResolutionType::UserResolved,
                notes: Some(text("All well")),
            },
        ),
        of(OWNER, Event::EmergencyCancelled { at: at(10), reason: Some(text("A mistake")), alerted: alerted.clone() }),
        of(
            OWNER,
            Event::EmergencyEnded {
                status: EmergencyStatus::Resolved,
                at: at(10),
                alerted,
                participants: vec![id(OWNER), id(GRACE)],
            },
        ),
        of(OWNER, Event::MessagePosted { message: message(Sender::Owner(ada()), To::Everyone, anonymous) }),
        of(OWNER, Event::MessageDeleted { message: id(MESSAGE), readers: None }),
        of(GRACE, Event::HelperRightsChanged { user: id(GRACE), on_duty: true, may_help: true }),
        of(GRACE, Event::SessionsRevoked { user: id(GRACE), only: None, except: None }),
        of(ADMIN, Event::AccountBlocked { user: id(GRACE) }),
    ]
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
