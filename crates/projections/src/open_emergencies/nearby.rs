//! Which unanswered emergencies a helper should be alerted to, by position.

use allynet_domain::{
    EmergencyId, Position, ResponseStatus, Timestamp, UserId,
    grid::{MAX_HELPER_OFFSET, helper_cell},
};

use super::{OpenEmergencies, OpenEmergency};

/// Metres in a degree of latitude, at least (WGS 84: 110,574 at the equator).
const METRES_PER_DEGREE: f64 = 110_574.0;

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
        let state = self.state.lock();
        state.open.iter().filter(|(_, open)| open.needs(helper, position)).map(|(id, _)| *id).collect()
    }

    /// Whether a change of position brings a helper near an emergency: it needs them where they are now, and did not
    /// where they were before.
    ///
    /// A helper who was there when the emergency was raised was counted by its waves, and alerted by them or passed over
    /// because others are nearer.
    pub fn is_approached(&self, change: &PositionChange) -> bool {
        let PositionChange { user, before, now, stored_at } = *change;
        let is_older = |open: &OpenEmergency| open.call.as_ref().is_some_and(|call| call.raised_at <= stored_at);
        self.state.lock().open.values().any(|open| {
            is_older(open) && open.needs(user, now) && !before.is_some_and(|before| open.needs(user, before))
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

impl OpenEmergency {
    /// Whether a helper at this position should be alerted.
    fn needs(&self, helper: UserId, position: Position) -> bool {
        let Some(call) = self.call.as_ref().filter(|call| call.is_unanswered) else { return false };
        // The cheap bound first: cell and geodesic are computed only for users that are not too far north or south.
        let north = (call.judged_place.latitude() - position.latitude()).abs() * METRES_PER_DEGREE;
        north <= call.alert_radius.get() + MAX_HELPER_OFFSET
            && helper != call.owner
            && !call.settled.contains(&helper)
            && !call.declined.contains(&helper)
            && self.responses.get(&helper).is_none_or(|response| response.status == ResponseStatus::Completed)
            && helper_cell(position).distance_to(call.judged_place) <= call.alert_radius
    }
}
