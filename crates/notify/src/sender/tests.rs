//! What the sender claims, on mocked ports.

use std::future::pending;

use allynet_domain::{SessionId, UserId, port::MockOutbox, testing};

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
    let ports = SendingPorts {
        outbox: Arc::new(outbox),
        changes: testing::store(Vec::new()).0,
        clock: testing::clock(),
        ids: testing::ids(),
        hasher: testing::keyed_hasher(),
        push_key: None,
        channels: channels.configured(),
    };
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
