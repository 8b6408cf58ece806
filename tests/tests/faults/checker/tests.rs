//! The faults that the checker must detect.

use allynet_domain::{EmergencyId, EmergencyStatus};
use allynet_tests::contract::{at, nth};

use super::*;
use crate::client::Heard;

fn log() -> Vec<LoggedEvent> {
    let event = Event::StatusChanged { status: EmergencyStatus::Responding, updated_at: at(0) };
    let logged = |id| {
        let event = event.clone();
        LoggedEvent { id: EventId::new(id), at: at(0), emergency: Some(nth(1)), actor: None, event }
    };
    [5, 6, 7, 8].map(logged).to_vec()
}

fn heard(event: i64) -> Heard {
    let emergency = Some(nth::<EmergencyId>(1));
    Heard { event, name: "emergency:status_changed".to_owned(), emergency, at: at(1) }
}

/// The faults of a connection that was ready at event 4 and whose user is entitled to all events except 8.
fn found(change: impl FnOnce(&mut Session)) -> Vec<String> {
    let log = log();
    let by_id = log.iter().map(|event| (event.id.get(), event)).collect();
    let local = ([127, 0, 0, 1], 1).into();
    let heard = vec![heard(5), heard(6), heard(7)];
    let mut session = Session { last: None, latest: 4, heard, resynced: false, local, is_open: true };
    change(&mut session);
    faults(&session, &by_id, &HashSet::from([5, 6, 7]))
}

#[test]
fn events_that_arrive_once_and_in_order_are_no_fault() {
    assert_eq!(found(|_| {}), Vec::<String>::new());
    assert_eq!(found(|session| (session.last, session.latest) = (Some(4), 7)), Vec::<String>::new());
}

#[test]
fn every_other_delivery_is_a_fault() {
    type Change = fn(&mut Session);
    let changes: [(Change, &str); 7] = [
        (|s| s.heard.push(heard(7)), "heard 7 after 7"),
        (|s| s.heard.swap(0, 1), "heard 5 after 6"),
        (|s| s.last = Some(5), "heard 5 after 5"),
        (|s| s.heard.push(heard(8)), "for others"),
        (|s| s.heard.push(heard(9)), "not in the log"),
        (|s| s.heard[1].name = "emergency:ended".to_owned(), "heard 6 as"),
        (|s| s.resynced = true, "got session:resync"),
    ];
    for (change, expected) in changes {
        let found = found(change);
        assert!(found.len() == 1 && found[0].contains(expected), "{expected}: {found:?}");
    }
}
