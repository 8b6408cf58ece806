//! Presence as several nodes see it, under a clock that the test moves and with signals that it may lose.

use std::collections::VecDeque;

use super::*;
use allynet_domain::testing::{at, id};

const ADA: u128 = 1;
const BOB: u128 = 2;

/// Nodes that exchange signals, unless the link is cut.
struct TestCluster {
    nodes: Vec<ClusterPresence>,
    signals_connected: bool,
    /// How many signals are lost before the next that is not.
    lost: usize,
    now: Timestamp,
}

impl TestCluster {
    fn of(nodes: u128) -> Self {
        let nodes = (0..nodes).map(|n| ClusterPresence::new(id(100 + n))).collect();
        let mut cluster = Self { nodes, signals_connected: true, lost: 0, now: at(0) };
        cluster.tick();
        cluster
    }

    /// A user connects to a node, as a helper on duty if that is `Some(true)`, or leaves it.
    fn connected(&mut self, node: usize, user: u128, on_duty: Option<bool>) {
        let signals = self.nodes[node].set_local(id(user), on_duty, self.now);
        self.deliver(signals);
    }

    fn tick(&mut self) {
        for node in 0..self.nodes.len() {
            let signals = self.nodes[node].tick(self.signals_connected, self.now);
            self.deliver(signals);
        }
    }

    fn deliver(&mut self, signals: impl IntoIterator<Item = Signal>) {
        let mut queue: VecDeque<_> = signals.into_iter().collect();
        while let Some(Signal::Presence { node, count, news }) = queue.pop_front() {
            if self.lost > 0 || !self.signals_connected {
                self.lost = self.lost.saturating_sub(1);
                continue;
            }
            // All receive it, its sender included.
            for other in &mut self.nodes {
                queue.extend(other.receive(node, count, news.clone(), self.now));
            }
        }
    }

    /// Time goes on, second by second.
    fn pass(&mut self, seconds: i64) {
        for _ in 0..seconds {
            self.now += TimeDelta::seconds(1);
            self.tick();
        }
    }

    /// The news of a node: `(user, online, second last seen)`; -1 if that is unknown.
    fn news(&mut self, node: usize) -> Vec<(u128, bool, i64)> {
        let news = self.nodes[node].take_news(self.now).into_iter();
        let shown =
            |n: PresenceNews| (n.user, n.online, n.last_seen_at.map_or(-1, |seen| (seen - at(0)).num_seconds()));
        news.map(shown).map(|(user, online, at)| (uuid::Uuid::from(user).as_u128(), online, at)).collect()
    }

    fn online(&self, user: u128) -> Vec<bool> {
        self.nodes.iter().map(|node| node.is_online(id(user))).collect()
    }
}

#[test]
fn a_user_is_online_at_once_and_offline_after_a_delay_that_a_reconnection_ends() {
    for (away, news) in
        [(0, vec![]), (1, vec![]), (14, vec![]), (15, vec![(ADA, false, 100)]), (60, vec![(ADA, false, 100)])]
    {
        let mut one = TestCluster::of(1);
        one.connected(0, ADA, Some(false));
        assert_eq!(one.news(0), [(ADA, true, 0)]);
        one.pass(100);
        assert_eq!((one.news(0), one.nodes[0].next_deadline()), (vec![], None));
        one.connected(0, ADA, None);
        assert_eq!((one.online(ADA), one.nodes[0].next_deadline()), (vec![true], Some(at(115))));
        one.pass(away);
        assert_eq!(one.news(0), news, "{away}");
        assert_eq!(one.online(ADA), [news.is_empty()]);
        assert_eq!(one.nodes[0].last_seen(id(ADA), one.now), Some(at(100)));
        one.connected(0, ADA, Some(false));
        let back = if news.is_empty() { vec![] } else { vec![(ADA, true, 100 + away)] };
        assert_eq!((one.news(0), one.nodes[0].last_seen(id(ADA), one.now)), (back, Some(one.now)));
        one.pass(200);
        assert_eq!(one.news(0), []);
    }
}

#[test]
fn connections_of_one_user_to_several_nodes_count_once() {
    let mut two = TestCluster::of(2);
    two.connected(0, ADA, Some(true));
    two.connected(1, ADA, Some(true));
    for node in [0, 1] {
        assert_eq!(two.news(node), [(ADA, true, 0)]);
        assert_eq!(two.nodes[node].helpers_on_other_nodes(), HashSet::from([id(ADA)]));
    }
    two.connected(0, ADA, None);
    two.pass(30);
    assert_eq!((two.news(0), two.news(1), two.online(ADA)), (vec![], vec![], vec![true, true]));
    assert_eq!(two.nodes[1].helpers_on_other_nodes(), HashSet::new());
    two.connected(1, ADA, Some(false));
    assert_eq!(two.nodes[0].helpers_on_other_nodes(), HashSet::new(), "off duty");
    two.connected(1, ADA, None);
    two.pass(10);
    two.connected(0, ADA, Some(false));
    two.pass(30);
    assert_eq!((two.news(0), two.news(1)), (vec![], vec![]), "a reconnection to another node");
    two.connected(0, ADA, None);
    two.pass(15);
    assert_eq!((two.news(0), two.news(1)), (vec![(ADA, false, 70)], vec![(ADA, false, 70)]));
}

#[test]
fn a_node_that_dies_takes_its_users_with_it_within_a_minute() {
    let mut two = TestCluster::of(2);
    two.connected(0, ADA, Some(true));
    two.connected(0, BOB, Some(true));
    two.connected(1, BOB, Some(true));
    two.pass(12);
    two.news(1);
    two.nodes.remove(0);
    let mut seconds = 0;
    while two.news(0) != [(ADA, false, 10)] {
        two.pass(1);
        seconds += 1;
        assert!(seconds < 60);
    }
    assert_eq!((two.online(ADA), two.online(BOB)), (vec![false], vec![true]));
    assert_eq!(two.nodes[0].helpers_on_other_nodes(), HashSet::new());
}

#[test]
fn a_node_that_announces_that_it_leaves_is_evicted_at_once() {
    let mut two = TestCluster::of(2);
    two.connected(0, ADA, Some(true));
    let signals = two.nodes[0].leave();
    two.deliver([signals]);
    two.nodes.remove(0);
    assert_eq!(two.nodes[0].helpers_on_other_nodes(), HashSet::new());
    two.connected(0, ADA, Some(true));
    two.pass(60);
    assert_eq!(two.news(0), [(ADA, true, 0)]);
}

#[test]
fn a_node_that_starts_later_learns_all_connections() {
    let mut two = TestCluster::of(2);
    two.connected(0, ADA, Some(true));
    two.connected(1, BOB, Some(false));
    two.nodes.push(ClusterPresence::new(id(200)));
    two.tick();
    assert_eq!((two.online(ADA), two.online(BOB)), (vec![true; 3], vec![true; 3]));
    assert_eq!(two.nodes[2].helpers_on_other_nodes(), HashSet::from([id(ADA)]));
}

#[test]
fn lost_signals_are_made_up_for_at_the_next_heartbeat() {
    let mut two = TestCluster::of(2);
    two.connected(0, ADA, Some(true));
    two.lost = 2;
    two.connected(0, BOB, Some(true));
    two.connected(0, ADA, None);
    assert_eq!((two.online(BOB), two.nodes[1].last_seen(id(ADA), two.now)), (vec![true, false], Some(at(0))));
    two.pass(5);
    assert_eq!(two.online(BOB), [true, true]);
    two.pass(15);
    assert_eq!(two.online(ADA), [false, false]);
    // A change after a gap counts at once.
    two.lost = 1;
    two.connected(0, BOB, None);
    two.connected(0, ADA, Some(true));
    assert_eq!(two.online(ADA), [true, true]);
    two.pass(20);
    assert_eq!(two.online(BOB), [false, false]);
}

#[test]
fn while_signals_are_not_connected_other_nodes_keep_their_last_known_state() {
    let mut two = TestCluster::of(2);
    two.connected(0, ADA, Some(true));
    two.pass(3);
    two.signals_connected = false;
    two.connected(0, BOB, Some(true));
    two.pass(300);
    assert_eq!((two.online(ADA), two.online(BOB)), (vec![true, true], vec![true, false]));
    assert_eq!((two.news(1), two.news(0)), (vec![(ADA, true, 0)], vec![(ADA, true, 0), (BOB, true, 3)]));
    two.signals_connected = true;
    two.pass(1);
    assert_eq!((two.online(ADA), two.online(BOB)), (vec![true, true], vec![true, true]));
    two.signals_connected = false;
    two.connected(0, ADA, None);
    two.pass(100);
    assert_eq!(two.online(ADA), [false, true]);
    two.signals_connected = true;
    two.pass(16);
    assert_eq!(two.online(ADA), [false, false]);
    assert_eq!(two.news(0).iter().filter(|news| news.0 == BOB).count(), 0);
}

#[test]
fn a_node_that_stood_still_does_not_evict_the_others() {
    let mut two = TestCluster::of(2);
    two.connected(0, ADA, Some(true));
    two.pass(1);
    two.now += TimeDelta::seconds(90);
    let signals = two.nodes[1].tick(true, two.now);
    assert!(two.nodes[1].is_online(id(ADA)));
    two.deliver(signals);
    two.pass(60);
    assert_eq!((two.online(ADA), two.news(1)), (vec![true, true], vec![(ADA, true, 0)]));
}

#[test]
fn an_expected_user_who_does_not_connect_is_reported_offline_once() {
    let mut two = TestCluster::of(2);
    two.connected(1, BOB, Some(true));
    let mut one = ClusterPresence::new(id(200));
    one.expect(vec![id(ADA), id(BOB), id(3), id(4)]);
    two.nodes.push(one);
    two.pass(5);
    two.connected(2, 3, Some(false));
    two.connected(2, 4, Some(false));
    two.connected(2, 4, None);
    two.pass(9);
    let came = vec![(BOB, true, 1), (3, true, 5), (4, true, 5)];
    assert_eq!((two.news(2), two.online(ADA)), (came, vec![false; 3]));
    two.pass(2);
    assert_eq!(two.news(2), [(ADA, false, -1)]);
    assert_eq!(two.nodes[2].last_seen(id(ADA), two.now), None);
    two.pass(60);
    assert_eq!(two.news(2), [(4, false, 5)]);
    two.connected(2, ADA, Some(false));
    assert_eq!(two.news(2), [(ADA, true, 76)]);
}

#[test]
fn no_user_is_reported_offline_who_may_be_on_a_node_that_is_not_heard() {
    let mut two = TestCluster::of(2);
    two.connected(0, ADA, Some(true));
    two.signals_connected = false;
    let mut one = ClusterPresence::new(id(200));
    one.expect(vec![id(ADA), id(BOB)]);
    two.nodes[1] = one;
    two.pass(100);
    assert_eq!(two.news(1), []);
    two.signals_connected = true;
    two.pass(30);
    assert_eq!(two.news(1), [(ADA, true, 101), (BOB, false, -1)]);
}

#[test]
fn a_user_who_was_not_seen_for_a_day_is_forgotten() {
    let mut one = TestCluster::of(1);
    one.connected(0, ADA, Some(true));
    one.connected(0, ADA, None);
    one.now = at(24 * 3600 - 1);
    assert_eq!(one.news(0).len(), 2);
    assert_eq!(one.nodes[0].last_seen(id(ADA), one.now), Some(at(0)));
    one.now = at(24 * 3600);
    assert_eq!((one.news(0), one.nodes[0].last_seen(id(ADA), one.now)), (vec![], None));
    assert!(one.nodes[0].users.is_empty() && one.nodes[0].deadlines.is_empty());
}
