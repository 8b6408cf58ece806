//! What this node keeps in memory of who waits, who is near and who is on their way.

use std::sync::Arc;

use allynet_domain::port::Fix;
use allynet_projections::Unanswered;
use allynet_realtime::{Motion, Sighted};

use crate::{lookout::Lookout, position_batcher::OnStored, wiring};

/// Those who watch, fed by the log and by the positions that this node stores.
pub(crate) struct Watch {
    /// Who waits for an answer.
    pub(crate) unanswered: Arc<Unanswered>,
    /// Who is near them.
    pub(crate) lookout: Lookout,
    /// Who is on their way.
    pub(crate) motion: Arc<Motion>,
}

impl Watch {
    /// Nothing has been seen yet.
    pub(crate) fn new() -> Self {
        let unanswered = Arc::new(Unanswered::default());
        let lookout = Lookout::new(unanswered.clone(), wiring::clock());
        Self { unanswered, lookout, motion: Arc::new(Motion::new(Arc::default(), wiring::clock())) }
    }

    /// What is to be told of every position that was stored.
    pub(crate) fn moved(&self) -> OnStored {
        let (lookout, motion) = (self.lookout.clone(), self.motion.clone());
        Box::new(move |fix: &Fix| {
            lookout.moved(fix);
            motion.stored(fix);
        })
    }

    /// What is to be told of everybody who came.
    pub(crate) fn sighted(&self) -> Sighted {
        let lookout = self.lookout.clone();
        Arc::new(move |user| lookout.appeared(user))
    }
}
