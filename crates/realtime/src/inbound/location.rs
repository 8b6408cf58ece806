//! Handler of `location:update`.
//!
//! All positions of a connection pass through its coalescer: of those without another event in between, the newest is stored when the limit allows it, and then each
//! is confirmed. So a phone may send at once what it buffered without a network: whatever their number, the positions take
//! one place in the inbox, and events after them are not refused.

use std::{sync::Arc, time::Duration};

use allynet_domain::{
    port::{Clock, Report},
    usecase::helpers::{self, locate, report},
};
use allynet_wire::{
    input::emergencies::Located,
    limits::Limit,
    socket::{Confirmation, Failure},
};

use crate::{
    failure::to_failure,
    inbound::{admission::AdmissionControl, command::EventKind},
    session::{
        coalescer::Put,
        inbox::PushError,
        reply::{DeferredReply, ReplyTo},
        state::Session,
    },
};

/// Delay before a job is pushed again to an inbox that is full.
const FULL_INBOX_RETRY_DELAY: Duration = Duration::from_millis(50);
/// Number of confirmations that are sent without a break.
const CONFIRMATIONS_PER_CHUNK: usize = 64;
/// Break after each chunk, in which the transport writes: there may be more confirmations than its queue holds.
const CONFIRMATION_CHUNK_DELAY: Duration = Duration::from_millis(2);
/// The delay that is suggested to a client that sends more positions at once than are kept.
const TOO_MANY_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Stores the positions of users.
pub(crate) struct LocationHandler {
    pub(crate) helpers: helpers::HelperPorts,
    pub(crate) admission: Arc<AdmissionControl>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl LocationHandler {
    /// Keeps a position until it, or a newer one of the same connection, is stored. Returns at once.
    ///
    /// `is_allowed` says that the limit was asked: otherwise the position waits until the limit allows it.
    pub(crate) fn receive(
        self: &Arc<Self>,
        session: &Arc<Session>,
        reply_to: ReplyTo,
        sent: Located,
        is_allowed: bool,
    ) {
        // The time of arrival, not that of storing: another device of the user may send a newer position meanwhile.
        let identity = (session.identity.user, session.identity.session);
        let report = report(self.clock.now(), identity, sent.position, sent.taken);
        let reply = DeferredReply { reply_to, report };
        match session.pending_positions.put(report, reply, |newer, held| !newer.is_older_than(held)) {
            Put::First if is_allowed && self.push(session).is_ok() => {}
            Put::First => drop(tokio::spawn(Arc::clone(self).store_when_allowed(Arc::clone(session), is_allowed))),
            Put::Joined => {}
            Put::Full(DeferredReply { reply_to, .. }) => {
                session.reply(reply_to, &Err(Failure::rate_limited(TOO_MANY_RETRY_AFTER)));
            }
        }
    }

    async fn store_when_allowed(self: Arc<Self>, session: Arc<Session>, is_allowed: bool) {
        while !is_allowed && let Err(wait) = self.admission.take(&session, Limit::Positions) {
            if session.is_over() {
                return;
            }
            tokio::time::sleep(wait).await;
        }
        while let Err(PushError::Full) = self.push(&session) {
            tokio::time::sleep(FULL_INBOX_RETRY_DELAY).await;
        }
    }

    /// Queues the job that stores the newest position: through the inbox, so that events that arrive after the position
    /// are handled after it.
    fn push(self: &Arc<Self>, session: &Arc<Session>) -> Result<(), PushError> {
        session.inbox.push(Arc::clone(self).store(Arc::clone(session)))?;
        session.pending_positions.schedule();
        Ok(())
    }

    async fn store(self: Arc<Self>, session: Arc<Session>) {
        let Some((newest, replies)) = session.pending_positions.take() else { return };
        let stored = locate(&self.helpers, newest).await;
        let stored = stored.map_err(|error| to_failure(&error, EventKind::UpdateLocation.name()));
        for (index, DeferredReply { reply_to, report }) in replies.into_iter().enumerate() {
            session.reply(reply_to, &confirmation(report, newest, &stored));
            if (index + 1) % CONFIRMATIONS_PER_CHUNK == 0 {
                tokio::time::sleep(CONFIRMATION_CHUNK_DELAY).await;
            }
        }
    }
}

/// What a client is answered for a report, when the `newest` of its connection was stored or not.
fn confirmation(report: Report, newest: Report, stored: &Result<bool, Failure>) -> Result<Confirmation, Failure> {
    let is_stored = *stored.as_ref().map_err(Clone::clone)?;
    Ok(Confirmation::located(report.fix.position, is_stored && report == newest))
}
