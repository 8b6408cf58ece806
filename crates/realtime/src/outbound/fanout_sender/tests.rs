//! Order and precedence, with a hub and devices that record what they accept.

use std::{cell::RefCell, rc::Rc};

use allynet_domain::{
    EmergencyId, EmergencyStatus, Event, LoggedEvent, Room, RoomChange, Timestamp,
    testing::{call, recipient},
};
use uuid::Uuid;

use super::*;
use crate::hub::{
    attachment::{Attachment, JoinOutcome, Release, RoomSnapshot},
    members::Identity,
    state::Fanout,
};

/// More than are sent in one turn.
const HELPERS: u64 = 150;
const FIRST: i64 = 100;

#[derive(Clone, Debug, Default)]
struct FakeDevice(Rc<RefCell<Record>>);

#[derive(Debug, Default)]
struct Record {
    /// The numbers of the events that it accepted.
    accepted: Vec<i64>,
    /// How many events it will accept; `None` for all.
    room: Option<usize>,
    is_cut: bool,
}

impl FakeDevice {
    fn accepted(&self) -> Vec<i64> {
        self.0.borrow().accepted.clone()
    }

    fn take(&self, number: i64) -> bool {
        let mut record = self.0.borrow_mut();
        if record.room == Some(0) {
            return false;
        }
        record.room = record.room.map(|room| room - 1);
        record.accepted.push(number);
        true
    }
}

impl Recipient for FakeDevice {
    type Ack = ();

    fn deliver(&self, event: &EncodedEvent) -> Result<Option<()>, NotAccepted> {
        if self.take(number_of(event)) { Ok(event.wants_ack.then_some(())) } else { Err(NotAccepted) }
    }

    fn cut_slow(&self) {
        // It has room again while it is being closed, and must not be sent anything all the same.
        let mut record = self.0.borrow_mut();
        (record.room, record.is_cut) = (None, true);
    }
}

fn number_of(event: &EncodedEvent) -> i64 {
    let payload = String::from_utf8(event.packet.payload().to_vec()).unwrap();
    let digits = payload.split_once(r#""eventId":"#).unwrap().1;
    digits.split(|byte: char| !byte.is_ascii_digit()).next().unwrap().parse().unwrap()
}

fn user(n: u64) -> UserId {
    // Not the owner of a fixture.
    Uuid::from_u128(1000 + u128::from(n)).into()
}

fn emergency(n: u128) -> EmergencyId {
    Uuid::from_u128(n).into()
}

fn logged(seq: i64, of: EmergencyId, event: Event) -> Arc<LogEntry> {
    let (id, at) = (EventId::new(seq), Timestamp::UNIX_EPOCH);
    LogEntry::new(LoggedEvent { id, at, emergency: Some(of), actor: None, event })
}

fn created() -> Event {
    Event::EmergencyCreated { call: call(), nearby_helpers: 1, hidden_from: vec![], announced: true }
}

fn alerts(helpers: &[u64]) -> Event {
    let recipients = helpers.iter().map(|n| recipient(1000 + u128::from(*n), 10.0)).collect();
    let (status, radius) = (EmergencyStatus::Active, allynet_domain::Metres::new(5000.0));
    Event::HelpersAlerted { call: call(), status, wave: 1, radius, recipients, decision: None }
}

fn ended(alerted: &[u64]) -> Event {
    let alerted = alerted.iter().map(|n| user(*n)).collect();
    let (status, at) = (EmergencyStatus::Cancelled, Timestamp::UNIX_EPOCH);
    Event::EmergencyEnded {
        status,
        at,
        alerted,
        participants: vec![],
        hidden_from: vec![],
        announced: true,
        critical: false,
    }
}

fn changed() -> Event {
    Event::StatusChanged { status: EmergencyStatus::Active, updated_at: Timestamp::UNIX_EPOCH }
}

fn attach(hub: &Hub<FakeDevice>, id: u64, of: u64, rooms: Vec<Room>, replays: bool) -> FakeDevice {
    let device = FakeDevice::default();
    let expires_at = Timestamp::UNIX_EPOCH + chrono::TimeDelta::days(1);
    let identity = Identity { user: user(of), session: Uuid::from_u128(1).into(), administers: false, expires_at };
    let read_after =
        hub.newest(EventId::START, EventId::new(i64::MAX)).1.last().map_or(EventId::new(FIRST), |e| e.id());
    let snapshot = RoomSnapshot { read_after, rooms };
    let attached = hub.attach((MemberId(id), identity), device.clone(), &snapshot, replays, |_, _| true);
    assert_eq!(attached, Attachment::Attached);
    device
}

/// A hub at event 100 with 150 helpers on duty, numbered from 0 like their users.
fn hub_with_helpers() -> (Hub<FakeDevice>, Vec<FakeDevice>) {
    let hub = Hub::new();
    hub.open(EventId::new(FIRST), EventId::new(FIRST), vec![]);
    let devices = (0..HELPERS).map(|n| attach(&hub, n, n, vec![Room::Helpers], false)).collect();
    (hub, devices)
}

fn sender(hub: &Hub<FakeDevice>) -> FanoutSender<'_, FakeDevice> {
    FanoutSender::new(hub, PlacePolicy::default(), EventId::new(FIRST))
}

async fn send(sender: &mut FanoutSender<'_, FakeDevice>, entry: &Arc<LogEntry>) -> Vec<Sent<()>> {
    let Fanout { addressed, others, .. } = sender.hub.advance(entry);
    let mut outcomes = Vec::new();
    sender.send(entry, addressed, others, |sent| outcomes.push(sent)).await;
    outcomes
}

async fn finish(sender: &mut FanoutSender<'_, FakeDevice>) {
    while sender.waiting() > 0 || !sender.broadcasts.is_empty() {
        sender.send_slice().await;
    }
}

#[tokio::test]
async fn an_alert_is_sent_before_the_broadcast_to_others_and_after_it_to_the_same() {
    let (hub, devices) = hub_with_helpers();
    let mut sender = sender(&hub);
    assert!(send(&mut sender, &logged(101, emergency(7), created())).await.is_empty());
    let outcomes = send(&mut sender, &logged(102, emergency(7), alerts(&[3, 140]))).await;
    let users: Vec<_> = outcomes.iter().filter_map(|sent| Some((sent.accepted, sent.acks.as_ref()?.0))).collect();
    assert_eq!(users, [(1, user(3)), (1, user(140))]);
    for (number, device) in devices.iter().enumerate() {
        let expected: &[i64] = if [3, 140].contains(&number) { &[101, 102] } else { &[] };
        assert_eq!(device.accepted(), expected, "{number}");
    }
    assert_eq!(sender.delivered(), EventId::new(100), "the broadcast is not complete");
    finish(&mut sender).await;
    for (number, device) in devices.iter().enumerate() {
        let expected: &[i64] = if [3, 140].contains(&number) { &[101, 102] } else { &[101] };
        assert_eq!(device.accepted(), expected, "{number}");
    }
    assert_eq!((sender.delivered(), sender.waiting()), (EventId::new(102), 0));
}

#[tokio::test]
async fn an_end_is_sent_first_to_the_helpers_who_were_alerted() {
    let (hub, devices) = hub_with_helpers();
    let mut sender = sender(&hub);
    send(&mut sender, &logged(101, emergency(7), ended(&[149]))).await;
    let accepted = |from: usize| devices[from..].iter().map(|device| device.accepted().len()).sum::<usize>();
    assert_eq!((accepted(0), accepted(149)), (1, 1));
    finish(&mut sender).await;
    assert!(devices.iter().all(|device| device.accepted() == [101]));
}

#[tokio::test]
async fn new_events_go_before_the_slices_of_a_broadcast() {
    let (hub, devices) = hub_with_helpers();
    let mut sender = sender(&hub);
    send(&mut sender, &logged(101, emergency(7), created())).await;
    let mut slices = 0;
    sender.broadcast_until(std::future::ready(()), |_, _| slices += 1).await;
    assert_eq!(slices, 0);
    // A read of the log that takes some time is used.
    let read = async {
        while devices.iter().any(|device| device.accepted().is_empty()) {
            tokio::task::yield_now().await;
        }
    };
    sender.broadcast_until(read, |_, _| slices += 1).await;
    assert_eq!(slices, 3, "of 64, 64 and 22");
}

/// Counts how often other tasks had a turn.
async fn turns_during(work: impl Future<Output = ()>) -> usize {
    let turns = std::cell::Cell::new(0);
    let other = async {
        loop {
            turns.set(turns.get() + 1);
            tokio::task::yield_now().await;
        }
    };
    tokio::select! { biased; () = work => {} () = other => {} }
    turns.take()
}

#[tokio::test]
async fn the_alerts_of_a_wave_are_sent_in_one_turn() {
    let (hub, devices) = hub_with_helpers();
    let mut sender = sender(&hub);
    let wave: Vec<u64> = (0..50).collect();
    let turns = turns_during(async {
        send(&mut sender, &logged(101, emergency(7), alerts(&wave))).await;
    });
    assert_eq!(turns.await, 0, "on a busy node each turn of the others takes milliseconds");
    assert!(devices[..50].iter().all(|device| device.accepted() == [101]));
}

#[tokio::test]
async fn a_device_that_refuses_an_event_is_removed_and_sent_nothing_more() {
    let (hub, devices) = hub_with_helpers();
    let mut sender = sender(&hub);
    for seq in [101, 102, 103] {
        send(&mut sender, &logged(seq, emergency(7), created())).await;
    }
    devices[5].0.borrow_mut().room = Some(1);
    devices[6].0.borrow_mut().room = Some(0);
    send(&mut sender, &logged(104, emergency(7), alerts(&[5]))).await;
    finish(&mut sender).await;
    send(&mut sender, &logged(105, emergency(7), created())).await;
    finish(&mut sender).await;
    assert_eq!((devices[5].accepted(), devices[6].accepted()), (vec![101], vec![]));
    assert!(devices[5].0.borrow().is_cut && devices[6].0.borrow().is_cut);
    assert!(!hub.is_online(user(5)) && !hub.is_online(user(6)));
    assert_eq!(devices[7].accepted(), [101, 102, 103, 105]);
}

/// `SplitMix64`, so that a failing round can be repeated by its number.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % limit
    }
}

/// A hub with its sender, and what each device should have accepted: the same events, sent to all at once.
struct Node<'a> {
    sender: FanoutSender<'a, FakeDevice>,
    devices: Vec<FakeDevice>,
    expected: Vec<Vec<i64>>,
    /// Devices for which events are held back, with the event from whose delivery on they may be released.
    held: Vec<(u64, EventId)>,
    last: i64,
    random: Random,
}

impl Node<'_> {
    fn number(&self) -> u64 {
        self.devices.len() as u64
    }

    async fn next_event(&mut self) {
        // Numbers have gaps.
        self.last += 1 + i64::try_from(self.random.below(3)).unwrap();
        let some: Vec<u64> = (0..=self.random.below(8)).map(|_| self.random.below(HELPERS + 9)).collect();
        let of = emergency(7 + u128::from(self.random.below(2)));
        let event = match self.random.below(6) {
            0 | 1 => created(),
            2 => ended(&some),
            3 => changed(),
            _ => {
                let distinct: std::collections::BTreeSet<_> = some.into_iter().collect();
                alerts(&distinct.into_iter().collect::<Vec<_>>())
            }
        };
        let entry = logged(self.last, of, event);
        // As the hub does: who enters a room by an event is sent it.
        let enters = |change: &RoomChange| matches!(change, RoomChange::Enter { .. });
        assert!(entry.room_changes.iter().all(enters), "the owner is not connected");
        for delivery in &entry.deliveries {
            for device in self.sender.hub.audience(&delivery.audience) {
                let index = self.devices.iter().position(|other| Rc::ptr_eq(&other.0, &device.0)).unwrap();
                self.expected[index].push(self.last);
            }
        }
        send(&mut self.sender, &entry).await;
    }

    fn attach(&mut self) {
        let (id, of) = (self.number(), self.random.below(HELPERS));
        let replays = self.random.below(2) == 0;
        let rooms = vec![Room::Helpers, Room::Emergency(emergency(7))];
        self.devices.push(attach(self.sender.hub, id, of, rooms, replays));
        self.expected.push(vec![]);
        if replays {
            self.held.push((id, EventId::START));
        }
    }

    fn join(&mut self) {
        let (id, replays) = (self.random.below(self.number()), self.random.below(2) == 0);
        if self.held.iter().any(|(held, _)| *held == id) {
            return;
        }
        let user = if id < HELPERS { user(id) } else { return };
        let snapshot = RoomSnapshot { read_after: EventId::new(self.last), rooms: vec![Room::Emergency(emergency(8))] };
        if let JoinOutcome::Joined(point) = self.sender.hub.join(MemberId(id), user, &snapshot, replays)
            && replays
        {
            self.held.push((id, point.position));
        }
    }

    /// Ends replays: of a room only when everything from before the join was sent, as the replay waits for that.
    fn release(&mut self) {
        let delivered = self.sender.delivered();
        let hub = self.sender.hub;
        self.held.retain(|(id, from)| {
            if *from > delivered {
                return true;
            }
            loop {
                match hub.release(MemberId(*id), |device, entry, _| device.take(entry.id().get())) {
                    Release::SendFirst(events) => {
                        for (entry, _) in events {
                            self.devices[usize::try_from(*id).unwrap()].take(entry.id().get());
                        }
                    }
                    Release::Live | Release::Lost => return false,
                    Release::Busy => return true,
                }
            }
        });
    }
}

#[tokio::test]
async fn every_device_is_sent_its_events_once_and_in_order_whatever_happens_in_between() {
    for round in 0..40 {
        let (hub, devices) = hub_with_helpers();
        let expected = vec![vec![]; devices.len()];
        let sender = sender(&hub);
        let mut node = Node { sender, devices, expected, held: vec![], last: FIRST, random: Random(round) };
        let mut slow = Vec::new();
        for _ in 0..120 {
            match node.random.below(10) {
                0..=2 => node.next_event().await,
                3..=5 => drop(node.sender.send_slice().await),
                6 => node.attach(),
                7 => node.join(),
                8 => node.release(),
                _ => {
                    let (index, room) = (node.random.below(HELPERS), node.random.below(6));
                    let index = usize::try_from(index).unwrap();
                    if !slow.contains(&index) && !node.held.iter().any(|(held, _)| *held == index as u64) {
                        node.devices[index].0.borrow_mut().room = Some(usize::try_from(room).unwrap());
                        slow.push(index);
                    }
                }
            }
        }
        finish(&mut node.sender).await;
        node.release();
        assert_eq!(node.sender.delivered().get(), node.last, "round {round}");
        for (index, (device, expected)) in node.devices.iter().zip(&node.expected).enumerate() {
            let accepted = device.accepted();
            if slow.contains(&index) {
                assert!(expected.starts_with(&accepted), "round {round}, slow {index}: {accepted:?} of {expected:?}");
            } else {
                assert_eq!(accepted, *expected, "round {round}, device {index}");
            }
        }
    }
}
