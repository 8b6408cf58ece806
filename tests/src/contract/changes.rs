//! Changes: each is stored as a whole or not at all.

use allynet_domain::{
    Account, Change, EventId, HelperReputation, Recipient, Revision, Write,
    port::{Constraint, Error},
};

use super::*;

pub async fn the_store_is_ready(store: Store) {
    store.changes.ready().await.unwrap();
}

pub async fn writes_are_applied_in_order(store: Store) {
    let [owner, helper] = [new_account(), new_account()];
    let emergency = call_of(&owner);
    let message = message_in(&emergency, at(0));
    let of = emergency.id();
    let register =
        |account: &Account| Write::RegisterAccount { account: Box::new(account.clone()), password: hash("$hash") };
    let recipients = vec![Recipient::new(helper.id, metres(3.0))];
    let session = session_of(owner.id);
    // Each needs the one before it, and the last undoes an earlier one.
    let all = change()
        .write(register(&owner))
        .write(register(&helper))
        .write(Write::OpenSession(session.clone()))
        .write(raise(&emergency))
        .write(Write::SendAlerts { emergency: of, wave: 1, recipients })
        .write(Write::PostMessage(message.clone()))
        .write(Write::SetDeclined { emergency: of, helper: helper.id, declined: true })
        .write(Write::SetPassword { user: owner.id, password: hash("$new") })
        .write(Write::DeleteMessage { emergency: of, message: message.id })
        .write(Write::SetDeclined { emergency: of, helper: helper.id, declined: false });
    store.commit(all).await;
    let loaded = store.load(of).await;
    assert_eq!(loaded.alerted(), [helper.id]);
    assert_eq!(loaded.alerts[0].declined_at, None);
    assert_eq!(store.message(of, message.id).await, None);
    assert!(store.sessions.authenticate(session.id, owner.id).await.unwrap().is_some());
    assert_eq!(store.accounts.credentials(&owner.email).await.unwrap().unwrap().password, hash("$new"));
}

pub async fn a_change_that_fails_leaves_nothing_behind(store: Store) {
    let helper = store.helper().await;
    let emergency = store.emergency().await;
    let of = emergency.id();
    store.accept(of, &helper, at(1)).await;
    let rated = store.helper().await;
    store.accept(of, &rated, at(1)).await;
    let [rated, reporter] = [rated.id, emergency.owner()];
    store.write(counted_rating(&emergency, rated, 5)).await;
    let report = Write::AddReport { emergency: of, reporter, about: helper.id, reason: text("rude") };
    store.write(report.clone()).await;
    let owner_again = store.account(reporter).await;
    let with_request = |call| edited(call, |e| e.request_id = Some(text("tap")));
    let ended = store.raise(with_request(call_of(&store.register().await)));
    let ended = ended.await;
    store.resolve(ended.id(), at(2)).await;
    let mut elsewhere = store.emergency().await;
    elsewhere.accept(helper.helper_card(), None, allynet_domain::testing::REACCEPT_PAUSE, at(3)).unwrap();
    let revision = store.find(elsewhere.id()).await.revision();
    elsewhere = edited(elsewhere, |e| e.revision = revision);
    let engaged = elsewhere.responses().to_vec();
    let twice = Account { email: helper.email.clone(), ..new_account() };
    let same_request = with_request(call_of(&store.account(ended.owner()).await));

    let timeline = store.log.events_of(of, EventId::START, 100).await.unwrap();
    let before = store.load(of).await;
    for (failing, expected) in [
        (Write::RegisterAccount { account: Box::new(twice), password: hash("$x") }, Some(Constraint::Email)),
        (raise(&call_of(&owner_again)), Some(Constraint::LiveEmergency)),
        (raise(&same_request), Some(Constraint::RequestId)),
        (update(&elsewhere, engaged), Some(Constraint::Engaged)),
        (counted_rating(&emergency, rated, 1), Some(Constraint::Rating)),
        (report, Some(Constraint::Report)),
        (Write::ExpectRevision { emergency: of, revision: Revision(99) }, None),
    ] {
        let newcomer = new_account();
        let message = message_in(&emergency, at(5));
        let moved = edited(before.emergency.clone(), |e| e.updated_at = at(99));
        let change = Change::new(None, at(5))
            .write(Write::RegisterAccount { account: Box::new(newcomer.clone()), password: hash("$x") })
            .write(trust(&emergency, vec![rated], 50))
            .write(update(&moved, Vec::new()))
            .write(Write::PostMessage(message.clone()))
            .write(failing)
            .write(Write::SetDeclined { emergency: of, helper: rated, declined: true })
            .event(of, marker(1));
        let outcome = store.changes.commit(change).await;
        match (&outcome, expected) {
            (Err(Error::Stale), None) => {}
            (Err(Error::Conflict(constraint)), Some(expected)) if *constraint == expected => {}
            _ => panic!("{outcome:?} instead of {expected:?}"),
        }
        assert_eq!(store.accounts.find(newcomer.id).await.unwrap(), None, "{expected:?}");
        let reputation = HelperReputation { trust_score: 0, rating_sum: 5, rating_count: 1 };
        assert_eq!(store.account(rated).await.reputation, reputation, "{expected:?}");
        assert_eq!(store.load(of).await, before, "{expected:?}");
        assert_eq!(store.message(of, message.id).await, None, "{expected:?}");
        assert_eq!(store.log.events_of(of, EventId::START, 100).await.unwrap(), timeline, "{expected:?}");
    }
}

pub async fn an_empty_change_is_committed(store: Store) {
    store.commit(change()).await;
}
