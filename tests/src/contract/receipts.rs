//! Receipts of pushes: which alert they count for, and what they end.

use allynet_domain::{
    Event, LoggedEvent, ResponseStatus, Write,
    outbox::ReceiptState,
    usecase::{outbox::see, responses::renew},
};

use super::{
    outbox::{SENT, device_of, devices_of},
    *,
};

pub async fn a_helper_who_answers_has_seen_the_alert_and_received_it(store: Store) {
    service::telling(store, |node| async move {
        let (accepting, declining) = (node.helper(100.0).await, node.helper(200.0).await);
        let (seeing, _silent) = (node.helper(300.0).await, node.helper(400.0).await);
        let call = node.call().await;
        assert_eq!(node.alert_counts(call).await, [0, 0, 0, 0]);
        node.store.write(Write::SeeAlert { emergency: call, helper: seeing.id }).await;
        assert_eq!(node.alert_counts(call).await, [1, 1, 1, 0], "seen is delivered");
        node.decline(call, &declining).await;
        assert_eq!(node.alert_counts(call).await, [2, 2, 2, 0]);
        node.accept(call, &accepting).await;
        assert_eq!(node.alert_counts(call).await, [3, 3, 3, 0]);
        // What was answered stays so.
        node.accept(call, &declining).await;
        node.update_response(call, &accepting, ResponseStatus::Cancelled).await;
        assert_eq!(node.alert_counts(call).await, [3, 3, 3, 0]);
    })
    .await;
}

pub async fn a_device_that_confirms_a_renewed_alert_is_not_pushed_again(store: Store) {
    service::telling(store, |node| async move {
        let helper = node.helper(100.0).await;
        let phone = node.phone(&helper).await;
        let owner = node.store.register().await;
        let call = node.raise_as(&owner).await;
        let first = node.steps(&[]).await;
        node.note(&first, SENT).await;
        node.confirm(&first[0], ReceiptState::Delivered).await;
        node.seconds(60);
        renew(&node.context(), &service::actor(&owner), call).await.unwrap();
        let renewed = node.steps(&[]).await;
        assert_eq!(devices_of(&renewed), [phone.id]);
        assert!(renewed[0].receipt != first[0].receipt);
        node.note(&renewed, SENT).await;
        // That of the first push came too late for the renewed alert, and still counts for the device.
        node.seconds(1);
        node.confirm(&first[0], ReceiptState::Delivered).await;
        node.confirm(&renewed[0], ReceiptState::Delivered).await;
        assert_eq!(node.stored_device(&phone).await.unwrap().last_delivered_at, Some(node.now()));
        for seconds in [4, 10, 15] {
            node.seconds(seconds);
            assert!(node.steps(&[]).await.is_empty(), "after {seconds} s");
        }
        assert_eq!(node.alert_counts(call).await, [1, 1, 0, 0]);
    })
    .await;
}

pub async fn a_late_receipt_of_the_alert_before_does_not_end_a_renewed_one(store: Store) {
    service::telling(store, |node| async move {
        let helper = node.helper(100.0).await;
        let phone = node.phone(&helper).await;
        let owner = node.store.register().await;
        let call = node.raise_as(&owner).await;
        let first = node.steps(&[]).await;
        node.note(&first, SENT).await;
        node.seconds(60);
        renew(&node.context(), &service::actor(&owner), call).await.unwrap();
        node.note(&node.steps(&[]).await, SENT).await;
        node.confirm(&first[0], ReceiptState::Delivered).await;
        assert_eq!(node.alert_counts(call).await, [1, 1, 0, 0]);
        node.seconds(5);
        assert!(node.steps(&[]).await.is_empty());
        node.seconds(10);
        assert_eq!(devices_of(&node.steps(&[]).await), [phone.id]);
    })
    .await;
}

pub async fn a_renewed_alert_that_was_seen_again_goes_on_nowhere(store: Store) {
    service::telling(store, |node| async move {
        let (by_push, by_connection) = (node.helper(100.0).await, node.helper(200.0).await);
        node.phone(&by_push).await;
        node.notify_everywhere(&by_push).await;
        node.notify_everywhere(&by_connection).await;
        let owner = node.store.register().await;
        let call = node.raise_as(&owner).await;
        for renewal in 0..2 {
            if renewal > 0 {
                node.seconds(60);
                renew(&node.context(), &service::actor(&owner), call).await.unwrap();
            }
            let pushes = node.steps(&[]).await;
            assert_eq!(pushes.len(), 1);
            node.note(&pushes, SENT).await;
            node.confirm(&pushes[0], ReceiptState::Seen).await;
            see(&node.context(), by_connection.id, id(), call).await.unwrap();
        }
        for seconds in [5, 10, 15] {
            node.seconds(seconds);
            assert!(node.steps(&[]).await.is_empty(), "after {seconds} s");
        }
        // Each helper counts once.
        assert_eq!(node.alert_counts(call).await, [2, 2, 2, 0]);
        let seen = |event: &&LoggedEvent| matches!(event.event, Event::AlertSeen { .. });
        assert_eq!(node.store.events_of(call).await.iter().filter(seen).count(), 2);
    })
    .await;
}

pub async fn a_receipt_counts_after_the_end_and_not_after_a_day(store: Store) {
    service::telling(store, |node| async move {
        let helper = node.helper(100.0).await;
        for _ in 0..3 {
            node.phone(&helper).await;
        }
        let owner = node.store.register().await;
        let call = node.raise_as(&owner).await;
        let pushes = node.steps(&[]).await;
        node.note(&pushes, SENT).await;
        node.withdraw(call, &owner).await;
        node.confirm(&pushes[0], ReceiptState::Delivered).await;
        assert_eq!(node.alert_counts(call).await, [1, 1, 0, 0]);
        node.seconds(24 * 60 * 60);
        node.confirm(&pushes[1], ReceiptState::Seen).await;
        assert_eq!(node.alert_counts(call).await, [1, 1, 1, 0], "the day is not over");
        node.seconds(1);
        node.confirm(&pushes[2], ReceiptState::Delivered).await;
        assert_eq!(node.stored_device(device_of(&pushes[2])).await.unwrap().last_delivered_at, None);
    })
    .await;
}
