//! The queue, without requests: permits are taken and left.

use futures_util::FutureExt as _;

use super::*;

const NO_WAIT: Duration = Duration::ZERO;
const LONG: Duration = Duration::from_mins(1);

async fn fill(queue: &HostQueue, host: &str) -> Vec<HostPermit> {
    let mut permits = Vec::new();
    while let Some(permit) = queue.enter(host, NO_WAIT).await {
        permits.push(permit);
    }
    permits
}

async fn prove(queue: &HostQueue, host: &str) {
    queue.enter(host, NO_WAIT).await.unwrap().leave(HostAnswer::Accepted);
}

#[tokio::test(start_paused = true)]
async fn a_host_has_eight_requests_in_flight_at_most() {
    let queue = HostQueue::default();
    let permits = fill(&queue, "a").await;
    assert_eq!(permits.len(), 8);
    assert!(queue.enter("b", NO_WAIT).await.is_some());
    drop(permits);
    assert_eq!(fill(&queue, "a").await.len(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_timed_out_three_times_in_a_row_is_asked_one_at_a_time() {
    let queue = HostQueue::default();
    for (answers, expected) in [
        (&[HostAnswer::Timeout; 2][..], 8),
        (&[HostAnswer::Timeout], 1),
        (&[HostAnswer::Timeout], 1),
        (&[HostAnswer::Other, HostAnswer::Timeout, HostAnswer::Timeout], 8),
        (&[HostAnswer::Timeout], 1),
        (&[HostAnswer::Accepted], 8),
    ] {
        for answer in answers {
            queue.enter("a", NO_WAIT).await.unwrap().leave(*answer);
        }
        assert_eq!(fill(&queue, "a").await.len(), expected, "{answers:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn hosts_take_turns_however_many_requests_wait_for_one() {
    let queue = HostQueue::default();
    let mut permits = Vec::new();
    for host in ["a", "b", "c", "d"] {
        permits.extend(fill(&queue, host).await);
    }
    assert_eq!(permits.len(), 32, "unproven hosts have half of the permits");
    // A hundred requests wait for one host, then one for another.
    let crowd: Vec<_> = (0..100).map(|_| Box::pin(queue.enter("crowd", LONG))).collect();
    let mut crowd: Vec<_> =
        crowd.into_iter().filter_map(|mut wait| wait.as_mut().now_or_never().is_none().then_some(wait)).collect();
    assert_eq!(crowd.len(), 100);
    let mut single = Box::pin(queue.enter("single", LONG));
    assert!(single.as_mut().now_or_never().is_none());
    permits.pop();
    permits.pop();
    let single = single.now_or_never().flatten();
    assert!(single.is_some(), "the second permit that is free is that of the other host");
    let crowd: Vec<_> = crowd.iter_mut().filter_map(|wait| wait.as_mut().now_or_never()).collect();
    assert_eq!(crowd.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn hosts_that_never_accepted_a_push_leave_places_to_those_that_did() {
    let queue = HostQueue::default();
    prove(&queue, "proven").await;
    let mut permits = Vec::new();
    for host in 0..100 {
        permits.extend(fill(&queue, &format!("unproven-{host}")).await);
    }
    assert_eq!(permits.len(), MAX_IN_FLIGHT_UNPROVEN);
    assert_eq!(fill(&queue, "proven").await.len(), 8);
    // A host that stops to answer is no longer proven.
    for _ in 0..3 {
        queue.enter("proven", NO_WAIT).await.unwrap().leave(HostAnswer::Timeout);
    }
    assert!(queue.enter("proven", NO_WAIT).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_maximum_is_in_flight_altogether() {
    let queue = HostQueue::default();
    let mut permits = Vec::new();
    for host in 0..20 {
        prove(&queue, &format!("host-{host}")).await;
    }
    for host in 0..20 {
        permits.extend(fill(&queue, &format!("host-{host}")).await);
    }
    assert_eq!(permits.len(), MAX_IN_FLIGHT);
    drop(permits);
    let state = queue.0.lock();
    assert_eq!((state.in_flight, state.in_flight_unproven, state.waiting), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_stops_to_wait_leaves_no_place_taken() {
    let queue = HostQueue::default();
    let mut permits = fill(&queue, "a").await;
    let mut granted = Box::pin(queue.enter("a", LONG));
    let mut waiting = Box::pin(queue.enter("a", LONG));
    assert!(granted.as_mut().now_or_never().is_none() && waiting.as_mut().now_or_never().is_none());
    // Granted, and dropped before it was polled again; the other is dropped while it waits.
    permits.pop();
    drop(waiting);
    drop(granted);
    assert_eq!(fill(&queue, "a").await.len(), 1);
    drop(permits);
    assert_eq!(fill(&queue, "a").await.len(), 8);
}

#[tokio::test(start_paused = true)]
async fn the_wait_ends_after_its_maximum_and_the_queue_is_bounded() {
    let queue = HostQueue::default();
    let mut permits = Vec::new();
    let mut waiting = Vec::new();
    for host in ["a", "b", "c", "d"] {
        permits.extend(fill(&queue, host).await);
        assert!(queue.enter(host, Duration::from_secs(4)).await.is_none());
        for _ in 0..MAX_WAITING_PER_HOST {
            let mut wait = Box::pin(queue.enter(host, LONG));
            assert!(wait.as_mut().now_or_never().is_none());
            waiting.push(wait);
        }
        assert!(queue.enter(host, LONG).now_or_never().is_some_and(|permit| permit.is_none()), "too many for one host");
    }
    assert!(queue.enter("e", LONG).now_or_never().is_some_and(|permit| permit.is_none()), "too many altogether");
    drop(waiting);
    assert_eq!(queue.0.lock().waiting, 0);
    drop(permits);
    assert!(queue.enter("e", NO_WAIT).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn the_history_of_hosts_is_bounded() {
    let queue = HostQueue::default();
    for host in 0..5 * MAX_IDLE_HOSTS {
        prove(&queue, &host.to_string()).await;
    }
    assert!(queue.0.lock().hosts.len() <= 2 * MAX_IDLE_HOSTS + 1);
}
