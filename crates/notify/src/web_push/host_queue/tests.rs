//! The queue, without requests: permits are taken and left.

use futures_util::{FutureExt as _, future::join_all};
use tokio::time::sleep;

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
    queue.enter("proven", NO_WAIT).await.unwrap().leave(HostAnswer::Timeout);
    assert!(queue.enter("proven", NO_WAIT).await.is_none());
}

/// Sends to a host all the time, as far as the queue allows it, and is answered after this time.
fn send_without_end(queue: &HostQueue, host: &str, time: Duration) -> [tokio::task::JoinHandle<()>; 8] {
    [(); 8].map(|()| {
        let (queue, host) = (queue.clone(), host.to_owned());
        tokio::spawn(async move {
            loop {
                if let Some(permit) = queue.enter(&host, LONG).await {
                    sleep(time).await;
                    permit.leave(HostAnswer::Accepted);
                }
            }
        })
    })
}

#[tokio::test(start_paused = true)]
async fn hosts_that_accept_pushes_slowly_leave_places_to_prompt_ones() {
    let queue = HostQueue::default();
    prove(&queue, "prompt").await;
    for host in 0..20 {
        prove(&queue, &format!("slow-{host}")).await;
    }
    for host in 0..20 {
        send_without_end(&queue, &format!("slow-{host}"), Duration::from_millis(4_900));
    }
    // Their first requests are all answered.
    sleep(Duration::from_secs(20)).await;
    let pushes = (0..50).map(|_| async {
        let permit = queue.enter("prompt", Duration::from_secs(4)).await;
        sleep(Duration::from_millis(200)).await;
        permit.map(|permit| permit.leave(HostAnswer::Accepted))
    });
    let sent = join_all(pushes).await;
    assert_eq!(sent.iter().flatten().count(), 50);
    // A slow host is not prompt again as soon as one answer was.
    assert_eq!(queue.0.lock().in_flight_unproven, MAX_IN_FLIGHT_UNPROVEN);
}

#[tokio::test(start_paused = true)]
async fn a_slow_host_is_proven_again_after_a_minute() {
    let queue = HostQueue::default();
    let is_proven = || queue.0.lock().hosts["a"].is_proven();
    let permit = queue.enter("a", NO_WAIT).await.unwrap();
    sleep(Duration::from_millis(1_001)).await;
    permit.leave(HostAnswer::Accepted);
    prove(&queue, "a").await;
    assert!(!is_proven());
    sleep(Duration::from_mins(1)).await;
    assert!(is_proven());
}

#[tokio::test(start_paused = true)]
async fn a_host_that_becomes_proven_while_it_waits_takes_the_permits_of_proven_ones() {
    let queue = HostQueue::default();
    let first = queue.enter("a", NO_WAIT).await.unwrap();
    let mut others = Vec::new();
    for host in 0..4 {
        others.extend(fill(&queue, &format!("unproven-{host}")).await);
    }
    // Another host comes first, and takes the place of the first request.
    let mut another = Box::pin(queue.enter("unproven-9", LONG));
    let mut waiting = Box::pin(queue.enter("a", LONG));
    assert!(another.as_mut().now_or_never().is_none() && waiting.as_mut().now_or_never().is_none());
    first.leave(HostAnswer::Accepted);
    assert!(waiting.now_or_never().flatten().is_some());
    assert!(another.now_or_never().flatten().is_some());
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
