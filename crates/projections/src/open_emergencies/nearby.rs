//! Which unanswered emergencies a helper should be alerted to, by position.

use allynet_domain::{
    EmergencyId, Metres, Position, ResponseStatus, Timestamp, UserId,
    grid::{MAX_HELPER_OFFSET, helper_cell},
};

use chrono::TimeDelta;

use super::{OpenCall, OpenEmergencies, OpenEmergency};

/// Metres in a degree of latitude, at least (WGS 84: 110,574 at the equator).
const METRES_PER_DEGREE: f64 = 110_574.0;
/// Minimum time between two looks at helpers near one emergency with decisions by gain, each of which weighs everybody around.
const LOOK_INTERVAL: TimeDelta = TimeDelta::seconds(5);

/// A position that this node stored, with the one before it.
#[derive(Debug, Clone, Copy)]
pub struct PositionChange {
    /// The user who moved.
    pub user: UserId,
    /// The previous position, or `None` if it is unknown or too old.
    pub before: Option<Position>,
    /// The new position.
    pub now: Position,
    /// When the new position was stored. An emergency that was raised later has counted the user there.
    pub stored_at: Timestamp,
}

impl OpenEmergencies {
    /// Whether any emergency is unanswered.
    pub fn any_unanswered(&self) -> bool {
        let state = self.state.lock();
        state.open.values().filter_map(|open| open.call.as_ref()).any(|call| call.is_unanswered)
    }

    /// The unanswered emergencies that a helper at this position should be alerted to, as far as this node knows.
    pub fn unanswered_near(&self, helper: UserId, position: Position) -> Vec<EmergencyId> {
        let (state, reach) = (self.state.lock(), self.gain_radius);
        state.open.iter().filter(|(_, open)| open.needs(helper, position, reach)).map(|(id, _)| *id).collect()
    }

    /// [`Self::unanswered_near`], to look at the helper now. With decisions by gain an emergency is left out for five seconds after
    /// it was named, unless the helper has become available again.
    pub fn take_unanswered_near(&self, helper: UserId, position: Position, now: Timestamp) -> Vec<EmergencyId> {
        let found = self.unanswered_near(helper, position);
        if self.gain_radius.is_none() {
            return found;
        }
        let mut state = self.state.lock();
        let is_free = state.freed.get(helper).is_some();
        let mut take = |id: &EmergencyId| {
            let Some(call) = state.call_mut(*id) else { return false };
            let is_taken = is_free || call.may_be_looked_at(now);
            if is_taken {
                call.looked_at = Some(now);
            }
            is_taken
        };
        found.into_iter().filter(|id| take(id)).collect()
    }

    /// Whether a change of position brings a helper near an emergency: it needs them where they are now, and did not
    /// where they were before.
    ///
    /// A helper who was there when the emergency was raised was counted by its waves, and alerted by them or passed over
    /// because others are nearer. A decision by gain depends on where they are, so each position within reach counts, but not within
    /// five seconds after one was looked at.
    pub fn is_approached(&self, change: &PositionChange) -> bool {
        let PositionChange { user, before, now, stored_at } = *change;
        let reach = self.gain_radius;
        self.state.lock().open.values().any(|open| {
            let Some(call) = open.call.as_ref().filter(|call| call.raised_at <= stored_at) else { return false };
            let was_needed = || match reach {
                Some(_) => !call.may_be_looked_at(stored_at),
                None => before.is_some_and(|before| open.needs(user, before, None)),
            };
            open.needs(user, now, reach) && !was_needed()
        })
    }

    /// When this user became available again last, after having been engaged elsewhere: an alert from before does not count.
    /// `None` if that is not known to this node, or so long ago that no open emergency is older.
    pub fn freed_at(&self, user: UserId) -> Option<Timestamp> {
        self.state.lock().freed.get(user)
    }

    /// Records that this helper need not be checked again for this emergency. No-op if it has ended.
    pub fn settle(&self, emergency: EmergencyId, helper: UserId) {
        self.state.lock().settle(emergency, helper);
    }
}

impl OpenCall {
    fn may_be_looked_at(&self, now: Timestamp) -> bool {
        self.looked_at.is_none_or(|at| now.signed_duration_since(at).abs() >= LOOK_INTERVAL)
    }
}

impl OpenEmergency {
    /// Whether a helper at this position should be alerted. `gain_radius` is as in [`OpenEmergencies`].
    fn needs(&self, helper: UserId, position: Position, gain_radius: Option<Metres>) -> bool {
        let Some(call) = self.call.as_ref().filter(|call| call.is_unanswered) else { return false };
        // The cheap bound first: cell and geodesic are computed only for users that are not too far north or south.
        let north = (call.judged_place.latitude() - position.latitude()).abs() * METRES_PER_DEGREE;
        let reach = gain_radius.map_or(call.alert_radius.get(), |radius| radius.get().max(call.alert_radius.get()));
        north <= reach + MAX_HELPER_OFFSET
            && helper != call.owner
            && !call.settled.contains(&helper)
            && !call.declined.contains(&helper)
            && self.responses.get(&helper).is_none_or(|response| response.status == ResponseStatus::Completed)
            && helper_cell(position).distance_to(call.judged_place).get() <= reach
    }
}
