//! Tests of the emergency's rules: transitions of responses, endings, and relations.

mod help;
mod reopening;
mod sequences;

use super::*;
use crate::{
    AlertPolicy, RenewalCause, Role, Verification,
    testing::{
        ADMIN, ALAN, COMPLETION_HOLD, GRACE_HOPPER, OWNER, REACCEPT_PAUSE, STRANGER, account, active_emergency, admin,
        at, cancelled, helper, helper_card, helper_record, id, resolved, text, with_responses,
    },
};
use ResponseStatus::{Arrived, Cancelled, Completed, OnWay, Responding};

fn told(status: ResponseStatus) -> ResponseUpdate {
    ResponseUpdate { status, notes: None, estimated_arrival: None, resource_state: None }
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
            let before = with_responses(&[(GRACE_HOPPER, from)]);
            let mut after = before.clone();
            let outcome = after
                .update_response(id(GRACE_HOPPER), told(to), COMPLETION_HOLD, at(5))
                .map(|updated| updated.unwrap().search.became_active);
            if allowed {
                assert_eq!(outcome, Ok(to == Cancelled), "{from} → {to}");
                let response = after.response(id(GRACE_HOPPER)).unwrap();
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
    let mut emergency = with_responses(&[(GRACE_HOPPER, Responding)]);
    let first = ResponseUpdate {
        status: OnWay,
        notes: Some(text("By bike")),
        estimated_arrival: Some(at(60)),
        resource_state: None,
    };
    emergency.update_response(id(GRACE_HOPPER), first, COMPLETION_HOLD, at(2)).unwrap();
    emergency.update_response(id(GRACE_HOPPER), told(OnWay), COMPLETION_HOLD, at(3)).unwrap();
    let response = emergency.response(id(GRACE_HOPPER)).unwrap();
    assert_eq!((response.notes.clone(), response.estimated_arrival), (None, Some(at(60))));
}

#[test]
fn the_first_acceptance_makes_the_emergency_responding() {
    let mut emergency = active_emergency();
    assert_eq!(
        emergency.accept(helper_card(GRACE_HOPPER), Some(at(60)), REACCEPT_PAUSE, at(1)),
        Ok(Acceptance::Joined { first: true })
    );
    assert_eq!(
        emergency.accept(helper_card(ALAN), None, REACCEPT_PAUSE, at(2)),
        Ok(Acceptance::Joined { first: false })
    );
    assert_eq!((emergency.status(), emergency.updated_at), (EmergencyStatus::Responding, at(2)));
    assert_eq!(emergency.next_alert_at(), None, "no wave is due while somebody responds");
    assert_eq!(emergency.first_response_at, Some(at(1)));
    let response = emergency.response(id(GRACE_HOPPER)).unwrap();
    assert_eq!((response.status, response.responded_at), (Responding, at(1)));
    assert_eq!(response.estimated_arrival, Some(at(60)));
}

#[test]
fn accepting_again_changes_nothing_unless_the_response_is_over() {
    for status in [Responding, OnWay, Arrived] {
        let before = with_responses(&[(GRACE_HOPPER, status)]);
        let mut after = before.clone();
        assert_eq!(
            after.accept(helper_card(GRACE_HOPPER), Some(at(60)), REACCEPT_PAUSE, at(5)),
            Ok(Acceptance::Already)
        );
        assert_eq!(after, before);
    }
    for over in [Cancelled, Completed] {
        let mut emergency = with_responses(&[(GRACE_HOPPER, over), (ALAN, OnWay)]);
        let accepted = emergency.accept(helper_card(GRACE_HOPPER), None, REACCEPT_PAUSE, at(5));
        assert_eq!(accepted, Ok(Acceptance::Joined { first: false }));
        let response = |r: &Response| (r.helper.person.id, r.status, r.responded_at);
        let order: Vec<_> = emergency.responses.iter().map(response).collect();
        assert_eq!(order, [(id(GRACE_HOPPER), Responding, at(5)), (id(ALAN), OnWay, at(1))]);
    }
}

#[test]
fn the_emergency_waits_again_when_the_last_responding_helper_cancels() {
    for (others, waits) in [
        (vec![], true),
        (vec![(ALAN, Cancelled)], true),
        (vec![(ALAN, Responding)], false),
        (vec![(ALAN, Completed)], false),
    ] {
        let mut emergency = with_responses(&[&[(GRACE_HOPPER, OnWay)], others.as_slice()].concat());
        let updated = emergency.update_response(id(GRACE_HOPPER), told(Cancelled), COMPLETION_HOLD, at(5)).unwrap();
        let updated = updated.unwrap();
        let search = SearchEffect { became_active: waits, must_renew: waits, ..SearchEffect::default() };
        assert_eq!((updated.search, updated.response.status), (search, Cancelled));
        let status = if waits { EmergencyStatus::Active } else { EmergencyStatus::Responding };
        assert_eq!(emergency.status(), status);
        assert_eq!(emergency.first_response_at, Some(at(1)), "the first response stays the first");
    }
}

#[test]
fn who_never_responded_has_nothing_to_update() {
    assert_eq!(
        active_emergency().update_response(id(GRACE_HOPPER), told(OnWay), COMPLETION_HOLD, at(5)),
        Err(Refusal::NotAuthorized)
    );
    let mut over = resolved(active_emergency());
    assert_eq!(
        over.update_response(id(GRACE_HOPPER), told(OnWay), COMPLETION_HOLD, at(15)),
        Err(Refusal::NotAuthorized)
    );
}

#[test]
fn one_who_comes_cannot_decline() {
    for (status, outcome) in [(Responding, Err(Refusal::AlreadyResponding)), (Completed, Ok(())), (Cancelled, Ok(()))] {
        assert_eq!(with_responses(&[(GRACE_HOPPER, status)]).decline(id(GRACE_HOPPER)), outcome);
    }
    assert_eq!(active_emergency().decline(id(GRACE_HOPPER)), Ok(()));
}

#[test]
fn what_ended_refuses_everything() {
    let begun = with_responses(&[(GRACE_HOPPER, OnWay)]);
    for (mut over, status) in
        [(resolved(begun.clone()), EmergencyStatus::Resolved), (cancelled(begun), EmergencyStatus::Cancelled)]
    {
        let before = over.clone();
        let refused = || Refusal::EmergencyEnded { status };
        assert_eq!(over.must_be_live(), Err(refused()));
        assert_eq!(over.accept(helper_card(ALAN), None, REACCEPT_PAUSE, at(20)), Err(refused()));
        assert_eq!(over.accept(helper_card(GRACE_HOPPER), None, REACCEPT_PAUSE, at(20)), Err(refused()));
        assert_eq!(over.decline(id(ALAN)), Err(refused()));
        assert_eq!(over.update_response(id(GRACE_HOPPER), told(Arrived), COMPLETION_HOLD, at(20)), Err(refused()));
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
        for mut emergency in [active_emergency(), with_responses(&[(GRACE_HOPPER, OnWay)])] {
            let before = emergency.clone();
            let outcome = emergency.resolve(id(ALAN), relation, Some(text("All well")), at(9));
            let Some(resolution) = resolution else {
                assert_eq!((outcome, &emergency), (Err(Refusal::NotAuthorized), &before));
                continue;
            };
            assert_eq!(outcome, Ok(resolution));
            let by = Some(id(ALAN));
            let ending = Ending { at: at(9), by, notes: Some(text("All well")) };
            assert_eq!(emergency.state, EmergencyState::Resolved { resolution, ending });
            assert_eq!((emergency.status(), emergency.updated_at), (EmergencyStatus::Resolved, at(9)));
            assert_eq!(emergency.next_alert_at(), None);
        }
    }
}

#[test]
fn only_the_owner_cancels() {
    for other in [GRACE_HOPPER, ADMIN, STRANGER] {
        let mut emergency = with_responses(&[(GRACE_HOPPER, OnWay)]);
        assert_eq!(emergency.cancel(id(other), None, at(9)), Err(Refusal::NotAuthorized));
        assert!(emergency.status().is_live());
    }
    let mut emergency = with_responses(&[(GRACE_HOPPER, OnWay)]);
    assert_eq!(emergency.cancel(id(OWNER), Some(text("By mistake")), at(9)), Ok(()));
    let ending = Ending { at: at(9), by: Some(id(OWNER)), notes: Some(text("By mistake")) };
    assert_eq!((emergency.status(), emergency.updated_at), (EmergencyStatus::Cancelled, at(9)));
    assert_eq!(emergency.next_alert_at(), None);
    assert_eq!(emergency.state, EmergencyState::Cancelled(ending));
}

#[test]
fn an_expired_emergency_has_no_resolving_user() {
    for mut emergency in
        [active_emergency(), with_responses(&[(GRACE_HOPPER, OnWay)]), with_responses(&[(GRACE_HOPPER, Cancelled)])]
    {
        assert_eq!(emergency.expire(at(9)), Ok(ResolutionType::AutoExpired));
        let ending = Ending { at: at(9), by: None, notes: None };
        let resolution = ResolutionType::AutoExpired;
        assert_eq!(emergency.state, EmergencyState::Resolved { resolution, ending });
        assert_eq!((emergency.status(), emergency.updated_at), (EmergencyStatus::Resolved, at(9)));
        assert_eq!(emergency.next_alert_at(), None);
    }
}

#[test]
fn a_renewal_is_due_at_once_and_refused_after_the_end() {
    let policy = AlertPolicy::default();
    let mut responding = with_responses(&[(GRACE_HOPPER, OnWay)]);
    assert_eq!(responding.next_alert_at(), None);
    assert_eq!(responding.renew_search(at(9), &policy, RenewalCause::Other), Ok(()));
    assert_eq!(responding.next_alert_at(), Some(at(9)), "also while a helper responds");

    let mut over = resolved(active_emergency());
    let refused = Refusal::EmergencyEnded { status: EmergencyStatus::Resolved };
    assert_eq!(over.renew_search(at(20), &policy, RenewalCause::Other), Err(refused));
    assert_eq!(over.next_alert_at(), None);
}

#[test]
fn what_a_store_kept_is_restored_and_contradictions_are_not() {
    use EmergencyStatus::{Active, Cancelled, Resolved, Responding};
    let ending = || Some(Ending { at: at(9), by: None, notes: None });
    let resolution = Some(ResolutionType::AutoExpired);
    for (status, ending, resolution, next_alert_at, wrong) in [
        (Active, None, None, Some(at(60)), None),
        (Active, None, None, None, None),
        (Responding, None, None, None, None),
        (Resolved, ending(), resolution, None, None),
        (Cancelled, ending(), None, None, None),
        (Active, ending(), None, None, Some("ended_at")),
        (Active, ending(), resolution, None, Some("ended_at")),
        (Active, None, resolution, None, Some("resolution")),
        (Responding, ending(), None, None, Some("ended_at")),
        (Responding, None, resolution, None, Some("resolution")),
        (Responding, None, None, Some(at(60)), None),
        (Resolved, None, resolution, None, Some("ended_at")),
        (Resolved, ending(), None, None, Some("resolution")),
        (Resolved, ending(), resolution, Some(at(60)), Some("next_alert_at")),
        (Cancelled, None, None, None, Some("ended_at")),
        (Cancelled, ending(), resolution, None, Some("resolution")),
        (Cancelled, ending(), None, Some(at(60)), Some("next_alert_at")),
    ] {
        let stored = active_emergency().into_snapshot();
        let search = Search { due_at: next_alert_at, ..stored.search.clone() };
        let stored = EmergencySnapshot { status, ending, resolution, next_alert_at, search, ..stored };
        let restored = Emergency::restore(stored.clone());
        assert_eq!(restored.as_ref().err().map(|error| error.column), wrong, "{stored:?}");
        if let Ok(restored) = restored {
            assert_eq!(restored.into_snapshot(), stored);
        }
    }
}

#[test]
fn only_one_to_ten_is_a_severity() {
    let accepted: Vec<u8> = (0..=u8::MAX).filter(|&n| Severity::new(n).is_ok()).collect();
    assert_eq!(accepted, (1..=10).collect::<Vec<_>>());
    assert_eq!(serde_json::from_str::<Severity>("11").ok(), None);
    assert_eq!(serde_json::to_string(&Severity::DEFAULT).unwrap(), "5");
}

#[test]
fn participants_are_the_owner_and_those_who_did_not_cancel() {
    let emergency = with_responses(&[(GRACE_HOPPER, Completed), (ALAN, Cancelled), (ADMIN, OnWay)]);
    assert_eq!(emergency.participants().collect::<Vec<_>>(), [id(OWNER), id(GRACE_HOPPER), id(ADMIN)]);
}

#[test]
fn trust_is_earned_by_those_who_were_there() {
    for (status, earned) in
        [(Responding, false), (OnWay, false), (Arrived, true), (Completed, true), (Cancelled, false)]
    {
        assert_eq!(
            with_responses(&[(GRACE_HOPPER, status)]).trusted_helpers().count(),
            usize::from(earned),
            "{status}"
        );
    }
}

#[test]
fn the_first_relation_that_applies_counts() {
    use HelperPolicy::{Open, Verified};
    let emergency = with_responses(&[(GRACE_HOPPER, Completed), (ALAN, Cancelled), (ADMIN, OnWay)]);
    let as_helper = |verification| Account { helper: Some(helper_record(verification, true)), ..account(STRANGER) };
    let off_duty = Account { helper: Some(helper_record(Verification::Verified, false)), ..account(STRANGER) };
    let shut_out = Account { blocked: true, ..helper(STRANGER) };
    let another_admin = Account { role: Role::Admin, ..helper(10) };
    for (who, verified, open) in [
        (Account { role: Role::Admin, ..helper(OWNER) }, Relation::Owner, Relation::Owner),
        (helper(GRACE_HOPPER), Relation::RespondingHelper, Relation::RespondingHelper),
        // A response alone gives no right: only who may help now takes part.
        (account(GRACE_HOPPER), Relation::Stranger, Relation::RespondingHelper),
        (Account { blocked: true, ..helper(GRACE_HOPPER) }, Relation::Stranger, Relation::Stranger),
        (admin(), Relation::Admin, Relation::RespondingHelper),
        (helper(ALAN), Relation::Helper, Relation::Helper),
        (another_admin, Relation::Admin, Relation::Admin),
        (off_duty, Relation::Helper, Relation::Helper),
        (as_helper(Verification::Pending), Relation::Stranger, Relation::Helper),
        (as_helper(Verification::Rejected), Relation::Stranger, Relation::Stranger),
        (account(STRANGER), Relation::Stranger, Relation::Helper),
        (shut_out, Relation::Stranger, Relation::Stranger),
    ] {
        let relations = (emergency.relation(&who, Verified), emergency.relation(&who, Open));
        assert_eq!(relations, (verified, open), "{who:?}");
    }
}

#[test]
fn lookers_on_are_admitted_while_it_is_live_and_strangers_never() {
    let live = with_responses(&[(GRACE_HOPPER, OnWay), (ALAN, Cancelled)]);
    for (who, while_live, afterwards) in [
        (account(OWNER), Ok(Relation::Owner), Ok(Relation::Owner)),
        (helper(GRACE_HOPPER), Ok(Relation::RespondingHelper), Ok(Relation::RespondingHelper)),
        (admin(), Ok(Relation::Admin), Ok(Relation::Admin)),
        (helper(ALAN), Ok(Relation::Helper), Err(Refusal::NotAuthorized)),
        (helper(4), Ok(Relation::Helper), Err(Refusal::NotAuthorized)),
        (account(STRANGER), Err(Refusal::NotAuthorized), Err(Refusal::NotAuthorized)),
    ] {
        let policy = HelperPolicy::Verified;
        assert_eq!(live.admit(&who, policy, false), while_live, "{who:?}");
        assert_eq!(resolved(live.clone()).admit(&who, policy, false), afterwards, "{who:?}");
        assert_eq!(cancelled(live.clone()).admit(&who, policy, false), afterwards, "{who:?}");
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
