//! The faults of pushes that the checker must detect.

use allynet_domain::{EmergencyStatus, EventId, Metres, testing};
use allynet_tests::contract::{at, nth};

use super::*;

const HELPER: u128 = 3;
const EMERGENCY: u128 = 9;
const ALERTED: i64 = 5;
const CONFIRMED: i64 = 6;
const ENDED: i64 = 7;

/// An alert at 0 s that is confirmed, and the end at 40 s.
fn log() -> Vec<LoggedEvent> {
    let alerted = Event::HelpersAlerted {
        call: testing::call(),
        status: EmergencyStatus::Active,
        wave: 1,
        radius: Metres::new(5_000.0),
        recipients: vec![testing::recipient(HELPER, 10.0), testing::recipient(HELPER + 1, 20.0)],
        decision: None,
    };
    let ended = Event::EmergencyEnded {
        status: EmergencyStatus::Resolved,
        at: at(40),
        alerted: vec![nth(HELPER), nth(HELPER + 1)],
        participants: vec![],
        hidden_from: vec![],
        announced: true,
        critical: false,
    };
    let confirmed = Event::AlertAcknowledged { helper: nth(HELPER) };
    let events = [(ALERTED, 0, alerted), (CONFIRMED, 1, confirmed), (ENDED, 40, ended)];
    let logged = |(id, seconds, event)| LoggedEvent {
        id: EventId::new(id),
        at: at(seconds),
        emergency: Some(nth(EMERGENCY)),
        actor: None,
        event,
    };
    events.map(logged).to_vec()
}

fn push(seconds: i64, kind: &str, event: i64) -> Push {
    let (kind, receipt) = (kind.to_owned(), String::new());
    Push {
        helper: nth(HELPER),
        at: at(seconds),
        accepted: true,
        topic: "topic".to_owned(),
        message: Some(PushedMessage { kind, emergency: nth(EMERGENCY), event, receipt }),
    }
}

/// What the checker finds: everything wrong, and everything missing. Only the first of the helpers has a device.
fn found(change: impl FnOnce(&mut PushRecord)) -> Vec<String> {
    let mut record = PushRecord {
        holders: [nth(HELPER)].into(),
        pushes: vec![push(0, "alert", ALERTED), push(41, "ended", ENDED)],
        confirmed: [(nth(EMERGENCY), nth(HELPER))].into(),
        ..PushRecord::default()
    };
    change(&mut record);
    let names = [HELPER, HELPER + 1].map(|n| (nth(n), format!("helper {n}"))).into();
    let PushJudgement { mut wrong, missing, .. } = judge(&record, &log(), &names);
    wrong.extend(missing);
    wrong
}

#[test]
fn each_push_once_and_in_time_is_no_fault() {
    type Change = fn(&mut PushRecord);
    let changes: [Change; 6] = [
        |_| {},
        // The second push of an alert, and one that was not accepted.
        |r| r.pushes.push(push(15, "alert", ALERTED)),
        |r| r.pushes.push(Push { accepted: false, ..push(1, "alert", ALERTED) }),
        // A node is killed before it has stored the answer, or before it has sent.
        |r| {
            r.kills.push(at(1));
            r.pushes.push(push(11, "alert", ALERTED));
        },
        |r| r.pushes[0] = push(14, "alert", ALERTED),
        // The push service is down.
        |r| {
            r.outages.push((at(-5), at(30)));
            r.pushes[0] = push(45, "alert", ALERTED);
        },
    ];
    for (n, change) in changes.into_iter().enumerate() {
        assert_eq!(found(change), Vec::<String>::new(), "{n}");
    }
}

#[test]
fn every_other_push_is_a_fault() {
    type Change = fn(&mut PushRecord);
    let changes: [(Change, &str); 14] = [
        (|r| drop(r.pushes.remove(0)), "there is no push to helper 3 of alert"),
        (|r| drop(r.pushes.remove(1)), "there is no push to helper 3 of ended"),
        (|r| r.pushes[0].accepted = false, "there is no push to helper 3 of alert"),
        (|r| r.pushes[0] = push(16, "alert", ALERTED), "late"),
        (|r| r.pushes[1] = push(56, "ended", ENDED), "late"),
        (|r| r.pushes.insert(1, push(14, "alert", ALERTED)), "sent again after"),
        (|r| r.pushes.extend([push(15, "alert", ALERTED), push(30, "alert", ALERTED)]), "sent again after"),
        (|r| r.pushes.push(push(57, "ended", ENDED)), "sent again after"),
        // Before the lease has ended, or long after the answer.
        (
            |r| {
                r.kills.push(at(1));
                r.pushes.insert(1, push(5, "alert", ALERTED));
            },
            "sent again after",
        ),
        (
            |r| {
                r.kills.push(at(3));
                r.pushes.insert(1, push(12, "alert", ALERTED));
            },
            "sent again after",
        ),
        (|r| r.pushes.push(push(1, "ended", ALERTED)), "was never due"),
        (|r| r.pushes.push(Push { helper: nth(HELPER + 1), ..push(1, "alert", ALERTED) }), "was never due"),
        (|r| r.pushes[1].topic = "another".to_owned(), "has another topic"),
        (|r| r.pushes.push(Push { message: None, ..push(1, "alert", ALERTED) }), "cannot be read"),
    ];
    for (change, expected) in changes {
        let found = found(change);
        assert!(found.len() == 1 && found[0].contains(expected), "{expected}: {found:?}");
    }
    let lost = found(|r| {
        r.confirmed.insert((nth(EMERGENCY + 1), nth(HELPER)));
    });
    assert!(lost.len() == 1 && lost[0].contains("is lost"), "{lost:?}");
}
