//! Positions that come faster than they are stored: the newest of them when its time has come, and then everybody who
//! sent one is told so.

use std::{sync::Arc, time::Duration};

use allynet_domain::{Position, port::Fix, usecase::helpers::locate_at};
use allynet_wire::{limits::Limit, socket::Confirmation};

use crate::{
    desk::{Desk, explain},
    inbound::admission::take,
    inbound::handlers::Caller,
    session::ack::Ack,
    session::device::Session,
    session::inbox::Refused,
};

/// How long to wait before a full inbox is asked again.
const PAUSE: Duration = Duration::from_millis(50);

/// A position that was sent and is not confirmed yet.
pub(crate) struct Unconfirmed {
    pub(crate) caller: Caller,
    pub(crate) ack: Ack,
    pub(crate) position: Position,
}

/// Keeps a position until it, or a newer one of this connection, may be stored.
pub(crate) fn put_off(desk: &Arc<Desk>, session: &Arc<Session>, unconfirmed: Unconfirmed) {
    // Of when it was sent: what another device of the user says meanwhile is newer.
    let (user, at) = (session.identity.user, desk.ports.clock.now());
    let fix = Fix { user, position: unconfirmed.position, at };
    if session.put_off.put(fix, unconfirmed) {
        tokio::spawn(store_when_due(Arc::clone(desk), Arc::clone(session)));
    }
}

async fn store_when_due(desk: Arc<Desk>, session: Arc<Session>) {
    while let Err(wait) = take(&desk, &session, Limit::Positions) {
        if session.is_over() {
            return;
        }
        tokio::time::sleep(wait).await;
    }
    // Through the inbox, so that what comes after it is handled after it.
    while let Err(Refused::Full) = session.inbox.push(store(Arc::clone(&desk), Arc::clone(&session))) {
        tokio::time::sleep(PAUSE).await;
    }
}

async fn store(desk: Arc<Desk>, session: Arc<Session>) {
    let Some((newest, unconfirmed)) = session.put_off.take() else { return };
    let stored = locate_at(&desk.ports.helpers, newest).await.map_err(|error| explain(&error, "location:update"));
    for Unconfirmed { caller, ack, position } in unconfirmed {
        caller.answer(&session, ack, &stored.clone().map(|()| Confirmation::located(position)));
        // There may be more of them than the queue of the transport holds.
        tokio::task::yield_now().await;
    }
}
