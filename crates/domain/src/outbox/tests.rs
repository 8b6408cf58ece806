//! Steps of messages, and what follows from answers of push services.

use std::time::Duration;

use super::*;
use crate::{
    port::{MailOutcome, PushOutcome, WebhookOutcome},
    testing::{PUSH_KEY, at, device, id, stored_message as message},
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

/// An alert for a helper who wants to be reached by every channel.
fn escalating() -> StoredMessage {
    let email = Some("grace@example.org".parse().unwrap());
    let phone = Some(Secret::new("+441632960961".to_owned()));
    StoredMessage { addresses: Addresses { locale: Locale::English, email, phone }, ..message(OutboxKind::Alert) }
}

const ALL_CHANNELS: ConfiguredChannels = ConfiguredChannels { email: true, webhook: true };

fn to(n: u128) -> MessageDevice {
    MessageDevice { device: device(n), received_at: None, was_alerted: false, is_alert_pending: false, delivery: None }
}

fn delivery(n: u128) -> DeliveryState {
    DeliveryState { id: id(n), step: 0, planned_at: at(0), is_pending: false, attempts: 0 }
}

fn due(message: StoredMessage, step: u8, devices: Vec<MessageDevice>) -> DueMessage {
    DueMessage { message, step, lease_until: at(10), devices, is_emailed: false, is_phoned: false }
}

/// The addresses that a step is sent to, and the next step.
fn addressed(due: &DueMessage, now: i64, channels: ConfiguredChannels) -> (Vec<Target>, Option<(u8, Timestamp)>) {
    let plan = due.plan(at(now), (Some(&PUSH_KEY), channels), &Connected(vec![]));
    (plan.deliveries.into_iter().map(|planned| planned.target).collect(), plan.next)
}

/// The numbers of the devices that a step is sent to, and the next step.
fn planned(due: &DueMessage, now: i64, connected: &[u128]) -> (Vec<DeviceId>, Option<(u8, Timestamp)>) {
    let plan = due.plan(at(now), (Some(&PUSH_KEY), ALL_CHANNELS), &Connected(connected.to_vec()));
    (plan.deliveries.iter().map(|planned| planned.target.device().unwrap().id).collect(), plan.next)
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
    assert_eq!(planned(&due(alert(), 2, vec![sent.clone(), to(2)]), 15, &[2]), (ids(&[1, 2]), None));
    // One that was registered since.
    for late in [3, 4] {
        assert_eq!(planned(&due(alert(), late, vec![sent.clone(), to(2)]), 60, &[2]), (ids(&[2]), None));
    }
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
    assert_eq!(planned(&due(ended.clone(), 0, vec![alerted, to(2)]), 0, &[]), (ids(&[1, 2]), None));
    let to_owner = StoredMessage { state: AlertState { is_owner: true, ..ended.state }, ..ended };
    assert_eq!(planned(&due(to_owner, 0, vec![to(1), to(2)]), 0, &[1]), (ids(&[1, 2]), None));
    for kind in [OutboxKind::Joined, OutboxKind::Arrived, OutboxKind::Unanswered, OutboxKind::Message] {
        assert_eq!(planned(&due(message(kind), 0, vec![to(1), to(2)]), 0, &[2]), (vec![], None), "{kind:?}");
        assert_eq!(planned(&due(message(kind), 0, vec![to(1), to(2)]), 0, &[]), (ids(&[1, 2]), None), "{kind:?}");
    }
    assert_eq!(planned(&due(message(OutboxKind::Test), 0, vec![to(1)]), 0, &[1]).0, ids(&[1]));
}

#[test]
fn a_check_and_that_a_helper_need_not_come_go_to_every_device_while_the_helper_responds() {
    for kind in [OutboxKind::Check, OutboxKind::StandDown] {
        let of = |is_live, is_answered| {
            let message = message(kind);
            StoredMessage { state: AlertState { is_live, is_answered, ..message.state }, ..message }
        };
        assert_eq!(planned(&due(of(true, true), 0, vec![to(1), to(2)]), 0, &[2]), (ids(&[1, 2]), None), "{kind:?}");
        for (is_live, is_answered) in [(false, true), (true, false)] {
            assert_eq!(planned(&due(of(is_live, is_answered), 0, vec![to(1)]), 0, &[]), (vec![], None), "{kind:?}");
        }
    }
}

#[test]
fn the_end_waits_for_an_alert_that_is_being_sent_and_is_sent_once() {
    let ended = message(OutboxKind::Ended);
    let ended = StoredMessage { state: AlertState { is_live: false, ..ended.state }, ..ended };
    let waiting = MessageDevice { is_alert_pending: true, ..to(1) };
    let idle = MessageDevice { was_alerted: true, ..to(2) };
    assert_eq!(planned(&due(ended.clone(), 0, vec![waiting, idle.clone()]), 3, &[9]), (ids(&[2]), Some((0, at(4)))));
    let alerted = MessageDevice { was_alerted: true, ..to(1) };
    let sent = MessageDevice { delivery: Some(delivery(7)), ..idle };
    assert_eq!(planned(&due(ended, 0, vec![alerted, sent]), 4, &[9]), (ids(&[1]), None));
}

#[test]
fn the_end_of_an_emergency_that_goes_on_is_not_told() {
    assert_eq!(planned(&due(message(OutboxKind::Ended), 0, vec![to(1)]), 3, &[]), (vec![], None));
}

#[test]
fn nothing_sounds_at_a_user_whose_own_call_is_silent() {
    for kind in OutboxKind::ALL {
        let message = message(*kind);
        let state = AlertState { is_live: *kind != OutboxKind::Ended, is_silenced: true, ..message.state };
        let message = StoredMessage { state, ..message };
        assert_eq!(planned(&due(message, 0, vec![to(1)]), 0, &[]), (vec![], None), "{kind:?}");
    }
}

#[test]
fn a_device_of_another_push_key_is_left_out() {
    let plan = due(message(OutboxKind::Alert), 0, vec![to(1)]);
    assert_eq!(plan.plan(at(0), (Some(&[9; 65]), ALL_CHANNELS), &Connected(vec![])).deliveries, []);
}

fn attempted(attempts: u16) -> DueDelivery {
    let delivery = DeliveryState { attempts, ..delivery(7) };
    DueDelivery { message: message(OutboxKind::Alert), target: target(to(1)), delivery, lease_until: at(10) }
}

fn target(of: MessageDevice) -> Target {
    Target::Device(Box::new(of))
}

#[test]
fn failures_that_can_pass_are_tried_again_after_growing_delays_until_the_message_expires() {
    for (attempts, delay) in [(0, 1), (1, 2), (2, 4), (3, 8), (4, 15), (40, 15)] {
        let note = settle(&attempted(attempts), SendOutcome::Push(PushOutcome::Failed), at(100), 1.0);
        assert_eq!((note.retry_at, note.attempts, note.device), (Some(at(100 + delay)), attempts + 1, None));
    }
    assert_eq!(
        settle(&attempted(0), SendOutcome::Push(PushOutcome::Failed), at(100), 1.2).retry_at,
        Some(at(100) + TimeDelta::milliseconds(1_200))
    );
    assert_eq!(settle(&attempted(9), SendOutcome::Push(PushOutcome::Failed), at(890), 1.0).retry_at, None);
    let wait = PushOutcome::RetryAfter(Duration::from_secs(30));
    assert_eq!(settle(&attempted(0), SendOutcome::Push(wait), at(0), 1.0).retry_at, Some(at(30)));
    assert_eq!(
        settle(&attempted(0), SendOutcome::Push(PushOutcome::RetryAfter(Duration::MAX)), at(0), 1.0).retry_at,
        None
    );
    let busy = settle(&attempted(3), SendOutcome::Push(PushOutcome::Busy), at(0), 1.0);
    assert_eq!((busy.retry_at, busy.attempts), (Some(at(1)), 3));
}

#[test]
fn an_answer_says_something_about_the_device() {
    let note = |outcome, refused, unknown_since, now| {
        let device = Device { refused, unknown_since, ..device(1) };
        let due = DueDelivery { target: target(MessageDevice { device, ..to(1) }), ..attempted(0) };
        let note = settle(&due, SendOutcome::Push(outcome), now, 1.0);
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
    assert!(DueDelivery { target: target(received.clone()), ..due.clone() }.is_over(at(20), Some(&PUSH_KEY)));
    let over =
        StoredMessage { state: AlertState { is_live: false, ..due.message.state }, ..message(OutboxKind::Ended) };
    let ended = DueDelivery { target: target(received), message: over, ..due };
    assert!(!ended.is_over(at(20), Some(&PUSH_KEY)));
}

#[test]
fn an_alert_goes_on_to_the_email_after_fifteen_seconds_and_to_the_telephone_after_thirty() {
    let both = |step| due(escalating(), step, vec![]);
    assert_eq!(addressed(&both(0), 0, ALL_CHANNELS), (vec![], Some((1, at(5)))));
    assert_eq!(addressed(&both(1), 5, ALL_CHANNELS), (vec![], Some((2, at(15)))));
    assert_eq!(addressed(&both(2), 15, ALL_CHANNELS), (vec![Target::Email], Some((3, at(30)))));
    assert_eq!(addressed(&both(3), 30, ALL_CHANNELS), (vec![Target::Phone], None));
    let with_device = due(escalating(), 2, vec![to(1)]);
    assert_eq!(addressed(&with_device, 15, ALL_CHANNELS).0, [target(to(1)), Target::Email]);
    let with_device = due(escalating(), 3, vec![MessageDevice { delivery: Some(delivery(7)), ..to(1) }]);
    assert_eq!(addressed(&with_device, 30, ALL_CHANNELS).0, [Target::Phone]);
    // One that was registered since is sent it then.
    let with_device = due(escalating(), 3, vec![to(1)]);
    assert_eq!(addressed(&with_device, 30, ALL_CHANNELS).0, [target(to(1)), Target::Phone]);
}

#[test]
fn an_address_is_used_if_it_is_wanted_and_configured_and_only_once() {
    let nothing = ConfiguredChannels::default();
    assert_eq!(addressed(&due(escalating(), 2, vec![]), 15, nothing), (vec![], None));
    assert_eq!(addressed(&due(message(OutboxKind::Alert), 2, vec![]), 15, ALL_CHANNELS), (vec![], None));
    let used = |step| DueMessage { is_emailed: true, is_phoned: true, ..due(escalating(), step, vec![]) };
    assert_eq!(addressed(&used(2), 15, ALL_CHANNELS), (vec![], None));
    assert_eq!(addressed(&used(3), 30, ALL_CHANNELS), (vec![], None));
    let ended = StoredMessage { kind: OutboxKind::Ended, ..escalating() };
    assert_eq!(addressed(&due(ended, 2, vec![]), 15, ALL_CHANNELS), (vec![], None));
}

#[test]
fn another_helper_on_the_way_stops_the_email_and_the_telephone_but_no_push() {
    let state = AlertState { is_helped: true, ..escalating().state };
    let helped = StoredMessage { state, ..escalating() };
    assert_eq!(addressed(&due(helped.clone(), 2, vec![to(1)]), 15, ALL_CHANNELS).0, [target(to(1))]);
    assert_eq!(addressed(&due(helped.clone(), 3, vec![]), 30, ALL_CHANNELS).0, []);
    let waiting = |target| DueDelivery { message: helped.clone(), target, ..attempted(1) };
    assert!(waiting(Target::Email).is_over(at(20), Some(&PUSH_KEY)));
    assert!(waiting(Target::Phone).is_over(at(40), Some(&PUSH_KEY)));
    assert!(!waiting(target(to(1))).is_over(at(20), Some(&PUSH_KEY)));
    let wanted = |target| DueDelivery { message: escalating(), target, ..attempted(1) };
    assert!(!wanted(Target::Email).is_over(at(20), None) && !wanted(Target::Phone).is_over(at(40), None));
    let unwanted = |target| DueDelivery { target, ..attempted(1) };
    assert!(unwanted(Target::Email).is_over(at(20), None) && unwanted(Target::Phone).is_over(at(40), None));
}

#[test]
fn an_email_is_tried_until_the_alert_expires_and_the_gateway_four_times() {
    let note = |attempts, outcome, now| {
        let due = DueDelivery { message: escalating(), target: Target::Phone, ..attempted(attempts) };
        let note = settle(&due, outcome, at(now), 1.0);
        assert_eq!(note.device, None);
        (note.is_sent, note.retry_at)
    };
    let mail = |attempts, outcome| note(attempts, SendOutcome::Mail(outcome), 100);
    assert_eq!(mail(0, MailOutcome::Sent), (true, None));
    assert_eq!(mail(0, MailOutcome::Rejected), (false, None));
    assert_eq!(mail(0, MailOutcome::Failed), (false, Some(at(101))));
    assert_eq!(mail(40, MailOutcome::Failed), (false, Some(at(115))));
    let gateway = |attempts, now| note(attempts, SendOutcome::Webhook(WebhookOutcome::Failed), now);
    assert_eq!([gateway(0, 30), gateway(1, 35), gateway(2, 60)].map(|(_, at)| at), [35, 60, 150].map(|s| Some(at(s))));
    assert_eq!(gateway(3, 150), (false, None));
    assert_eq!(note(0, SendOutcome::Webhook(WebhookOutcome::Sent), 30), (true, None));
    assert_eq!(note(0, SendOutcome::Busy, 30), (false, Some(at(31))));
}

#[test]
fn chat_never_replaces_an_alert_and_its_end_does() {
    let classes = OutboxKind::ALL.iter().map(|kind| format!("{kind} {}", kind.topic_class().as_str()));
    assert_eq!(
        classes.collect::<Vec<_>>(),
        [
            "alert alert",
            "check alert",
            "stand_down alert",
            "ended alert",
            "joined progress",
            "arrived progress",
            "unanswered progress",
            "message message",
            "test test"
        ]
    );
    assert_eq!(RECEIPT_VALID_FOR, TimeDelta::hours(24));
}
