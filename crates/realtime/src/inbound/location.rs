//! Handler of `location:update`.
//!
//! Positions that arrive faster than the limit are coalesced: the newest is stored when the limit allows it, and then
//! each of them is confirmed.

use std::{sync::Arc, time::Duration};

use allynet_domain::{
    Position,
    port::{Clock, Fix},
    usecase::helpers::{self, locate, locate_at},
};
use allynet_wire::{
    limits::Limit,
    socket::{Confirmation, Failure},
};

use crate::{
    failure::to_failure,
    inbound::{
        admission::AdmissionControl,
        command::{Completed, EventKind},
    },
    session::{inbox::PushError, reply::DeferredReply, state::Session},
};

/// Delay before a job is pushed again to an inbox that is full.
const FULL_INBOX_RETRY_DELAY: Duration = Duration::from_millis(50);

/// Stores the positions of users.
pub(crate) struct LocationHandler {
    pub(crate) helpers: helpers::HelperPorts,
    pub(crate) admission: Arc<AdmissionControl>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl LocationHandler {
    /// Stores a position.
    pub(crate) async fn update(&self, session: &Session, position: Position) -> Result<Completed, Failure> {
        let stored = locate(&self.helpers, session.identity.user, position).await;
        stored.map_err(|error| to_failure(&error, EventKind::UpdateLocation.name()))?;
        Ok(Confirmation::located(position).into())
    }

    /// Keeps a position until it, or a newer one of the same connection, is stored. Returns at once.
    pub(crate) fn defer(self: &Arc<Self>, session: &Arc<Session>, reply: DeferredReply) {
        // The time of arrival, not that of storing: another device of the user may send a newer position meanwhile.
        let fix = Fix { user: session.identity.user, position: reply.position, at: self.clock.now() };
        if session.deferred_position.put(fix, reply) {
            tokio::spawn(Arc::clone(self).store_when_allowed(Arc::clone(session)));
        }
    }

    async fn store_when_allowed(self: Arc<Self>, session: Arc<Session>) {
        while let Err(wait) = self.admission.take(&session, Limit::Positions) {
            if session.is_over() {
                return;
            }
            tokio::time::sleep(wait).await;
        }
        // Through the inbox, so that events that arrive after it are handled after it.
        while let Err(PushError::Full) = session.inbox.push(Arc::clone(&self).store(Arc::clone(&session))) {
            tokio::time::sleep(FULL_INBOX_RETRY_DELAY).await;
        }
    }

    async fn store(self: Arc<Self>, session: Arc<Session>) {
        let Some((newest, replies)) = session.deferred_position.take() else { return };
        let stored = locate_at(&self.helpers, newest).await;
        let stored = stored.map_err(|error| to_failure(&error, EventKind::UpdateLocation.name()));
        for DeferredReply { reply_to, position } in replies {
            session.reply(reply_to, &stored.clone().map(|()| Confirmation::located(position)));
            // Lets the transport write: there may be more replies than its queue holds.
            tokio::task::yield_now().await;
        }
    }
}
