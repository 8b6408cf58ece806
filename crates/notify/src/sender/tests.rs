//! What the sender claims, on mocked ports.

use std::future::pending;

use allynet_domain::{
    SessionId, UserId,
    outbox::DeliveryState,
    port::{MockClock, MockOutbox},
    testing::{self, at, id},
};
use chrono::TimeDelta;
use tokio::time::Instant;

use super::*;

struct NotConnected;

impl Connections for NotConnected {
    fn has_connection(&self, _: UserId, _: SessionId) -> bool {
        false
    }

    fn is_connected(&self, _: UserId) -> bool {
        false
    }
}

struct NoTexts;

impl MessageTexts for NoTexts {
    fn push(&self, _: &Prepared) -> Option<PushPayload> {
        None
    }

    fn emergency_link(&self, _: EmergencyId) -> String {
        String::new()
    }

    fn stop_link(&self, _: UserId) -> Secret {
        Secret::new(String::new())
    }

    fn receipt(&self, _: &Prepared) -> Secret {
        Secret::new(String::new())
    }

    fn receipt_url(&self) -> String {
        String::new()
    }
}

fn ports(
    outbox: MockOutbox,
    outcomes: Vec<port::Result<()>>,
    clock: Arc<MockClock>,
) -> (SendingPorts, testing::Committed) {
    let (changes, committed) = testing::store(outcomes);
    let ports = SendingPorts {
        outbox: Arc::new(outbox),
        changes,
        clock,
        ids: testing::ids(),
        hasher: testing::keyed_hasher(),
        push_key: None,
        channels: Channels::default().configured(),
    };
    (ports, committed)
}

/// An email that is claimed until the tenth second.
fn claimed() -> DueDelivery {
    let message = testing::stored_message(OutboxKind::Alert);
    let delivery = DeliveryState { id: id(2), step: 2, planned_at: at(0), is_pending: true, attempts: 0 };
    DueDelivery { message, target: Target::Email, delivery, lease_until: at(10) }
}

/// How often outcomes are stored if that fails so many times.
async fn attempts_to_store(failures: usize) -> usize {
    let start = Instant::now();
    let mut clock = MockClock::new();
    clock.expect_now().returning(move || at(0) + TimeDelta::from_std(start.elapsed()).unwrap());
    let outcomes = (0..failures).map(|_| Err(port::Error::unavailable("the test says so"))).collect();
    let (ports, committed) = ports(MockOutbox::new(), outcomes, Arc::new(clock));
    note_until_stored(&ports, &[(claimed(), SendOutcome::Mail(MailOutcome::Sent))]).await;
    committed.attempts().len()
}

#[tokio::test(start_paused = true)]
async fn outcomes_are_stored_as_soon_as_that_is_possible_within_their_claim() {
    assert_eq!(attempts_to_store(15).await, 16);
    let in_vain = attempts_to_store(1_000).await;
    assert!((18..=21).contains(&in_vain), "{in_vain}");
}

#[test]
fn an_attempt_begins_only_if_its_answer_comes_within_the_claim() {
    let spare = |channel: SendChannel, seconds| {
        spare_time(channel, at(0) + channel.lease(), at(seconds)).map(|left| left.as_secs())
    };
    assert_eq!(
        [0, 2, 4, 5, 11].map(|second| spare(SendChannel::WebPush, second)),
        [Some(4), Some(2), Some(0), None, None]
    );
    assert_eq!([0, 14, 15].map(|second| spare(SendChannel::Email, second)), [Some(14), Some(0), None]);
    assert_eq!([0, 34, 35].map(|second| spare(SendChannel::Webhook, second)), [Some(34), Some(0), None]);
}

/// How often new messages, and how often retries, are claimed while this many deliveries are under way.
async fn claims(under_way: usize) -> (usize, usize) {
    let claimed = Arc::new(parking_lot::Mutex::new((0, 0)));
    let (new, again) = (Arc::clone(&claimed), Arc::clone(&claimed));
    let mut outbox = MockOutbox::new();
    outbox.expect_claim_messages().returning(move |_, _, _| {
        new.lock().0 += 1;
        Ok(Vec::new())
    });
    outbox.expect_claim_deliveries().returning(move |_, _, _, _| {
        again.lock().1 += 1;
        Ok(Vec::new())
    });
    let channels = Channels::default();
    let ports = ports(outbox, Vec::new(), testing::clock()).0;
    let sender = Arc::new(OutboxSender::new(ports, channels, Arc::new(NotConnected), Arc::new(NoTexts)));
    let (outcomes, _to_note) = mpsc::channel(1);
    let tracker = TaskTracker::new();
    for _ in 0..under_way {
        tracker.spawn(pending::<()>());
    }
    sender.take_due(&tracker, &outcomes, &Arc::new(SendMetrics::new())).await.unwrap();
    *claimed.lock()
}

#[tokio::test]
async fn retries_leave_half_of_the_places_to_new_messages() {
    assert_eq!(claims(0).await, (1, 1));
    assert_eq!(claims(MAX_UNDER_WAY_BEFORE_RETRIES).await, (1, 1));
    assert_eq!(claims(MAX_UNDER_WAY_BEFORE_RETRIES + 1).await, (1, 0));
    assert_eq!(claims(MAX_UNDER_WAY + 1).await, (0, 0));
}
