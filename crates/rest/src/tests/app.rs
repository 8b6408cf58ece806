//! The router on mocks, and requests to it. A call that a mock does not expect panics, which shows as a 500.

use std::{panic::AssertUnwindSafe, sync::Arc};

use allynet_domain::{
    Account, HelperRecord, HelperReputation, Profile, Role, Text, Timestamp, UserId,
    port::{
        AccessClaims, MockAccounts, MockBlocks, MockChanges, MockClock, MockContactNotices, MockContacts, MockDevices,
        MockEmergencies, MockEventLog, MockHelpers, MockIds, MockLinkTokens, MockLogins, MockMessages, MockOutbox,
        MockPasswordResets, MockPasswords, MockPositions, MockPresence, MockResetTokens, MockSessions, MockTokens,
        TokenError,
    },
    testing,
    usecase::{
        Rules, accounts, blocks, contact_notices, contacts, devices, emergencies, helpers, messages, outbox,
        password_resets,
    },
};
use allynet_wire::{
    app_config::AppConfig,
    limits::Limits,
    scheduling::{Scheduler, Unscheduled},
};
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, request::Builder},
    response::IntoResponse as _,
};
use futures_util::FutureExt as _;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;
use uuid::Uuid;

use crate::{Build, Failure, PriorityPorts, Readiness, ReadinessCheck, RestPorts, router};

pub(super) const USER: u128 = 1;
pub(super) const ADMIN: u128 = 2;
pub(super) const BLOCKED: u128 = 3;
pub(super) const METRICS: &str = "measured 1\n";
pub(super) const BUILD: Build = Build { version: "1.2.3", commit: Some("0123456789ab"), date: Some("2026-11-28") };
const GENERATED_ID: Uuid = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001);

/// The mocks of one test; it sets the expectations.
#[derive(Default)]
pub(super) struct Mocks {
    pub(super) accounts: MockAccounts,
    pub(super) blocks: MockBlocks,
    pub(super) changes: MockChanges,
    pub(super) emergencies: MockEmergencies,
    /// Of every caller.
    pub(super) helper: Option<HelperRecord>,
    pub(super) helpers: MockHelpers,
    pub(super) log: MockEventLog,
    pub(super) messages: MockMessages,
    pub(super) logins: MockLogins,
    pub(super) passwords: MockPasswords,
    pub(super) positions: MockPositions,
    pub(super) presence: MockPresence,
    pub(super) not_ready: bool,
    pub(super) limits: Limits,
    pub(super) scheduler: Option<Arc<dyn Scheduler>>,
    pub(super) redis: Option<bool>,
}

pub(super) fn now() -> Timestamp {
    "2024-01-15T10:00:00Z".parse().unwrap()
}

pub(super) fn account(id: u128) -> Account {
    let text = |text| Text::parse(text).unwrap();
    Account {
        id: UserId::from(Uuid::from_u128(id)),
        email: format!("u{id}@example.org").parse().unwrap(),
        profile: Profile::new(text("Ada"), None),
        role: if id == ADMIN { Role::Admin } else { Role::User },
        blocked: id == BLOCKED,
        helper: None,
        reputation: HelperReputation::default(),
        blocks: Vec::new(),
        created_at: now(),
    }
}

/// Accepts the tokens `user`, `admin` and `blocked`; `expired` is expired, and all others are invalid.
fn tokens() -> MockTokens {
    let mut tokens = MockTokens::new();
    tokens.expect_read_access().returning(|token, _| {
        let user = match token {
            "user" => USER,
            "admin" => ADMIN,
            "blocked" => BLOCKED,
            "expired" => return Err(TokenError::Expired),
            _ => return Err(TokenError::Invalid),
        };
        let session = Uuid::from_u128(9).into();
        Ok(AccessClaims { user: Uuid::from_u128(user).into(), session, expires_at: now() })
    });
    tokens
}

impl Mocks {
    pub(super) fn ports(self) -> RestPorts {
        let mut sessions = MockSessions::new();
        let helper = self.helper;
        let caller = move |user: UserId| Account { helper: helper.clone(), ..account(Uuid::from(user).as_u128()) };
        let recognized = caller.clone();
        sessions.expect_authenticate().returning(move |_, user| Ok(Some(caller(user))));
        sessions.expect_recognize().returning(move |_, user| Ok(Some(recognized(user))));
        let mut clock = MockClock::new();
        clock.expect_now().returning(now);
        let clock = Arc::new(clock);
        let (accounts, changes, rules) = (Arc::new(self.accounts), Arc::new(self.changes), Rules::default());
        let emergencies = emergencies::EmergencyPorts {
            access_log: testing::no_access_log(),
            emergencies: Arc::new(self.emergencies),
            helpers: Arc::new(self.helpers),
            resources: testing::no_resources(),
            changes: changes.clone(),
            clock: clock.clone(),
            ids: ids(),
            queue: testing::no_queue(),
            backoff: testing::no_backoff(),
            rules: rules.clone(),
        };
        let callers = accounts::AccountPorts {
            accounts: accounts.clone(),
            logins: Arc::new(self.logins),
            sessions: Arc::new(sessions),
            devices: Arc::new(MockDevices::new()),
            changes: changes.clone(),
            tokens: Arc::new(tokens()),
            passwords: Arc::new(self.passwords),
            hashing: testing::no_hashing_queue(),
            hasher: testing::keyed_hasher(),
            clock: clock.clone(),
            ids: ids(),
        };
        let high = PriorityPorts { accounts: callers.clone(), emergencies: emergencies.clone() };
        let ready: ReadinessCheck = Arc::new(move || !self.not_ready);
        let redis = self.redis.map(|open| Arc::new(move || open) as ReadinessCheck);
        let readiness = Readiness::new(BUILD, changes.clone(), ready, redis);
        RestPorts {
            blocks: blocks::BlockPorts {
                blocks: Arc::new(self.blocks),
                accounts: accounts.clone(),
                emergencies: emergencies.clone(),
            },
            contact_pages: no_contact_pages(),
            contacts: contacts::ContactPorts {
                contacts: Arc::new(MockContacts::new()),
                tokens: no_link_tokens(),
                clock: clock.clone(),
                ids: ids(),
            },
            devices: devices::DevicePorts {
                devices: Arc::new(MockDevices::new()),
                push: Some(testing::push_ports()),
                changes: changes.clone(),
                clock: clock.clone(),
                ids: ids(),
                alert_ttl: rules.alert_ttl,
                backoff: testing::no_backoff(),
            },
            sending: outbox::SendingPorts {
                outbox: Arc::new(MockOutbox::new()),
                changes: changes.clone(),
                clock: clock.clone(),
                ids: ids(),
                hasher: testing::keyed_hasher(),
                push_key: None,
                channels: allynet_domain::outbox::ConfiguredChannels::default(),
            },
            helpers: helpers::HelperPorts {
                accounts: accounts.clone(),
                changes: changes.clone(),
                positions: Arc::new(self.positions),
                clock: clock.clone(),
                backoff: testing::no_backoff(),
                rules,
            },
            password_resets: password_resets::PasswordResetPorts {
                resets: Arc::new(MockPasswordResets::new()),
                changes: changes.clone(),
                tokens: Arc::new(MockResetTokens::new()),
                passwords: callers.passwords.clone(),
                hashing: testing::no_hashing_queue(),
                queue: None,
                clock: clock.clone(),
            },
            accounts: callers,
            messages: messages::MessagePorts { emergencies: emergencies.clone(), messages: Arc::new(self.messages) },
            emergencies,
            exports: Arc::new(allynet_domain::port::MockExports::new()),
            log: Arc::new(self.log),
            presence: Arc::new(self.presence),
            readiness,
            app: AppConfig::default(),
            limits: self.limits,
            high,
            scheduler: self.scheduler.unwrap_or_else(|| Arc::new(Unscheduled)),
        }
    }

    pub(super) fn app(self) -> App {
        App(router(self.ports()))
    }
}

/// Knows no token.
fn no_contact_pages() -> contact_notices::ContactPagePorts {
    contact_notices::ContactPagePorts {
        notices: Arc::new(MockContactNotices::new()),
        changes: Arc::new(MockChanges::new()),
        tokens: no_link_tokens(),
        clock: Arc::new(MockClock::new()),
        backoff: testing::no_backoff(),
    }
}

fn no_link_tokens() -> Arc<MockLinkTokens> {
    let mut tokens = MockLinkTokens::new();
    tokens.expect_verify().returning(|_, _| None);
    Arc::new(tokens)
}

fn ids() -> Arc<MockIds> {
    let mut ids = MockIds::new();
    ids.expect_next().returning(|| GENERATED_ID);
    Arc::new(ids)
}

/// The routes, without the middleware around all of them.
pub(super) struct App(pub(super) Router);

/// An answer.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl App {
    pub(super) async fn send(&self, request: Request<Body>) -> Got {
        // A mock that is called unexpectedly panics, which is answered as the server does.
        let answer = AssertUnwindSafe(self.0.clone().oneshot(request)).catch_unwind().await;
        let response = answer.map_or_else(|panic| Failure::panicked(&*panic).into_response(), Result::unwrap);
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let is_text = parts.headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/"));
        let body = match &*bytes {
            [] => Value::Null,
            text if is_text => String::from_utf8(text.to_vec()).unwrap().into(),
            json => serde_json::from_slice(json).unwrap(),
        };
        Got { status: parts.status, headers: parts.headers, body }
    }

    pub(super) async fn get_as(&self, token: &str, path: &str) -> Got {
        self.send(request(Method::GET, path).header("authorization", bearer(token)).body(Body::empty()).unwrap()).await
    }

    pub(super) async fn json_as(&self, token: &str, method: Method, path: &str, body: &Value) -> Got {
        let request = request(method, path)
            .header("authorization", bearer(token))
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()));
        self.send(request.unwrap()).await
    }
}

impl Got {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(super) fn reason(&self) -> &str {
        self.body["error"]["reason"].as_str().unwrap_or("none")
    }

    /// Asserts the complete envelope of a failure.
    pub(super) fn assert_failure(&self, status: u16, reason: &str) {
        assert_eq!((self.status.as_u16(), self.reason()), (status, reason), "{self:?}");
        let body = self.body.as_object().unwrap();
        assert_eq!(body.keys().collect::<Vec<_>>(), ["error", "success"]);
        assert_eq!(self.body["success"], false);
        let error = self.body["error"].as_object().unwrap();
        assert_eq!(error.keys().collect::<Vec<_>>(), ["code", "details", "message", "reason"]);
        assert_eq!(error["code"], status);
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()));
        assert!(error["details"].is_null() || error["details"].is_array());
        assert_eq!(self.header("www-authenticate"), (status == 401).then_some("Bearer"));
    }
}

pub(super) fn request(method: Method, path: &str) -> Builder {
    Request::builder().method(method).uri(path)
}

pub(super) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}
