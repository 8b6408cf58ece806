//! The order of a queue. Nothing here depends on time: a future is polled, and has its permit or not.

use std::pin::Pin;

use futures_util::FutureExt as _;

use super::*;

const BOUNDS: Bounds = Bounds {
    total: 6,
    normal: 4,
    high_per_caller: 2,
    normal_per_caller: 2,
    per_group: 3,
    waiting_per_caller: 5,
    waiting: usize::MAX,
};

type Turn = Pin<Box<dyn Future<Output = Result<Permit<u32>, Full>>>>;

fn ask(queue: &FairQueue<u32>, caller: u32, group: Option<u32>, priority: Priority) -> Turn {
    let (queue, source) = (queue.clone(), Source { caller, group });
    let mut turn: Turn = Box::pin(async move { queue.acquire(source, priority, Overflow::Queued).await });
    // Polled once, so that it is in the queue. A permit that is there at once stays in the future `Ready`.
    match turn.as_mut().now_or_never() {
        Some(permit) => Box::pin(std::future::ready(permit)),
        None => turn,
    }
}

fn normal(queue: &FairQueue<u32>, caller: u32) -> Turn {
    ask(queue, caller, None, Priority::Normal)
}

fn permit(turn: &mut Turn) -> Option<Permit<u32>> {
    turn.as_mut().now_or_never().map(Result::unwrap)
}

fn is_empty(queue: &FairQueue<u32>) -> bool {
    let state = queue.0.state.lock();
    let is_unused = |class: &Class<u32>| {
        (class.in_use, class.waiting) == (0, 0)
            && class.queues.is_empty()
            && class.ready.is_empty()
            && class.usage.is_empty()
    };
    state.classes.iter().all(is_unused)
}

#[test]
fn one_caller_has_a_bounded_share_and_its_requests_begin_in_order() {
    let queue = FairQueue::new("test", BOUNDS);
    let mut turns: Vec<_> = (0..600).map(|_| normal(&queue, 1)).collect();
    let mut running: VecDeque<_> = turns.iter_mut().filter_map(permit).collect();
    assert_eq!(running.len(), BOUNDS.normal_per_caller);
    for turn in &mut turns[2..] {
        drop(running.pop_front());
        running.push_back(permit(turn).unwrap());
    }
    drop((running, turns));
    assert!(is_empty(&queue));
}

#[test]
fn another_caller_begins_at_once_whatever_one_asks_for() {
    let queue = FairQueue::new("test", BOUNDS);
    let mut attack: Vec<_> = (0..600).map(|_| normal(&queue, 1)).collect();
    let _running: Vec<_> = attack.iter_mut().filter_map(permit).collect();
    assert!(permit(&mut normal(&queue, 2)).is_some());
}

#[test]
fn callers_are_served_in_turn_when_all_permits_are_used() {
    let queue = FairQueue::new("test", BOUNDS);
    let mut running: Vec<_> = [1, 1, 2, 2].into_iter().map(|c| permit(&mut normal(&queue, c)).unwrap()).collect();
    let mut heavy: Vec<_> = (0..100).map(|_| normal(&queue, 3)).collect();
    let mut light = normal(&queue, 4);
    drop(running.pop());
    let first = permit(&mut heavy[0]).unwrap();
    assert!(permit(&mut light).is_none());
    drop(running.pop());
    assert!(permit(&mut light).is_some(), "the second caller is served after one request of the first");
    drop(first);
}

#[test]
fn a_group_is_bounded_and_others_go_past_it() {
    let queue = FairQueue::new("test", BOUNDS);
    let mut crowd: Vec<_> = (0..50).map(|c| ask(&queue, c, Some(7), Priority::Normal)).collect();
    let mut running: Vec<_> = crowd.iter_mut().filter_map(permit).collect();
    assert_eq!(running.len(), BOUNDS.per_group);
    let mut outside = ask(&queue, 1_000, Some(8), Priority::Normal);
    let outside = permit(&mut outside).unwrap();
    drop(outside);
    for turn in &mut crowd[3..] {
        running.remove(0);
        running.push(permit(turn).unwrap());
    }
    drop((running, crowd));
    assert!(is_empty(&queue));
}

#[test]
fn those_who_come_later_do_not_overtake_a_source_that_waits_for_its_group() {
    let queue = FairQueue::new("test", BOUNDS);
    let mut crowd: Vec<_> = (0..6).map(|c| ask(&queue, c, Some(7), Priority::Normal)).collect();
    let mut running: Vec<_> = crowd.iter_mut().filter_map(permit).collect();
    // With each permit that is given back, callers 3, 4 and 5 are looked at; then others come.
    for next in 3..6 {
        let mut later: Vec<_> = (0..4).map(|n| ask(&queue, 100 * next + n, Some(7), Priority::Normal)).collect();
        running.remove(0);
        let served = permit(&mut crowd[usize::try_from(next).unwrap()]);
        running.push(served.expect("the one that waits longest"));
        assert!(later.iter_mut().all(|turn| permit(turn).is_none()), "{next}");
        crowd.append(&mut later);
    }
    drop((running, crowd));
    assert!(is_empty(&queue));
}

#[test]
fn a_permit_that_one_source_cannot_use_goes_to_the_next() {
    // One caller in two groups: at its own bound it must not keep the permits of the groups.
    let queue = FairQueue::new("test", Bounds { normal_per_caller: 1, per_group: 1, ..BOUNDS });
    let mut a = ask(&queue, 1, Some(7), Priority::Normal);
    let a = permit(&mut a).unwrap();
    let mut b = ask(&queue, 2, Some(8), Priority::Normal);
    let b = permit(&mut b).unwrap();
    let mut own_second = ask(&queue, 1, Some(8), Priority::Normal);
    let mut in_group = ask(&queue, 3, Some(8), Priority::Normal);
    drop(b);
    let in_group = permit(&mut in_group).unwrap();
    assert!(permit(&mut own_second).is_none());
    drop(a);
    assert!(permit(&mut own_second).is_none());
    drop(in_group);
    drop(permit(&mut own_second).unwrap());
    assert!(is_empty(&queue));
}

#[test]
fn high_priority_has_permits_of_its_own_and_goes_first_without_stopping_the_others() {
    let queue = FairQueue::new("test", Bounds { high_per_caller: 1, normal_per_caller: 1, per_group: 100, ..BOUNDS });
    let mut turns: Vec<_> = (0..20).map(|c| normal(&queue, c)).collect();
    let mut running: Vec<_> = turns.iter_mut().filter_map(permit).collect();
    assert_eq!(running.len(), BOUNDS.normal);
    let high: Vec<_> = (100..130).map(|c| ask(&queue, c, None, Priority::High)).collect();
    let mut high: VecDeque<_> = high.into();
    running.extend([permit(&mut high[0]).unwrap(), permit(&mut high[1]).unwrap()]);
    high.drain(..2);
    let (mut order, mut served) = (String::new(), BOUNDS.normal);
    for _ in 0..8 {
        drop(running.remove(0));
        if let Some(next) = high.front_mut().and_then(permit) {
            order.push('h');
            running.push(next);
            high.pop_front();
        } else {
            order.push('n');
            running.push(permit(&mut turns[served]).unwrap());
            served += 1;
        }
    }
    assert_eq!(order, "hhhnhhhn");
}

#[test]
fn a_cancelled_request_leaves_nothing_behind_and_its_turn_goes_on() {
    let queue = FairQueue::new("test", BOUNDS);
    let mut turns: Vec<_> = (0..100).map(|_| normal(&queue, 1)).collect();
    let running: Vec<_> = turns.iter_mut().filter_map(permit).collect();
    let mut last = turns.pop().unwrap();
    // Some are dropped while they wait, one after its permit was sent to it.
    turns.truncate(3);
    drop(running);
    drop(turns);
    drop(permit(&mut last).unwrap());
    assert!(is_empty(&queue));
}

#[test]
fn only_what_may_be_refused_is_refused_and_only_to_the_caller_with_too_many() {
    let queue = FairQueue::new("test", Bounds { normal: 2, ..BOUNDS });
    let refusable = |caller| {
        let source = Source { caller, group: None };
        Box::pin(queue.acquire(source, Priority::Normal, Overflow::Refused))
    };
    let mut running: Vec<_> = (0..2).map(|_| permit(&mut normal(&queue, 1)).unwrap()).collect();
    let mut waiting: Vec<_> = (0..5).map(|_| refusable(1)).collect();
    assert!(waiting.iter_mut().all(|turn| turn.as_mut().now_or_never().is_none()));
    assert!(matches!(refusable(1).now_or_never(), Some(Err(Full))));
    assert!(permit(&mut normal(&queue, 1)).is_none(), "what may not be refused waits");
    let mut other = refusable(2);
    assert!(other.as_mut().now_or_never().is_none(), "another caller waits, too, and is not refused");
    running.pop();
    waiting.clear();
    assert!(refusable(1).now_or_never().is_none_or(|turn| turn.is_ok()));
}
