use chrono::TimeDelta;

use super::*;
use crate::{
    port::MockOutbox,
    testing::{Committed, EMERGENCY, GRACE_HOPPER, PUSH_KEY, clock, id, ids, keyed_hasher, now, store},
    usecase::emergencies::tests::stale,
};

/// An alert that was sent a minute ago and that nothing has confirmed.
fn unconfirmed() -> ReceiptTarget {
    ReceiptTarget {
        device: Some(id(1)),
        user: id(GRACE_HOPPER),
        kind: OutboxKind::Alert,
        emergency: Some(id(EMERGENCY)),
        delivered_at: None,
        seen_at: None,
        is_current: true,
        undelivered_since: Some(now() - TimeDelta::minutes(1)),
    }
}

fn sending(found: Option<ReceiptTarget>, outcomes: Vec<port::Result<()>>) -> (SendingPorts, Committed) {
    let (changes, committed) = store(outcomes);
    let mut outbox = MockOutbox::new();
    outbox.expect_find_receipt().returning(move |_, _| Ok(found));
    let ports = SendingPorts {
        outbox: Arc::new(outbox),
        changes,
        clock: clock(),
        ids: ids(),
        hasher: keyed_hasher(),
        push_key: Some(PUSH_KEY),
        channels: ConfiguredChannels::default(),
    };
    (ports, committed)
}

async fn confirmed(cx: &SendingPorts, state: ReceiptState) -> Result<Option<FirstReceipt>, Error> {
    confirm(cx, &ReceiptToken::new([7; 32]), state).await
}

#[tokio::test]
async fn a_receipt_is_stored_although_another_change_held_the_alert() {
    let attempts = usize::try_from(MAX_ATTEMPTS).unwrap();
    let (cx, committed) = sending(Some(unconfirmed()), stale(attempts - 1));
    let first = confirmed(&cx, ReceiptState::Delivered).await.unwrap();
    assert_eq!(first, Some(FirstReceipt { channel: SendChannel::WebPush, after: TimeDelta::minutes(1) }));
    let changes = committed.attempts();
    assert_eq!(changes.len(), attempts);
    assert!(changes.iter().all(|change| *change == changes[0]), "it holds whatever has changed meanwhile");
    // Not without an end.
    let (cx, committed) = sending(Some(unconfirmed()), stale(attempts));
    let failed = confirmed(&cx, ReceiptState::Seen).await;
    assert!(matches!(failed, Err(Error::Port(port::Error::Stale))), "{failed:?}");
    assert_eq!(committed.attempts().len(), attempts);
}

#[tokio::test]
async fn an_unknown_or_used_receipt_changes_nothing() {
    let used = ReceiptTarget { delivered_at: Some(now()), ..unconfirmed() };
    for found in [None, Some(used)] {
        let (cx, committed) = sending(found, vec![]);
        assert_eq!(confirmed(&cx, ReceiptState::Delivered).await.unwrap(), None);
        assert!(committed.is_empty());
    }
}

#[tokio::test]
async fn only_the_first_confirmation_of_an_alert_is_one() {
    let later = ReceiptTarget { undelivered_since: None, ..unconfirmed() };
    let end = ReceiptTarget { kind: OutboxKind::Ended, ..unconfirmed() };
    for found in [later, end] {
        let (cx, committed) = sending(Some(found), vec![]);
        assert_eq!(confirmed(&cx, ReceiptState::Delivered).await.unwrap(), None);
        assert!(!committed.is_empty());
    }
    let by_telephone = ReceiptTarget { device: None, ..unconfirmed() };
    let (cx, _) = sending(Some(by_telephone), vec![]);
    assert_eq!(confirmed(&cx, ReceiptState::Seen).await.unwrap().unwrap().channel, SendChannel::Webhook);
}
