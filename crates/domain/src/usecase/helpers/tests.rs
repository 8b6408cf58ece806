//! Tests of helper records, duty and administrators' decisions: writes, and events that move sockets.

use std::sync::Arc;

use super::*;
use crate::{
    Emergency, EmergencyStatus, EventId, HelperPolicy,
    port::{Live, MockAccounts, MockPositions},
    testing::{
        ADMIN, Committed, GRACE_HOPPER, OWNER, STRANGER, account, actor, admin, clock, helper, helper_record, id,
        no_backoff, now, store, text, updated, with_team,
    },
    usecase::emergencies::tests::{context, empty, holding as the_store_with, refusal, stale},
};
use Verification::{Pending, Rejected, Verified};

/// The ports over a store without accounts.
fn service(policy: HelperPolicy) -> (HelperPorts, Committed) {
    service_with(|_| None, policy, vec![])
}

/// The ports over a store with one account.
fn holding(account: Account, policy: HelperPolicy) -> (HelperPorts, Committed) {
    service_with(move |id| (id == account.id).then(|| account.clone()), policy, vec![])
}

fn service_with(
    stored: impl Fn(UserId) -> Option<Account> + Send + 'static,
    policy: HelperPolicy,
    outcomes: Vec<port::Result<()>>,
) -> (HelperPorts, Committed) {
    let (changes, committed) = store(outcomes);
    let mut accounts = MockAccounts::new();
    accounts.expect_find().returning(move |id| Ok(stored(id)));
    let rules = Rules { helpers: policy, ..Rules::default() };
    let positions = Arc::new(MockPositions::new());
    (
        HelperPorts { accounts: Arc::new(accounts), changes, positions, clock: clock(), backoff: no_backoff(), rules },
        committed,
    )
}

/// The ports over a store without emergencies.
fn without_emergencies() -> EmergencyPorts {
    responding_to(None)
}

/// The ports over a store with at most one live emergency, to which [`GRACE_HOPPER`] responds.
fn responding_to(emergency: Option<Emergency>) -> EmergencyPorts {
    let mut emergencies = emergency.as_ref().map_or_else(empty, |emergency| the_store_with(emergency, &[]));
    let live: Vec<_> = emergency.into_iter().collect();
    emergencies.expect_live_of().returning(move |_| Ok(Live { emergencies: live.clone(), as_of: EventId::START }));
    context(emergencies, store(vec![]).0)
}

#[tokio::test]
async fn one_who_may_no_longer_help_drops_out_in_the_same_commit() {
    use crate::ResponseStatus::{Arrived, Cancelled, Completed, OnWay};
    for blocks in [true, false] {
        for (others, waits) in [(vec![], true), (vec![(4, OnWay)], false)] {
            for status in [OnWay, Arrived, Completed] {
                let live = with_team(&[&[(GRACE_HOPPER, status)], others.as_slice()].concat());
                let emergencies = responding_to(Some(live));
                let (cx, committed) = holding(helper(GRACE_HOPPER), HelperPolicy::Verified);
                let (by, user) = (actor(admin()), id(GRACE_HOPPER));
                if blocks {
                    block(&cx, &emergencies, &by, user, true, None).await.unwrap();
                } else {
                    verify(&cx, &emergencies, &by, user, &VerificationDecision::new(Rejected)).await.unwrap();
                }
                let change = committed.only();
                let (after, responses) = updated(&change);
                assert_eq!(responses.iter().map(|r| r.status).collect::<Vec<_>>(), [Cancelled]);
                assert_eq!(after.status() == EmergencyStatus::Active, waits);
                assert_eq!(change.writes.last(), Some(&Write::ExpectNoResponses(user)));
                let of_emergency = change.events.iter().filter(|e| e.emergency.is_some());
                let kinds: Vec<_> = of_emergency.map(|e| (e.event.kind(), e.actor == Some(user))).collect();
                let all = [
                    ("helper_status_updated", true),
                    ("status_changed", true),
                    ("helpers_alerted", false),
                    ("unanswered", false),
                ];
                assert_eq!(kinds, if waits { &all[..] } else { &all[..1] }, "{status}");
            }
        }
    }
}

fn with(verification: Verification, available: bool) -> Account {
    Account { helper: Some(helper_record(verification, available)), role: Role::Helper, ..account(GRACE_HOPPER) }
}

/// The rights in the event of a change: `(on duty, may help)`.
fn rights(change: &Change) -> Option<(bool, bool)> {
    change.events.iter().find_map(|e| match e.event {
        Event::HelperRightsChanged { user, on_duty, critical_only: false, may_help } => {
            assert_eq!((user, e.emergency), (id(GRACE_HOPPER), None));
            Some((on_duty, may_help))
        }
        _ => None,
    })
}

fn available(available: bool) -> Duty {
    Duty { available: Some(available), ..Duty::default() }
}

#[tokio::test]
async fn an_account_that_asks_becomes_a_helper_to_be_verified() {
    let (cx, committed) = service(HelperPolicy::Verified);
    let skills = vec![text("First aid")];
    let duty = Duty { skills: Some(skills.clone()), ..Duty::default() };
    let after = enlist(&cx, &actor(account(GRACE_HOPPER)), duty).await.unwrap();
    let record = HelperRecord { skills, ..HelperRecord::new(Pending, true) };
    assert_eq!((after.role, after.helper), (Role::Helper, Some(record.clone())));
    let expected = Change::new(Some(id(GRACE_HOPPER)), now())
        .write(Write::ExpectAccount(Box::new(account(GRACE_HOPPER))))
        .write(Write::SetHelper { user: id(GRACE_HOPPER), helper: record, role: Role::Helper });
    assert_eq!(committed.only(), expected);
}

#[tokio::test]
async fn an_administrator_who_helps_stays_one() {
    let (cx, _) = service(HelperPolicy::Verified);
    assert_eq!(enlist(&cx, &actor(admin()), Duty::default()).await.unwrap().role, Role::Admin);
}

#[tokio::test]
async fn what_is_not_told_stays_as_it_was() {
    let mut before = with(Verified, false);
    before.helper.as_mut().unwrap().skills = vec![text("First aid")];
    let (cx, committed) = service(HelperPolicy::Verified);
    let after = enlist(&cx, &actor(before.clone()), Duty::default()).await.unwrap();
    assert_eq!(after, before);
    assert_eq!(committed.only().events, []);
}

#[tokio::test]
async fn rights_that_change_are_told_and_others_are_not() {
    use HelperPolicy::{Open, Verified as VerifiedOnly};
    for (before, duty, policy, told) in [
        (with(Verified, true), available(false), VerifiedOnly, Some((false, true))),
        (with(Verified, false), available(true), VerifiedOnly, Some((true, true))),
        (with(Verified, true), available(true), VerifiedOnly, None),
        (with(Pending, true), available(false), VerifiedOnly, None),
        (account(GRACE_HOPPER), available(true), VerifiedOnly, None),
        (account(GRACE_HOPPER), available(true), Open, None),
        (account(GRACE_HOPPER), available(false), Open, Some((false, true))),
        (with(Pending, false), available(true), Open, Some((true, true))),
        (with(Rejected, false), available(true), Open, None),
    ] {
        let (cx, committed) = service(policy);
        enlist(&cx, &actor(before.clone()), duty.clone()).await.unwrap();
        assert_eq!(rights(&committed.only()), told, "{before:?} {duty:?} {policy}");
    }
}

#[tokio::test]
async fn preferences_are_stored_with_what_follows_from_them() {
    let until = now() + TimeDelta::hours(1);
    let pause = PreferencesChange { paused_until: Some(Some(until)), ..PreferencesChange::default() };
    let before = with(Verified, true);
    let (cx, committed) = service(HelperPolicy::Verified);
    let duty = Duty { preferences: pause.clone(), ..Duty::default() };
    let after = enlist(&cx, &actor(before.clone()), duty).await.unwrap().helper.unwrap();
    assert_eq!((after.preferences.paused_until, after.scope), (Some(until), AlertScope::Critical));
    let (user, schedule) = (id(GRACE_HOPPER), after.preferences.schedule(now(), None));
    let preferences = Box::new(after.preferences.clone());
    let change = committed.only();
    assert_eq!(change.writes.last(), Some(&Write::SetAlertPreferences { user, preferences, schedule }));
    let rights = |critical_only| Event::HelperRightsChanged { user, on_duty: false, critical_only, may_help: true };
    assert_eq!(change.events.iter().map(|e| e.event.clone()).collect::<Vec<_>>(), [rights(true)]);

    // What is not told stays, and null clears.
    let (cx, committed) = service(HelperPolicy::Verified);
    let paused = Account { helper: Some(after), ..before };
    let strict = PreferencesChange { breakthrough: Some(crate::Breakthrough::None), ..PreferencesChange::default() };
    let duty = Duty { preferences: strict, ..Duty::default() };
    let after = enlist(&cx, &actor(paused.clone()), duty).await.unwrap().helper.unwrap();
    assert_eq!((after.preferences.paused_until, after.scope), (Some(until), AlertScope::None));
    assert_eq!(committed.only().events[0].event, rights(false));
    let (cx, _) = service(HelperPolicy::Verified);
    let clear = PreferencesChange { paused_until: Some(None), ..PreferencesChange::default() };
    let duty = Duty { preferences: clear, ..Duty::default() };
    let after = enlist(&cx, &actor(paused), duty).await.unwrap().helper.unwrap();
    assert_eq!((after.preferences, after.scope), (crate::AlertPreferences::default(), AlertScope::All));
}

#[tokio::test]
async fn a_helper_with_a_limit_is_reviewed_next_and_reached_no_further_until_then() {
    let mut limited = with(Verified, true);
    limited.helper.as_mut().unwrap().scope = AlertScope::Critical;
    let (cx, committed) = service(HelperPolicy::Verified);
    let limit = PreferencesChange { max_alerts_per_day: Some(Some(3)), ..PreferencesChange::default() };
    let duty = Duty { preferences: limit, ..Duty::default() };
    let after = enlist(&cx, &actor(limited), duty).await.unwrap().helper.unwrap();
    assert_eq!(after.scope, AlertScope::Critical);
    let change = committed.only();
    let Some(Write::SetAlertPreferences { schedule, .. }) = change.writes.last() else { panic!("{change:?}") };
    assert_eq!((schedule.scope, schedule.review_at), (AlertScope::Critical, Some(now())));
}

#[tokio::test]
async fn preferences_that_are_not_acceptable_change_nothing() {
    use crate::PreferencesError::{PauseTooLong, ZoneMissing};
    let window = crate::QuietWindow { days: vec![1], from: "22:00".parse().unwrap(), to: "07:00".parse().unwrap() };
    let quiet = PreferencesChange { quiet: Some(vec![window]), ..PreferencesChange::default() };
    let pause = |until| PreferencesChange { paused_until: Some(Some(until)), ..PreferencesChange::default() };
    let days = TimeDelta::days(30);
    for (preferences, error) in [
        (quiet.clone(), Some(ZoneMissing)),
        (PreferencesChange { zone: Some(Some("Asia/Tokyo".parse().unwrap())), ..quiet }, None),
        (pause(now() + days + TimeDelta::minutes(6)), Some(PauseTooLong)),
        (pause(now() + days), None),
    ] {
        let (cx, committed) = service(HelperPolicy::Verified);
        let duty = Duty { preferences, ..Duty::default() };
        let outcome = enlist(&cx, &actor(with(Verified, true)), duty).await;
        match error {
            Some(error) => {
                assert_eq!(refusal(outcome), Refusal::PreferencesInvalid(error));
                assert!(committed.is_empty());
            }
            None => drop(outcome.unwrap()),
        }
    }
}

#[tokio::test]
async fn an_administrator_decides_who_may_help() {
    use HelperPolicy::{Open, Verified as VerifiedOnly};
    for (before, decided, policy, told) in [
        (with(Pending, true), Verified, VerifiedOnly, Some((true, true))),
        (with(Pending, false), Verified, VerifiedOnly, Some((false, true))),
        (with(Verified, true), Rejected, VerifiedOnly, Some((false, false))),
        (with(Pending, true), Rejected, VerifiedOnly, None),
        (with(Verified, true), Verified, VerifiedOnly, None),
        (with(Pending, true), Verified, Open, None),
    ] {
        let (cx, committed) = holding(before.clone(), policy);
        let after =
            verify(&cx, &without_emergencies(), &actor(admin()), id(GRACE_HOPPER), &VerificationDecision::new(decided))
                .await
                .unwrap();
        assert_eq!(after.helper.map(|h| h.verification), Some(decided));
        let change = committed.only();
        assert_eq!((rights(&change), change.actor), (told, Some(id(ADMIN))), "{before:?} {decided} {policy}");
        let mut expected = vec![
            Write::ExpectAccount(Box::new(before)),
            Write::SetVerification { user: id(GRACE_HOPPER), verification: decided },
            Write::SetQualification {
                user: id(GRACE_HOPPER),
                tier: (decided == Verified).then_some(Tier::Registered),
                skills: Vec::new(),
            },
        ];
        expected.extend((decided == Rejected).then_some(Write::ExpectNoResponses(id(GRACE_HOPPER))));
        assert_eq!(change.writes, expected);
    }
}

#[tokio::test]
async fn a_decision_without_tier_or_skills_keeps_what_was_checked() {
    let skill = |name: &str| CheckedSkill { name: name.to_owned().try_into().unwrap(), until: None };
    let record = |verification, tier, skills: &[CheckedSkill]| HelperRecord {
        tier,
        checked_skills: skills.to_vec(),
        ..HelperRecord::new(verification, true)
    };
    let professional = record(Verified, Some(Tier::Professional), &[skill("doctor")]);
    let says = |tier, skills| VerificationDecision { verification: Verified, tier, skills };
    for (before, decision, expected) in [
        (professional.clone(), VerificationDecision::new(Verified), professional.clone()),
        (
            professional.clone(),
            VerificationDecision::new(Rejected),
            HelperRecord { verification: Rejected, ..professional.clone() },
        ),
        (
            record(Pending, None, &[]),
            VerificationDecision::new(Verified),
            record(Verified, Some(Tier::Registered), &[]),
        ),
        (record(Pending, None, &[]), VerificationDecision::new(Rejected), record(Rejected, None, &[])),
        (
            professional,
            says(Some(Tier::Public), Some(vec![skill("cpr")])),
            record(Verified, Some(Tier::Public), &[skill("cpr")]),
        ),
    ] {
        let (cx, committed) = holding(Account { helper: Some(before), ..with(Pending, true) }, HelperPolicy::Verified);
        let user = id(GRACE_HOPPER);
        let after = verify(&cx, &without_emergencies(), &actor(admin()), user, &decision).await.unwrap();
        assert_eq!(after.helper, Some(expected.clone()));
        let write = Write::SetQualification { user, tier: expected.tier, skills: expected.checked_skills };
        assert!(committed.only().writes.contains(&write));
    }
}

#[test]
fn only_a_verified_helper_has_a_tier_above_public() {
    for (verification, tier, expected) in [
        (Verified, None, Tier::Registered),
        (Verified, Some(Tier::Public), Tier::Public),
        (Verified, Some(Tier::Professional), Tier::Professional),
        (Pending, Some(Tier::Professional), Tier::Public),
        (Rejected, Some(Tier::Registered), Tier::Public),
    ] {
        let record = HelperRecord { tier, ..HelperRecord::new(verification, true) };
        assert_eq!(record.tier_now(), expected, "{verification} {tier:?}");
    }
}

#[tokio::test]
async fn of_two_changes_side_by_side_the_later_one_is_decided_again() {
    let (off_duty, rejected) = (with(Verified, false), with(Rejected, false));
    // An administrator rejects the helper between what going on duty was decided on and its commit.
    let stored = rejected.clone();
    let (cx, committed) = service_with(move |_| Some(stored.clone()), HelperPolicy::Verified, stale(1));
    let after = enlist(&cx, &actor(off_duty.clone()), available(true)).await.unwrap();
    assert_eq!(after, with(Rejected, true));
    let attempts = committed.attempts();
    assert_eq!(attempts.iter().map(rights).collect::<Vec<_>>(), [Some((true, true)), None]);
    let expected = [off_duty, rejected].map(|account| Write::ExpectAccount(Box::new(account)));
    assert_eq!(attempts.iter().map(|change| change.writes[0].clone()).collect::<Vec<_>>(), expected);

    let decisions = [with(Pending, true), with(Pending, false)];
    let mut looks = decisions.clone().into_iter();
    let looks = std::sync::Mutex::new(move || looks.next());
    let (cx, committed) = service_with(move |_| (looks.lock().unwrap())(), HelperPolicy::Verified, stale(1));
    verify(&cx, &without_emergencies(), &actor(admin()), id(GRACE_HOPPER), &VerificationDecision::new(Verified))
        .await
        .unwrap();
    assert_eq!(committed.attempts().iter().map(rights).collect::<Vec<_>>(), [Some((true, true)), Some((false, true))]);
}

#[tokio::test]
async fn deciding_about_an_account_again_is_bounded() {
    let (cx, committed) = service_with(|_| Some(with(Pending, true)), HelperPolicy::Verified, stale(2000));
    assert_eq!(
        refusal(
            verify(
                &cx,
                &without_emergencies(),
                &actor(admin()),
                id(GRACE_HOPPER),
                &VerificationDecision::new(Verified)
            )
            .await
        ),
        Refusal::Contended
    );
    assert_eq!(committed.attempts().len(), crate::usecase::retry::MAX_ATTEMPTS as usize);
}

#[tokio::test]
async fn only_who_asked_to_help_is_verified() {
    let (cx, committed) = holding(account(GRACE_HOPPER), HelperPolicy::Verified);
    for unknown in [GRACE_HOPPER, STRANGER] {
        assert_eq!(
            refusal(
                verify(&cx, &without_emergencies(), &actor(admin()), id(unknown), &VerificationDecision::new(Verified))
                    .await
            ),
            Refusal::UserNotFound
        );
    }
    assert!(committed.is_empty());
}

#[tokio::test]
async fn a_block_is_told_so_that_sockets_are_closed() {
    for (before, told) in [(helper(GRACE_HOPPER), Some((false, false))), (account(GRACE_HOPPER), None)] {
        let (cx, committed) = holding(before.clone(), HelperPolicy::Verified);
        let reason = Some(text("Abuse"));
        assert!(
            block(&cx, &without_emergencies(), &actor(admin()), id(GRACE_HOPPER), true, reason.clone())
                .await
                .unwrap()
                .blocked
        );
        let change = committed.only();
        assert_eq!(rights(&change), told);
        let closes =
            change.events.iter().filter(|e| e.event == Event::AccountBlocked { user: id(GRACE_HOPPER) }).count();
        assert_eq!(closes, 1);
        let expected = Write::ExpectAccount(Box::new(before));
        let user = id(GRACE_HOPPER);
        let blocked = Write::SetBlocked { user, blocked: true, reason };
        assert_eq!(change.writes, [expected, blocked, Write::ExpectNoResponses(user)]);
    }
}

#[tokio::test]
async fn one_who_is_let_in_again_has_their_rights_back() {
    let shut_out = Account { blocked: true, ..helper(GRACE_HOPPER) };
    let (cx, committed) = holding(shut_out, HelperPolicy::Verified);
    assert!(!block(&cx, &without_emergencies(), &actor(admin()), id(GRACE_HOPPER), false, None).await.unwrap().blocked);
    let change = committed.only();
    assert_eq!((rights(&change), change.events.len()), (Some((true, true)), 1));
}

#[tokio::test]
async fn a_block_is_refused_when_a_rule_says_so() {
    let (cx, committed) = holding(account(GRACE_HOPPER), HelperPolicy::Verified);
    for (actor, whom, expected) in [
        (actor(admin()), ADMIN, Refusal::NotAuthorized),
        (actor(admin()), STRANGER, Refusal::UserNotFound),
        (actor(helper(OWNER)), GRACE_HOPPER, Refusal::NotAuthorized),
    ] {
        assert_eq!(refusal(block(&cx, &without_emergencies(), &actor, id(whom), true, None).await), expected);
    }
    assert!(committed.is_empty());
}

#[tokio::test]
async fn only_administrators_decide() {
    for actor in [actor(account(STRANGER)), actor(helper(OWNER)), actor(helper(GRACE_HOPPER))] {
        let (cx, committed) = holding(with(Pending, true), HelperPolicy::Open);
        assert_eq!(must_be_admin(&actor), Err(Refusal::NotAuthorized));
        assert_eq!(
            refusal(
                verify(&cx, &without_emergencies(), &actor, id(GRACE_HOPPER), &VerificationDecision::new(Verified))
                    .await
            ),
            Refusal::NotAuthorized
        );
        assert_eq!(
            refusal(block(&cx, &without_emergencies(), &actor, id(GRACE_HOPPER), true, None).await),
            Refusal::NotAuthorized
        );
        assert!(committed.is_empty());
    }
    assert_eq!(must_be_admin(&actor(admin())), Ok(()));
}

#[tokio::test]
async fn a_position_is_stored_with_its_time() {
    let position = Position::new(1.0, 2.0).unwrap();
    let mut positions = MockPositions::new();
    let fix = Fix { user: id(GRACE_HOPPER), position, at: now() };
    let stored = |reports: &[Report]| Ok(reports.iter().map(|report| report.fix.user).collect());
    let expected = Report { session: Some(id(1)), ..fix.into() };
    positions.expect_record().withf(move |reports| reports == [expected]).times(1).returning(stored);
    positions.expect_record().times(1).returning(|_| Ok(Vec::new()));
    let (mut cx, _) = service(HelperPolicy::Verified);
    cx.positions = Arc::new(positions);
    let report = report(now(), (id(GRACE_HOPPER), id(1)), position, None);
    assert!(locate(&cx, report).await.unwrap());
    assert!(!locate(&cx, report).await.unwrap(), "a newer one is stored");
}

#[test]
fn the_time_of_a_device_is_kept_unless_it_is_far_ahead() {
    let position = Position::new(1.0, 2.0).unwrap();
    let minutes = |minutes| now() + chrono::TimeDelta::minutes(minutes);
    for (taken, kept) in [
        (minutes(-2 * 24 * 60), minutes(-2 * 24 * 60)),
        (now(), now()),
        (minutes(5), minutes(5)),
        (minutes(6), now()),
        (minutes(2 * 24 * 60), now()),
    ] {
        let report = report(now(), (id(GRACE_HOPPER), id(1)), position, Some(taken));
        assert_eq!(report.taken, Some(DeviceTime { session: id(1), at: kept }));
        assert_eq!(report.fix.at, now(), "positions of a user are ordered by arrival");
    }
}

#[tokio::test]
async fn the_last_position_counts_for_a_day() {
    let long_ago = now() - chrono::TimeDelta::hours(24);
    let position = Position::new(52.5, 13.4).unwrap();
    for (stored_at, expected) in [
        (Some(now()), Some(position)),
        (Some(long_ago), Some(position)),
        (Some(long_ago - chrono::TimeDelta::microseconds(1)), None),
        (None, None),
    ] {
        let mut positions = MockPositions::new();
        let last = stored_at.map(|at| Fix { user: id(GRACE_HOPPER), position, at });
        positions.expect_last().times(1).returning(move |user| Ok(last.filter(|fix| fix.user == user)));
        let cx = HelperPorts { positions: Arc::new(positions), ..service(HelperPolicy::Verified).0 };
        assert_eq!(fresh_position(&cx, id(GRACE_HOPPER)).await.unwrap(), expected, "{stored_at:?}");
    }
}
