//! Queries for emergencies.

use async_trait::async_trait;

use super::{OnDuty, Result};
use crate::{
    Account, Alert, AlertPlace, DeletedEmergency, Emergency, EmergencyId, EmergencyStatus, EmergencyType, EventId,
    HelperPolicy, HelpersInRange, Metres, PlacePolicy, Position, RecentRings, Recipient, SessionFix, SkippedHelper,
    Stage, Text, Timestamp, UserId,
    blocks::is_hidden,
    dispatch::{CensusEntry, CensusQuery, Transport},
};

/// An emergency with everything that a change of it is decided on.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The emergency.
    pub emergency: Emergency,
    /// The alerts of all helpers that were alerted to it or declined it, in the order of waves, then of distance.
    pub alerts: Vec<Alert>,
    /// The helpers found by the [`Near`] query. Proven helpers come first, then unproven ones, each group nearest first.
    pub near: Vec<Recipient>,
    /// Helpers on duty near the emergency that are passed over, in no order. Of [`HelperSelection::Nearest`] only, and no further
    /// than the search had to look for them.
    pub skipped: Vec<SkippedHelper>,
    /// The users from whom blocks hide it, as [`RaiseContext::hidden_from`].
    pub hidden_from: Vec<UserId>,
    /// How often emergencies of the same owner have rung helpers since [`Near::rings_since`], in no order.
    pub rings: Vec<RecentRings>,
    /// What is known of the helpers in `near`, and of all who were alerted, in no order. Of [`HelperSelection::Census`] only.
    pub census: Vec<CensusEntry>,
}

/// A query for helpers near the emergency that is loaded. Never finds its owner.
///
/// [Blocks](crate::UserBlock) leave out helpers: those that the owner blocks, and those that block the owner. Of an anonymous
/// emergency the latter are left out only if the effects of their block could have ended before it was raised: otherwise
/// their own block would tell them who the owner is, and an old one would let them lure the owner. Left out, too, is a
/// helper with a block between them and a helper that responds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    /// Which helpers count.
    pub on_duty: OnDuty,
    /// Maximum distance from the emergency.
    pub within: Metres,
    /// Which of the helpers that count.
    pub selection: HelperSelection,
    /// A helper whose response the caller is about to cancel: helpers whom a block separates from this one count again.
    pub leaving: Option<UserId>,
    /// Decides from which place distances are judged.
    pub places: PlacePolicy,
    /// Earliest time of a ring by the owner that counts.
    pub rings_since: Timestamp,
}

/// Which of the helpers near an emergency are wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum HelperSelection {
    /// The nearest: this many more than the number of helpers that were alerted, declined or ever responded.
    Nearest(u32),
    /// Only this helper.
    Only(UserId),
    /// The first to arrive of those with the required tier: [`MAX_CANDIDATES`](crate::dispatch::MAX_CANDIDATES) proven ones, and
    /// as many unproven ones, beside those that were alerted or responded, with all that a decision by gain needs.
    Census(CensusQuery),
}

/// What has to be read before an emergency can be raised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RaiseQuery<'a> {
    /// The user who raises it.
    pub owner: UserId,
    /// The client's idempotency key.
    pub request_id: Option<&'a Text<100>>,
    /// The place of the emergency.
    pub place: AlertPlace,
    /// Whether the emergency is anonymous.
    pub anonymous: bool,
    /// The kind of the emergency, which decides which tier a census requires.
    pub kind: EmergencyType,
    /// Whether the emergency is critical, which decides which helpers it reaches.
    pub critical: bool,
    /// Which helpers count. It is raised at [`OnDuty::now`].
    pub on_duty: OnDuty,
    /// Radii to count helpers within; growing, never empty.
    pub radii: &'a [Metres],
    /// The search may stop at the first radius that holds this many helpers.
    pub enough: u32,
    /// Maximum number of nearest helpers to return.
    pub limit: u32,
    /// Earliest time of a ring by the owner that counts.
    pub rings_since: Timestamp,
    /// For a decision by gain: all radii are counted, and the helpers are chosen as by [`HelperSelection::Census`] within the
    /// largest.
    pub census: Option<CensusQuery>,
}

/// The answer to a [`RaiseQuery`].
#[derive(Debug, Clone, PartialEq)]
pub struct RaiseContext {
    /// The owner's live emergency, else the owner's emergency with the same request id.
    pub earlier: Option<Emergency>,
    /// The owner's deleted emergency with the same request id, of which a record is left.
    pub deleted: Option<EmergencyId>,
    /// Helpers around the place, without the owner. Blocks leave helpers out of those to be alerted, as in [`Near`], and not
    /// out of the counts.
    pub helpers: HelpersInRange,
    /// The users from whom blocks hide the emergency: all that the owner blocks, and at most
    /// 1,000 that block the owner. Without administrators.
    pub hidden_from: Vec<UserId>,
    /// How far away the owner is, judged like any helper, if the owner is a helper that counts.
    pub owner_distance: Option<Metres>,
    /// The newest position of the owner, if it is known which session sent it.
    pub owner_fix: Option<SessionFix>,
    /// How often emergencies of the owner have rung helpers since [`RaiseQuery::rings_since`], in no order.
    pub rings: Vec<RecentRings>,
    /// What is known of the helpers in [`HelpersInRange::nearest`], if [`RaiseQuery::census`] asks for it.
    pub census: Vec<CensusEntry>,
}

/// What has to be read before a helper can accept an emergency.
#[derive(Debug, Clone, PartialEq)]
pub struct AcceptanceContext {
    /// The emergency.
    pub loaded: Loaded,
    /// The users that the helper blocks.
    pub blocks: Vec<UserId>,
    /// How the helper travels.
    pub transport: Transport,
    /// The newest position of the helper, and when it was received.
    pub last_fix: Option<(Position, Timestamp)>,
}

impl Loaded {
    /// Whether a block hides the emergency from the user of this account.
    pub fn is_hidden_from(&self, account: &Account) -> bool {
        let call = self.emergency.call();
        // Of very many users that block the owner, not all are in `hidden_from`.
        let is_named = self.hidden_from.contains(&account.id);
        is_hidden(is_named, account.blocks.contains(&call.owner.id), call.details.anonymous) && !account.is_admin()
    }

    /// The alerted helpers, without those from whom a block hides the emergency since.
    pub fn alerted(&self) -> Vec<UserId> {
        let alerted = self.alerts.iter().filter(|a| a.wave.is_some()).map(|a| a.helper);
        alerted.filter(|helper| !self.hidden_from.contains(helper)).collect()
    }
}

/// An emergency whose owner rates a helper.
#[derive(Debug, Clone, PartialEq)]
pub struct ToBeRated {
    /// The emergency.
    pub emergency: Emergency,
    /// The helpers of this emergency with a counted rating by the same owner after the time asked for.
    pub rated_since: Vec<UserId>,
}

/// A page of the records of deleted emergencies, in the order (created at, id), newest first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DeletedPage {
    /// Only emergencies after this one in the order of the pages.
    pub before: Option<(Timestamp, EmergencyId)>,
    /// Maximum number of records to return.
    pub limit: u32,
}

/// The live emergencies in which a user takes part.
#[derive(Debug, Clone, PartialEq)]
pub struct Live {
    /// The emergencies.
    pub emergencies: Vec<Emergency>,
    /// The position in the log at which this was read: every event that led to what was read is at or before it. An
    /// event after this position MUST NOT have been committed before the read.
    pub as_of: EventId,
}

/// An emergency as a reader finds it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadEmergency {
    /// The emergency.
    pub emergency: Emergency,
    /// Whether the reader was alerted to it, and has not declined.
    pub alerted: bool,
    /// Whether a [block](crate::UserBlock) hides it from the reader.
    pub hidden: bool,
}

/// An emergency near a place.
#[derive(Debug, Clone, PartialEq)]
pub struct NearbyEmergency {
    /// The emergency.
    pub emergency: Emergency,
    /// Whether the reader was alerted to it, and has not declined.
    pub alerted: bool,
    /// The distance from the place that the reader is shown ([`ListReader::distances`]).
    pub distance: Metres,
}

/// The user that a list of emergencies near a place is for, which decides where these are shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ListReader {
    /// The user.
    pub user: UserId,
    /// Whether the user is an administrator.
    pub administers: bool,
    /// What helpers are shown before they accept.
    pub places: PlacePolicy,
    /// Whether only emergencies that the user was alerted to wait for them: decisions by gain alert few of those around.
    pub alerted_only: bool,
}

/// The part that a reader has in an emergency of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReaderPart {
    /// Owns it, or responds to it.
    pub takes_part: bool,
    /// Has ever responded to it.
    pub responded: bool,
    /// Was alerted to it, and has not declined.
    pub alerted: bool,
}

/// Where a reader is, or asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Viewpoint {
    /// The place.
    pub exact: Position,
    /// The place from which it is judged what is within a radius.
    pub judged: Position,
}

/// The distances of an emergency of a list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ListDistances {
    /// Decides whether it is within a radius.
    pub judged: Metres,
    /// The distance from the place that is shown.
    pub shown: Metres,
    /// What is shown of it, in metres, by which the list is ordered.
    pub rounded: u32,
}

impl ListReader {
    /// The distances of an emergency at this place. Only those of an exact place are measured from exact places.
    pub fn distances(&self, part: ReaderPart, anonymous: bool, place: Position, from: Viewpoint) -> ListDistances {
        let stage = match part {
            ReaderPart { takes_part: true, .. } => Stage::Responder,
            _ if self.administers => Stage::Administrator,
            ReaderPart { alerted: true, responded: false, .. } => Stage::Alerted,
            ReaderPart { .. } => Stage::LookerOn,
        };
        let disclosure = self.places.disclosure(stage, anonymous);
        let judged = from.judged.distance_to(disclosure.place(place));
        let shown = if disclosure.precision() == 0 { from.exact.distance_to(place) } else { judged };
        ListDistances { judged, shown, rounded: disclosure.metres(shown) }
    }

    /// The distances of this emergency.
    pub fn distances_of(&self, emergency: &Emergency, alerted: bool, from: Viewpoint) -> ListDistances {
        let takes_part = emergency.owner() == self.user || emergency.is_responding(self.user);
        let part = ReaderPart { takes_part, responded: emergency.response(self.user).is_some(), alerted };
        let details = &emergency.call().details;
        self.distances(part, details.anonymous, details.location.position, from)
    }
}

/// A page of the emergencies in which a user took part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryPage {
    /// The user: owner, or a helper that did not cancel.
    pub user: UserId,
    /// Only in this status.
    pub status: Option<EmergencyStatus>,
    /// Only emergencies created before this time.
    pub before: Option<Timestamp>,
    /// Maximum number of emergencies to return, exceeded only by those created at the same time as the last.
    pub limit: u32,
}

/// A page of all emergencies, for administrators, in the order (created at, id), newest first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdminPage {
    /// Only in this status; `None` for all live ones.
    pub status: Option<EmergencyStatus>,
    /// Only emergencies within this distance of this place.
    pub near: Option<(Position, Metres)>,
    /// Only emergencies after this one in the order of the pages: creation time and id of the last of the page before.
    pub before: Option<(Timestamp, EmergencyId)>,
    /// Maximum number of emergencies to return.
    pub limit: u32,
}

/// An emergency in the list for administrators.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedEmergency {
    /// The emergency.
    pub emergency: Emergency,
    /// Number of emergencies that its owner raised in the ten minutes before it, deleted ones included.
    pub repeats: u32,
}

/// Queries for emergencies, with their responses and alert counts.
///
/// Each method is one statement, or a few where that costs no round trip.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Emergencies: Send + Sync {
    /// The emergency with this id, for display.
    async fn find(&self, id: EmergencyId) -> Result<Option<Emergency>>;

    /// The emergency with this id, whether this reader was alerted to it and has not declined, and whether a block hides it
    /// from them.
    async fn read(&self, id: EmergencyId, reader: UserId) -> Result<Option<ReadEmergency>>;

    /// The emergency with this id, to decide a change on it, and the helpers that `near` asks for.
    async fn load(&self, id: EmergencyId, near: Option<Near>) -> Result<Option<Loaded>>;

    /// The emergency with this id, to decide on the acceptance of a helper, and what has to be known of the helper.
    ///
    /// The blocks MUST NOT be older than the emergency: a later one makes the commit of a change of it stale, if the blocked
    /// user takes part. Those of the caller's account may be, by a second and by the time for which the acceptance waited.
    async fn load_for_acceptance(&self, id: EmergencyId, helper: UserId) -> Result<Option<AcceptanceContext>>;

    /// Reads everything that raising an emergency is decided on.
    async fn raise_context<'a>(&self, query: &RaiseQuery<'a>) -> Result<RaiseContext>;

    /// The live emergencies in which a user takes part, as owner or as a helper that did not cancel.
    ///
    /// The owned one is first, then the one that the user is engaged in, then the completed ones, newest first.
    async fn live_of(&self, user: UserId) -> Result<Live>;

    /// Live emergencies that this helper has not answered, in the order of the distances shown, then newest first.
    ///
    /// The helper's last position, judged from the centre of its cell, is within their alert radius around the shown place,
    /// or the helper was alerted to them. The limit MUST NOT tell which of two is nearer if the distances shown do not. The helper is not
    /// their owner, has not declined, and has no response to them, unless it is cancelled. Empty for a helper without a
    /// position. Emergencies that a block hides from the helper are left out, unless they administer the service.
    async fn pending_for(&self, helper: &ListReader, limit: u32) -> Result<Vec<NearbyEmergency>>;

    /// Live emergencies whose shown place is within a radius, in the order of the distances shown, then newest first.
    ///
    /// MUST be correct across the antimeridian and at the poles. The limit MUST NOT tell which of two is nearer if the
    /// distances shown do not. Emergencies that a block hides from the reader are left out, unless they administer the service.
    async fn nearby(
        &self,
        reader: &ListReader,
        centre: Position,
        radius: Metres,
        limit: u32,
    ) -> Result<Vec<NearbyEmergency>>;

    /// The emergencies in which a user took part, newest first.
    ///
    /// Paging by time MUST NOT lose emergencies created at the same time: a page holds all that share the time of its
    /// last.
    async fn history(&self, page: &HistoryPage) -> Result<Vec<Emergency>>;

    /// All emergencies, newest first.
    async fn list(&self, page: &AdminPage) -> Result<Vec<ListedEmergency>>;

    /// The emergency with this id, and which of its helpers its owner has rated since this time so that it counted.
    async fn find_for_rating(&self, id: EmergencyId, since: Timestamp) -> Result<Option<ToBeRated>>;

    /// The helpers with a response to this emergency, not a cancelled one, that may help under this policy, are not separated
    /// from its owner by a [block](crate::UserBlock) and, unless they have completed, are not engaged in another emergency.
    async fn available_again(&self, id: EmergencyId, policy: HelperPolicy) -> Result<Vec<UserId>>;

    /// Records of deleted emergencies, newest first.
    async fn deleted(&self, page: &DeletedPage) -> Result<Vec<DeletedEmergency>>;
}
