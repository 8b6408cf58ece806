//! Changes of an emergency: conditional on its revision, one engagement per helper, and final at the end.

use allynet_domain::{
    Change, Emergency, EmergencyId, EmergencyStatus, Event, Relation, ResponseStatus, Revision, UserId, Write,
    port::Error,
};
use futures_util::future::{join, join_all};

use super::*;

fn helpers(emergency: &Emergency) -> Vec<(UserId, ResponseStatus)> {
    emergency.responses().iter().map(|r| (r.helper.person.id, r.status)).collect()
}

impl Store {
    async fn revision(&self, id: EmergencyId) -> Revision {
        let revision = self.find(id).await.revision();
        assert_eq!(self.load(id).await.emergency.revision(), revision);
        revision
    }
}

pub async fn responses_are_listed_in_the_order_of_first_acceptance(store: Store) {
    let id = store.emergency().await.id();
    let [a, b, c] = [store.helper().await, store.helper().await, store.helper().await];
    for (helper, seconds) in [(&c, 1), (&a, 2), (&b, 3)] {
        assert_eq!(store.accept(id, helper, at(seconds)).await, Answer::Joined);
    }
    store.update_response(id, &c, ResponseStatus::Cancelled).await;
    store.accept(id, &c, at(9)).await;
    let found = store.find(id).await;
    let responding = |h: &allynet_domain::Account| (h.id, ResponseStatus::Responding);
    assert_eq!(helpers(&found), [responding(&c), responding(&a), responding(&b)], "who comes again keeps their place");
    assert_eq!(found.status(), EmergencyStatus::Responding);
    assert_eq!(found.first_response_at(), Some(at(1)));
    assert_eq!(found.responses()[0].responded_at, at(9));
    assert_eq!(found.responses()[0].helper, c.helper_card());
}

pub async fn only_the_responses_handed_over_are_written(store: Store) {
    let id = store.emergency().await.id();
    let [a, b] = [store.helper().await, store.helper().await];
    store.accept(id, &a, at(1)).await;
    store.accept(id, &b, at(2)).await;
    let emergency = edited(store.load(id).await.emergency, |e| {
        for response in &mut e.responses {
            response.status = ResponseStatus::OnWay;
            response.notes = Some(text("five minutes, \"maybe\""));
            response.estimated_arrival = Some(at(300));
            response.updated_at = at(4);
            response.record.dispatch.stalled_at = Some(at(3));
            response.record.dispatch.has_moved = true;
        }
    });
    let handed_over = emergency.responses()[1].clone();
    let before = store.find(id).await.responses()[0].clone();
    store.write(update(&emergency, vec![handed_over.clone()])).await;
    assert_eq!(store.find(id).await.responses(), [before, handed_over]);
}

pub async fn each_update_grows_the_revision_by_one(store: Store) {
    let [first, second] = [store.emergency().await.id(), store.emergency().await.id()];
    let Revision(begin) = store.revision(first).await;
    for n in 1..=3 {
        let emergency = edited(store.load(first).await.emergency, |e| e.updated_at = at(n));
        store.write(update(&emergency, Vec::new())).await;
        assert_eq!(store.revision(first).await, Revision(begin + n));
        assert_eq!(store.find(first).await.updated_at(), at(n));
    }
    assert_eq!(store.revision(second).await, Revision(begin));
}

pub async fn a_stale_revision_is_refused_and_changes_nothing(store: Store) {
    let id = store.emergency().await.id();
    let [a, b] = [store.helper().await, store.helper().await];
    let mut stale = store.load(id).await.emergency;
    store.accept(id, &a, at(1)).await;
    let current = store.find(id).await;
    stale.accept(b.helper_card(), None, allynet_domain::testing::REACCEPT_PAUSE, at(2)).unwrap();
    let future = edited(stale.clone(), |e| e.revision = Revision(current.revision().0 + 1));
    for wrong in [stale, future] {
        let responses = wrong.responses().to_vec();
        let event = Event::HelperJoined {
            helper: b.helper_card(),
            joined_at: at(2),
            estimated_arrival: None,
            transport: allynet_domain::dispatch::Transport::Foot,
            separated_from: vec![],
        };
        let change = change().write(update(&wrong, responses)).event(id, event);
        let outcome = store.changes.commit(change).await;
        assert!(matches!(outcome, Err(Error::Stale)), "{outcome:?}");
        assert_eq!(store.find(id).await, current);
    }
    let unknown = call_of(&store.register().await);
    let outcome = store.try_write(update(&unknown, Vec::new())).await;
    assert!(matches!(outcome, Err(Error::Stale)), "{outcome:?}");
}

pub async fn an_expected_revision_must_still_hold_and_does_not_grow(store: Store) {
    let emergency = store.emergency().await;
    let of = emergency.id();
    let revision = store.revision(of).await;
    let expect = |revision| Write::ExpectRevision { emergency: of, revision };
    let post = || message_in(&emergency, at(1));
    store.commit(change().write(expect(revision)).write(Write::PostMessage(post()))).await;
    assert_eq!(store.revision(of).await, revision);

    store.resolve(of, at(2)).await;
    for wrong in [revision, Revision(revision.0 + 2)] {
        let late = post();
        let outcome = store.changes.commit(change().write(expect(wrong)).write(Write::PostMessage(late.clone()))).await;
        assert!(matches!(outcome, Err(Error::Stale)), "{outcome:?}");
        assert_eq!(store.message(of, late.id).await, None);
    }
    let unknown = Write::ExpectRevision { emergency: id(), revision };
    assert!(matches!(store.try_write(unknown).await, Err(Error::Stale)));
}

pub async fn of_many_updates_decided_on_one_revision_exactly_one_is_stored(store: Store) {
    let other_node = store.another().await;
    for _ in 0..5 {
        let id = store.emergency().await.id();
        let loaded = store.load(id).await.emergency;
        let nodes = [&store, &other_node].into_iter().cycle();
        let attempts = (1..=12).zip(nodes).map(|(n, node)| {
            let decided = edited(loaded.clone(), |e| e.updated_at = at(n));
            async move { node.try_write(update(&decided, Vec::new())).await }
        });
        let outcomes = join_all(attempts).await;
        assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1, "{outcomes:?}");
        assert_eq!(outcomes.iter().filter(|o| matches!(o, Err(Error::Stale))).count(), 11, "{outcomes:?}");
        assert_eq!(store.revision(id).await, Revision(loaded.revision().0 + 1));
    }
}

pub async fn a_helper_is_engaged_in_one_emergency_at_a_time(store: Store) {
    let helper = store.helper().await;
    let [first, second] = [store.emergency().await.id(), store.emergency().await.id()];
    assert_eq!(store.accept(first, &helper, at(1)).await, Answer::Joined);
    for status in [ResponseStatus::Responding, ResponseStatus::OnWay, ResponseStatus::Arrived] {
        store.update_response(first, &helper, status).await;
        let before = store.find(second).await;
        assert_eq!(store.accept(second, &helper, at(2)).await, Answer::EngagedElsewhere, "{status}");
        assert_eq!(store.find(second).await, before);
    }
    let other = store.helper().await;
    assert_eq!(store.accept(second, &other, at(3)).await, Answer::Joined);
}

pub async fn of_two_accepts_of_one_helper_at_once_exactly_one_is_stored(store: Store) {
    let other_node = store.another().await;
    for _ in 0..15 {
        let helper = store.helper().await;
        let [a, b] = [store.emergency().await.id(), store.emergency().await.id()];
        let (one, two) = join(store.accept(a, &helper, at(1)), other_node.accept(b, &helper, at(1))).await;
        assert!(
            matches!(
                (one, two),
                (Answer::Joined, Answer::EngagedElsewhere) | (Answer::EngagedElsewhere, Answer::Joined)
            ),
            "{one:?} {two:?}"
        );
        let [in_a, in_b] = [store.find(a).await, store.find(b).await].map(|e| e.is_responding(helper.id));
        assert_eq!((in_a, in_b), (one == Answer::Joined, two == Answer::Joined));
    }
}

pub async fn a_helper_who_completed_or_cancelled_may_respond_elsewhere(store: Store) {
    let helper = store.helper().await;
    for last in [ResponseStatus::Completed, ResponseStatus::Cancelled] {
        let [first, second] = [store.emergency().await.id(), store.emergency().await.id()];
        store.accept(first, &helper, at(1)).await;
        store.update_response(first, &helper, last).await;
        assert_eq!(store.accept(second, &helper, at(2)).await, Answer::Joined, "{last}");
        if last == ResponseStatus::Cancelled {
            assert_eq!(store.accept(first, &helper, at(3)).await, Answer::EngagedElsewhere, "no way back meanwhile");
        }
        store.update_response(second, &helper, ResponseStatus::Completed).await;
    }
}

pub async fn an_end_releases_all_responding_helpers(store: Store) {
    let [a, b] = [store.helper().await, store.helper().await];
    for round in 0..2 {
        let [first, second] = [store.emergency().await.id(), store.emergency().await.id()];
        store.accept(first, &a, at(1)).await;
        store.accept(first, &b, at(1)).await;
        store.update_response(first, &b, ResponseStatus::Arrived).await;
        if round == 0 {
            store.resolve(first, at(2)).await;
        } else {
            store.cancel(first, at(2)).await;
        }
        for helper in [&a, &b] {
            assert_eq!(store.accept(second, helper, at(3)).await, Answer::Joined);
        }
        let responses = helpers(&store.find(first).await);
        assert_eq!(
            responses,
            [(a.id, ResponseStatus::Responding), (b.id, ResponseStatus::Arrived)],
            "they stay listed"
        );
        store.resolve(second, at(4)).await;
    }
}

pub async fn a_resolve_racing_an_accept_never_brings_an_emergency_back_to_life(store: Store) {
    let other_node = store.another().await;
    for round in 0..40 {
        let id = store.emergency().await.id();
        let helper = store.helper().await;
        let answer = if round % 2 == 0 {
            join(store.accept(id, &helper, at(1)), other_node.resolve(id, at(1))).await.0
        } else {
            join(other_node.resolve(id, at(1)), store.accept(id, &helper, at(1))).await.1
        };
        let found = other_node.find(id).await;
        assert_eq!(found.status(), EmergencyStatus::Resolved, "{answer:?}");
        assert!(found.ending().is_some());
        assert_eq!(found.is_responding(helper.id), answer == Answer::Joined);
        let timeline = store.log.events_of(id, allynet_domain::EventId::START, 10).await.unwrap();
        let ended = |e: &allynet_domain::LoggedEvent| matches!(e.event, Event::EmergencyEnded { .. });
        assert_eq!(timeline.iter().position(ended), Some(timeline.len() - 1), "nothing happens after the end");
        assert_eq!(timeline.len(), if answer == Answer::Joined { 2 } else { 1 });
        // Either way the helper is free again.
        let next = store.emergency().await.id();
        assert_eq!(store.accept(next, &helper, at(2)).await, Answer::Joined);
    }
}

pub async fn how_an_emergency_ended_is_read_back(store: Store) {
    let [helper, admin] = [store.helper().await, store.register().await];
    for relation in [Some(Relation::Owner), Some(Relation::RespondingHelper), Some(Relation::Admin), None] {
        let id = store.emergency().await.id();
        store.accept(id, &helper, at(1)).await;
        let mut emergency = store.load(id).await.emergency;
        let owner = emergency.owner();
        let notes = Some(text("all well"));
        match relation {
            Some(Relation::RespondingHelper) => {
                emergency.resolve(helper.id, Relation::RespondingHelper, notes, at(5)).map(drop)
            }
            Some(Relation::Admin) => emergency.resolve(admin.id, Relation::Admin, notes, at(5)).map(drop),
            Some(relation) => emergency.resolve(owner, relation, None, at(5)).map(drop),
            None => emergency.cancel(owner, notes, at(5)),
        }
        .unwrap();
        store.write(update(&emergency, Vec::new())).await;
        let found = store.find(id).await;
        assert_eq!(found, edited(emergency, |e| e.revision = found.revision()));
    }
    let id = store.emergency().await.id();
    let mut expired = store.load(id).await.emergency;
    expired.expire(at(9)).unwrap();
    store.commit(Change::new(None, at(9)).write(update(&expired, Vec::new()))).await;
    assert_eq!(store.find(id).await.state(), expired.state());
}
