//! The events that a user missed: their rooms at each missed event, reconstructed from the rooms now by walking the log
//! backwards.
//!
//! The audience of an event, and the rooms that are reconstructed from history, are rules of the domain.

use std::collections::{HashMap, HashSet};

use allynet_domain::{
    BlockedPair, Call, Delivery, EmergencyId, Event, EventId, LoggedEvent, ResponseStatus, Room, RoomChange, Stage,
    Timestamp, UserId, View, Viewer, blocks::is_hidden,
};

use crate::membership::{Membership, MembershipHistory};

/// A walk backwards through the events that one user missed.
#[derive(Debug, Clone)]
pub struct Replay {
    user: UserId,
    administers: bool,
    history: MembershipHistory,
    /// The present stage of the user in an emergency, where it is known: the newest event that decides it comes first. Missed
    /// events are rendered for it, not for the stage at their time.
    stages: HashMap<EmergencyId, Stage>,
    /// Emergencies that were deleted after the event that is looked at.
    deleted: HashSet<EmergencyId>,
    /// Emergencies that a block hid from the user after the event that is looked at.
    hidden: HashSet<EmergencyId>,
    /// Blocks with the user that were made after the event that is looked at, and are in effect now.
    blocks: HashSet<BlockedPair>,
    /// Blocks that ended after the event that is looked at.
    ended_blocks: HashSet<BlockedPair>,
    now: Timestamp,
    /// Emergencies in which a newer event than the one that is looked at decided the user's stage.
    decided: HashSet<EmergencyId>,
    /// Whether the user may help now, if a missed event says so.
    may_help: Option<bool>,
    /// Emergencies of which it is known that the user raised them.
    owned: HashSet<EmergencyId>,
    /// Emergencies in which completed responses ceased to count as help after the event that is looked at.
    renewed: HashSet<EmergencyId>,
}

impl Replay {
    /// Begins a walk at the newest missed event. `rooms` are the user's rooms after it.
    pub fn new(user: UserId, administers: bool, rooms: Vec<Room>, now: Timestamp) -> Self {
        let takes_part = |room: &Room| match room {
            Room::Participants(emergency) => Some((*emergency, Stage::Responder)),
            Room::Helpers | Room::CriticalHelpers | Room::User(_) | Room::Emergency(_) | Room::Dispatchers => None,
        };
        let stages: HashMap<_, _> = rooms.iter().filter_map(takes_part).collect();
        // Asked only of a user who may not help: in a live emergency they take part as its owner only.
        let owned = stages.keys().copied().collect();
        Self {
            user,
            administers,
            history: MembershipHistory::since(rooms, EventId::START),
            stages,
            deleted: HashSet::new(),
            hidden: HashSet::new(),
            blocks: HashSet::new(),
            ended_blocks: HashSet::new(),
            now,
            decided: HashSet::new(),
            may_help: None,
            owned,
            renewed: HashSet::new(),
        }
    }

    /// Steps back over the next older event. Returns the view in which the user is entitled to it, or `None`.
    ///
    /// `deliveries` and `changes` are those of the event itself. The live order is reversed: live, rooms are entered before
    /// an event is delivered and left after it, so backwards a room that was left is there before the question, and one
    /// that was entered is gone after it.
    pub fn step_back(&mut self, event: &LoggedEvent, deliveries: &[Delivery], changes: &[RoomChange]) -> Option<View> {
        self.follow_stage(event);
        if let Some(rooms) = event.rooms_ended_for(self.user) {
            self.was_in(&rooms, event.id);
        }
        for change in changes {
            if let RoomChange::Leave { user, rooms } = change
                && *user == self.user
            {
                self.was_in(rooms, event.id);
            }
        }
        let delivery = deliveries.iter().find(|delivery| self.history.receives(&delivery.audience, event.id));
        let view = delivery.map(|delivery| event.view(delivery.viewer, self.stage_in(event, delivery.viewer)));
        for change in changes {
            if let RoomChange::Enter { user, rooms } = change
                && *user == self.user
            {
                self.entered(rooms, event.id);
            }
        }
        // Its deadline is over: an answer would come too late.
        if matches!(event.event, Event::ResponseChecked { until, .. } if until <= self.now) {
            return None;
        }
        // Asked for every event, since neither a deletion, nor a block, nor a change of rights is delivered to any user.
        let omitted = [self.is_deleted(event), self.is_hidden_by_block(event), self.is_without_rights(event)];
        let is_omitted = omitted.contains(&true);
        // Whatever came after it: a phone that rings since before the missed events stops by no other event.
        let tells_of_end = matches!(event.event, Event::EmergencyEnded { .. } | Event::EmergencyHidden { .. });
        view.filter(|_| tells_of_end || !is_omitted)
    }

    fn follow_stage(&mut self, event: &LoggedEvent) {
        let Some(emergency) = event.emergency else { return };
        if let Some(stage) = event.stage_after(self.user) {
            self.decided.insert(emergency);
            self.stages.entry(emergency).or_insert(stage);
        }
        match &event.event {
            Event::AlertsRenewed | Event::EmergencyReopened { .. } => drop(self.renewed.insert(emergency)),
            // Still in the room of the participants, and a looker-on once the response counts no more as help.
            Event::HelperStatusUpdated { helper, status: ResponseStatus::Completed, counts_until, .. }
                if *helper == self.user && self.decided.insert(emergency) =>
            {
                let counts = counts_until.is_some_and(|until| self.now < until) && !self.renewed.contains(&emergency);
                if !counts {
                    self.stages.insert(emergency, Stage::LookerOn);
                }
            }
            _ => {}
        }
    }

    /// Whether the user has lost the right to help since the event, and so all rights in the emergencies of others: those of
    /// a participant do not outlast it, also where the emergency had ended before.
    fn is_without_rights(&mut self, event: &LoggedEvent) -> bool {
        match (&event.event, event.emergency) {
            (Event::HelperRightsChanged { user, may_help, .. }, _) if *user == self.user => {
                self.may_help.get_or_insert(*may_help);
            }
            // The owner is the first of the participants.
            (Event::EmergencyEnded { participants, .. }, Some(emergency))
                if participants.first() == Some(&self.user) =>
            {
                self.owned.insert(emergency);
            }
            _ => {}
        }
        let is_of_another = event.emergency.is_some_and(|emergency| !self.owned.contains(&emergency));
        self.may_help == Some(false) && is_of_another && !self.administers
    }

    /// Whether a block that is in effect now hides the event, or hid the emergency after it.
    fn is_hidden_by_block(&mut self, event: &LoggedEvent) -> bool {
        match (&event.event, event.emergency) {
            (Event::UserUnblocked(pair), _) => drop(self.ended_blocks.insert(*pair)),
            (Event::UserBlocked(pair), _) => {
                let is_own = pair.other(self.user).is_some();
                if is_own && !self.administers && !self.ended_blocks.contains(pair) {
                    self.blocks.insert(*pair);
                }
            }
            (Event::EmergencyHidden { user, .. }, Some(emergency)) if *user == self.user => {
                self.hidden.insert(emergency);
            }
            // It is delivered to none of these users, and takes them out of rooms that they need not have been in.
            (Event::EmergencyReopened { hidden_from, .. }, Some(emergency)) if hidden_from.contains(&self.user) => {
                self.hidden.insert(emergency);
            }
            (
                Event::EmergencyCreated { call, .. }
                | Event::EmergencyAnnounced { call, .. }
                | Event::HelpersAlerted { call, .. }
                | Event::EmergencyReopened { call, .. }
                | Event::EmergencyUpdated { call, .. },
                _,
            ) if self.is_separated_from_owner(call) => return true,
            _ => {}
        }
        event.emergency.is_some_and(|emergency| self.hidden.contains(&emergency))
    }

    /// Whether a new block hides the emergency of this call: one that ended before it has no event of its own for that.
    fn is_separated_from_owner(&self, call: &Call) -> bool {
        let is_made_by = |by, user| self.blocks.contains(&BlockedPair { by, user });
        let owner = call.owner.id;
        is_hidden(is_made_by(owner, self.user), is_made_by(self.user, owner), call.details.anonymous)
    }

    /// Whether the event belongs to an emergency that is deleted by now.
    fn is_deleted(&mut self, event: &LoggedEvent) -> bool {
        let Some(emergency) = event.emergency else { return false };
        if matches!(event.event, Event::EmergencyDeleted) {
            self.deleted.insert(emergency);
        }
        self.deleted.contains(&emergency)
    }

    fn stage_in(&self, event: &LoggedEvent, viewer: Viewer) -> Stage {
        let decided = event.emergency.and_then(|emergency| self.stages.get(&emergency).copied());
        // Being in the room of the participants decides nothing here, only a later event does.
        let is_undecided = event.emergency.is_some_and(|emergency| !self.decided.contains(&emergency));
        let decided = decided.filter(|_| viewer != Viewer::LookerOn || !is_undecided);
        // As live, an alert is one to a participant, too: only a helper that has completed is alerted again.
        let is_alert = matches!(event.event, Event::HelpersAlerted { .. });
        let applies = |stage: &Stage| !(self.administers || is_alert && stage.is_participant());
        decided.filter(applies).unwrap_or_else(|| event.stage_of(viewer, self.administers, |_| false))
    }

    /// The memberships of the user since the event `after`, which is the last that was not missed.
    pub fn into_history(mut self, after: EventId) -> MembershipHistory {
        for membership in self.history.iter_mut() {
            membership.after = membership.after.max(after);
        }
        self.history
    }

    /// The user was in these rooms up to and with this event.
    fn was_in(&mut self, rooms: &[Room], until: EventId) {
        for &room in rooms.iter().filter(|room| room.is_replayed_from_history()) {
            let is_known = self.history.iter().any(|m| m.room == room && m.covers(until));
            if !is_known {
                // Where it began is found further back; until then, at the beginning of the log.
                self.history.add(Membership { room, after: EventId::START, until: Some(until) });
            }
        }
    }

    /// The user entered these rooms by this event, the first one received there.
    fn entered(&mut self, rooms: &[Room], event: EventId) {
        for membership in self.history.iter_mut().filter(|m| m.covers(event)) {
            if rooms.contains(&membership.room) && membership.room.is_replayed_from_history() {
                membership.after = EventId::new(event.get() - 1);
            }
        }
    }
}

#[cfg(test)]
mod tests;
