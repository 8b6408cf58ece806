//! The rules that the operator of a service sets.

use chrono::TimeDelta;

use crate::{
    AlertPolicy, CompletionHold, HelperPolicy, PlacePolicy, StallTiming, Timestamp,
    dispatch::{GainPolicy, TravelModel},
    port::OnDuty,
};

/// The rules that the operator of a service sets.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Which accounts may help.
    pub helpers: HelperPolicy,
    /// Which helpers are alerted, and when.
    pub alerts: AlertPolicy,
    /// Chooses the helpers by what an alert is worth. Waves do, if it is `None`.
    pub gain: Option<GainPolicy>,
    /// When helpers arrive, and in which zone hours of opening are.
    pub travel: TravelModel,
    /// When it is checked whether helpers still come.
    pub stalls: StallTiming,
    /// What helpers are shown of an emergency before they accept it.
    pub places: PlacePolicy,
    /// Maximum age of a position; older ones do not count.
    pub position_ttl: TimeDelta,
    /// Maximum age of a live emergency; older ones expire.
    pub emergency_ttl: TimeDelta,
    /// How long a completed response of a helper that was at the place counts as help.
    pub completed_hold: TimeDelta,
    /// Time after a helper's cancellation before they may accept the same emergency again, from the third one on.
    pub reaccept_pause: TimeDelta,
    /// Time between two requests of an owner for more help.
    pub renew_again_after: TimeDelta,
    /// Time after an end by a helper in which it can be undone.
    pub reopen_within: TimeDelta,
    /// The least time between two moves of a place that follows its owner.
    pub move_interval: TimeDelta,
    /// How long a message to a user without a connection is worth sending.
    pub alert_ttl: TimeDelta,
    /// Time after which a helper gains trust and ratings from the same owner again.
    pub trust_again_after: TimeDelta,
    /// Minimum time for which a block between users has its effects, even if it is removed before.
    pub unblock_after: TimeDelta,
    /// Whether emergency contacts are told of emergencies, for which the service needs email.
    pub tells_contacts: bool,
}

impl Rules {
    /// Earliest time of a position that counts at `now`.
    pub fn fresh_since(&self, now: Timestamp) -> Timestamp {
        now.checked_sub_signed(self.position_ttl).unwrap_or(Timestamp::MIN_UTC)
    }

    /// Which helpers count at `now`.
    pub fn on_duty(&self, now: Timestamp) -> OnDuty {
        OnDuty { policy: self.helpers, fresh_since: self.fresh_since(now), now }
    }

    /// The earliest time at which the effects of a block made at `now` end.
    pub fn block_ends_after(&self, now: Timestamp) -> Timestamp {
        now.checked_add_signed(self.unblock_after).unwrap_or(Timestamp::MAX_UTC)
    }

    /// How long completed responses count as help.
    pub const fn completion_hold(&self) -> CompletionHold {
        CompletionHold { near: self.completed_hold, far: self.alerts.timing.interval }
    }

    /// Trust and ratings that a pair of owner and helper gained after this time exclude more at `now`.
    pub fn reputation_counted_since(&self, now: Timestamp) -> Timestamp {
        now.checked_sub_signed(self.trust_again_after).unwrap_or(Timestamp::MIN_UTC)
    }

    /// Live emergencies that were raised before this time expire at `now`.
    pub fn expired_before(&self, now: Timestamp) -> Timestamp {
        now.checked_sub_signed(self.emergency_ttl).unwrap_or(Timestamp::MIN_UTC)
    }
}

impl Default for Rules {
    /// Verified helpers, the default alert policy, positions of the last 24 hours, and 24 hours for an emergency.
    fn default() -> Self {
        Self {
            helpers: HelperPolicy::Verified,
            alerts: AlertPolicy::default(),
            gain: None,
            travel: TravelModel::default(),
            stalls: StallTiming::default(),
            places: PlacePolicy::default(),
            position_ttl: TimeDelta::hours(24),
            emergency_ttl: TimeDelta::hours(24),
            completed_hold: TimeDelta::minutes(10),
            reaccept_pause: TimeDelta::seconds(60),
            renew_again_after: TimeDelta::seconds(30),
            reopen_within: TimeDelta::minutes(15),
            move_interval: TimeDelta::seconds(60),
            alert_ttl: TimeDelta::minutes(15),
            trust_again_after: TimeDelta::days(30),
            unblock_after: TimeDelta::hours(24),
            tells_contacts: false,
        }
    }
}
