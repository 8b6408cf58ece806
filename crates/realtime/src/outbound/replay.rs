//! What a client missed: found in memory or in the database, told in order and no faster than it reads, before what
//! happens now.
//!
//! Runs beside the dispatcher. What happens meanwhile is held back by the hub for this one connection, so that nothing
//! is missed, told twice or out of order, and nobody else waits. Who is entitled to what is asked of the domain.

use std::{sync::Arc, time::Duration};

use allynet_domain::{EmergencyId, Event, EventId, Room, Viewer, port::Result};
use allynet_projections::{MembershipHistory, Replay};
use allynet_wire::socket::{ResyncReason, SessionResync};
use futures_util::stream::FuturesUnordered;

use crate::{
    desk::Desk,
    hub::log_entry::Told,
    hub::state::{Released, Since, Standing},
    outbound::dispatcher::expect_answer,
    session::device::{Device, Refused},
};

/// The most events that are told one by one.
const MOST: usize = 1000;
/// After so many events the others get their turn, and the transport time to write.
const CHUNK: usize = 64;
/// How long that is.
const BREATH: Duration = Duration::from_millis(2);
/// How long to wait before a client that did not take an event is asked again.
const PAUSE: Duration = Duration::from_millis(20);
/// How long a client may take none.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many events of a timeline are read at once.
const PAGE: u32 = 500;

/// How long a client that is ahead of this node waits for it: as long as a lost notification costs, and a little.
const BEHIND: Duration = Duration::from_secs(2);

type Deliveries = Vec<(Arc<Told>, Viewer)>;

/// What there is to be told.
enum Missed {
    /// This, in order, and where the client was when all that happened.
    Events(Deliveries, MembershipHistory),
    /// It has to read the state again.
    Resync(ResyncReason),
}

/// A client may come from a node that is ahead of this one: gives this one the time to see what the client has.
pub(crate) async fn wait_for(desk: &Desk, last: EventId) {
    tokio::time::timeout(BEHIND, desk.hub.settled(last)).await.ok();
}

/// Tells a connection that was attached at `place`, in these rooms, what it missed since `last`; then it goes on live.
pub(crate) async fn session(desk: &Desk, device: &Device, last: EventId, place: EventId, rooms: Vec<Room>) {
    match missed(desk, device, last, place, rooms).await {
        Ok(missed) => tell(desk, device, missed, place).await,
        // Nothing was told: it comes back and asks again.
        Err(error) => drop_device(desk, device, &error),
    }
}

/// Tells a connection that joined the room of an emergency what it missed there; then it goes on live.
pub(crate) async fn room(desk: &Desk, device: &Device, since: Since, standing: &Standing) {
    // What was being sent when it joined comes before what is told now.
    desk.hub.settled(standing.place).await;
    match missed_in_room(desk, since, standing).await {
        Ok(missed) => tell(desk, device, missed, standing.place).await,
        Err(error) => drop_device(desk, device, &error),
    }
}

fn drop_device(desk: &Desk, device: &Device, error: &allynet_domain::port::Error) {
    tracing::error!(error = error as &dyn std::error::Error, "what a client missed cannot be read");
    desk.hub.remove(device.session.id);
    device.cut();
}

async fn missed(desk: &Desk, device: &Device, last: EventId, place: EventId, rooms: Vec<Room>) -> Result<Missed> {
    if last > place {
        return Ok(Missed::Resync(ResyncReason::UnknownEvent));
    }
    let mut replay = Replay::new(device.session.identity.user, rooms);
    let mut heard = Deliveries::new();
    // Newest first. Tells whether it is too much.
    let mut go_back = |events: &[Arc<Told>]| {
        for event in events.iter().rev() {
            let viewer = replay.step_back(&event.logged, &event.deliveries, &event.movements);
            heard.extend(viewer.map(|viewer| (Arc::clone(event), viewer)));
        }
        heard.len() > MOST
    };
    let (mut reached, newest) = desk.hub.newest(last, place);
    let mut too_many = go_back(&newest);
    while reached > last && !too_many {
        let page = desk.archive.page(&*desk.ports.log, reached, place).await?;
        if page.complete_since > last {
            return Ok(Missed::Resync(ResyncReason::EventsExpired));
        }
        let begin = page.events.partition_point(|event| event.id() <= last);
        let end = page.events.partition_point(|event| event.id() <= reached);
        too_many = go_back(&page.events[begin..end]);
        reached = page.after;
        tokio::task::yield_now().await;
    }
    if too_many {
        return Ok(Missed::Resync(ResyncReason::TooManyEvents));
    }
    heard.reverse();
    Ok(Missed::Events(heard, replay.into_history(last)))
}

async fn missed_in_room(desk: &Desk, since: Since, standing: &Standing) -> Result<Missed> {
    let Since { event: last, of } = since;
    let Standing { place, history } = standing;
    if last > *place {
        return Ok(Missed::Resync(ResyncReason::UnknownEvent));
    }
    if !history.is_known_since(last) {
        return Ok(Missed::Resync(ResyncReason::TooManyEvents));
    }
    let room = Room::Emergency(of);
    let is_missed = |event: &Told| {
        let mut deliveries = event.deliveries.iter().filter(|delivery| delivery.audience.to.contains(&room));
        event.id() <= *place && deliveries.any(|delivery| !history.hears(&delivery.audience, event.id()))
    };
    let mut heard = Deliveries::new();
    let (reached, newest) = desk.hub.newest(last, *place);
    if reached == last {
        heard.extend(newest.into_iter().filter(|event| is_missed(event)).map(|event| (event, Viewer::Anyone)));
    } else {
        let mut after = last;
        loop {
            let page = desk.ports.log.events_of(of, after, PAGE).await?;
            let Some(end) = page.last().map(|event| event.id) else { break };
            let page = page.into_iter().map(Told::new).filter(|event| is_missed(event));
            heard.extend(page.map(|event| (event, Viewer::Anyone)));
            after = end;
            if after >= *place || heard.len() > MOST {
                break;
            }
        }
        if is_cut_short(desk, of, last).await? {
            return Ok(Missed::Resync(ResyncReason::EventsExpired));
        }
    }
    if heard.len() > MOST {
        return Ok(Missed::Resync(ResyncReason::TooManyEvents));
    }
    Ok(Missed::Events(heard, MembershipHistory::since([room], last)))
}

/// Whether events of an emergency that a client has missed are no longer there: they go all or none.
async fn is_cut_short(desk: &Desk, of: EmergencyId, last: EventId) -> Result<bool> {
    if desk.ports.log.complete_since().await? <= last {
        return Ok(false);
    }
    let first = desk.ports.log.events_of(of, EventId::START, 1).await?;
    Ok(!first.first().is_some_and(|first| matches!(first.event, Event::EmergencyCreated { .. })))
}

async fn tell(desk: &Desk, device: &Device, missed: Missed, place: EventId) {
    let told = match missed {
        Missed::Resync(reason) => {
            let resync = SessionResync::new(reason, place);
            paced(|| device.tell("session:resync", &resync)).await
        }
        Missed::Events(events, history) => {
            desk.hub.was_told(device.session.id, &history, place);
            each(desk, device, &events).await
        }
    };
    if told.is_err() || go_live(desk, device).await.is_err() {
        desk.hub.remove(device.session.id);
        device.cut_slow();
    }
}

/// What was held back, and from then on everything as it happens.
async fn go_live(desk: &Desk, device: &Device) -> std::result::Result<(), Refused> {
    let released = async {
        loop {
            let send = |device: &Device, event: &Arc<Told>, viewer| deliver(desk, device, event, viewer).is_ok();
            match desk.hub.release(device.session.id, send) {
                Released::Yes => return Ok(()),
                Released::Lost => return Err(Refused),
                Released::First(events) => each(desk, device, &events).await?,
                Released::Busy => tokio::time::sleep(PAUSE).await,
            }
        }
    };
    released.await
}

async fn each(desk: &Desk, device: &Device, events: &Deliveries) -> std::result::Result<(), Refused> {
    for chunk in events.chunks(CHUNK) {
        for (event, viewer) in chunk {
            if device.session.is_over() {
                return Err(Refused);
            }
            paced(|| deliver(desk, device, event, *viewer)).await?;
        }
        tokio::time::sleep(BREATH).await;
    }
    Ok(())
}

/// Sends, again and again while the client does not take it, but not for ever.
async fn paced(mut send: impl FnMut() -> std::result::Result<(), Refused>) -> std::result::Result<(), Refused> {
    let delivered = async {
        while send().is_err() {
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(PATIENCE, delivered).await.map_err(|_| Refused)
}

fn deliver(desk: &Desk, device: &Device, event: &Told, viewer: Viewer) -> std::result::Result<(), Refused> {
    let Some(written) = event.written(viewer) else { return Ok(()) };
    let delivered = device.deliver(&written)?;
    desk.measures.replayed();
    if let (Some(answer), Viewer::User(helper)) = (delivered, viewer) {
        expect_answer(desk, &event.logged, helper, FuturesUnordered::from_iter([answer]));
    }
    Ok(())
}
