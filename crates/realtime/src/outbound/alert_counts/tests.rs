//! When counts are read and sent, and when their entries are removed.

use allynet_domain::{EmergencyStatus, EventId, Timestamp, UserId};
use uuid::Uuid;

use super::*;

fn id() -> EmergencyId {
    Uuid::from_u128(7).into()
}

fn observe(schedule: &AlertCountSchedule, event: Event) {
    let (id, at) = (EventId::new(1), Timestamp::UNIX_EPOCH);
    schedule.observe(&LoggedEvent { id, at, emergency: Some(self::id()), actor: None, event });
}

fn acknowledged(schedule: &AlertCountSchedule) {
    let helper = UserId::from(Uuid::from_u128(1));
    observe(schedule, Event::AlertAcknowledged { helper });
}

fn ended(schedule: &AlertCountSchedule) {
    let (status, at) = (EmergencyStatus::Resolved, Timestamp::UNIX_EPOCH);
    observe(
        schedule,
        Event::EmergencyEnded {
            status,
            at,
            alerted: Vec::new(),
            participants: Vec::new(),
            hidden_from: vec![],
            announced: true,
            critical: false,
        },
    );
}

fn counts(acknowledged: u32) -> AlertCounts {
    AlertCounts { wave: 1, alerted: 9, acknowledged, ..AlertCounts::default() }
}

#[test]
fn the_first_change_is_due_at_once_and_the_last_of_many_a_second_later() {
    let schedule = AlertCountSchedule::default();
    acknowledged(&schedule);
    let start = Instant::now();
    assert_eq!(schedule.take_due(start), [id()]);
    assert!(schedule.update(id(), counts(1), true, start));
    for _ in 0..5 {
        acknowledged(&schedule);
        assert!(schedule.take_due(start + MIN_ALERT_COUNTS_INTERVAL / 2).is_empty());
    }
    assert_eq!(schedule.next(), Some(start + MIN_ALERT_COUNTS_INTERVAL));
    assert_eq!(schedule.take_due(start + MIN_ALERT_COUNTS_INTERVAL), [id()]);
    assert!(schedule.update(id(), counts(6), true, start + MIN_ALERT_COUNTS_INTERVAL));
    assert_eq!(schedule.next(), None);
}

#[test]
fn unchanged_counts_are_not_sent_again() {
    let schedule = AlertCountSchedule::default();
    acknowledged(&schedule);
    let now = Instant::now();
    assert_eq!(
        (schedule.update(id(), counts(1), true, now), schedule.update(id(), counts(1), true, now)),
        (true, false)
    );
}

#[test]
fn counts_that_changed_without_an_event_are_due_at_once() {
    let schedule = AlertCountSchedule::default();
    schedule.refresh(id());
    let now = Instant::now();
    assert_eq!(schedule.take_due(now), [id()]);
    assert!(schedule.update(id(), AlertCounts { sent: 1, ..counts(0) }, true, now));
}

#[test]
fn a_change_during_the_read_is_not_lost() {
    let schedule = AlertCountSchedule::default();
    acknowledged(&schedule);
    let now = Instant::now();
    schedule.take_due(now);
    acknowledged(&schedule);
    schedule.update(id(), counts(1), true, now);
    schedule.remove(id());
    assert_eq!(schedule.take_due(now + MIN_ALERT_COUNTS_INTERVAL), [id()]);
    schedule.retry(id(), now);
    assert_eq!(schedule.next(), Some(now + MIN_ALERT_COUNTS_INTERVAL));
}

#[test]
fn entries_of_ended_emergencies_and_absent_owners_are_removed() {
    let schedule = AlertCountSchedule::default();
    ended(&schedule);
    assert!(schedule.entries.lock().is_empty());
    acknowledged(&schedule);
    schedule.take_due(Instant::now());
    schedule.remove(id());
    assert!(schedule.entries.lock().is_empty());
    acknowledged(&schedule);
    let now = Instant::now();
    schedule.take_due(now);
    assert!(schedule.update(id(), counts(1), true, now));
    ended(&schedule);
    assert!(schedule.update(id(), counts(2), false, now));
    assert!(schedule.entries.lock().is_empty());
}
