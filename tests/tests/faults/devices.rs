//! The devices of helpers without a connection, at a push service of the test, which can be down for a time.
//!
//! Two thirds of them confirm every alert as an app does, the others never do. Records every push; the checker decides what
//! is right.

use std::{
    collections::{BTreeSet, HashMap},
    io::Write as _,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
    time::Duration,
};

use allynet_domain::{EmergencyId, Timestamp, UserId};
use allynet_tests::{
    push_service::{Answer, PushService, Received},
    service::{
        http::Request,
        node::{Node, Route},
        now,
        world::World,
    },
};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

/// The key of RFC 8291 §5.
const VAPID_PRIVATE_KEY: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
/// How long the push service takes to answer, so that a killed node leaves pushes without an answer.
const ANSWER_DELAY: Duration = Duration::from_millis(50);
/// The delay between two attempts to confirm an alert.
const CONFIRM_RETRY_DELAY: Duration = Duration::from_millis(100);
/// The time within which a push is in flight while many are sent.
const IN_FLIGHT_DEADLINE: Duration = Duration::from_secs(5);
/// Every device with this remainder never confirms anything.
const SILENT: usize = 3;

/// A push service for nodes that are not started yet.
pub(crate) struct Provider {
    service: PushService,
    host: String,
    authority: NamedTempFile,
}

/// A push that the push service has received.
#[derive(Debug, Clone)]
pub(crate) struct Push {
    pub(crate) helper: UserId,
    pub(crate) at: Timestamp,
    pub(crate) accepted: bool,
    pub(crate) topic: String,
    /// `None` if the device could not decrypt or read it, or its sender is not proven.
    pub(crate) message: Option<PushedMessage>,
}

/// What a push tells.
#[derive(Debug, Clone)]
pub(crate) struct PushedMessage {
    pub(crate) kind: String,
    pub(crate) emergency: EmergencyId,
    pub(crate) event: i64,
    pub(crate) receipt: String,
}

/// Everything that a run did to senders and push services, and what came of it.
#[derive(Debug, Default, Clone)]
pub(crate) struct PushRecord {
    /// The users that have a device.
    pub(crate) holders: BTreeSet<UserId>,
    pub(crate) pushes: Vec<Push>,
    /// The alerts whose receipts a node has taken.
    pub(crate) confirmed: BTreeSet<(EmergencyId, UserId)>,
    /// When nodes were killed.
    pub(crate) kills: Vec<Timestamp>,
    /// From when until when the push service was down.
    pub(crate) outages: Vec<(Timestamp, Timestamp)>,
}

/// The devices, one for each helper that is near.
pub(crate) struct Devices {
    provider: Provider,
    /// The helper of each subscription.
    helpers: HashMap<String, UserId>,
    record: Arc<Mutex<PushRecord>>,
    confirming: JoinHandle<()>,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let service = PushService::start().await;
        let mut authority = NamedTempFile::new().unwrap();
        authority.write_all(service.authority().as_bytes()).unwrap();
        Self { host: service.host(), service, authority }
    }

    /// The settings of a node that sends to it.
    pub(crate) fn settings(&self) -> [(&str, &str); 5] {
        [
            ("ALLYNET_PUSH_ALLOW", &self.host),
            ("ALLYNET_EXTRA_CA", self.authority.path().to_str().unwrap()),
            ("ALLYNET_VAPID_PRIVATE_KEY", VAPID_PRIVATE_KEY),
            ("ALLYNET_VAPID_SUBJECT", "mailto:alerts@example.org"),
            // No alert is repeated while the push service is down: every push follows from one event.
            ("ALLYNET_ALERT_INTERVAL", "10m"),
        ]
    }
}

impl Devices {
    /// Registers a device for each helper that is near.
    pub(crate) async fn register(provider: Provider, world: &World, route: &Route) -> Self {
        let (mut helpers, mut silent) = (HashMap::new(), BTreeSet::new());
        for (n, helper) in world.helpers.iter().enumerate().take(world.near.len()) {
            let made = provider.service.subscribe();
            let keys = json!({ "p256dh": made.p256dh(), "auth": made.auth() });
            let body = json!({ "kind": "webpush", "endpoint": made.endpoint, "keys": keys });
            let answer = Request::post("/api/v1/devices", body).send(route.nth(n), &helper.token).await.unwrap();
            assert_eq!(answer.status, 201, "{answer:?}");
            if n % SILENT == 0 {
                silent.insert(helper.id);
            }
            helpers.insert(made.token, helper.id);
        }
        provider.service.answer_all(&Answer::status(201).after(ANSWER_DELAY));
        let record = PushRecord { holders: helpers.values().copied().collect(), ..PushRecord::default() };
        let record = Arc::new(Mutex::new(record));
        let confirming = Confirming {
            service: provider.service.clone(),
            helpers: helpers.clone(),
            silent,
            route: route.clone(),
            record: Arc::clone(&record),
        };
        Self { provider, helpers, record, confirming: tokio::spawn(confirming.run()) }
    }

    /// Waits until the push service owes an answer, kills a node, and notes when.
    pub(crate) async fn kill(&self, node: Node) {
        let in_flight = async {
            while self.provider.service.in_flight() == 0 {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(IN_FLIGHT_DEADLINE, in_flight).await.expect("nothing is sent");
        node.kill();
        self.record.lock().unwrap().kills.push(now());
    }

    /// Lets the push service end every connection without an answer for this time.
    pub(crate) async fn outage(&self, time: Duration) {
        let from = now();
        self.provider.service.answer_all(&Answer::status(0));
        sleep(time).await;
        self.provider.service.answer_all(&Answer::status(201).after(ANSWER_DELAY));
        self.record.lock().unwrap().outages.push((from, now()));
    }

    /// The settings of another node.
    pub(crate) fn settings(&self) -> [(&str, &str); 5] {
        self.provider.settings()
    }

    pub(crate) fn record(&self) -> PushRecord {
        let mut record = self.record.lock().unwrap().clone();
        record.pushes = self.provider.service.received().iter().map(|received| self.read(received)).collect();
        record
    }

    fn read(&self, received: &Received) -> Push {
        Push {
            helper: self.helpers[&received.token],
            at: received.at,
            accepted: received.answer == 201,
            topic: received.header("topic").to_owned(),
            message: message(received),
        }
    }
}

impl Drop for Devices {
    fn drop(&mut self) {
        self.confirming.abort();
    }
}

fn message(received: &Received) -> Option<PushedMessage> {
    received.vapid.as_ref()?;
    let told: Value = serde_json::from_slice(received.plaintext.as_ref()?).ok()?;
    Some(PushedMessage {
        kind: told["kind"].as_str()?.to_owned(),
        emergency: told["emergencyId"].as_str()?.parse().ok()?,
        event: told["eventId"].as_i64()?,
        receipt: told["receipt"].as_str()?.to_owned(),
    })
}

/// Sends the receipts of alerts, each until a node takes it.
struct Confirming {
    service: PushService,
    helpers: HashMap<String, UserId>,
    silent: BTreeSet<UserId>,
    route: Route,
    record: Arc<Mutex<PushRecord>>,
}

impl Confirming {
    async fn run(self) {
        let mut seen = 0_u32;
        loop {
            for received in self.service.wait_for_more(seen as usize).await {
                seen += 1;
                let helper = self.helpers[&received.token];
                if let Some(message) = message(&received).filter(|message| message.kind == "alert")
                    && received.answer == 201
                    && !self.silent.contains(&helper)
                {
                    // Each from another address of this host, since an address may send few in a minute.
                    let source = Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + seen);
                    let body = json!({ "receipt": message.receipt, "state": "delivered" });
                    let receipt = Request::post("/api/v1/alerts/receipts", body).from_address(source);
                    let (route, record) = (self.route.clone(), Arc::clone(&self.record));
                    tokio::spawn(async move {
                        insist(&receipt, &route).await;
                        record.lock().unwrap().confirmed.insert((message.emergency, helper));
                    });
                }
            }
        }
    }
}

async fn insist(request: &Request, route: &Route) {
    for n in 0.. {
        if request.send(route.nth(n), "").await.is_ok_and(|answer| answer.status == 200) {
            return;
        }
        sleep(CONFIRM_RETRY_DELAY).await;
    }
}
