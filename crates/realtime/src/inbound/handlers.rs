//! What clients send: each event is read, handled in the order in which it came, and answered, whatever it was.
//!
//! Rights are looked up when an event is handled, never remembered from the handshake.

use std::{borrow::Cow, future::ready, sync::Arc, time::Duration};

use allynet_domain::{
    EmergencyId, Error, Room,
    usecase::{accounts::recall, helpers::locate, rooms},
};
use allynet_wire::{
    input,
    socket::{Acknowledgement, Confirmation, ErrorEvent, Failure},
};
use serde_json::Value;
use socketioxide::extract::{Event, SocketRef, TryData};

use crate::{
    desk::{Desk, Ports, explain},
    hub::state::{Entry, Joined, Since, Standing},
    inbound::admission::{TooMuch, Verdict, judge, too_much},
    inbound::handshake::met,
    inbound::location::{Unconfirmed, put_off},
    outbound::replay,
    session::ack::Ack,
    session::device::{Device, Session},
    session::inbox::Refused,
};

/// How often joining is decided again because the user's rights changed meanwhile.
const ATTEMPTS: u32 = 8;
/// How many events that are never limited may wait beyond all others.
const VITAL: usize = 1024;
/// How long a client is told to wait while as much waits as may. An event takes some milliseconds.
const FULL: Duration = Duration::from_secs(1);

/// What a client may send.
#[derive(Clone, Copy, Debug)]
enum Request {
    Join,
    Leave,
    Locate,
}

impl Request {
    const ALL: [Self; 3] = [Self::Join, Self::Leave, Self::Locate];

    const fn event(self) -> &'static str {
        match self {
            Self::Join => "emergency:join",
            Self::Leave => "emergency:leave",
            Self::Locate => "location:update",
        }
    }
}

/// Registers everything that is listened to on a socket.
pub(crate) fn listen(socket: &SocketRef, desk: &Arc<Desk>, session: &Arc<Session>) {
    for request in Request::ALL {
        let (desk, session) = (Arc::clone(desk), Arc::clone(session));
        // The body runs in the order of arrival, before the future that it returns is polled. One of the two
        // acknowledgements goes with the work, the other answers if the work cannot be taken.
        let handler = move |socket, TryData(payload): TryData<Value>, ack: Ack, spare: Ack| {
            let caller = Caller { socket, event: Cow::Borrowed(request.event()) };
            let payload = payload.unwrap_or_default();
            let verdict = judge(&desk, &session, request.event(), &payload);
            let (all, worker, owner) = (Arc::clone(&desk), caller.clone(), Arc::clone(&session));
            let work = async move {
                let desk = all;
                let outcome = handle(&desk, &owner, request, &payload).await;
                let (outcome, missed) = outcome.map_or_else(|e| (Err(e), None), |done| (Ok(done.told), done.missed));
                worker.answer(&owner, ack, &outcome);
                if let Some((since, standing)) = missed {
                    let device =
                        Device { socket: worker.socket, session: owner, connections: desk.connections.clone() };
                    replay::room(&desk, &device, since, &standing).await;
                }
            };
            caller.proceed(verdict, &desk, &session, spare, work);
            ready(())
        };
        socket.on(request.event(), handler);
    }
    let (all, listener) = (Arc::clone(desk), Arc::clone(session));
    socket.on_fallback(move |socket: SocketRef, Event(event), ack: Ack, spare: Ack| {
        let verdict = judge(&all, &listener, &event, &Value::Null);
        let caller = Caller { socket, event: Cow::Owned(event) };
        let (worker, owner) = (caller.clone(), Arc::clone(&listener));
        let work = async move { worker.answer(&owner, ack, &Err(Failure::unknown_event())) };
        caller.proceed(verdict, &all, &listener, spare, work);
        ready(())
    });
    let (desk, session) = (Arc::clone(desk), Arc::clone(session));
    socket.on_disconnect(move || {
        session.end();
        desk.hub.remove(session.id);
        ready(())
    });
}

/// The socket that sent an event, and the event's name.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    socket: SocketRef,
    event: Cow<'static, str>,
}

impl Caller {
    /// Does with an event what was decided about it.
    fn proceed(
        self,
        verdict: Verdict,
        desk: &Arc<Desk>,
        session: &Arc<Session>,
        ack: Ack,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        let beyond = match verdict {
            Verdict::Handled => 0,
            Verdict::Vital => VITAL,
            Verdict::PutOff(position) => {
                return put_off(desk, session, Unconfirmed { caller: self, ack, position });
            }
            Verdict::Dropped => return,
            Verdict::Refused(too_much) => return self.refuse(too_much, desk, session, ack),
        };
        match session.inbox.push_beyond(beyond, work) {
            Ok(()) | Err(Refused::Closed) => {}
            Err(Refused::Full) => self.refuse(too_much(desk, session, FULL), desk, session, ack),
        }
    }

    fn refuse(self, TooMuch { wait, closes }: TooMuch, desk: &Desk, session: &Arc<Session>, ack: Ack) {
        let failure = Failure::rate_limited(wait);
        if !closes {
            return self.answer(session, ack, &Err(failure));
        }
        tracing::info!("a client sends too much: cut off");
        desk.hub.remove(session.id);
        let (session, connections) = (Arc::clone(session), desk.connections.clone());
        Device { socket: self.socket, session, connections }.fail_flooding(&failure);
    }

    /// Answers with an event, and with the acknowledgement after it, if one was asked for: who awaits that has seen
    /// the event. Neither is of the log, so a full queue costs the answer and nothing else.
    pub(crate) fn answer(&self, session: &Session, ack: Ack, outcome: &Result<Confirmation, Failure>) {
        let acknowledged = (ack, &Acknowledgement::of(outcome));
        let told = match outcome {
            Ok(confirmation) => session.answer(&self.socket, (confirmation.event(), confirmation), acknowledged),
            Err(failure) => {
                session.answer(&self.socket, ("error", &ErrorEvent::new(failure, Some(&self.event))), acknowledged)
            }
        };
        // A client that does not take it is not told again.
        told.ok();
    }
}

/// What a client is told when its event was done, and what of an emergency it is to be told after that.
struct Done {
    told: Confirmation,
    missed: Option<(Since, Box<Standing>)>,
}

impl From<Confirmation> for Done {
    fn from(told: Confirmation) -> Self {
        Self { told, missed: None }
    }
}

async fn handle(desk: &Desk, session: &Session, request: Request, payload: &Value) -> Result<Done, Failure> {
    let explain = |error: Error| explain(&error, request.event());
    match request {
        Request::Join => {
            let wanted = input::socket::room(payload)?;
            join(desk, session, &wanted).await.map_err(explain)?
        }
        Request::Leave => {
            let wanted = input::socket::room(payload)?;
            let user = session.identity.user;
            let Ports { emergencies, log, .. } = &desk.ports;
            let left = rooms::leave(emergencies, &**log, user, wanted.emergency).await;
            let (id, as_of) = left.map_err(explain)?;
            met(desk, as_of).await.map_err(explain)?;
            desk.hub.leave(session.id, Room::Emergency(id));
            Ok(Confirmation::left(id).into())
        }
        Request::Locate => {
            let position = input::socket::location(payload)?;
            locate(&desk.ports.helpers, session.identity.user, position).await.map_err(explain)?;
            Ok(Confirmation::located(position).into())
        }
    }
}

/// Enters a room, unless the user's rights kept changing or the connection looks on in too many.
async fn join(desk: &Desk, session: &Session, wanted: &input::socket::Room) -> Result<Result<Done, Failure>, Error> {
    let user = session.identity.user;
    if let Some(last) = wanted.last_event_id {
        replay::wait_for(desk, last).await;
    }
    for _ in 0..ATTEMPTS {
        let mark = desk.hub.mark().await;
        let actor = recall(&desk.ports.accounts, session.identity.session, user).await?;
        let Ports { emergencies, log, .. } = &desk.ports;
        let (of, rooms) = rooms::join(emergencies, &**log, &actor, wanted.emergency).await?;
        met(desk, rooms.as_of).await?;
        let entry = Entry { mark, rooms: rooms.rooms };
        if !entry.rooms.contains(&Room::Participants(of)) && looks_on_enough(desk, session, of) {
            return Ok(Err(Failure::too_many_rooms()));
        }
        let since = wanted.last_event_id.map(|event| Since { event, of });
        if let Joined::Yes(standing) = desk.hub.join(session.id, user, &entry, since) {
            let missed = since.map(|since| (since, standing));
            return Ok(Ok(Done { told: Confirmation::joined(of), missed }));
        }
    }
    Ok(Err(Failure::internal()))
}

/// Whether the connection is in as many rooms of emergencies it takes no part in as it may be, this one aside.
fn looks_on_enough(desk: &Desk, session: &Session, next: EmergencyId) -> bool {
    let rooms = desk.hub.rooms(session.id);
    let looks_on = |room: &Room| match room {
        Room::Emergency(of) => *of != next && !rooms.contains(&Room::Participants(*of)),
        Room::Helpers | Room::User(_) | Room::Participants(_) => false,
    };
    rooms.iter().filter(|room| looks_on(room)).count() >= desk.ports.limits.rooms_per_socket()
}

#[cfg(test)]
mod tests {
    use allynet_wire::limits::EVENTS;

    use super::*;

    #[test]
    fn the_table_of_limits_has_every_event_and_no_other() {
        let limited: Vec<_> = EVENTS.iter().map(|rule| rule.event).collect();
        assert_eq!(limited, Request::ALL.map(Request::event));
    }
}
