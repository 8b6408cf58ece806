//! All requests to the service and their answers, for comparison with the event log.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use allynet_domain::{EmergencyId, Event, LoggedEvent, Sender, UserId};
use allynet_tests::service::{http::Request, node::Route, world::Person};
use serde_json::Value;
use tokio::time::sleep;

use crate::form::Chance;

/// The time for which a request is retried.
const RETRY_DEADLINE: Duration = Duration::from_mins(1);

/// A kind of request, whose success is an event in the log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wish {
    Raise { owner: UserId },
    Respond { emergency: EmergencyId, helper: UserId },
    Update { emergency: EmergencyId, helper: UserId, status: String },
    Say { text: String },
    End { emergency: EmergencyId },
}

impl Wish {
    /// The request that an event results from; `None` for events that the service creates by itself.
    fn fulfilled_by(logged: &LoggedEvent) -> Option<Self> {
        let emergency = logged.emergency?;
        Some(match &logged.event {
            Event::EmergencyCreated { call, .. } => Self::Raise { owner: call.owner.id },
            Event::HelperJoined { helper, .. } => Self::Respond { emergency, helper: helper.person.id },
            Event::HelperStatusUpdated { helper, status, .. } => {
                Self::Update { emergency, helper: *helper, status: status.as_str().to_owned() }
            }
            Event::MessagePosted { message } if message.from != Sender::System => {
                Self::Say { text: message.text.as_str().to_owned() }
            }
            Event::EmergencyEnded { .. } => Self::End { emergency },
            _ => return None,
        })
    }
}

/// How often a request was sent, and how often it was granted.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    attempts: u32,
    granted: u32,
}

/// A request and its outcome.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) begun: Instant,
    pub(crate) took: Duration,
    /// `None` if the answer was lost or the connection refused.
    pub(crate) status: Option<u16>,
}

#[derive(Debug, Default)]
struct Entries {
    wishes: BTreeMap<Wish, Tally>,
    attempts: Vec<Attempt>,
    /// Emergencies that were answered by 201 or 200, and their owners.
    raised: BTreeMap<UserId, BTreeSet<EmergencyId>>,
    faults: Vec<String>,
}

/// The requests of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Entries>>);

impl Ledger {
    /// Sends a request once.
    pub(crate) async fn ask(
        &self,
        wish: &Wish,
        request: &Request,
        who: &Person,
        node: &Route,
        n: usize,
    ) -> Option<Value> {
        let begun = Instant::now();
        self.with(|entries| entries.wishes.entry(wish.clone()).or_default().attempts += 1);
        let answer = request.send(node.nth(n), &who.token).await;
        let (took, status) = (begun.elapsed(), answer.as_ref().ok().map(|answer| answer.status));
        self.with(|entries| {
            entries.attempts.push(Attempt { begun, took, status });
            let tally = entries.wishes.entry(wish.clone()).or_default();
            match status {
                Some(200 | 201) => tally.granted += 1,
                // An earlier attempt may have succeeded without an answer.
                Some(409) if matches!(wish, Wish::End { .. }) && tally.attempts > 1 => tally.granted += 1,
                None | Some(503) => return None,
                Some(_) => {
                    entries.faults.push(format!("{wish:?} was answered {answer:?}"));
                    return None;
                }
            }
            let body = answer.map(|answer| answer.body).unwrap_or_default();
            if let (Wish::Raise { owner }, Some(id)) = (wish, raised(&body)) {
                entries.raised.entry(*owner).or_default().insert(id);
            }
            Some(body)
        })
    }

    /// Sends a request until it is granted, to one node after the other.
    pub(crate) async fn insist(
        &self,
        wish: &Wish,
        request: &Request,
        who: &Person,
        node: &Route,
        chance: &mut Chance,
    ) -> Option<Value> {
        let begun = Instant::now();
        while begun.elapsed() < RETRY_DEADLINE {
            if let Some(body) = self.ask(wish, request, who, node, chance.below(1 << 16)).await {
                return Some(body);
            }
            sleep(chance.between(Duration::from_millis(50), Duration::from_millis(250))).await;
        }
        self.with(|entries| entries.faults.push(format!("{wish:?} was not granted within {RETRY_DEADLINE:?}")));
        None
    }

    /// All requests so far.
    pub(crate) fn attempts(&self) -> Vec<Attempt> {
        self.with(|entries| entries.attempts.clone())
    }

    /// The differences between granted requests and the log.
    pub(crate) fn compare(&self, log: &[LoggedEvent]) -> Vec<String> {
        let mut done = BTreeMap::<Wish, u32>::new();
        let mut created = BTreeMap::<UserId, EmergencyId>::new();
        for logged in log {
            if let Some(wish) = Wish::fulfilled_by(logged) {
                *done.entry(wish).or_default() += 1;
            }
            if let (Event::EmergencyCreated { call, .. }, Some(id)) = (&logged.event, logged.emergency) {
                created.insert(call.owner.id, id);
            }
        }
        self.with(|entries| {
            let mut wrong = entries.faults.clone();
            for (wish, Tally { attempts, granted }) in &entries.wishes {
                let count = done.get(wish).copied().unwrap_or_default();
                let most = if matches!(wish, Wish::Update { .. }) { *attempts } else { 1 };
                if *granted > 0 && count == 0 {
                    wrong.push(format!("{wish:?} was granted and is not in the log"));
                }
                if count > most {
                    wrong.push(format!("{wish:?} is {count} times in the log, asked for {attempts} times"));
                }
            }
            let unasked = done.keys().filter(|wish| !entries.wishes.contains_key(wish));
            wrong.extend(unasked.map(|wish| format!("{wish:?} is in the log and was never asked for")));
            for (owner, ids) in &entries.raised {
                if created.get(owner).is_none_or(|id| ids.iter().any(|answered| answered != id)) {
                    wrong.push(format!("{owner} was answered {ids:?}, the log has {:?}", created.get(owner)));
                }
            }
            wrong
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Entries) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }
}

/// The id of the emergency in the answer to `POST /emergencies`.
pub(crate) fn raised(body: &Value) -> Option<EmergencyId> {
    body["data"]["emergency"]["id"].as_str()?.parse().ok()
}
