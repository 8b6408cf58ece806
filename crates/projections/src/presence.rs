//! Which users are online, on any node of the cluster: online at once, offline only when they have had no connection for a
//! while.
//!
//! Each node announces its own connections to the others and keeps a copy of theirs (`cluster`). This file derives the
//! presence news for participants from the changes of all nodes. It knows whether signals are connected, but not how.

mod cluster;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    mem,
};

use allynet_domain::{Announcement, NodeId, PresenceNews, Signal, Timestamp, UserId};
use chrono::TimeDelta;

use self::cluster::{Cluster, ConnectionChange};

/// Time for which a user without a connection still counts as online, so that a reconnection changes nothing.
const OFFLINE_DELAY: TimeDelta = TimeDelta::seconds(15);
/// Time for which the end of a user's last connection is remembered.
const LAST_SEEN_RETENTION: TimeDelta = TimeDelta::hours(24);

/// The presence of all users in the cluster, as this node knows it.
///
/// Callers pass the current time. Every method that changes the connections of this node returns the signals that the
/// other nodes must be sent, in order.
#[derive(Debug)]
pub struct ClusterPresence {
    cluster: Cluster,
    users: HashMap<UserId, UserPresence>,
    /// Users without a connection, by their next deadline: [`OFFLINE_DELAY`], then [`LAST_SEEN_RETENTION`].
    deadlines: BTreeSet<(Timestamp, UserId)>,
    /// Users whom participants may believe to be online, until it is certain that they are on no node.
    expected: Vec<UserId>,
    /// The time since which the announcements of all nodes have reached this one.
    expecting_since: Option<Timestamp>,
    news: Vec<PresenceNews>,
}

#[derive(Debug, Default)]
struct UserPresence {
    /// The number of nodes that the user is connected to.
    nodes: usize,
    /// Counts as online: connected, or within [`OFFLINE_DELAY`] of the last connection.
    online: bool,
    /// When the last connection ended; `None` while there is one.
    gone_at: Option<Timestamp>,
}

impl ClusterPresence {
    /// The presence as a node knows it when it starts: all users are offline.
    pub fn new(node: NodeId) -> Self {
        Self {
            cluster: Cluster::new(node),
            users: HashMap::new(),
            deadlines: BTreeSet::new(),
            expected: Vec::new(),
            expecting_since: None,
            news: Vec::new(),
        }
    }

    /// Expects users who may have been connected before this node was started.
    ///
    /// Each of them who has not connected within `OFFLINE_DELAY` is reported as offline. If all nodes were restarted, no
    /// other node would report it.
    pub fn expect(&mut self, users: Vec<UserId>) {
        (self.expected, self.expecting_since) = (users, None);
    }

    /// Sets how a user is connected to this node: `None` without a connection, else whether they are a helper on duty.
    /// Returns the signal for the other nodes, or `None` if nothing has changed.
    pub fn set_local(&mut self, user: UserId, on_duty: Option<bool>, now: Timestamp) -> Option<Signal> {
        let (change, signal) = self.cluster.set_local(user, on_duty)?;
        self.apply(change, now);
        Some(signal)
    }

    /// Takes in the announcement of another node. Returns the signals that answer it.
    pub fn receive(&mut self, node: NodeId, count: u64, announcement: Announcement, now: Timestamp) -> Vec<Signal> {
        let (changes, answers) = self.cluster.receive(node, count, announcement, now);
        self.apply(changes, now);
        answers
    }

    /// Evicts dead nodes and returns the signals that are due. To be called about once a second.
    ///
    /// While signals are not connected, the known state of other nodes stays as it is.
    pub fn tick(&mut self, signals_connected: bool, now: Timestamp) -> Vec<Signal> {
        let (dead, signals) = self.cluster.tick(signals_connected, now);
        for (heard_at, changes) in dead {
            // The users of a dead node were last seen at the time of its last announcement, not when it was found dead.
            self.apply(changes, heard_at);
        }
        self.expire(now);
        self.report_missing(signals_connected, now);
        signals
    }

    /// The signal that this node stops and has no connections any more.
    pub fn leave(&self) -> Signal {
        self.cluster.leave()
    }

    /// Removes and returns the users that came online or went offline since the last call, in order.
    pub fn take_news(&mut self, now: Timestamp) -> Vec<PresenceNews> {
        self.expire(now);
        mem::take(&mut self.news)
    }

    /// When there may be news without any signal or change of connections, or `None`.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Whether a user counts as online.
    pub fn is_online(&self, user: UserId) -> bool {
        self.users.get(&user).is_some_and(|user| user.online)
    }

    /// The last moment at which a user had a connection: `now` if they have one, `None` if it is not known.
    pub fn last_seen(&self, user: UserId, now: Timestamp) -> Option<Timestamp> {
        let user = self.users.get(&user)?;
        if user.nodes > 0 { Some(now) } else { user.gone_at }
    }

    /// Helpers on duty who are connected to other nodes.
    pub fn helpers_on_other_nodes(&self) -> HashSet<UserId> {
        self.cluster.helpers_on_other_nodes()
    }

    fn apply(&mut self, changes: impl IntoIterator<Item = ConnectionChange>, at: Timestamp) {
        for change in changes {
            match change {
                ConnectionChange::Connected(user) => self.connected(user, at),
                ConnectionChange::Disconnected(user) => self.disconnected(user, at),
            }
        }
    }

    fn connected(&mut self, id: UserId, at: Timestamp) {
        let user = self.users.entry(id).or_default();
        user.nodes += 1;
        if let Some(gone_at) = user.gone_at.take() {
            // The deadline follows from the state: a user who still counts as online waits for the first one.
            let delay = if user.online { OFFLINE_DELAY } else { LAST_SEEN_RETENTION };
            self.deadlines.remove(&(gone_at + delay, id));
        }
        if !user.online {
            user.online = true;
            self.news.push(PresenceNews { user: id, online: true, last_seen_at: Some(at) });
        }
    }

    fn disconnected(&mut self, id: UserId, at: Timestamp) {
        let Some(user) = self.users.get_mut(&id) else { return };
        user.nodes = user.nodes.saturating_sub(1);
        if user.nodes == 0 {
            user.gone_at = Some(at);
            self.deadlines.insert((at + OFFLINE_DELAY, id));
        }
    }

    fn expire(&mut self, now: Timestamp) {
        while let Some(&(at, user)) = self.deadlines.first()
            && at <= now
        {
            self.deadlines.pop_first();
            self.expire_user(user);
        }
    }

    /// The first deadline makes a user offline, the second forgets them.
    fn expire_user(&mut self, id: UserId) {
        let Some(user) = self.users.get_mut(&id) else { return };
        let Some(last_seen_at) = user.gone_at.filter(|_| user.online) else {
            self.users.remove(&id);
            return;
        };
        user.online = false;
        self.deadlines.insert((last_seen_at + LAST_SEEN_RETENTION, id));
        self.news.push(PresenceNews { user: id, online: false, last_seen_at: Some(last_seen_at) });
    }

    /// Reports expected users as offline who are on no node, once all nodes had time to announce theirs.
    fn report_missing(&mut self, signals_connected: bool, now: Timestamp) {
        if !signals_connected {
            // They may be connected to a node whose signals do not arrive: the time begins anew.
            self.expecting_since = None;
        } else if now - *self.expecting_since.get_or_insert(now) >= OFFLINE_DELAY {
            let missing = mem::take(&mut self.expected).into_iter().filter(|user| !self.users.contains_key(user));
            self.news.extend(missing.map(|user| PresenceNews { user, online: false, last_seen_at: None }));
        }
    }
}

#[cfg(test)]
mod tests;
