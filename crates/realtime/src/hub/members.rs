//! Who is connected to this node, and in which rooms. Pure bookkeeping: what a room means and who may be in it comes
//! from the domain, how a device is reached is the caller's.

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use allynet_domain::{Audience, EmergencyId, EventId, Room, RoomChange, SessionId, Timestamp, UserId, Viewer};
use allynet_projections::MembershipHistory;

use crate::{
    hub::dirty_users::Touched,
    hub::log_entry::Told,
    metrics::{self, Counts},
};

/// How many events may be held back for one connection that is being told what it missed.
const HELD: usize = 4096;

/// One connection, for as long as this process lives. The id of a socket would not do: on polling it is a bearer, and
/// a client that leaves the namespace and comes back has the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct MemberId(pub(crate) u64);

/// Whose connection it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    /// An administrator looks on by right of the office, not of a helper.
    pub(crate) administers: bool,
    /// When the token of the connection expires.
    pub(crate) expires_at: Timestamp,
}

/// Why a connection is ended by the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// The token expired, or its session was revoked.
    SessionOver,
    /// The account was shut out.
    Blocked,
}

#[derive(Debug)]
struct Member<D> {
    identity: Identity,
    device: D,
    /// In the order in which they were entered.
    rooms: Vec<Room>,
    /// Its memberships, and so what it has been told.
    history: MembershipHistory,
}

/// What happens while a connection is being told what it missed: it is told that afterwards.
#[derive(Debug)]
pub(crate) struct Held {
    /// Of this emergency only, or everything.
    only: Option<EmergencyId>,
    pub(crate) events: VecDeque<(Arc<Told>, Viewer)>,
    /// There was too much: some is missing.
    pub(crate) overrun: bool,
}

/// Every connection of this node, by room and by the time of its end.
#[derive(Debug)]
pub(crate) struct Members<D> {
    all: HashMap<MemberId, Member<D>>,
    rooms: HashMap<Room, BTreeSet<MemberId>>,
    expiries: BTreeSet<(Timestamp, MemberId)>,
    held: HashMap<MemberId, Held>,
    /// The last event that was told.
    pub(crate) place: EventId,
    /// Whose connections, or part among the helpers, have changed.
    pub(crate) touched: Touched,
}

impl<D> Default for Members<D> {
    fn default() -> Self {
        Self {
            all: HashMap::new(),
            rooms: HashMap::new(),
            expiries: BTreeSet::new(),
            held: HashMap::new(),
            place: EventId::START,
            touched: Touched::default(),
        }
    }
}

impl<D: Clone> Members<D> {
    /// A new connection, in its user's room and in no other.
    pub(crate) fn insert(&mut self, id: MemberId, identity: Identity, device: D) {
        self.expiries.insert((identity.expires_at, id));
        let (rooms, history) = (Vec::new(), MembershipHistory::default());
        self.all.insert(id, Member { identity, device, rooms, history });
        self.enter(id, Room::User(identity.user));
    }

    /// A connection that is over. Nothing happens for an unknown one.
    pub(crate) fn remove(&mut self, id: MemberId) -> Option<D> {
        let member = self.all.remove(&id)?;
        self.expiries.remove(&(member.identity.expires_at, id));
        self.held.remove(&id);
        self.touched.add(member.identity.user);
        for room in &member.rooms {
            self.unlist(id, room);
        }
        Some(member.device)
    }

    /// Puts a connection into a room.
    pub(crate) fn enter(&mut self, id: MemberId, room: Room) {
        let Some(member) = self.all.get_mut(&id) else { return };
        if !member.rooms.contains(&room) {
            member.rooms.push(room);
            member.history.enter(room, self.place);
            if matches!(room, Room::User(_) | Room::Helpers) {
                self.touched.add(member.identity.user);
            }
            self.rooms.entry(room).or_default().insert(id);
        }
    }

    /// Takes a connection out of a room.
    pub(crate) fn leave(&mut self, id: MemberId, room: Room) {
        let Some(member) = self.all.get_mut(&id) else { return };
        member.rooms.retain(|other| *other != room);
        member.history.leave(room, self.place);
        if room == Room::Helpers {
            self.touched.add(member.identity.user);
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

    /// Moves all connections of a user; hands back those that are to be ended, which are members no more.
    pub(crate) fn apply(&mut self, movement: &RoomChange) -> Vec<(D, Farewell)> {
        let ids: Vec<_> = self.ids(Room::User(who_moves(movement))).collect();
        let farewells: Vec<_> = ids.into_iter().filter_map(|id| Some((id, self.move_one(id, movement)?))).collect();
        farewells.into_iter().filter_map(|(id, farewell)| Some((self.remove(id)?, farewell))).collect()
    }

    /// Moves one connection of the user whom the movement is about; tells if it is to be ended.
    pub(crate) fn move_one(&mut self, id: MemberId, movement: &RoomChange) -> Option<Farewell> {
        let identity = self.all.get(&id)?.identity;
        match movement {
            RoomChange::Enter { rooms, .. } => rooms.iter().for_each(|room| self.enter(id, *room)),
            RoomChange::Leave { rooms, .. } => rooms.iter().for_each(|room| self.leave(id, *room)),
            RoomChange::StopLookingOn { .. } if identity.administers => {}
            RoomChange::StopLookingOn { .. } => self.stop_looking_on(id),
            RoomChange::CloseSessions { only, except, .. } => {
                let session = Some(identity.session);
                let concerned = (only.is_none() || *only == session) && *except != session;
                return concerned.then_some(Farewell::SessionOver);
            }
            RoomChange::CloseBlocked { .. } => return Some(Farewell::Blocked),
        }
        None
    }

    fn stop_looking_on(&mut self, id: MemberId) {
        let looks_on = |room: &Room, together: &[Room]| match room {
            Room::Emergency(emergency) => !together.contains(&Room::Participants(*emergency)),
            Room::Helpers | Room::User(_) | Room::Participants(_) => false,
        };
        let rooms = self.rooms(id);
        let left: Vec<_> = rooms.iter().filter(|room| looks_on(room, rooms)).copied().collect();
        for room in left {
            self.leave(id, room);
        }
    }

    /// The rooms of a connection.
    pub(crate) fn rooms(&self, id: MemberId) -> &[Room] {
        self.all.get(&id).map_or(&[], |member| &member.rooms)
    }

    /// Every connection of an audience, once.
    pub(crate) fn audience(&self, audience: &Audience) -> Vec<(MemberId, D)> {
        let mut ids: Vec<_> = audience.to.iter().flat_map(|room| self.ids(*room)).collect();
        if audience.to.len() > 1 {
            ids.sort_unstable();
            ids.dedup();
        }
        let holds = |room: &Room, id: &MemberId| self.rooms.get(room).is_some_and(|ids| ids.contains(id));
        let is_excepted = |id: &MemberId| audience.except.iter().any(|room| holds(room, id));
        let heard = ids.into_iter().filter(|id| !is_excepted(id));
        heard.filter_map(|id| Some((id, self.all.get(&id)?.device.clone()))).collect()
    }

    fn ids(&self, room: Room) -> impl Iterator<Item = MemberId> {
        self.rooms.get(&room).into_iter().flatten().copied()
    }

    /// The memberships of a connection.
    pub(crate) fn history(&self, id: MemberId) -> MembershipHistory {
        self.all.get(&id).map(|member| member.history.clone()).unwrap_or_default()
    }

    /// A connection that has been in its rooms since `place` was told what came before as well.
    pub(crate) fn was_told(&mut self, id: MemberId, earlier: &MembershipHistory, place: EventId) {
        if let Some(member) = self.all.get_mut(&id) {
            member.history.prepend(earlier, place);
        }
    }

    /// Holds back what is for this connection: of one emergency, or everything.
    pub(crate) fn hold(&mut self, id: MemberId, only: Option<EmergencyId>) {
        self.held.insert(id, Held { only, events: VecDeque::new(), overrun: false });
    }

    /// What is held back for a connection; none if nothing is to be.
    pub(crate) fn held(&mut self, id: MemberId) -> Option<(&mut Held, &D)> {
        Some((self.held.get_mut(&id)?, &self.all.get(&id)?.device))
    }

    /// Holds nothing back any more.
    pub(crate) fn release(&mut self, id: MemberId) {
        self.held.remove(&id);
    }

    /// Takes those out of `devices` for whom this event is held back.
    pub(crate) fn hold_back(&mut self, devices: &mut Vec<(MemberId, D)>, told: &Arc<Told>, viewer: Viewer) {
        if self.held.is_empty() {
            return;
        }
        devices.retain(|(id, _)| {
            let Some(held) = self.held.get_mut(id) else { return true };
            if held.only.is_some() && held.only != told.logged.emergency {
                return true;
            }
            if held.events.len() < HELD {
                held.events.push_back((Arc::clone(told), viewer));
            } else {
                held.overrun = true;
            }
            false
        });
    }

    /// All connections.
    pub(crate) fn devices(&self) -> Vec<D> {
        self.all.values().map(|member| member.device.clone()).collect()
    }

    /// How many connections and rooms there are.
    pub(crate) fn count(&self) -> Counts {
        let mut rooms = [0; 4];
        for room in self.rooms.keys() {
            rooms[metrics::kind(room)] += 1;
        }
        Counts { sockets: self.all.len(), rooms }
    }

    /// Whether nobody is connected.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether this user has a connection.
    pub(crate) fn is_online(&self, user: UserId) -> bool {
        self.rooms.contains_key(&Room::User(user))
    }

    /// Whether this user is among the helpers; none for one who has no connection.
    pub(crate) fn duty(&self, user: UserId) -> Option<bool> {
        let helpers = self.rooms.get(&Room::Helpers);
        let mut connections = self.ids(Room::User(user)).peekable();
        connections.peek()?;
        Some(connections.any(|id| helpers.is_some_and(|helpers| helpers.contains(&id))))
    }

    /// The users in the helpers' room.
    pub(crate) fn helpers(&self) -> HashSet<UserId> {
        self.ids(Room::Helpers).filter_map(|id| Some(self.all.get(&id)?.identity.user)).collect()
    }

    /// When the next token expires.
    pub(crate) fn next_expiry(&self) -> Option<Timestamp> {
        self.expiries.first().map(|(at, _)| *at)
    }

    /// Takes out the connections whose tokens have expired.
    pub(crate) fn take_expired(&mut self, now: Timestamp) -> Vec<D> {
        let ids: Vec<_> = self.expiries.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| *id).collect();
        ids.into_iter().filter_map(|id| self.remove(id)).collect()
    }
}

/// Whom a movement is about.
pub(crate) const fn who_moves(movement: &RoomChange) -> UserId {
    match movement {
        RoomChange::Enter { user, .. }
        | RoomChange::Leave { user, .. }
        | RoomChange::StopLookingOn { user }
        | RoomChange::CloseSessions { user, .. }
        | RoomChange::CloseBlocked { user } => *user,
    }
}

#[cfg(test)]
mod tests;
