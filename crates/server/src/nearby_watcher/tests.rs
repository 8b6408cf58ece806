//! Which helpers are alerted, over mocked ports and a clock that the test moves.

use std::sync::atomic::{AtomicUsize, Ordering};

use allynet_domain::{
    Call, Details, Emergency, EmergencyStatus, Event, EventId, Location, LoggedEvent, Metres, Movement, Name, Person,
    Recipient, Timestamp, Write,
    port::{
        ListedEmergency, Loaded, MockAccounts, MockChanges, MockClock, MockEmergencies, MockHelpers, MockIds,
        MockPositions,
    },
    testing,
    usecase::Rules,
};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::*;
use crate::bootstrap::restore_open_emergencies;

const OWNER: u128 = 1;
const HELPER: u128 = 2;

fn id<I: From<Uuid>>(n: u128) -> I {
    Uuid::from_u128(n).into()
}

/// The position so many metres, roughly, north of the emergency.
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
    let details = Details { location, ..testing::details() };
    let call = Call {
        id: id(7),
        owner: person(OWNER),
        details,
        created_at: Timestamp::UNIX_EPOCH,
        movement: Movement::default(),
    };
    testing::edited(testing::raised(call), |e| {
        e.alert_radius = Metres::new(1_000.0);
        // The search runs.
        e.next_alert_at = Some(Timestamp::UNIX_EPOCH);
    })
}

fn wave() -> LoggedEvent {
    let emergency = emergency();
    let (call, status, radius) = (emergency.call().clone(), emergency.status(), emergency.alert_radius());
    let event = Event::HelpersAlerted { call, status, wave: 1, radius, recipients: Vec::new(), decision: None };
    let emergency = Some(id(7));
    LoggedEvent { id: EventId::new(1), at: Timestamp::UNIX_EPOCH, emergency, actor: None, event }
}

/// A running watcher.
struct Scene {
    watcher: NearbyWatcher,
    open: Arc<OpenEmergencies>,
    /// Helpers who were alerted, in order.
    alerted: mpsc::UnboundedReceiver<UserId>,
    /// How often the stored position was read.
    positions_read: Arc<AtomicUsize>,
}

impl Scene {
    /// A watcher on a node that restores these emergencies. The stored position of the helper is `last`; the emergency
    /// cannot be loaded the first `failures` times.
    fn new(stored: Vec<Emergency>, last: Fix, failures: usize) -> Self {
        let mut emergencies = MockEmergencies::new();
        let listed = stored.into_iter().map(|emergency| ListedEmergency { emergency, repeats: 0 }).collect();
        emergencies.expect_list().times(1).return_once(move |_| Ok(listed));
        emergencies.expect_load().times(failures).returning(|_, _| Err(port::Error::unavailable("the test says so")));
        emergencies.expect_load().returning(|_, _| {
            let near = vec![Recipient::new(id(HELPER), Metres::new(1.0))];
            let emergency = emergency();
            Ok(Some(Loaded {
                emergency,
                alerts: Vec::new(),
                near,
                hidden_from: vec![],
                rings: vec![],
                skipped: vec![],
                census: Vec::new(),
            }))
        });
        let (changes, alerted) = changes();
        let (positions, positions_read) = positions(last);
        let clock = clock();
        let emergencies = emergencies::EmergencyPorts {
            access_log: testing::no_access_log(),
            emergencies: Arc::new(emergencies),
            helpers: Arc::new(MockHelpers::new()),
            resources: testing::no_resources(),
            changes: changes.clone(),
            clock: clock.clone(),
            ids: Arc::new(MockIds::new()),
            queue: testing::no_queue(),
            backoff: testing::no_backoff(),
            rules: Rules::default(),
        };
        let accounts = Arc::new(MockAccounts::new());
        let (clock_of_helpers, backoff) = (clock.clone(), testing::no_backoff());
        let helpers = helpers::HelperPorts {
            accounts,
            changes,
            positions,
            clock: clock_of_helpers,
            backoff,
            rules: Rules::default(),
        };
        let open = Arc::new(OpenEmergencies::default());
        let watcher = NearbyWatcher::new(open.clone(), clock);
        let (running, restored) = (watcher.clone(), open.clone());
        tokio::spawn(async move {
            restore_open_emergencies(&*emergencies.emergencies, &restored).await;
            running.run(&emergencies, &helpers).await;
        });
        Self { watcher, open, alerted, positions_read }
    }

    /// Whether no helper was alerted in the last three seconds.
    async fn is_quiet(&mut self) -> bool {
        tokio::time::sleep(MAX_LOG_DELAY * 3).await;
        self.alerted.try_recv().is_err()
    }
}

fn clock() -> Arc<MockClock> {
    let mut clock = MockClock::new();
    clock.expect_now().return_const(Timestamp::UNIX_EPOCH);
    Arc::new(clock)
}

/// A store, and the helpers to whom alerts are committed.
fn changes() -> (Arc<MockChanges>, mpsc::UnboundedReceiver<UserId>) {
    let (sender, alerted) = mpsc::unbounded_channel();
    let mut changes = MockChanges::new();
    changes.expect_commit().returning(move |change| {
        for write in change.writes {
            if let Write::SendAlerts { recipients, .. } = write {
                for recipient in recipients {
                    sender.send(recipient.helper).unwrap();
                }
            }
        }
        Ok(())
    });
    (Arc::new(changes), alerted)
}

fn positions(last: Fix) -> (Arc<MockPositions>, Arc<AtomicUsize>) {
    let read = Arc::new(AtomicUsize::new(0));
    let mut positions = MockPositions::new();
    let counter = read.clone();
    positions.expect_last().returning(move |user| {
        counter.fetch_add(1, Ordering::Relaxed);
        Ok(Some(last).filter(|fix| fix.user == user))
    });
    (Arc::new(positions), read)
}

#[tokio::test(start_paused = true)]
async fn a_helper_who_comes_before_all_emergencies_are_known_is_looked_at_then() {
    let mut scene = Scene::new(vec![emergency()], fix(0.0), 0);
    scene.watcher.position_stored(&fix(900.0));
    assert_eq!(scene.alerted.recv().await, Some(id(HELPER)));
}

#[tokio::test(start_paused = true)]
async fn a_helper_who_connects_or_comes_near_is_alerted_once() {
    let mut scene = Scene::new(vec![emergency()], fix(500.0), 0);
    tokio::time::sleep(MAX_LOG_DELAY).await;
    scene.watcher.position_stored(&fix(1_100.0));
    assert!(scene.is_quiet().await, "outside the radius");
    scene.watcher.user_arrived(id(HELPER));
    assert_eq!(scene.alerted.recv().await, Some(id(HELPER)));
    scene.watcher.position_stored(&fix(400.0));
    scene.watcher.user_arrived(id(HELPER));
    assert!(scene.is_quiet().await);
}

#[tokio::test(start_paused = true)]
async fn a_helper_who_is_available_again_is_alerted_once_more() {
    let mut scene = Scene::new(vec![emergency()], fix(500.0), 0);
    tokio::time::sleep(MAX_LOG_DELAY).await;
    scene.watcher.user_arrived(id(HELPER));
    assert_eq!(scene.alerted.recv().await, Some(id(HELPER)));
    let over = Event::EmergencyEnded {
        status: EmergencyStatus::Cancelled,
        at: Timestamp::UNIX_EPOCH,
        alerted: vec![],
        participants: vec![id(HELPER)],
        hidden_from: vec![],
        announced: true,
        critical: false,
    };
    scene.open.apply(&LoggedEvent { emergency: Some(id(8)), event: over, ..wave() });
    scene.watcher.user_arrived(id(HELPER));
    assert_eq!(scene.alerted.recv().await, Some(id(HELPER)));
}

#[tokio::test(start_paused = true)]
async fn a_helper_who_comes_in_the_moment_of_the_call_is_found_by_the_second_look() {
    let mut scene = Scene::new(Vec::new(), fix(300.0), 0);
    tokio::time::sleep(MAX_LOG_DELAY / 2).await;
    scene.watcher.position_stored(&fix(300.0));
    tokio::time::sleep(MAX_LOG_DELAY / 4).await;
    scene.open.apply(&wave());
    assert_eq!(scene.alerted.recv().await, Some(id(HELPER)));
}

#[tokio::test(start_paused = true)]
async fn a_failed_look_is_repeated() {
    let mut scene = Scene::new(vec![emergency()], fix(0.0), 3);
    tokio::time::sleep(MAX_LOG_DELAY).await;
    scene.watcher.position_stored(&fix(900.0));
    assert_eq!(scene.alerted.recv().await, Some(id(HELPER)));
}

#[tokio::test(start_paused = true)]
async fn a_helper_who_was_counted_at_the_call_is_not_alerted_for_moving_about() {
    let mut scene = Scene::new(Vec::new(), fix(300.0), 0);
    tokio::time::sleep(MAX_LOG_DELAY / 2).await;
    scene.watcher.position_stored(&fix(300.0));
    tokio::time::sleep(MAX_LOG_DELAY * 3).await;
    scene.open.apply(&wave());
    for metres in [310.0, 290.0, 900.0] {
        scene.watcher.position_stored(&fix(metres));
        assert!(scene.is_quiet().await, "{metres}");
    }
    scene.watcher.position_stored(&fix(1_100.0));
    scene.watcher.position_stored(&fix(900.0));
    assert_eq!(scene.alerted.recv().await, Some(id(HELPER)), "away and back");
}

#[tokio::test(start_paused = true)]
async fn a_helper_who_connects_is_taken_to_be_at_their_last_position_if_it_is_fresh() {
    let day = TimeDelta::hours(24);
    for (metres, age, is_alerted) in [
        (900.0, TimeDelta::zero(), true),
        (900.0, day, true),
        (900.0, day + TimeDelta::microseconds(1), false),
        (1_100.0, TimeDelta::zero(), false),
    ] {
        let last = Fix { at: Timestamp::UNIX_EPOCH - age, ..fix(metres) };
        let mut scene = Scene::new(vec![emergency()], last, 0);
        tokio::time::sleep(MAX_LOG_DELAY).await;
        scene.watcher.user_arrived(id(HELPER));
        assert_eq!(scene.is_quiet().await, !is_alerted, "{metres} m, {age} ago");
        assert_eq!(scene.positions_read.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn no_port_is_asked_without_an_unanswered_emergency() {
    let mut scene = Scene::new(Vec::new(), fix(0.0), 0);
    scene.watcher.user_arrived(id(HELPER));
    assert!(scene.is_quiet().await, "queued before it was known that there is none");
    scene.watcher.user_arrived(id(HELPER));
    scene.watcher.position_stored(&fix(0.0));
    assert!(scene.is_quiet().await);
    assert_eq!(scene.positions_read.load(Ordering::Relaxed), 0);
}
