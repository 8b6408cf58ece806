//! When numbers are told, and when they are forgotten.

use allynet_domain::{EmergencyStatus, EventId, Timestamp, UserId};
use uuid::Uuid;

use super::*;

fn id() -> EmergencyId {
    Uuid::from_u128(7).into()
}

fn observe(numbers: &Numbers, event: Event) {
    let (id, at) = (EventId::new(1), Timestamp::UNIX_EPOCH);
    numbers.observe(&LoggedEvent { id, at, emergency: Some(self::id()), actor: None, event });
}

fn acknowledged(numbers: &Numbers) {
    let helper = UserId::from(Uuid::from_u128(1));
    observe(numbers, Event::AlertAcknowledged { helper });
}

fn ended(numbers: &Numbers) {
    let (status, at) = (EmergencyStatus::Resolved, Timestamp::UNIX_EPOCH);
    observe(numbers, Event::EmergencyEnded { status, at, alerted: Vec::new(), participants: Vec::new() });
}

fn counts(acknowledged: u32) -> AlertCounts {
    AlertCounts { wave: 1, alerted: 9, acknowledged, declined: 0 }
}

#[test]
fn a_change_is_told_at_once_and_the_last_of_many_a_second_later() {
    let numbers = Numbers::default();
    acknowledged(&numbers);
    let start = Instant::now();
    assert_eq!(numbers.take_due(start), [id()]);
    assert!(numbers.are_new(id(), counts(1), true, start));
    for _ in 0..5 {
        acknowledged(&numbers);
        assert!(numbers.take_due(start + INTERVAL / 2).is_empty());
    }
    assert_eq!(numbers.next(), Some(start + INTERVAL));
    assert_eq!(numbers.take_due(start + INTERVAL), [id()]);
    assert!(numbers.are_new(id(), counts(6), true, start + INTERVAL));
    assert_eq!(numbers.next(), None);
}

#[test]
fn what_has_not_changed_is_not_told_again() {
    let numbers = Numbers::default();
    acknowledged(&numbers);
    let now = Instant::now();
    assert_eq!(
        (numbers.are_new(id(), counts(1), true, now), numbers.are_new(id(), counts(1), true, now)),
        (true, false)
    );
}

#[test]
fn a_change_that_comes_while_the_database_is_asked_is_not_lost() {
    let numbers = Numbers::default();
    acknowledged(&numbers);
    let now = Instant::now();
    numbers.take_due(now);
    acknowledged(&numbers);
    numbers.are_new(id(), counts(1), true, now);
    numbers.forget(id());
    assert_eq!(numbers.take_due(now + INTERVAL), [id()]);
    numbers.try_again(id(), now);
    assert_eq!(numbers.next(), Some(now + INTERVAL));
}

#[test]
fn what_has_ended_or_concerns_nobody_here_is_forgotten() {
    let numbers = Numbers::default();
    ended(&numbers);
    assert!(numbers.known().is_empty());
    acknowledged(&numbers);
    numbers.take_due(Instant::now());
    numbers.forget(id());
    assert!(numbers.known().is_empty());
    acknowledged(&numbers);
    let now = Instant::now();
    numbers.take_due(now);
    assert!(numbers.are_new(id(), counts(1), true, now));
    ended(&numbers);
    assert!(numbers.are_new(id(), counts(2), false, now));
    assert!(numbers.known().is_empty());
}
