//! The connections of this node: their rooms, the expiry of their tokens, and the events held back for them.
//!
//! Bookkeeping only. What a room means and which users may enter it comes from the domain; how a device is reached is
//! the caller's business, so a device is a type parameter.

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use allynet_domain::{Audience, EventId, Room, RoomChange, SessionId, Stage, Timestamp, UserId, View, Viewer};
use allynet_projections::MembershipHistory;

use crate::hub::{dirty_users::DirtyUsers, log_entry::LogEntry};

/// Maximum number of events held back for one connection during its replay.
const MAX_HELD_BACK_EVENTS: usize = 4096;

/// Number of a connection, unique for the life of this process.
///
/// The id of its socket would not do: on polling it is a bearer token, and a client that leaves the namespace and
/// connects to it again keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct MemberId(pub(crate) u64);

/// The user and the session of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    /// Whether the user is an administrator, who may look on without the rights of a helper.
    pub(crate) administers: bool,
    /// When the token of the connection expires.
    pub(crate) expires_at: Timestamp,
}

/// The reason for which the service ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CloseReason {
    /// The token expired, or its session was revoked.
    SessionOver,
    /// The account was blocked.
    Blocked,
}

#[derive(Debug)]
struct Member<D> {
    identity: Identity,
    device: D,
    /// In the order in which they were entered, which `session:ready` repeats.
    rooms: Vec<Room>,
    /// When the connection was in which room, and so which events it has been sent.
    history: MembershipHistory,
}

/// Events that are held back for a connection during its replay.
#[derive(Debug)]
pub(crate) struct HeldBack {
    pub(crate) events: VecDeque<(Arc<LogEntry>, Viewer)>,
    /// Whether events were dropped because too many were held back.
    pub(crate) overflowed: bool,
}

/// Number of connections and rooms.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct HubCounts {
    pub(crate) sockets: usize,
    pub(crate) rooms: RoomCounts,
}

/// Number of rooms with at least one connection, by kind.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct RoomCounts {
    pub(crate) helpers: usize,
    pub(crate) user: usize,
    pub(crate) emergency: usize,
    pub(crate) participants: usize,
}

/// All connections of this node, indexed by room and by the expiry of their tokens.
#[derive(Debug)]
pub(crate) struct Members<D> {
    by_id: HashMap<MemberId, Member<D>>,
    /// Never holds an empty set.
    rooms: HashMap<Room, BTreeSet<MemberId>>,
    expiries: BTreeSet<(Timestamp, MemberId)>,
    held_back: HashMap<MemberId, HeldBack>,
    /// The last event that was delivered: memberships begin and end with it.
    pub(crate) position: EventId,
    /// Users with a new or a removed connection, or one that entered or left [`Room::Helpers`].
    pub(crate) dirty_users: DirtyUsers,
}

impl<D> Default for Members<D> {
    fn default() -> Self {
        Self {
            by_id: HashMap::new(),
            rooms: HashMap::new(),
            expiries: BTreeSet::new(),
            held_back: HashMap::new(),
            position: EventId::START,
            dirty_users: DirtyUsers::default(),
        }
    }
}

impl<D: Clone> Members<D> {
    /// Adds a connection, which enters its user's own room and no other.
    pub(crate) fn insert(&mut self, id: MemberId, identity: Identity, device: D) {
        self.expiries.insert((identity.expires_at, id));
        let (rooms, history) = (Vec::new(), MembershipHistory::default());
        self.by_id.insert(id, Member { identity, device, rooms, history });
        self.enter(id, Room::User(identity.user));
    }

    /// Removes a connection and returns its device; no-op for an unknown id.
    pub(crate) fn remove(&mut self, id: MemberId) -> Option<D> {
        let member = self.by_id.remove(&id)?;
        self.expiries.remove(&(member.identity.expires_at, id));
        self.held_back.remove(&id);
        self.dirty_users.add(member.identity.user);
        for room in &member.rooms {
            self.unlist(id, room);
        }
        Some(member.device)
    }

    /// Puts a connection into a room; no-op if it is in it, or unknown.
    pub(crate) fn enter(&mut self, id: MemberId, room: Room) {
        let Some(member) = self.by_id.get_mut(&id) else { return };
        if !member.rooms.contains(&room) {
            member.rooms.push(room);
            member.history.enter(room, self.position);
            if matches!(room, Room::User(_) | Room::Helpers) {
                self.dirty_users.add(member.identity.user);
            }
            self.rooms.entry(room).or_default().insert(id);
        }
    }

    /// Takes a connection out of a room.
    pub(crate) fn leave(&mut self, id: MemberId, room: Room) {
        let Some(member) = self.by_id.get_mut(&id) else { return };
        member.rooms.retain(|other| *other != room);
        member.history.leave(room, self.position);
        if room == Room::Helpers {
            self.dirty_users.add(member.identity.user);
        }
        self.unlist(id, &room);
    }

    fn unlist(&mut self, id: MemberId, room: &Room) {
        if let Some(ids) = self.rooms.get_mut(room) {
            ids.remove(&id);
            if ids.is_empty() {
                self.rooms.remove(room);
            }
        }
    }

    /// Applies a room change to all connections of its user.
    ///
    /// Returns the connections that it ends, which are removed.
    pub(crate) fn apply(&mut self, change: &RoomChange) -> Vec<(D, CloseReason)> {
        let ids: Vec<_> = self.ids(Room::User(user_of(change))).collect();
        let closed: Vec<_> = ids.into_iter().filter_map(|id| Some((id, self.apply_to(id, change)?))).collect();
        closed.into_iter().filter_map(|(id, reason)| Some((self.remove(id)?, reason))).collect()
    }

    /// Applies a room change to one connection of its user, and returns the reason if the change ends the connection.
    pub(crate) fn apply_to(&mut self, id: MemberId, change: &RoomChange) -> Option<CloseReason> {
        let identity = self.by_id.get(&id)?.identity;
        match change {
            RoomChange::Enter { rooms, .. } => rooms.iter().for_each(|room| self.enter(id, *room)),
            RoomChange::Leave { rooms, .. } => rooms.iter().for_each(|room| self.leave(id, *room)),
            RoomChange::StopLookingOn { .. } if identity.administers => {}
            RoomChange::StopLookingOn { .. } => self.stop_looking_on(id),
            RoomChange::CloseSessions { only, except, .. } => {
                let session = Some(identity.session);
                let concerned = (only.is_none() || *only == session) && *except != session;
                return concerned.then_some(CloseReason::SessionOver);
            }
            RoomChange::CloseBlocked { .. } => return Some(CloseReason::Blocked),
        }
        None
    }

    /// Takes a connection out of the rooms of all emergencies in which its user takes no part.
    fn stop_looking_on(&mut self, id: MemberId) {
        let is_looker_on_room = |room: &Room, rooms: &[Room]| match room {
            Room::Emergency(emergency) => !rooms.contains(&Room::Participants(*emergency)),
            Room::Helpers | Room::CriticalHelpers | Room::User(_) | Room::Participants(_) | Room::Dispatchers => false,
        };
        let rooms = self.rooms(id);
        let left: Vec<_> = rooms.iter().filter(|room| is_looker_on_room(room, rooms)).copied().collect();
        for room in left {
            self.leave(id, room);
        }
    }

    /// The rooms of a connection.
    pub(crate) fn rooms(&self, id: MemberId) -> &[Room] {
        self.by_id.get(&id).map_or(&[], |member| &member.rooms)
    }

    /// All connections of an audience, each once, in the order of their ids.
    pub(crate) fn audience(&self, audience: &Audience) -> Vec<(MemberId, D)> {
        let mut ids: Vec<_> = audience.to.iter().flat_map(|room| self.ids(*room)).collect();
        // The ids of one room are a set already.
        if audience.to.len() > 1 {
            ids.sort_unstable();
            ids.dedup();
        }
        let excepted: Vec<_> = audience.except.iter().filter_map(|room| self.rooms.get(room)).collect();
        let is_excepted = |id: &MemberId| excepted.iter().any(|ids| ids.contains(id));
        let ids = ids.into_iter().filter(|id| !is_excepted(id));
        ids.filter_map(|id| Some((id, self.by_id.get(&id)?.device.clone()))).collect()
    }

    /// The connections of an audience that it names by user or emergency, and then those that it reaches only as helpers on
    /// duty. Each once over both, and in the order of their ids in each.
    pub(crate) fn addressed_and_others(&self, audience: &Audience) -> [Vec<(MemberId, D)>; 2] {
        let (helpers, to): (Vec<_>, Vec<_>) =
            audience.to.iter().partition(|room| matches!(room, Room::Helpers | Room::CriticalHelpers));
        let part = |to| self.audience(&Audience { to, except: audience.except.clone() });
        let (addressed, mut others) = (part(to), part(helpers));
        if !addressed.is_empty() {
            others.retain(|(id, _)| addressed.binary_search_by_key(id, |(id, _)| *id).is_err());
        }
        [addressed, others]
    }

    /// The devices by the view in which they are sent this event. No list is empty.
    pub(crate) fn by_view(
        &self,
        entry: &LogEntry,
        viewer: Viewer,
        devices: Vec<(MemberId, D)>,
    ) -> Vec<(View, Vec<(MemberId, D)>)> {
        let mut views: Vec<(View, Vec<(MemberId, D)>)> = Vec::new();
        // The usual case, and that of the largest audiences: one view for all, without a look at each device.
        if !entry.logged.depends_on_stage() {
            let all = entry.logged.view(viewer, Stage::LookerOn);
            return if devices.is_empty() { views } else { vec![(all, devices)] };
        }
        for (id, device) in devices {
            let is_in = |room: &Room| self.rooms.get(room).is_some_and(|ids| ids.contains(&id));
            let view = entry.logged.view(viewer, entry.logged.stage_of(viewer, self.administers(id), is_in));
            match views.iter_mut().find(|(other, _)| *other == view) {
                Some((_, devices)) => devices.push((id, device)),
                None => views.push((view, vec![(id, device)])),
            }
        }
        views
    }

    /// Whether the user of a connection is an administrator.
    pub(crate) fn administers(&self, id: MemberId) -> bool {
        self.by_id.get(&id).is_some_and(|member| member.identity.administers)
    }

    fn ids(&self, room: Room) -> impl Iterator<Item = MemberId> {
        self.rooms.get(&room).into_iter().flatten().copied()
    }

    /// The membership history of a connection.
    pub(crate) fn history(&self, id: MemberId) -> MembershipHistory {
        self.by_id.get(&id).map(|member| member.history.clone()).unwrap_or_default()
    }

    /// Records that a connection, in its rooms since `position`, is also sent what an earlier history entitles it to.
    pub(crate) fn prepend_history(&mut self, id: MemberId, earlier: &MembershipHistory, position: EventId) {
        if let Some(member) = self.by_id.get_mut(&id) {
            member.history.prepend(earlier, position);
        }
    }

    /// Begins to hold back all events for a connection.
    ///
    /// Not only those that are being replayed: others would be sent before them, and a connection that broke in between
    /// would resume after the later ones.
    pub(crate) fn hold_back(&mut self, id: MemberId) {
        self.held_back.insert(id, HeldBack { events: VecDeque::new(), overflowed: false });
    }

    /// The events held back for a connection and its device, or `None` if none are to be held back.
    pub(crate) fn held_back(&mut self, id: MemberId) -> Option<(&mut HeldBack, &D)> {
        Some((self.held_back.get_mut(&id)?, &self.by_id.get(&id)?.device))
    }

    /// Ends holding back events for a connection.
    pub(crate) fn release(&mut self, id: MemberId) {
        self.held_back.remove(&id);
    }

    /// Removes the devices from `devices` for which this event is held back, and holds it back.
    pub(crate) fn hold_back_for(&mut self, devices: &mut Vec<(MemberId, D)>, entry: &Arc<LogEntry>, viewer: Viewer) {
        // The usual case: no connection is being replayed to, and the loop over a large audience is saved.
        if self.held_back.is_empty() {
            return;
        }
        devices.retain(|(id, _)| {
            let Some(held) = self.held_back.get_mut(id) else { return true };
            if held.events.len() < MAX_HELD_BACK_EVENTS {
                held.events.push_back((Arc::clone(entry), viewer));
            } else {
                held.overflowed = true;
            }
            false
        });
    }

    /// All devices.
    pub(crate) fn devices(&self) -> Vec<D> {
        self.by_id.values().map(|member| member.device.clone()).collect()
    }

    /// Number of connections and rooms. Walks through all rooms.
    pub(crate) fn counts(&self) -> HubCounts {
        let mut rooms = RoomCounts::default();
        for room in self.rooms.keys() {
            match room {
                Room::Helpers | Room::CriticalHelpers => rooms.helpers += 1,
                // One at most, and of no use as a number.
                Room::Dispatchers => {}
                Room::User(_) => rooms.user += 1,
                Room::Emergency(_) => rooms.emergency += 1,
                Room::Participants(_) => rooms.participants += 1,
            }
        }
        HubCounts { sockets: self.by_id.len(), rooms }
    }

    /// Whether there is no connection.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Whether this user has a connection.
    pub(crate) fn is_online(&self, user: UserId) -> bool {
        self.rooms.contains_key(&Room::User(user))
    }

    /// Whether this user is in [`Room::Helpers`], or `None` if the user has no connection.
    pub(crate) fn duty(&self, user: UserId) -> Option<bool> {
        let helpers = self.rooms.get(&Room::Helpers);
        let mut connections = self.ids(Room::User(user)).peekable();
        connections.peek()?;
        Some(connections.any(|id| helpers.is_some_and(|helpers| helpers.contains(&id))))
    }

    /// The users in [`Room::Helpers`].
    pub(crate) fn helpers(&self) -> HashSet<UserId> {
        self.ids(Room::Helpers).filter_map(|id| Some(self.by_id.get(&id)?.identity.user)).collect()
    }

    /// When the next token expires.
    pub(crate) fn next_expiry(&self) -> Option<Timestamp> {
        self.expiries.first().map(|(at, _)| *at)
    }

    /// Removes and returns the connections whose tokens have expired.
    pub(crate) fn take_expired(&mut self, now: Timestamp) -> Vec<D> {
        let ids: Vec<_> = self.expiries.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| *id).collect();
        ids.into_iter().filter_map(|id| self.remove(id)).collect()
    }
}

/// The user of a room change.
pub(crate) const fn user_of(change: &RoomChange) -> UserId {
    match change {
        RoomChange::Enter { user, .. }
        | RoomChange::Leave { user, .. }
        | RoomChange::StopLookingOn { user }
        | RoomChange::CloseSessions { user, .. }
        | RoomChange::CloseBlocked { user } => *user,
    }
}

#[cfg(test)]
mod tests;
