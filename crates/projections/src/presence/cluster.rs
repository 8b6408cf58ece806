//! The members of the cluster and the users connected to each, replicated by announcements.
//!
//! Signals may be lost, so every announcement carries the number of changes that its node has announced so far. A node
//! that finds a gap asks for a snapshot; until it comes, later changes are applied all the same.

use std::{
    collections::{HashMap, HashSet},
    mem,
};

use allynet_domain::{Announcement, NodeId, Signal, Timestamp, UserId};
use chrono::TimeDelta;

/// Interval at which a node without news announces that it is alive.
const HEARTBEAT_INTERVAL: TimeDelta = TimeDelta::seconds(5);
/// Time without an announcement after which a node is dead.
const NODE_TIMEOUT: TimeDelta = TimeDelta::seconds(20);
/// Time for a node to answer before its snapshot is requested again.
const SNAPSHOT_TIMEOUT: TimeDelta = TimeDelta::seconds(3);
/// Maximum time between two ticks of a process that runs; after a longer one it was suspended.
const MAX_TICK_INTERVAL: TimeDelta = TimeDelta::seconds(3);

/// The users connected to a node, and whether each is a helper on duty.
type Users = HashMap<UserId, bool>;

/// A change of the connections between a user and one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectionChange {
    Connected(UserId),
    Disconnected(UserId),
}

/// This node and its peers.
#[derive(Debug)]
pub(super) struct Cluster {
    own: NodeId,
    /// The number of changes that this node has announced: the sequence number of the last one.
    count: u64,
    users: Users,
    peers: HashMap<NodeId, Peer>,
    /// When this node last announced that it is alive; `None` while signals are not connected.
    announced_at: Option<Timestamp>,
    /// The last tick; `None` while signals are not connected.
    ticked_at: Option<Timestamp>,
    /// Whether the peers were asked for their snapshots, once after the start.
    asked: bool,
}

#[derive(Debug)]
struct Peer {
    heard_at: Timestamp,
    /// The sequence number up to which every change is known. It stays behind while there is a gap.
    count: u64,
    users: Users,
    /// When the snapshot was asked for, while it has not come.
    asked_at: Option<Timestamp>,
}

impl Cluster {
    pub(super) fn new(own: NodeId) -> Self {
        Self {
            own,
            count: 0,
            users: Users::new(),
            peers: HashMap::new(),
            announced_at: None,
            ticked_at: None,
            asked: false,
        }
    }

    /// Sets how a user is connected to this node; `None` if that has not changed.
    pub(super) fn set_local(
        &mut self,
        user: UserId,
        on_duty: Option<bool>,
    ) -> Option<(Option<ConnectionChange>, Signal)> {
        let before = set(&mut self.users, user, on_duty);
        if before == on_duty {
            return None;
        }
        self.count += 1;
        let announcement = match on_duty {
            Some(on_duty) => Announcement::Connected { user, on_duty },
            None => Announcement::Disconnected { user },
        };
        Some((change(user, before, on_duty), self.announce(announcement)))
    }

    /// Takes in the announcement of a peer. Returns the changes and the answers.
    pub(super) fn receive(
        &mut self,
        node: NodeId,
        count: u64,
        announcement: Announcement,
        now: Timestamp,
    ) -> (Vec<ConnectionChange>, Vec<Signal>) {
        if node == self.own {
            return (Vec::new(), Vec::new());
        }
        let asks_us =
            matches!(announcement, Announcement::SnapshotRequest { of } if of.is_none_or(|of| of == self.own));
        let mut answers: Vec<_> = asks_us.then(|| self.snapshot()).into_iter().collect();
        if announcement == Announcement::NodeStopping {
            return (self.evict(node), answers);
        }
        let peer = self.peers.entry(node).or_insert_with(|| Peer::new(now));
        peer.heard_at = now;
        let changes = peer.apply(count, announcement);
        // Announcements are lost, or this peer is new: it has announced more changes than are known here. Not asked for
        // again while the answer is on its way, or every further announcement would cost a snapshot.
        if peer.count < count && peer.asked_at.is_none_or(|at| now - at >= SNAPSHOT_TIMEOUT) {
            peer.asked_at = Some(now);
            answers.push(self.announce(Announcement::SnapshotRequest { of: Some(node) }));
        }
        (changes, answers)
    }

    /// Returns the dead peers, each with the time of its last announcement, and the announcements that are due.
    pub(super) fn tick(
        &mut self,
        signals_connected: bool,
        now: Timestamp,
    ) -> (Vec<(Timestamp, Vec<ConnectionChange>)>, Vec<Signal>) {
        if !signals_connected {
            (self.announced_at, self.ticked_at) = (None, None);
            return (Vec::new(), Vec::new());
        }
        let stood_still = self.ticked_at.is_none_or(|at| now - at > MAX_TICK_INTERVAL);
        self.ticked_at = Some(now);
        if stood_still {
            // A peer without announcements because signals were not connected, or because this process was suspended, is
            // not dead: its time begins anew.
            self.peers.values_mut().for_each(|peer| peer.heard_at = now);
        }
        let Some(announced_at) = self.announced_at else {
            // Signals are connected for the first time, or again. The peers get our snapshot without asking, because changes
            // announced meanwhile were lost. Theirs come by the same rule, but for those that ran all along while this
            // node was started: they are asked, once.
            self.announced_at = Some(now);
            let ask = !mem::replace(&mut self.asked, true);
            let ask = ask.then(|| self.announce(Announcement::SnapshotRequest { of: None }));
            return (Vec::new(), [self.snapshot()].into_iter().chain(ask).collect());
        };
        let dead = self.evict_dead(now);
        // The absolute value: after the clock was set back, the next heartbeat must not wait until it has caught up.
        if (now - announced_at).abs() < HEARTBEAT_INTERVAL {
            return (dead, Vec::new());
        }
        self.announced_at = Some(now);
        (dead, vec![self.announce(Announcement::Heartbeat)])
    }

    pub(super) fn leave(&self) -> Signal {
        self.announce(Announcement::NodeStopping)
    }

    pub(super) fn helpers_on_other_nodes(&self) -> HashSet<UserId> {
        let users = self.peers.values().flat_map(|peer| &peer.users);
        users.filter(|(_, on_duty)| **on_duty).map(|(user, _)| *user).collect()
    }

    fn announce(&self, news: Announcement) -> Signal {
        Signal::Presence { node: self.own, count: self.count, news }
    }

    fn snapshot(&self) -> Signal {
        let users = self.users.iter().map(|(user, on_duty)| (*user, *on_duty)).collect();
        self.announce(Announcement::Snapshot { users })
    }

    fn evict_dead(&mut self, now: Timestamp) -> Vec<(Timestamp, Vec<ConnectionChange>)> {
        let dead: Vec<_> = self.peers.iter().filter(|(_, peer)| now - peer.heard_at >= NODE_TIMEOUT).collect();
        let dead: Vec<_> = dead.into_iter().map(|(node, peer)| (*node, peer.heard_at)).collect();
        dead.into_iter().map(|(node, heard_at)| (heard_at, self.evict(node))).collect()
    }

    fn evict(&mut self, node: NodeId) -> Vec<ConnectionChange> {
        let users = self.peers.remove(&node).map(|peer| peer.users).unwrap_or_default();
        users.into_keys().map(ConnectionChange::Disconnected).collect()
    }
}

impl Peer {
    /// A peer of which nothing is known, not even how many changes it has announced.
    fn new(now: Timestamp) -> Self {
        Self { heard_at: now, count: 0, users: Users::new(), asked_at: None }
    }

    /// Applies a change, or all at once.
    ///
    /// A change after a gap is applied, too, because it is true; `count` stays behind until a snapshot has come.
    fn apply(&mut self, count: u64, announcement: Announcement) -> Vec<ConnectionChange> {
        match announcement {
            Announcement::Connected { user, on_duty } => self.set(user, Some(on_duty), count).into_iter().collect(),
            Announcement::Disconnected { user } => self.set(user, None, count).into_iter().collect(),
            // An older snapshot would undo changes that are known here.
            Announcement::Snapshot { users } if count >= self.count => {
                self.count = count;
                self.asked_at = None;
                let before = mem::replace(&mut self.users, users.into_iter().collect());
                let is_gone = |user: &&UserId| !self.users.contains_key(user);
                let gone = before.keys().filter(is_gone).copied().map(ConnectionChange::Disconnected);
                let is_new = |user: &&UserId| !before.contains_key(user);
                let new = self.users.keys().filter(is_new).copied().map(ConnectionChange::Connected);
                gone.chain(new).collect()
            }
            Announcement::Snapshot { .. }
            | Announcement::Heartbeat
            | Announcement::SnapshotRequest { .. }
            | Announcement::NodeStopping => Vec::new(),
        }
    }

    fn set(&mut self, user: UserId, on_duty: Option<bool>, count: u64) -> Option<ConnectionChange> {
        // Part of a snapshot that came before it.
        if count <= self.count {
            return None;
        }
        if count == self.count + 1 {
            self.count = count;
        }
        let before = set(&mut self.users, user, on_duty);
        change(user, before, on_duty)
    }
}

/// Sets or removes a user and returns the previous value.
fn set(users: &mut Users, user: UserId, on_duty: Option<bool>) -> Option<bool> {
    match on_duty {
        Some(on_duty) => users.insert(user, on_duty),
        None => users.remove(&user),
    }
}

/// Going on or off duty is no change of the connection.
fn change(user: UserId, before: Option<bool>, after: Option<bool>) -> Option<ConnectionChange> {
    match (before, after) {
        (None, Some(_)) => Some(ConnectionChange::Connected(user)),
        (Some(_), None) => Some(ConnectionChange::Disconnected(user)),
        (None, None) | (Some(_), Some(_)) => None,
    }
}
