//! The order and the bounds of the queue, with names in place of devices.

use allynet_domain::{EmergencyStatus, Event, LoggedEvent, PlacePolicy, Stage, Timestamp, Viewer};
use uuid::Uuid;

use super::*;

fn entry(seq: i64) -> (Arc<LogEntry>, Arc<EncodedEvent>) {
    let event = Event::StatusChanged { status: EmergencyStatus::Active, updated_at: Timestamp::UNIX_EPOCH };
    let (id, emergency) = (EventId::new(seq), Some(Uuid::from_u128(7).into()));
    let entry = LogEntry::new(LoggedEvent { id, at: Timestamp::UNIX_EPOCH, emergency, actor: None, event });
    let event = entry.encoded_for(entry.logged.view(Viewer::Anyone, Stage::LookerOn), &PlacePolicy::default()).unwrap();
    (entry, event)
}

/// A queue of these broadcasts: the number of the event, and the ids of its recipients.
fn queue(broadcasts: &[(i64, &[u64])]) -> BroadcastQueue<u64> {
    let mut queue = BroadcastQueue::default();
    for (seq, recipients) in broadcasts {
        let (entry, event) = entry(*seq);
        queue.push(entry, event, recipients.iter().map(|id| (MemberId(*id), *id)).collect());
    }
    queue
}

/// The recipients of the next slice, and the event that it completes.
fn slice(queue: &mut BroadcastQueue<u64>, count: usize) -> Option<(Vec<u64>, Option<i64>)> {
    let slice = queue.take_slice(count)?;
    let devices = slice.recipients.into_iter().map(|(_, device)| device).collect();
    Some((devices, slice.completes.map(|entry| entry.id().get())))
}

#[test]
fn broadcasts_are_sent_in_slices_and_the_oldest_first() {
    let mut queue = queue(&[(11, &[1, 2, 3]), (12, &[2, 3])]);
    assert_eq!((queue.first(), queue.waiting()), (Some(EventId::new(11)), 5));
    assert_eq!(slice(&mut queue, 2), Some((vec![1, 2], None)));
    assert_eq!(slice(&mut queue, 2), Some((vec![3], Some(11))));
    assert_eq!((queue.first(), queue.waiting()), (Some(EventId::new(12)), 2));
    assert_eq!(slice(&mut queue, 2), Some((vec![2, 3], Some(12))));
    assert_eq!((slice(&mut queue, 2), queue.first(), queue.waiting()), (None, None, 0));
}

#[test]
fn what_waits_for_a_connection_is_taken_once_and_in_order() {
    let mut queue = queue(&[(11, &[1, 2, 3]), (12, &[1]), (13, &[2, 4])]);
    assert_eq!(slice(&mut queue, 1), Some((vec![1], None)));
    let taken = |queue: &mut BroadcastQueue<u64>, id| {
        let events = queue.take_waiting(MemberId(id)).into_iter();
        events.map(|event| String::from_utf8(event.packet.payload().to_vec()).unwrap()).collect::<Vec<_>>()
    };
    let of_second = taken(&mut queue, 2);
    assert!(of_second.len() == 2 && of_second[0].contains("11") && of_second[1].contains("13"), "{of_second:?}");
    assert!(taken(&mut queue, 2).is_empty() && taken(&mut queue, 9).is_empty());
    assert_eq!(taken(&mut queue, 1).len(), 1, "the first was sent with the slice");
    assert_eq!(queue.waiting(), 2);
    assert_eq!(slice(&mut queue, 9), Some((vec![3], Some(11))));
    assert_eq!(slice(&mut queue, 9), Some((vec![], Some(12))), "it was sent ahead of its turn");
    assert_eq!(slice(&mut queue, 9), Some((vec![4], Some(13))));
}

#[test]
fn the_queue_is_bounded_in_broadcasts_and_in_deliveries() {
    let mut queue = queue(&[]);
    for seq in 0..i64::try_from(MAX_WAITING_BROADCASTS).unwrap() {
        assert!(!queue.is_full(), "{seq}");
        let (entry, event) = entry(seq);
        queue.push(entry, event, vec![(MemberId(1), 1)]);
    }
    assert!(queue.is_full());
    slice(&mut queue, 1);
    assert!(!queue.is_full());
    let (mut queue, (entry, event)) = (BroadcastQueue::default(), entry(9999));
    queue.push(entry, event, (0..=MAX_WAITING_DELIVERIES as u64).map(|id| (MemberId(id), id)).collect());
    assert!(queue.is_full(), "of deliveries");
}
