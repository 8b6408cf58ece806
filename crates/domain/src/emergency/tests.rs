//! The tables of the emergency's rules: which response may become which, what an end does, and who stands how.

mod sequences;

use super::*;
use crate::{
    Role, Verification,
    given::{
        ADMIN, ALAN, GRACE, NOBODY, OWNER, account, admin, at, cancelled, card, emergency, helper, id, record,
        resolved, text, with_responses,
    },
};
use ResponseStatus::{Arrived, Cancelled, Completed, OnWay, Responding};

fn told(status: ResponseStatus) -> ResponseUpdate {
    ResponseUpdate { status, notes: None, estimated_arrival: None }
}

#[test]
fn a_response_goes_forward_only_and_is_cancelled_from_any_but_completed() {
    let allowed = [
        (Responding, [true, true, true, true, true]),
        (OnWay, [false, true, true, true, true]),
        (Arrived, [false, false, true, true, true]),
        (Completed, [false, false, false, true, false]),
        (Cancelled, [false, false, false, false, false]),
    ];
    for (from, row) in allowed {
        for (to, allowed) in ResponseStatus::ALL.iter().copied().zip(row) {
            let before = with_responses(&[(GRACE, from)]);
            let mut after = before.clone();
            let outcome = after.update_response(id(GRACE), told(to), at(5));
            if allowed {
                assert_eq!(outcome, Ok(to == Cancelled), "{from} → {to}");
                let response = after.response(id(GRACE)).unwrap();
                assert_eq!((response.status, response.updated_at, after.updated_at), (to, at(5), at(5)));
            } else {
                assert_eq!(outcome, Err(Refusal::InvalidTransition { from, to }), "{from} → {to}");
                assert_eq!(after, before, "a refusal changed something");
            }
        }
    }
}

#[test]
fn only_helpers_under_way_are_engaged() {
    let engaged: Vec<_> = ResponseStatus::ALL.iter().filter(|s| s.is_engaged()).collect();
    assert_eq!(engaged, [&Responding, &OnWay, &Arrived]);
}

#[test]
fn an_update_replaces_the_notes_and_keeps_an_arrival_that_is_not_told_again() {
    let mut emergency = with_responses(&[(GRACE, Responding)]);
    let first = ResponseUpdate { status: OnWay, notes: Some(text("By bike")), estimated_arrival: Some(at(60)) };
    emergency.update_response(id(GRACE), first, at(2)).unwrap();
    emergency.update_response(id(GRACE), told(OnWay), at(3)).unwrap();
    let response = emergency.response(id(GRACE)).unwrap();
    assert_eq!((response.notes.clone(), response.estimated_arrival), (None, Some(at(60))));
}

#[test]
fn the_first_acceptance_makes_the_emergency_responding() {
    let mut emergency = emergency();
    assert_eq!(emergency.accept(card(GRACE), Some(at(60)), at(1)), Ok(Acceptance::Joined { first: true }));
    assert_eq!(emergency.accept(card(ALAN), None, at(2)), Ok(Acceptance::Joined { first: false }));
    assert_eq!((emergency.status, emergency.updated_at), (EmergencyStatus::Responding, at(2)));
    assert_eq!(emergency.next_alert_at, None, "no wave is due while somebody responds");
    assert_eq!(emergency.first_response_at, Some(at(1)));
    let response = emergency.response(id(GRACE)).unwrap();
    assert_eq!((response.status, response.responded_at), (Responding, at(1)));
    assert_eq!(response.estimated_arrival, Some(at(60)));
}

#[test]
fn accepting_again_changes_nothing_unless_the_response_was_cancelled() {
    for status in [Responding, OnWay, Arrived, Completed] {
        let before = with_responses(&[(GRACE, status)]);
        let mut after = before.clone();
        assert_eq!(after.accept(card(GRACE), Some(at(60)), at(5)), Ok(Acceptance::Already));
        assert_eq!(after, before);
    }
    let mut emergency = with_responses(&[(GRACE, Cancelled), (ALAN, OnWay)]);
    assert_eq!(emergency.accept(card(GRACE), None, at(5)), Ok(Acceptance::Joined { first: false }));
    let order: Vec<_> = emergency.responses.iter().map(|r| (r.helper.person.id, r.status, r.responded_at)).collect();
    assert_eq!(order, [(id(GRACE), Responding, at(5)), (id(ALAN), OnWay, at(1))]);
}

#[test]
fn the_emergency_waits_again_when_the_last_responding_helper_cancels() {
    for (others, waits) in [
        (vec![], true),
        (vec![(ALAN, Cancelled)], true),
        (vec![(ALAN, Responding)], false),
        (vec![(ALAN, Completed)], false),
    ] {
        let mut emergency = with_responses(&[&[(GRACE, OnWay)], others.as_slice()].concat());
        assert_eq!(emergency.update_response(id(GRACE), told(Cancelled), at(5)), Ok(waits));
        let status = if waits { EmergencyStatus::Active } else { EmergencyStatus::Responding };
        assert_eq!(emergency.status, status);
        assert_eq!(emergency.first_response_at, Some(at(1)), "the first response stays the first");
    }
}

#[test]
fn who_never_responded_has_nothing_to_update() {
    assert_eq!(emergency().update_response(id(GRACE), told(OnWay), at(5)), Err(Refusal::NotAuthorized));
    let mut over = resolved(emergency());
    assert_eq!(over.update_response(id(GRACE), told(OnWay), at(15)), Err(Refusal::NotAuthorized));
}

#[test]
fn one_who_comes_cannot_decline() {
    for (status, outcome) in [
        (Responding, Err(Refusal::AlreadyResponding)),
        (Completed, Err(Refusal::AlreadyResponding)),
        (Cancelled, Ok(())),
    ] {
        assert_eq!(with_responses(&[(GRACE, status)]).decline(id(GRACE)), outcome);
    }
    assert_eq!(emergency().decline(id(GRACE)), Ok(()));
}

#[test]
fn what_ended_refuses_everything() {
    let begun = with_responses(&[(GRACE, OnWay)]);
    for (mut over, status) in
        [(resolved(begun.clone()), EmergencyStatus::Resolved), (cancelled(begun), EmergencyStatus::Cancelled)]
    {
        let before = over.clone();
        let refused = || Refusal::EmergencyEnded { status };
        assert_eq!(over.must_be_live(), Err(refused()));
        assert_eq!(over.accept(card(ALAN), None, at(20)), Err(refused()));
        assert_eq!(over.accept(card(GRACE), None, at(20)), Err(refused()));
        assert_eq!(over.decline(id(ALAN)), Err(refused()));
        assert_eq!(over.update_response(id(GRACE), told(Arrived), at(20)), Err(refused()));
        assert_eq!(over.resolve(id(OWNER), Relation::Owner, None, at(20)), Err(refused()));
        assert_eq!(over.cancel(id(OWNER), None, at(20)), Err(refused()));
        assert_eq!(over.expire(at(20)), Err(refused()));
        assert_eq!(over, before);
    }
}

#[test]
fn the_resolution_follows_from_who_resolves() {
    for (relation, resolution) in [
        (Relation::Owner, Some(ResolutionType::UserResolved)),
        (Relation::RespondingHelper, Some(ResolutionType::HelperResolved)),
        (Relation::Admin, Some(ResolutionType::AdminResolved)),
        (Relation::Helper, None),
        (Relation::Stranger, None),
    ] {
        for mut emergency in [emergency(), with_responses(&[(GRACE, OnWay)])] {
            let before = emergency.clone();
            let outcome = emergency.resolve(id(ALAN), relation, Some(text("All well")), at(9));
            let Some(resolution) = resolution else {
                assert_eq!((outcome, &emergency), (Err(Refusal::NotAuthorized), &before));
                continue;
            };
            assert_eq!(outcome, Ok(()));
            let by = Some(id(ALAN));
            let ending = Ending { at: at(9), by, resolution: Some(resolution), notes: Some(text("All well")) };
            assert_eq!(emergency.ending, Some(ending));
            assert_eq!((emergency.status, emergency.updated_at), (EmergencyStatus::Resolved, at(9)));
            assert_eq!(emergency.next_alert_at, None);
        }
    }
}

#[test]
fn only_the_owner_cancels() {
    for other in [GRACE, ADMIN, NOBODY] {
        let mut emergency = with_responses(&[(GRACE, OnWay)]);
        assert_eq!(emergency.cancel(id(other), None, at(9)), Err(Refusal::NotAuthorized));
        assert!(emergency.status.is_live());
    }
    let mut emergency = with_responses(&[(GRACE, OnWay)]);
    assert_eq!(emergency.cancel(id(OWNER), Some(text("By mistake")), at(9)), Ok(()));
    let ending = Ending { at: at(9), by: Some(id(OWNER)), resolution: None, notes: Some(text("By mistake")) };
    assert_eq!((emergency.status, emergency.updated_at), (EmergencyStatus::Cancelled, at(9)));
    assert_eq!(emergency.next_alert_at, None);
    assert_eq!(emergency.ending, Some(ending));
}

#[test]
fn what_runs_out_of_time_is_resolved_by_nobody() {
    for mut emergency in [emergency(), with_responses(&[(GRACE, OnWay)]), with_responses(&[(GRACE, Cancelled)])] {
        assert_eq!(emergency.expire(at(9)), Ok(()));
        let ending = Ending { at: at(9), by: None, resolution: Some(ResolutionType::AutoExpired), notes: None };
        assert_eq!(emergency.ending, Some(ending));
        assert_eq!((emergency.status, emergency.updated_at), (EmergencyStatus::Resolved, at(9)));
        assert_eq!(emergency.next_alert_at, None);
    }
}

#[test]
fn participants_are_the_owner_and_those_who_did_not_cancel() {
    let emergency = with_responses(&[(GRACE, Completed), (ALAN, Cancelled), (ADMIN, OnWay)]);
    assert_eq!(emergency.participants().collect::<Vec<_>>(), [id(OWNER), id(GRACE), id(ADMIN)]);
}

#[test]
fn trust_is_earned_by_those_who_were_there() {
    for (status, earned) in
        [(Responding, false), (OnWay, false), (Arrived, true), (Completed, true), (Cancelled, false)]
    {
        assert_eq!(with_responses(&[(GRACE, status)]).who_helped().count(), usize::from(earned), "{status}");
    }
}

#[test]
fn the_first_relation_that_applies_counts() {
    use HelperPolicy::{Open, Verified};
    let emergency = with_responses(&[(GRACE, Completed), (ALAN, Cancelled), (ADMIN, OnWay)]);
    let as_helper = |verification| Account { helper: Some(record(verification, true)), ..account(NOBODY) };
    let off_duty = Account { helper: Some(record(Verification::Verified, false)), ..account(NOBODY) };
    let shut_out = Account { blocked: true, ..helper(NOBODY) };
    let another_admin = Account { role: Role::Admin, ..helper(10) };
    for (who, verified, open) in [
        (Account { role: Role::Admin, ..helper(OWNER) }, Relation::Owner, Relation::Owner),
        (account(GRACE), Relation::RespondingHelper, Relation::RespondingHelper),
        (admin(), Relation::RespondingHelper, Relation::RespondingHelper),
        (helper(ALAN), Relation::Helper, Relation::Helper),
        (another_admin, Relation::Admin, Relation::Admin),
        (off_duty, Relation::Helper, Relation::Helper),
        (as_helper(Verification::Pending), Relation::Stranger, Relation::Helper),
        (as_helper(Verification::Rejected), Relation::Stranger, Relation::Helper),
        (account(NOBODY), Relation::Stranger, Relation::Helper),
        (shut_out, Relation::Stranger, Relation::Stranger),
    ] {
        let relations = (emergency.relation(&who, Verified), emergency.relation(&who, Open));
        assert_eq!(relations, (verified, open), "{who:?}");
    }
}

#[test]
fn lookers_on_are_admitted_while_it_is_live_and_strangers_never() {
    let live = with_responses(&[(GRACE, OnWay), (ALAN, Cancelled)]);
    for (who, while_live, afterwards) in [
        (account(OWNER), Ok(Relation::Owner), Ok(Relation::Owner)),
        (helper(GRACE), Ok(Relation::RespondingHelper), Ok(Relation::RespondingHelper)),
        (admin(), Ok(Relation::Admin), Ok(Relation::Admin)),
        (helper(ALAN), Ok(Relation::Helper), Err(Refusal::NotAuthorized)),
        (helper(4), Ok(Relation::Helper), Err(Refusal::NotAuthorized)),
        (account(NOBODY), Err(Refusal::NotAuthorized), Err(Refusal::NotAuthorized)),
    ] {
        let policy = HelperPolicy::Verified;
        assert_eq!(live.admit(&who, policy), while_live, "{who:?}");
        assert_eq!(resolved(live.clone()).admit(&who, policy), afterwards, "{who:?}");
        assert_eq!(cancelled(live.clone()).admit(&who, policy), afterwards, "{who:?}");
    }
}

#[test]
fn only_owner_and_responding_helpers_are_participants() {
    for (relation, takes_part) in [
        (Relation::Owner, true),
        (Relation::RespondingHelper, true),
        (Relation::Admin, false),
        (Relation::Helper, false),
        (Relation::Stranger, false),
    ] {
        assert_eq!(relation.is_participant(), takes_part);
    }
}
