//! Tests of resolving, cancelling and deleting.

use super::*;
use crate::{
    EmergencyState, Ending, HeldAnnouncement, ResolutionType, ResponseStatus,
    testing::{
        ADMIN, ALAN, Committed, GRACE_HOPPER, OWNER, STRANGER, account, active_emergency, actor, admin, anonymous, at,
        cancelled, edited, events_of, grace_hopper, helper, now, owner, resolved, store, updated, with_responses,
    },
};

fn service(emergency: &Emergency, outcomes: Vec<port::Result<()>>) -> (EmergencyPorts, Committed) {
    let (changes, committed) = store(outcomes);
    // Grace and a third were alerted; Alan declined without having been.
    let alerts = [alert(GRACE_HOPPER), alert(4), Alert { wave: None, ..declined(ALAN) }];
    (context(holding(emergency, &alerts), changes), committed)
}

fn notes() -> Text<500> {
    crate::testing::text("All well")
}

/// The event for the end of [`responding`].
fn ended(status: EmergencyStatus) -> Event {
    let (alerted, participants) = (vec![id(GRACE_HOPPER), id(4)], vec![id(OWNER), id(GRACE_HOPPER)]);
    Event::EmergencyEnded {
        status,
        at: now(),
        alerted,
        participants,
        hidden_from: vec![],
        announced: true,
        critical: false,
    }
}

fn responding() -> Emergency {
    with_responses(&[(GRACE_HOPPER, ResponseStatus::OnWay)])
}

#[tokio::test]
async fn an_end_names_the_users_that_a_block_separates() {
    for resolves in [true, false] {
        let mut emergencies = MockEmergencies::new();
        emergencies.expect_load().returning(|_, _| {
            let alerts = vec![alert(GRACE_HOPPER), alert(4)];
            Ok(Some(Loaded {
                emergency: responding(),
                alerts,
                near: vec![],
                hidden_from: vec![id(4)],
                rings: vec![],
                skipped: vec![],
                census: Vec::new(),
            }))
        });
        let (changes, committed) = store(vec![]);
        let cx = context(emergencies, changes);
        if resolves {
            resolve(&cx, &owner(), the_emergency(), None).await.unwrap();
        } else {
            cancel(&cx, &owner(), the_emergency(), None).await.unwrap();
        }
        for event in committed.only().events {
            match event.event {
                Event::EmergencyEnded { alerted, hidden_from, .. } => {
                    assert_eq!((alerted, hidden_from), (vec![id(GRACE_HOPPER)], vec![id(4)]));
                }
                Event::EmergencyCancelled { alerted, .. } => assert_eq!(alerted, [id(GRACE_HOPPER)]),
                _ => assert!(resolves),
            }
        }
    }
}

#[tokio::test]
async fn the_end_of_an_emergency_that_was_never_announced_says_so() {
    let held = HeldAnnouncement { due_at: at(60), nearby_helpers: 3 };
    for held in [None, Some(held)] {
        let (cx, committed) = service(&edited(responding(), |e| e.search.held_announcement = held), vec![]);
        cancel(&cx, &owner(), the_emergency(), None).await.unwrap();
        let end = committed.only().events.pop().unwrap().event;
        assert!(matches!(end, Event::EmergencyEnded { announced, .. } if announced == held.is_none()), "{end:?}");
    }
}

#[tokio::test]
async fn the_resolving_user_is_recorded_except_an_anonymous_owner() {
    use ResolutionType::{AdminResolved, HelperResolved, UserResolved};
    for (actor, by, resolution, hidden) in [
        (owner(), OWNER, UserResolved, true),
        (grace_hopper(), GRACE_HOPPER, HelperResolved, false),
        (actor(admin()), ADMIN, AdminResolved, false),
    ] {
        for (emergency, hidden) in [(responding(), false), (anonymous(responding()), hidden)] {
            let (cx, committed) = service(&emergency, vec![]);
            let (after, _) = resolve(&cx, &actor, the_emergency(), Some(notes())).await.unwrap();
            let change = committed.only();
            let named = if hidden { None } else { Some(id(by)) };
            let (at, anonymous) = (now(), emergency.call().details.anonymous);
            assert_eq!(
                events_of(&change, by),
                [
                    Event::EmergencyResolved { at, by: named, resolution, notes: Some(notes()), anonymous },
                    ended(EmergencyStatus::Resolved),
                ]
            );
            let ending = Ending { at, by: Some(id(by)), notes: Some(notes()) };
            assert_eq!(after.state(), &EmergencyState::Resolved { resolution, ending });
            assert_eq!(updated(&change), (after, vec![]));
            assert_eq!(change.writes.len(), 1, "somebody earned trust who was not there");
        }
    }
}

#[tokio::test]
async fn those_who_were_there_earn_trust() {
    let helped = with_responses(&[
        (GRACE_HOPPER, ResponseStatus::Arrived),
        (ALAN, ResponseStatus::Completed),
        (4, ResponseStatus::OnWay),
        (5, ResponseStatus::Cancelled),
    ]);
    let (cx, committed) = service(&helped, vec![]);
    resolve(&cx, &owner(), the_emergency(), None).await.unwrap();
    let trust = Write::AddTrust {
        emergency: the_emergency(),
        owner: id(OWNER),
        helpers: vec![id(GRACE_HOPPER), id(ALAN)],
        by: 50,
        unless_since: now() - chrono::TimeDelta::days(30),
    };
    assert_eq!(committed.only().writes[1..], [trust]);
}

#[tokio::test]
async fn cancelling_adds_no_trust() {
    let (cx, committed) = service(&with_responses(&[(GRACE_HOPPER, ResponseStatus::Arrived)]), vec![]);
    cancel(&cx, &owner(), the_emergency(), None).await.unwrap();
    assert_eq!(committed.only().writes.len(), 1);
}

#[tokio::test]
async fn the_owner_cancels_and_the_alerted_are_told() {
    let (cx, committed) = service(&responding(), vec![]);
    let after = cancel(&cx, &owner(), the_emergency(), Some(notes())).await.unwrap();
    let (change, at) = (committed.only(), now());
    assert_eq!(
        events_of(&change, OWNER),
        [
            Event::EmergencyCancelled {
                at,
                reason: Some(notes()),
                alerted: vec![id(GRACE_HOPPER), id(4)],
                anonymous: false,
            },
            ended(EmergencyStatus::Cancelled),
        ]
    );
    let ending = Ending { at, by: Some(id(OWNER)), notes: Some(notes()) };
    assert_eq!(after.state(), &EmergencyState::Cancelled(ending));
    assert_eq!(updated(&change), (after, vec![]));
}

#[tokio::test]
async fn others_neither_resolve_nor_cancel() {
    for actor in [actor(helper(ALAN)), actor(account(STRANGER))] {
        let (cx, committed) = service(&responding(), vec![]);
        assert_eq!(refusal(resolve(&cx, &actor, the_emergency(), None).await), Refusal::NotAuthorized);
        assert!(committed.is_empty());
    }
    for actor in [grace_hopper(), actor(admin()), actor(helper(ALAN)), actor(account(STRANGER))] {
        let (cx, committed) = service(&responding(), vec![]);
        assert_eq!(refusal(cancel(&cx, &actor, the_emergency(), None).await), Refusal::NotAuthorized);
        assert!(committed.is_empty());
    }
}

#[tokio::test]
async fn a_helper_who_cancelled_resolves_no_more() {
    let (cx, _) = service(&with_responses(&[(GRACE_HOPPER, ResponseStatus::Cancelled)]), vec![]);
    assert_eq!(refusal(resolve(&cx, &grace_hopper(), the_emergency(), None).await), Refusal::NotAuthorized);
}

#[tokio::test]
async fn what_ended_ends_once() {
    for over in [resolved(responding()), cancelled(responding())] {
        let (cx, committed) = service(&over, vec![]);
        let refused = Refusal::EmergencyEnded { status: over.status() };
        assert_eq!(refusal(resolve(&cx, &owner(), the_emergency(), None).await), refused);
        assert_eq!(refusal(cancel(&cx, &owner(), the_emergency(), None).await), refused);
        assert!(committed.is_empty());
    }
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let (changes, _) = store(vec![]);
    let cx = context(empty(), changes);
    let gone = the_emergency();
    assert_eq!(refusal(resolve(&cx, &owner(), gone, None).await), Refusal::EmergencyNotFound);
    assert_eq!(refusal(cancel(&cx, &owner(), gone, None).await), Refusal::EmergencyNotFound);
    assert_eq!(refusal(delete(&cx, &owner(), gone).await), Refusal::EmergencyNotFound);
}

/// A store in which another user resolves the emergency between the first and the second load.
fn resolved_meanwhile() -> MockEmergencies {
    let mut emergencies = MockEmergencies::new();
    let mut looks = [responding(), resolved(responding())].into_iter();
    emergencies.expect_load().times(2).returning(move |_, _| {
        let loaded = |emergency| Loaded {
            emergency,
            alerts: vec![],
            near: vec![],
            hidden_from: vec![],
            rings: vec![],
            skipped: vec![],
            census: Vec::new(),
        };
        Ok(looks.next().map(loaded))
    });
    emergencies
}

#[tokio::test]
async fn one_who_was_slower_decides_again_on_what_is_true_now() {
    let refused = Refusal::EmergencyEnded { status: EmergencyStatus::Resolved };
    let (changes, committed) = store(stale(1));
    let outcome = resolve(&context(resolved_meanwhile(), changes), &grace_hopper(), the_emergency(), None).await;
    assert_eq!((refusal(outcome), committed.attempts().len()), (refused.clone(), 1));
    let (changes, committed) = store(stale(1));
    let outcome = cancel(&context(resolved_meanwhile(), changes), &owner(), the_emergency(), None).await;
    assert_eq!((refusal(outcome), committed.attempts().len()), (refused, 1));
}

#[tokio::test]
async fn a_change_is_made_on_condition_of_the_revision_that_was_loaded() {
    let (cx, committed) = service(&responding(), stale(2));
    resolve(&cx, &owner(), the_emergency(), None).await.unwrap();
    let attempts = committed.attempts();
    assert_eq!(attempts.len(), 3);
    assert!(attempts.iter().all(|change| updated(change).0.revision() == active_emergency().revision()));
}

#[tokio::test]
async fn deciding_again_is_bounded() {
    let (cx, committed) = service(&responding(), stale(2000));
    assert_eq!(refusal(resolve(&cx, &owner(), the_emergency(), None).await), Refusal::Contended);
    assert_eq!(committed.attempts().len(), crate::usecase::retry::MAX_ATTEMPTS as usize);
    let (cx, committed) = service(&responding(), stale(2000));
    assert_eq!(refusal(cancel(&cx, &owner(), the_emergency(), None).await), Refusal::Contended);
    assert_eq!(committed.attempts().len(), crate::usecase::retry::MAX_ATTEMPTS as usize);
}

#[tokio::test]
async fn the_owner_deletes_what_has_ended() {
    for over in [resolved(active_emergency()), cancelled(active_emergency())] {
        let (cx, committed) = service(&over, vec![]);
        delete(&cx, &owner(), the_emergency()).await.unwrap();
        let expected = Change::new(Some(id(OWNER)), now())
            .write(Write::DeleteEmergency(DeletedEmergency::new(&over, now())))
            .event(the_emergency(), Event::EmergencyDeleted);
        assert_eq!(committed.only(), expected);
    }
}

#[tokio::test]
async fn a_live_emergency_is_not_deleted_and_only_its_owner_deletes_an_ended_one() {
    for live in [active_emergency(), responding()] {
        let (cx, committed) = service(&live, vec![]);
        assert_eq!(refusal(delete(&cx, &owner(), the_emergency()).await), Refusal::EmergencyLive);
        assert!(committed.is_empty());
    }
    for actor in [grace_hopper(), actor(admin())] {
        let (cx, committed) = service(&resolved(responding()), vec![]);
        assert_eq!(refusal(delete(&cx, &actor, the_emergency()).await), Refusal::NotAuthorized);
        assert!(committed.is_empty());
    }
}
