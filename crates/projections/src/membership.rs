//! The rooms that a connection or user was in at each position of the event log.

use allynet_domain::{Audience, EventId, Room};

/// The number of ended memberships that a history keeps. A client may join and leave rooms as often as it likes.
const MAX_ENDED: usize = 256;

/// The membership in one room, between two positions of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// The room.
    pub room: Room,
    /// The last event before the membership: the first one received comes after it.
    pub after: EventId,
    /// The last event received; `None` while the membership lasts.
    pub until: Option<EventId>,
}

impl Membership {
    pub(crate) fn covers(&self, event: EventId) -> bool {
        self.after < event && self.until.is_none_or(|until| event <= until)
    }
}

/// All memberships of one connection, and so the events that it was sent.
///
/// The number of ended memberships is bounded. The oldest are dropped first, and [`is_known_since`](Self::is_known_since)
/// says up to where the history is incomplete.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MembershipHistory {
    /// In no order.
    memberships: Vec<Membership>,
    /// Memberships that ended at or before this event may have been dropped.
    forgotten: EventId,
}

impl MembershipHistory {
    /// A history of memberships in these rooms that began after an event and last.
    pub fn since(rooms: impl IntoIterator<Item = Room>, after: EventId) -> Self {
        let memberships = rooms.into_iter().map(|room| Membership { room, after, until: None }).collect();
        Self { memberships, forgotten: EventId::START }
    }

    /// Begins a membership after an event.
    pub fn enter(&mut self, room: Room, after: EventId) {
        self.memberships.push(Membership { room, after, until: None });
    }

    /// Ends the membership in a room with an event, which is still received.
    pub fn leave(&mut self, room: Room, until: EventId) {
        for membership in self.memberships.iter_mut().filter(|m| m.room == room && m.until.is_none()) {
            membership.until = Some(until);
        }
        self.drop_oldest();
    }

    /// Puts an earlier history before this one, which begins after the event `at`: an earlier membership that lasted until
    /// then goes on in the one that begins there.
    pub fn prepend(&mut self, earlier: &Self, at: EventId) {
        for membership in &earlier.memberships {
            let next = self.memberships.iter_mut().find(|own| own.room == membership.room && own.after == at);
            match next {
                Some(next) if membership.until.is_none() => next.after = membership.after,
                _ => self.memberships.push(Membership { until: membership.until.or(Some(at)), ..*membership }),
            }
        }
        self.drop_oldest();
    }

    /// Whether an event with this audience was received.
    pub fn receives(&self, audience: &Audience, event: EventId) -> bool {
        audience.includes(|room| self.memberships.iter().any(|m| m.room == *room && m.covers(event)))
    }

    /// Whether no membership that lasted beyond this event has been dropped.
    pub fn is_known_since(&self, event: EventId) -> bool {
        self.forgotten <= event
    }

    /// All memberships that are known, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Membership> {
        self.memberships.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Membership> {
        self.memberships.iter_mut()
    }

    /// Adds a membership that may have ended, without dropping any.
    pub(crate) fn add(&mut self, membership: Membership) {
        self.memberships.push(membership);
    }

    /// Drops the oldest of the ended memberships that are too many.
    fn drop_oldest(&mut self) {
        while self.memberships.iter().filter(|m| m.until.is_some()).count() > MAX_ENDED {
            let ended = self.memberships.iter().enumerate().filter(|(_, m)| m.until.is_some());
            let Some((oldest, until)) = ended.map(|(index, m)| (index, m.until)).min_by_key(|(_, until)| *until) else {
                return;
            };
            self.memberships.swap_remove(oldest);
            self.forgotten = self.forgotten.max(until.unwrap_or(EventId::START));
        }
    }
}

impl FromIterator<Membership> for MembershipHistory {
    fn from_iter<I: IntoIterator<Item = Membership>>(memberships: I) -> Self {
        Self { memberships: memberships.into_iter().collect(), forgotten: EventId::START }
    }
}

#[cfg(test)]
mod tests;
