//! Search for the events that a client has missed: in the ring, in the archive, or in the database.
//!
//! Which of them the client is entitled to is decided by the domain. Knows nothing of sockets.

use std::{collections::HashSet, sync::Arc};

use allynet_domain::{
    Delivery, EmergencyId, Event, EventId, LostEvents, Room, Stage, UserId, View, Viewer,
    port::{Clock, EventLog, Result},
};
use allynet_projections::{MembershipHistory, Replay};
use allynet_wire::socket::ResyncReason;

use crate::{
    hub::{
        archive::Archive,
        attachment::{JoinPoint, JoinedRoom, ReplayFrom},
        log_entry::LogEntry,
        members::Identity,
        state::Hub,
    },
    session::device::Device,
};

/// Maximum number of events that are replayed; a client that missed more reads the state again.
const MAX_REPLAYED_EVENTS: usize = 1000;
/// Number of events of one emergency that are read from the database at once.
const EMERGENCY_PAGE_SIZE: u32 = 500;

/// Events to be replayed, in order, each with the view in which it is encoded.
pub(crate) type Deliveries = Vec<(Arc<LogEntry>, View)>;

/// The events that a client has missed, or the reason for which it has to resynchronize.
pub(crate) enum Missed {
    /// Events to be replayed, and the memberships that entitle the client to them.
    Events(Deliveries, MembershipHistory),
    /// Events cannot be replayed: the client has to read the state again.
    Resync(ResyncReason),
}

/// Finder of missed events.
pub(crate) struct MissedEvents {
    pub(crate) hub: Arc<Hub<Device>>,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) archive: Arc<Archive>,
    /// Ranges of numbers that no event has, because the database was restored.
    pub(crate) lost: Vec<LostEvents>,
}

impl MissedEvents {
    /// Finds the events in the range `last < id <= position` that a user in these rooms after `position` missed.
    ///
    /// # Errors
    ///
    /// Those of the event log.
    pub(crate) async fn of_user(
        &self,
        identity: &Identity,
        last: EventId,
        position: EventId,
        rooms: Vec<Room>,
    ) -> Result<Missed> {
        if last > position || self.is_lost(last) {
            return Ok(Missed::Resync(ResyncReason::UnknownEvent));
        }
        // From the newest event back to the oldest: the present rooms are known, and the rooms before an event follow
        // from those after it.
        let mut replay = Replay::new(identity.user, identity.administers, rooms, self.clock.now());
        let mut missed = Deliveries::new();
        let mut collect = |entries: &[Arc<LogEntry>]| {
            for entry in entries.iter().rev() {
                let view = replay.step_back(&entry.logged, &entry.deliveries, &entry.room_changes);
                missed.extend(view.map(|view| (Arc::clone(entry), view)));
            }
            missed.len() > MAX_REPLAYED_EVENTS
        };
        if let Some(reason) = self.walk_back(last, position, &mut collect).await? {
            return Ok(Missed::Resync(reason));
        }
        missed.reverse();
        Ok(Missed::Events(missed, replay.into_history(last)))
    }

    /// Hands the events in the range `last < id <= position` to `collect`, the newest first, until it says that there are too
    /// many. Returns the reason for which they cannot be replayed.
    async fn walk_back(
        &self,
        last: EventId,
        position: EventId,
        collect: &mut (dyn FnMut(&[Arc<LogEntry>]) -> bool + Send),
    ) -> Result<Option<ResyncReason>> {
        let (reached, newest) = self.hub.newest(last, position);
        let mut reached = self.before_lost(reached);
        let mut too_many = collect(&newest);
        while reached > last && !too_many {
            let page = self.archive.page(&*self.log, reached, position).await?;
            if page.complete_since > last {
                return Ok(Some(ResyncReason::EventsExpired));
            }
            let begin = page.entries.partition_point(|entry| entry.id() <= last);
            let end = page.entries.partition_point(|entry| entry.id() <= reached);
            too_many = collect(&page.entries[begin..end]);
            reached = self.before_lost(page.after);
            // A page from the cache was no await: hundreds of clients may be walking through the same pages.
            tokio::task::yield_now().await;
        }
        Ok(too_many.then_some(ResyncReason::TooManyEvents))
    }

    /// Finds the events that a connection missed of a room that it joined.
    ///
    /// # Errors
    ///
    /// Those of the event log.
    pub(crate) async fn of_room(
        &self,
        ReplayFrom { last_event, room }: ReplayFrom,
        joined: &JoinPoint,
    ) -> Result<Missed> {
        if last_event > joined.position || self.is_lost(last_event) {
            return Ok(Missed::Resync(ResyncReason::UnknownEvent));
        }
        // Otherwise it is not known which of the missed events the connection was sent already.
        if !joined.history.is_known_since(last_event) {
            return Ok(Missed::Resync(ResyncReason::TooManyEvents));
        }
        match room {
            JoinedRoom::Emergency(emergency) => self.of_emergency(last_event, emergency, joined).await,
            JoinedRoom::Dispatchers => self.of_dispatchers(last_event, joined).await,
        }
    }

    /// The events that dispatchers follow, without those that the connection was sent in other rooms.
    async fn of_dispatchers(&self, last: EventId, joined: &JoinPoint) -> Result<Missed> {
        let JoinPoint { position, history, .. } = joined;
        let (mut missed, mut deleted) = (Deliveries::new(), HashSet::new());
        let mut collect = |entries: &[Arc<LogEntry>]| {
            for entry in entries.iter().rev() {
                let event = &entry.logged.event;
                if matches!(event, Event::EmergencyDeleted) {
                    deleted.extend(entry.logged.emergency);
                }
                let is_own = |of: &&Delivery| of.audience.to.contains(&Room::Dispatchers);
                let Some(delivery) = entry.deliveries.iter().find(is_own) else { continue };
                let is_known = entry.deliveries.iter().any(|of| history.receives(&of.audience, entry.id()));
                let is_deleted = entry.logged.emergency.is_some_and(|of| deleted.contains(&of));
                let is_told = !is_deleted || matches!(event, Event::EmergencyEnded { .. });
                if !is_known && is_told {
                    missed.push((Arc::clone(entry), entry.logged.view(delivery.viewer, Stage::Administrator)));
                }
            }
            missed.len() > MAX_REPLAYED_EVENTS
        };
        if let Some(reason) = self.walk_back(last, *position, &mut collect).await? {
            return Ok(Missed::Resync(reason));
        }
        missed.reverse();
        Ok(Missed::Events(missed, MembershipHistory::since([Room::Dispatchers], last)))
    }

    async fn of_emergency(&self, last: EventId, emergency: EmergencyId, joined: &JoinPoint) -> Result<Missed> {
        let JoinPoint { position, history, user, stage } = joined;
        let room = Room::Emergency(emergency);
        let is_missed = |entry: &LogEntry| {
            let is_for_room = entry.deliveries.iter().any(|delivery| delivery.audience.to.contains(&room));
            let is_known = || entry.deliveries.iter().any(|of| history.receives(&of.audience, entry.id()));
            entry.id() <= *position && is_for_room && !is_known()
        };
        let in_view = |entry: Arc<LogEntry>| {
            let view = entry.logged.view(Viewer::Anyone, stage_for(&entry, *user, *stage));
            (entry, view)
        };
        let mut missed = Deliveries::new();
        let (reached, newest) = self.hub.newest(last, *position);
        if reached == last {
            missed.extend(newest.into_iter().filter(|entry| is_missed(entry)).map(in_view));
        } else {
            let mut after = last;
            while after < *position && missed.len() <= MAX_REPLAYED_EVENTS {
                let page = self.log.events_of(emergency, after, EMERGENCY_PAGE_SIZE).await?;
                let Some(end) = page.last().map(|event| event.id) else { break };
                let entries = page.into_iter().map(LogEntry::new).filter(|entry| is_missed(entry));
                missed.extend(entries.map(in_view));
                after = end;
            }
            if self.is_expired(emergency, last).await? {
                return Ok(Missed::Resync(ResyncReason::EventsExpired));
            }
        }
        if missed.len() > MAX_REPLAYED_EVENTS {
            return Ok(Missed::Resync(ResyncReason::TooManyEvents));
        }
        Ok(Missed::Events(missed, MembershipHistory::since([room], last)))
    }

    /// Whether a client that saw `last` may have seen events that were lost.
    fn is_lost(&self, last: EventId) -> bool {
        self.lost.iter().any(|lost| lost.include(last))
    }

    /// `reached`, or the last event before the lost ones if it is one of them: their numbers would fill millions of pages.
    fn before_lost(&self, reached: EventId) -> EventId {
        self.lost.iter().find(|lost| lost.include(reached)).map_or(reached, |lost| lost.after)
    }

    /// Whether events of an emergency after `last` were removed from the log: they are removed all at once.
    async fn is_expired(&self, emergency: EmergencyId, last: EventId) -> Result<bool> {
        if self.log.complete_since().await? <= last {
            return Ok(false);
        }
        let first = self.log.events_of(emergency, EventId::START, 1).await?;
        Ok(!first.first().is_some_and(|first| matches!(first.event, Event::EmergencyCreated { .. })))
    }
}

/// The stage in which an event is shown to a user who joins the room of its emergency in this stage.
fn stage_for(entry: &LogEntry, user: UserId, stage: Stage) -> Stage {
    let is_own = |delivery: &&Delivery| delivery.audience.to.contains(&Room::User(user));
    match entry.deliveries.iter().find(is_own).map(|delivery| delivery.viewer) {
        Some(Viewer::LookerOn) if stage != Stage::Administrator => Stage::LookerOn,
        Some(Viewer::Alerted) if stage == Stage::LookerOn => Stage::Alerted,
        _ => stage,
    }
}
