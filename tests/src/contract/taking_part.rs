//! Who takes part: blocking while a helper responds, completed responses, requests for more help, and undone ends.

use allynet_domain::{
    Account, BlockTarget, EmergencyId, EmergencyStatus, Error, Event, HelperPolicy, Refusal, ResponseStatus,
    Verification, Write,
    port::{Constraint, DeletedPage},
    usecase::{helpers, reopening, responses},
};
use chrono::TimeDelta;
use futures_util::future::join;

use ResponseStatus::{Cancelled, OnWay, Responding};

use super::*;

impl Service {
    /// An administrator blocks an account, or rejects it as a helper.
    pub async fn shut_out(&self, user: &Account, blocks: bool) {
        let admin = actor(&Account { role: allynet_domain::Role::Admin, ..self.store.register().await });
        let (people, cx) = (self.people_ports(), self.context());
        if blocks {
            helpers::block(&people, &cx, &admin, user.id, true, None).await.unwrap();
        } else {
            helpers::verify(&people, &cx, &admin, user.id, &helpers::VerificationDecision::new(Verification::Rejected))
                .await
                .unwrap();
        }
    }

    async fn owner_of(&self, emergency: EmergencyId) -> Account {
        let owner = self.store.find(emergency).await.owner();
        self.store.account(owner).await
    }

    async fn renew(&self, emergency: EmergencyId) -> Result<(), Error> {
        let owner = self.owner_of(emergency).await;
        responses::renew(&self.context(), &actor(&owner), emergency).await.map(drop)
    }

    async fn resolve_as(&self, emergency: EmergencyId, by: &Account) {
        allynet_domain::usecase::emergencies::resolve(&self.context(), &actor(by), emergency, None).await.unwrap();
    }

    async fn reopen(&self, emergency: EmergencyId, by: &Account) -> Result<(), Error> {
        reopening::reopen(&self.context(), &actor(by), emergency).await.map(drop)
    }

    async fn status(&self, emergency: EmergencyId) -> EmergencyStatus {
        self.store.find(emergency).await.status()
    }

    async fn response(&self, emergency: EmergencyId, helper: &Account) -> ResponseStatus {
        self.store.find(emergency).await.response(helper.id).unwrap().status
    }
}

fn with(verification: Verification) -> Account {
    Account { helper: Some(allynet_domain::HelperRecord { verification, ..verified() }), ..new_account() }
}

fn refused(outcome: Result<(), Error>) -> Option<Refusal> {
    match outcome {
        Ok(()) => None,
        Err(Error::Refused(refusal)) => Some(refusal),
        Err(Error::Port(error)) => panic!("{error:?}"),
    }
}

pub async fn blocking_or_rejecting_a_helper_ends_their_responses(store: Store) {
    telling(store, |service| async move {
        for blocks in [true, false] {
            for last in [ResponseStatus::OnWay, ResponseStatus::Arrived, ResponseStatus::Completed] {
                let [near, far] = service.helpers([1, 2]).await.try_into().unwrap();
                let of = service.call().await;
                service.accept(of, &near).await;
                service.update_response(of, &near, last).await;
                let before = service.events(of).await.len();
                service.shut_out(&near, blocks).await;
                assert_eq!(service.response(of, &near).await, ResponseStatus::Cancelled, "{last}");
                assert_eq!(service.status(of).await, EmergencyStatus::Active);
                let events = service.events(of).await.split_off(before);
                let kinds: Vec<_> = events.iter().map(|e| e.event.kind()).collect();
                assert_eq!(kinds, ["helper_status_updated", "status_changed", "helpers_alerted"]);
                let refusal = service.try_accept(of, &service.store.account(near.id).await).await;
                assert_eq!(refusal, Err(Refusal::NotAHelper));
                // One who may help still can, and the emergency is not bound to the one who left.
                service.accept(of, &far).await;
                service.store.resolve(of, service.now()).await;
                service.store.write(Write::SetBlocked { user: far.id, blocked: true, reason: None }).await;
            }
        }
    })
    .await;
}

pub async fn of_a_block_and_an_accept_at_once_no_response_is_left(store: Store) {
    with_seeds(store, 1..=20, |service| async move {
        let nodes = [service.clone(), service.another().await];
        let helper = service.helper(1_000.0).await;
        let of = service.call().await;
        let (accepted, ()) =
            join(nodes[0].try_accept(of, &helper), nodes[1].shut_out(&helper, service.seed % 2 == 0)).await;
        let emergency = service.store.find(of).await;
        match accepted {
            Ok(()) => assert_eq!(emergency.response(helper.id).unwrap().status, ResponseStatus::Cancelled),
            Err(refusal) => assert_eq!((refusal, emergency.responses().len()), (Refusal::NotAHelper, 0)),
        }
        assert_eq!(emergency.status(), EmergencyStatus::Active);
        service.store.resolve(of, service.now()).await;
    })
    .await;
}

pub async fn of_a_block_and_a_status_at_once_no_response_is_left(store: Store) {
    with_seeds(store, 1..=20, |service| async move {
        let nodes = [service.clone(), service.another().await];
        let helper = service.helper(1_000.0).await;
        let of = service.call().await;
        service.accept(of, &helper).await;
        let told = allynet_domain::ResponseUpdate {
            status: ResponseStatus::Arrived,
            notes: None,
            estimated_arrival: None,
            resource_state: None,
        };
        let (cx, by) = (nodes[0].context(), actor(&helper));
        let (updated, ()) =
            join(Box::pin(responses::update(&cx, &by, of, told)), nodes[1].shut_out(&helper, true)).await;
        if let Err(error) = updated {
            assert!(matches!(error, Error::Refused(Refusal::InvalidTransition { .. })), "{error:?}");
        }
        assert_eq!(service.response(of, &helper).await, ResponseStatus::Cancelled);
        assert_eq!(service.status(of).await, EmergencyStatus::Active);
        service.store.resolve(of, service.now()).await;
    })
    .await;
}

pub async fn an_account_is_expected_to_be_allowed_to_help(store: Store) {
    let pending = store.register_as(with(Verification::Pending)).await;
    let rejected = store.register_as(with(Verification::Rejected)).await;
    let blocked = store.helper().await;
    store.write(Write::SetBlocked { user: blocked.id, blocked: true, reason: None }).await;
    for (user, verified, open) in [
        (store.helper().await.id, true, true),
        (store.register().await.id, false, true),
        (pending.id, false, true),
        (rejected.id, false, false),
        (blocked.id, false, false),
    ] {
        for (policy, allowed) in [(HelperPolicy::Verified, verified), (HelperPolicy::Open, open)] {
            match store.try_write(Write::ExpectMayHelp { user, policy }).await {
                Ok(()) => assert!(allowed, "{policy}"),
                Err(allynet_domain::port::Error::Conflict(Constraint::MayHelp)) => assert!(!allowed, "{policy}"),
                Err(other) => panic!("{other:?}"),
            }
        }
    }
}

pub async fn a_completed_response_counts_as_help_for_a_while(store: Store) {
    telling(store, |service| async move {
        for (arrives, minutes) in [(true, 10), (false, 1)] {
            let helper = service.helper(9_000.0).await;
            let of = service.call().await;
            service.accept(of, &helper).await;
            if arrives {
                service.update_response(of, &helper, ResponseStatus::Arrived).await;
            }
            service.update_response(of, &helper, ResponseStatus::Completed).await;
            for _ in 0..minutes {
                service.fire().await;
                assert_eq!(service.status(of).await, EmergencyStatus::Responding);
                service.advance(TimeDelta::minutes(1));
            }
            let before = service.events(of).await.len();
            let another = service.another().await;
            tokio::join!(service.fire(), another.fire());
            assert_eq!(service.status(of).await, EmergencyStatus::Active);
            let events = service.events(of).await.split_off(before);
            let kinds: Vec<_> = events.iter().map(|e| e.event.kind()).collect();
            assert_eq!(kinds, ["status_changed", "helpers_alerted"], "once, whichever node is first");
            service.accept(of, &helper).await;
            assert_eq!(service.response(of, &helper).await, ResponseStatus::Responding, "who completed may come again");
            service.store.resolve(of, service.now()).await;
        }
    })
    .await;
}

pub async fn more_help_is_searched_while_a_helper_is_on_the_way(store: Store) {
    telling(store, |service| async move {
        let helper = service.helper(1_000.0).await;
        let of = service.call().await;
        service.accept(of, &helper).await;
        service.advance(TimeDelta::seconds(1));
        service.renew(of).await.unwrap();
        assert_eq!(service.status(of).await, EmergencyStatus::Responding);
        assert!(service.store.find(of).await.next_alert_at().is_some());
        let Some(Refusal::TooSoon { .. }) = refused(service.renew(of).await) else { panic!("renewed at once") };
        service.advance(TimeDelta::seconds(30));
        // One who came into range is alerted although another helper is on the way.
        let late = service.helper(1_000.0).await;
        service.renew(of).await.unwrap();
        let loaded = service.store.load(of).await;
        assert!(loaded.alerted().contains(&late.id), "the search runs while somebody comes");
        service.store.resolve(of, service.now()).await;
    })
    .await;
}

pub async fn of_a_renewal_and_an_accept_at_once_both_are_stored(store: Store) {
    with_seeds(store, 1..=8, |service| async move {
        let nodes = [service.clone(), service.another().await];
        let [first, second] = service.helpers([1, 2]).await.try_into().unwrap();
        let of = service.call().await;
        service.accept(of, &first).await;
        service.advance(TimeDelta::seconds(1));
        let (renewed, accepted) = join(nodes[0].renew(of), nodes[1].try_accept(of, &second)).await;
        assert_eq!((refused(renewed), accepted), (None, Ok(())));
        let emergency = service.store.find(of).await;
        assert!(emergency.renewed_at().is_some() && emergency.is_responding(second.id));
        assert_eq!(emergency.status(), EmergencyStatus::Responding);
        service.store.resolve(of, service.now()).await;
    })
    .await;
}

pub async fn an_end_by_a_helper_is_undone(store: Store) {
    telling(store, |service| async move {
        let [a, b, c, d] = service.helpers([1, 2, 3, 4]).await.try_into().unwrap();
        let of = service.call().await;
        for helper in [&a, &b, &c, &d] {
            service.accept(of, helper).await;
        }
        service.update_response(of, &a, ResponseStatus::Arrived).await;
        service.resolve_as(of, &a).await;
        assert_eq!(service.store.account(a.id).await.reputation.trust_score, 50);
        // Meanwhile one responds elsewhere, and another is blocked.
        let elsewhere = service.call().await;
        service.accept(elsewhere, &c).await;
        service.shut_out(&d, true).await;
        let owner = service.owner_of(of).await;
        service.reopen(of, &owner).await.unwrap();
        let statuses = [
            service.response(of, &a).await,
            service.response(of, &b).await,
            service.response(of, &c).await,
            service.response(of, &d).await,
        ];
        assert_eq!(statuses, [OnWay, Responding, Cancelled, Cancelled]);
        let emergency = service.store.find(of).await;
        assert_eq!((emergency.status(), emergency.ending()), (EmergencyStatus::Responding, None));
        assert_eq!(service.store.account(a.id).await.reputation.trust_score, 0, "trust of that end is taken back");
        let reopened =
            service.events(of).await.into_iter().find(|e| matches!(e.event, Event::EmergencyReopened { .. }));
        assert!(reopened.is_some());
        // They are bound to it again, and found as such.
        let other = service.call().await;
        assert_eq!(service.try_accept(other, &b).await, Err(Refusal::AlreadyRespondingElsewhere));
        let live = service.store.emergencies.live_of(b.id).await.unwrap().emergencies;
        assert_eq!(live.iter().map(allynet_domain::Emergency::id).collect::<Vec<_>>(), [of]);
        for ended in [of, other, elsewhere] {
            service.store.resolve(ended, service.now()).await;
        }
    })
    .await;
}

pub async fn a_completed_response_of_a_helper_who_may_not_help_any_more_is_cancelled_when_it_is_live_again(
    store: Store,
) {
    telling(store, |service| async move {
        let [rejected, elsewhere, other] = service.helpers([1, 2, 3]).await.try_into().unwrap();
        let of = service.call().await;
        for helper in [&rejected, &elsewhere, &other] {
            service.accept(of, helper).await;
        }
        for helper in [&rejected, &elsewhere] {
            service.update_response(of, helper, ResponseStatus::Completed).await;
        }
        service.resolve_as(of, &other).await;
        service.shut_out(&rejected, false).await;
        let second = service.call().await;
        service.accept(second, &elsewhere).await;
        let owner = service.owner_of(of).await;
        service.reopen(of, &owner).await.unwrap();
        assert_eq!(service.response(of, &rejected).await, Cancelled);
        assert_eq!(service.response(of, &elsewhere).await, ResponseStatus::Completed, "they may help, and did");
        assert_eq!(service.response(of, &other).await, Responding);
        for ended in [of, second] {
            service.store.resolve(ended, service.now()).await;
        }
    })
    .await;
}

pub async fn helpers_with_a_block_do_not_come_back(store: Store) {
    telling(store, |service| async move {
        for anonymous in [false, true] {
            let [blocked, blocking, other] = service.helpers([1, 2, 3]).await.try_into().unwrap();
            let owner = service.store.register().await;
            let call = edited(call_of(&owner), |e| e.call.details.anonymous = anonymous);
            let of = service.store.raise(call).await.id();
            for helper in [&blocked, &blocking, &other] {
                service.accept(of, helper).await;
            }
            service.resolve_as(of, &other).await;
            service.store.block(&owner, BlockTarget::User(blocked.id)).await;
            service.store.block(&blocking, BlockTarget::User(owner.id)).await;
            service.reopen(of, &owner).await.unwrap();
            assert_eq!(service.response(of, &blocked).await, Cancelled);
            // A helper who drops out for a block of their own would tell who the anonymous owner is.
            let expected = if anonymous { Responding } else { Cancelled };
            assert_eq!(service.response(of, &blocking).await, expected, "{anonymous}");
            assert_eq!(service.response(of, &other).await, Responding);
            service.store.resolve(of, service.now()).await;
        }
    })
    .await;
}

pub async fn an_owner_with_another_emergency_reopens_none(store: Store) {
    telling(store, |service| async move {
        let helper = service.helper(1_000.0).await;
        let of = service.call().await;
        service.accept(of, &helper).await;
        service.resolve_as(of, &helper).await;
        let owner = service.owner_of(of).await;
        let other = service.store.raise(call_of(&owner)).await.id();
        let refusal = refused(service.reopen(of, &owner).await);
        assert_eq!(refusal, Some(Refusal::ActiveEmergencyExists { emergency: other }));
        assert_eq!(refused(service.reopen(of, &helper).await), Some(Refusal::NotReopenable));
        assert_eq!(service.status(of).await, EmergencyStatus::Resolved);
        service.store.resolve(other, service.now()).await;
    })
    .await;
}

pub async fn of_many_who_reopen_at_once_exactly_one_does(store: Store) {
    with_seeds(store, 1..=8, |service| async move {
        let nodes = [service.clone(), service.another().await];
        let [a, b] = service.helpers([1, 2]).await.try_into().unwrap();
        let of = service.call().await;
        for helper in [&a, &b] {
            service.accept(of, helper).await;
        }
        service.resolve_as(of, &a).await;
        let owner = service.owner_of(of).await;
        let outcomes = tokio::join!(nodes[0].reopen(of, &owner), nodes[1].reopen(of, &a), nodes[0].reopen(of, &b));
        let outcomes = [outcomes.0, outcomes.1, outcomes.2].map(refused);
        let done = outcomes.iter().filter(|o| o.is_none()).count();
        assert_eq!(done, 1, "{outcomes:?}");
        assert!(outcomes.iter().flatten().all(|o| *o == Refusal::NotReopenable), "{outcomes:?}");
        let reopened =
            service.events(of).await.into_iter().filter(|e| matches!(e.event, Event::EmergencyReopened { .. }));
        assert_eq!(reopened.count(), 1);
        service.store.resolve(of, service.now()).await;
    })
    .await;
}

pub async fn records_of_deleted_emergencies_are_paged_newest_first(store: Store) {
    let mut expected = Vec::new();
    for seconds in [1, 1, 2] {
        let owner = store.register().await;
        let call = edited(call_created(&owner, at(seconds)), |e| {
            e.call.details.location.position = place(52.520_1, 13.404_9);
        });
        let of = store.raise(call).await.id();
        store.resolve(of, at(5)).await;
        let record = allynet_domain::DeletedEmergency::new(&store.find(of).await, at(9));
        store.write(Write::DeleteEmergency(record.clone())).await;
        expected.push(record);
    }
    expected.sort_by_key(|record| std::cmp::Reverse((record.created_at, record.id)));
    let page = async |before, limit| store.emergencies.deleted(&DeletedPage { before, limit }).await.unwrap();
    assert_eq!(page(None, 10).await, expected);
    assert_eq!(page(None, 1).await, expected[..1]);
    assert_eq!(page(Some((expected[1].created_at, expected[1].id)), 10).await, expected[2..]);
    assert_eq!((expected[0].ended_at, expected[0].deleted_at), (at(5), at(9)));
    // Kept for a while, and then removed.
    assert_eq!(store.changes.forget_deleted(at(9), at(9), 10).await.unwrap(), 0);
    assert_eq!(store.changes.forget_deleted(at(10), at(10), 2).await.unwrap(), 2);
    assert_eq!(store.changes.forget_deleted(at(10), at(10), 10).await.unwrap(), 1);
    assert_eq!(page(None, 10).await, []);
}
