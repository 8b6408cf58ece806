//! The owner and the helper whose calls must not suffer, and what they measured.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use allynet_tests::service::{
    http::Request,
    world::{HERE, World},
};
use serde_json::{Value, json};

use crate::form::is_long;

/// How many times slower than without the attack the victim's calls may be: the requirement, and what the short form allows
/// on a machine that does other things.
const MAX_P99_RATIO: u32 = 3;
const MAX_RATIO_ON_A_BUSY_MACHINE: u32 = 30;
/// The 99th percentile under attack. Judged by the long form only.
const MAX_P99: Duration = Duration::from_millis(250);
/// Below this a latency says nothing about the service: the test itself shares the processors.
const MIN_BASELINE: Duration = Duration::from_millis(20);

/// An owner and a helper, on one node.
pub(crate) struct Victim<'a> {
    world: &'a World,
    node: SocketAddr,
    next_owner: usize,
}

/// The answers to the calls of some rounds.
#[derive(Debug, Default)]
pub(crate) struct Record {
    latencies: Vec<Duration>,
    refused: Vec<(&'static str, u16)>,
}

impl<'a> Victim<'a> {
    /// The first helper of the world, and its owners one after the other.
    pub(crate) fn new(world: &'a World, node: SocketAddr) -> Self {
        Self { world, node, next_owner: 0 }
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
        let owner = &self.world.owners[self.next_owner].token;
        let helper = &self.world.helpers[0].token;
        self.next_owner += 1;
        let place = json!({ "latitude": HERE.0, "longitude": HERE.1 });
        let raise = Request::post("/api/v1/emergencies", json!({ "location": place }));
        let Some(raised) = self.call("raise", &raise, owner, record).await else { return };
        let emergency = raised["data"]["emergency"]["id"].as_str().unwrap().to_owned();
        let part = |what: &str, body| Request::post(format!("/api/v1/emergencies/{emergency}/{what}"), body);
        self.call("accept", &part("respond", json!({})), helper, record).await;
        self.call("message", &part("messages", json!({ "message": "hurry" })), owner, record).await;
        self.call("end", &part("resolve", json!({})), owner, record).await;
    }

    async fn call(&self, what: &'static str, request: &Request, token: &str, record: &mut Record) -> Option<Value> {
        let begun = Instant::now();
        let answer = request.send(self.node, token).await;
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
    pub(crate) fn p99(&self) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        sorted[(sorted.len() * 99).div_ceil(100).saturating_sub(1)]
    }

    /// Nothing was refused or lost.
    pub(crate) fn was_granted(&self, what: &str) {
        assert!(self.refused.is_empty(), "{what}: refused (0: no answer): {:?}", self.refused);
    }

    /// Nothing was refused, and calls took not much longer than in `quiet`.
    pub(crate) fn did_not_suffer(&self, quiet: &Self, what: &str) {
        let (before, under_attack) = (quiet.p99(), self.p99());
        println!("{what}: p99 {} ms, quiet {} ms", under_attack.as_millis(), before.as_millis());
        self.was_granted(what);
        if is_long() {
            assert!(under_attack < MAX_P99, "{what}: {under_attack:?}");
        }
        let ratio = if is_long() { MAX_P99_RATIO } else { MAX_RATIO_ON_A_BUSY_MACHINE };
        let limit = before.max(MIN_BASELINE) * ratio;
        assert!(under_attack < limit, "{what}: {under_attack:?} instead of {before:?}");
    }
}
