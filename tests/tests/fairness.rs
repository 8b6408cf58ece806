//! What one caller may take from all others, on both databases. The order of answers is counted, not the time they take.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    panic::resume_unwind,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use allynet_auth::{Argon2Passwords, HmacHasher, JwtTokens};
use allynet_domain::{
    Account, Write,
    port::{MockPresence, Tokens},
    testing,
    usecase::{
        Rules, accounts, blocks, contact_notices, contacts, devices, emergencies, helpers, messages, outbox,
        password_resets,
    },
};
use allynet_rest::{PriorityPorts, Readiness, RestPorts};
use allynet_server::{emergency_queue::EmergencyQueues, scheduler::RequestScheduler};
use allynet_tests::{
    contract::{Database, NewIds, StoppedClock, Store, at, call_of, place, session_of},
    database::{OnPostgres, OnSqlite},
};
use allynet_wire::limits::Limits;
use axum::{Router, body::Body, http::Request};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};
use tower::ServiceExt as _;

/// Requests of the hostile caller that are sent at once.
const FLOOD: usize = 600;
/// How many of them may be answered between a request of the victim and its answer: the four in progress, and those whose turn
/// comes while the victim's commit waits for the disk, which may be slow. Without an order nine in ten are.
const MAX_OVERTAKING: usize = FLOOD / 2;
/// Emergencies that each search finds, so that it takes a while: the victim's commit waits for a disk, and meanwhile searches go
/// on beside it.
const FOUND: usize = 20;

/// A database with a handle for each priority.
trait Prioritized: Database {
    fn stores(self: Arc<Self>) -> impl Future<Output = (Store, Store)> + Send;
}

impl Prioritized for OnPostgres {
    async fn stores(self: Arc<Self>) -> (Store, Store) {
        let adapter = self.adapter().await;
        (Store::new(adapter.clone(), self.clone()), Store::new(adapter.prioritized(), self))
    }
}

impl Prioritized for OnSqlite {
    async fn stores(self: Arc<Self>) -> (Store, Store) {
        let adapter = self.adapter().await;
        (Store::new(adapter.clone(), self.clone()), Store::new(adapter.prioritized(), self))
    }
}

/// The routes on one database, with the scheduler of the service and without rate limits.
#[derive(Clone)]
struct Service {
    store: Store,
    tokens: Arc<JwtTokens>,
    router: Router,
}

fn emergency_ports(store: &Store) -> emergencies::EmergencyPorts {
    emergencies::EmergencyPorts {
        access_log: store.access_log.clone(),
        emergencies: store.emergencies.clone(),
        helpers: store.helpers.clone(),
        resources: store.resources.clone(),
        changes: store.changes.clone(),
        clock: Arc::new(StoppedClock),
        ids: Arc::new(NewIds),
        queue: Arc::new(EmergencyQueues::default()),
        backoff: testing::no_backoff(),
        rules: Rules::default(),
    }
}

fn account_ports(store: &Store, tokens: &Arc<JwtTokens>) -> accounts::AccountPorts {
    accounts::AccountPorts {
        accounts: store.accounts.clone(),
        logins: store.logins.clone(),
        sessions: store.sessions.clone(),
        devices: store.devices.clone(),
        changes: store.changes.clone(),
        tokens: tokens.clone(),
        passwords: Arc::new(Argon2Passwords::new()),
        hashing: testing::no_hashing_queue(),
        hasher: testing::keyed_hasher(),
        clock: Arc::new(StoppedClock),
        ids: Arc::new(NewIds),
    }
}

impl Service {
    fn new(store: Store, high: &Store) -> Self {
        let (secret, day) =
            ("callers are served in turn under this secret".to_owned().into(), Duration::from_hours(24));
        let tokens = Arc::new(JwtTokens::new(&secret, day, day).unwrap());
        let (emergencies, accounts) = (emergency_ports(&store), account_ports(&store, &tokens));
        let mut presence = MockPresence::new();
        presence.expect_is_online().returning(|_| true);
        presence.expect_last_seen().returning(|_| Some(at(0)));
        presence.expect_helpers_online().returning(|| 1);
        let router = allynet_rest::router(RestPorts {
            accounts,
            blocks: blocks::BlockPorts {
                blocks: store.blocks.clone(),
                accounts: store.accounts.clone(),
                emergencies: emergencies.clone(),
            },
            contact_pages: contact_notices::ContactPagePorts {
                notices: store.contact_notices.clone(),
                changes: store.changes.clone(),
                tokens: Arc::new(HmacHasher::new(&secret)),
                clock: Arc::new(StoppedClock),
                backoff: testing::no_backoff(),
            },
            contacts: contacts::ContactPorts {
                contacts: store.contacts.clone(),
                tokens: Arc::new(HmacHasher::new(&secret)),
                clock: Arc::new(StoppedClock),
                ids: Arc::new(NewIds),
            },
            devices: devices::DevicePorts {
                devices: store.devices.clone(),
                push: None,
                changes: store.changes.clone(),
                clock: Arc::new(StoppedClock),
                ids: Arc::new(NewIds),
                alert_ttl: Rules::default().alert_ttl,
                backoff: testing::no_backoff(),
            },
            sending: outbox::SendingPorts {
                outbox: store.outbox.clone(),
                changes: store.changes.clone(),
                clock: Arc::new(StoppedClock),
                ids: Arc::new(NewIds),
                hasher: testing::keyed_hasher(),
                push_key: None,
                channels: allynet_domain::outbox::ConfiguredChannels::default(),
            },
            helpers: helpers::HelperPorts {
                accounts: store.accounts.clone(),
                changes: store.changes.clone(),
                positions: store.positions.clone(),
                clock: Arc::new(StoppedClock),
                backoff: testing::no_backoff(),
                rules: Rules::default(),
            },
            messages: messages::MessagePorts { emergencies: emergencies.clone(), messages: store.messages.clone() },
            emergencies,
            password_resets: password_resets::PasswordResetPorts {
                resets: store.password_resets.clone(),
                changes: store.changes.clone(),
                tokens: Arc::new(HmacHasher::new(&secret)),
                passwords: Arc::new(Argon2Passwords::new()),
                hashing: testing::no_hashing_queue(),
                queue: None,
                clock: Arc::new(StoppedClock),
            },
            exports: store.exports.clone(),
            log: store.log.clone(),
            presence: Arc::new(presence),
            readiness: Readiness::new(
                allynet_rest::Build::of_version("0"),
                store.changes.clone(),
                Arc::new(|| true),
                None,
            ),
            app: allynet_wire::app_config::AppConfig::default(),
            limits: Limits::none(),
            high: PriorityPorts { accounts: account_ports(high, &tokens), emergencies: emergency_ports(high) },
            scheduler: Arc::new(RequestScheduler::new()),
        });
        Self { store, tokens, router }
    }

    async fn token_of(&self, account: &Account) -> String {
        let session = session_of(account.id);
        self.store.write(Write::OpenSession(session.clone())).await;
        self.tokens.access(account, session.id, at(0)).unwrap().expose().to_owned()
    }

    async fn helper(&self) -> String {
        self.token_of(&self.store.helper_at(place(0.0, 0.01)).await).await
    }

    async fn owner(&self) -> String {
        self.token_of(&self.store.register().await).await
    }

    async fn send(&self, token: &str, route: &str, body: &Value) -> (u16, Value) {
        let (method, path) = route.split_once(' ').unwrap();
        let request = Request::builder().method(method).uri(format!("/api/v1/emergencies{path}"));
        let request = request.header("authorization", format!("Bearer {token}"));
        let request = request.header("content-type", "application/json").body(Body::from(body.to_string())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let answer = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&answer).unwrap())
    }

    async fn granted(&self, token: &str, route: &str, body: Value) -> Value {
        let (status, answer) = self.send(token, route, &body).await;
        assert!(matches!(status, 200 | 201), "{route}: {answer}");
        answer["data"].clone()
    }

    async fn raise(&self, owner: &str) -> String {
        let body = json!({ "location": { "latitude": 0.0, "longitude": 0.0 } });
        let raised = self.granted(owner, "POST ", body).await;
        raised["emergency"]["id"].as_str().unwrap().to_owned()
    }
}

/// The requests of a hostile caller, all sent at once.
struct Flood {
    tasks: JoinSet<(u16, Value)>,
    answered: Arc<AtomicUsize>,
}

impl Flood {
    async fn begin(service: &Service, token: &str, route: &str, body: impl Fn(usize) -> Value) -> Self {
        let (mut tasks, answered) = (JoinSet::new(), Arc::<AtomicUsize>::default());
        for n in 0..FLOOD {
            let (service, answered) = (service.clone(), Arc::clone(&answered));
            let (token, route, body) = (token.to_owned(), route.to_owned(), body(n));
            tasks.spawn(async move {
                let answer = service.send(&token, &route, &body).await;
                answered.fetch_add(1, SeqCst);
                answer
            });
        }
        while answered.load(SeqCst) == 0 {
            sleep(Duration::from_millis(1)).await;
        }
        Self { tasks, answered }
    }

    /// Awaits a request of the victim, which may not wait for many of these.
    async fn does_not_delay<T>(&self, what: &str, call: impl Future<Output = T>) -> T {
        let before = self.answered.load(SeqCst);
        let answer = call.await;
        let overtaking = self.answered.load(SeqCst) - before;
        assert!(overtaking <= MAX_OVERTAKING, "{what} waited for {overtaking} requests of another caller");
        answer
    }

    /// Every request is answered in the end, and none refused for its number; on a slow machine some reach their deadline.
    async fn all_answered(mut self) {
        while let Some(answered) = self.tasks.join_next().await {
            let (status, answer) = answered.unwrap();
            assert!(matches!(status, 200 | 503), "{answer}");
        }
    }
}

async fn with_service<D: Prioritized, F>(case: impl FnOnce(Service) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let database = Arc::new(D::fresh().await);
    let (store, high) = database.clone().stores().await;
    let outcome = tokio::spawn(case(Service::new(store, &high))).await;
    database.remove().await;
    if let Err(failed) = outcome {
        resume_unwind(failed.into_panic());
    }
}

async fn parallel_reads_of_one_account_delay_no_call_for_help(service: Service) {
    for _ in 0..FOUND {
        let owner = service.store.register().await;
        service.store.raise(call_of(&owner)).await;
    }
    let (hostile, helper, owner) = (service.helper().await, service.helper().await, service.owner().await);
    let nearby = "GET /nearby?latitude=0&longitude=0&radius=50000&limit=50";
    let flood = Flood::begin(&service, &hostile, nearby, |_| Value::Null).await;
    let emergency = flood.does_not_delay("raising", service.raise(&owner)).await;
    for (what, caller, route) in [("accepting", &helper, "respond"), ("ending", &owner, "resolve")] {
        let route = format!("POST /{emergency}/{route}");
        flood.does_not_delay(what, service.granted(caller, &route, json!({}))).await;
    }
    flood.all_answered().await;
}

async fn updates_of_one_helper_delay_neither_another_helper_nor_another_owner(service: Service) {
    let (hostile, helper) = (service.helper().await, service.helper().await);
    let (owner, other_owner) = (service.owner().await, service.owner().await);
    let emergency = service.raise(&owner).await;
    service.granted(&hostile, &format!("POST /{emergency}/respond"), json!({})).await;
    let status = format!("PUT /{emergency}/helper-status");
    let notes = |n| json!({ "status": "on_way", "notes": format!("{n}") });
    let flood = Flood::begin(&service, &hostile, &status, notes).await;
    flood.does_not_delay("raising", service.raise(&other_owner)).await;
    let respond = format!("POST /{emergency}/respond");
    flood.does_not_delay("accepting", service.granted(&helper, &respond, json!({}))).await;
    let resolve = format!("POST /{emergency}/resolve");
    flood.does_not_delay("ending", service.granted(&owner, &resolve, json!({}))).await;
}

macro_rules! on_both_databases {
    ($($case:ident)+) => {
        mod on_postgres {
            $(#[tokio::test]
            async fn $case() {
                super::with_service::<super::OnPostgres, _>(super::$case).await;
            })+
        }

        mod on_sqlite {
            $(#[tokio::test]
            async fn $case() {
                super::with_service::<super::OnSqlite, _>(super::$case).await;
            })+
        }
    };
}

on_both_databases! {
    parallel_reads_of_one_account_delay_no_call_for_help
    updates_of_one_helper_delay_neither_another_helper_nor_another_owner
}
