//! Steps of messages, and what follows from answers of push services.

use std::time::Duration;

use super::*;
use crate::{
    port::PushOutcome,
    testing::{GRACE_HOPPER, PUSH_KEY, at, device, id},
};

/// The sessions with a connection to this node.
struct Connected(Vec<u128>);

impl Connections for Connected {
    fn has_connection(&self, _: UserId, session: SessionId) -> bool {
        self.0.iter().any(|&n| id::<SessionId>(n) == session)
    }

    fn is_connected(&self, _: UserId) -> bool {
        !self.0.is_empty()
    }
}

fn message(kind: OutboxKind) -> StoredMessage {
    StoredMessage {
        id: id(1),
        kind,
        user: id(GRACE_HOPPER),
        emergency: Some(id(100)),
        emergency_kind: None,
        event: None,
        distance: None,
        created_at: at(0),
        counts_since: at(0),
        expires_at: at(900),
        state: AlertState { is_live: true, seen_at: None, is_answered: false, is_away: false },
    }
}

fn to(n: u128) -> MessageDevice {
    MessageDevice { device: device(n), received_at: None, was_alerted: false, delivery: None }
}

fn delivery(n: u128) -> DeliveryState {
    DeliveryState { id: id(n), step: 0, planned_at: at(0), is_pending: false, attempts: 0 }
}

fn due(message: StoredMessage, step: u8, devices: Vec<MessageDevice>) -> DueMessage {
    DueMessage { message, step, lease_until: at(10), devices }
}

/// The numbers of the devices that a step is sent to, and the next step.
fn planned(due: &DueMessage, now: i64, connected: &[u128]) -> (Vec<DeviceId>, Option<(u8, Timestamp)>) {
    let plan = due.plan(at(now), Some(&PUSH_KEY), &Connected(connected.to_vec()));
    (plan.deliveries.iter().map(|planned| planned.device.device.id).collect(), plan.next)
}

fn ids(numbers: &[u128]) -> Vec<DeviceId> {
    numbers.iter().map(|&n| device(n).id).collect()
}

#[test]
fn an_alert_goes_to_devices_without_a_connection_then_to_the_others_then_to_all_again() {
    let sent = MessageDevice { delivery: Some(delivery(7)), ..to(1) };
    let alert = || message(OutboxKind::Alert);
    assert_eq!(planned(&due(alert(), 0, vec![to(1), to(2)]), 0, &[2]), (ids(&[1]), Some((1, at(5)))));
    assert_eq!(planned(&due(alert(), 1, vec![sent.clone(), to(2)]), 5, &[2]), (ids(&[2]), Some((2, at(15)))));
    assert_eq!(planned(&due(alert(), 2, vec![sent, to(2)]), 15, &[2]), (ids(&[1, 2]), None));
}

#[test]
fn a_device_that_received_the_alert_or_is_being_sent_it_is_left_out() {
    let received = MessageDevice { received_at: Some(at(3)), ..to(1) };
    let pending = MessageDevice { delivery: Some(DeliveryState { is_pending: true, ..delivery(7) }), ..to(2) };
    let before = MessageDevice { received_at: Some(at(-1)), ..to(3) };
    let devices = vec![received, pending, before];
    assert_eq!(planned(&due(message(OutboxKind::Alert), 2, devices), 15, &[]).0, ids(&[3]));
}

#[test]
fn an_alert_that_was_seen_or_answered_or_has_ended_is_sent_no_more() {
    let state = message(OutboxKind::Alert).state;
    for over in [
        AlertState { is_live: false, ..state },
        AlertState { is_answered: true, ..state },
        AlertState { is_away: true, ..state },
        AlertState { seen_at: Some(at(2)), ..state },
    ] {
        let alert = StoredMessage { state: over, ..message(OutboxKind::Alert) };
        assert_eq!(planned(&due(alert, 1, vec![to(1)]), 5, &[]), (vec![], None), "{over:?}");
    }
    let seen_before = AlertState { seen_at: Some(at(-2)), ..state };
    let alert = StoredMessage { state: seen_before, ..message(OutboxKind::Alert) };
    assert_eq!(planned(&due(alert, 1, vec![to(1)]), 5, &[]).0, ids(&[1]));
    assert_eq!(planned(&due(message(OutboxKind::Alert), 1, vec![to(1)]), 900, &[]), (vec![], None));
}

#[test]
fn the_end_goes_to_the_devices_that_were_sent_the_alert_and_progress_to_users_without_a_connection() {
    let alerted = MessageDevice { was_alerted: true, ..to(1) };
    let ended = StoredMessage {
        state: AlertState { is_live: false, ..message(OutboxKind::Ended).state },
        ..message(OutboxKind::Ended)
    };
    assert_eq!(planned(&due(ended.clone(), 0, vec![alerted.clone(), to(2)]), 0, &[1]), (ids(&[1]), None));
    assert_eq!(planned(&due(ended, 0, vec![alerted, to(2)]), 0, &[]), (ids(&[1, 2]), None));
    for kind in [OutboxKind::Joined, OutboxKind::Arrived, OutboxKind::Unanswered, OutboxKind::Message] {
        assert_eq!(planned(&due(message(kind), 0, vec![to(1), to(2)]), 0, &[2]), (vec![], None), "{kind:?}");
        assert_eq!(planned(&due(message(kind), 0, vec![to(1), to(2)]), 0, &[]), (ids(&[1, 2]), None), "{kind:?}");
    }
    assert_eq!(planned(&due(message(OutboxKind::Test), 0, vec![to(1)]), 0, &[1]).0, ids(&[1]));
}

#[test]
fn a_device_of_another_push_key_is_left_out() {
    let plan = due(message(OutboxKind::Alert), 0, vec![to(1)]);
    assert_eq!(plan.plan(at(0), Some(&[9; 65]), &Connected(vec![])).deliveries, []);
}

fn attempted(attempts: u16) -> DueDelivery {
    let delivery = DeliveryState { attempts, ..delivery(7) };
    DueDelivery { message: message(OutboxKind::Alert), device: to(1), delivery }
}

#[test]
fn failures_that_can_pass_are_tried_again_after_growing_delays_until_the_message_expires() {
    for (attempts, delay) in [(0, 1), (1, 2), (2, 4), (3, 8), (4, 15), (40, 15)] {
        let note = settle(&attempted(attempts), PushOutcome::Failed, at(100), 1.0);
        assert_eq!((note.retry_at, note.attempts, note.device), (Some(at(100 + delay)), attempts + 1, None));
    }
    assert_eq!(
        settle(&attempted(0), PushOutcome::Failed, at(100), 1.2).retry_at,
        Some(at(100) + TimeDelta::milliseconds(1_200))
    );
    assert_eq!(settle(&attempted(9), PushOutcome::Failed, at(890), 1.0).retry_at, None);
    let wait = PushOutcome::RetryAfter(Duration::from_secs(30));
    assert_eq!(settle(&attempted(0), wait, at(0), 1.0).retry_at, Some(at(30)));
    assert_eq!(settle(&attempted(0), PushOutcome::RetryAfter(Duration::MAX), at(0), 1.0).retry_at, None);
    let busy = settle(&attempted(3), PushOutcome::Busy, at(0), 1.0);
    assert_eq!((busy.retry_at, busy.attempts), (Some(at(1)), 3));
}

#[test]
fn an_answer_says_something_about_the_device() {
    let note = |outcome, refused, unknown_since, now| {
        let mut due = attempted(0);
        due.device.device.refused = refused;
        due.device.device.unknown_since = unknown_since;
        let note = settle(&due, outcome, now, 1.0);
        assert_eq!(note.retry_at, None);
        let device = note.device.unwrap();
        (note.is_sent, device.refused, device.unknown_since, device.is_gone)
    };
    assert_eq!(note(PushOutcome::Sent { stored: true }, 2, Some(at(0)), at(9)), (true, 0, None, false));
    assert_eq!(note(PushOutcome::Refused { status: 400 }, 2, None, at(9)), (false, 3, None, false));
    assert_eq!(note(PushOutcome::Gone, 0, None, at(9)), (false, 0, None, true));
    assert_eq!(note(PushOutcome::Unknown, 0, None, at(9)), (false, 3, Some(at(9)), false));
    assert_eq!(note(PushOutcome::Unknown, 3, Some(at(9)), at(608)), (false, 4, Some(at(9)), false));
    assert_eq!(note(PushOutcome::Unknown, 3, Some(at(9)), at(609)), (false, 4, Some(at(9)), true));
}

#[test]
fn another_attempt_is_dropped_once_the_device_received_the_alert() {
    let due = attempted(1);
    assert!(!due.is_over(at(20), Some(&PUSH_KEY)));
    assert!(due.is_over(at(900), Some(&PUSH_KEY)));
    assert!(due.is_over(at(20), None));
    let received = MessageDevice { received_at: Some(at(3)), ..to(1) };
    assert!(DueDelivery { device: received.clone(), ..due.clone() }.is_over(at(20), Some(&PUSH_KEY)));
    let ended = DueDelivery { device: received, message: message(OutboxKind::Ended), ..due };
    assert!(!ended.is_over(at(20), Some(&PUSH_KEY)));
}
