//! Brings connections of this node into the presence of the cluster, and sends changes to participants:
//! `presence:update`.

use std::{sync::Arc, time::Duration};

use allynet_domain::{
    Announcement, Audience, NodeId, PresenceNews, Room, UserId,
    port::{Clock, Signals},
};
use allynet_projections::{ClusterPresence, OpenEmergencies};
use allynet_wire::signals::PresenceSignal;
use parking_lot::Mutex;
use tokio::time::{MissedTickBehavior, interval};

use crate::{hub::state::Hub, session::device::Device};

/// How often dead nodes are looked for, and the longest wait for news.
const TICK_INTERVAL: Duration = Duration::from_secs(1);
/// The shortest wait, so that a deadline that is due in less than a millisecond does not make the loop spin.
const MIN_TICK_WAIT: Duration = Duration::from_millis(1);

/// Connects the hub, the presence of the cluster, and the participants.
pub(crate) struct PresenceTask {
    pub(crate) cluster: Arc<Mutex<ClusterPresence>>,
    pub(crate) hub: Arc<Hub<Device>>,
    pub(crate) open: Arc<OpenEmergencies>,
    pub(crate) signals: Arc<dyn Signals>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl PresenceTask {
    /// Announces connections and sends news for as long as it is polled.
    pub(crate) async fn run(&self) {
        let dirty_users = self.hub.dirty_users_added();
        let mut expects_participants = false;
        let mut ticks = interval(TICK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let wait = self.until_next_deadline();
            tokio::select! {
                () = dirty_users.notified() => {}
                _ = ticks.tick() => {
                    // Participants may have been connected to this node before it was restarted.
                    if !expects_participants && self.open.is_complete() {
                        self.cluster.lock().expect(self.open.participants());
                        expects_participants = true;
                    }
                    self.tick();
                }
                () = tokio::time::sleep(wait) => {}
            }
            self.announce_connections();
            self.send_news();
        }
    }

    /// Takes in the announcement of another node.
    pub(crate) fn receive(&self, node: NodeId, count: u64, announcement: Announcement) {
        let answers = self.cluster.lock().receive(node, count, announcement, self.clock.now());
        for answer in answers {
            self.signals.publish(answer);
        }
        self.send_news();
    }

    /// Announces that this node has no connections any more.
    pub(crate) fn leave(&self) {
        self.signals.publish(self.cluster.lock().leave());
    }

    fn tick(&self) {
        let signals = self.cluster.lock().tick(self.signals.is_connected(), self.clock.now());
        for signal in signals {
            self.signals.publish(signal);
        }
    }

    /// Announces the users whose connections to this node have changed.
    fn announce_connections(&self) {
        let now = self.clock.now();
        for (user, on_duty) in self.hub.take_dirty_users() {
            let signal = self.cluster.lock().set_local(user, on_duty, now);
            if let Some(signal) = signal {
                self.signals.publish(signal);
            }
        }
    }

    fn send_news(&self) {
        // Before, it is not known which participants may see it: the news waits.
        if self.open.is_complete() {
            let news = self.cluster.lock().take_news(self.clock.now());
            for one in &news {
                self.send(one);
            }
        }
    }

    /// Sends news to the participants of the user's emergencies who are connected to this node, but neither to the user nor
    /// to those that a block separates from the user.
    fn send(&self, news: &PresenceNews) {
        let Some(audience) = self.audience(news.user) else { return };
        let signal = PresenceSignal::from(news);
        for device in self.hub.audience(&audience) {
            // Not of the log: a full queue loses this and nothing else.
            device.send_ephemeral(PresenceSignal::EVENT, &signal, false).ok();
        }
    }

    fn audience(&self, user: UserId) -> Option<Audience> {
        let to: Vec<_> = self.open.presence_visible_in(user).into_iter().map(Room::Participants).collect();
        if to.is_empty() {
            return None;
        }
        let separated = self.open.separated_anywhere(user);
        let except = [user].into_iter().chain(separated).map(Room::User).collect();
        Some(Audience { to, except })
    }

    fn until_next_deadline(&self) -> Duration {
        let (now, next) = (self.clock.now(), self.cluster.lock().next_deadline());
        next.map_or(TICK_INTERVAL, |at| (at - now).to_std().unwrap_or_default().clamp(MIN_TICK_WAIT, TICK_INTERVAL))
    }
}
