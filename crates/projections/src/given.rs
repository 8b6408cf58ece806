//! What the tests of this crate begin with: people, a call, and one of every event.

use allynet_domain::{
    Account, AlertCounts, Call, Details, Emergency, EmergencyStatus, EmergencyType, Event, HelperCard, HelperRecord,
    HelperReputation, Location, Message, Metres, Name, Position, Priority, Profile, Recipient, ResolutionType,
    Response, ResponseStatus, Revision, Role, Sender, Text, Timestamp, To, UserId, Verification,
};
use chrono::TimeDelta;
use uuid::Uuid;

/// Who raised [`call`].
pub(crate) const OWNER: u128 = 1;
/// A verified helper on duty.
pub(crate) const GRACE: u128 = 2;
/// Another.
pub(crate) const ALAN: u128 = 3;
/// A user who is neither helper nor administrator.
pub(crate) const NOBODY: u128 = 8;
/// An administrator.
pub(crate) const ADMIN: u128 = 9;
/// The emergency of [`call`].
pub(crate) const EMERGENCY: u128 = 100;

pub(crate) fn id<I: From<Uuid>>(n: u128) -> I {
    Uuid::from_u128(n).into()
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    "2026-01-15T10:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::seconds(seconds)
}

pub(crate) fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::parse(text).unwrap()
}

/// An account that is `nobody` in particular.
pub(crate) fn account(n: u128) -> Account {
    Account {
        id: id(n),
        email: format!("{n}@example.org").parse().unwrap(),
        profile: Profile {
            first_name: Name::parse(&format!("First{n}")).unwrap(),
            last_name: Some(Name::parse(&format!("Last{n}")).unwrap()),
            phone: None,
            avatar: None,
            bio: None,
        },
        role: Role::User,
        blocked: false,
        helper: None,
        reputation: HelperReputation::default(),
        created_at: at(-1000),
    }
}

pub(crate) fn record(verification: Verification, available: bool) -> HelperRecord {
    HelperRecord { verification, available, skills: Vec::new() }
}

/// A verified helper on duty.
pub(crate) fn helper(n: u128) -> Account {
    Account { helper: Some(record(Verification::Verified, true)), role: Role::Helper, ..account(n) }
}

pub(crate) fn card(n: u128) -> HelperCard {
    helper(n).helper_card()
}

pub(crate) fn details() -> Details {
    Details {
        kind: EmergencyType::Medical,
        category: None,
        description: Some(text("Fell down the stairs")),
        location: Location { position: Position::new(52.5, 13.4).unwrap(), address: None, description: None },
        priority: Priority::High,
        severity: 5,
        silent: false,
        anonymous: false,
    }
}

pub(crate) fn call() -> Call {
    Call { id: id(EMERGENCY), owner: account(OWNER).person(), details: details(), created_at: at(0) }
}

/// A live emergency of [`OWNER`] without responses, at revision 7, whose next wave is due in half a minute.
pub(crate) fn emergency() -> Emergency {
    Emergency {
        call: call(),
        request_id: None,
        status: EmergencyStatus::Active,
        alert_radius: Metres::new(5_000.0),
        updated_at: at(0),
        first_response_at: None,
        ending: None,
        responses: Vec::new(),
        alerts: AlertCounts { wave: 1, alerted: 2, acknowledged: 0, declined: 0 },
        next_alert_at: Some(at(60)),
        revision: Revision(7),
    }
}

pub(crate) fn anonymous(mut emergency: Emergency) -> Emergency {
    emergency.call.details.anonymous = true;
    emergency
}

pub(crate) fn response(helper: u128, status: ResponseStatus) -> Response {
    Response {
        helper: card(helper),
        status,
        notes: None,
        estimated_arrival: None,
        responded_at: at(1),
        updated_at: at(1),
    }
}

/// A live emergency with these responses, in the status that follows from them.
pub(crate) fn with_responses(responses: &[(u128, ResponseStatus)]) -> Emergency {
    let responding = responses.iter().any(|(_, status)| *status != ResponseStatus::Cancelled);
    Emergency {
        status: if responding { EmergencyStatus::Responding } else { EmergencyStatus::Active },
        first_response_at: (!responses.is_empty()).then(|| at(1)),
        next_alert_at: (!responding).then(|| at(60)),
        responses: responses.iter().map(|&(helper, status)| response(helper, status)).collect(),
        ..emergency()
    }
}

/// The same, resolved by its owner.
pub(crate) fn resolved(mut emergency: Emergency) -> Emergency {
    emergency.resolve(id(OWNER), allynet_domain::Relation::Owner, None, at(10)).unwrap();
    emergency
}

/// A message in [`emergency`].
pub(crate) fn message(from: Sender, to: To) -> Message {
    Message {
        id: id(300),
        emergency: id(EMERGENCY),
        owner: id(OWNER),
        anonymous: false,
        from,
        to,
        text: text("The door is open"),
        created_at: at(5),
    }
}

pub(crate) fn from_owner(to: To) -> Message {
    message(Sender::Owner(account(OWNER).person()), to)
}

pub(crate) fn from_helper(n: u128, to: To) -> Message {
    message(Sender::Helper(helper(n).person()), to)
}

pub(crate) fn recipient(n: u128, metres: f64) -> Recipient {
    Recipient { helper: id(n), distance: Metres::new(metres) }
}

/// One of every variant, in the order of declaration.
pub(crate) fn every_event() -> Vec<Event> {
    let alerted: Vec<UserId> = vec![id(GRACE), id(ALAN)];
    vec![
        Event::EmergencyCreated { call: call(), nearby_helpers: 2 },
        Event::HelpersAlerted {
            call: call(),
            status: EmergencyStatus::Active,
            wave: 1,
            radius: Metres::new(5_000.0),
            recipients: vec![recipient(GRACE, 10.5), recipient(ALAN, 20.0)],
        },
        Event::AlertDeclined { helper: id(ALAN) },
        Event::AlertAcknowledged { helper: id(GRACE) },
        Event::Unanswered { owner: id(OWNER), alerted: 2 },
        Event::HelperJoined { helper: card(GRACE), joined_at: at(1), estimated_arrival: Some(at(60)) },
        Event::HelperStatusUpdated {
            helper: id(GRACE),
            status: ResponseStatus::OnWay,
            notes: Some(text("By bike")),
            estimated_arrival: Some(at(60)),
            updated_at: at(2),
        },
        Event::StatusChanged { status: EmergencyStatus::Responding, updated_at: at(1) },
        Event::EmergencyResolved {
            at: at(10),
            by: Some(id(OWNER)),
            resolution: ResolutionType::UserResolved,
            notes: Some(text("All well")),
        },
        Event::EmergencyCancelled { at: at(10), reason: Some(text("By mistake")), alerted: alerted.clone() },
        Event::EmergencyEnded {
            status: EmergencyStatus::Resolved,
            at: at(10),
            alerted,
            participants: vec![id(OWNER), id(GRACE)],
        },
        Event::MessagePosted { message: from_owner(To::Everyone) },
        Event::MessageDeleted { message: id(300), readers: Some(vec![id(OWNER), id(GRACE)]) },
        Event::HelperRightsChanged { user: id(GRACE), on_duty: true, may_help: true },
        Event::SessionsRevoked { user: id(GRACE), only: Some(id(400)), except: None },
        Event::AccountBlocked { user: id(GRACE) },
    ]
}
