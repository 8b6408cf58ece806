//! Who is connected, on any node, and what that means to others: online at once, offline only when nobody has seen them
//! for a while.
//!
//! Pure bookkeeping with a clock that is handed in. Each node tells the others of its own connections; one that has not
//! been heard of for too long is taken for dead. How signals travel is not known here, only whether they do.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    mem,
};

use allynet_domain::{Announcement, NodeId, PresenceNews, Signal, Timestamp, UserId};
use chrono::TimeDelta;

mod nodes;

use nodes::Nodes;

/// How long somebody without any connection still counts as online: a reconnection is no news.
const GRACE: TimeDelta = TimeDelta::seconds(15);
/// How long it is remembered when somebody was last seen.
const MEMORY: TimeDelta = TimeDelta::hours(24);

/// Who is connected to which node, as this node knows it.
#[derive(Debug)]
pub struct Roster {
    nodes: Nodes,
    people: HashMap<UserId, Person>,
    /// Those without a connection: when they stop to count as online, and then when they are forgotten.
    waiting: BTreeSet<(Timestamp, UserId)>,
    /// Those of whom others may think that they are there, and since when this node has heard of all who are.
    expected: Vec<UserId>,
    expecting_since: Option<Timestamp>,
    news: Vec<PresenceNews>,
}

#[derive(Debug, Default)]
struct Person {
    /// To how many nodes they are connected.
    nodes: usize,
    online: bool,
    /// When the last connection ended.
    gone_at: Option<Timestamp>,
}

/// How the connections to one node changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Came(UserId),
    Went(UserId),
}

impl Roster {
    /// Nobody is connected, as far as this node knows.
    pub fn new(node: NodeId) -> Self {
        Self {
            nodes: Nodes::new(node),
            people: HashMap::new(),
            waiting: BTreeSet::new(),
            expected: Vec::new(),
            expecting_since: None,
            news: Vec::new(),
        }
    }

    /// These may have been connected before this node was started. Whoever of them does not come is told to be offline
    /// after the same grace; nobody else would tell it if all nodes were started anew.
    pub fn expect(&mut self, users: Vec<UserId>) {
        (self.expected, self.expecting_since) = (users, None);
    }

    /// How somebody is connected to this node: not at all, or with whether they are a helper on duty. Tells what the
    /// other nodes are to hear of it.
    pub fn connected(&mut self, user: UserId, on_duty: Option<bool>, now: Timestamp) -> Option<Signal> {
        let (changes, signal) = self.nodes.connected(user, on_duty)?;
        self.apply(changes, now);
        Some(signal)
    }

    /// Takes in what another node told; tells what is to be answered.
    pub fn hear(&mut self, node: NodeId, count: u64, news: Announcement, now: Timestamp) -> Vec<Signal> {
        let (changes, answers) = self.nodes.hear(node, count, news, now);
        self.apply(changes, now);
        answers
    }

    /// To be called about once a second: tells what is to be sent. While signals do not travel nothing can be known of
    /// other nodes, and what was known before stays.
    pub fn tick(&mut self, travelling: bool, now: Timestamp) -> Vec<Signal> {
        let (dead, signals) = self.nodes.tick(travelling, now);
        for (heard_at, changes) in dead {
            self.apply(changes, heard_at);
        }
        self.expire(now);
        self.stop_expecting(travelling, now);
        signals
    }

    /// What the others are told when this node stops.
    pub fn leave(&mut self) -> Signal {
        self.nodes.leave()
    }

    /// Takes out who came online or went offline.
    pub fn take_news(&mut self, now: Timestamp) -> Vec<PresenceNews> {
        self.expire(now);
        mem::take(&mut self.news)
    }

    /// When there may be news without anything happening.
    pub fn next(&self) -> Option<Timestamp> {
        self.waiting.first().map(|(at, _)| *at)
    }

    /// Whether somebody counts as online.
    pub fn is_online(&self, user: UserId) -> bool {
        self.people.get(&user).is_some_and(|person| person.online)
    }

    /// The last moment at which somebody had a connection, as far as is known: now, if they have one.
    pub fn last_seen(&self, user: UserId, now: Timestamp) -> Option<Timestamp> {
        let person = self.people.get(&user)?;
        if person.nodes > 0 { Some(now) } else { person.gone_at }
    }

    /// The helpers on duty who are connected to other nodes.
    pub fn helpers_elsewhere(&self) -> HashSet<UserId> {
        self.nodes.helpers_elsewhere()
    }

    fn apply(&mut self, changes: Vec<Change>, at: Timestamp) {
        for change in changes {
            match change {
                Change::Came(user) => self.came(user, at),
                Change::Went(user) => self.went(user, at),
            }
        }
    }

    fn came(&mut self, user: UserId, at: Timestamp) {
        let person = self.people.entry(user).or_default();
        person.nodes += 1;
        if let Some(gone_at) = person.gone_at.take() {
            let until = if person.online { GRACE } else { MEMORY };
            self.waiting.remove(&(gone_at + until, user));
        }
        if !person.online {
            person.online = true;
            self.news.push(PresenceNews { user, online: true, last_seen_at: Some(at) });
        }
    }

    fn went(&mut self, user: UserId, at: Timestamp) {
        let Some(person) = self.people.get_mut(&user) else { return };
        person.nodes = person.nodes.saturating_sub(1);
        if person.nodes == 0 {
            person.gone_at = Some(at);
            self.waiting.insert((at + GRACE, user));
        }
    }

    fn expire(&mut self, now: Timestamp) {
        while let Some(&(at, user)) = self.waiting.first()
            && at <= now
        {
            self.waiting.pop_first();
            self.expire_one(user);
        }
    }

    /// Their time is up: as one who is online, or who is remembered.
    fn expire_one(&mut self, user: UserId) {
        let Some(person) = self.people.get_mut(&user) else { return };
        let Some(last_seen_at) = person.gone_at.filter(|_| person.online) else {
            self.people.remove(&user);
            return;
        };
        person.online = false;
        self.waiting.insert((last_seen_at + MEMORY, user));
        self.news.push(PresenceNews { user, online: false, last_seen_at: Some(last_seen_at) });
    }

    /// While nothing travels, they may be with another node.
    fn stop_expecting(&mut self, travelling: bool, now: Timestamp) {
        if !travelling {
            self.expecting_since = None;
        } else if now - *self.expecting_since.get_or_insert(now) >= GRACE {
            let missing = mem::take(&mut self.expected).into_iter().filter(|user| !self.people.contains_key(user));
            self.news.extend(missing.map(|user| PresenceNews { user, online: false, last_seen_at: None }));
        }
    }
}

#[cfg(test)]
mod tests;
