//! Which positions are recorded as signs, and when, over mocked ports.

use allynet_domain::{
    Event, EventId, LoggedEvent, Position, ResponseStatus,
    port::{Loaded, MockChanges, MockEmergencies, MockHelpers, MockIds},
    testing::{self, EMERGENCY, GRACE_HOPPER, at, id, with_responses},
    usecase::Rules,
};
use chrono::TimeDelta;
use tokio::sync::mpsc;

use super::*;

/// A position so many metres north of the emergency, as the service knows it.
fn fix(second: i64, metres: f64) -> Fix {
    let place = testing::call().details.location.position;
    let position = Position::new(place.latitude() + metres / 111_300.0, place.longitude()).unwrap();
    Fix { user: id(GRACE_HOPPER), position, at: at(second) }
}

/// A running recorder on a node that knows an emergency to which a helper responds, and the commits.
fn running() -> (SignRecorder, mpsc::UnboundedReceiver<()>) {
    let emergency = || with_responses(&[(GRACE_HOPPER, ResponseStatus::OnWay)]);
    let mut emergencies = MockEmergencies::new();
    emergencies.expect_load().returning(move |_, _| {
        Ok(Some(Loaded {
            emergency: emergency(),
            alerts: vec![],
            near: vec![],
            hidden_from: vec![],
            rings: vec![],
            skipped: vec![],
            census: vec![],
        }))
    });
    let (sender, commits) = mpsc::unbounded_channel();
    let mut changes = MockChanges::new();
    changes.expect_commit().returning(move |_| {
        sender.send(()).unwrap();
        Ok(())
    });
    let ports = EmergencyPorts {
        access_log: testing::no_access_log(),
        resources: testing::no_resources(),
        emergencies: Arc::new(emergencies),
        helpers: Arc::new(MockHelpers::new()),
        changes: Arc::new(changes),
        clock: testing::clock(),
        ids: Arc::new(MockIds::new()),
        queue: testing::no_queue(),
        backoff: testing::no_backoff(),
        rules: Rules::default(),
    };
    let open = Arc::new(OpenEmergencies::default());
    open.restore(&emergency());
    let recorder = SignRecorder::new(open, StallTiming::default());
    let started = recorder.clone();
    tokio::spawn(async move { started.run(&ports).await });
    (recorder, commits)
}

/// Lets the recorder work for this long.
async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn of_a_helper_who_moves_all_the_time_a_sign_is_recorded_every_now_and_then() {
    let (recorder, mut commits) = running();
    recorder.position_stored(&fix(10, 900.0));
    pass(1).await;
    assert!(commits.try_recv().is_err(), "one position shows no movement");
    for second in 1..=10 {
        recorder.position_stored(&fix(10 + second, 900.0 - 30.0 * f64::from(u16::try_from(second).unwrap())));
    }
    pass(1).await;
    commits.recv().await.unwrap();
    recorder.position_stored(&fix(25, 500.0));
    pass(25).await;
    assert!(commits.try_recv().is_err(), "too soon");
    pass(10).await;
    commits.recv().await.unwrap();
    pass(600).await;
    assert!(commits.try_recv().is_err(), "recorded");
}

#[tokio::test(start_paused = true)]
async fn the_sign_of_a_helper_who_was_asked_is_recorded_at_once() {
    let (recorder, mut commits) = running();
    recorder.position_stored(&fix(10, 900.0));
    recorder.position_stored(&fix(11, 870.0));
    commits.recv().await.unwrap();
    let asked = Event::ResponseChecked { helper: id(GRACE_HOPPER), until: at(12) + TimeDelta::seconds(45) };
    let emergency = Some(id(EMERGENCY));
    recorder.shared.open.apply(&LoggedEvent { id: EventId::new(7), at: at(12), emergency, actor: None, event: asked });
    recorder.position_stored(&fix(13, 840.0));
    pass(1).await;
    assert!(commits.try_recv().is_ok());
    recorder.position_stored(&fix(14, 810.0));
    pass(1).await;
    assert!(commits.try_recv().is_err(), "it was answered");
}
