//! The hub: where connections meet the event log.
//!
//! One lock covers the newest events, the connections and their rooms, and is never held across an await. So a
//! connection is attached strictly between two events: it is sent every event after the position in its greeting, and
//! none before. Knows nothing of sockets, payloads or the database.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use allynet_domain::{Audience, EventId, Room, RoomChange, Stage, Timestamp, UserId, View};
use allynet_projections::MembershipHistory;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::hub::{
    attachment::{Attachment, JoinOutcome, JoinPoint, Release, RoomSnapshot},
    log_entry::LogEntry,
    log_progress::LogProgress,
    members::{CloseReason, HeldBack, HubCounts, Identity, MemberId, Members, user_of},
    ring::Ring,
};

/// Number of the newest events that are kept in memory.
pub(crate) const RING_CAPACITY: usize = 4096;
/// Number of held back events that may be sent under the lock, while all other deliveries wait.
const MAX_SENT_UNDER_LOCK: usize = 32;

/// All connections of this node and the node's position in the log.
///
/// `D` is a handle by which the caller reaches a device; clones are cheap.
#[derive(Debug)]
pub(crate) struct Hub<D> {
    state: Mutex<State<D>>,
    pub(crate) progress: LogProgress,
    /// The id of the next connection.
    next_id: AtomicU64,
    /// Notified when a connection is attached whose token expires before all others.
    earlier_expiry: Notify,
    /// Notified when the last connection is removed.
    emptied: Notify,
}

#[derive(Debug)]
struct State<D> {
    ring: Ring,
    members: Members<D>,
    closing: bool,
}

/// The effects of an event on the connections of this node.
#[derive(Debug)]
pub(crate) struct Fanout<D> {
    /// For each view the devices of the users and of the emergency that the event is addressed to.
    ///
    /// Here and in `others` each device occurs once, in the order of their ids, and there are no empty lists.
    pub(crate) addressed: Vec<(View, Vec<(MemberId, D)>)>,
    /// The devices of all other helpers on duty who are sent the event.
    pub(crate) others: Vec<(View, Vec<(MemberId, D)>)>,
    /// Devices to be closed after that.
    pub(crate) closed: Vec<(D, CloseReason)>,
}

impl<D: Clone> Hub<D> {
    /// A hub without connections, which does not follow the log yet.
    pub(crate) fn new() -> Self {
        let ring = Ring::new(EventId::START, RING_CAPACITY);
        Self {
            state: Mutex::new(State { ring, members: Members::default(), closing: false }),
            progress: LogProgress::new(),
            next_id: AtomicU64::new(0),
            earlier_expiry: Notify::new(),
            emptied: Notify::new(),
        }
    }

    /// Begins to follow the log at `position`, with all events after `complete_after` already read.
    pub(crate) fn open(&self, position: EventId, complete_after: EventId, entries: Vec<Arc<LogEntry>>) {
        let mut state = self.state.lock();
        state.ring = Ring::filled(position, complete_after, entries, RING_CAPACITY);
        state.members.position = position;
        drop(state);
        // Last, because it lets in the handshakes that wait in `position`.
        self.progress.open(position);
    }

    /// The last event that this node has seen. Waits until the log is followed.
    ///
    /// A read of the database that begins after this returns is at least as new.
    pub(crate) async fn position(&self) -> EventId {
        self.progress.until_open().await;
        self.state.lock().ring.position()
    }

    /// The events in memory of the range `after < id <= up_to`, and the position after which they are complete.
    pub(crate) fn newest(&self, after: EventId, up_to: EventId) -> (EventId, Vec<Arc<LogEntry>>) {
        let state = self.state.lock();
        let from = after.max(state.ring.complete_after());
        let entries = state.ring.since(from).into_iter().flatten().take_while(|entry| entry.id() <= up_to);
        (from, entries.cloned().collect())
    }

    /// An id for a new connection.
    pub(crate) fn next_member_id(&self) -> MemberId {
        MemberId(self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    /// Attaches a connection.
    ///
    /// `greet` sends its rooms and the last event that it is not sent live, and returns whether that succeeded. It runs
    /// under the lock, so that nothing else is sent before. With `replays`, all events are held back for the connection
    /// until it is [released](Self::release).
    pub(crate) fn attach(
        &self,
        (id, identity): (MemberId, Identity),
        device: D,
        snapshot: &RoomSnapshot,
        replays: bool,
        greet: impl FnOnce(&[Room], EventId) -> bool,
    ) -> Attachment {
        let mut state = self.state.lock();
        let State { ring, members, closing } = &mut *state;
        if *closing {
            return Attachment::Refused;
        }
        let Some(missed) = ring.since(snapshot.read_after) else { return Attachment::Outdated };
        members.insert(id, identity, device);
        snapshot.rooms.iter().for_each(|room| members.enter(id, *room));
        // The snapshot may or may not contain the changes since it was begun. Entering and leaving are idempotent and
        // the last change of a room decides, so applying all of them again gives the present rooms in either case.
        let changes = missed.flat_map(|entry| &entry.room_changes).filter(|change| user_of(change) == identity.user);
        for change in changes {
            if let Some(reason) = members.apply_to(id, change) {
                members.remove(id);
                return Attachment::Closed(reason);
            }
        }
        if replays {
            members.hold_back(id);
        }
        // `advance` needs the same lock: the position in the greeting is the last event before the first live one.
        if !greet(members.rooms(id), ring.position()) {
            members.remove(id);
            return Attachment::Refused;
        }
        if members.next_expiry() == Some(identity.expires_at) {
            self.earlier_expiry.notify_one();
        }
        Attachment::Attached
    }

    /// Puts a connection into the rooms of a snapshot that its user was allowed to enter.
    ///
    /// With `replays`, all events are held back for the connection until it is [released](Self::release).
    pub(crate) fn join(&self, id: MemberId, user: UserId, snapshot: &RoomSnapshot, replays: bool) -> JoinOutcome {
        let mut state = self.state.lock();
        let State { ring, members, .. } = &mut *state;
        let Some(mut missed) = ring.since(snapshot.read_after) else { return JoinOutcome::Outdated };
        // Unlike in `attach`, a change cannot simply be applied: it may have taken away the right to be in the room.
        if missed.any(|entry| entry.room_changes.iter().any(|change| user_of(change) == user)) {
            return JoinOutcome::Outdated;
        }
        let history = members.history(id);
        snapshot.rooms.iter().for_each(|room| members.enter(id, *room));
        if replays {
            members.hold_back(id);
        }
        let takes_part = snapshot.rooms.iter().any(|room| matches!(room, Room::Participants(_)));
        let reader_stage = if members.administers(id) {
            Stage::Administrator
        } else if takes_part {
            Stage::Responder
        } else {
            Stage::LookerOn
        };
        JoinOutcome::Joined(Box::new(JoinPoint { position: ring.position(), history, user, stage: reader_stage }))
    }

    /// Records that a connection, in its rooms since `position`, is also sent what an earlier history entitles it to.
    pub(crate) fn prepend_history(&self, id: MemberId, earlier: &MembershipHistory, position: EventId) {
        self.state.lock().members.prepend_history(id, earlier, position);
    }

    /// Ends holding back events for a connection, if the rest of them can be sent.
    ///
    /// `send` sends one event and returns whether the device accepted it. It runs under the lock: when it has sent the
    /// last event, no live event can have come between.
    pub(crate) fn release(&self, id: MemberId, mut send: impl FnMut(&D, &Arc<LogEntry>, View) -> bool) -> Release {
        let mut state = self.state.lock();
        // As of now, not as of the moment when an event was held back: the user may have joined or cancelled since.
        let (rooms, administers) = (state.members.rooms(id).to_vec(), state.members.administers(id));
        let view = |entry: &LogEntry, viewer| {
            entry.logged.view(viewer, entry.logged.stage_of(viewer, administers, |room| rooms.contains(room)))
        };
        let Some((HeldBack { events, overflowed, .. }, device)) = state.members.held_back(id) else {
            return Release::Lost;
        };
        if *overflowed {
            return Release::Lost;
        }
        if events.len() > MAX_SENT_UNDER_LOCK {
            let drained = events.drain(..).map(|(entry, viewer)| (view(&entry, viewer), entry));
            return Release::SendFirst(drained.map(|(view, entry)| (entry, view)).collect());
        }
        while let Some((entry, viewer)) = events.front() {
            if !send(device, entry, view(entry, *viewer)) {
                return Release::Busy;
            }
            events.pop_front();
        }
        state.members.release(id);
        Release::Live
    }

    /// The rooms of a connection.
    pub(crate) fn rooms(&self, id: MemberId) -> Vec<Room> {
        self.state.lock().members.rooms(id).to_vec()
    }

    /// Takes a connection out of a room.
    pub(crate) fn leave(&self, id: MemberId, room: Room) {
        self.state.lock().members.leave(id, room);
    }

    /// Removes a connection: it is sent nothing more. No-op for an unknown id.
    pub(crate) fn remove(&self, id: MemberId) {
        let (removed, is_empty) = {
            let members = &mut self.state.lock().members;
            (members.remove(id), members.is_empty())
        };
        // Dropped outside the lock: the drop of a device may call back into the hub.
        drop(removed);
        if is_empty {
            self.emptied.notify_waiters();
        }
    }

    /// Takes in the next event of the log: applies its room changes, and returns the devices that are sent it.
    ///
    /// Connections that enter a room by the event are sent it, and so are those that leave by it.
    pub(crate) fn advance(&self, entry: &Arc<LogEntry>) -> Fanout<D> {
        let mut state = self.state.lock();
        state.ring.push(Arc::clone(entry));
        let members = &mut state.members;
        let (entering, rest): (Vec<_>, Vec<_>) =
            entry.room_changes.iter().partition(|change| matches!(change, RoomChange::Enter { .. }));
        let mut closed: Vec<_> = entering.iter().flat_map(|change| members.apply(change)).collect();
        let (mut addressed, mut others) = (Vec::new(), Vec::new());
        for delivery in &entry.deliveries {
            let [first, rest] = members.addressed_and_others(&delivery.audience);
            for (mut devices, list) in [(first, &mut addressed), (rest, &mut others)] {
                members.hold_back_for(&mut devices, entry, delivery.viewer);
                list.extend(members.by_view(entry, delivery.viewer, devices));
            }
        }
        // Between the two kinds of changes: a membership that ends by this event includes it, one that begins by it
        // began before it.
        members.position = entry.id();
        closed.extend(rest.iter().flat_map(|change| members.apply(change)));
        Fanout { addressed, others, closed }
    }

    /// Removes and returns the connections whose tokens have expired.
    pub(crate) fn take_expired(&self, now: Timestamp) -> Vec<D> {
        self.state.lock().members.take_expired(now)
    }

    /// When the next token expires.
    pub(crate) fn next_expiry(&self) -> Option<Timestamp> {
        self.state.lock().members.next_expiry()
    }

    /// Waits until [`next_expiry`](Self::next_expiry) may have become earlier.
    pub(crate) async fn earlier_expiry(&self) {
        self.earlier_expiry.notified().await;
    }

    /// Refuses new connections from now on, and returns all present ones.
    pub(crate) fn close(&self) -> Vec<D> {
        let mut state = self.state.lock();
        state.closing = true;
        state.members.devices()
    }

    /// Waits until there is no connection.
    pub(crate) async fn until_empty(&self) {
        loop {
            // Created before the check: `notify_waiters` reaches it even before it is polled.
            let emptied = self.emptied.notified();
            if self.state.lock().members.is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// Whether this user is connected to this node.
    pub(crate) fn is_online(&self, user: UserId) -> bool {
        self.state.lock().members.is_online(user)
    }

    /// The connections in a room, the oldest first.
    pub(crate) fn devices_in(&self, room: Room) -> Vec<D> {
        self.audience(&Audience { to: vec![room], except: Vec::new() })
    }

    /// Number of connections and rooms.
    pub(crate) fn counts(&self) -> HubCounts {
        self.state.lock().members.counts()
    }

    /// The connections of an audience, each once.
    pub(crate) fn audience(&self, audience: &Audience) -> Vec<D> {
        self.state.lock().members.audience(audience).into_iter().map(|(_, device)| device).collect()
    }

    /// The helpers on duty who are connected to this node.
    pub(crate) fn helpers(&self) -> HashSet<UserId> {
        self.state.lock().members.helpers()
    }

    /// The notification that [`take_dirty_users`](Self::take_dirty_users) has something to return.
    pub(crate) fn dirty_users_added(&self) -> Arc<Notify> {
        self.state.lock().members.dirty_users.added()
    }

    /// Takes the users whose connections have changed, with whether they are helpers on duty, or `None` if they have no
    /// connection any more.
    pub(crate) fn take_dirty_users(&self) -> Vec<(UserId, Option<bool>)> {
        let members = &mut self.state.lock().members;
        let users = members.dirty_users.take();
        users.into_iter().map(|user| (user, members.duty(user))).collect()
    }
}

#[cfg(test)]
mod tests;
