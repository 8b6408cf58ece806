//! Sessions: immediate revocation, and rotation of refresh tokens.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use allynet_domain::{
    Account, Change, Event, Session, SessionId, SessionOverview, TokenId, UserAgent, Verification, Write,
    port::{Confirmation, Presentation, Successor},
};
use futures_util::future::join_all;

use super::*;

impl Store {
    async fn log_in(&self) -> (Account, Session) {
        let account = self.register().await;
        let session = self.open(&account).await;
        (account, session)
    }

    pub async fn open(&self, account: &Account) -> Session {
        let session = session_of(account.id);
        self.write(Write::OpenSession(session.clone())).await;
        session
    }

    async fn is_good(&self, session: &Session) -> bool {
        self.sessions.authenticate(session.id, session.user).await.unwrap().is_some()
    }

    /// Presents a token whose successor is new, if it has none. All this happens within the time of repetitions.
    async fn confirm(&self, session: &Session, token: TokenId, parent: Option<TokenId>) -> Confirmation {
        self.present(session.id, (token, parent), id(), 0).await
    }

    /// Presents a token at this second. One that was presented in the ten seconds before is presented again.
    async fn present(
        &self,
        session: SessionId,
        (token, parent): (TokenId, Option<TokenId>),
        successor: TokenId,
        second: i64,
    ) -> Confirmation {
        let (at, repeats_since) = (at(second), at(second - 10));
        let presented = Presentation { session, token, parent, successor, at, repeats_since, user_agent: None };
        self.sessions.confirm(presented).await.unwrap()
    }
}

/// Picks one of a user's sessions, or none.
type Pick = fn(&[Session]) -> Option<SessionId>;

fn succeeded_by(account: &Account, token: TokenId, second: i64) -> Confirmation {
    Confirmation::Confirmed {
        account: Box::new(account.clone()),
        successor: Successor { token, issued_at: at(second) },
    }
}

/// Whether a token was good, whatever its successor is.
fn is_confirmed(outcome: &Confirmation, of: &Account) -> bool {
    matches!(outcome, Confirmation::Confirmed { account, .. } if **account == *of)
}

pub async fn a_session_returns_its_account(store: Store) {
    let account = store.helper().await;
    let session = store.open(&account).await;
    assert_eq!(store.sessions.authenticate(session.id, account.id).await.unwrap(), Some(account.clone()));

    // A blocked account is returned as blocked: the domain decides what follows.
    store.write(Write::SetBlocked { user: account.id, blocked: true, reason: None }).await;
    let blocked = Account { blocked: true, ..account };
    assert_eq!(store.sessions.authenticate(session.id, blocked.id).await.unwrap(), Some(blocked));
}

pub async fn a_session_belongs_to_its_own_user_only(store: Store) {
    let [(ada, hers), (bo, his)] = [store.log_in().await, store.log_in().await];
    for (session, user) in [(hers.id, bo.id), (his.id, ada.id), (id(), ada.id), (hers.id, id())] {
        assert_eq!(store.sessions.authenticate(session, user).await.unwrap(), None);
    }
}

pub async fn a_revoked_session_is_refused_at_once_on_every_node(store: Store) {
    let other_node = store.another().await;
    for _ in 0..10 {
        let (account, session) = store.log_in().await;
        assert!(store.is_good(&session).await);
        assert!(other_node.is_good(&session).await);
        store.write(Write::RevokeSessions { user: account.id, only: None, except: None }).await;
        assert!(!other_node.is_good(&session).await);
        assert!(!store.is_good(&session).await);
    }
}

/// How long a node may go on judging by what it read before a change that another node committed.
const MAX_STALENESS: Duration = Duration::from_secs(1);

/// Calls a node again and again until `done`, so that it has cached the caller at any time.
async fn keep_calling(node: &Store, session: &Session, done: &AtomicBool) {
    while !done.load(Ordering::SeqCst) {
        node.sessions.recognize(session.id, session.user).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Commits a change on one node while the session calls both. Returns what the committing node says right after, and what
/// the other one says a second after.
async fn recognized_after(
    store: &Store,
    other: &Store,
    session: &Session,
    change: Change,
) -> (Option<Account>, Option<Account>) {
    let done = AtomicBool::new(false);
    let changing = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        store.commit(change).await;
        let here = store.sessions.recognize(session.id, session.user).await.unwrap();
        tokio::time::sleep(MAX_STALENESS).await;
        let there = other.sessions.recognize(session.id, session.user).await.unwrap();
        done.store(true, Ordering::SeqCst);
        (here, there)
    };
    tokio::join!(changing, keep_calling(store, session, &done), keep_calling(other, session, &done)).0
}

pub async fn a_revoked_or_blocked_caller_is_refused_at_once_here_and_within_a_second_on_another_node(store: Store) {
    let other = store.another().await;
    let (store, other) = (&store, &other);
    let each = (0..8).map(|n| async move {
        let (account, session) = store.log_in().await;
        let user = account.id;
        let change = if n % 2 == 0 {
            change()
                .write(Write::RevokeSessions { user, only: None, except: None })
                .account_event(Event::SessionsRevoked { user, only: None, except: None, former: None })
        } else {
            change()
                .write(Write::SetBlocked { user, blocked: true, reason: None })
                .account_event(Event::AccountBlocked { user })
        };
        let (here, there) = recognized_after(store, other, &session, change).await;
        assert!(here.is_none_or(|account| account.blocked), "{n}: here");
        assert!(there.is_none_or(|account| account.blocked), "{n}: there");
    });
    join_all(each).await;
}

pub async fn a_caller_has_new_rights_at_once_here_and_within_a_second_on_another_node(store: Store) {
    let other = store.another().await;
    let helper = store.helper().await;
    let (user, session) = (helper.id, store.open(&helper).await);
    for verification in [Verification::Rejected, Verification::Verified, Verification::Rejected] {
        let may_help = verification == Verification::Verified;
        let change = change()
            .write(Write::SetVerification { user, verification })
            .account_event(Event::HelperRightsChanged { user, on_duty: may_help, critical_only: false, may_help });
        let (here, there) = recognized_after(&store, &other, &session, change).await;
        for account in [here, there] {
            assert_eq!(account.unwrap().helper.unwrap().verification, verification);
        }
    }
}

pub async fn sessions_are_revoked_one_or_all_but_one_or_all(store: Store) {
    let (_, bystander) = store.log_in().await;
    let cases: [(Pick, Pick, [bool; 3]); 5] = [
        (|s| Some(s[1].id), |_| None, [true, false, true]),
        (|_| None, |s| Some(s[1].id), [false, true, false]),
        (|_| None, |_| None, [false; 3]),
        (|_| Some(id()), |_| None, [true; 3]),
        (|_| None, |_| Some(id()), [false; 3]),
    ];
    for (only, except, good) in cases {
        let account = store.register().await;
        let sessions = [store.open(&account).await, store.open(&account).await, store.open(&account).await];
        let (only, except) = (only(&sessions), except(&sessions));
        store.write(Write::RevokeSessions { user: account.id, only, except }).await;
        for (session, good) in sessions.iter().zip(good) {
            assert_eq!(store.is_good(session).await, good, "{only:?} {except:?}");
        }
    }
    let stranger = store.register().await.id;
    store.write(Write::RevokeSessions { user: stranger, only: Some(bystander.id), except: None }).await;
    assert!(store.is_good(&bystander).await, "sessions of other users are not revoked");
}

pub async fn a_refresh_token_is_confirmed_by_use(store: Store) {
    let (account, session) = store.log_in().await;
    let first = session.confirmed;
    let [second, third]: [TokenId; 2] = [id(), id()];
    for (token, parent) in [
        (first, None),
        // A client that never stores the successor uses the first token again and again.
        (first, None),
        (second, Some(first)),
        (second, Some(first)),
        (third, Some(second)),
        (third, Some(second)),
    ] {
        assert!(is_confirmed(&store.confirm(&session, token, parent).await, &account));
    }
    assert!(store.is_good(&session).await);
}

pub async fn a_token_presented_again_in_time_has_the_same_successor_whatever_became_of_it(store: Store) {
    let other_node = store.another().await;
    let (account, session) = store.log_in().await;
    let first = session.confirmed;
    let [second, third, unused]: [TokenId; 3] = [id(), id(), id()];
    let of = session.id;
    assert_eq!(store.present(of, (first, None), second, 0).await, succeeded_by(&account, second, 0));
    assert_eq!(store.present(of, (second, Some(first)), third, 1).await, succeeded_by(&account, third, 1));
    for node in [&store, &other_node] {
        // The successor was used, and this is no use: the tokens after it stay good.
        assert_eq!(node.present(of, (first, None), unused, 10).await, succeeded_by(&account, second, 0));
        assert_eq!(node.present(of, (second, Some(first)), unused, 10).await, succeeded_by(&account, third, 1));
    }
    assert_eq!(store.present(of, (first, None), unused, 11).await, Confirmation::Reused);
    let fourth = id();
    assert_eq!(store.present(of, (third, Some(second)), fourth, 11).await, succeeded_by(&account, fourth, 11));
}

pub async fn a_token_presented_again_later_has_a_new_successor_while_none_was_used(store: Store) {
    let (account, session) = store.log_in().await;
    let (of, first) = (session.id, (session.confirmed, None));
    let [second, sibling, third]: [TokenId; 3] = [id(), id(), id()];
    assert_eq!(store.present(of, first, second, 0).await, succeeded_by(&account, second, 0));
    assert_eq!(store.present(of, first, sibling, 11).await, succeeded_by(&account, sibling, 11));
    assert_eq!(store.present(of, first, third, 21).await, succeeded_by(&account, sibling, 11));
    // The older successor is good, too, until one of them is used.
    assert_eq!(store.present(of, (second, Some(first.0)), third, 30).await, succeeded_by(&account, third, 30));
    assert_eq!(store.present(of, (sibling, Some(first.0)), id(), 31).await, Confirmation::Reused);
}

pub async fn a_revoked_or_blocked_session_is_told_so_before_a_repetition(store: Store) {
    let (account, session) = store.log_in().await;
    let (user, first) = (account.id, (session.confirmed, None));
    let successor = id();
    store.present(session.id, first, successor, 0).await;
    store.write(Write::SetBlocked { user, blocked: true, reason: None }).await;
    let blocked = Account { blocked: true, ..account };
    assert_eq!(store.present(session.id, first, id(), 1).await, succeeded_by(&blocked, successor, 0));
    store.write(Write::RevokeSessions { user, only: None, except: None }).await;
    assert_eq!(store.present(session.id, first, id(), 1).await, Confirmation::Unknown);
}

pub async fn a_replaced_refresh_token_is_reused(store: Store) {
    let (account, session) = store.log_in().await;
    let first = session.confirmed;
    let [second, sibling, third, orphan]: [TokenId; 4] = [id(), id(), id(), id()];
    assert!(is_confirmed(&store.confirm(&session, second, Some(first)).await, &account));
    for (token, parent, why) in [
        (first, None, "its successor was used"),
        (sibling, Some(first), "its sibling was used"),
        (orphan, Some(sibling), "its parent was never used"),
    ] {
        assert_eq!(store.confirm(&session, token, parent).await, Confirmation::Reused, "{why}");
    }
    // A refused token has changed nothing: what follows is the caller's to decide.
    assert!(is_confirmed(&store.confirm(&session, second, Some(first)).await, &account));
    assert!(is_confirmed(&store.confirm(&session, third, Some(second)).await, &account));
    let later = store.present(session.id, (second, Some(first)), id(), 11).await;
    assert_eq!(later, Confirmation::Reused);
}

pub async fn of_siblings_presented_at_once_exactly_one_wins(store: Store) {
    let other_node = store.another().await;
    for _ in 0..10 {
        let (account, session) = store.log_in().await;
        let siblings: Vec<TokenId> = (0..8).map(|_| id()).collect();
        let nodes = [&store, &other_node].into_iter().cycle();
        let attempts = siblings.iter().zip(nodes).map(|(&token, node)| {
            let session = &session;
            async move { node.confirm(session, token, Some(session.confirmed)).await }
        });
        let outcomes = join_all(attempts).await;
        assert_eq!(outcomes.iter().filter(|o| is_confirmed(o, &account)).count(), 1, "{outcomes:?}");
        assert_eq!(outcomes.iter().filter(|o| **o == Confirmation::Reused).count(), 7, "{outcomes:?}");
        let winner = outcomes.iter().position(|o| *o != Confirmation::Reused).unwrap();
        assert!(is_confirmed(&store.confirm(&session, siblings[winner], None).await, &account));
    }
}

pub async fn one_token_presented_many_times_at_once_has_one_successor(store: Store) {
    let other_node = store.another().await;
    for _ in 0..10 {
        let (account, session) = store.log_in().await;
        let (first, second) = (session.confirmed, id());
        let nodes = [&store, &other_node].into_iter().cycle();
        let outcomes = join_all(nodes.take(8).map(|node| node.confirm(&session, second, Some(first)))).await;
        assert!(is_confirmed(&outcomes[0], &account), "{outcomes:?}");
        assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{outcomes:?}");
    }
}

pub async fn a_revoked_or_unknown_session_confirms_nothing(store: Store) {
    let (account, session) = store.log_in().await;
    assert_eq!(store.present(id(), (session.confirmed, None), id(), 0).await, Confirmation::Unknown);
    store.write(Write::RevokeSessions { user: account.id, only: Some(session.id), except: None }).await;
    for (token, parent) in [(session.confirmed, None), (id(), Some(session.confirmed)), (id(), None)] {
        assert_eq!(store.confirm(&session, token, parent).await, Confirmation::Unknown);
    }
}

pub async fn sessions_are_listed_with_their_last_use(store: Store) {
    let (account, first) = store.log_in().await;
    let (_, _) = store.log_in().await;
    let agent = |name: &str| UserAgent::read(name);
    let second = Session { user_agent: agent("App/1"), created_at: at(5), ..session_of(account.id) };
    let third = Session { created_at: at(3), ..session_of(account.id) };
    let revoked = Session { created_at: at(4), ..session_of(account.id) };
    for session in [&second, &third, &revoked] {
        store.write(Write::OpenSession(session.clone())).await;
    }
    store.write(Write::RevokeSessions { user: account.id, only: Some(revoked.id), except: None }).await;

    let overview = |session: &Session, last_used_at, user_agent| SessionOverview {
        id: session.id,
        created_at: session.created_at,
        last_used_at,
        user_agent,
    };
    let listed = async |limit| store.sessions.list(account.id, at(0), limit).await.unwrap();
    let [unused, untouched] = [overview(&second, at(5), agent("App/1")), overview(&third, at(3), None)];
    assert_eq!(listed(10).await, [unused.clone(), untouched.clone(), overview(&first, at(0), None)]);

    let used = |token, second, user_agent| Presentation {
        session: first.id,
        token,
        parent: None,
        successor: id(),
        at: at(second),
        repeats_since: at(second - 10),
        user_agent,
    };
    store.sessions.confirm(used(first.confirmed, 20, agent("App/2"))).await.unwrap();
    let expected = [overview(&first, at(20), agent("App/2")), unused, untouched];
    assert_eq!(listed(10).await, expected);
    assert_eq!(listed(2).await, expected[..2]);
    // A repetition is no use, nor is a token that is refused.
    store.sessions.confirm(used(first.confirmed, 22, agent("App/3"))).await.unwrap();
    store.sessions.confirm(used(id(), 40, agent("App/4"))).await.unwrap();
    assert_eq!(listed(10).await, expected);
    // A program without a name leaves the one before.
    store.sessions.confirm(used(first.confirmed, 50, None)).await.unwrap();
    assert_eq!(listed(1).await, [overview(&first, at(50), agent("App/2"))]);
}
