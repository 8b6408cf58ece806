//! Which positions are recorded, over mocked ports.

use allynet_domain::{
    Emergency, Position, ResponseStatus,
    port::{self, Loaded, MockChanges, MockEmergencies, MockHelpers, MockIds},
    testing::{self, GRACE_HOPPER, at, id, with_responses},
    usecase::Rules,
};
use tokio::sync::mpsc;

use super::*;

fn emergency() -> Emergency {
    with_responses(&[(GRACE_HOPPER, ResponseStatus::OnWay)])
}

/// The position of the helper so many degrees north of the emergency.
fn fix(degrees: f64) -> Fix {
    let place = emergency().call().details.location.position;
    let position = Position::new(place.latitude() + degrees, place.longitude()).unwrap();
    Fix { user: id(GRACE_HOPPER), position, at: at(60) }
}

/// A running recorder on a node that knows the emergency, which cannot be loaded the first `failures` times; and the commits.
fn running(failures: usize) -> (ArrivalRecorder, mpsc::UnboundedReceiver<()>) {
    let mut emergencies = MockEmergencies::new();
    emergencies.expect_load().times(failures).returning(|_, _| Err(port::Error::unavailable("the test says so")));
    emergencies.expect_load().returning(|_, _| {
        let (alerts, near, hidden_from, rings) = (vec![], vec![], vec![], vec![]);
        Ok(Some(Loaded {
            emergency: emergency(),
            alerts,
            near,
            hidden_from,
            rings,
            skipped: vec![],
            census: Vec::new(),
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
        emergencies: Arc::new(emergencies),
        helpers: Arc::new(MockHelpers::new()),
        resources: testing::no_resources(),
        changes: Arc::new(changes),
        clock: testing::clock(),
        ids: Arc::new(MockIds::new()),
        queue: testing::no_queue(),
        backoff: testing::no_backoff(),
        rules: Rules::default(),
    };
    let open = Arc::new(OpenEmergencies::default());
    open.restore(&emergency());
    let recorder = ArrivalRecorder::new(open);
    let started = recorder.clone();
    tokio::spawn(async move { started.run(&ports).await });
    (recorder, commits)
}

#[tokio::test(start_paused = true)]
async fn a_helper_near_the_emergency_is_recorded_once() {
    let (recorder, mut commits) = running(0);
    recorder.position_stored(&fix(0.01));
    tokio::time::sleep(RETRY_DELAY).await;
    assert!(commits.try_recv().is_err(), "more than a kilometre away");
    for degrees in [0.004, 0.0, 0.003] {
        recorder.position_stored(&fix(degrees));
        tokio::time::sleep(RETRY_DELAY).await;
    }
    commits.recv().await.unwrap();
    assert!(commits.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_repeated_although_the_helper_has_left() {
    let (recorder, mut commits) = running(2);
    recorder.position_stored(&fix(0.0));
    recorder.position_stored(&fix(0.5));
    commits.recv().await.unwrap();
}
