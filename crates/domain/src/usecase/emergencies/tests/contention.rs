//! Tests of the queue and the back-off for concurrent changes.

use std::sync::{Arc, Mutex};

use super::{super::*, context, holding, the_emergency};
use crate::{
    port::{MockBackoff, MockEmergencyQueue},
    testing::{GRACE_HOPPER, active_emergency, grace_hopper, owner, store, with_responses},
    usecase::responses,
};

/// The calls of the queue and the back-off, in order.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<String>>>);

impl Calls {
    fn add(&self, call: String) {
        self.0.lock().unwrap().push(call);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// The ports over a store that rejects this many commits as stale.
fn contended(emergency: &Emergency, stale: usize) -> (EmergencyPorts, Calls) {
    let (changes, _) = store(super::stale(stale));
    let (calls, mut queue, mut backoff) = (Calls::default(), MockEmergencyQueue::new(), MockBackoff::new());
    let (entered, paused) = (calls.clone(), calls.clone());
    queue.expect_enter().returning(move |emergency, urgency| {
        assert_eq!(emergency, the_emergency());
        entered.add(format!("enter {urgency:?}"));
        Box::new(())
    });
    backoff.expect_pause().returning(move |failed| paused.add(format!("pause {failed}")));
    let cx = context(holding(emergency, &[]), changes);
    (EmergencyPorts { queue: Arc::new(queue), backoff: Arc::new(backoff), ..cx }, calls)
}

#[tokio::test]
async fn a_response_waits_for_its_turn_and_comes_next_after_a_conflict() {
    for (stale, expected) in
        [(0, &["enter Normal"][..]), (2, &["enter Normal", "pause 1", "enter Urgent", "pause 2", "enter Urgent"])]
    {
        let (cx, calls) = contended(&active_emergency(), stale);
        responses::accept(&cx, &grace_hopper(), the_emergency(), None).await.unwrap();
        assert_eq!(calls.take(), expected);
    }
}

#[tokio::test]
async fn ending_waits_for_a_turn_only_after_a_conflict_and_before_other_changes() {
    let responding = with_responses(&[(GRACE_HOPPER, crate::ResponseStatus::OnWay)]);
    for (stale, expected) in [
        (0, &[][..]),
        (1, &["pause 1", "enter Urgent"][..]),
        (2, &["pause 1", "enter Urgent", "pause 2", "enter Urgent"][..]),
    ] {
        let (cx, calls) = contended(&responding, stale);
        resolve(&cx, &owner(), the_emergency(), None).await.unwrap();
        assert_eq!(calls.take(), expected);
        let (cx, calls) = contended(&responding, stale);
        cancel(&cx, &owner(), the_emergency(), None).await.unwrap();
        assert_eq!(calls.take(), expected);
    }
}
