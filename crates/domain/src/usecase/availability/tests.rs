//! Which helpers are reviewed, and what of it is an event.

use super::*;
use crate::{
    AlertPreferences, AlertScope, Breakthrough, Event, HelperPolicy,
    port::{MockAccounts, MockHelpers, MockPositions},
    testing::{ALAN, Committed, GRACE_HOPPER, at, clock, helper, id, no_backoff, now, store},
    usecase::Rules,
};

fn service(due: Vec<UnderReview>, outcomes: Vec<port::Result<()>>) -> (HelperPorts, Arc<dyn port::Helpers>, Committed) {
    let (changes, committed) = store(outcomes);
    let mut helpers = MockHelpers::new();
    helpers
        .expect_due_for_review()
        .withf(|at, since, limit| (*at, *since, *limit) == (now(), self::since(), 100))
        .returning(move |_, _, _| Ok(due.clone()));
    let cx = HelperPorts {
        accounts: Arc::new(MockAccounts::new()),
        changes,
        positions: Arc::new(MockPositions::new()),
        clock: clock(),
        backoff: no_backoff(),
        rules: Rules { helpers: HelperPolicy::Verified, ..Rules::default() },
    };
    (cx, Arc::new(helpers), committed)
}

fn since() -> Timestamp {
    at(20)
}

/// A helper on duty with these preferences, whom broadcasts reach as far as `scope`.
fn preferring(n: u128, preferences: AlertPreferences, scope: AlertScope) -> Account {
    let mut account = helper(n);
    if let Some(helper) = &mut account.helper {
        (helper.preferences, helper.scope) = (preferences, scope);
    }
    account
}

fn paused_until(until: Timestamp, breakthrough: Breakthrough) -> AlertPreferences {
    AlertPreferences { paused_until: Some(until), breakthrough, ..AlertPreferences::default() }
}

/// `(on duty, for critical emergencies only)` of the events.
fn told(change: &Change) -> Vec<(bool, bool)> {
    let rights = |event: &Event| match event {
        Event::HelperRightsChanged { on_duty, critical_only, may_help: true, .. } => (*on_duty, *critical_only),
        other => panic!("{other:?}"),
    };
    change.events.iter().map(|event| rights(&event.event)).collect()
}

#[tokio::test]
async fn whom_broadcasts_reach_changes_by_itself() {
    let (over, lasting) = (now(), at(1000));
    for (preferences, before, limit, after, event) in [
        (paused_until(over, Breakthrough::Critical), AlertScope::Critical, None, AlertScope::All, vec![(true, false)]),
        (paused_until(over, Breakthrough::None), AlertScope::None, None, AlertScope::All, vec![(true, false)]),
        (
            paused_until(lasting, Breakthrough::Critical),
            AlertScope::All,
            None,
            AlertScope::Critical,
            vec![(false, true)],
        ),
        (paused_until(lasting, Breakthrough::None), AlertScope::All, None, AlertScope::None, vec![(false, false)]),
        (paused_until(lasting, Breakthrough::None), AlertScope::None, None, AlertScope::None, vec![]),
        (AlertPreferences::default(), AlertScope::All, Some(lasting), AlertScope::Critical, vec![(false, true)]),
        (AlertPreferences::default(), AlertScope::Critical, None, AlertScope::All, vec![(true, false)]),
    ] {
        let account = preferring(GRACE_HOPPER, preferences.clone(), before);
        let due = UnderReview { account: account.clone(), limit_ends_at: limit };
        let (cx, helpers, committed) = service(vec![due], vec![]);
        assert_eq!(review_due(&cx, &helpers, since()).await.unwrap(), 1);
        let change = committed.only();
        let schedule = preferences.schedule(now(), limit);
        assert_eq!((schedule.scope, told(&change)), (after, event), "{preferences:?}");
        let preferences = Box::new(preferences);
        let expected = [
            Write::ExpectAccount(Box::new(account)),
            Write::SetAlertPreferences { user: id(GRACE_HOPPER), preferences, schedule },
        ];
        assert_eq!((change.writes, change.actor), (expected.into(), None));
    }
}

#[tokio::test]
async fn nothing_is_committed_while_nothing_is_due() {
    let (cx, helpers, committed) = service(vec![], vec![]);
    assert_eq!(review_due(&cx, &helpers, since()).await.unwrap(), 0);
    assert!(committed.is_empty());
}

#[tokio::test]
async fn helpers_off_duty_are_reviewed_without_an_event() {
    let mut account = preferring(GRACE_HOPPER, paused_until(now(), Breakthrough::Critical), AlertScope::Critical);
    if let Some(helper) = &mut account.helper {
        helper.available = false;
    }
    let (cx, helpers, committed) = service(vec![UnderReview { account, limit_ends_at: None }], vec![]);
    review_due(&cx, &helpers, since()).await.unwrap();
    assert_eq!(committed.only().events, []);
}

#[tokio::test]
async fn a_helper_that_changed_meanwhile_does_not_delay_the_others() {
    let over = || paused_until(now(), Breakthrough::Critical);
    let due = [GRACE_HOPPER, ALAN].map(|n| {
        let account = preferring(n, over(), AlertScope::Critical);
        UnderReview { account, limit_ends_at: None }
    });
    let outcomes = vec![Err(port::Error::Stale), Err(port::Error::Stale), Ok(())];
    let (cx, helpers, committed) = service(due.into(), outcomes);
    assert_eq!(review_due(&cx, &helpers, since()).await.unwrap(), 2);
    let writes: Vec<_> = committed.attempts().iter().map(|change| change.writes.len()).collect();
    assert_eq!(writes, [4, 2, 2], "first together, then one by one");
}
