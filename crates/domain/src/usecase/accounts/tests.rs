//! Tests of registration, login, refresh and logout: calls of the ports, and committed changes.

mod administrators;
mod entering;
mod sessions;

use std::sync::Arc;

use super::*;
use crate::{
    FailedLogins,
    port::{
        AccessClaims, Credentials, KeyedHash, MockAccounts, MockDevices, MockHashingQueue, MockLogins, MockPasswords,
        MockSessions, MockTokens, PasswordHash, RefreshClaims,
    },
    testing::{Committed, clock, id, ids, keyed_hasher, no_hashing_queue, now, store},
};

/// Mocked ports; each test sets the calls that it expects.
struct AccountMocks {
    accounts: MockAccounts,
    logins: MockLogins,
    sessions: MockSessions,
    devices: MockDevices,
    tokens: MockTokens,
    passwords: MockPasswords,
    /// `None`: every turn comes at once.
    hashing: Option<MockHashingQueue>,
    outcomes: Vec<port::Result<()>>,
}

impl AccountMocks {
    /// Signs tokens as texts that name their claims; every other call is unexpected.
    fn new() -> Self {
        let mut tokens = MockTokens::new();
        tokens.expect_access().returning(|account, session, at| {
            assert_eq!(at, now());
            Ok(Secret::new(access_of(account.id, session)))
        });
        tokens.expect_refresh().returning(|claims, at| Ok(Secret::new(issued_at(claims, at))));
        Self {
            accounts: MockAccounts::new(),
            logins: MockLogins::new(),
            sessions: MockSessions::new(),
            devices: MockDevices::new(),
            tokens,
            passwords: MockPasswords::new(),
            hashing: None,
            outcomes: Vec::new(),
        }
    }

    fn service(self) -> (AccountPorts, Committed) {
        let (changes, committed) = store(self.outcomes);
        let cx = AccountPorts {
            accounts: Arc::new(self.accounts),
            logins: Arc::new(self.logins),
            sessions: Arc::new(self.sessions),
            devices: Arc::new(self.devices),
            changes,
            tokens: Arc::new(self.tokens),
            passwords: Arc::new(self.passwords),
            hashing: self.hashing.map_or_else(no_hashing_queue, |queue| Arc::new(queue)),
            hasher: keyed_hasher(),
            clock: clock(),
            ids: ids(),
        };
        (cx, committed)
    }

    /// Stores this account with the password hash `stored`, or no account.
    fn with_account(mut self, account: Option<Account>) -> Self {
        let find = move |email: &Email| {
            let found = account.clone().filter(|a| a.email == *email);
            found.map(|account| Credentials { account, password: stored() })
        };
        let found = find.clone();
        self.accounts.expect_credentials().returning(move |email| Ok(found(email)));
        self.logins.expect_load().returning(move |attempt| {
            assert_eq!((attempt.source, attempt.at), (source_of(&attempt.email), now()));
            Ok(LoginContext { credentials: find(&attempt.email), failed: FailedLogins::default() })
        });
        self
    }

    /// Expects that this many failed logins are noted.
    fn failing(mut self, times: usize) -> Self {
        self.logins.expect_record_failure().times(times).returning(|_, at| {
            assert_eq!(at, now());
            Ok(())
        });
        self
    }

    /// Expects one verification. `right password` matches the hash `stored`.
    fn verifying_once(mut self) -> Self {
        self.passwords
            .expect_verify()
            .times(1)
            .returning(|password, hash| Ok(hash == Some(stored()) && password.expose() == "right password"));
        self
    }

    /// Expects one hashing, of `new password`, which gives the hash `hashed`.
    fn hashing(mut self) -> Self {
        self.passwords.expect_hash().times(1).returning(|password| {
            assert_eq!(password.expose(), "new password");
            Ok(hashed())
        });
        self
    }

    /// Reads the token `good` as these claims; `old` has expired, and all others are invalid.
    fn with_refresh(mut self, claims: RefreshClaims) -> Self {
        self.tokens.expect_read_refresh().returning(move |token| match token {
            "good" => Ok(RefreshToken { claims, expires_at: now() + TimeDelta::seconds(1) }),
            "old" => Ok(RefreshToken { claims, expires_at: now() }),
            _ => Err(TokenError::Invalid),
        });
        self
    }
}

/// The address of the client.
fn agent() -> Option<UserAgent> {
    UserAgent::read("AllyNet/2.1")
}

fn login_origin() -> LoginOrigin {
    LoginOrigin { address: home(), user_agent: agent() }
}

fn home() -> IpAddr {
    [192, 0, 2, 7].into()
}

/// A login with this email from [`home`].
fn source_of(email: &Email) -> LoginSource {
    LoginSource { account: keyed_hasher().hash_email(email), address: KeyedHash::new([7; 16]) }
}

fn stored() -> PasswordHash {
    PasswordHash::new("stored".to_owned())
}

fn hashed() -> PasswordHash {
    PasswordHash::new("hashed".to_owned())
}

fn access_of(user: UserId, session: crate::SessionId) -> String {
    format!("access {user} {session}")
}

fn refresh_of(claims: &RefreshClaims) -> String {
    issued_at(claims, now())
}

fn issued_at(claims: &RefreshClaims, at: Timestamp) -> String {
    format!("refresh {claims:?} at {at}")
}

fn claims(user: u128) -> RefreshClaims {
    RefreshClaims { user: id(user), session: id(400), token: id(500), parent: Some(id(499)) }
}
