//! The owner and the helper whose calls must not suffer, and what they measured.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use allynet_domain::EmergencyId;
use allynet_tests::service::{
    http::Request,
    world::{HERE, Person},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::form::{is_long, pick};

/// How many times slower than without the attack the victim's calls may be: the requirement, and what the short form allows
/// on a machine that does other things.
const MAX_P99_RATIO: u32 = 3;
const MAX_RATIO_ON_A_BUSY_MACHINE: u32 = 30;
/// The 99th percentile under attack. Judged by the long form only.
const MAX_P99: Duration = Duration::from_millis(250);
/// Below this a latency says nothing about the service: the test itself shares the processors, in the short form with another case.
const MIN_BASELINE: Duration = Duration::from_millis(20);
const MIN_BASELINE_ON_A_BUSY_MACHINE: Duration = Duration::from_millis(50);

/// An owner and a helper, on one node.
pub(crate) struct Victim {
    node: SocketAddr,
    from: Ipv4Addr,
    helper: Person,
    owners: std::vec::IntoIter<Person>,
}

/// The answers to the calls of some rounds.
#[derive(Debug, Default)]
pub(crate) struct Record {
    latencies: Vec<Duration>,
    refused: Vec<(&'static str, u16)>,
}

/// An SOS at the place of all emergencies.
fn sos() -> Request {
    let place = json!({ "latitude": HERE.0, "longitude": HERE.1 });
    Request::post("/api/v1/emergencies", json!({ "location": place }))
}

/// The id in the answer to an SOS.
fn emergency_of(answer: &Value) -> &str {
    answer["data"]["emergency"]["id"].as_str().unwrap()
}

/// Raises an emergency from this address.
pub(crate) async fn raise(node: SocketAddr, from: Ipv4Addr, token: &str) -> EmergencyId {
    let raised = sos().from_address(from).send(node, token).await.unwrap();
    assert_eq!(raised.status, 201, "an SOS was refused: {:?}", raised.body);
    EmergencyId::from(emergency_of(&raised.body).parse::<Uuid>().unwrap())
}

impl Victim {
    /// The helper, and the owners one after the other, who call from this address.
    pub(crate) fn new(node: SocketAddr, from: Ipv4Addr, helper: Person, owners: Vec<Person>) -> Self {
        Self { node, from, helper, owners: owners.into_iter() }
    }

    /// Raises this many emergencies one after the other, each with an acceptance, a message and its end.
    pub(crate) async fn rounds(&mut self, count: usize) -> Record {
        let mut record = Record::default();
        for _ in 0..count {
            self.round(&mut record).await;
        }
        record
    }

    async fn round(&mut self, record: &mut Record) {
        let owner = self.owners.next().unwrap();
        let Some(raised) = self.call("raise", sos(), &owner, record).await else { return };
        let emergency = emergency_of(&raised);
        let part = |what: &str, body| Request::post(format!("/api/v1/emergencies/{emergency}/{what}"), body);
        self.call("accept", part("respond", json!({})), &self.helper, record).await;
        self.call("message", part("messages", json!({ "message": "hurry" })), &owner, record).await;
        self.call("end", part("resolve", json!({})), &owner, record).await;
    }

    async fn call(&self, what: &'static str, request: Request, by: &Person, record: &mut Record) -> Option<Value> {
        let begun = Instant::now();
        let answer = request.from_address(self.from).send(self.node, &by.token).await;
        record.latencies.push(begun.elapsed());
        match answer {
            Ok(answer) if answer.status < 300 => Some(answer.body),
            Ok(answer) => {
                record.refused.push((what, answer.status));
                None
            }
            Err(_) => {
                record.refused.push((what, 0));
                None
            }
        }
    }
}

impl Record {
    /// The 99th percentile; of fewer than a hundred calls, the slowest.
    fn p99(&self) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        sorted[(sorted.len() * 99).div_ceil(100).saturating_sub(1)]
    }

    /// Nothing was refused or lost.
    pub(crate) fn was_granted(&self, what: &str) {
        assert!(self.refused.is_empty(), "{what}: refused (0: no answer): {:?}", self.refused);
    }

    /// Whether calls took not much longer than in `quiet`.
    pub(crate) fn is_as_fast_as(&self, quiet: &Self) -> bool {
        let ratio = pick(MAX_RATIO_ON_A_BUSY_MACHINE, MAX_P99_RATIO);
        self.p99() < quiet.p99().max(pick(MIN_BASELINE_ON_A_BUSY_MACHINE, MIN_BASELINE)) * ratio
    }

    /// Nothing was refused, and calls took not much longer than in `quiet`.
    pub(crate) fn did_not_suffer(&self, quiet: &Self, what: &str) {
        let (before, under_attack) = (quiet.p99(), self.p99());
        println!("{what}: p99 {} ms, quiet {} ms", under_attack.as_millis(), before.as_millis());
        self.was_granted(what);
        if is_long() {
            assert!(under_attack < MAX_P99, "{what}: {under_attack:?}");
        }
        assert!(self.is_as_fast_as(quiet), "{what}: {under_attack:?} instead of {before:?}");
    }
}
