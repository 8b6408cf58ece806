//! Fixtures of the contract suite: users, places, calls, and single steps of use cases for races in the store.

use std::time::Duration;

use allynet_domain::{
    Acceptance, Account, AlertPlace, Call, Change, DeletedEmergency, Details, Emergency, EmergencyId, EmergencyType,
    Event, EventId, HelperCard, HelperRecord, HelperReputation, Location, LoggedEvent, Message, MessageId, Metres,
    Movement, Name, PasswordHash, PlacePolicy, Position, Profile, RatingCounts, Recipient, Refusal, Relation, Response,
    ResponseRecord, ResponseStatus, ResponseUpdate, Role, Score, Sender, Session, StallTiming, Text, Timestamp, To,
    UserId, Verification, Write,
    grid::helper_cell,
    port::{
        Clock, Constraint, Error, EventTail, Fix, HelperSelection, Ids, KeyedHash, ListReader, Loaded, MessagePage,
        Near, NearbyEmergency, OnDuty, RaiseContext, RaiseQuery, Result, Vicinity,
    },
    testing,
};
use chrono::{DateTime, TimeDelta};
use uuid::Uuid;

use super::Store;

pub use allynet_domain::testing::{edited, text};

/// A moment, in seconds from an arbitrary one.
pub fn at(seconds: i64) -> Timestamp {
    DateTime::from_timestamp_micros(1_770_000_000_123_456).unwrap() + TimeDelta::seconds(seconds)
}

/// A clock that always shows `at(0)`.
#[derive(Debug)]
pub struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        at(0)
    }
}

/// Random ids.
#[derive(Debug)]
pub struct NewIds;

impl Ids for NewIds {
    fn next(&self) -> Uuid {
        id()
    }
}

pub fn place(latitude: f64, longitude: f64) -> Position {
    Position::new(latitude, longitude).unwrap()
}

pub fn metres(metres: f64) -> Metres {
    Metres::new(metres)
}

/// A new identifier.
#[expect(clippy::disallowed_methods, reason = "which identifier it is matters to no case")]
pub fn id<I: From<Uuid>>() -> I {
    Uuid::now_v7().into()
}

/// An identifier that sorts by `n`, and before every new one.
pub fn nth<I: From<Uuid>>(n: u128) -> I {
    Uuid::from_u128(n).into()
}

/// A new account with a unique email, registered at `at(0)`.
pub fn new_account() -> Account {
    new_account_with_id(id())
}

pub fn new_account_with_id(id: UserId) -> Account {
    Account {
        id,
        email: format!("{id}@example.org").parse().unwrap(),
        profile: Profile::new(Name::parse("Ada").unwrap(), Some(Name::parse("Lovelace").unwrap())),
        role: Role::User,
        blocked: false,
        helper: None,
        reputation: HelperReputation::default(),
        blocks: Vec::new(),
        created_at: at(0),
    }
}

/// The record of a verified helper on duty.
pub fn verified() -> HelperRecord {
    HelperRecord::new(Verification::Verified, true)
}

pub fn session_of(user: UserId) -> Session {
    Session { id: id(), user, confirmed: id(), created_at: at(0), user_agent: None }
}

/// The keyed hash with this number.
pub fn keyed(number: u8) -> KeyedHash {
    KeyedHash::new([number; 16])
}

pub fn hash(text: &str) -> PasswordHash {
    PasswordHash::new(text.to_owned())
}

/// A call of `owner` at `at(0)`, at latitude and longitude 0, with an alert radius of 5 km.
pub fn call_of(owner: &Account) -> Emergency {
    let location = Location { position: place(0.0, 0.0), address: None, description: None };
    let details = Details { location, description: None, ..testing::details() };
    testing::raised(Call { id: id(), owner: owner.person(), details, created_at: at(0), movement: Movement::default() })
}

pub fn call_at(owner: &Account, position: Position) -> Emergency {
    edited(call_of(owner), |e| e.call.details.location.position = position)
}

pub fn call_created(owner: &Account, created_at: Timestamp) -> Emergency {
    edited(call_of(owner), |e| (e.call.created_at, e.updated_at) = (created_at, created_at))
}

pub fn response_of(helper: &Account, now: Timestamp) -> Response {
    Response {
        helper: helper.helper_card(),
        status: ResponseStatus::Responding,
        notes: None,
        estimated_arrival: None,
        responded_at: now,
        updated_at: now,
        record: ResponseRecord::default(),
        transport: allynet_domain::dispatch::Transport::Foot,
        last_fix: None,
        blocks: Vec::new(),
    }
}

/// The write of trust that a helper gains from an owner, if none was gained since the beginning of `at(0)`.
pub fn trust(emergency: &Emergency, helpers: Vec<UserId>, by: u16) -> Write {
    Write::AddTrust { emergency: emergency.id(), owner: emergency.owner(), helpers, by, unless_since: at(-1) }
}

/// A rating of 1 to 5 that counts, if none of this pair was counted since before `at(0)`.
pub fn counted_rating(emergency: &Emergency, helper: UserId, score: u8) -> Write {
    let counts = Some(RatingCounts { owner: emergency.owner(), unless_since: at(-1) });
    Write::AddRating { emergency: emergency.id(), helper, score: Score::new(score).unwrap(), comment: None, counts }
}

/// The write that deletes an emergency at `at(9)`.
pub fn deletion(emergency: &Emergency) -> Write {
    Write::DeleteEmergency(DeletedEmergency::new(emergency, at(9)))
}

/// A message to all from the owner of an emergency.
pub fn message_in(emergency: &Emergency, created_at: Timestamp) -> Message {
    Message {
        id: id(),
        emergency: emergency.id(),
        owner: emergency.owner(),
        anonymous: emergency.call().details.anonymous,
        from: Sender::Owner(emergency.call().owner.clone()),
        to: To::Everyone,
        text: text("Here I am"),
        created_at,
    }
}

/// A change without an actor.
pub fn change() -> Change {
    Change::new(None, at(0))
}

/// An event that can be told from others by its number.
pub fn marker(n: u128) -> Event {
    Event::AccountBlocked { user: nth(n) }
}

pub fn raise(emergency: &Emergency) -> Write {
    Write::RaiseEmergency(Box::new(emergency.clone()))
}

pub fn update(emergency: &Emergency, responses: Vec<Response>) -> Write {
    Write::UpdateEmergency { emergency: Box::new(emergency.clone()), responses }
}

/// A search for helpers around a place, but not for this user.
#[derive(Debug, Clone, Copy)]
pub struct Search {
    pub centre: Position,
    pub except: UserId,
    pub on_duty: OnDuty,
}

/// The outcome of accepting an emergency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Joined,
    Ended,
    EngagedElsewhere,
}

/// The place of an emergency that shows its exact place to helpers.
pub fn exact_place(place: Position) -> AlertPlace {
    AlertPlace { judged: place, shown_exact: Some(place), shown_coarse: None }
}

/// The distance at which a helper is judged to be from the exact place of an emergency.
pub fn judged_distance(from: Position, helper: Position) -> Metres {
    helper_cell(helper).distance_to(from)
}

/// The reader of a list, where places are exact.
pub fn exact_reader(user: UserId) -> ListReader {
    ListReader { user, administers: false, places: PlacePolicy::default(), alerted_only: false }
}

impl Store {
    pub async fn commit(&self, change: Change) {
        self.changes.commit(change).await.unwrap();
    }

    pub async fn write(&self, write: Write) {
        self.commit(change().write(write)).await;
    }

    pub async fn try_write(&self, write: Write) -> Result<()> {
        self.changes.commit(change().write(write)).await
    }

    pub async fn register(&self) -> Account {
        self.register_as(new_account()).await
    }

    pub async fn register_as(&self, account: Account) -> Account {
        let registered = Write::RegisterAccount { account: Box::new(account.clone()), password: hash("$hash") };
        self.write(registered).await;
        account
    }

    /// A verified helper on duty.
    pub async fn helper(&self) -> Account {
        self.enlist(new_account(), verified()).await
    }

    pub async fn helper_at(&self, position: Position) -> Account {
        let helper = self.helper().await;
        self.locate(helper.id, position).await;
        helper
    }

    pub async fn enlist(&self, account: Account, helper: HelperRecord) -> Account {
        let account = self.register_as(account).await;
        let (user, role) = (account.id, Role::Helper);
        self.write(Write::SetHelper { user, helper: helper.clone(), role }).await;
        Account { role, helper: Some(helper), ..account }
    }

    pub async fn locate(&self, user: UserId, position: Position) {
        self.positions.record(&[Fix { user, position, at: at(0) }.into()]).await.unwrap();
    }

    pub async fn account(&self, user: UserId) -> Account {
        self.accounts.find(user).await.unwrap().unwrap()
    }

    /// A live emergency of an owner of its own.
    pub async fn emergency(&self) -> Emergency {
        let owner = self.register().await;
        self.raise(call_of(&owner)).await
    }

    pub async fn raise(&self, emergency: Emergency) -> Emergency {
        self.write(raise(&emergency)).await;
        emergency
    }

    pub async fn load(&self, id: EmergencyId) -> Loaded {
        self.emergencies.load(id, None).await.unwrap().unwrap()
    }

    pub async fn events_of(&self, id: EmergencyId) -> Vec<LoggedEvent> {
        self.log.events_of(id, EventId::START, 10_000).await.unwrap()
    }

    pub async fn message(&self, of: EmergencyId, message: MessageId) -> Option<Message> {
        self.messages.find(of, message, nth(0)).await.unwrap().and_then(|(_, found)| found)
    }

    pub async fn messages(&self, page: &MessagePage) -> Vec<Message> {
        self.messages.list(page).await.unwrap().map(|(_, found)| found).unwrap_or_default()
    }

    /// The raise context of a new call.
    pub async fn raise_context(
        &self,
        search: &Search,
        request_id: Option<&Text<100>>,
        radii: &[Metres],
        limit: u32,
    ) -> RaiseContext {
        self.raise_context_with_enough(u32::MAX, search, request_id, radii, limit).await
    }

    /// The same, where so many helpers are enough.
    pub async fn raise_context_with_enough(
        &self,
        enough: u32,
        search: &Search,
        request_id: Option<&Text<100>>,
        radii: &[Metres],
        limit: u32,
    ) -> RaiseContext {
        let Search { centre, except: owner, on_duty } = *search;
        let place = exact_place(centre);
        let query = RaiseQuery {
            owner,
            request_id,
            place,
            anonymous: false,
            kind: EmergencyType::Medical,
            critical: false,
            on_duty,
            radii,
            enough,
            limit,
            rings_since: at(-600),
            census: None,
        };
        self.emergencies.raise_context(&query).await.unwrap()
    }

    /// Helpers around a place, as they are found around an emergency there. All searches find the same.
    pub async fn nearby(&self, search: &Search, radius: Metres, limit: u32) -> Vec<Recipient> {
        let Search { centre, except, on_duty } = *search;
        let owner = match self.accounts.find(except).await.unwrap() {
            Some(owner) => owner,
            None => self.register().await,
        };
        let emergency = self.raise(call_at(&owner, centre)).await.id();
        let (places, rings_since) = (PlacePolicy::default(), at(-600));
        let near = Near {
            on_duty,
            within: radius,
            selection: HelperSelection::Nearest(limit),
            leaving: None,
            places,
            rings_since,
        };
        let loaded = self.emergencies.load(emergency, Some(near)).await.unwrap().unwrap();
        let vicinity = Vicinity { emergency, reader: owner.id, on_duty, radius, places };
        let around = self.helpers.around(&vicinity).await.unwrap().unwrap();
        assert_eq!(around.emergency, loaded.emergency);
        assert_eq!(loaded.near, around.available.nearest(exact_place(centre), limit));
        self.cancel(emergency, at(1)).await;
        loaded.near
    }

    /// Live emergencies around a place, as this user finds them where places are exact.
    pub async fn nearby_for(&self, user: UserId, centre: Position, radius: Metres, limit: u32) -> Vec<NearbyEmergency> {
        self.emergencies.nearby(&exact_reader(user), centre, radius, limit).await.unwrap()
    }

    pub async fn find(&self, id: EmergencyId) -> Emergency {
        self.emergencies.find(id).await.unwrap().unwrap()
    }

    /// Accepts as the use case does: loads and decides again whenever another change was committed first.
    pub async fn accept(&self, id: EmergencyId, helper: &Account, now: Timestamp) -> Answer {
        loop {
            let mut emergency = self.load(id).await.emergency;
            match emergency.accept(helper.helper_card(), None, testing::REACCEPT_PAUSE, now) {
                Ok(Acceptance::Joined { .. }) => {}
                Ok(Acceptance::Already) => return Answer::Joined,
                Err(Refusal::EmergencyEnded { .. }) => return Answer::Ended,
                Err(other) => panic!("{other}"),
            }
            emergency.schedule_checks(StallTiming::default(), now);
            let joined = Event::HelperJoined {
                helper: helper.helper_card(),
                joined_at: now,
                estimated_arrival: None,
                transport: allynet_domain::dispatch::Transport::Foot,
                separated_from: vec![],
            };
            let response = emergency.response(helper.id).unwrap().clone();
            let change = Change::new(Some(helper.id), now).write(update(&emergency, vec![response])).event(id, joined);
            match self.changes.commit(change).await {
                Ok(()) => return Answer::Joined,
                Err(Error::Stale) => {}
                Err(Error::Conflict(Constraint::Engaged)) => return Answer::EngagedElsewhere,
                Err(other) => panic!("{other:?}"),
            }
        }
    }

    /// Updates the response of a helper, as the use case does.
    pub async fn update_response(&self, id: EmergencyId, helper: &Account, status: ResponseStatus) {
        loop {
            let mut emergency = self.load(id).await.emergency;
            let told = ResponseUpdate { status, notes: None, estimated_arrival: None, resource_state: None };
            emergency.update_response(helper.id, told, testing::COMPLETION_HOLD, at(1)).unwrap();
            let response = emergency.response(helper.id).unwrap().clone();
            match self.try_write(update(&emergency, vec![response])).await {
                Err(Error::Stale) => {}
                done => return done.unwrap(),
            }
        }
    }

    /// The owner resolves, as the use case does.
    pub async fn resolve(&self, id: EmergencyId, now: Timestamp) {
        loop {
            let mut emergency = self.load(id).await.emergency;
            let owner = emergency.owner();
            emergency.resolve(owner, Relation::Owner, None, now).unwrap();
            let participants = emergency.participants().collect();
            let (status, alerted) = (emergency.status(), Vec::new());
            let ended = Event::EmergencyEnded {
                status,
                at: now,
                alerted,
                participants,
                hidden_from: vec![],
                announced: true,
                critical: false,
            };
            let change = Change::new(Some(owner), now).write(update(&emergency, Vec::new())).event(id, ended);
            match self.changes.commit(change).await {
                Err(Error::Stale) => {}
                done => return done.unwrap(),
            }
        }
    }

    pub async fn cancel(&self, id: EmergencyId, now: Timestamp) {
        let mut emergency = self.load(id).await.emergency;
        let owner = emergency.owner();
        emergency.cancel(owner, None, now).unwrap();
        self.write(update(&emergency, Vec::new())).await;
    }
}

/// The next events, or a failure if none comes within the time that any adapter may take. PostgreSQL waits for the transactions of all
/// databases of the cluster, those of other tests as well.
pub async fn next(tail: &mut dyn EventTail) -> Vec<LoggedEvent> {
    let events = tokio::time::timeout(Duration::from_mins(1), tail.next()).await;
    let events = events.expect("an event that was committed has not been returned").unwrap();
    assert!(!events.is_empty(), "the tail returned nothing");
    assert_eq!(events.last().map(|e| e.id), Some(tail.position()), "the position is that of the last event");
    events
}

/// All events up to and including this one.
pub async fn read_up_to(tail: &mut dyn EventTail, last: &Event) -> Vec<LoggedEvent> {
    let mut read = Vec::new();
    while read.last().is_none_or(|e: &LoggedEvent| e.event != *last) {
        read.extend(next(tail).await);
    }
    read
}

/// The helper card of an account, with this reputation.
pub fn card(account: &Account, reputation: HelperReputation) -> HelperCard {
    HelperCard { reputation, ..account.helper_card() }
}
