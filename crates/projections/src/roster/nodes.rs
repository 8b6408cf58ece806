//! Which users are connected to which node, kept equal on all of them by what they tell each other.
//!
//! Signals may be lost. So each tells how many changes it has told, and who finds that it knows of fewer asks for all.

use std::{
    collections::{HashMap, HashSet},
    mem,
};

use allynet_domain::{Announcement, NodeId, Signal, Timestamp, UserId};
use chrono::TimeDelta;

use super::Change;

/// How often a node says that it lives.
const HEARTBEAT: TimeDelta = TimeDelta::seconds(5);
/// A node that was not heard of for so long is dead.
const EXPIRY: TimeDelta = TimeDelta::seconds(20);
/// How long a node is given to answer before it is asked again; and the longest pause of a node that is awake.
const PATIENCE: TimeDelta = TimeDelta::seconds(3);

type Users = HashMap<UserId, bool>;

/// This node and the others.
#[derive(Debug)]
pub(super) struct Nodes {
    own: NodeId,
    /// How many changes this node has told.
    count: u64,
    users: Users,
    others: HashMap<NodeId, Other>,
    /// When this node last said that it lives; none while its signals do not travel.
    said_at: Option<Timestamp>,
    /// When it last looked after the others; none while signals do not travel.
    ticked_at: Option<Timestamp>,
    /// It has asked the others who is with them.
    asked: bool,
}

#[derive(Debug)]
struct Other {
    heard_at: Timestamp,
    count: u64,
    users: Users,
    asked_at: Option<Timestamp>,
}

impl Nodes {
    pub(super) fn new(own: NodeId) -> Self {
        Self {
            own,
            count: 0,
            users: Users::new(),
            others: HashMap::new(),
            said_at: None,
            ticked_at: None,
            asked: false,
        }
    }

    pub(super) fn connected(&mut self, user: UserId, on_duty: Option<bool>) -> Option<(Vec<Change>, Signal)> {
        let before = match on_duty {
            Some(on_duty) => self.users.insert(user, on_duty),
            None => self.users.remove(&user),
        };
        if before == on_duty {
            return None;
        }
        self.count += 1;
        let news = match on_duty {
            Some(on_duty) => Announcement::Here { user, on_duty },
            None => Announcement::Gone { user },
        };
        Some((change(user, before, on_duty).into_iter().collect(), self.tell(news)))
    }

    /// What another node told, and what is to be answered.
    pub(super) fn hear(
        &mut self,
        node: NodeId,
        count: u64,
        news: Announcement,
        now: Timestamp,
    ) -> (Vec<Change>, Vec<Signal>) {
        if node == self.own {
            return (Vec::new(), Vec::new());
        }
        let wants_all = matches!(news, Announcement::Ask { of } if of.is_none_or(|of| of == self.own));
        let mut answers: Vec<_> = wants_all.then(|| self.everybody()).into_iter().collect();
        if news == Announcement::Leaving {
            return (self.bury(node), answers);
        }
        let known = self.others.entry(node).or_insert_with(|| Other::new(now));
        known.heard_at = now;
        let changes = known.take_in(count, news);
        if known.count < count && known.asked_at.is_none_or(|at| now - at >= PATIENCE) {
            known.asked_at = Some(now);
            answers.push(self.tell(Announcement::Ask { of: Some(node) }));
        }
        (changes, answers)
    }

    /// Who died, when they were last heard of; and what this node has to say.
    pub(super) fn tick(&mut self, travelling: bool, now: Timestamp) -> (Vec<(Timestamp, Vec<Change>)>, Vec<Signal>) {
        if !travelling {
            (self.said_at, self.ticked_at) = (None, None);
            return (Vec::new(), Vec::new());
        }
        let asleep = self.ticked_at.is_none_or(|at| now - at > PATIENCE);
        self.ticked_at = Some(now);
        if asleep {
            // Who was not heard because nothing travelled, or because this node stood still, is not dead.
            self.others.values_mut().for_each(|other| other.heard_at = now);
        }
        let Some(said_at) = self.said_at else {
            self.said_at = Some(now);
            let ask = !mem::replace(&mut self.asked, true);
            let ask = ask.then(|| self.tell(Announcement::Ask { of: None }));
            return (Vec::new(), [self.everybody()].into_iter().chain(ask).collect());
        };
        let dead: Vec<_> = self.others.iter().filter(|(_, other)| now - other.heard_at >= EXPIRY).collect();
        let dead: Vec<_> = dead.into_iter().map(|(node, other)| (*node, other.heard_at)).collect();
        let buried = dead.into_iter().map(|(node, heard_at)| (heard_at, self.bury(node))).collect();
        if (now - said_at).abs() < HEARTBEAT {
            return (buried, Vec::new());
        }
        self.said_at = Some(now);
        (buried, vec![self.tell(Announcement::Alive)])
    }

    pub(super) fn leave(&mut self) -> Signal {
        self.tell(Announcement::Leaving)
    }

    pub(super) fn helpers_elsewhere(&self) -> HashSet<UserId> {
        let users = self.others.values().flat_map(|other| &other.users);
        users.filter(|(_, on_duty)| **on_duty).map(|(user, _)| *user).collect()
    }

    fn tell(&self, news: Announcement) -> Signal {
        Signal::Presence { node: self.own, count: self.count, news }
    }

    fn everybody(&self) -> Signal {
        self.tell(Announcement::Everybody {
            users: self.users.iter().map(|(user, on_duty)| (*user, *on_duty)).collect(),
        })
    }

    fn bury(&mut self, node: NodeId) -> Vec<Change> {
        let gone = self.others.remove(&node).map(|other| other.users).unwrap_or_default();
        gone.into_keys().map(Change::Went).collect()
    }
}

impl Other {
    /// One of which nothing is known, not even how much it has told.
    fn new(now: Timestamp) -> Self {
        Self { heard_at: now, count: 0, users: Users::new(), asked_at: None }
    }

    /// Changes one after the other, or all at once. After a gap what comes next is taken all the same: it is true, and
    /// the count stays behind until everybody was told.
    fn take_in(&mut self, count: u64, news: Announcement) -> Vec<Change> {
        match news {
            Announcement::Here { user, on_duty } => self.set(user, Some(on_duty), count).into_iter().collect(),
            Announcement::Gone { user } => self.set(user, None, count).into_iter().collect(),
            Announcement::Everybody { users } if count >= self.count => {
                self.count = count;
                self.asked_at = None;
                let before = mem::replace(&mut self.users, users.into_iter().collect());
                let went = before.keys().filter(|user| !self.users.contains_key(user)).copied().map(Change::Went);
                let came = self.users.keys().filter(|user| !before.contains_key(user)).copied().map(Change::Came);
                went.chain(came).collect()
            }
            Announcement::Everybody { .. } | Announcement::Alive | Announcement::Ask { .. } | Announcement::Leaving => {
                Vec::new()
            }
        }
    }

    fn set(&mut self, user: UserId, on_duty: Option<bool>, count: u64) -> Option<Change> {
        if count <= self.count {
            return None;
        }
        if count == self.count + 1 {
            self.count = count;
        }
        let before = match on_duty {
            Some(on_duty) => self.users.insert(user, on_duty),
            None => self.users.remove(&user),
        };
        change(user, before, on_duty)
    }
}

fn change(user: UserId, before: Option<bool>, after: Option<bool>) -> Option<Change> {
    match (before, after) {
        (None, Some(_)) => Some(Change::Came(user)),
        (Some(_), None) => Some(Change::Went(user)),
        (None, None) | (Some(_), Some(_)) => None,
    }
}
