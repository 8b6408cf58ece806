//! Invariants that hold after any sequence of operations by any users.

use std::collections::BTreeSet;

use proptest::{collection::vec, prelude::*};

use crate::{
    AlertPolicy, Emergency, EmergencyStatus, Refusal, Relation, RenewalCause, ResponseStatus, ResponseUpdate,
    SearchEffect, StallTiming, Timestamp, UserId,
    testing::{COMPLETION_HOLD, OWNER, REACCEPT_PAUSE, active_emergency, at, helper_card, id},
};

#[derive(Debug, Clone, Copy)]
enum Step {
    Accept(u128),
    Decline(u128),
    Update(u128, ResponseStatus),
    Resolve(Relation),
    Cancel(u128),
    Renew,
    Withdraw(u128),
    EndHold,
    Expire,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let helper = || 2..6_u128;
    let status = prop::sample::select(ResponseStatus::ALL);
    let relation = prop::sample::select(vec![
        Relation::Owner,
        Relation::RespondingHelper,
        Relation::Admin,
        Relation::Helper,
        Relation::Stranger,
    ]);
    // Ends are rare, so that most sequences see some life before.
    let step = prop_oneof![
        12 => helper().prop_map(Step::Accept),
        4 => helper().prop_map(Step::Decline),
        24 => (helper(), status).prop_map(|(helper, status)| Step::Update(helper, status)),
        1 => relation.prop_map(Step::Resolve),
        1 => (OWNER..4).prop_map(Step::Cancel),
        2 => Just(Step::Renew),
        2 => helper().prop_map(Step::Withdraw),
        2 => Just(Step::EndHold),
        1 => Just(Step::Expire),
    ];
    vec(step, 0..40)
}

/// Renews the search where it has to be, as the use cases do.
fn follow(emergency: &mut Emergency, search: SearchEffect, now: Timestamp) {
    if search.must_renew {
        emergency.renew_search(now, &AlertPolicy::default(), RenewalCause::Other).unwrap();
    }
}

fn take(emergency: &mut Emergency, step: Step, now: Timestamp) -> Result<(), Refusal> {
    match step {
        Step::Accept(helper) => {
            emergency.accept(helper_card(helper), None, REACCEPT_PAUSE, now)?;
            emergency.schedule_checks(StallTiming::default(), now);
            Ok(())
        }
        Step::Decline(helper) => emergency.decline(id(helper)),
        Step::Update(helper, status) => {
            let told = ResponseUpdate { status, notes: None, estimated_arrival: None, resource_state: None };
            let updated = emergency.update_response(id(helper), told, COMPLETION_HOLD, now)?;
            if let Some(updated) = updated {
                emergency.schedule_checks(StallTiming::default(), now);
                follow(emergency, updated.search, now);
            }
            Ok(())
        }
        Step::Resolve(relation) => emergency.resolve(id(OWNER), relation, None, now).map(drop),
        Step::Cancel(by) => emergency.cancel(id(by), None, now),
        Step::Renew => {
            let search = emergency.renew(id(OWNER), chrono::TimeDelta::seconds(3), now)?;
            follow(emergency, search, now);
            Ok(())
        }
        Step::Withdraw(helper) => {
            let withdrawn = emergency.withdraw_response(id(helper), now).ok_or(Refusal::NotAuthorized)?;
            follow(emergency, withdrawn.search, now);
            Ok(())
        }
        Step::EndHold => {
            let is_live = emergency.must_be_live();
            let search = emergency.end_completion_hold(now);
            follow(emergency, search, now);
            is_live
        }
        Step::Expire => emergency.expire(now).map(drop),
    }
}

/// Checks the invariants of an emergency.
fn holds(e: &Emergency) -> Result<(), TestCaseError> {
    let someone_responds = e.responses.iter().any(|r| r.status.is_engaged());
    if e.status() == EmergencyStatus::Active {
        prop_assert!(!someone_responds);
        prop_assert!(e.search().is_running());
    }
    if e.status() == EmergencyStatus::Responding {
        prop_assert!(e.next_alert_at().is_some(), "helpers are asked, and completed responses do not count for ever");
    }
    prop_assert!(e.next_alert_at().is_none() || e.status().is_live());
    prop_assert_eq!(e.ending().is_none(), e.status().is_live());
    let restored = Emergency::restore(e.clone().into_snapshot());
    prop_assert_eq!(restored.as_ref(), Ok(e));
    prop_assert_eq!(e.first_response_at.is_none(), e.responses.is_empty());
    let helpers: BTreeSet<UserId> = e.responses.iter().map(|r| r.helper.person.id).collect();
    prop_assert_eq!(helpers.len(), e.responses.len(), "one response per helper");
    Ok(())
}

/// Checks that one step changes only what it may.
fn follows(before: &Emergency, after: &Emergency, outcome: &Result<(), Refusal>) -> Result<(), TestCaseError> {
    if outcome.is_err() || !before.status().is_live() {
        prop_assert_eq!(after, before, "a refusal, or anything after the end, changed something");
    }
    if !before.status().is_live() {
        prop_assert!(outcome.is_err(), "something was possible after the end");
    }
    if before.first_response_at.is_some() {
        prop_assert_eq!(after.first_response_at, before.first_response_at);
    }
    let helpers = |e: &Emergency| e.responses.iter().map(|r| r.helper.person.id).collect::<Vec<_>>();
    prop_assert!(helpers(after).starts_with(&helpers(before)), "who ever accepted stays listed, in that order");
    prop_assert!(after.updated_at >= before.updated_at);
    prop_assert_eq!((&after.call, after.revision), (&before.call, before.revision));
    Ok(())
}

proptest! {
    #[test]
    fn the_rules_hold_after_any_sequence_of_steps(steps in steps()) {
        let mut emergency = active_emergency();
        for (seconds, step) in (1..).zip(steps) {
            let before = emergency.clone();
            let outcome = take(&mut emergency, step, at(seconds));
            holds(&emergency)?;
            follows(&before, &emergency, &outcome)?;
        }
    }
}
