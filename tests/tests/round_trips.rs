//! What each request costs in round trips to PostgreSQL: one for a read, two for a change, and one to authenticate the
//! caller, unless the node has done so within the last second and the request is not about the caller's own account.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    cell::Cell,
    sync::Arc,
    time::{Duration, Instant},
};

use allynet_auth::{Argon2Passwords, HmacHasher, JwtTokens};
use allynet_domain::{
    Account, Role, SessionId, UserId, Write,
    port::{Clock, Ids, MockPresence, MockResetQueue, NewPasswordReset, Tokens},
    testing,
    usecase::{
        Rules, accounts, alerts, blocks, contact_notices, contacts, devices, emergencies, helpers, messages, outbox,
        password_resets, rooms,
    },
};
use allynet_postgres::Postgres;
use allynet_tests::{
    contract::{Database, NewIds, StoppedClock, Store, at, id, new_account, place, session_of},
    database::OnPostgres,
};
use axum::{Router, body::Body, http::Request};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::Uuid;

/// To read the caller's account and session.
const AUTHENTICATE: u64 = 1;
const READ: u64 = 1;
const CHANGE: u64 = 2;

/// For how long a caller is cached.
const MAX_CALLER_AGE: Duration = Duration::from_secs(1);

/// The service on a PostgreSQL database that counts round trips.
struct Service {
    postgres: Postgres,
    store: Store,
    tokens: Arc<JwtTokens>,
    emergencies: emergencies::EmergencyPorts,
    helpers: helpers::HelperPorts,
    accounts: accounts::AccountPorts,
    password_resets: password_resets::PasswordResetPorts,
    router: Router,
}

/// An account with a session and its access token.
struct Person {
    account: Account,
    session: SessionId,
    token: String,
    /// When the read began that put them into the cache.
    cached_at: Cell<Option<Instant>>,
}

impl Service {
    async fn start(database: Arc<OnPostgres>) -> Self {
        let postgres = database.adapter().await;
        let store = Store::new(postgres.clone(), database);
        let (clock, ids): (Arc<dyn Clock>, Arc<dyn Ids>) = (Arc::new(StoppedClock), Arc::new(NewIds));
        let (rules, day) = (Rules { tells_contacts: true, ..Rules::default() }, Duration::from_hours(24));
        let secret = "round trips are counted under this secret".to_owned().into();
        let tokens = Arc::new(JwtTokens::new(&secret, day, day).unwrap());
        let emergencies = emergency_ports(&store, rules.clone());
        let blocks = blocks::BlockPorts {
            blocks: store.blocks.clone(),
            accounts: store.accounts.clone(),
            emergencies: emergencies.clone(),
        };
        let accounts = accounts::AccountPorts {
            accounts: store.accounts.clone(),
            logins: store.logins.clone(),
            sessions: store.sessions.clone(),
            devices: store.devices.clone(),
            changes: store.changes.clone(),
            tokens: tokens.clone(),
            passwords: Arc::new(Argon2Passwords::new()),
            hashing: testing::no_hashing_queue(),
            hasher: testing::keyed_hasher(),
            clock: clock.clone(),
            ids,
        };
        let devices = devices::DevicePorts {
            devices: store.devices.clone(),
            push: Some(testing::push_ports()),
            changes: store.changes.clone(),
            clock: clock.clone(),
            ids: accounts.ids.clone(),
            alert_ttl: Rules::default().alert_ttl,
            backoff: testing::no_backoff(),
        };
        let password_resets = password_resets::PasswordResetPorts {
            resets: store.password_resets.clone(),
            changes: store.changes.clone(),
            tokens: Arc::new(HmacHasher::new(&secret)),
            passwords: accounts.passwords.clone(),
            hashing: accounts.hashing.clone(),
            queue: Some(Arc::new(reset_queue())),
            clock: clock.clone(),
        };
        let sending = outbox::SendingPorts {
            outbox: store.outbox.clone(),
            changes: store.changes.clone(),
            clock: clock.clone(),
            ids: accounts.ids.clone(),
            hasher: testing::keyed_hasher(),
            push_key: None,
            channels: allynet_domain::outbox::ConfiguredChannels::default(),
        };
        let contacts = contacts::ContactPorts {
            contacts: store.contacts.clone(),
            tokens: Arc::new(HmacHasher::new(&secret)),
            clock: clock.clone(),
            ids: accounts.ids.clone(),
        };
        let helpers = helpers::HelperPorts {
            accounts: store.accounts.clone(),
            changes: store.changes.clone(),
            positions: store.positions.clone(),
            clock,
            backoff: testing::no_backoff(),
            rules,
        };
        let mut presence = MockPresence::new();
        presence.expect_is_online().returning(|_| true);
        presence.expect_last_seen().returning(|_| Some(at(0)));
        presence.expect_helpers_online().returning(|| 1);
        let router = allynet_rest::router(allynet_rest::RestPorts {
            accounts: accounts.clone(),
            blocks,
            contact_pages: contact_pages(&store, HmacHasher::new(&secret)),
            contacts,
            devices,
            sending,
            helpers: helpers.clone(),
            emergencies: emergencies.clone(),
            messages: messages::MessagePorts { emergencies: emergencies.clone(), messages: store.messages.clone() },
            password_resets: password_resets.clone(),
            exports: store.exports.clone(),
            log: store.log.clone(),
            presence: Arc::new(presence),
            readiness: allynet_rest::Readiness::new(
                allynet_rest::Build::of_version("0"),
                store.changes.clone(),
                Arc::new(|| true),
                None,
            ),
            app: allynet_wire::app_config::AppConfig::default(),
            limits: allynet_wire::limits::Limits::none(),
            high: allynet_rest::PriorityPorts { accounts: accounts.clone(), emergencies: emergencies.clone() },
            scheduler: Arc::new(allynet_wire::scheduling::Unscheduled),
        });
        Self { postgres, store, tokens, emergencies, helpers, accounts, password_resets, router }
    }

    async fn person(&self, account: Account) -> Person {
        let session = session_of(account.id);
        let token = self.tokens.access(&account, session.id, at(0)).unwrap().expose().to_owned();
        self.store.write(Write::OpenSession(session.clone())).await;
        Person { account, session: session.id, token, cached_at: Cell::default() }
    }

    async fn helper(&self) -> Person {
        let helper = self.store.helper_at(place(0.0, 0.01)).await;
        self.person(helper).await
    }

    async fn owner(&self) -> Person {
        let owner = self.store.register().await;
        self.person(owner).await
    }

    /// Sends a request that has to succeed; returns its data and its cost.
    async fn send(&self, by: Option<&Person>, route: &str, body: &Value) -> (Value, u64) {
        let (method, path) = route.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(format!("/api/v1/{path}"));
        if let Some(person) = by {
            request = request.header("authorization", format!("Bearer {}", person.token));
        }
        let request = request.header("content-type", "application/json").body(Body::from(body.to_string())).unwrap();
        let before = self.postgres.round_trips();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let cost = self.postgres.round_trips() - before;
        let status = response.status();
        let answer = response.into_body().collect().await.unwrap().to_bytes();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert!(status.is_success(), "{route}: {answer}");
        (answer["data"].clone(), cost)
    }

    /// Sends a request of a cached caller, and checks its cost.
    async fn costs(&self, expected: u64, by: &Person, route: &str, body: Value) -> Value {
        self.cache(by).await;
        let (data, cost) = self.send(Some(by), route, &body).await;
        let is_own = route.contains(" auth/") || route.ends_with(" helpers/me");
        let expected = if is_own { AUTHENTICATE + expected } else { expected };
        // A busy machine may have sent the request only when the caller was not cached any more.
        let was_late = by.cached_at.get().is_none_or(|at| at.elapsed() >= MAX_CALLER_AGE);
        assert!(
            cost == expected || (was_late && cost == AUTHENTICATE + expected),
            "{route} {body}: {cost}, not {expected}"
        );
        data
    }

    /// Calls until the caller is cached, and will be for half a second at least.
    async fn cache(&self, person: &Person) {
        loop {
            let (before, began) = (self.postgres.round_trips(), Instant::now());
            self.store.sessions.recognize(person.session, person.account.id).await.unwrap().unwrap();
            if self.postgres.round_trips() != before {
                person.cached_at.set(Some(began));
            }
            if person.cached_at.get().is_some_and(|at| at.elapsed() < Duration::from_millis(500)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Raises an emergency where the helpers are.
    async fn raise(&self, owner: &Person) -> String {
        let call = json!({ "location": { "latitude": 0.0, "longitude": 0.0 } });
        let raised = self.costs(CHANGE, owner, "POST emergencies", call).await;
        raised["emergency"]["id"].as_str().unwrap().to_owned()
    }
}

async fn with_service<F: Future<Output = ()>>(case: impl FnOnce(Arc<Service>) -> F) {
    let database = Arc::new(OnPostgres::fresh().await);
    let service = Arc::new(Service::start(database.clone()).await);
    case(service.clone()).await;
    service.postgres.close().await;
    database.remove().await;
}

#[tokio::test]
async fn an_emergency_costs_two_round_trips_per_change_and_one_per_read() {
    with_service(|service| async move {
        let [owner, helper, other] = [service.owner().await, service.helper().await, service.helper().await];
        let request = json!({ "location": { "latitude": 0.0, "longitude": 0.0 }, "requestId": "tap" });
        let raised = service.costs(CHANGE, &owner, "POST emergencies", request.clone()).await;
        let again = service.costs(READ, &owner, "POST emergencies", request).await;
        assert_eq!(raised["emergency"]["id"], again["emergency"]["id"]);
        assert_eq!(raised["emergency"]["alerts"]["alerted"], 2, "so that a decline is filled");
        let one = format!("emergencies/{}", raised["emergency"]["id"].as_str().unwrap());

        service.costs(CHANGE, &other, &format!("POST {one}/respond"), json!({ "action": "decline" })).await;
        service.costs(CHANGE, &helper, &format!("POST {one}/respond"), json!({})).await;
        service.costs(READ, &helper, &format!("POST {one}/respond"), json!({})).await;
        let status = |status: &str| json!({ "status": status });
        service.costs(CHANGE, &helper, &format!("PUT {one}/helper-status"), status("on_way")).await;
        let posted = service.costs(CHANGE, &owner, &format!("POST {one}/messages"), json!({ "message": "Here" })).await;
        let message = posted["message"]["id"].as_str().unwrap().to_owned();

        for (by, route) in [
            (&owner, "GET emergencies/active"),
            (&helper, "GET emergencies/helper-active"),
            (&other, "GET emergencies/pending-for-helper"),
            (&other, "GET emergencies/nearby?latitude=0&longitude=0"),
            (&owner, "GET emergencies/history"),
        ] {
            service.costs(READ, by, route, Value::Null).await;
        }
        for route in ["", "/helpers", "/timeline", "/messages"] {
            service.costs(READ, &owner, &format!("GET {one}{route}"), Value::Null).await;
        }
        service.costs(CHANGE, &owner, &format!("DELETE {one}/messages/{message}"), Value::Null).await;
        service.costs(CHANGE, &helper, &format!("PUT {one}/helper-status"), status("cancelled")).await;
        service.costs(CHANGE, &helper, &format!("POST {one}/respond"), json!({})).await;
        service.costs(CHANGE, &helper, &format!("PUT {one}/helper-status"), status("arrived")).await;
        service.costs(CHANGE, &helper, &format!("POST {one}/report"), json!({ "reason": "Rude" })).await;
        service.costs(CHANGE, &owner, &format!("POST {one}/renew"), json!({})).await;
        service.costs(CHANGE, &helper, &format!("POST {one}/resolve"), json!({})).await;
        // Another read tells which helpers are available.
        service.costs(CHANGE + READ, &helper, &format!("POST {one}/reopen"), json!({})).await;
        service.costs(CHANGE, &owner, &format!("POST {one}/resolve"), json!({})).await;
        let rating = json!({ "helperId": helper.account.id, "score": 5 });
        service.costs(CHANGE, &owner, &format!("POST {one}/ratings"), rating).await;
        service.costs(CHANGE, &owner, &format!("DELETE {one}"), Value::Null).await;

        let second = service.raise(&owner).await;
        service.costs(CHANGE, &owner, &format!("POST emergencies/{second}/cancel"), json!({})).await;
    })
    .await;
}

#[tokio::test]
async fn a_caller_is_authenticated_again_after_a_second() {
    with_service(|service| async move {
        let owner = service.owner().await;
        service.costs(READ, &owner, "GET emergencies/active", Value::Null).await;
        tokio::time::sleep(MAX_CALLER_AGE).await;
        let (_, cost) = service.send(Some(&owner), "GET emergencies/active", &Value::Null).await;
        assert_eq!(cost, AUTHENTICATE + READ);
    })
    .await;
}

#[tokio::test]
async fn accounts_and_helpers_cost_two_round_trips_per_change_and_one_per_read() {
    with_service(|service| async move {
        let account = json!({ "email": "a@example.org", "password": "correct horse", "name": "Ada Lovelace" });
        let (_, cost) = service.send(None, "POST auth/register", &account).await;
        assert_eq!(cost, 1);
        let (signed_in, cost) = service.send(None, "POST auth/login", &account).await;
        // Failures are counted before the wait for a turn to hash, and again after it.
        assert_eq!(cost, READ + CHANGE);
        let refresh = json!({ "refreshToken": signed_in["tokens"]["refreshToken"] });
        let (_, cost) = service.send(None, "POST auth/refresh", &refresh).await;
        assert_eq!(cost, 1);

        let email = json!({ "email": "a@example.org" });
        let (_, cost) = service.send(None, "POST auth/forgot-password", &email).await;
        assert_eq!(cost, 0, "all is done after the answer");
        let cx = &service.password_resets;
        let (token, at) = (cx.tokens.hash("token"), cx.clock.now());
        let reset = NewPasswordReset { email: "a@example.org".parse().unwrap(), token, at };
        let before = service.postgres.round_trips();
        assert!(cx.resets.issue(&reset).await.unwrap().is_some());
        assert_eq!(service.postgres.round_trips() - before, 1);
        let reset = json!({ "token": "token", "password": "correct horse" });
        let (_, cost) = service.send(None, "POST auth/reset-password", &reset).await;
        assert_eq!(cost, CHANGE);

        let known: Account = service.accounts.accounts.find(id_of(&signed_in["user"])).await.unwrap().unwrap();
        let ada = service.person(known).await;
        service.costs(0, &ada, "GET auth/me", Value::Null).await;
        service.costs(1, &ada, "PUT auth/me", json!({ "bio": "Here to help" })).await;
        service.costs(READ, &ada, "GET auth/stats", Value::Null).await;
        service.costs(1, &ada, "PUT helpers/me", json!({ "skills": ["First aid"] })).await;
        service.costs(0, &ada, "GET helpers/me", Value::Null).await;
        service.costs(READ, &ada, "GET helpers/me/readiness", Value::Null).await;
        service.costs(1, &ada, "PUT helpers/me/location", json!({ "latitude": 1, "longitude": 2 })).await;

        let admin = service.store.register_as(Account { role: Role::Admin, ..new_account() }).await;
        let admin = service.person(admin).await;
        let whom = format!("PUT helpers/{}", ada.account.id);
        service.costs(CHANGE, &admin, &format!("{whom}/verification"), json!({ "status": "verified" })).await;
        // Another read finds the emergencies in which the account responds.
        service.costs(CHANGE + READ, &admin, &format!("{whom}/block"), json!({ "blocked": true })).await;
        service.costs(CHANGE, &admin, &format!("{whom}/block"), json!({ "blocked": false })).await;
        for route in [
            "GET helpers",
            "GET helpers/presence",
            "GET admin/coverage",
            "GET admin/emergencies",
            "GET admin/emergencies?status=deleted",
        ] {
            service.costs(READ, &admin, route, Value::Null).await;
        }
        let other = service.owner().await.account;
        let user = format!("auth/me/blocks/{}", other.id);
        service.costs(READ, &ada, "GET auth/me/blocks", Value::Null).await;
        service.costs(CHANGE, &ada, &format!("PUT {user}"), Value::Null).await;
        service.costs(READ, &ada, &format!("PUT {user}"), Value::Null).await;
        service.costs(CHANGE, &ada, "POST auth/me/blocks", json!({ "email": "b@example.org" })).await;
        service.costs(1, &ada, &format!("DELETE {user}"), Value::Null).await;
        service.costs(READ, &admin, &format!("GET helpers/{}/blocks", ada.account.id), Value::Null).await;
        let mum = json!({ "name": "Mum", "email": "mum@example.org" });
        let added = service.costs(1, &ada, "POST auth/emergency-contacts", mum).await;
        let contact = format!("auth/emergency-contacts/{}", added["contact"]["id"].as_str().unwrap());
        service.costs(READ, &ada, "GET auth/emergency-contacts", Value::Null).await;
        service.costs(CHANGE, &ada, &format!("PUT {contact}"), json!({ "order": 1 })).await;
        service.costs(1, &ada, &format!("DELETE {contact}"), Value::Null).await;
        let aed = json!({ "kind": "aed", "location": { "latitude": 1.0, "longitude": 1.0 } });
        let added = service.costs(1, &admin, "POST resources", aed).await;
        let aed = format!("resources/{}", added["resource"]["id"].as_str().unwrap());
        service.costs(READ, &ada, "GET resources?latitude=1&longitude=1", Value::Null).await;
        service.costs(CHANGE, &admin, &format!("PUT {aed}"), json!({ "level": "1" })).await;
        service.costs(1, &admin, &format!("DELETE {aed}"), Value::Null).await;
        let keys = json!({ "p256dh": "", "auth": "" });
        let device = json!({ "kind": "webpush", "endpoint": "https://push.example.org/1", "keys": keys });
        service.costs(CHANGE, &ada, "POST devices", device).await;
        service.costs(READ, &ada, "GET devices", Value::Null).await;
        let registered = service.store.devices.list(ada.account.id).await.unwrap();
        service.costs(1, &ada, &format!("DELETE devices/{}", registered[0].id), Value::Null).await;
        service.costs(READ, &ada, "GET auth/sessions", Value::Null).await;
        service.costs(READ, &ada, "GET auth/me/access-log", Value::Null).await;
        // One of each kind of record, and one page of emergencies.
        service.costs(14, &ada, "GET auth/me/export", Value::Null).await;
        let other = service.store.open(&ada.account).await;
        service.costs(READ + 1, &ada, &format!("DELETE auth/sessions/{}", other.id), Value::Null).await;
        let passwords = json!({ "currentPassword": "correct horse", "newPassword": "battery staple" });
        service.costs(CHANGE, &ada, "PUT auth/update-password", passwords).await;
        service.costs(1, &ada, "POST auth/logout", json!({})).await;
        let account = json!({ "email": "leaving@example.org", "password": "correct horse", "name": "Bo" });
        for route in ["DELETE auth/me", "POST auth/me/delete"] {
            let (registered, _) = service.send(None, "POST auth/register", &account).await;
            let leaving = service.store.account(id_of(&registered["user"])).await;
            let leaving = service.person(leaving).await;
            // Failed logins twice, the account, its live emergencies twice, and the change.
            service.costs(6, &leaving, route, json!({ "password": "correct horse" })).await;
        }
    })
    .await;
}

#[tokio::test]
async fn timers_and_sockets_cost_no_more_than_requests() {
    with_service(|service| async move {
        let [owner, helper] = [service.owner().await, service.helper().await];
        let emergency = service.raise(&owner).await.parse().unwrap();
        let actor = |person: &Person| allynet_domain::Actor { account: person.account.clone(), session: id() };
        let mut spent = service.postgres.round_trips();
        let mut cost = || {
            let before = std::mem::replace(&mut spent, service.postgres.round_trips());
            spent - before
        };
        let cx = &service.emergencies;
        alerts::record_receipts(
            cx,
            &[alerts::Receipt { emergency, helper: helper.account.id, session: helper.session, is_acknowledged: true }],
        )
        .await
        .unwrap();
        assert_eq!(cost(), 1, "acknowledgements, however many");
        for which in [rooms::Which::Id(emergency), rooms::Which::Current] {
            rooms::join(cx, &*service.store.log, &actor(&owner), which).await.unwrap();
            assert_eq!(cost(), READ, "joining {which:?}");
            rooms::leave(cx, &*service.store.log, owner.account.id, which).await.unwrap();
            assert_eq!(cost(), READ, "leaving {which:?}");
        }
        rooms::restore(cx, &owner.account).await.unwrap();
        assert_eq!(cost(), READ, "connecting");
        let (at, who) = (service.helpers.clock.now(), (helper.account.id, helper.session));
        helpers::locate(&service.helpers, helpers::report(at, who, place(0.0, 0.02), None)).await.unwrap();
        assert_eq!(cost(), 1, "a position");
        let newcomer = service.store.helper_at(place(0.0, 0.001)).await;
        cost();
        assert!(alerts::alert_if_in_range(cx, emergency, newcomer.id, None).await.unwrap());
        assert_eq!(cost(), CHANGE, "a helper who comes near");

        let mut later = cx.clone();
        later.rules.alerts.timing.interval = -chrono::TimeDelta::hours(1);
        service.send(Some(&owner), &format!("POST emergencies/{emergency}/cancel"), &json!({})).await;
        let call = allynet_tests::contract::call_of(&owner.account);
        emergencies::raise(&later, &actor(&owner), call.call().details.clone(), None, false).await.unwrap();
        cost();
        assert_eq!(alerts::fire_due(cx, &*service.store.alerts, |_| ()).await.unwrap(), 1);
        assert_eq!(cost(), 1 + CHANGE, "looking for what is due, and a wave");
    })
    .await;
}

fn emergency_ports(store: &Store, rules: Rules) -> emergencies::EmergencyPorts {
    emergencies::EmergencyPorts {
        access_log: store.access_log.clone(),
        emergencies: store.emergencies.clone(),
        helpers: store.helpers.clone(),
        resources: store.resources.clone(),
        changes: store.changes.clone(),
        clock: Arc::new(StoppedClock),
        ids: Arc::new(NewIds),
        queue: testing::no_queue(),
        backoff: testing::no_backoff(),
        rules,
    }
}

fn reset_queue() -> MockResetQueue {
    let mut queue = MockResetQueue::new();
    queue.expect_push().returning(|_| Ok(()));
    queue
}

fn contact_pages(store: &Store, hasher: HmacHasher) -> contact_notices::ContactPagePorts {
    contact_notices::ContactPagePorts {
        notices: store.contact_notices.clone(),
        changes: store.changes.clone(),
        tokens: Arc::new(hasher),
        clock: Arc::new(StoppedClock),
        backoff: testing::no_backoff(),
    }
}

fn id_of(user: &Value) -> UserId {
    user["id"].as_str().unwrap().parse::<Uuid>().unwrap().into()
}
