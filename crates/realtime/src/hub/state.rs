//! The one place where connections meet the log: which events this node has seen, and who was in which room at each.
//!
//! Everything happens under one lock that is never held across an await, so a connection is attached strictly between
//! two events: it misses none that came after it was told its place in the log, and gets none from before. Knows
//! nothing of sockets, payloads or the database.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use allynet_domain::{Audience, EmergencyId, EventId, Room, RoomChange, Timestamp, UserId, Viewer};
use allynet_projections::MembershipHistory;
use tokio::sync::{Notify, watch};

use crate::{
    hub::log_entry::Told,
    hub::members::{Farewell, Held, Identity, MemberId, Members, who_moves},
    hub::ring::Ring,
    metrics::Counts,
};

/// How many events are kept for connections that are being made or come back.
pub(crate) const RING: usize = 4096;
/// How many held back events may be sent while everybody else waits.
const SMALL: usize = 32;

/// All connections of this node and its place in the log.
#[derive(Debug)]
pub(crate) struct Hub<D> {
    state: Mutex<State<D>>,
    /// The last number given to a connection.
    counter: AtomicU64,
    opened: watch::Sender<bool>,
    /// The last event that was sent to all who hear it.
    settled: watch::Sender<EventId>,
    failing: AtomicBool,
    /// A connection came whose token expires before all others.
    sooner: Notify,
    /// The last connection went.
    emptied: Notify,
}

#[derive(Debug)]
struct State<D> {
    ring: Ring,
    members: Members<D>,
    closing: bool,
}

/// Where a connection stands when it wants to be attached: its rooms as the database knew them at some time after the
/// event `mark` had been seen here. All that led to them has been sent by now to those who hear it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) mark: EventId,
    pub(crate) rooms: Vec<Room>,
}

/// What became of an attempt to attach a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Attached {
    /// It hears everything from now on.
    Yes,
    /// Its rooms are too old to be brought up to date: read them again.
    Outdated,
    /// Meanwhile something happened that ends it.
    Dismissed(Farewell),
    /// It cannot be told that it is attached, or the service is about to stop.
    Refused,
}

/// The last event of an emergency that a client has, when it wants to be told what it missed there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Since {
    pub(crate) event: EventId,
    pub(crate) of: EmergencyId,
}

/// How a connection stood when it entered a room.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The last event that it will not be told as it happens.
    pub(crate) place: EventId,
    /// Its memberships before, and so what it was told.
    pub(crate) history: MembershipHistory,
}

/// What became of an attempt to enter a room.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Joined {
    /// It is in. If it is to be told what it missed, what happens now is held back.
    Yes(Box<Standing>),
    /// Meanwhile the user's rights may have changed: look again.
    Outdated,
}

/// What became of an attempt to let a connection go on live.
#[derive(Debug)]
pub(crate) enum Released {
    /// It hears everything as it happens.
    Yes,
    /// This comes first; what happens meanwhile is held back still.
    First(Vec<(Arc<Told>, Viewer)>),
    /// It did not take what was held back: later.
    Busy,
    /// It is over, or too much was held back.
    Lost,
}

/// What an event means for the connections of this node.
#[derive(Debug)]
pub(crate) struct Step<D> {
    /// With whose eyes it is to be written, and who hears it; nobody twice, never empty.
    pub(crate) deliveries: Vec<(Viewer, Vec<(MemberId, D)>)>,
    /// Who is to be ended after that.
    pub(crate) dismissed: Vec<(D, Farewell)>,
}

impl<D: Clone> Hub<D> {
    /// Nobody, nowhere in the log.
    pub(crate) fn new() -> Self {
        let ring = Ring::new(EventId::START, RING);
        Self {
            state: Mutex::new(State { ring, members: Members::default(), closing: false }),
            counter: AtomicU64::new(0),
            opened: watch::Sender::new(false),
            settled: watch::Sender::new(EventId::START),
            failing: AtomicBool::new(false),
            sooner: Notify::new(),
            emptied: Notify::new(),
        }
    }

    /// The log is followed from `position`, and everything after `reach` was read already.
    pub(crate) fn open(&self, position: EventId, reach: EventId, events: Vec<Arc<Told>>) {
        let mut state = self.state();
        state.ring = Ring::filled(position, reach, events, RING);
        state.members.place = position;
        drop(state);
        self.settled.send_replace(position);
        self.opened.send_replace(true);
    }

    /// This event was sent to all who hear it.
    pub(crate) fn settle(&self, event: EventId) {
        self.settled.send_replace(event);
    }

    /// Waits until this event and all before it were sent to all who hear them.
    pub(crate) async fn settled(&self, event: EventId) {
        // The sender lives as long as `self`.
        self.settled.subscribe().wait_for(|settled| *settled >= event).await.ok();
    }

    /// What came after `after` and not after `up_to`, as far as it is in memory; and since when that is everything.
    pub(crate) fn newest(&self, after: EventId, up_to: EventId) -> (EventId, Vec<Arc<Told>>) {
        let state = self.state();
        let reach = after.max(state.ring.reach());
        let events = state.ring.since(reach).into_iter().flatten().take_while(|event| event.id() <= up_to);
        (reach, events.cloned().collect())
    }

    /// Whether following the log fails at present.
    pub(crate) fn set_failing(&self, failing: bool) {
        self.failing.store(failing, Ordering::Relaxed);
    }

    /// Whether the log is followed.
    pub(crate) fn is_following(&self) -> bool {
        *self.opened.borrow() && !self.failing.load(Ordering::Relaxed)
    }

    /// The last event seen here, once the log is followed. What is read from the database after that is not older.
    pub(crate) async fn mark(&self) -> EventId {
        // The sender lives as long as `self`: this ends only when the log is open.
        self.opened.subscribe().wait_for(|opened| *opened).await.ok();
        self.state().ring.position()
    }

    /// A number for a new connection.
    pub(crate) fn number(&self) -> MemberId {
        MemberId(self.counter.fetch_add(1, Ordering::Relaxed))
    }

    /// Attaches a connection. `greet` tells it so, its rooms and the last event that it will not get live, before anything
    /// else can be sent to it; and whether it could be told. With `resumes` all else is held back until it is released.
    pub(crate) fn attach(
        &self,
        (id, identity): (MemberId, Identity),
        device: D,
        entry: &Entry,
        resumes: bool,
        greet: impl FnOnce(&[Room], EventId) -> bool,
    ) -> Attached {
        let mut state = self.state();
        let State { ring, members, closing } = &mut *state;
        if *closing {
            return Attached::Refused;
        }
        let Some(missed) = ring.since(entry.mark) else { return Attached::Outdated };
        members.insert(id, identity, device);
        entry.rooms.iter().for_each(|room| members.enter(id, *room));
        let movements = missed.flat_map(|event| &event.movements).filter(|m| who_moves(m) == identity.user);
        for movement in movements {
            if let Some(farewell) = members.move_one(id, movement) {
                members.remove(id);
                return Attached::Dismissed(farewell);
            }
        }
        if resumes {
            members.hold(id, None);
        }
        if !greet(members.rooms(id), ring.position()) {
            members.remove(id);
            return Attached::Refused;
        }
        if members.next_expiry() == Some(identity.expires_at) {
            self.sooner.notify_one();
        }
        Attached::Yes
    }

    /// Puts a connection into rooms that its user may enter, as the database knew it after `entry.mark`. With `since`,
    /// what happens in that emergency is held back from now on.
    pub(crate) fn join(&self, id: MemberId, user: UserId, entry: &Entry, since: Option<Since>) -> Joined {
        let mut state = self.state();
        let State { ring, members, .. } = &mut *state;
        let Some(mut missed) = ring.since(entry.mark) else { return Joined::Outdated };
        if missed.any(|event| event.movements.iter().any(|movement| who_moves(movement) == user)) {
            return Joined::Outdated;
        }
        let history = members.history(id);
        entry.rooms.iter().for_each(|room| members.enter(id, *room));
        if let Some(since) = since {
            members.hold(id, Some(since.of));
        }
        Joined::Yes(Box::new(Standing { place: ring.position(), history }))
    }

    /// A connection that stood at `place` was told what came before as well.
    pub(crate) fn was_told(&self, id: MemberId, earlier: &MembershipHistory, place: EventId) {
        self.state().members.was_told(id, earlier, place);
    }

    /// Lets a connection hear everything as it happens. `send` tells it the last that was held back, and whether it
    /// took that.
    pub(crate) fn release(&self, id: MemberId, mut send: impl FnMut(&D, &Arc<Told>, Viewer) -> bool) -> Released {
        let mut state = self.state();
        let Some((Held { events, overrun, .. }, device)) = state.members.held(id) else { return Released::Lost };
        if *overrun {
            return Released::Lost;
        }
        if events.len() > SMALL {
            return Released::First(events.drain(..).collect());
        }
        while let Some((event, viewer)) = events.front() {
            if !send(device, event, *viewer) {
                return Released::Busy;
            }
            events.pop_front();
        }
        state.members.release(id);
        Released::Yes
    }

    /// The rooms of a connection.
    pub(crate) fn rooms(&self, id: MemberId) -> Vec<Room> {
        self.state().members.rooms(id).to_vec()
    }

    /// Takes a connection out of a room.
    pub(crate) fn leave(&self, id: MemberId, room: Room) {
        self.state().members.leave(id, room);
    }

    /// A connection is over, or must not get anything any more.
    pub(crate) fn remove(&self, id: MemberId) {
        let (removed, is_empty) = {
            let members = &mut self.state().members;
            (members.remove(id), members.is_empty())
        };
        // Outside the lock: a device may own anything.
        drop(removed);
        if is_empty {
            self.emptied.notify_waiters();
        }
    }

    /// The next event of the log: moves people between rooms and tells who hears it. Those who leave by it still do.
    pub(crate) fn advance(&self, event: &Arc<Told>) -> Step<D> {
        let mut state = self.state();
        state.ring.push(Arc::clone(event));
        let members = &mut state.members;
        let (entering, rest): (Vec<_>, Vec<_>) =
            event.movements.iter().partition(|movement| matches!(movement, RoomChange::Enter { .. }));
        let mut dismissed: Vec<_> = entering.iter().flat_map(|movement| members.apply(movement)).collect();
        let mut deliveries = Vec::new();
        for delivery in &event.deliveries {
            let mut devices = members.audience(&delivery.audience);
            members.hold_back(&mut devices, event, delivery.viewer);
            if !devices.is_empty() {
                deliveries.push((delivery.viewer, devices));
            }
        }
        members.place = event.id();
        dismissed.extend(rest.iter().flat_map(|movement| members.apply(movement)));
        Step { deliveries, dismissed }
    }

    /// Takes out the connections whose tokens have expired.
    pub(crate) fn take_expired(&self, now: Timestamp) -> Vec<D> {
        self.state().members.take_expired(now)
    }

    /// When the next token expires.
    pub(crate) fn next_expiry(&self) -> Option<Timestamp> {
        self.state().members.next_expiry()
    }

    /// Waits until another token may be the next to expire.
    pub(crate) async fn sooner_expiry(&self) {
        self.sooner.notified().await;
    }

    /// Attaches nobody from now on, and hands out everybody who is.
    pub(crate) fn close(&self) -> Vec<D> {
        let mut state = self.state();
        state.closing = true;
        state.members.devices()
    }

    /// Waits until nobody is connected.
    pub(crate) async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.state().members.is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// Whether this user is connected here.
    pub(crate) fn is_online(&self, user: UserId) -> bool {
        self.state().members.is_online(user)
    }

    /// The connections in a room, the oldest first.
    pub(crate) fn devices_in(&self, room: Room) -> Vec<D> {
        self.audience(&Audience { to: vec![room], except: Vec::new() })
    }

    /// How many connections and rooms there are.
    pub(crate) fn count(&self) -> Counts {
        self.state().members.count()
    }

    /// The connections of an audience, each once.
    pub(crate) fn audience(&self, audience: &Audience) -> Vec<D> {
        self.state().members.audience(audience).into_iter().map(|(_, device)| device).collect()
    }

    /// The helpers on duty who are connected here.
    pub(crate) fn helpers(&self) -> HashSet<UserId> {
        self.state().members.helpers()
    }

    /// Told when somebody's connections have changed.
    pub(crate) fn somebody_touched(&self) -> Arc<Notify> {
        self.state().members.touched.somebody()
    }

    /// Takes out whose connections have changed: whether they are helpers on duty, none for those who have none.
    pub(crate) fn take_touched(&self) -> Vec<(UserId, Option<bool>)> {
        let members = &mut self.state().members;
        let touched = members.touched.take();
        touched.into_iter().map(|user| (user, members.duty(user))).collect()
    }

    fn state(&self) -> MutexGuard<'_, State<D>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
