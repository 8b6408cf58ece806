//! Which places are moved, over mocked ports.

use std::time::Duration;

use allynet_domain::{
    Emergency, Movement, Position, SessionFix, Timestamp, Write,
    port::{self, Fix, Loaded, MockChanges, MockClock, MockEmergencies, MockHelpers, MockIds, Report},
    testing::{self, OWNER, active_emergency, at, edited, id},
    usecase::Rules,
};
use allynet_projections::OpenEmergencies;
use chrono::TimeDelta;
use tokio::{sync::mpsc, time::Instant};

use super::*;

const PHONE: u128 = 400;

fn north(metres: f64) -> Position {
    Position::new(52.5 + metres / 111_267.0, 13.4).unwrap()
}

fn following() -> Emergency {
    edited(active_emergency(), |e| {
        let followed = Some(SessionFix { session: id(PHONE), position: north(0.0), at: at(0) });
        e.call.movement = Movement { followed, ..Movement::default() };
    })
}

/// The same of another owner.
fn of_another() -> Emergency {
    edited(following(), |e| (e.call.id, e.call.owner.id) = (id(500), id(501)))
}

/// The time of the runtime, from `at(60)` on.
fn clock() -> Arc<dyn port::Clock> {
    let (begun, mut clock) = (Instant::now(), MockClock::new());
    clock.expect_now().returning(move || at(60) + TimeDelta::from_std(begun.elapsed()).unwrap());
    Arc::new(clock)
}

/// A running mover on a node that knows the emergency, which cannot be loaded the first `failures` times, and moved last at
/// `moved_at`; and where it moves the place.
fn running(failures: usize, moved_at: Option<Timestamp>) -> (Arc<OwnerTracking>, mpsc::UnboundedReceiver<Position>) {
    let mut emergencies = MockEmergencies::new();
    emergencies.expect_load().times(failures).returning(|_, _| Err(port::Error::unavailable("the test says so")));
    let stored = edited(following(), |e| e.call.movement.moved_at = moved_at);
    emergencies.expect_load().returning(move |wanted, _| {
        let (alerts, near, hidden_from, rings) = (vec![], vec![], vec![], vec![]);
        let emergency = if wanted == stored.id() { stored.clone() } else { of_another() };
        let (skipped, census) = (vec![], vec![]);
        Ok(Some(Loaded { emergency, alerts, near, hidden_from, rings, skipped, census }))
    });
    let (sender, moves) = mpsc::unbounded_channel();
    let mut changes = MockChanges::new();
    changes.expect_commit().returning(move |change| {
        for write in &change.writes {
            if let Write::MovePlace { location, .. } = write {
                sender.send(location.position).unwrap();
            }
        }
        Ok(())
    });
    let ports = EmergencyPorts {
        access_log: testing::no_access_log(),
        emergencies: Arc::new(emergencies),
        helpers: Arc::new(MockHelpers::new()),
        resources: testing::no_resources(),
        changes: Arc::new(changes),
        clock: clock(),
        ids: Arc::new(MockIds::new()),
        queue: testing::no_queue(),
        backoff: testing::no_backoff(),
        rules: Rules::default(),
    };
    let open = Arc::new(OpenEmergencies::default());
    // As this node knows it: it has not read of the last move.
    open.restore(&following());
    open.restore(&of_another());
    let owners = Arc::new(OwnerTracking::new(open, clock(), ports.rules.move_interval));
    let started = owners.clone();
    tokio::spawn(async move { run(started, &ports).await });
    (owners, moves)
}

fn report(metres: f64) -> Report {
    Report { session: Some(id(PHONE)), ..Fix { user: id(OWNER), position: north(metres), at: at(60) }.into() }
}

#[tokio::test(start_paused = true)]
async fn a_place_moves_to_where_its_owner_is() {
    let (owners, mut moves) = running(0, None);
    owners.position_stored(&report(90.0));
    tokio::time::sleep(RETRY_DELAY).await;
    assert!(moves.try_recv().is_err(), "too near");
    owners.position_stored(&report(130.0));
    assert_eq!(moves.recv().await, Some(north(130.0)));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_repeated() {
    let (owners, mut moves) = running(2, None);
    owners.position_stored(&report(130.0));
    assert_eq!(moves.recv().await, Some(north(130.0)));
}

#[tokio::test(start_paused = true)]
async fn a_place_that_another_node_has_moved_is_moved_after_the_interval() {
    let begun = Instant::now();
    let (owners, mut moves) = running(0, Some(at(50)));
    owners.position_stored(&report(130.0));
    assert_eq!(moves.recv().await, Some(north(130.0)));
    assert!(begun.elapsed() >= Duration::from_secs(50), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_place_that_cannot_be_moved_yet_delays_no_other() {
    let begun = Instant::now();
    let (owners, mut moves) = running(2, None);
    owners.position_stored(&report(130.0));
    owners.position_stored(&Report { fix: Fix { user: id(501), ..report(140.0).fix }, ..report(140.0) });
    let places = [moves.recv().await.unwrap(), moves.recv().await.unwrap()];
    assert!(places.contains(&north(130.0)) && places.contains(&north(140.0)), "{places:?}");
    assert!(begun.elapsed() < 2 * RETRY_DELAY, "{:?}", begun.elapsed());
}
