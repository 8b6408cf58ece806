//! The projections of this node, and the callbacks by which stored positions and arriving users reach them.

use std::sync::Arc;

use allynet_domain::{port::Report, usecase::Rules};
use allynet_projections::OpenEmergencies;
use allynet_realtime::{OnAppeared, OwnerTracking, Tracking};

use crate::{
    arrival_recorder::ArrivalRecorder, nearby_watcher::NearbyWatcher, position_batcher::OnStored,
    sign_recorder::SignRecorder, wiring,
};

/// The projections of this node, and the parts that act on them.
pub(crate) struct Projections {
    /// Emergencies that have not ended.
    pub(crate) open: Arc<OpenEmergencies>,
    /// Alerts helpers who come near an open emergency.
    pub(crate) watcher: NearbyWatcher,
    /// Records helpers who are near the emergency that they respond to.
    pub(crate) arrivals: ArrivalRecorder,
    /// Records that helpers who respond are moving.
    pub(crate) signs: SignRecorder,
    /// Positions of helpers on their way.
    pub(crate) tracking: Arc<Tracking>,
    /// Positions of owners whose emergency follows them.
    pub(crate) owners: Arc<OwnerTracking>,
}

impl Projections {
    /// Empty projections, to be restored once the log is followed.
    pub(crate) fn new(rules: &Rules) -> Self {
        let gain_radius = rules.gain.as_ref().map(|_| rules.alerts.largest());
        let open = Arc::new(OpenEmergencies::new(rules.places, gain_radius));
        let watcher = NearbyWatcher::new(open.clone(), wiring::clock());
        let tracking = Arc::new(Tracking::new(open.clone(), wiring::clock(), rules.travel));
        let arrivals = ArrivalRecorder::new(open.clone());
        let signs = SignRecorder::new(open.clone(), rules.stalls);
        let owners = Arc::new(OwnerTracking::new(open.clone(), wiring::clock(), rules.move_interval));
        Self { open, watcher, arrivals, signs, tracking, owners }
    }

    /// The callback for every position that this node has stored. It returns at once.
    pub(crate) fn on_position_stored(&self) -> OnStored {
        let (watcher, arrivals, signs) = (self.watcher.clone(), self.arrivals.clone(), self.signs.clone());
        let tracking = self.tracking.clone();
        let owners = self.owners.clone();
        Box::new(move |report: &Report| {
            let fix = &report.fix;
            watcher.position_stored(fix);
            arrivals.position_stored(fix);
            signs.position_stored(fix);
            tracking.position_stored(fix);
            owners.position_stored(report);
        })
    }

    /// The callback for every user who connects, goes on duty, or is available again. It returns at once.
    pub(crate) fn on_user_arrived(&self) -> OnAppeared {
        let watcher = self.watcher.clone();
        Arc::new(move |user| watcher.user_arrived(user))
    }
}
