//! The use cases of alerts over a store, with helpers along the equator and a clock that the test controls.

use std::{
    env,
    panic::resume_unwind,
    sync::{Arc, Mutex},
};

use allynet_domain::{
    Account, Actor, EmergencyId, Event, EventId, LoggedEvent, Position, Refusal, ResponseStatus, ResponseUpdate,
    Timestamp, UserId,
    port::{Clock, Fix},
    usecase::{
        Rules,
        alerts::{self, Receipt},
        emergencies, helpers, responses,
    },
};
use allynet_projections::OpenEmergencies;
use allynet_server::{backoff::JitteredBackoff, emergency_queue::EmergencyQueues};
use chrono::TimeDelta;

use super::*;

/// Metres per degree of longitude on the equator of WGS 84, a circle with a radius of 6,378,137 m.
pub const METRES_PER_DEGREE: f64 = 6_378_137.0 * std::f64::consts::PI / 180.0;

/// A clock that stands still unless the test advances it.
#[derive(Debug)]
struct Time(Mutex<Timestamp>);

impl Clock for Time {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// A node. Clones are the same node.
#[derive(Clone)]
pub struct Service {
    pub store: Store,
    pub rules: Rules,
    /// The random number generator of the test.
    pub seed: u64,
    time: Arc<Time>,
    queue: Arc<EmergencyQueues>,
    people: Arc<Mutex<Vec<Account>>>,
    raised: Arc<Mutex<Vec<EmergencyId>>>,
}

/// Runs a case with each of these seeds, or with `ALLYNET_TEST_SEED`. Prints seed and events if it fails.
pub async fn with_seeds<F>(store: Store, seeds: impl IntoIterator<Item = u64>, case: impl Fn(Service) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let only = env::var("ALLYNET_TEST_SEED").ok().map(|seed| seed.parse().expect("ALLYNET_TEST_SEED is a number"));
    for seed in only.map_or_else(|| seeds.into_iter().collect(), |seed| vec![seed]) {
        let service = Service {
            store: store.clone(),
            rules: rules(),
            seed,
            time: Arc::new(Time(Mutex::new(at(0)))),
            queue: Arc::default(),
            people: Arc::default(),
            raised: Arc::default(),
        };
        if let Err(failed) = tokio::spawn(case(service.clone())).await {
            service.print().await;
            resume_unwind(failed.into_panic());
        }
    }
}

/// The default rules, but for places that are freed by silence, and helpers who do not move: cases about these set the time.
fn rules() -> Rules {
    let mut rules = Rules::default();
    rules.alerts.timing.place_after = TimeDelta::days(7);
    rules.stalls.after = TimeDelta::days(7);
    rules
}

/// Runs a case that needs no seed.
pub async fn telling<F>(store: Store, case: impl Fn(Service) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    with_seeds(store, [0], case).await;
}

impl Service {
    /// Another node on the same database, under the same clock.
    pub async fn another(&self) -> Self {
        Self { store: self.store.another().await, queue: Arc::default(), ..self.clone() }
    }

    pub fn context(&self) -> emergencies::EmergencyPorts {
        emergencies::EmergencyPorts {
            access_log: self.store.access_log.clone(),
            emergencies: self.store.emergencies.clone(),
            helpers: self.store.helpers.clone(),
            resources: self.store.resources.clone(),
            changes: self.store.changes.clone(),
            clock: self.time.clone(),
            ids: Arc::new(NewIds),
            queue: self.queue.clone(),
            backoff: Arc::new(JitteredBackoff),
            rules: self.rules.clone(),
        }
    }

    pub fn now(&self) -> Timestamp {
        self.time.now()
    }

    pub fn advance(&self, by: TimeDelta) {
        *self.time.0.lock().unwrap() += by;
    }

    /// Fires all due timers.
    pub async fn fire(&self) {
        while alerts::fire_due(&self.context(), &*self.store.alerts, |_| ()).await.unwrap() > 0 {}
    }

    /// Advances the clock by a minute and fires due timers.
    pub async fn minute(&self) {
        self.advance(self.rules.alerts.timing.interval);
        self.fire().await;
    }

    /// A verified helper on duty, at this distance east of all emergencies. Helpers are numbered from 0 in order of creation.
    pub async fn helper(&self, metres: f64) -> Account {
        let helper = self.store.helper().await;
        self.people.lock().unwrap().push(helper.clone());
        self.locate(&helper, metres).await;
        helper
    }

    pub async fn helpers<const N: usize>(&self, kilometres: [u32; N]) -> Vec<Account> {
        let mut helpers = Vec::new();
        for km in kilometres {
            helpers.push(self.helper(f64::from(km) * 1_000.0).await);
        }
        helpers
    }

    /// Stores the position of a helper.
    pub async fn locate(&self, helper: &Account, metres: f64) -> Position {
        let position = east(metres);
        let fix = Fix { user: helper.id, position, at: self.now() };
        self.store.positions.record(&[fix.into()]).await.unwrap();
        position
    }

    /// Moves a helper, and considers alerting the helper as the server does.
    pub async fn moves(&self, open: &OpenEmergencies, helper: &Account, metres: f64) {
        let position = self.locate(helper, metres).await;
        self.notice(open, helper, Some(position)).await;
    }

    pub fn people_ports(&self) -> helpers::HelperPorts {
        helpers::HelperPorts {
            accounts: self.store.accounts.clone(),
            changes: self.store.changes.clone(),
            positions: self.store.positions.clone(),
            clock: self.time.clone(),
            backoff: Arc::new(JitteredBackoff),
            rules: self.rules.clone(),
        }
    }

    pub async fn notice(&self, open: &OpenEmergencies, helper: &Account, position: Option<Position>) {
        let people = self.people_ports();
        let position = match position {
            Some(position) => Some(position),
            None => helpers::fresh_position(&people, helper.id).await.unwrap(),
        };
        let found = position.map_or_else(Vec::new, |position| open.unanswered_near(helper.id, position));
        for emergency in
            alerts::alert_found(&self.context(), &found, helper.id, open.freed_at(helper.id)).await.unwrap()
        {
            open.settle(emergency, helper.id);
        }
    }

    /// Raises an emergency of a new owner at latitude and longitude 0.
    pub async fn call(&self) -> EmergencyId {
        let owner = self.store.register().await;
        let details = call_of(&owner).call().details.clone();
        let raised = emergencies::raise(&self.context(), &actor(&owner), details, None, false).await.unwrap();
        let id = raised.emergency.id();
        self.raised.lock().unwrap().push(id);
        id
    }

    /// Raises an emergency of this owner at latitude and longitude 0.
    pub async fn raise_as(&self, owner: &Account) -> EmergencyId {
        let details = call_of(owner).call().details.clone();
        let raised = emergencies::raise(&self.context(), &actor(owner), details, None, false).await.unwrap();
        raised.emergency.id()
    }

    /// The owner cancels.
    pub async fn withdraw(&self, emergency: EmergencyId, owner: &Account) {
        emergencies::cancel(&self.context(), &actor(owner), emergency, None).await.unwrap();
    }

    /// A verified helper on duty whose account is as old as the clock of the service says.
    pub async fn young_helper(&self, metres: f64) -> Account {
        let account = Account { created_at: self.now(), ..new_account() };
        let helper = self.store.enlist(account, verified()).await;
        self.people.lock().unwrap().push(helper.clone());
        self.locate(&helper, metres).await;
        helper
    }

    pub async fn acknowledge(&self, emergency: EmergencyId, helper: UserId) {
        let receipt = Receipt { emergency, helper, session: super::id(), is_acknowledged: true };
        alerts::record_receipts(&self.context(), &[receipt]).await.unwrap();
    }

    pub async fn accept(&self, emergency: EmergencyId, helper: &Account) {
        responses::accept(&self.context(), &actor(helper), emergency, None).await.unwrap();
    }

    /// A helper accepts, unless a rule refuses.
    pub async fn try_accept(&self, emergency: EmergencyId, helper: &Account) -> Result<(), Refusal> {
        match responses::accept(&self.context(), &actor(helper), emergency, None).await {
            Ok(_) => Ok(()),
            Err(allynet_domain::Error::Refused(refusal)) => Err(refusal),
            Err(allynet_domain::Error::Port(error)) => panic!("{error:?}"),
        }
    }

    pub async fn decline(&self, emergency: EmergencyId, helper: &Account) {
        responses::decline(&self.context(), &actor(helper), emergency).await.unwrap();
    }

    pub async fn update_response(&self, emergency: EmergencyId, helper: &Account, status: ResponseStatus) {
        let told = ResponseUpdate { status, notes: None, estimated_arrival: None, resource_state: None };
        responses::update(&self.context(), &actor(helper), emergency, told).await.unwrap();
    }

    pub async fn events(&self, emergency: EmergencyId) -> Vec<LoggedEvent> {
        self.store.log.events_of(emergency, EventId::START, 10_000).await.unwrap()
    }

    /// The events of an emergency as text, without the first one, the receipt, and what a helper is told on acceptance, which
    /// are always the same, and without roles.
    pub async fn story(&self, emergency: EmergencyId) -> Vec<String> {
        let told = |e: &Event| {
            !matches!(
                e,
                Event::EmergencyCreated { .. }
                    | Event::MessagePosted { .. }
                    | Event::DetailsDisclosed { .. }
                    | Event::RoleAssigned { .. }
                    | Event::HelperStoodDown { .. }
            )
        };
        let events = self.events(emergency).await.into_iter().map(|logged| logged.event);
        events.filter(told).map(|event| self.words(&event)).collect()
    }

    fn words(&self, event: &Event) -> String {
        match event {
            Event::HelpersAlerted { wave, radius, recipients, .. } => {
                let recipients: Vec<_> = recipients.iter().map(|r| self.number(r.helper)).collect();
                format!("wave {wave} within {} m: {}", radius.get(), recipients.join(" "))
            }
            Event::EmergencyAnnounced { .. } => "announced".into(),
            Event::AlertDeclined { helper } => format!("{} declined", self.number(*helper)),
            Event::AlertAcknowledged { helper } => format!("{} acknowledged", self.number(*helper)),
            Event::HelperJoined { helper, .. } => format!("{} joined", self.number(helper.person.id)),
            Event::HelperStatusUpdated { helper, status, stalled, .. } => {
                format!("{} is {status}{}", self.number(*helper), if *stalled { ", stalled" } else { "" })
            }
            Event::ResponseChecked { helper, .. } => format!("{} is asked", self.number(*helper)),
            Event::StatusChanged { status, .. } => format!("it is {status}"),
            Event::Unanswered { alerted, .. } => format!("unanswered by {alerted}"),
            Event::EmergencyResolved { by, resolution, .. } => format!("{resolution} by {by:?}"),
            other => other.kind().to_owned(),
        }
    }

    /// All helpers created by this service.
    pub fn people(&self) -> Vec<Account> {
        self.people.lock().unwrap().clone()
    }

    /// The numbers of these helpers.
    fn number(&self, helper: UserId) -> String {
        let place = self.people.lock().unwrap().iter().position(|known| known.id == helper);
        place.map_or_else(|| helper.to_string(), |n| n.to_string())
    }

    #[expect(clippy::print_stderr, reason = "a failure prints what happened")]
    async fn print(&self) {
        eprintln!("ALLYNET_TEST_SEED={}, at {}", self.seed, self.now());
        for (n, helper) in self.people().iter().enumerate() {
            eprintln!("helper {n} is {}", helper.id);
        }
        let raised = self.raised.lock().unwrap().clone();
        for emergency in raised {
            eprintln!("emergency {emergency}:");
            for LoggedEvent { id, at, event, .. } in self.events(emergency).await {
                eprintln!("  {id} {at} {}", self.words(&event));
            }
        }
    }
}

/// The place at this distance east of all emergencies.
pub fn east(metres: f64) -> Position {
    place(0.0, metres / METRES_PER_DEGREE)
}

pub fn actor(account: &Account) -> Actor {
    Actor { account: account.clone(), session: id() }
}

/// A random number generator with a seed: `SplitMix64` (Steele, Lea and Flood, 2014).
pub struct Chance(pub u64);

impl Chance {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.draw() % end
    }

    /// True with this probability in per cent.
    pub fn percent(&mut self, of_a_hundred: u64) -> bool {
        self.below(100) < of_a_hundred
    }
}
