//! Who called a moment ago, so that most requests need not ask the database who calls. What is remembered is never older
//! than what a look at the database would have told when the last change of it was answered: see decision 8.
//!
//! Three clocks work together. A look at the log sees every change of sessions and rights that was committed before the
//! look began, and has it forgotten here. What is remembered is used only while the last such look began less than
//! [`TRUST`] ago. And whoever commits such a change answers no sooner than [`TRUST`] after the commit: by then no node
//! uses what it remembered from before.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use allynet_domain::{Account, Change, SessionId, UserId, Write};
use tokio::time::Instant;

/// For how long a look at the log is good.
pub(crate) const TRUST: Duration = Duration::from_millis(200);
/// A look that is older than this is followed by another, if somebody calls.
const DUE: Duration = Duration::from_millis(50);
/// For how long an account is remembered. Name, reputation and skills may change without an event.
const LIFE: Duration = Duration::from_secs(2);
/// The most sessions that are remembered: some ten megabytes.
const MOST: usize = 10_000;

/// What this node remembers.
#[derive(Debug, Default)]
pub(crate) struct Remembered(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    sessions: HashMap<SessionId, Known>,
    /// Grows with everything that is forgotten. What was read meanwhile may be from before.
    epoch: u64,
    /// When the last look at the log began that saw all there was.
    looked: Option<Instant>,
    /// When a look was last asked for.
    asked: Option<Instant>,
}

#[derive(Debug)]
struct Known {
    account: Account,
    since: Instant,
}

/// Taken before an account is read that is to be remembered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Epoch(u64);

/// What is known of a caller.
#[derive(Debug, Default)]
pub(crate) struct Recalled {
    /// The account, if it can be relied on.
    pub(crate) account: Option<Account>,
    /// Whether somebody should look at the log, so that the next one can be.
    pub(crate) look: bool,
}

impl Remembered {
    /// The account of this session, if it is that of the user.
    pub(crate) fn recall(&self, session: SessionId, user: UserId) -> Recalled {
        let now = Instant::now();
        let mut state = self.state();
        let is_due = |at: Option<Instant>| at.is_none_or(|at| now.duration_since(at) >= DUE);
        let look = is_due(state.looked) && is_due(state.asked);
        if look {
            state.asked = Some(now);
        }
        let trusted = state.looked.is_some_and(|looked| now.duration_since(looked) < TRUST);
        let known = state
            .sessions
            .get(&session)
            .filter(|known| trusted && known.account.id == user && now.duration_since(known.since) < LIFE);
        Recalled { account: known.map(|known| known.account.clone()), look }
    }

    /// Before an account is read.
    pub(crate) fn epoch(&self) -> Epoch {
        Epoch(self.state().epoch)
    }

    /// Remembers what was read since, unless something was forgotten meanwhile. One who is shut out is not remembered:
    /// letting them in again makes no event.
    pub(crate) fn keep(&self, Epoch(epoch): Epoch, session: SessionId, account: &Account) {
        if account.blocked {
            return;
        }
        let since = Instant::now();
        let mut state = self.state();
        if state.epoch != epoch {
            return;
        }
        if state.sessions.len() >= MOST {
            state.sessions.retain(|_, known| since.duration_since(known.since) < LIFE);
        }
        if state.sessions.len() < MOST {
            state.sessions.insert(session, Known { account: account.clone(), since });
        }
    }

    /// Forgets these, who may have changed. Nobody does nothing.
    pub(crate) fn forget(&self, users: &[UserId]) {
        if users.is_empty() {
            return;
        }
        let mut state = self.state();
        state.epoch += 1;
        state.sessions.retain(|_, known| !users.contains(&known.account.id));
    }

    /// Forgets everybody.
    pub(crate) fn forget_all(&self) {
        let mut state = self.state();
        state.epoch += 1;
        state.sessions.clear();
    }

    /// A look at the log that began then has seen all there was, and who was in it is forgotten.
    pub(crate) fn looked(&self, began: Instant) {
        let mut state = self.state();
        state.looked = state.looked.max(Some(began));
    }

    /// Nothing panics while it is held, and if it did, what is remembered would still be whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose account or sessions a change writes.
pub(crate) fn touched(change: &Change) -> Vec<UserId> {
    let mut users = Vec::new();
    for write in &change.writes {
        match write {
            Write::RevokeSessions { user, .. }
            | Write::SetPassword { user, .. }
            | Write::SetHelper { user, .. }
            | Write::SetVerification { user, .. }
            | Write::SetBlocked { user, .. }
            | Write::AddRating { helper: user, .. } => users.push(*user),
            Write::AddTrust { helpers, .. } => users.extend(helpers),
            Write::RegisterAccount { .. }
            | Write::OpenSession(_)
            | Write::ExpectAccount(_)
            | Write::RaiseEmergency(_)
            | Write::UpdateEmergency { .. }
            | Write::ExpectRevision { .. }
            | Write::DeleteEmergency(_)
            | Write::SendAlerts { .. }
            | Write::AcknowledgeAlert { .. }
            | Write::SetDeclined { .. }
            | Write::PostMessage(_)
            | Write::DeleteMessage { .. }
            | Write::AddReport { .. } => {}
        }
    }
    users
}

/// Whether other nodes must have heard of a change when it is answered: it takes or gives what somebody may do.
pub(crate) fn must_be_heard(change: &Change) -> bool {
    let of_rights = |write: &Write| {
        matches!(write, Write::RevokeSessions { .. } | Write::SetVerification { .. } | Write::SetBlocked { .. })
    };
    change.writes.iter().any(of_rights)
}

#[cfg(test)]
mod tests {
    use allynet_domain::{HelperReputation, Name, Profile, Role, Timestamp};
    use uuid::Uuid;

    use super::*;

    fn account(number: u128) -> Account {
        let first_name = Name::parse("Ada").unwrap();
        Account {
            id: Uuid::from_u128(number).into(),
            email: format!("{number}@example.org").parse().unwrap(),
            profile: Profile { first_name, last_name: None, phone: None, avatar: None, bio: None },
            role: Role::User,
            blocked: false,
            helper: None,
            reputation: HelperReputation::default(),
            created_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn session(number: u128) -> SessionId {
        Uuid::from_u128(number).into()
    }

    /// Remembers somebody, as of a look that began so long ago.
    fn remembering(account: &Account, looked: Duration) -> Remembered {
        let remembered = Remembered::default();
        remembered.keep(remembered.epoch(), session(9), account);
        remembered.looked(Instant::now().checked_sub(looked).unwrap());
        remembered
    }

    #[test]
    fn one_who_was_read_is_known_by_session_and_user_while_the_look_is_good() {
        let ada = account(1);
        let remembered = remembering(&ada, Duration::ZERO);
        assert_eq!(remembered.recall(session(9), ada.id).account, Some(ada.clone()));
        assert_eq!(remembered.recall(session(8), ada.id).account, None);
        assert_eq!(remembered.recall(session(9), account(2).id).account, None);
        assert_eq!(remembering(&ada, TRUST).recall(session(9), ada.id).account, None);
        remembered.looked(Instant::now().checked_sub(TRUST).unwrap());
        assert!(remembered.recall(session(9), ada.id).account.is_some(), "looks may end in another order");
    }

    #[test]
    fn nobody_is_known_before_the_first_look() {
        let remembered = Remembered::default();
        remembered.keep(remembered.epoch(), session(9), &account(1));
        assert_eq!(remembered.recall(session(9), account(1).id).account, None);
    }

    #[test]
    fn what_was_read_while_something_was_forgotten_is_not_kept() {
        let remembered = remembering(&account(1), Duration::ZERO);
        let forgetting: [fn(&Remembered); 2] = [|r| r.forget(&[account(2).id]), Remembered::forget_all];
        for forget in forgetting {
            let before = remembered.epoch();
            forget(&remembered);
            remembered.keep(before, session(7), &account(3));
            assert_eq!(remembered.recall(session(7), account(3).id).account, None);
        }
        let before = remembered.epoch();
        remembered.forget(&[]);
        remembered.keep(before, session(7), &account(3));
        assert!(remembered.recall(session(7), account(3).id).account.is_some());
    }

    #[test]
    fn only_those_who_may_have_changed_are_forgotten() {
        let [ada, bo] = [account(1), account(2)];
        let remembered = remembering(&ada, Duration::ZERO);
        remembered.keep(remembered.epoch(), session(8), &bo);
        remembered.forget(&[bo.id]);
        assert!(remembered.recall(session(9), ada.id).account.is_some());
        assert_eq!(remembered.recall(session(8), bo.id).account, None);
        remembered.forget_all();
        assert_eq!(remembered.recall(session(9), ada.id).account, None);
    }

    #[test]
    fn one_who_is_shut_out_is_not_remembered() {
        let blocked = Account { blocked: true, ..account(1) };
        assert_eq!(remembering(&blocked, Duration::ZERO).recall(session(9), blocked.id).account, None);
    }

    #[test]
    fn a_look_is_asked_for_once_when_it_is_due() {
        let ada = account(1);
        assert!(!remembering(&ada, Duration::ZERO).recall(session(9), ada.id).look);
        let remembered = remembering(&ada, DUE);
        assert_eq!([(); 3].map(|()| remembered.recall(session(9), ada.id).look), [true, false, false]);
    }
}
