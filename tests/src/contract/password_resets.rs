//! Tokens with which forgotten passwords are replaced.

use allynet_domain::{
    Account, Locale, Profile, UserId, Write,
    port::{Error, KeyedHash, NewPasswordReset},
};
use futures_util::future::join_all;

use super::*;

const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;

impl Store {
    /// Issues the token with this number.
    async fn issue(&self, account: &Account, token: u8, second: i64) -> Option<Locale> {
        let reset = NewPasswordReset { email: account.email.clone(), token: keyed(token), at: at(second) };
        self.password_resets.issue(&reset).await.unwrap()
    }

    async fn owner_of(&self, token: u8, second: i64) -> Option<UserId> {
        self.password_resets.find(keyed(token), at(second)).await.unwrap()
    }

    async fn use_token(&self, account: &Account, token: KeyedHash) -> Result<(), Error> {
        let user = account.id;
        let password = hash("$new");
        let change =
            change().write(Write::UsePasswordReset { user, token }).write(Write::SetPassword { user, password });
        self.changes.commit(change).await
    }
}

pub async fn a_token_is_issued_to_an_account_and_found_by_its_hash_while_it_is_valid(store: Store) {
    let (ada, german) = (store.register().await, store.register().await);
    let profile = Profile { locale: Locale::German, ..german.profile.clone() };
    store.accounts.set_profile(german.id, &profile).await.unwrap();
    assert_eq!(store.issue(&ada, 1, 0).await, Some(Locale::English));
    assert_eq!(store.issue(&german, 2, 0).await, Some(Locale::German));
    assert_eq!(store.issue(&new_account(), 3, 0).await, None);
    let other_node = store.another().await;
    assert_eq!(other_node.owner_of(1, 0).await, Some(ada.id));
    assert_eq!(store.owner_of(2, 30 * MINUTE - 1).await, Some(german.id));
    assert_eq!(store.owner_of(2, 30 * MINUTE).await, None);
    assert_eq!(store.owner_of(3, 0).await, None);
}

pub async fn tokens_are_issued_once_a_minute_and_five_times_a_day(store: Store) {
    let [ada, bo] = [store.register().await, store.register().await];
    let mut issued = Vec::new();
    for (number, second) in
        [0, 59, 60, 61, 120, 180, 240, 300, DAY - 1, DAY, DAY + 59, DAY + 60, DAY + 120].into_iter().enumerate()
    {
        let token = u8::try_from(number + 1).unwrap();
        if store.issue(&ada, token, second).await.is_some() {
            issued.push(second);
        } else {
            // What is refused leaves the token of before as it was.
            assert_eq!(store.owner_of(token, second).await, None);
        }
    }
    assert_eq!(issued, [0, 60, 120, 180, 240, DAY, DAY + 60, DAY + 120]);
    assert!(store.issue(&bo, 99, 61).await.is_some(), "each account has its own");
}

pub async fn a_newer_token_replaces_an_older_one(store: Store) {
    let [ada, bo] = [store.register().await, store.register().await];
    store.issue(&ada, 1, 0).await.unwrap();
    store.issue(&bo, 2, 0).await.unwrap();
    assert_eq!(store.issue(&ada, 3, 30).await, None);
    assert_eq!(store.owner_of(1, 30).await, Some(ada.id), "a refused request replaces nothing");
    store.issue(&ada, 4, 60).await.unwrap();
    assert_eq!([store.owner_of(1, 60).await, store.owner_of(4, 60).await], [None, Some(ada.id)]);
    assert_eq!(store.owner_of(2, 60).await, Some(bo.id));
    assert!(matches!(store.use_token(&ada, keyed(1)).await, Err(Error::Stale)));
    store.use_token(&ada, keyed(4)).await.unwrap();
}

pub async fn of_many_requests_at_once_one_has_a_token(store: Store) {
    let (ada, other_node) = (store.register().await, store.another().await);
    let issued = join_all((1..=10).map(|token| {
        let (ada, node) = (&ada, if token % 2 == 0 { &store } else { &other_node });
        async move { node.issue(ada, token, 0).await }
    }));
    assert_eq!(issued.await.into_iter().flatten().count(), 1);
    let found = join_all((1..=10).map(|token| store.owner_of(token, 1))).await;
    assert_eq!(found.into_iter().flatten().count(), 1);
}

pub async fn a_token_is_used_once(store: Store) {
    let [ada, bo] = [store.register().await, store.register().await];
    store.issue(&ada, 1, 0).await.unwrap();
    assert!(matches!(store.use_token(&bo, keyed(1)).await, Err(Error::Stale)), "it is of another user");
    assert!(matches!(store.use_token(&ada, keyed(2)).await, Err(Error::Stale)), "it is unknown");
    store.use_token(&ada, keyed(1)).await.unwrap();
    assert_eq!(store.owner_of(1, 1).await, None);
    assert!(matches!(store.use_token(&ada, keyed(1)).await, Err(Error::Stale)));
    // A token that was used counts like any other.
    assert_eq!(store.issue(&ada, 3, 59).await, None);
}

pub async fn of_many_uses_at_once_exactly_one_succeeds(store: Store) {
    let (ada, other_node) = (store.register().await, store.another().await);
    store.issue(&ada, 1, 0).await.unwrap();
    let used = join_all((0..8).map(|n| {
        let (ada, node) = (&ada, if n % 2 == 0 { &store } else { &other_node });
        async move { node.use_token(ada, keyed(1)).await }
    }));
    assert_eq!(used.await.into_iter().flatten().count(), 1);
}

pub async fn a_new_password_makes_tokens_invalid(store: Store) {
    let [ada, bo] = [store.register().await, store.register().await];
    store.issue(&ada, 1, 0).await.unwrap();
    store.issue(&bo, 2, 0).await.unwrap();
    store.write(Write::SetPassword { user: ada.id, password: hash("$new") }).await;
    assert_eq!([store.owner_of(1, 1).await, store.owner_of(2, 1).await], [None, Some(bo.id)]);
}

pub async fn a_blocked_account_resets_no_password(store: Store) {
    let [ada, bo] = [store.register().await, store.register().await];
    store.issue(&ada, 1, 0).await.unwrap();
    for user in [ada.id, bo.id] {
        store.write(Write::SetBlocked { user, blocked: true, reason: None }).await;
    }
    assert_eq!(store.issue(&bo, 2, 0).await, None);
    assert_eq!(store.owner_of(1, 1).await, None);
    assert!(matches!(store.use_token(&ada, keyed(1)).await, Err(Error::Stale)));
}

pub async fn nothing_is_sent_to_the_owner_of_a_silent_emergency(store: Store) {
    let (silent, loud) = (store.register().await, store.register().await);
    let emergency = edited(call_of(&silent), |e| e.call.details.silent = true);
    store.commit(change().write(raise(&emergency)).write(raise(&call_of(&loud)))).await;
    assert_eq!(store.issue(&silent, 1, 0).await, None);
    assert_eq!(store.issue(&loud, 2, 0).await, Some(Locale::English));
    store.cancel(emergency.id(), at(1)).await;
    assert_eq!(store.issue(&silent, 3, 2).await, Some(Locale::English));
}
