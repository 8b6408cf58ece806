//! The event log: every committed event once, in order, on every node.

use std::{sync::Arc, time::Duration};

use allynet_domain::{
    Change, EmergencyId, EmergencyStatus, Event, EventId, LoggedEvent, Recipient, ResolutionType, ResponseStatus,
    Revision, Write,
};
use tokio::task::JoinSet;

use super::*;

const WRITERS: u128 = 12;
const CHANGES: u128 = 60;
/// The marker that ends the load; no writer uses it.
const LAST: u128 = u128::MAX;

/// The `n`th change of writer `writer`: one to three events, with and without other writes; one change in twenty is rolled
/// back after its writes.
fn load(writer: u128, n: u128, of: EmergencyId) -> (Change, bool) {
    let rolled_back = (writer * CHANGES + n) % 20 == 7;
    let mut change = match n % 3 {
        0 => change(),
        _ => change().write(Write::SetDeclined { emergency: of, helper: nth(0), declined: false }),
    };
    if rolled_back {
        change = change.write(Write::ExpectRevision { emergency: of, revision: Revision(i64::MAX) });
    }
    for event in 0..=(n % 3) {
        change = change.account_event(marker(writer * 1_000_000 + n * 10 + event));
    }
    (change, rolled_back)
}

/// Commits the load of one writer and returns the committed events.
async fn write(store: Store, writer: u128, of: EmergencyId) -> Vec<Event> {
    let mut committed = Vec::new();
    for n in 0..CHANGES {
        let (change, rolled_back) = load(writer, n, of);
        let events: Vec<Event> = change.events.iter().map(|e| e.event.clone()).collect();
        let outcome = store.changes.commit(change).await;
        assert_eq!(outcome.is_err(), rolled_back, "{outcome:?}");
        if !rolled_back {
            committed.extend(events);
        }
    }
    committed
}

pub async fn every_committed_event_is_handed_out_once_and_in_order_under_twelve_writers(store: Store) {
    let other_node = store.another().await;
    let of = store.emergency().await.id();
    let last = marker(LAST);
    let mut tails = JoinSet::new();
    for node in [&store, &other_node] {
        let (mut tail, last) = (node.log.follow().await.unwrap(), last.clone());
        tails.spawn(async move { read_up_to(&mut *tail, &last).await });
    }
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let node = if writer % 2 == 0 { &store } else { &other_node };
        writers.spawn(write(node.clone(), writer, of));
    }
    // Another tail starts in the middle, as soon as the first writer has finished.
    let mut committed = writers.join_next().await.unwrap().unwrap();
    let mut late = other_node.log.follow().await.unwrap();
    let begin = late.position();
    for events in writers.join_all().await {
        committed.extend(events);
    }
    store.commit(change().account_event(last.clone())).await;
    committed.push(last.clone());

    let late = read_up_to(&mut *late, &last).await;
    let [first, second]: [Vec<LoggedEvent>; 2] = tails.join_all().await.try_into().unwrap();
    assert!(first.is_sorted_by(|a, b| a.id < b.id), "strictly in order");
    assert_eq!(first, second, "two tails agree");
    assert_eq!(
        first.iter().filter(|e| e.id > begin).cloned().collect::<Vec<_>>(),
        late,
        "nor does a late one miss any"
    );
    let mut handed_out: Vec<String> = first.iter().map(|e| format!("{:?}", e.event)).collect();
    let mut committed: Vec<String> = committed.iter().map(|e| format!("{e:?}")).collect();
    handed_out.sort();
    committed.sort();
    assert_eq!(handed_out.len(), committed.len());
    assert_eq!(handed_out, committed, "each once, and none that was rolled back");
    each_writer_is_in_order(&first);
}

fn each_writer_is_in_order(events: &[LoggedEvent]) {
    let number = |e: &LoggedEvent| match e.event {
        Event::AccountBlocked { user } => uuid::Uuid::from(user).as_u128(),
        _ => LAST,
    };
    for writer in 0..WRITERS {
        let own: Vec<u128> = events.iter().map(number).filter(|n| n / 1_000_000 == writer).collect();
        assert!(own.is_sorted(), "a writer's events are numbered as it committed them");
    }
}

pub async fn a_change_committed_elsewhere_reaches_the_tail_of_another_node(store: Store) {
    let other_node = store.another().await;
    for (writes, reads) in [(&store, &other_node), (&other_node, &store), (&store, &store)] {
        let mut tail = reads.log.follow().await.unwrap();
        for n in 0..3 {
            writes.commit(change().account_event(marker(n))).await;
            let read = next(&mut *tail).await;
            assert_eq!(read.iter().map(|e| &e.event).collect::<Vec<_>>(), [&marker(n)]);
        }
    }
}

pub async fn a_tail_begins_at_the_end(store: Store) {
    let tail = store.log.follow().await.unwrap();
    assert_eq!(tail.position(), EventId::START, "the log is empty");
    drop(tail);
    let mut tail = store.log.follow().await.unwrap();
    store.commit(change().account_event(marker(1)).account_event(marker(2))).await;
    let read = read_up_to(&mut *tail, &marker(2)).await;

    let mut later = store.log.follow().await.unwrap();
    assert_eq!(later.position(), read[1].id);
    store.commit(change().account_event(marker(3))).await;
    let [third] = &next(&mut *later).await[..] else { panic!("only what is committed after the call") };
    assert_eq!(third.event, marker(3));
    assert_eq!(next(&mut *tail).await, std::slice::from_ref(third));
}

pub async fn a_cancelled_wait_loses_no_event(store: Store) {
    let mut tail = store.log.follow().await.unwrap();
    let writer = store.clone();
    let written = tokio::spawn(async move {
        for n in 0..200 {
            writer.commit(change().account_event(marker(n))).await;
        }
    });
    let mut read: Vec<Event> = Vec::new();
    let mut patience = 0;
    while read.len() < 200 {
        patience = (patience + 1) % 40;
        let wait = Duration::from_micros(patience * 50);
        if let Ok(events) = tokio::time::timeout(wait, tail.next()).await {
            read.extend(events.unwrap().into_iter().map(|e| e.event));
        }
        if written.is_finished() && patience == 0 {
            read.extend(next(&mut *tail).await.into_iter().map(|e| e.event));
        }
    }
    written.await.unwrap();
    assert_eq!(read, (0..200).map(marker).collect::<Vec<_>>());
}

pub async fn events_are_read_back_as_they_were_appended(store: Store) {
    let emergency = store.emergency().await;
    let helper = store.helper().await;
    let (of, user) = (emergency.id(), helper.id);
    let (at, notes, alerted) = (at(5), Some(text("läuft \"gut\" 🙂")), vec![user]);
    let call = emergency.call().clone();
    let recipients = vec![Recipient::new(user, metres(0.1 + 0.2))];
    let (radius, status) = (metres(5_000.5), EmergencyStatus::Responding);
    let events = vec![
        Event::EmergencyCreated { call: call.clone(), nearby_helpers: 3, hidden_from: vec![], announced: true },
        Event::HelpersAlerted { call, status: EmergencyStatus::Active, wave: 1, radius, recipients, decision: None },
        Event::AlertDeclined { helper: user },
        Event::AlertAcknowledged { helper: user },
        Event::Unanswered { owner: emergency.owner(), alerted: 3 },
        Event::HelperJoined {
            helper: helper.helper_card(),
            joined_at: at,
            estimated_arrival: None,
            transport: allynet_domain::dispatch::Transport::Foot,
            separated_from: vec![],
        },
        Event::HelperStatusUpdated {
            helper: user,
            status: ResponseStatus::OnWay,
            notes: notes.clone(),
            estimated_arrival: Some(at),
            updated_at: at,
            anonymous: true,
            counts_until: None,
            stalled: false,
        },
        Event::StatusChanged { status, updated_at: at },
        Event::EmergencyResolved {
            at,
            by: None,
            resolution: ResolutionType::AutoExpired,
            notes: notes.clone(),
            anonymous: false,
        },
        Event::EmergencyCancelled { at, reason: notes, alerted: alerted.clone(), anonymous: true },
        Event::EmergencyEnded {
            status: EmergencyStatus::Cancelled,
            at,
            alerted,
            participants: vec![user],
            hidden_from: vec![],
            announced: true,
            critical: false,
        },
        Event::MessagePosted { message: message_in(&emergency, at) },
        Event::MessageDeleted { message: id(), readers: Some(vec![user]) },
        Event::HelperRightsChanged { user, on_duty: true, critical_only: false, may_help: false },
        Event::SessionsRevoked { user, only: Some(id()), except: None, former: None },
        Event::AccountBlocked { user },
    ];
    let mut tail = store.log.follow().await.unwrap();
    let mut appended = Change::new(Some(user), at);
    for event in &events {
        appended = appended.event(of, event.clone());
    }
    store.commit(appended).await;
    let read = read_up_to(&mut *tail, events.last().unwrap()).await;
    assert_eq!(read.iter().map(|e| e.event.clone()).collect::<Vec<_>>(), events);
    assert!(read.iter().all(|e| (e.at, e.emergency, e.actor) == (at, Some(of), Some(user))));
    assert_eq!(store.log.events_of(of, EventId::START, 100).await.unwrap(), read);
    assert_eq!(store.log.timeline(of, EventId::START, 100).await.unwrap().unwrap().events, read);

    store.commit(Change::new(None, at).account_event(marker(1))).await;
    let read = next(&mut *tail).await;
    assert_eq!((read[0].at, read[0].emergency, read[0].actor), (at, None, None));
}

pub async fn a_timeline_is_in_order_and_of_its_emergency_only(store: Store) {
    let [first, second] = [store.emergency().await.id(), store.emergency().await.id()];
    for n in 0..6 {
        let of = if n % 2 == 0 { first } else { second };
        store.commit(change().event(of, marker(n)).account_event(marker(100 + n)).event(of, marker(10 + n))).await;
    }
    let all = store.log.events_of(first, EventId::START, 100).await.unwrap();
    assert!(all.is_sorted_by(|a, b| a.id < b.id));
    let events: Vec<Event> = all.iter().map(|e| e.event.clone()).collect();
    assert_eq!(events, [0, 10, 2, 12, 4, 14].map(marker));
    for limit in 1..=7 {
        let mut read: Vec<LoggedEvent> = Vec::new();
        loop {
            let after = read.last().map_or(EventId::START, |e| e.id);
            let page = store.log.events_of(first, after, limit).await.unwrap();
            assert!(page.len() <= limit as usize);
            let timeline = store.log.timeline(first, after, limit).await.unwrap().unwrap();
            assert_eq!(
                timeline,
                allynet_domain::port::Timeline { emergency: store.find(first).await, events: page.clone() }
            );
            if page.is_empty() {
                break;
            }
            read.extend(page);
        }
        assert_eq!(read, all, "in pages of {limit}");
    }
    assert_eq!(store.log.events_of(id(), EventId::START, 100).await.unwrap(), []);
    assert_eq!(store.log.timeline(id(), EventId::START, 100).await.unwrap(), None);
}

pub async fn events_of_one_emergency_are_numbered_in_the_order_of_its_revisions(store: Store) {
    let other_node = store.another().await;
    let of = store.emergency().await.id();
    let mut writers = JoinSet::new();
    for writer in 0..6 {
        let node = Arc::new(if writer % 2 == 0 { store.clone() } else { other_node.clone() });
        writers.spawn(async move {
            for _ in 0..8 {
                loop {
                    let emergency = node.load(of).await.emergency;
                    let number = u128::try_from(emergency.revision().0).unwrap();
                    let decided = change().write(update(&emergency, Vec::new())).event(of, marker(number));
                    match node.changes.commit(decided).await {
                        Err(allynet_domain::port::Error::Stale) => {}
                        done => break done.unwrap(),
                    }
                }
            }
        });
    }
    writers.join_all().await;
    let begin = u128::try_from(store.find(of).await.revision().0).unwrap() - 48;
    let timeline = store.log.events_of(of, EventId::START, 100).await.unwrap();
    let events: Vec<Event> = timeline.into_iter().map(|e| e.event).collect();
    assert_eq!(events, (begin..begin + 48).map(marker).collect::<Vec<_>>());
}

pub async fn the_log_of_a_change_that_failed_stays_as_it_was(store: Store) {
    let emergency = store.emergency().await;
    let mut tail = store.log.follow().await.unwrap();
    for n in 0..20 {
        let failing = Write::ExpectRevision { emergency: emergency.id(), revision: Revision(99) };
        let refused = store.changes.commit(change().write(failing).account_event(marker(n))).await;
        assert!(refused.is_err());
    }
    store.commit(change().account_event(marker(100))).await;
    let read = next(&mut *tail).await;
    assert_eq!(read.iter().map(|e| e.event.clone()).collect::<Vec<_>>(), [marker(100)]);
}

fn in_writing(events: &[LoggedEvent]) -> Vec<Event> {
    events.iter().map(|e| e.event.clone()).collect()
}

pub async fn a_range_is_the_newest_of_what_lies_between(store: Store) {
    let mut tail = store.log.follow().await.unwrap();
    let of = store.emergency().await.id();
    for n in 0..6 {
        store.commit(change().account_event(marker(n)).event(of, marker(10 + n))).await;
    }
    let all = read_up_to(&mut *tail, &marker(15)).await;
    for (after, up_to, limit) in [(0, 11, 100), (3, 8, 100), (0, 11, 4), (2, 9, 3), (5, 5, 9), (7, 3, 9)] {
        let bounds = (all[after].id, all[up_to].id);
        let between: Vec<_> = all.iter().filter(|e| e.id > bounds.0 && e.id <= bounds.1).cloned().collect();
        let expected = between[between.len().saturating_sub(limit)..].to_vec();
        let limit = u32::try_from(limit).unwrap();
        assert_eq!(store.log.range(bounds.0, bounds.1, limit).await.unwrap(), expected);
    }
    let none = store.log.range(all[11].id, EventId::new(i64::MAX), 9).await.unwrap();
    assert_eq!(none, []);
    assert_eq!(store.log.range(EventId::START, EventId::new(i64::MAX), 100).await.unwrap().last(), all.last());
}

pub async fn old_events_are_removed_oldest_first_and_the_position_is_recorded(store: Store) {
    for n in 0..10 {
        let second = i64::try_from(n).unwrap();
        store.commit(Change::new(None, at(second)).account_event(marker(n))).await;
    }
    let all = store.log.range(EventId::START, EventId::new(i64::MAX), 100).await.unwrap();
    assert_eq!(store.log.complete_since().await.unwrap(), EventId::START);
    for (before, limit, left) in [(at(0), 9, 0), (at(3), 2, 2), (at(3), 9, 3), (at(3), 9, 3), (at(8), 100, 8)] {
        let there = store.log.range(EventId::START, EventId::new(i64::MAX), 100).await.unwrap().len();
        let pruned = store.log.prune(before, limit).await.unwrap();
        let kept = store.log.range(EventId::START, EventId::new(i64::MAX), 100).await.unwrap();
        assert_eq!(in_writing(&kept), (left..10).map(marker).collect::<Vec<_>>());
        assert_eq!(pruned, u64::try_from(there - kept.len()).unwrap());
        let since = usize::try_from(left).unwrap().checked_sub(1).map_or(EventId::START, |last| all[last].id);
        assert_eq!(store.another().await.log.complete_since().await.unwrap(), since);
    }
}

pub async fn the_events_of_an_emergency_stay_until_long_after_its_end(store: Store) {
    let emergency = store.emergency().await;
    let of = emergency.id();
    store.commit(Change::new(None, at(1)).event(of, marker(1)).account_event(marker(2))).await;
    store.commit(Change::new(None, at(2)).event(of, marker(3)).account_event(marker(4))).await;
    let far = at(100_000);
    assert_eq!(store.log.prune(far, 100).await.unwrap(), 2, "it is live");
    assert_eq!(in_writing(&store.log.events_of(of, EventId::START, 9).await.unwrap()), [marker(1), marker(3)]);
    let mut ended = emergency;
    ended.cancel(ended.owner(), None, at(1_000)).unwrap();
    store.commit(Change::new(None, at(1_000)).write(update(&ended, Vec::new())).event(of, marker(5))).await;
    assert_eq!(store.log.prune(at(1_000), 100).await.unwrap(), 0, "it has just ended");
    assert_eq!(store.log.prune(at(1_001), 100).await.unwrap(), 3, "all or none");
    assert_eq!(store.log.events_of(of, EventId::START, 9).await.unwrap(), []);
}

pub async fn removed_events_do_not_stop_a_tail(store: Store) {
    let mut tail = store.log.follow().await.unwrap();
    for n in 0..20 {
        store.commit(Change::new(None, at(1)).account_event(marker(n))).await;
        if n % 5 == 4 {
            store.log.prune(at(2), 3).await.unwrap();
        }
    }
    store.log.prune(at(2), 100).await.unwrap();
    let mut late = store.log.follow().await.unwrap();
    store.commit(Change::new(None, at(3)).account_event(marker(100))).await;
    assert_eq!(read_up_to(&mut *tail, &marker(100)).await.last().unwrap().event, marker(100));
    assert_eq!(in_writing(&next(&mut *late).await), [marker(100)]);
}
