//! Compares what every client received with the event log: no event missing, duplicated, misdirected or out of order.
//!
//! The entitlement of a user follows from the domain's audience of each event, and from the rooms as the log moves users
//! between them. In addition the test checks what it knows without the domain: which helpers are near, and that all
//! helpers receive every emergency.

mod pushes;

use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
    time::{Duration, Instant},
};

use allynet_domain::{
    Audience, EmergencyId, Event, EventId, LoggedEvent, ResponseStatus, Room, RoomChange, Timestamp, UserId,
};
use allynet_tests::service::world::World;
use chrono::TimeDelta;
use tokio::time::sleep;

pub(crate) use self::pushes::PushFigures;
use crate::{
    burst::Scene,
    client::{Client, Session},
};

/// The time until all clients are connected again, and then until they have every event, and devices every push.
const RECONNECT_DEADLINE: Duration = Duration::from_mins(1);
const DELIVERY_DEADLINE: Duration = Duration::from_secs(30);
const PUSH_DEADLINE: Duration = Duration::from_mins(1);
/// The time after that in which surplus events are detected.
const SETTLE_TIME: Duration = Duration::from_millis(300);
/// How long before an alert its recipients may have been chosen: the change may have been decided again in a crash.
const CHOICE_AGE: TimeDelta = TimeDelta::seconds(1);
/// The number of faults that are printed.
const MAX_PRINTED_FAULTS: usize = 40;

/// Measurements of a run.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) events: usize,
    pub(crate) deliveries: usize,
    pub(crate) sessions: usize,
    pub(crate) back: Duration,
    pub(crate) caught_up: Duration,
    pub(crate) pushes: PushFigures,
}

/// Waits until all clients are connected and have every event, and checks them. `what` names the case and its seed.
pub(crate) async fn check(scene: &Scene, clients: &[Client], what: &str) -> Figures {
    let begun = Instant::now();
    while !clients.iter().all(Client::is_connected) {
        let away = clients.iter().filter(|client| !client.is_connected());
        let why: Vec<_> = away.map(|client| client.failed().last().cloned()).collect();
        assert!(
            begun.elapsed() < RECONNECT_DEADLINE,
            "{what}: after {RECONNECT_DEADLINE:?} {} clients are not back: {why:?}",
            why.len()
        );
        sleep(Duration::from_millis(5)).await;
    }
    let back = begun.elapsed();
    let begun = Instant::now();
    let deadline = if scene.devices.is_some() { PUSH_DEADLINE } else { DELIVERY_DEADLINE };
    let caught_up = loop {
        let looked = Instant::now();
        let Judgement { missing, .. } = judge(scene, clients).await;
        if missing.is_empty() || begun.elapsed() > deadline {
            break begun.elapsed();
        }
        // Checking takes processor time from the nodes and clients under test.
        sleep(looked.elapsed().max(Duration::from_millis(20))).await;
    };
    sleep(SETTLE_TIME).await;
    let Judgement { mut wrong, missing, figures, log } = judge(scene, clients).await;
    wrong.extend(missing);
    wrong.extend(scene.ledger.compare(&log));
    assert!(wrong.is_empty(), "{what}\n{}", report(&wrong, &log));
    Figures { back, caught_up, ..figures }
}

struct Judgement {
    wrong: Vec<String>,
    missing: Vec<String>,
    figures: Figures,
    log: Vec<LoggedEvent>,
}

async fn judge(scene: &Scene, clients: &[Client]) -> Judgement {
    // Events that arrive after the log was read are checked in the next round.
    let sessions: Vec<_> = clients.iter().map(|client| (client.user, client.sessions())).collect();
    let record = scene.devices.as_ref().map(|devices| devices.record());
    let log = scene.world.log().await;
    let entitled = entitlements(&scene.world, &log, &sessions.iter().map(|(user, _)| *user).collect());
    let by_id: HashMap<i64, &LoggedEvent> = log.iter().map(|event| (event.id.get(), event)).collect();
    let names = scene.world.names();
    let mut wrong = known(&scene.world, &log);
    let (mut missing, mut deliveries) = (Vec::new(), 0);
    for (user, sessions) in &sessions {
        let (name, entitled) = (&names[user], &entitled[user]);
        deliveries += entitled.len();
        let first = sessions.first().map_or(i64::MAX, |session| session.latest);
        let heard: HashSet<i64> = sessions.iter().flat_map(|s| s.heard.iter().map(|heard| heard.event)).collect();
        let due = entitled.iter().filter(|&&event| event > first && !heard.contains(&event));
        missing.extend(due.map(|event| format!("{name} misses event {event}; {}", connections(sessions))));
        for (n, session) in sessions.iter().enumerate() {
            let faults = faults(session, &by_id, entitled);
            wrong.extend(faults.into_iter().map(|fault| format!("{name}, connection {n}: {fault}")));
        }
    }
    let mut pushes = PushFigures::default();
    if let Some(record) = record {
        let judged = pushes::judge(&record, &log, &names);
        wrong.extend(judged.wrong);
        missing.extend(judged.missing);
        pushes = judged.figures;
    }
    let (events, back) = (log.len(), Duration::ZERO);
    let sessions = sessions.iter().map(|(_, sessions)| sessions.len()).sum();
    let figures = Figures { events, deliveries, sessions, back, caught_up: Duration::ZERO, pushes };
    Judgement { wrong, missing, figures, log }
}

/// The faults of one connection.
fn faults(session: &Session, log: &HashMap<i64, &LoggedEvent>, entitled: &HashSet<i64>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut last = session.last.unwrap_or(session.latest);
    if session.resynced {
        faults.push("got session:resync".to_owned());
    }
    for heard in &session.heard {
        let event = heard.event;
        if event <= last {
            faults.push(format!("heard {event} after {last}: twice, or out of order"));
        }
        last = event;
        match log.get(&event) {
            None => faults.push(format!("heard {event}, which is not in the log")),
            Some(_) if !entitled.contains(&event) => faults.push(format!("heard {event}, which is for others")),
            Some(logged) if name(&logged.event) != Some(&heard.name) || logged.emergency != heard.emergency => {
                faults.push(format!("heard {event} as {} of {:?}", heard.name, heard.emergency));
            }
            Some(_) => {}
        }
    }
    faults
}

/// The events that each of these users is entitled to, by walking forward through the log.
fn entitlements(world: &World, log: &[LoggedEvent], users: &HashSet<UserId>) -> HashMap<UserId, HashSet<i64>> {
    let mut rooms = HashMap::<Room, HashSet<UserId>>::new();
    rooms.insert(Room::Helpers, world.helpers.iter().map(|helper| helper.id).collect());
    let mut entitled: HashMap<_, _> = users.iter().map(|user| (*user, HashSet::new())).collect();
    for event in log {
        let movements = event.room_changes();
        for movement in &movements {
            if let RoomChange::Enter { user, rooms: entered } = movement {
                for room in entered {
                    rooms.entry(*room).or_default().insert(*user);
                }
            }
        }
        for delivery in event.deliveries() {
            for user in audience(&delivery.audience, &rooms) {
                if let Some(events) = entitled.get_mut(&user) {
                    events.insert(event.id.get());
                }
            }
        }
        for movement in &movements {
            if let RoomChange::Leave { user, rooms: left } = movement {
                for room in left {
                    rooms.entry(*room).or_default().remove(user);
                }
            }
        }
    }
    entitled
}

fn audience(audience: &Audience, rooms: &HashMap<Room, HashSet<UserId>>) -> HashSet<UserId> {
    let people = |of: &[Room]| -> HashSet<UserId> {
        let each = of.iter().flat_map(|room| match room {
            Room::User(user) => vec![*user],
            room => rooms.get(room).into_iter().flatten().copied().collect(),
        });
        each.collect()
    };
    let (to, except) = (people(&audience.to), people(&audience.except));
    to.difference(&except).copied().collect()
}

/// Helpers that respond to an emergency, who are not alerted to others.
#[derive(Default)]
struct Engagements {
    responding: HashMap<UserId, Option<EmergencyId>>,
    /// When a helper was free again.
    freed: HashMap<UserId, Timestamp>,
}

impl Engagements {
    fn follow(&mut self, event: &LoggedEvent) {
        match &event.event {
            Event::HelperJoined { helper, .. } => {
                self.responding.insert(helper.person.id, event.emergency);
            }
            Event::HelperStatusUpdated {
                helper,
                status: ResponseStatus::Cancelled | ResponseStatus::Completed,
                ..
            } => {
                self.responding.remove(helper);
                self.freed.insert(*helper, event.at);
            }
            Event::EmergencyEnded { at, .. } => {
                let of_it = self.responding.extract_if(|_, emergency| *emergency == event.emergency);
                self.freed.extend(of_it.map(|(helper, _)| (helper, *at)));
            }
            _ => {}
        }
    }

    /// Whether a helper was engaged when the recipients of an alert at this time were chosen, which is a little earlier.
    fn excuse(&self, helper: UserId, at: Timestamp) -> bool {
        let freed = self.freed.get(&helper);
        self.responding.contains_key(&helper) || freed.is_some_and(|freed| *freed >= at - CHOICE_AGE)
    }
}

/// Expectations that do not depend on the domain.
fn known(world: &World, log: &[LoggedEvent]) -> Vec<String> {
    let mut wrong = Vec::new();
    let near: HashSet<_> = world.near.iter().copied().collect();
    let all: HashSet<_> = world.helpers.iter().map(|helper| helper.id).collect();
    let mut last = HashMap::new();
    let (mut engagements, mut has_alerts) = (Engagements::default(), HashSet::new());
    for event in log {
        engagements.follow(event);
        if let Event::HelpersAlerted { recipients, .. } = &event.event {
            // Later ones are substitutes, or go to those who have become free.
            let is_first = has_alerts.insert(event.emergency);
            let alerted: HashSet<_> = recipients.iter().map(|recipient| recipient.helper).collect();
            let left_out =
                near.difference(&alerted).filter(|helper| is_first && !engagements.excuse(**helper, event.at));
            let left_out = left_out.count();
            if !alerted.is_subset(&near) || left_out > 0 {
                let (alerted, near) = (alerted.len(), near.len());
                wrong.push(format!("event {} alerts {alerted} of {near} near; {left_out} are free", event.id));
            }
        }
        if let Event::EmergencyCreated { announced: true, .. } | Event::EmergencyAnnounced { .. } = &event.event {
            let rooms = HashMap::from([(Room::Helpers, all.clone())]);
            let recipients = event.deliveries().iter().map(|d| audience(&d.audience, &rooms).len()).sum::<usize>();
            if recipients != all.len() {
                wrong.push(format!("event {} is for {recipients} of {} helpers", event.id, all.len()));
            }
        }
        // There is no event of an emergency before it is raised, or after it has ended, unless it is reopened.
        let Some(name) = name(&event.event) else { continue };
        let before = last.insert(event.emergency, name);
        if before == Some("emergency:ended") && name != "emergency:reopened" {
            wrong.push(format!("event {} happens in an emergency that has ended", event.id));
        }
    }
    wrong
}

/// The wire name of an event; `None` for a kind that is not sent.
const fn name(event: &Event) -> Option<&'static str> {
    Some(match event {
        Event::EmergencyCreated { .. } | Event::EmergencyAnnounced { .. } => "emergency:created",
        Event::HelpersAlerted { .. } => "emergency:nearby",
        Event::Unanswered { .. } => "emergency:unanswered",
        Event::HelperJoined { .. } => "helper:joined",
        Event::DetailsDisclosed { .. } => "emergency:details",
        Event::HelperStatusUpdated { .. } => "helper:status_update",
        Event::ResponseChecked { .. } => "response:check",
        Event::RoleAssigned { .. } => "helper:role_assigned",
        Event::HelperStoodDown { .. } => "helper:stand_down",
        Event::StatusChanged { .. } => "emergency:status_changed",
        Event::EmergencyResolved { .. } => "emergency:resolved",
        Event::EmergencyCancelled { .. } => "emergency:cancelled",
        Event::EmergencyEnded { .. } => "emergency:ended",
        Event::EmergencyReopened { .. } => "emergency:reopened",
        Event::EmergencyUpdated { .. } => "emergency:updated",
        Event::EmergencyMoved { .. } => "emergency:moved",
        Event::MessagePosted { .. } => "emergency:message",
        Event::MessageDeleted { .. } => "emergency:message:deleted",
        Event::DeviceLost(_) => "device:lost",
        Event::ContactNotified { .. } => "contact:notified",
        Event::AlertDeclined { .. }
        | Event::AlertAcknowledged { .. }
        | Event::AlertSeen { .. }
        | Event::AlertsSent { .. }
        | Event::AlertsRenewed
        | Event::EmergencyDeleted
        | Event::HelperRightsChanged { .. }
        | Event::SessionsRevoked { .. }
        | Event::AccountBlocked { .. }
        | Event::UserBlocked(_)
        | Event::UserUnblocked(_)
        // Like an end, but for one user only.
        | Event::EmergencyHidden { .. } => return None,
    })
}

fn connections(sessions: &[Session]) -> String {
    let each = sessions.iter().map(|session| {
        let last = session.heard.last().map(|heard| heard.event);
        format!("(from {:?}, ready at {}, {} heard up to {last:?})", session.last, session.latest, session.heard.len())
    });
    format!("its connections: {}", each.collect::<Vec<_>>().join(" "))
}

fn report(wrong: &[String], log: &[LoggedEvent]) -> String {
    let mut text = format!("{} faults:\n", wrong.len());
    for fault in wrong.iter().take(MAX_PRINTED_FAULTS) {
        writeln!(text, "  {fault}").unwrap();
    }
    let shown = wrong.iter().take(MAX_PRINTED_FAULTS);
    let named: HashSet<i64> = shown.flat_map(|fault| fault.split(' ').filter_map(number)).collect();
    text.push_str("the events in question:\n");
    for LoggedEvent { id, at, emergency, event, .. } in log.iter().filter(|event| named.contains(&event.id.get())) {
        writeln!(text, "  {id} {at} {} of {emergency:?}", event.kind()).unwrap();
    }
    let end = log.last().map_or(EventId::START, |event| event.id);
    writeln!(text, "the log ends with {end}").unwrap();
    text
}

/// The number in a message, if its text is one.
fn number(word: &str) -> Option<i64> {
    word.trim_end_matches([',', ':', ';']).parse().ok()
}

#[cfg(test)]
mod tests;
