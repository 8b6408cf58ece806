//! Who is online, told to those who take part in the same emergency: `presence:update`.
//!
//! What counts as online, on however many nodes, is the domain's; here the connections of this node are brought to it,
//! and what came of it to the sockets of this node.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use allynet_domain::{Audience, NodeId, PresenceNews, Room, Signal, Timestamp, UserId, port};
use allynet_projections::Roster;
use allynet_wire::signals::PresenceSignal;
use tokio::time::{MissedTickBehavior, interval};

use crate::desk::Desk;

/// How often the other nodes are looked after.
const TICK: Duration = Duration::from_secs(1);

/// Who is connected to which node.
#[derive(Debug)]
pub(crate) struct Presence {
    roster: Mutex<Roster>,
    /// Whether those are expected who took part before this node was started.
    expecting: AtomicBool,
}

impl Presence {
    pub(crate) fn new(node: NodeId) -> Self {
        Self { roster: Mutex::new(Roster::new(node)), expecting: AtomicBool::new(false) }
    }

    /// Brings together who is connected where, and tells of it, for as long as it is polled.
    pub(crate) async fn tell(&self, desk: &Desk) {
        let somebody = desk.hub.somebody_touched();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let pause = self.until_news(desk.ports.clock.now());
            tokio::select! {
                () = somebody.notified() => {}
                _ = ticks.tick() => self.tick(desk),
                () = tokio::time::sleep(pause) => {}
            }
            self.look(desk);
            self.tell_participants(desk);
        }
    }

    /// Takes in what another node told.
    pub(crate) fn heard(&self, desk: &Desk, signal: Signal) {
        if let Signal::Presence { node, count, news } = signal {
            let answers = self.roster().hear(node, count, news, desk.ports.clock.now());
            for answer in answers {
                desk.ports.signals.tell(answer);
            }
            self.tell_participants(desk);
        }
    }

    /// Tells the other nodes that nobody is connected to this one any more.
    pub(crate) fn leave(&self, desk: &Desk) {
        desk.ports.signals.tell(self.roster().leave());
    }

    fn tick(&self, desk: &Desk) {
        let (signals, live) = (&desk.ports.signals, desk.ports.motion.live());
        if live.is_complete() && !self.expecting.swap(true, Ordering::Relaxed) {
            self.roster().expect(live.participants());
        }
        let told = self.roster().tick(signals.travel(), desk.ports.clock.now());
        for signal in told {
            signals.tell(signal);
        }
    }

    /// Looks who came to this node or left it.
    fn look(&self, desk: &Desk) {
        let now = desk.ports.clock.now();
        for (user, on_duty) in desk.hub.take_touched() {
            let told = self.roster().connected(user, on_duty, now);
            if let Some(signal) = told {
                desk.ports.signals.tell(signal);
            }
        }
    }

    fn tell_participants(&self, desk: &Desk) {
        // Before, it is not known who takes part with whom: the news waits.
        if desk.ports.motion.live().is_complete() {
            let news = self.roster().take_news(desk.ports.clock.now());
            for one in &news {
                tell(desk, one);
            }
        }
    }

    fn until_news(&self, now: Timestamp) -> Duration {
        let next = self.roster().next();
        next.map_or(TICK, |at| (at - now).to_std().unwrap_or_default().clamp(Duration::from_millis(1), TICK))
    }

    fn roster(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Not to themselves. It is not of the log: a full queue costs this and nothing else.
fn tell(desk: &Desk, news: &PresenceNews) {
    let emergencies = desk.ports.motion.live().known_in(news.user);
    if emergencies.is_empty() {
        return;
    }
    let to = emergencies.into_iter().map(Room::Participants).collect();
    let signal = PresenceSignal::from(news);
    for device in desk.hub.audience(&Audience { to, except: vec![Room::User(news.user)] }) {
        device.tell(PresenceSignal::EVENT, &signal).ok();
    }
}

/// The connections of this node count at once, those of others as soon as it hears of them.
impl port::Presence for Desk {
    fn is_online(&self, user: UserId) -> bool {
        self.hub.is_online(user) || self.presence.roster().is_online(user)
    }

    fn last_seen(&self, user: UserId) -> Option<Timestamp> {
        let now = self.ports.clock.now();
        if self.hub.is_online(user) { Some(now) } else { self.presence.roster().last_seen(user, now) }
    }

    fn helpers_online(&self) -> u32 {
        let mut helpers = self.presence.roster().helpers_elsewhere();
        helpers.extend(self.hub.helpers());
        u32::try_from(helpers.len()).unwrap_or(u32::MAX)
    }
}
