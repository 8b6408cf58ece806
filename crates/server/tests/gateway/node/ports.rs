//! Ports of the scripted node.

use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::Instant,
};

use allynet_domain::{
    Account, Emergency, EmergencyId, EventId, LoggedEvent, SessionId, SessionOverview, Timestamp, UserId, Write,
    dispatch::TravelModel,
    port::{
        self, AccessClaims, Clock, Confirmation, Error, EventLog, EventTail, Fix, MockAccounts, MockChanges,
        MockDevices, MockEmergencies, MockHelpers, MockIds, MockLogins, MockPasswords, MockTokens, Presentation,
        Report, Result, TokenError,
    },
    testing,
    usecase::{Rules, accounts, emergencies, helpers},
};
use allynet_projections::OpenEmergencies;
use allynet_realtime::{GatewayPorts, InProcessSignals, OwnerTracking, Tracking};
use allynet_wire::limits::Limits;
use async_trait::async_trait;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::script::{LAST_EVENT_BEFORE, Script, account, session, user};

pub(super) fn ports(
    script: &Arc<Script>,
    feed: Feed,
    acknowledged: mpsc::UnboundedSender<(EmergencyId, UserId)>,
) -> GatewayPorts {
    let clock: Arc<dyn Clock> = Arc::new(Ticking(Instant::now()));
    let mut tokens = MockTokens::new();
    tokens.expect_read_access().returning(read_token);
    let mut changes = MockChanges::new();
    changes.expect_commit().returning(move |change| {
        for write in change.writes {
            if let Write::AcknowledgeAlert { emergency, helper } = write {
                acknowledged.send((emergency, helper)).ok();
            }
        }
        Ok(())
    });
    let (changes, ids, rules) = (Arc::new(changes), Arc::new(MockIds::new()), Rules::default());
    let emergencies = emergencies::EmergencyPorts {
        access_log: testing::no_access_log(),
        emergencies: Arc::new(live_emergencies(script)),
        helpers: Arc::new(MockHelpers::new()),
        resources: testing::no_resources(),
        changes: changes.clone(),
        clock: clock.clone(),
        ids: ids.clone(),
        queue: testing::no_queue(),
        backoff: testing::no_backoff(),
        rules: rules.clone(),
    };
    let helpers = helpers::HelperPorts {
        accounts: Arc::new(MockAccounts::new()),
        changes: changes.clone(),
        positions: Arc::new(Positions(Arc::clone(script))),
        clock: clock.clone(),
        backoff: testing::no_backoff(),
        rules,
    };
    let accounts = accounts::AccountPorts {
        accounts: Arc::new(MockAccounts::new()),
        logins: Arc::new(MockLogins::new()),
        sessions: Arc::new(Sessions(Arc::clone(script))),
        devices: Arc::new(MockDevices::new()),
        changes,
        tokens: Arc::new(tokens),
        passwords: Arc::new(MockPasswords::new()),
        hashing: testing::no_hashing_queue(),
        hasher: testing::keyed_hasher(),
        clock: clock.clone(),
        ids,
    };
    let (open_emergencies, on_appeared) = (Arc::<OpenEmergencies>::default(), Arc::new(|_| ()));
    let tracking = Arc::new(Tracking::new(open_emergencies.clone(), clock.clone(), TravelModel::default()));
    let interval = chrono::TimeDelta::seconds(60);
    let owners = Arc::new(OwnerTracking::new(open_emergencies.clone(), clock.clone(), interval));
    let (node, signals) = (Uuid::from_u128(1).into(), Arc::new(InProcessSignals::single_node()));
    let (log, limits) = (Arc::new(feed), Limits::none());
    GatewayPorts {
        scheduler: Arc::new(allynet_server::scheduler::RequestScheduler::new()),
        accounts,
        emergencies,
        helpers,
        open_emergencies,
        on_appeared,
        tracking,
        owners,
        node,
        signals,
        log,
        lost: Vec::new(),
        clock,
        limits,
        anonymous_per_address: 100,
    }
}

/// Clock that starts at the Unix epoch and runs.
struct Ticking(Instant);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + self.0.elapsed()
    }
}

fn read_token(token: &str, now: Timestamp) -> std::result::Result<AccessClaims, TokenError> {
    if token == "old" {
        return Err(TokenError::Expired);
    }
    let (who, seconds) = token.split_once(' ').unwrap_or((token, "1000"));
    let who: u128 = who.parse().map_err(|_| TokenError::Invalid)?;
    let expires_at = now + chrono::TimeDelta::seconds(seconds.parse().map_err(|_| TokenError::Invalid)?);
    Ok(AccessClaims { user: user(who), session: session(who), expires_at })
}

fn live_emergencies(script: &Arc<Script>) -> MockEmergencies {
    let mut emergencies = MockEmergencies::new();
    let all = Arc::clone(script);
    emergencies.expect_live_of().returning(move |user| {
        let takes_part = |e: &&Emergency| e.owner() == user || e.is_responding(user);
        let emergencies = all.live.lock().unwrap().iter().filter(takes_part).cloned().collect();
        Ok(port::Live { emergencies, as_of: *all.as_of.lock().unwrap() })
    });
    let all = Arc::clone(script);
    emergencies.expect_find().returning(move |id| Ok(all.live.lock().unwrap().iter().find(|e| e.id() == id).cloned()));
    emergencies
}

struct Sessions(Arc<Script>);

#[async_trait]
impl port::Sessions for Sessions {
    /// User 13 is blocked, user 14 has no session.
    async fn authenticate(&self, _: SessionId, id: UserId) -> Result<Option<Account>> {
        self.0.looked_up.notify_waiters();
        self.0.accounts.subscribe().wait_for(|open| *open).await.unwrap();
        let account = Account { blocked: id == user(13), ..account(id) };
        Ok(Some(account).filter(|_| id != user(14)))
    }

    async fn confirm(&self, _: Presentation) -> Result<Confirmation> {
        Ok(Confirmation::Unknown)
    }

    async fn list(&self, _: UserId, _: Timestamp, _: u32) -> Result<Vec<SessionOverview>> {
        Ok(Vec::new())
    }
}

struct Positions(Arc<Script>);

#[async_trait]
impl port::Positions for Positions {
    async fn record(&self, reports: &[Report]) -> Result<Vec<UserId>> {
        self.0.storing.notify_waiters();
        self.0.positions.subscribe().wait_for(|open| *open).await.unwrap();
        self.0.stored.lock().unwrap().extend(reports.iter().map(|report| report.fix));
        Ok(reports.iter().map(|report| report.fix.user).collect())
    }

    async fn last(&self, _: UserId) -> Result<Option<Fix>> {
        Ok(None)
    }
}

pub(super) type Events = mpsc::UnboundedReceiver<Result<Vec<LoggedEvent>>>;

/// Log that the test writes.
pub(super) struct Feed {
    pub(super) script: Arc<Script>,
    pub(super) events: Mutex<Option<Events>>,
}

#[async_trait]
impl EventLog for Feed {
    async fn timeline(&self, _: EmergencyId, _: EventId, _: u32) -> Result<Option<port::Timeline>> {
        Ok(None)
    }

    async fn access(&self, id: EmergencyId, user: UserId) -> Result<Option<port::AccessAsOf>> {
        let as_of = *self.script.as_of.lock().unwrap();
        let live = self.script.live.lock().unwrap();
        let found = live.iter().find(|emergency| emergency.id() == id);
        Ok(found.map(|emergency| port::AccessAsOf { access: emergency.access(user), as_of }))
    }

    async fn events_of(&self, _: EmergencyId, _: EventId, _: u32) -> Result<Vec<LoggedEvent>> {
        Ok(Vec::new())
    }

    /// The events before the test have no audience.
    async fn range(&self, _: EventId, _: EventId, _: u32) -> Result<Vec<LoggedEvent>> {
        Ok(Vec::new())
    }

    async fn complete_since(&self) -> Result<EventId> {
        Ok(EventId::START)
    }

    async fn prune(&self, _: Timestamp, _: u32) -> Result<u64> {
        Ok(0)
    }

    async fn follow(&self) -> Result<Box<dyn EventTail>> {
        if self.script.failures.load(Ordering::SeqCst) > 0 {
            self.script.failures.fetch_sub(1, Ordering::SeqCst);
            return Err(Error::unavailable("the test says so"));
        }
        let events = self.events.lock().unwrap().take().unwrap();
        Ok(Box::new(Tail { events, last: EventId::new(LAST_EVENT_BEFORE) }))
    }
}

struct Tail {
    events: Events,
    last: EventId,
}

#[async_trait]
impl EventTail for Tail {
    fn position(&self) -> EventId {
        self.last
    }

    async fn next(&mut self) -> Result<Vec<LoggedEvent>> {
        let events = match self.events.recv().await {
            Some(events) => events?,
            None => std::future::pending().await,
        };
        self.last = events.last().unwrap().id;
        Ok(events)
    }
}
