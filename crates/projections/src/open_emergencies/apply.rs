//! What each event of the log changes in the projection of open emergencies.

use allynet_domain::{
    BlockedPair, Call, EmergencyId, EmergencyStatus, Event, LoggedEvent, PlacePolicy, ResponseStatus, Timestamp,
    UserId, dispatch::Transport,
};

use super::{OpenCall, OpenEmergencies, Participation, Source, State};

impl OpenEmergencies {
    /// Applies the next event of the log. Events MUST come in the order of the log.
    pub fn apply(&self, event: &LoggedEvent) {
        let mut state = self.state.lock();
        state.free_users_of(event);
        match (&event.event, event.emergency) {
            (Event::UserBlocked(block), _) => state.block(*block),
            (of_emergency, Some(id)) => state.apply(of_emergency, id, &self.places),
            (_, None) => {}
        }
    }
}

impl State {
    /// Applies an event of an emergency.
    fn apply(&mut self, event: &Event, id: EmergencyId, places: &PlacePolicy) {
        match event {
            Event::EmergencyCreated { call, .. } => *self.open(call) = Some(OpenCall::before_alerts(call, places)),
            Event::HelpersAlerted { call, status, wave, radius, recipients, decision: _ } => {
                // A wave says all that is needed of an emergency that is not restored yet: one that is unanswered again, or
                // in a larger radius, is alerted again. So the older read is not taken over after it.
                self.known(call, places).alerted(*status, *wave, *radius, recipients);
            }
            Event::AlertDeclined { helper } => {
                if let Some(call) = self.call_mut(id) {
                    call.declined.insert(*helper);
                }
            }
            Event::HelperJoined { helper, joined_at, estimated_arrival, transport, separated_from } => {
                let participation = Participation {
                    status: ResponseStatus::Responding,
                    stated_arrival: *estimated_arrival,
                    transport: *transport,
                    responded_at: *joined_at,
                    counts_until: None,
                    came_near: false,
                    is_waited_for: false,
                };
                self.join(id, helper.person.id, participation, separated_from);
            }
            Event::ResponseChecked { helper, .. } => {
                let open = self.open.get_mut(&id);
                if let Some(response) = open.and_then(|open| open.responses.get_mut(helper)) {
                    response.is_waited_for = true;
                }
            }
            Event::HelperStatusUpdated {
                helper, status, estimated_arrival, updated_at, counts_until, stalled, ..
            } => {
                let known = self.participation(id, *helper);
                let responded_at = known.map_or(*updated_at, |known| known.responded_at);
                let came_near = known.is_some_and(|known| known.came_near);
                let transport = known.map_or_else(Transport::default, |known| known.transport);
                let participation = Participation {
                    status: *status,
                    stated_arrival: *estimated_arrival,
                    transport,
                    responded_at,
                    counts_until: *counts_until,
                    came_near,
                    is_waited_for: *stalled,
                };
                self.respond(id, *helper, participation, Source::Log);
            }
            Event::StatusChanged { status, .. } => self.set_unanswered(id, *status == EmergencyStatus::Active),
            Event::EmergencyEnded { .. } => self.end(id),
            Event::AlertsRenewed => {
                self.set_unanswered(id, true);
                let responses = self.open.get_mut(&id).into_iter().flat_map(|open| open.responses.values_mut());
                responses.for_each(|response| response.counts_until = None);
            }
            Event::EmergencyMoved { position, at, .. } => self.move_place(id, *position, *at, places),
            Event::EmergencyReopened { call, at, alerted, participants, separated, .. } => {
                // The alerts of the renewed search follow.
                self.ended.remove(&id);
                let open = self.known(call, places);
                open.is_unanswered = true;
                open.settled.extend(alerted);
                self.restore_completed(call, participants, *at);
                for &pair in separated {
                    self.separate(id, pair);
                }
            }
            Event::AlertAcknowledged { .. }
            | Event::AlertSeen { .. }
            | Event::AlertsSent { .. }
            | Event::ContactNotified { .. }
            | Event::DetailsDisclosed { .. }
            | Event::RoleAssigned { .. }
            | Event::HelperStoodDown { .. }
            | Event::EmergencyAnnounced { .. }
            | Event::Unanswered { .. }
            | Event::EmergencyResolved { .. }
            | Event::EmergencyCancelled { .. }
            | Event::EmergencyUpdated { .. }
            | Event::EmergencyDeleted
            | Event::MessagePosted { .. }
            | Event::MessageDeleted { .. }
            | Event::HelperRightsChanged { .. }
            | Event::SessionsRevoked { .. }
            | Event::DeviceLost(_)
            | Event::AccountBlocked { .. }
            | Event::UserBlocked(_)
            | Event::UserUnblocked(_)
            | Event::EmergencyHidden { .. } => {}
        }
    }

    /// The entry of this call, added as one before its first wave if it is not known.
    fn known(&mut self, call: &Call, places: &PlacePolicy) -> &mut OpenCall {
        self.open(call).get_or_insert_with(|| OpenCall::before_alerts(call, places))
    }

    fn set_unanswered(&mut self, id: EmergencyId, is_unanswered: bool) {
        if let Some(call) = self.call_mut(id) {
            call.is_unanswered = is_unanswered;
        }
    }

    fn block(&mut self, block: BlockedPair) {
        if !self.complete {
            self.early_blocks.push(block);
        }
        self.separate_everywhere(block);
    }

    fn join(&mut self, id: EmergencyId, helper: UserId, participation: Participation, separated_from: &[UserId]) {
        self.respond(id, helper, participation, Source::Log);
        // All of them are known at this moment. Blocks from before a response that was cancelled may be over.
        if let Some(open) = self.open.get_mut(&id) {
            open.separated.retain(|(a, b)| *a != helper && *b != helper);
        }
        for &other in separated_from {
            self.separate(id, (helper, other));
        }
        // The status stays the same where helpers are searched although another one is on the way.
        self.set_unanswered(id, false);
    }

    /// Restores the participation of helpers in an emergency that was reopened: the end removed all of them from the
    /// projection. The log has an event for each response that came back, and none for a completed one.
    fn restore_completed(&mut self, call: &Call, participants: &[UserId], at: Timestamp) {
        let completed = Participation {
            status: ResponseStatus::Completed,
            stated_arrival: None,
            transport: Transport::default(),
            responded_at: at,
            counts_until: None,
            came_near: false,
            is_waited_for: false,
        };
        for &helper in participants.iter().filter(|user| **user != call.owner.id) {
            self.respond(call.id, helper, completed, Source::Log);
        }
    }

    /// Frees the users that may be available again from this event on. It MUST NOT have been applied yet.
    fn free_users_of(&mut self, event: &LoggedEvent) {
        for &user in event.event.freed_users() {
            // A helper who had completed has been available since then, and may have been alerted elsewhere.
            let known = event.emergency.and_then(|id| self.participation(id, user));
            if known.is_none_or(|participation| participation.status.is_engaged()) {
                self.free(user, event.at);
            }
        }
    }
}
