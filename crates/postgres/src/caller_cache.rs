//! A cache of callers: which account a session belongs to, so that most requests need not ask the database.
//!
//! An entry is used for less than [`MAX_CALLER_AGE`] after the read that made it *began*, so no request is judged by what a node
//! knew longer ago (decision 8). The node that commits a change of an account evicts it at once. A read may be overtaken by
//! such a commit and return the account as it was before, so every eviction advances a generation, and a result is stored
//! only if the generation is still the one from before the read.

use std::{collections::HashMap, time::Duration};

use allynet_domain::{Account, Change, SessionId, UserId, Write, port::EndedBlocks};
use parking_lot::Mutex;
use tokio::time::Instant;

/// How old an entry may be, counted from the begin of the read that made it.
pub(crate) const MAX_CALLER_AGE: Duration = Duration::from_secs(1);
/// The number of users beyond which nothing is added until expired entries are removed: some ten megabytes.
const MAX_USERS: usize = 10_000;

/// Accounts by user and session.
#[derive(Debug, Default)]
pub(crate) struct CallerCache(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// By user, so that an eviction is one look-up. A user has few sessions at a time.
    entries: HashMap<UserId, Vec<Entry>>,
    /// Advanced by every eviction.
    generation: u64,
    /// When expired entries were last removed because the cache was full.
    purged_at: Option<Instant>,
}

#[derive(Debug)]
struct Entry {
    session: SessionId,
    account: Account,
    read_began: Instant,
}

/// A stamp taken before a read, with which its result may be cached.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadToken {
    generation: u64,
    began: Instant,
}

impl Entry {
    fn is_fresh(&self, now: Instant) -> bool {
        now.duration_since(self.read_began) < MAX_CALLER_AGE
    }
}

impl CallerCache {
    /// The account of this session, or `None` if it is not cached, too old, or another user's.
    pub(crate) fn get(&self, session: SessionId, user: UserId) -> Option<Account> {
        let now = Instant::now();
        let state = self.0.lock();
        let entry = state.entries.get(&user)?.iter().find(|entry| entry.session == session)?;
        entry.is_fresh(now).then(|| entry.account.clone())
    }

    /// To be called before the read.
    pub(crate) fn begin_read(&self) -> ReadToken {
        ReadToken { generation: self.0.lock().generation, began: Instant::now() }
    }

    /// Stores the result of a read; no-op if anything was evicted since it began.
    ///
    /// Blocked accounts are not stored, so that an account that is unblocked is served at once on every node.
    pub(crate) fn insert(&self, read: ReadToken, session: SessionId, account: &Account) {
        if account.blocked {
            return;
        }
        let now = Instant::now();
        let mut state = self.0.lock();
        if state.generation != read.generation || (!state.entries.contains_key(&account.id) && !state.has_room(now)) {
            return;
        }
        let entries = state.entries.entry(account.id).or_default();
        entries.retain(|entry| entry.session != session && entry.is_fresh(now));
        entries.push(Entry { session, account: account.clone(), read_began: read.began });
    }

    /// Evicts these users; no-op for an empty slice.
    pub(crate) fn evict(&self, users: &[UserId]) {
        if users.is_empty() {
            return;
        }
        let mut state = self.0.lock();
        state.generation += 1;
        for user in users {
            state.entries.remove(user);
        }
    }
}

impl State {
    /// Whether another user fits in. Looks through the whole cache at most once per [`MAX_CALLER_AGE`].
    fn has_room(&mut self, now: Instant) -> bool {
        let is_due = self.purged_at.is_none_or(|at| now.duration_since(at) >= MAX_CALLER_AGE);
        if self.entries.len() >= MAX_USERS && is_due {
            self.purged_at = Some(now);
            self.entries.retain(|_, entries| entries.iter().any(|entry| entry.is_fresh(now)));
        }
        self.entries.len() < MAX_USERS
    }
}

/// Evicts users when it is dropped, so that a commit whose caller went away before the answer evicts them too.
#[derive(Debug)]
pub(crate) struct EvictOnDrop<'a> {
    cache: &'a CallerCache,
    users: Vec<UserId>,
}

impl<'a> EvictOnDrop<'a> {
    pub(crate) const fn new(cache: &'a CallerCache, users: Vec<UserId>) -> Self {
        Self { cache, users }
    }
}

impl Drop for EvictOnDrop<'_> {
    fn drop(&mut self) {
        self.cache.evict(&self.users);
    }
}

/// The users whose accounts or sessions a change writes.
pub(crate) fn written_users(change: &Change) -> Vec<UserId> {
    let mut users = Vec::new();
    for write in &change.writes {
        match write {
            Write::DeleteAccount { user, .. }
            | Write::RevokeSessions { user, .. }
            | Write::SetPassword { user, .. }
            | Write::SetHelper { user, .. }
            | Write::SetAlertPreferences { user, .. }
            | Write::SetRole { user, .. }
            | Write::SetVerification { user, .. }
            | Write::SetQualification { user, .. }
            | Write::SetBlocked { user, .. }
            | Write::AddBlock { by: user, .. }
            | Write::EndBlocks(EndedBlocks { by: user, .. })
            | Write::AddRating { helper: user, .. } => users.push(*user),
            Write::AddTrust { helpers, .. } => users.extend(helpers),
            Write::RegisterAccount { .. }
            | Write::OpenSession(_)
            | Write::RecordLogin { .. }
            | Write::RegisterDevice { .. }
            | Write::SendOpenAlerts { .. }
            | Write::RemoveDevice { .. }
            | Write::NoteKeyChange { .. }
            | Write::UsePasswordReset { .. }
            | Write::ExpectAccount(_)
            | Write::ExpectMayHelp { .. }
            | Write::ExpectNoResponses(_)
            | Write::RemoveBlock { .. }
            | Write::RaiseEmergency(_)
            | Write::UpdateEmergency { .. }
            | Write::ChangeDetails { .. }
            | Write::DecideAgain { .. }
            | Write::MovePlace { .. }
            | Write::ExpectRevision { .. }
            | Write::DeleteEmergency(_)
            // The trust in the cache is corrected within a second.
            | Write::RevokeTrust(_)
            | Write::AnnounceEmergency(_)
            | Write::SendAlerts { .. }
            | Write::AcknowledgeAlert { .. }
            | Write::ReceiveAlert { .. }
            | Write::SeeAlert { .. }
            | Write::CountDeviceTest { .. }
            | Write::PlanStep { .. }
            | Write::NoteDeliveries(_)
            | Write::RecordReceipt { .. }
            | Write::NoteDeviceReceived { .. }
            | Write::ReviewContacts(_)
            | Write::PlanNotices { .. }
            | Write::NoteNotice { .. }
            | Write::NoteContactAction { .. }
            | Write::SetDeclined { .. }
            | Write::ExpectMessagesBefore { .. }
            | Write::PostMessage(_)
            | Write::AddMessageRequest { .. }
            | Write::DeleteMessage { .. }
            | Write::AddReport { .. } => {}
        }
    }
    users
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
            profile: Profile::new(first_name, None),
            role: Role::User,
            blocked: false,
            helper: None,
            reputation: HelperReputation::default(),
            blocks: Vec::new(),
            created_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn session(number: u128) -> SessionId {
        Uuid::from_u128(number).into()
    }

    fn caching(account: &Account) -> CallerCache {
        let cache = CallerCache::default();
        cache.insert(cache.begin_read(), session(9), account);
        cache
    }

    #[tokio::test(start_paused = true)]
    async fn an_entry_is_found_by_session_and_user() {
        let ada = account(1);
        let cache = caching(&ada);
        assert_eq!(cache.get(session(9), ada.id), Some(ada.clone()));
        assert_eq!(cache.get(session(8), ada.id), None);
        assert_eq!(cache.get(session(9), account(2).id), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_age_of_an_entry_counts_from_the_begin_of_its_read() {
        let ada = account(1);
        let cache = CallerCache::default();
        let read = cache.begin_read();
        tokio::time::advance(Duration::from_millis(600)).await;
        cache.insert(read, session(9), &ada);
        tokio::time::advance(Duration::from_millis(399)).await;
        assert!(cache.get(session(9), ada.id).is_some());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(cache.get(session(9), ada.id), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_that_was_overtaken_by_an_eviction_is_not_stored() {
        let cache = CallerCache::default();
        let overtaken = cache.begin_read();
        cache.evict(&[account(2).id]);
        cache.insert(overtaken, session(7), &account(3));
        assert_eq!(cache.get(session(7), account(3).id), None);
        let undisturbed = cache.begin_read();
        cache.evict(&[]);
        cache.insert(undisturbed, session(7), &account(3));
        assert!(cache.get(session(7), account(3).id).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn evicting_a_user_removes_all_of_their_sessions_and_nothing_else() {
        let [ada, bo] = [account(1), account(2)];
        let cache = caching(&ada);
        cache.insert(cache.begin_read(), session(8), &ada);
        cache.insert(cache.begin_read(), session(7), &bo);
        drop(EvictOnDrop::new(&cache, vec![ada.id]));
        assert_eq!([9, 8].map(|n| cache.get(session(n), ada.id)), [None, None]);
        assert!(cache.get(session(7), bo.id).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_blocked_account_is_not_stored() {
        let blocked = Account { blocked: true, ..account(1) };
        assert_eq!(caching(&blocked).get(session(9), blocked.id), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_cache_takes_new_users_once_others_have_expired() {
        let cache = CallerCache::default();
        let users = u128::try_from(MAX_USERS).unwrap();
        for number in 0..=users {
            cache.insert(cache.begin_read(), session(number), &account(number));
        }
        assert!(cache.get(session(0), account(0).id).is_some());
        assert_eq!(cache.get(session(users), account(users).id), None);
        tokio::time::advance(MAX_CALLER_AGE).await;
        cache.insert(cache.begin_read(), session(users), &account(users));
        assert!(cache.get(session(users), account(users).id).is_some());
        assert_eq!(cache.0.lock().entries.len(), 1);
    }
}
