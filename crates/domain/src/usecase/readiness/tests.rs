//! What a helper is told to mend.

use std::sync::Arc;

use chrono::TimeDelta;

use super::*;
use crate::{
    AlertPreferences, HelperPolicy, Verification,
    port::MockDevices,
    testing::{
        GRACE_HOPPER, account, actor, at, clock, device, helper, helper_record, ids, no_backoff, now, push_ports, store,
    },
    usecase::emergencies::tests::refusal,
};
use ReadinessProblem::{DeviceFailing, NeverTested, NoDevice, Paused, PositionOld, QuietNow, SkillExpired, Unverified};

async fn found(
    actor: &Actor,
    devices: Vec<Device>,
    located_at: Option<Timestamp>,
) -> Result<Vec<ReadinessProblem>, Error> {
    let mut port = MockDevices::new();
    port.expect_reachability().returning(move |_| Ok(Reachability { devices: devices.clone(), located_at }));
    let (clock, ids, backoff, changes) = (clock(), ids(), no_backoff(), store(vec![]).0);
    let cx = DevicePorts {
        devices: Arc::new(port),
        push: Some(push_ports()),
        alert_ttl: chrono::TimeDelta::minutes(15),
        changes,
        clock,
        ids,
        backoff,
    };
    let rules = Rules { helpers: HelperPolicy::Verified, ..Rules::default() };
    problems(&cx, &rules, actor).await
}

fn tested(n: u128) -> Device {
    Device { last_delivered_at: Some(at(0)), ..device(n) }
}

#[tokio::test]
async fn each_problem_is_found_by_itself() {
    let ready = || actor(helper(GRACE_HOPPER));
    let failing = Device { refused: crate::FAILING_AFTER, ..tested(2) };
    let fresh = Some(now() - TimeDelta::hours(24));
    let cases = [
        (vec![tested(1)], fresh, vec![]),
        (vec![], fresh, vec![NoDevice]),
        (vec![failing.clone()], fresh, vec![DeviceFailing]),
        (vec![failing, tested(1)], fresh, vec![]),
        (vec![Device { push_key: [5; 65], ..tested(1) }], fresh, vec![DeviceFailing]),
        (vec![device(1)], fresh, vec![NeverTested]),
        (vec![device(1), tested(2)], fresh, vec![]),
        (vec![tested(1)], None, vec![PositionOld]),
        (vec![tested(1)], fresh.map(|at| at - TimeDelta::microseconds(1)), vec![PositionOld]),
        (vec![], None, vec![NoDevice, PositionOld]),
    ];
    for (devices, located_at, expected) in cases {
        assert_eq!(found(&ready(), devices.clone(), located_at).await.unwrap(), expected, "{devices:?}");
    }
}

#[tokio::test]
async fn a_helper_is_told_of_verification_quiet_hours_and_a_pause() {
    let with = |verification, preferences| {
        let mut account = helper(GRACE_HOPPER);
        account.helper = Some(crate::HelperRecord { preferences, ..helper_record(verification, true) });
        actor(account)
    };
    let always = |from: &str, to: &str| crate::QuietWindow {
        days: (1..=7).collect(),
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
    };
    let quiet = AlertPreferences {
        quiet: vec![always("00:00", "12:00"), always("12:00", "00:00")],
        zone: Some("Europe/Berlin".parse().unwrap()),
        ..AlertPreferences::default()
    };
    let paused = AlertPreferences { paused_until: Some(at(1000)), ..quiet.clone() };
    for (caller, expected) in [
        (with(Verification::Pending, AlertPreferences::default()), vec![Unverified]),
        (with(Verification::Verified, quiet), vec![QuietNow]),
        (with(Verification::Verified, paused), vec![Paused]),
    ] {
        assert_eq!(found(&caller, vec![tested(1)], Some(now())).await.unwrap(), expected);
    }
    assert_eq!(refusal(found(&actor(account(GRACE_HOPPER)), vec![], None).await), Refusal::NotAHelper);
}

#[tokio::test]
async fn a_helper_is_told_of_a_checked_skill_that_expired() {
    let later = now() + TimeDelta::microseconds(1);
    for (until, expected) in [(None, vec![]), (Some(later), vec![]), (Some(now()), vec![SkillExpired])] {
        let mut account = helper(GRACE_HOPPER);
        let skill = crate::CheckedSkill { name: "cpr".to_owned().try_into().unwrap(), until };
        account.helper =
            Some(crate::HelperRecord { checked_skills: vec![skill], ..helper_record(Verification::Verified, true) });
        assert_eq!(found(&actor(account), vec![tested(1)], Some(now())).await.unwrap(), expected);
    }
}
