//! What somebody hears of events that are told later than they happened: who was in which room when.
//!
//! Rooms at a past event follow from the rooms now and from the events since, read backwards. Broadcasts are the
//! exception: they go to whoever is on duty now, whenever that began. Pure, and without any query.

use super::{Audience, Delivery, Room, RoomChange, Viewer};
use crate::{Event, EventId, LoggedEvent, UserId};

/// A time in one room, in places of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stay {
    /// Which room.
    pub room: Room,
    /// It hears what comes after this.
    pub after: EventId,
    /// It hears nothing that comes after this; none while the stay lasts.
    pub until: Option<EventId>,
}

impl Stay {
    fn covers(&self, event: EventId) -> bool {
        self.after < event && self.until.is_none_or(|until| event <= until)
    }
}

/// Where somebody was when.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stays(Vec<Stay>);

impl Stays {
    /// In these rooms from an event on.
    pub fn since(rooms: impl IntoIterator<Item = Room>, after: EventId) -> Self {
        Self(rooms.into_iter().map(|room| Stay { room, after, until: None }).collect())
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Stay> {
        self.0.iter()
    }

    /// Adds one.
    pub fn add(&mut self, stay: Stay) {
        self.0.push(stay);
    }

    /// Removes the oldest of those that are over, if there are more than `most`; tells what it was.
    pub fn forget(&mut self, most: usize) -> Option<Stay> {
        let over = || self.0.iter().enumerate().filter(|(_, stay)| stay.until.is_some());
        if over().count() <= most {
            return None;
        }
        let oldest = over().min_by_key(|(_, stay)| stay.until).map(|(index, _)| index)?;
        Some(self.0.swap_remove(oldest))
    }

    /// Ends the stay in a room with an event, which is still heard.
    pub fn end(&mut self, room: Room, until: EventId) {
        for stay in self.0.iter_mut().filter(|stay| stay.room == room && stay.until.is_none()) {
            stay.until = Some(until);
        }
    }

    /// Puts earlier stays before these: one that lasted until `place` goes on in the one that begins there.
    pub fn precede(&mut self, earlier: &Self, place: EventId) {
        for stay in &earlier.0 {
            let next = self.0.iter_mut().find(|own| own.room == stay.room && own.after == place);
            match next {
                Some(next) if stay.until.is_none() => next.after = stay.after,
                _ => self.0.push(Stay { until: stay.until.or(Some(place)), ..*stay }),
            }
        }
    }

    /// Whether this event was for anybody in the rooms of that time.
    pub fn hear(&self, audience: &Audience, event: EventId) -> bool {
        let was_in = |room: &Room| self.0.iter().any(|stay| stay.room == *room && stay.covers(event));
        audience.to.iter().any(was_in) && !audience.except.iter().any(was_in)
    }
}

impl FromIterator<Stay> for Stays {
    fn from_iter<I: IntoIterator<Item = Stay>>(stays: I) -> Self {
        Self(stays.into_iter().collect())
    }
}

/// Somebody who comes back: their rooms, walked back through the log one event at a time, newest first.
#[derive(Debug, Clone)]
pub struct Returning {
    user: UserId,
    stays: Stays,
}

impl Returning {
    /// Somebody who is in these rooms after the newest event that was missed.
    pub fn new(user: UserId, rooms: impl IntoIterator<Item = Room>) -> Self {
        Self { user, stays: Stays::since(rooms, EventId::START) }
    }

    /// Goes back by one event: with whose eyes they are entitled to hear of it, if they are. `deliveries` and
    /// `movements` are the event's own.
    pub fn back(&mut self, event: &LoggedEvent, deliveries: &[Delivery], movements: &[RoomChange]) -> Option<Viewer> {
        self.take_part_again(event);
        for movement in movements {
            if let RoomChange::Leave { user, rooms } = movement
                && *user == self.user
            {
                self.enter_until(rooms, event.id);
            }
        }
        let heard = deliveries.iter().find(|d| self.stays.hear(&d.audience, event.id)).map(|d| d.viewer);
        for movement in movements {
            if let RoomChange::Enter { user, rooms } = movement
                && *user == self.user
            {
                self.entered_by(rooms, event.id);
            }
        }
        heard
    }

    /// Where they were when, after the last event that was not missed.
    pub fn stays_since(mut self, after: EventId) -> Stays {
        for stay in &mut self.stays.0 {
            stay.after = stay.after.max(after);
        }
        self.stays
    }

    /// Nobody leaves by the end of an emergency, but nobody is brought back into one that has ended.
    fn take_part_again(&mut self, event: &LoggedEvent) {
        if let (Event::EmergencyEnded { participants, .. }, Some(id)) = (&event.event, event.emergency)
            && participants.contains(&self.user)
        {
            self.enter_until(&[Room::Emergency(id), Room::Participants(id)], event.id);
        }
    }

    fn enter_until(&mut self, rooms: &[Room], until: EventId) {
        for &room in rooms.iter().filter(|room| follows_from_the_past(room)) {
            let is_in = self.stays.0.iter().any(|stay| stay.room == room && stay.covers(until));
            if !is_in {
                self.stays.add(Stay { room, after: EventId::START, until: Some(until) });
            }
        }
    }

    fn entered_by(&mut self, rooms: &[Room], event: EventId) {
        for stay in self.stays.0.iter_mut().filter(|stay| stay.covers(event)) {
            if rooms.contains(&stay.room) && follows_from_the_past(&stay.room) {
                stay.after = EventId::new(event.get() - 1);
            }
        }
    }
}

/// Being on duty counts as it is now.
const fn follows_from_the_past(room: &Room) -> bool {
    match room {
        Room::Emergency(_) | Room::Participants(_) => true,
        Room::Helpers | Room::User(_) => false,
    }
}

#[cfg(test)]
mod tests;
