//! Failed logins, and the addresses from which an account logged in.

use allynet_domain::{
    Account, FailedLogins, Write,
    port::{Credentials, KeyedHash, LoginAttempt, LoginContext, LoginSource},
};
use chrono::TimeDelta;

use super::*;

const HOME: u8 = 1;
const ELSEWHERE: u8 = 2;

/// The account of an email under a hash of its own.
fn source(account: &Account, address: u8) -> LoginSource {
    LoginSource { account: KeyedHash::new(*uuid::Uuid::from(account.id).as_bytes()), address: keyed(address) }
}

impl Store {
    async fn login(&self, account: &Account, address: u8, second: i64) -> LoginContext {
        let (email, source) = (account.email.clone(), source(account, address));
        self.logins.load(&LoginAttempt { email, source, at: at(second) }).await.unwrap()
    }

    async fn failed(&self, account: &Account, address: u8, second: i64) -> FailedLogins {
        self.login(account, address, second).await.failed
    }

    async fn fail(&self, account: &Account, address: u8, seconds: impl IntoIterator<Item = i64>) {
        for second in seconds {
            self.logins.record_failure(source(account, address), at(second)).await.unwrap();
        }
    }

    async fn succeed(&self, account: &Account, address: u8, second: i64) {
        let mut change = change().write(Write::RecordLogin { user: account.id, source: source(account, address) });
        change.at = at(second);
        self.commit(change).await;
    }
}

fn days(days: i64) -> i64 {
    TimeDelta::days(days).num_seconds()
}

pub async fn a_login_is_decided_on_the_account_and_its_password(store: Store) {
    let (known, unknown) = (store.register().await, new_account());
    let credentials = Credentials { account: known.clone(), password: hash("$hash") };
    let failed = FailedLogins::default();
    assert_eq!(store.login(&known, HOME, 0).await, LoginContext { credentials: Some(credentials), failed });
    assert_eq!(store.login(&unknown, HOME, 0).await, LoginContext { credentials: None, failed });
}

pub async fn failed_logins_are_counted_by_address_and_in_total_also_of_unknown_accounts(store: Store) {
    let other_node = store.another().await;
    for account in [store.register().await, new_account()] {
        store.fail(&account, HOME, 0..9).await;
        assert_eq!(store.failed(&account, HOME, 20).await, FailedLogins::default());
        other_node.fail(&account, HOME, 9..12).await;
        // The tenth from the end.
        let expected = FailedLogins { limiting_here: Some(at(2)), ..FailedLogins::default() };
        assert_eq!(store.failed(&account, HOME, 20).await, expected);
        assert_eq!(store.failed(&account, ELSEWHERE, 20).await, FailedLogins::default());
        for address in 10..20 {
            store.fail(&account, address, 20..29).await;
        }
        let expected = FailedLogins { limiting_in_total: Some(at(2)), ..FailedLogins::default() };
        assert_eq!(store.failed(&account, ELSEWHERE, 30).await, expected);
        assert_eq!(store.failed(&new_account(), HOME, 30).await, FailedLogins::default());
    }
}

pub async fn an_address_is_known_for_thirty_days_after_a_login(store: Store) {
    let [ada, bo] = [store.register().await, store.register().await];
    store.succeed(&ada, HOME, 0).await;
    for (account, address, second, known) in [
        (&ada, HOME, days(30) - 1, true),
        (&ada, HOME, days(30), false),
        (&ada, ELSEWHERE, 1, false),
        (&bo, HOME, 1, false),
    ] {
        assert_eq!(store.failed(account, address, second).await.is_known_address, known, "{address} at {second}");
    }
    // A later login counts from then on, whatever the order in which two are stored.
    store.succeed(&ada, HOME, days(20)).await;
    store.succeed(&ada, HOME, days(10)).await;
    assert!(store.failed(&ada, HOME, days(50) - 1).await.is_known_address);
}

pub async fn a_login_forgets_the_failures_of_its_address_only(store: Store) {
    let account = store.register().await;
    for address in [HOME, ELSEWHERE] {
        store.fail(&account, address, 0..10).await;
    }
    store.succeed(&account, HOME, 10).await;
    assert_eq!(store.failed(&account, HOME, 11).await.limiting_here, None);
    assert_eq!(store.failed(&account, ELSEWHERE, 11).await.limiting_here, Some(at(0)));
}

pub async fn the_oldest_of_too_many_known_addresses_are_forgotten(store: Store) {
    let account = store.register().await;
    for address in 0..52 {
        store.succeed(&account, address, i64::from(address)).await;
    }
    let known = async |address| store.failed(&account, address, 100).await.is_known_address;
    assert_eq!((known(1).await, known(2).await, known(51).await), (false, true, true));
}

pub async fn failures_that_do_not_count_any_more_are_deleted(store: Store) {
    let account = store.register().await;
    store.fail(&account, HOME, 0..10).await;
    // Each failure deletes some of those that are older than an hour.
    store.fail(&account, ELSEWHERE, [3_611, 3_612]).await;
    let expected = FailedLogins::default();
    assert_eq!(store.failed(&account, HOME, 3_612).await, expected);
}
