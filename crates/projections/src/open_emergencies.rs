//! The projection of all open emergencies of the service: participants, trips of helpers, and missing answers.
//!
//! Fed with every event of the log, in order, and once with the emergencies that were open before this node began to
//! follow the log. It is asked about every stored position and every change of presence, so that neither costs a query.
//!
//! What the log says outranks what was read: the read may be older. Where an older emergency is known only in part, the
//! questions about alerts name too many emergencies rather than too few; the use case that acts on an answer decides on
//! the stored emergency.

mod apply;
mod freed_users;
pub(crate) mod moves;
pub(crate) mod nearby;
pub(crate) mod participation;

use std::collections::{HashMap, HashSet, hash_map::Entry};

use allynet_domain::{
    BlockedPair, Call, Emergency, EmergencyId, EmergencyStatus, Metres, PlacePolicy, Position, Recipient,
    ResponseStatus, SessionFix, Timestamp, UserId, dispatch::Transport,
};
use parking_lot::Mutex;

use self::freed_users::FreedUsers;

/// Index of all open emergencies that this node knows of.
///
/// Shared between tasks; every method takes one lock for a short time and never waits for anything else.
#[derive(Debug, Default)]
pub struct OpenEmergencies {
    state: Mutex<State>,
    /// Decides from which place the distance of a helper is judged.
    places: PlacePolicy,
    /// The largest alert radius, if decisions by gain choose the helpers: within it everybody may be alerted.
    gain_radius: Option<Metres>,
}

#[derive(Debug, Default)]
struct State {
    open: HashMap<EmergencyId, OpenEmergency>,
    /// The open emergencies of each participant: of the owner, and of helpers whose response is not cancelled.
    by_participant: HashMap<UserId, Vec<EmergencyId>>,
    /// Every emergency that was open before this node followed the log has been restored.
    complete: bool,
    /// Emergencies that ended before `complete` was set. A page that was read before the end would bring them back.
    ended: HashSet<EmergencyId>,
    freed: FreedUsers,
    /// Blocks that were made before `complete` was set. A page that was read before may lack them.
    early_blocks: Vec<BlockedPair>,
}

#[derive(Debug, Default)]
struct OpenEmergency {
    /// `None` for an emergency that began before this node followed the log, until it is restored or alerted again.
    call: Option<OpenCall>,
    /// The response of every helper who ever responded, cancelled ones included.
    responses: HashMap<UserId, Participation>,
    /// Pairs of its helpers that a block separates, the smaller id first.
    separated: HashSet<(UserId, UserId)>,
    /// The last move of its place that the log has told of. What is read may be older.
    moved: Option<(Position, Timestamp)>,
}

/// The part of a call that queries for positions and alerts need.
#[derive(Debug)]
struct OpenCall {
    owner: UserId,
    anonymous: bool,
    /// The exact place.
    position: Position,
    /// The place from which it is judged whether a helper is near.
    judged_place: Position,
    /// The position of the owner that the place has followed last; only those of its session count. `None` if it stays.
    followed: Option<SessionFix>,
    /// When the place moved last.
    moved_at: Option<Timestamp>,
    raised_at: Timestamp,
    /// Helpers are searched, because no response counts as help.
    is_unanswered: bool,
    /// The number of the last wave; zero before the first.
    wave: u16,
    /// The radius of the last wave; zero before the first.
    alert_radius: Metres,
    /// Helpers that were alerted, or were checked and need no alert.
    settled: HashSet<UserId>,
    /// Helpers that declined.
    declined: HashSet<UserId>,
    /// When a helper near it was looked at last. Of decisions by gain only.
    looked_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy)]
struct Participation {
    status: ResponseStatus,
    stated_arrival: Option<Timestamp>,
    transport: Transport,
    responded_at: Timestamp,
    /// Until when a completed response counts as help.
    counts_until: Option<Timestamp>,
    /// A position of the helper near the emergency was recorded.
    came_near: bool,
    /// The helper was asked whether they still come, or is stalled: the next sign is to be stored at once.
    is_waited_for: bool,
}

impl OpenEmergencies {
    /// An empty index. `gain_radius` is the largest alert radius if decisions by gain choose the helpers.
    pub fn new(places: PlacePolicy, gain_radius: Option<Metres>) -> Self {
        Self { state: Mutex::default(), places, gain_radius }
    }

    /// Adds an emergency that was open before this node followed the log.
    ///
    /// The read MUST begin after this node has begun to follow the log, so that no emergency falls between the two. Only
    /// what the log has not said yet is taken over. Restoring an emergency twice changes nothing.
    pub fn restore(&self, emergency: &Emergency) {
        let (mut state, id) = (self.state.lock(), emergency.id());
        if state.ended.contains(&id) || !emergency.status().is_live() {
            return;
        }
        state.open(emergency.call()).get_or_insert_with(|| OpenCall {
            is_unanswered: emergency.status() == EmergencyStatus::Active || emergency.search().is_running(),
            wave: emergency.alerts().wave,
            alert_radius: emergency.alert_radius(),
            ..OpenCall::before_alerts(emergency.call(), &self.places)
        });
        if let Some((position, at)) = state.open.get(&id).and_then(|open| open.moved) {
            state.move_place(id, position, at, &self.places);
        }
        for response in emergency.responses() {
            let participation = Participation {
                status: response.status,
                stated_arrival: response.estimated_arrival,
                transport: response.transport,
                responded_at: response.responded_at,
                counts_until: emergency.counts_until(response),
                came_near: response.record.came_near == Some(true),
                is_waited_for: response.is_stalled() || response.record.dispatch.check_until.is_some(),
            };
            state.respond(id, response.helper.person.id, participation, Source::Database);
        }
        for pair in emergency.separated_pairs() {
            state.separate(id, pair);
        }
        for block in state.early_blocks.clone() {
            state.separate_everywhere(block);
        }
    }

    /// Marks the end of the read: every emergency that was open before this node followed the log has been restored.
    pub fn mark_complete(&self) {
        let mut state = self.state.lock();
        state.complete = true;
        (state.ended, state.early_blocks) = (HashSet::new(), Vec::new());
        // Known from a response only, and not among the open ones: it ended before this node followed the log.
        let unknown = state.open.iter().filter(|(_, emergency)| emergency.call.is_none());
        for id in unknown.map(|(id, _)| *id).collect::<Vec<_>>() {
            state.end(id);
        }
    }

    /// Whether [`mark_complete`](Self::mark_complete) was called. Before, participants and emergencies may be missing.
    pub fn is_complete(&self) -> bool {
        self.state.lock().complete
    }
}

/// The source of a participation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Log,
    /// Possibly older than the log.
    Database,
}

impl OpenCall {
    /// An unanswered call before its first wave: no helper is near enough to be alerted.
    fn before_alerts(call: &Call, places: &PlacePolicy) -> Self {
        Self {
            owner: call.owner.id,
            anonymous: call.details.anonymous,
            position: call.details.location.position,
            judged_place: places.judged_place(&call.details),
            followed: call.movement.followed,
            moved_at: call.movement.moved_at,
            raised_at: call.created_at,
            is_unanswered: true,
            wave: 0,
            alert_radius: Metres::new(0.0),
            settled: HashSet::new(),
            declined: HashSet::new(),
            looked_at: None,
        }
    }

    fn alerted(&mut self, status: EmergencyStatus, wave: u16, radius: Metres, recipients: &[Recipient]) {
        // While a helper is on the way, a new wave says that helpers are searched. A single alert may be one that was held back.
        self.is_unanswered |= status == EmergencyStatus::Active || wave > self.wave;
        self.wave = wave;
        self.alert_radius = radius;
        self.settled.extend(recipients.iter().map(|recipient| recipient.helper));
    }
}

impl State {
    /// The entry of this call, whose owner is a participant from now on.
    fn open(&mut self, call: &Call) -> &mut Option<OpenCall> {
        self.add_participant(call.owner.id, call.id);
        &mut self.open.entry(call.id).or_default().call
    }

    fn call_mut(&mut self, id: EmergencyId) -> Option<&mut OpenCall> {
        self.open.get_mut(&id)?.call.as_mut()
    }

    fn settle(&mut self, id: EmergencyId, helper: UserId) {
        if let Some(call) = self.call_mut(id) {
            call.settled.insert(helper);
        }
    }

    /// Lets a user count as not alerted, because the user is available again.
    fn free(&mut self, user: UserId, at: Timestamp) {
        let calls = self.open.values_mut().filter_map(|open| open.call.as_mut());
        let mut oldest = at;
        for call in calls {
            call.settled.remove(&user);
            oldest = oldest.min(call.raised_at);
        }
        self.freed.insert(user, at, oldest);
    }

    fn participation(&self, emergency: EmergencyId, helper: UserId) -> Option<&Participation> {
        self.open.get(&emergency)?.responses.get(&helper)
    }

    fn respond(&mut self, emergency: EmergencyId, helper: UserId, participation: Participation, source: Source) {
        // Once everything is restored, an unknown emergency is one that has ended.
        if self.complete && !self.open.contains_key(&emergency) {
            return;
        }
        match self.open.entry(emergency).or_default().responses.entry(helper) {
            Entry::Occupied(_) if source == Source::Database => return,
            Entry::Occupied(mut known) => drop(known.insert(participation)),
            Entry::Vacant(first) => drop(first.insert(participation)),
        }
        if participation.status == ResponseStatus::Cancelled {
            self.remove_participant(helper, emergency);
        } else {
            self.add_participant(helper, emergency);
        }
    }

    /// Notes that a block separates two helpers of an emergency. No-op for an unknown emergency.
    ///
    /// It stays noted until the emergency has ended or one of them responds anew, even if the block ends before: a block
    /// in the other direction may go on.
    fn separate(&mut self, id: EmergencyId, (a, b): (UserId, UserId)) {
        if let Some(open) = self.open.get_mut(&id) {
            open.separated.insert((a.min(b), a.max(b)));
        }
    }

    /// Notes a new block in the emergencies in which both users respond. That one of them owns is not among these: there a
    /// block cancels the response, or has no effect.
    fn separate_everywhere(&mut self, BlockedPair { by, user }: BlockedPair) {
        for id in self.by_participant.get(&by).cloned().unwrap_or_default() {
            let has_both = |open: &OpenEmergency| [by, user].iter().all(|helper| open.responses.contains_key(helper));
            if self.open.get(&id).is_some_and(has_both) {
                self.separate(id, (by, user));
            }
        }
    }

    fn end(&mut self, id: EmergencyId) {
        if !self.complete {
            self.ended.insert(id);
        }
        let Some(emergency) = self.open.remove(&id) else { return };
        let owner = emergency.call.map(|call| call.owner);
        for user in owner.into_iter().chain(emergency.responses.into_keys()) {
            self.remove_participant(user, id);
        }
    }

    fn add_participant(&mut self, user: UserId, emergency: EmergencyId) {
        let emergencies = self.by_participant.entry(user).or_default();
        if !emergencies.contains(&emergency) {
            emergencies.push(emergency);
        }
    }

    fn remove_participant(&mut self, user: UserId, emergency: EmergencyId) {
        if let Entry::Occupied(mut emergencies) = self.by_participant.entry(user) {
            emergencies.get_mut().retain(|other| *other != emergency);
            if emergencies.get().is_empty() {
                emergencies.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests;
