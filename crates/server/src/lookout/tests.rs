//! Who is looked at, and what for, with ports that count what they are asked.

use allynet_domain::{
    AlertCounts, Call, Details, Emergency, EmergencyStatus, EmergencyType, Event, EventId, Location, LoggedEvent,
    Metres, Name, Person, Priority, Recipient, Revision, Timestamp, Write,
    port::{Loaded, MockAccounts, MockChanges, MockClock, MockEmergencies, MockHelpers, MockIds, MockPositions},
    usecase::Rules,
};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::*;

const OWNER: u128 = 1;
const HELPER: u128 = 2;

fn id<I: From<Uuid>>(n: u128) -> I {
    Uuid::from_u128(n).into()
}

/// So many metres, roughly, north of the emergency.
fn at(metres: f64) -> Position {
    Position::new(metres / 111_000.0, 0.0).unwrap()
}

fn fix(metres: f64) -> Fix {
    Fix { user: id(HELPER), position: at(metres), at: Timestamp::UNIX_EPOCH }
}

fn person(n: u128) -> Person {
    Person { id: id(n), first_name: Name::parse("Somebody").unwrap(), last_name: None }
}

fn emergency() -> Emergency {
    let location = Location { position: at(0.0), address: None, description: None };
    let details = Details {
        kind: EmergencyType::Other,
        category: None,
        description: None,
        location,
        priority: Priority::High,
        severity: 5,
        silent: false,
        anonymous: false,
    };
    Emergency {
        call: Call { id: id(7), owner: person(OWNER), details, created_at: Timestamp::UNIX_EPOCH },
        request_id: None,
        status: EmergencyStatus::Active,
        alert_radius: Metres::new(1_000.0),
        updated_at: Timestamp::UNIX_EPOCH,
        first_response_at: None,
        ending: None,
        responses: Vec::new(),
        alerts: AlertCounts::default(),
        next_alert_at: None,
        revision: Revision(1),
    }
}

fn wave() -> LoggedEvent {
    let Emergency { call, status, alert_radius: radius, .. } = emergency();
    let event = Event::HelpersAlerted { call, status, wave: 1, radius, recipients: Vec::new() };
    let emergency = Some(id(7));
    LoggedEvent { id: EventId::new(1), at: Timestamp::UNIX_EPOCH, emergency, actor: None, event }
}

/// A lookout that has begun, and whom it alerts. Where the helper is last known to be is `last`; the emergency
/// cannot be loaded the first `failures` times.
fn lookout(live: Vec<Emergency>, last: Position, failures: usize) -> (Lookout, mpsc::UnboundedReceiver<UserId>) {
    let (alerted, alerts) = mpsc::unbounded_channel();
    let mut clock = MockClock::new();
    clock.expect_now().return_const(Timestamp::UNIX_EPOCH);
    let clock = Arc::new(clock);
    let mut stored = MockEmergencies::new();
    stored.expect_list().times(1).return_once(move |_| Ok(live));
    stored.expect_load().times(failures).returning(|_, _| Err(port::Error::unavailable("the test says so")));
    stored.expect_load().returning(|_, _| {
        let near = vec![Recipient { helper: id(HELPER), distance: Metres::new(1.0) }];
        Ok(Some(Loaded { emergency: emergency(), alerts: Vec::new(), near }))
    });
    let mut changes = MockChanges::new();
    changes.expect_commit().returning(move |change| {
        for write in change.writes {
            if let Write::SendAlerts { recipients, .. } = write {
                for recipient in recipients {
                    alerted.send(recipient.helper).unwrap();
                }
            }
        }
        Ok(())
    });
    let changes = Arc::new(changes);
    let mut positions = MockPositions::new();
    positions.expect_last().returning(move |user| Ok(Some(Fix { user, position: last, at: Timestamp::UNIX_EPOCH })));
    let emergencies = emergencies::EmergencyPorts {
        emergencies: Arc::new(stored),
        helpers: Arc::new(MockHelpers::new()),
        changes: changes.clone(),
        clock: clock.clone(),
        ids: Arc::new(MockIds::new()),
        rules: Rules::default(),
    };
    let (accounts, positions) = (Arc::new(MockAccounts::new()), Arc::new(positions));
    let lookout = Lookout::new(Arc::default(), clock.clone());
    let helpers = helpers::HelperPorts { accounts, changes, positions, clock, rules: Rules::default() };
    let running = lookout.clone();
    tokio::spawn(async move { running.run(&emergencies, &helpers).await });
    (lookout, alerts)
}

#[tokio::test(start_paused = true)]
async fn who_came_before_all_emergencies_were_known_is_looked_at_then() {
    let (lookout, mut alerts) = lookout(vec![emergency()], at(0.0), 0);
    lookout.moved(&fix(900.0));
    assert_eq!(alerts.recv().await, Some(id(HELPER)));
}

#[tokio::test(start_paused = true)]
async fn who_appears_or_comes_near_is_alerted_once_and_others_are_not() {
    let (lookout, mut alerts) = lookout(vec![emergency()], at(500.0), 0);
    tokio::time::sleep(LAG).await;
    lookout.moved(&fix(1_100.0));
    tokio::time::sleep(LAG * 3).await;
    assert!(alerts.try_recv().is_err());
    lookout.appeared(id(HELPER));
    assert_eq!(alerts.recv().await, Some(id(HELPER)));
    lookout.moved(&fix(400.0));
    lookout.appeared(id(HELPER));
    tokio::time::sleep(LAG * 3).await;
    assert!(alerts.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn who_came_in_the_moment_in_which_it_was_raised_is_found_by_the_second_look() {
    let (lookout, mut alerts) = lookout(Vec::new(), at(300.0), 0);
    tokio::time::sleep(LAG / 2).await;
    lookout.moved(&fix(300.0));
    tokio::time::sleep(LAG / 4).await;
    lookout.shared.unanswered.observe(&wave());
    assert_eq!(alerts.recv().await, Some(id(HELPER)));
}

#[tokio::test(start_paused = true)]
async fn who_could_not_be_looked_at_is_looked_at_again() {
    let (lookout, mut alerts) = lookout(vec![emergency()], at(0.0), 3);
    tokio::time::sleep(LAG).await;
    lookout.moved(&fix(900.0));
    assert_eq!(alerts.recv().await, Some(id(HELPER)));
}

#[tokio::test(start_paused = true)]
async fn who_was_counted_when_it_was_raised_is_not_alerted_for_moving_about() {
    let (lookout, mut alerts) = lookout(Vec::new(), at(300.0), 0);
    tokio::time::sleep(LAG / 2).await;
    lookout.moved(&fix(300.0));
    tokio::time::sleep(LAG * 3).await;
    lookout.shared.unanswered.observe(&wave());
    for metres in [310.0, 290.0, 900.0] {
        lookout.moved(&fix(metres));
        tokio::time::sleep(LAG * 3).await;
        assert!(alerts.try_recv().is_err(), "{metres}");
    }
    lookout.moved(&fix(1_100.0));
    lookout.moved(&fix(900.0));
    assert_eq!(alerts.recv().await, Some(id(HELPER)), "who went away and comes back");
}

#[test]
fn places_of_those_who_are_silent_are_forgotten() {
    let mut places = Places::default();
    let at_hour = |hours| Timestamp::UNIX_EPOCH + TimeDelta::hours(hours);
    assert_eq!(places.moved(id(1), at(1.0), at_hour(0)), None);
    assert_eq!(places.moved(id(1), at(2.0), at_hour(0)), Some(at(1.0)));
    assert_eq!(places.moved(id(1), at(3.0), at_hour(2)), None, "too long ago");
    for n in 0..10 * PURGE_MIN as u128 {
        places.moved(id(1_000 + n), at(0.0), at_hour(i64::try_from(n).unwrap()));
    }
    assert!(places.last.len() <= PURGE_MIN, "{}", places.last.len());
}
