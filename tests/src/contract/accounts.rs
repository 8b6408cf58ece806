//! Accounts and helper records.

use allynet_domain::{
    Account, CheckedSkill, HelperRecord, HelperReputation, Locale, Name, Profile, ResponseStatus, Role, Tier, UserId,
    Verification, Write,
    dispatch::Transport,
    port::{Activity, Constraint, Credentials, Error, HelperPage},
};
use futures_util::future::join_all;

use super::*;

pub async fn an_account_is_read_back_as_it_was_registered(store: Store) {
    let mut account = new_account();
    account.role = Role::Admin;
    account.profile = Profile {
        first_name: Name::parse("Ğrace 🚑").unwrap(),
        last_name: None,
        phone: Some(text("+49 30 1234")),
        avatar: Some("https://example.org/a.png?x=1".parse().unwrap()),
        bio: Some(text("Not much.\nReally \"not\" much.")),
        locale: Locale::German,
    };
    let registered = Write::RegisterAccount { account: Box::new(account.clone()), password: hash("$argon2id$x") };
    store.write(registered).await;

    assert_eq!(store.accounts.find(account.id).await.unwrap(), Some(account.clone()));
    let found = store.accounts.credentials(&account.email).await.unwrap();
    assert_eq!(found, Some(Credentials { account, password: hash("$argon2id$x") }));
}

pub async fn unknown_accounts_and_emails_are_not_found(store: Store) {
    store.register().await;
    assert_eq!(store.accounts.find(id()).await.unwrap(), None);
    assert_eq!(store.accounts.credentials(&new_account().email).await.unwrap(), None);
}

pub async fn an_email_belongs_to_one_account(store: Store) {
    let first = store.register().await;
    let second = Account { email: first.email.clone(), ..new_account() };
    let session = session_of(second.id);
    let both = change()
        .write(Write::OpenSession(session_of(first.id)))
        .write(Write::RegisterAccount { account: Box::new(second.clone()), password: hash("$other") })
        .write(Write::OpenSession(session.clone()));
    let refused = store.changes.commit(both).await;
    assert!(matches!(refused, Err(Error::Conflict(Constraint::Email))), "{refused:?}");
    assert_eq!(store.accounts.find(second.id).await.unwrap(), None);
    assert_eq!(store.sessions.authenticate(session.id, second.id).await.unwrap(), None);
    let found = store.accounts.credentials(&first.email).await.unwrap().unwrap();
    assert_eq!((found.account.id, found.password), (first.id, hash("$hash")));
}

pub async fn of_many_registrations_of_one_email_at_once_exactly_one_succeeds(store: Store) {
    let email = new_account().email;
    let attempts = (0..12).map(|_| {
        let account = Box::new(Account { email: email.clone(), ..new_account() });
        store.try_write(Write::RegisterAccount { account, password: hash("$hash") })
    });
    let outcomes = join_all(attempts).await;
    assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1);
    for refused in outcomes.into_iter().filter_map(Result::err) {
        assert!(matches!(refused, Error::Conflict(Constraint::Email)), "{refused:?}");
    }
}

pub async fn a_profile_is_replaced_as_a_whole(store: Store) {
    let [account, other] = [store.register().await, store.register().await];
    for profile in [
        Profile {
            first_name: Name::parse("Grace").unwrap(),
            last_name: None,
            phone: Some(text("112")),
            avatar: Some("http://example.org".parse().unwrap()),
            bio: Some(text("Compiles")),
            locale: Locale::German,
        },
        Profile::new(Name::parse("Bo").unwrap(), None),
    ] {
        store.accounts.set_profile(account.id, &profile).await.unwrap();
        assert_eq!(store.account(account.id).await, Account { profile: profile.clone(), ..account.clone() });
        store.accounts.set_profile(id(), &profile).await.unwrap();
    }
    assert_eq!(store.account(other.id).await, other);
}

pub async fn a_new_password_replaces_the_old_one(store: Store) {
    let [account, other] = [store.register().await, store.register().await];
    store.write(Write::SetPassword { user: account.id, password: hash("$new") }).await;
    for (of, password) in [(account, "$new"), (other, "$hash")] {
        assert_eq!(store.accounts.credentials(&of.email).await.unwrap().unwrap().password, hash(password));
    }
}

pub async fn only_the_first_helper_record_sets_the_verification(store: Store) {
    let account = store.register().await;
    let user = account.id;
    let skills = vec![text("first aid"), text("läuft, \"schnell\"")];
    let transport = Transport::Bike;
    let mut helper = HelperRecord { skills, transport, ..HelperRecord::new(Verification::Pending, true) };
    store.write(Write::SetHelper { user, helper: helper.clone(), role: Role::Helper }).await;
    let stored = Account { helper: Some(helper.clone()), role: Role::Helper, ..account };
    assert_eq!(store.account(user).await, stored);

    // Decided on an old copy, while an administrator decided otherwise.
    store.write(Write::SetVerification { user, verification: Verification::Rejected }).await;
    helper.available = false;
    helper.skills = Vec::new();
    helper.transport = Transport::Car;
    store.write(Write::SetHelper { user, helper: helper.clone(), role: Role::Admin }).await;
    let helper = Some(HelperRecord { verification: Verification::Rejected, ..helper });
    assert_eq!(store.account(user).await, Account { helper, role: Role::Admin, ..stored });
}

pub async fn an_administrators_verification_is_stored(store: Store) {
    let [account, other] = [store.helper().await, store.helper().await];
    for &verification in Verification::ALL {
        store.write(Write::SetVerification { user: account.id, verification }).await;
        let helper = Some(HelperRecord { verification, ..verified() });
        assert_eq!(store.account(account.id).await, Account { helper, ..account.clone() });
    }
    assert_eq!(store.account(other.id).await, other);
}

pub async fn what_an_administrator_checked_is_stored_and_expected(store: Store) {
    let [account, other] = [store.helper().await, store.helper().await];
    let nobody = store.register().await;
    let skills = vec![
        CheckedSkill { name: text("cpr"), until: Some(at(5)) },
        CheckedSkill { name: text("läuft, \"schnell\""), until: None },
    ];
    let mut stored = account.clone();
    for (tier, skills) in [
        (Some(Tier::Professional), skills.clone()),
        (Some(Tier::Public), Vec::new()),
        (None, skills.clone()),
        (Some(Tier::Registered), skills),
    ] {
        let before = stored.clone();
        for user in [account.id, nobody.id] {
            store.write(Write::SetQualification { user, tier, skills: skills.clone() }).await;
        }
        stored.helper = Some(HelperRecord { tier, checked_skills: skills, ..verified() });
        assert_eq!(store.account(account.id).await, stored);
        store.write(Write::ExpectAccount(Box::new(stored.clone()))).await;
        let outcome = store.try_write(Write::ExpectAccount(Box::new(before))).await;
        assert!(matches!(outcome, Err(Error::Stale)), "{outcome:?}");
    }
    let page = HelperPage { verification: None, after: None, limit: 100 };
    let listed = store.accounts.helpers(&page).await.unwrap();
    assert!(listed.into_iter().any(|listed| listed.account == stored));
    assert_eq!([store.account(other.id).await, store.account(nobody.id).await], [other, nobody]);
}

pub async fn an_expected_account_must_still_have_its_rights(store: Store) {
    let skills = vec![text("First aid"), text("Swimming")];
    let helper = store.enlist(new_account(), HelperRecord { skills, ..verified() }).await;
    let nobody = store.register().await;
    let record = helper.helper.clone().unwrap();
    let with = |record: HelperRecord| Account { helper: Some(record), ..helper.clone() };
    for (expected, holds) in [
        (helper.clone(), true),
        (Account { reputation: HelperReputation { trust_score: 9, ..helper.reputation }, ..helper.clone() }, true),
        (nobody.clone(), true),
        (Account { blocked: true, ..helper.clone() }, false),
        (Account { role: Role::Admin, ..helper.clone() }, false),
        (with(HelperRecord { verification: Verification::Pending, ..record.clone() }), false),
        (with(HelperRecord { available: false, ..record.clone() }), false),
        (with(HelperRecord { skills: Vec::new(), ..record.clone() }), false),
        (Account { helper: None, ..helper.clone() }, false),
        (Account { helper: Some(verified()), ..nobody.clone() }, false),
        (new_account(), false),
    ] {
        let outcome = store.try_write(Write::ExpectAccount(Box::new(expected.clone()))).await;
        let as_expected = if holds { outcome.is_ok() } else { matches!(outcome, Err(Error::Stale)) };
        assert!(as_expected, "{outcome:?}: {expected:?}");
    }
}

pub async fn of_concurrent_decisions_on_one_account_exactly_one_is_stored(store: Store) {
    let other_node = store.another().await;
    let before = store.helper().await;
    let nodes = [&store, &other_node].into_iter().cycle().take(12);
    let decide = |node: &Store| {
        let helper = HelperRecord { available: false, ..verified() };
        let set = Write::SetHelper { user: before.id, helper, role: Role::Helper };
        let decided = change().write(Write::ExpectAccount(Box::new(before.clone()))).write(set);
        let changes = node.changes.clone();
        async move { changes.commit(decided).await }
    };
    let outcomes = join_all(nodes.map(decide)).await;
    assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|o| matches!(o, Err(Error::Stale))).count(), 11, "{outcomes:?}");
}

pub async fn a_block_is_stored_and_lifted(store: Store) {
    let [account, other] = [store.helper().await, store.helper().await];
    for (blocked, reason) in [(true, Some(text("spam"))), (true, None), (false, None)] {
        store.write(Write::SetBlocked { user: account.id, blocked, reason }).await;
        assert_eq!(store.account(account.id).await, Account { blocked, ..account.clone() });
    }
    assert_eq!(store.account(other.id).await, other);
}

pub async fn administrators_are_listed_oldest_first(store: Store) {
    let others: Vec<UserId> = store.accounts.administrators().await.unwrap().iter().map(|a| a.id).collect();
    let [first, second, third] = [store.register().await, store.helper().await, store.register().await];
    for account in [&second, &first] {
        store.write(Write::SetRole { user: account.id, role: Role::Admin }).await;
    }
    let listed = store.accounts.administrators().await.unwrap();
    let listed: Vec<_> = listed.into_iter().filter(|a| !others.contains(&a.id)).collect();
    let admin = |account: &Account| Account { role: Role::Admin, ..account.clone() };
    assert_eq!(listed, [admin(&first), admin(&second)]);
    assert_eq!(store.account(third.id).await.role, Role::User);

    store.write(Write::SetRole { user: second.id, role: Role::Helper }).await;
    let listed = store.accounts.administrators().await.unwrap();
    assert!(listed.iter().any(|a| a.id == first.id) && listed.iter().all(|a| a.id != second.id));
}

pub async fn activity_counts_raised_and_helped_emergencies(store: Store) {
    let owner = store.register().await;
    let [helper, quitter] = [store.helper().await, store.helper().await];
    // Resolved with one helper that came and one that cancelled; cancelled by its owner; still live.
    for round in 0..3 {
        let emergency = store.raise(call_created(&owner, at(round))).await.id();
        store.accept(emergency, &helper, at(round)).await;
        store.accept(emergency, &quitter, at(round)).await;
        store.update_response(emergency, &quitter, ResponseStatus::Cancelled).await;
        match round {
            0 => store.resolve(emergency, at(round)).await,
            1 => store.cancel(emergency, at(round)).await,
            _ => {}
        }
    }
    for (user, helped, requested) in [(owner.id, 0, 3), (helper.id, 1, 0), (quitter.id, 0, 0), (id(), 0, 0)] {
        assert_eq!(store.accounts.activity(user).await.unwrap(), Activity { helped, requested });
    }
}

pub async fn helpers_are_paged_oldest_first_and_none_is_lost_among_equal_times(store: Store) {
    store.register().await;
    let mut expected: Vec<Account> = Vec::new();
    for (n, created_at, verification) in [
        (5, 20, Verification::Pending),
        (4, 10, Verification::Pending),
        (1, 10, Verification::Verified),
        (3, 10, Verification::Pending),
        (2, 20, Verification::Rejected),
        (6, 10, Verification::Pending),
    ] {
        let account = Account { created_at: at(created_at), ..new_account_with_id(nth(n)) };
        let helper = HelperRecord { verification, ..verified() };
        expected.push(store.enlist(account, helper).await);
    }
    expected.sort_by_key(|a| (a.created_at, a.id));

    for limit in [1, 2, 3, 6, 7] {
        assert_eq!(pages(&store, None, limit).await, expected, "in pages of {limit}");
        let is = |v: Verification| move |a: &Account| a.helper.as_ref().is_some_and(|h| h.verification == v);
        for &verification in Verification::ALL {
            let only: Vec<_> = expected.iter().filter(|a| is(verification)(a)).cloned().collect();
            assert_eq!(pages(&store, Some(verification), limit).await, only, "{verification} in pages of {limit}");
        }
    }
}

async fn pages(store: &Store, verification: Option<Verification>, limit: u32) -> Vec<Account> {
    let mut read: Vec<Account> = Vec::new();
    loop {
        let after = read.last().map(|a| (a.created_at, a.id));
        let page = store.accounts.helpers(&HelperPage { verification, after, limit }).await.unwrap();
        assert!(page.len() <= limit as usize);
        if page.is_empty() {
            return read;
        }
        read.extend(page.into_iter().map(|listed| listed.account));
    }
}
