//! Compares what the push service received with the event log: no push missing, late, repeated or invented.

use std::collections::{BTreeMap, HashMap};

use allynet_domain::{EmergencyId, Event, LoggedEvent, Timestamp, UserId, outbox::LEASE};
use chrono::TimeDelta;

use crate::devices::{Push, PushRecord, PushedMessage};

/// The time by which a push may be later than the rules say, because the machine is busy.
const TOLERANCE: TimeDelta = TimeDelta::seconds(5);
/// A node that is killed may not have stored the answers to pushes that arrived this long before.
const NOTE_TIME: TimeDelta = TimeDelta::seconds(2);
/// How long a claimed push may wait until it is sent: its lease has begun by then.
const MAX_WAIT: TimeDelta = TimeDelta::seconds(4);
/// The step that sends an alert again to devices that have not confirmed it.
const SECOND_PUSH: TimeDelta = TimeDelta::seconds(15);
/// The longest delay between two attempts.
const MAX_RETRY_DELAY: TimeDelta = TimeDelta::seconds(18);

/// Measurements of the pushes of a run.
#[derive(Debug, Default)]
pub(crate) struct PushFigures {
    pub(crate) pushes: usize,
    /// Pushes that were sent again, because the sender was killed before it stored the answer.
    pub(crate) repeated: usize,
    /// First pushes that came no earlier than after a lease, because of a killed sender or the push service.
    pub(crate) after_lease: usize,
    pub(crate) slowest: TimeDelta,
}

#[derive(Debug, Default)]
pub(super) struct PushJudgement {
    pub(super) wrong: Vec<String>,
    pub(super) missing: Vec<String>,
    pub(super) figures: PushFigures,
}

/// A message that the log owes to a device.
type Message = (UserId, EmergencyId, &'static str, i64);

pub(super) fn judge(record: &PushRecord, log: &[LoggedEvent], names: &HashMap<UserId, String>) -> PushJudgement {
    let mut found = PushJudgement::default();
    let due = due(record, log);
    let mut accepted: BTreeMap<Message, Vec<&Push>> = BTreeMap::new();
    let mut topics: BTreeMap<(UserId, EmergencyId), &str> = BTreeMap::new();
    for push in &record.pushes {
        let name = &names[&push.helper];
        let Some(PushedMessage { kind, emergency, event, .. }) = &push.message else {
            found.wrong.push(format!("a push to {name} cannot be read"));
            continue;
        };
        let is_it = |(to, of, what, which): &&Message| {
            (*to, *of, *what, *which) == (push.helper, *emergency, kind.as_str(), *event)
        };
        let Some(message) = due.keys().find(is_it) else {
            found.wrong.push(format!("a push to {name} of {kind}, event {event}, was never due"));
            continue;
        };
        if *topics.entry((push.helper, *emergency)).or_insert(&push.topic) != push.topic {
            found.wrong.push(format!("a push to {name} of {kind}, event {event}, has another topic"));
        }
        if push.accepted {
            accepted.entry(*message).or_default().push(push);
        }
    }
    for (message, &at) in &due {
        let (helper, _, kind, event) = message;
        let what = format!("push to {} of {kind}, event {event}", names[helper]);
        match accepted.get(message).map(Vec::as_slice) {
            // A repeated alert takes the place of the one before.
            None | Some([]) if is_repeated(&due, message) => {}
            None | Some([]) => found.missing.push(format!("there is no {what}")),
            Some([first, others @ ..]) => {
                let (took, late) = (first.at - at, first.at - record.not_before(at));
                found.figures.slowest = found.figures.slowest.max(took);
                found.figures.after_lease += usize::from(took >= LEASE - TimeDelta::seconds(1));
                if late > LEASE + TOLERANCE {
                    found.wrong.push(format!("the {what} is {late} late"));
                }
                let again = unexplained(record, at, kind, first, others);
                found.figures.repeated += others.len() - again.len();
                found.wrong.extend(again.iter().map(|after| format!("the {what} was sent again after {after}")));
            }
        }
        found.figures.pushes += accepted.get(message).map_or(0, Vec::len);
    }
    let is_logged = |(emergency, who): &&(EmergencyId, UserId)| {
        log.iter().any(|logged| {
            logged.emergency == Some(*emergency)
                && matches!(&logged.event, Event::AlertAcknowledged { helper } if helper == who)
        })
    };
    let lost = record.confirmed.iter().filter(|confirmed| !is_logged(confirmed));
    found.wrong.extend(lost.map(|(of, who)| format!("the receipt of {} for {of} is lost", names[who])));
    found
}

/// The messages to devices that follow from the log, and since when.
fn due(record: &PushRecord, log: &[LoggedEvent]) -> BTreeMap<Message, Timestamp> {
    let mut due = BTreeMap::new();
    for LoggedEvent { id, at, emergency, event, .. } in log {
        let Some(emergency) = *emergency else { continue };
        let (kind, to): (_, Vec<UserId>) = match event {
            Event::HelpersAlerted { recipients, .. } => {
                ("alert", recipients.iter().map(|recipient| recipient.helper).collect())
            }
            Event::ResponseChecked { helper, .. } => ("check", vec![*helper]),
            Event::HelperStoodDown { helper, .. } => ("stand_down", vec![*helper]),
            Event::EmergencyEnded { alerted, .. } => ("ended", alerted.clone()),
            _ => continue,
        };
        let holders = to.into_iter().filter(|helper| record.holders.contains(helper));
        due.extend(holders.map(|helper| ((helper, emergency, kind, id.get()), *at)));
    }
    due
}

fn is_repeated(due: &BTreeMap<Message, Timestamp>, &(helper, emergency, kind, event): &Message) -> bool {
    let later = (helper, emergency, kind, event + 1)..=(helper, emergency, kind, i64::MAX);
    due.range(later).next().is_some()
}

impl PushRecord {
    /// When a message could be sent at the earliest: while the push service is down, each attempt follows after a longer delay.
    fn not_before(&self, at: Timestamp) -> Timestamp {
        let down = self.outages.iter().find(|(from, until)| *from - TOLERANCE <= at && at <= *until);
        let Some((from, until)) = down else { return at };
        // The delays 1, 2, 4 … add up to less than the next one; each may be stretched or shortened by a fifth.
        let down_for = (*until - at.max(*from)).as_seconds_f64();
        let retry_delay = std::time::Duration::from_secs_f64(1.5 * down_for + 1.2);
        *until + TimeDelta::from_std(retry_delay).unwrap().min(MAX_RETRY_DELAY)
    }

    /// Whether the sender of a push may have been killed before it stored the answer.
    fn may_be_forgotten(&self, push: &Push) -> bool {
        self.kills.iter().any(|kill| *kill - NOTE_TIME <= push.at && push.at <= *kill + NOTE_TIME)
    }
}

/// When pushes were sent again without a reason. There are two: the second push of an alert, and a sender that was killed,
/// after whose lease another one sends it again.
fn unexplained(record: &PushRecord, due: Timestamp, kind: &str, first: &Push, others: &[&Push]) -> Vec<TimeDelta> {
    let mut may_be_second = kind == "alert";
    let mut before = first;
    let mut unexplained = Vec::new();
    for push in others {
        let after = push.at - before.at;
        let is_second = may_be_second && push.at >= due + SECOND_PUSH;
        may_be_second &= !is_second;
        let is_taken_over = record.may_be_forgotten(before) && after >= LEASE - MAX_WAIT;
        if !is_second && !is_taken_over {
            unexplained.push(after);
        }
        before = push;
    }
    unexplained
}

#[cfg(test)]
mod tests;
