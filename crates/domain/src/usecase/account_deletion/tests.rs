//! Tests of the deletion of accounts: who may, what is committed, and what a wrong password costs.

use std::sync::Arc;

use super::*;
use crate::{
    Account, Emergency, EventId, FailedLogins, PasswordHash, ResponseStatus, Timestamp,
    port::{
        self, Credentials, Live, LoginContext, MockAccounts, MockDevices, MockLogins, MockPasswords, MockSessions,
        MockTokens,
    },
    testing::{
        Committed, GRACE_HOPPER, OWNER, active_emergency, clock, grace_hopper, id, ids, keyed_hasher, no_hashing_queue,
        now, owner, resolved, store, with_responses,
    },
    usecase::emergencies::tests::{conflict, context, holding, refusal, stale},
};

const ADDRESS: [u8; 4] = [192, 0, 2, 7];

/// An emergency of [`OWNER`] that has ended.
fn ended() -> Emergency {
    resolved(active_emergency())
}

/// A store with this account, whose password is `right`, and with this emergency, which is the only live one if it is live.
struct Fixture {
    actor: Actor,
    stored: Option<Account>,
    emergency: Emergency,
    failed: FailedLogins,
    outcomes: Vec<port::Result<()>>,
}

impl Fixture {
    fn new(actor: Actor, emergency: Emergency) -> Self {
        let stored = Some(actor.account.clone());
        Self { actor, stored, emergency, failed: FailedLogins::default(), outcomes: Vec::new() }
    }

    async fn delete(self, password: &str, failures: usize) -> (Result<(), Error>, Committed) {
        let Self { actor, stored, emergency, failed, outcomes } = self;
        let (changes, committed) = store(outcomes);
        let (mut accounts, mut logins, mut passwords) = (MockAccounts::new(), MockLogins::new(), MockPasswords::new());
        let known = actor.account.clone();
        accounts.expect_find().returning(move |_| Ok(stored.clone()));
        logins.expect_load().returning(move |attempt| {
            assert_eq!(attempt.email, known.email);
            let password = PasswordHash::new("hash".to_owned());
            Ok(LoginContext { credentials: Some(Credentials { account: known.clone(), password }), failed })
        });
        logins.expect_record_failure().times(failures).returning(|_, _| Ok(()));
        passwords.expect_verify().returning(|password, hash| Ok(hash.is_some() && password.expose() == "right"));
        let mut emergencies = holding(&emergency, &[]);
        let live: Vec<_> = Some(emergency).filter(|e| e.status().is_live()).into_iter().collect();
        emergencies.expect_live_of().returning(move |_| Ok(Live { emergencies: live.clone(), as_of: EventId::START }));
        let emergencies = context(emergencies, changes.clone());
        let cx = AccountPorts {
            accounts: Arc::new(accounts),
            logins: Arc::new(logins),
            sessions: Arc::new(MockSessions::new()),
            devices: Arc::new(MockDevices::new()),
            changes,
            tokens: Arc::new(MockTokens::new()),
            passwords: Arc::new(passwords),
            hashing: no_hashing_queue(),
            hasher: keyed_hasher(),
            clock: clock(),
            ids: ids(),
        };
        let outcome = delete(&cx, &emergencies, &actor, Password::attempt(password), ADDRESS.into()).await;
        (outcome, committed)
    }
}

#[tokio::test]
async fn an_account_is_deleted_and_its_sockets_are_closed() {
    let (outcome, committed) = Fixture::new(owner(), ended()).delete("right", 0).await;
    outcome.unwrap();
    let (user, former) = (id(OWNER), UserId::of_former(uuid::Uuid::from_u128(1000)));
    let revoked = Event::SessionsRevoked { user, only: None, except: None, former: Some(former) };
    let expected = Change::new(Some(user), now()).write(Write::DeleteAccount { user, former }).account_event(revoked);
    assert_eq!(committed.only(), expected);
}

#[tokio::test]
async fn responses_are_cancelled_in_the_same_commit() {
    let emergency = with_responses(&[(GRACE_HOPPER, ResponseStatus::OnWay)]);
    let (outcome, committed) = Fixture::new(grace_hopper(), emergency).delete("right", 0).await;
    outcome.unwrap();
    let change = committed.only();
    let Write::UpdateEmergency { responses, .. } = &change.writes[0] else { panic!("{:?}", change.writes) };
    let cancelled: Vec<_> = responses.iter().map(|r| (r.helper.person.id, r.status)).collect();
    assert_eq!(cancelled, [(id(GRACE_HOPPER), ResponseStatus::Cancelled)]);
    let deleted = |write: &Write| matches!(write, Write::DeleteAccount { user, .. } if *user == id(GRACE_HOPPER));
    assert!(change.writes.last().is_some_and(deleted), "{:?}", change.writes);
    let told = |event: &Event| matches!(event, Event::HelperStatusUpdated { status: ResponseStatus::Cancelled, .. });
    assert!(change.events.iter().any(|event| told(&event.event)), "{:?}", change.events);
}

#[tokio::test]
async fn an_owner_of_a_live_emergency_stays() {
    let (outcome, committed) = Fixture::new(owner(), active_emergency()).delete("right", 0).await;
    assert_eq!((refusal(outcome), committed.is_empty()), (Refusal::OwnsLiveEmergency, true));
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let outcomes = conflict(Constraint::LastAdministrator);
    let (outcome, _) = Fixture { outcomes, ..Fixture::new(owner(), ended()) }.delete("right", 0).await;
    assert_eq!(refusal(outcome), Refusal::LastAdministrator);
}

#[tokio::test]
async fn a_deletion_that_is_stale_is_decided_again() {
    let (outcome, committed) =
        Fixture { outcomes: stale(2), ..Fixture::new(owner(), ended()) }.delete("right", 0).await;
    outcome.unwrap();
    assert_eq!(committed.attempts().len(), 3);
}

#[tokio::test]
async fn an_account_that_is_gone_or_blocked_meanwhile_is_refused() {
    let blocked = Account { blocked: true, ..owner().account };
    for (stored, expected) in [(None, Refusal::TokenInvalid), (Some(blocked), Refusal::AccountBlocked)] {
        let (outcome, committed) = Fixture { stored, ..Fixture::new(owner(), ended()) }.delete("right", 0).await;
        assert_eq!((refusal(outcome), committed.is_empty()), (expected, true));
    }
}

#[tokio::test]
async fn a_wrong_password_is_a_failed_login() {
    let (outcome, committed) = Fixture::new(owner(), ended()).delete("wrong", 1).await;
    assert_eq!((refusal(outcome), committed.is_empty()), (Refusal::WrongPassword, true));
    let at: Timestamp = now();
    let failed = FailedLogins { limiting_here: Some(at), ..FailedLogins::default() };
    let (outcome, committed) = Fixture { failed, ..Fixture::new(owner(), ended()) }.delete("right", 0).await;
    assert!(matches!(refusal(outcome), Refusal::TooSoon { .. }));
    assert!(committed.is_empty());
}
