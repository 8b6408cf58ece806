//! Helpers by their last position: the port [`Helpers`], and the searches that other ports need.
//!
//! [`allynet_domain::Account::on_duty`] decides whether a helper is on duty; the column `duty` is a copy of its result.

use std::collections::HashSet;

use allynet_domain::{
    ALERT_LIMIT_WINDOW, Account, AlertPlace, Coverage, EmergencyId, FoundHelpers, Grid, HelperPolicy, HelperRank,
    HelpersInRange, Metres, Position, RecentRings, Recipient, SkipReason, SkippedHelper, Timestamp, UserId,
    grid::MAX_HELPER_OFFSET,
    port::{
        DutyCounts, Emergencies as _, Helpers, HelpersAround, OnDuty, ReadEmergency, Result, UnderReview, Vicinity,
    },
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use tracing::instrument;
use uuid::Uuid;

use crate::{
    Sqlite, accounts::AccountRow, area::two_boxes, emergencies::statements::RECENT_RINGS, error::port_error,
    rows::count,
};

/// The smallest value of the column `duty` that counts as on duty under this policy. The schema computes the column.
const fn least_duty(policy: HelperPolicy) -> u8 {
    match policy {
        HelperPolicy::Open => 1,
        HelperPolicy::Verified => 2,
    }
}

/// Helpers in the boxes `?1` to `?4` and `?5` to `?8` (south, north, west, east) whose fix is from `?9` or later, other
/// than `?10` (if not null), with a duty of at least `?11`. Owners of anonymous emergencies have the rank 2: a count without them
/// would name them. Rank 0 are those proven at `?12`.
///
/// `skipped` is why a helper is passed over: engaged, or owner of another live emergency; away, unless the emergency is critical
/// (`?13`) and reaches them all the same; and, unless it is, with as many other owners than `?14` who rang them in the day
/// before as their limit says.
///
/// The table lies in the order of its cells, `row * 65536 + column`, so each row of cells of a box is one range of the
/// primary key. The recursive part counts the rows of both boxes from south to north. `cross join` makes these the outer
/// loop; SQLite might walk all positions instead. The boxes do not overlap, so no helper is found twice.
pub(crate) const CANDIDATES: &str = "\
    with recursive strip(row, last, south, north, west, east) as ( \
        select cast((?1 + 90) * 100 as integer), cast((?2 + 90) * 100 as integer), ?1, ?2, ?3, ?4 \
        union all \
        select cast((?5 + 90) * 100 as integer), cast((?6 + 90) * 100 as integer), ?5, ?6, ?7, ?8 \
        union all \
        select row + 1, last, south, north, west, east from strip where row < last) \
    select p.account_id as id, p.latitude, p.longitude, \
           case when p.account_id in (select owner_id from emergency \
                                      where status in ('active', 'responding') and anonymous = 1) then 2 \
                when coalesce(p.proven_at <= ?12, 1) then 0 else 1 end as rank, \
           case when p.account_id in (select helper_id from response where engaged = 1 \
                                      union all \
                                      select owner_id from emergency where status in ('active', 'responding') \
                                                                           and anonymous = 0) then 'engaged' \
                when p.away_until > ?12 and p.away_from <= ?12 and (not ?13 or p.away_from_critical) \
                    then case when p.paused_until > ?12 then 'paused' else 'quiet' end \
                when not ?13 and p.max_alerts_per_day <= (select count(distinct r.owner_id) from ring r \
                    where r.helper_id = p.account_id and r.rung_at > ?12 - 86400000000 \
                    and r.owner_id <> p.account_id and r.owner_id <> ?14) then 'limit' end as skipped \
    from strip s cross join position p \
    on p.cell between s.row * 65536 + cast((s.west + 180) * 100 as integer) \
                  and s.row * 65536 + cast((s.east + 180) * 100 as integer) \
    where p.latitude between s.south and s.north and p.longitude between s.west and s.east \
    and p.at >= ?9 and p.account_id is not ?10 and p.duty >= ?11";

/// The position of helper `?1`, if the fix is from `?2` or later, the duty at least `?3`, and the helper available and reached at
/// `?4` by an emergency that is critical (`?5`) of owner `?6`.
pub(crate) const ONE: &str = "\
    select p.account_id as id, p.latitude, p.longitude, 0 as rank from position p \
    where p.account_id = ?1 and p.at >= ?2 and p.duty >= ?3 \
    and (p.away_until is null or p.away_until <= ?4 or p.away_from > ?4 or (?5 and not p.away_from_critical)) \
    and (p.max_alerts_per_day is null or ?5 \
         or (select count(distinct r.owner_id) from ring r \
             where r.helper_id = p.account_id and r.rung_at > ?4 - 86400000000 \
             and r.owner_id <> p.account_id and r.owner_id <> ?6) < p.max_alerts_per_day) \
    and not exists (select 1 from response where helper_id = ?1 and engaged = 1) \
    and not exists (select 1 from emergency where owner_id = ?1 and status in ('active', 'responding'))";

/// The positions of the helpers whose response to emergency `?1` is not cancelled.
const RESPONDING: &str = "\
    select p.account_id as id, p.latitude, p.longitude, 0 as rank from response r \
    cross join position p on p.account_id = r.helper_id where r.emergency_id = ?1 and r.status <> 'cancelled'";

/// The users that are not to be alerted to the emergency `?1` (null before it is raised) of the owner `?2`: whether it is
/// anonymous (`?3`), and raised at `?4`. The response of helper `?5`, if any, counts as cancelled.
const UNALERTABLE: &str = "\
    select u.blocked_id from user_block u where u.owner_id = ?2 and u.blocked_id is not null \
    union \
    select u.owner_id from user_block u where u.blocked_id = ?2 and (not ?3 or u.earliest_end <= ?4) \
    union \
    select u.blocked_id from response r cross join user_block u on u.owner_id = r.helper_id \
    where r.emergency_id = ?1 and r.status <> 'cancelled' and r.helper_id is not ?5 and u.blocked_id is not null \
    union \
    select u.owner_id from response r cross join user_block u on u.blocked_id = r.helper_id \
    where r.emergency_id = ?1 and r.status <> 'cancelled' and r.helper_id is not ?5";

/// How many accounts are on duty (`?1`), and how many of them reported a position at `?2` or later.
///
/// The second count walks all positions: an index of their times would have to be written with every report, for this
/// one statement of administrators.
const COUNT: &str = "\
    select (select count(*) from account where duty >= ?1) \
           - (select count(*) from account where verification = 'rejected' and duty >= ?1), \
           (select count(*) from position where duty >= ?1 and at >= ?2)";

/// The places of all helpers with a fix from `?1` or later and a duty of at least `?2` who are available at `?3`. Walks all
/// positions, of which nearly every one counts.
const COVERAGE: &str = "\
    select p.latitude, p.longitude from position p \
    where p.at >= ?1 and p.duty >= ?2 \
    and (p.away_until is null or p.away_until <= ?3 or p.away_from > ?3) \
    and (p.max_alerts_per_day is null \
         or (select count(distinct r.owner_id) from ring r \
             where r.helper_id = p.account_id and r.rung_at > ?3 - 86400000000 \
             and r.owner_id <> p.account_id) < p.max_alerts_per_day) \
    and p.account_id not in (select helper_id from response where engaged = 1 \
                             union all \
                             select owner_id from emergency where status in ('active', 'responding') \
                                                                  and anonymous = 0)";

/// At most `?3` of the accounts whose review is due at `?1` and those that reached their limit per day by a ring after `?2`,
/// with the time of the oldest ring that the limit still counts.
pub(crate) const DUE_FOR_REVIEW: &str = "\
    select a.*, case when l.max_alerts_per_day is not null then ( \
               select ringing_owner.last from ( \
                   select max(r.rung_at) as last, row_number() over (order by max(r.rung_at) desc) as n from ring r \
                   where r.helper_id = a.id and r.rung_at > ?1 - 86400000000 and r.owner_id <> a.id \
                   group by r.owner_id) as ringing_owner \
               where ringing_owner.n = l.max_alerts_per_day) end as limit_counts_from \
    from account_view a cross join account l on l.id = a.id \
    where a.id in (select id from account where alert_review_at <= ?1 \
                   union \
                   select b.id from ring n cross join account b on b.id = n.helper_id \
                   where n.rung_at > ?2 and b.max_alerts_per_day is not null and b.alert_scope = 'all' \
                   and (select count(distinct r.owner_id) from ring r \
                        where r.helper_id = b.id and r.rung_at > ?1 - 86400000000 \
                        and r.owner_id <> b.id) >= b.max_alerts_per_day) \
    limit ?3";

#[derive(sqlx::FromRow)]
struct UnderReviewRow {
    #[sqlx(flatten)]
    account: AccountRow,
    limit_counts_from: Option<i64>,
}

impl TryFrom<UnderReviewRow> for UnderReview {
    type Error = allynet_domain::port::Error;

    fn try_from(UnderReviewRow { account, limit_counts_from }: UnderReviewRow) -> Result<Self> {
        let account: Account = account.try_into()?;
        let stored = RowDecoder { table: "ring", id: Uuid::from(account.id) };
        let oldest = stored.micros_opt("rung_at", limit_counts_from)?;
        Ok(Self { account, limit_ends_at: oldest.map(|at| at + ALERT_LIMIT_WINDOW) })
    }
}

#[derive(sqlx::FromRow)]
struct CandidateRow {
    id: Uuid,
    latitude: f64,
    longitude: f64,
    rank: i64,
    #[sqlx(default)]
    skipped: Option<String>,
}

#[async_trait]
impl Helpers for Sqlite {
    #[instrument(name = "sqlite.helpers.around", level = "debug", skip_all, fields(emergency = %vicinity.emergency))]
    async fn around(&self, vicinity: &Vicinity) -> Result<Option<HelpersAround>> {
        let Vicinity { emergency: id, reader, on_duty, radius, places } = *vicinity;
        let Some(read) = self.read(id, reader).await? else { return Ok(None) };
        let ReadEmergency { emergency, hidden, alerted: _ } = read;
        let details = &emergency.call().details;
        let except = (!details.anonymous).then(|| emergency.owner());
        let (owner, critical) = (emergency.owner(), details.is_critical());
        let around = Around { place: places.alert_place(details), owner, critical, except, on_duty };
        let available = self.helpers_within(around, radius).await?;
        Ok(Some(HelpersAround { available, responding: self.responding(id).await?, emergency, hidden }))
    }

    #[instrument(name = "sqlite.helpers.coverage", level = "debug", skip_all)]
    async fn coverage(&self, on_duty: OnDuty, grid: Grid) -> Result<Coverage> {
        let query = sqlx::query_as(COVERAGE)
            .bind(on_duty.fresh_since.timestamp_micros())
            .bind(least_duty(on_duty.policy))
            .bind(on_duty.now.timestamp_micros());
        let (mut coverage, stored) = (Coverage::new(grid), RowDecoder { table: "position", id: Uuid::nil() });
        let mut rows = query.fetch(&self.readers);
        // One row at a time: there may be a hundred thousand.
        while let Some((latitude, longitude)) = rows.try_next().await.map_err(port_error)? {
            coverage.add(stored.position(latitude, longitude)?);
        }
        Ok(coverage)
    }

    #[instrument(name = "sqlite.helpers.due_for_review", level = "debug", skip_all)]
    async fn due_for_review(&self, now: Timestamp, rung_since: Timestamp, limit: u32) -> Result<Vec<UnderReview>> {
        let rows: Vec<UnderReviewRow> = sqlx::query_as(DUE_FOR_REVIEW)
            .bind(now.timestamp_micros())
            .bind(rung_since.timestamp_micros())
            .bind(limit)
            .fetch_all(&self.readers)
            .await
            .map_err(port_error)?;
        rows.into_iter().map(UnderReview::try_from).collect()
    }

    #[instrument(name = "sqlite.helpers.count", level = "debug", skip_all)]
    async fn count(&self, policy: HelperPolicy, fresh_since: Timestamp) -> Result<DutyCounts> {
        let (on_duty, fresh): (i64, i64) = sqlx::query_as(COUNT)
            .bind(least_duty(policy))
            .bind(fresh_since.timestamp_micros())
            .fetch_one(&self.readers)
            .await
            .map_err(port_error)?;
        Ok(DutyCounts { on_duty: count(on_duty), fresh: count(fresh) })
    }
}

/// A search for helpers on duty around an emergency.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around {
    pub(crate) place: AlertPlace,
    /// The owner of the emergency.
    pub(crate) owner: UserId,
    /// Whether the emergency is critical.
    pub(crate) critical: bool,
    /// The owner of the emergency, if the search leaves them out.
    pub(crate) except: Option<UserId>,
    pub(crate) on_duty: OnDuty,
}

impl Sqlite {
    /// Counts the helpers within each radius, up to the first for which `is_enough(radius, count)`, and returns the
    /// nearest `limit` within that one. Larger radii are not searched, which bounds the cost in a crowded place.
    pub(crate) async fn helpers_in_range(
        &self,
        around: Around,
        radii: &[Metres],
        is_enough: impl Fn(Metres, u32) -> bool + Send,
        (limit, excluded): (u32, &HashSet<UserId>),
    ) -> Result<HelpersInRange> {
        let (mut counts, mut found) = (Vec::with_capacity(radii.len()), FoundHelpers::default());
        for &radius in radii {
            found = self.helpers_within(around, radius).await?;
            let count = found.count_within(around.place, radius);
            counts.push(count);
            if is_enough(radius, count) {
                break;
            }
        }
        // Blocks leave helpers out of the alerts, not out of the counts.
        let nearest = found.filtered(|helper| !excluded.contains(&helper)).nearest(around.place, limit);
        Ok(HelpersInRange { counts, nearest, skipped: found.skipped(around.place) })
    }

    /// The nearest `limit` proven helpers within a radius, then as many unproven ones, each group nearest first, without the
    /// `excluded`; and those that are passed over.
    pub(crate) async fn nearest_helpers(
        &self,
        around: Around,
        radius: Metres,
        (limit, excluded): (u32, &HashSet<UserId>),
    ) -> Result<(Vec<Recipient>, Vec<SkippedHelper>)> {
        let found = self.helpers_within(around, radius).await?;
        let nearest = found.filtered(|helper| !excluded.contains(&helper)).nearest(around.place, limit);
        Ok((nearest, found.skipped(around.place)))
    }

    /// The users that are not alerted because of blocks: see the port [`allynet_domain::port::Near`]. `emergency` is `None`
    /// before it is raised.
    pub(crate) async fn unalertable(
        &self,
        emergency: Option<EmergencyId>,
        (owner, leaving): (UserId, Option<UserId>),
        (anonymous, raised_at): (bool, Timestamp),
    ) -> Result<HashSet<UserId>> {
        let found: Vec<Uuid> = sqlx::query_scalar(UNALERTABLE)
            .bind(emergency.map(Uuid::from))
            .bind(Uuid::from(owner))
            .bind(anonymous)
            .bind(raised_at.timestamp_micros())
            .bind(leaving.map(Uuid::from))
            .fetch_all(&self.readers)
            .await
            .map_err(port_error)?;
        Ok(found.into_iter().map(Into::into).collect())
    }

    /// This helper, if on duty and within the radius.
    pub(crate) async fn one_helper(&self, around: Around, radius: Metres, helper: UserId) -> Result<Option<Recipient>> {
        let row: Option<CandidateRow> = sqlx::query_as(ONE)
            .bind(Uuid::from(helper))
            .bind(around.on_duty.fresh_since.timestamp_micros())
            .bind(least_duty(around.on_duty.policy))
            .bind(around.on_duty.now.timestamp_micros())
            .bind(around.critical)
            .bind(Uuid::from(around.owner))
            .fetch_optional(&self.readers)
            .await
            .map_err(port_error)?;
        let Some(row) = row.filter(|_| around.except != Some(helper)) else { return Ok(None) };
        Ok(FoundHelpers::new([(helper, row.position()?)], radius).nearest(around.place, 1).pop())
    }

    /// The last positions of the helpers whose response is not cancelled.
    async fn responding(&self, id: EmergencyId) -> Result<Vec<(UserId, Position)>> {
        let query = sqlx::query_as(RESPONDING).bind(Uuid::from(id));
        let rows: Vec<CandidateRow> = query.fetch_all(&self.readers).await.map_err(port_error)?;
        rows.iter().map(|row| Ok((row.id.into(), row.position()?))).collect()
    }

    /// Helpers in the boxes around the circle. Some may be outside of the circle.
    pub(crate) async fn helpers_within(&self, around: Around, radius: Metres) -> Result<FoundHelpers> {
        let Around { place, owner, critical, except, on_duty: OnDuty { policy, fresh_since, now } } = around;
        let mut query = sqlx::query_as::<_, CandidateRow>(CANDIDATES);
        // The boxes are those of exact places, and the cell of a helper may be nearer.
        for rect in two_boxes(place.judged, Metres::new(radius.get() + MAX_HELPER_OFFSET)) {
            query = query.bind(rect.south).bind(rect.north).bind(rect.west).bind(rect.east);
        }
        let rows = query
            .bind(fresh_since.timestamp_micros())
            .bind(except.map(Uuid::from))
            .bind(least_duty(policy))
            .bind(now.timestamp_micros())
            .bind(critical)
            .bind(Uuid::from(owner))
            .fetch_all(&self.readers)
            .await
            .map_err(port_error)?;
        let (skipped, found): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.skipped.is_some());
        let skipped = skipped.into_iter().map(CandidateRow::skipped).collect::<Result<Vec<_>>>()?;
        let found = found.into_iter().map(|row| {
            let rank = match row.rank {
                0 => HelperRank::Proven,
                1 => HelperRank::Unproven,
                _ => HelperRank::CountedOnly,
            };
            Ok((row.id.into(), row.position()?, rank))
        });
        let found = FoundHelpers::ranked(found.collect::<Result<Vec<_>>>()?, radius);
        Ok(found.with_skipped(skipped.into_iter().flatten()))
    }

    /// How often emergencies of this owner have rung helpers.
    pub(crate) async fn recent_rings(&self, owner: UserId, since: Timestamp) -> Result<Vec<RecentRings>> {
        let rows: Vec<(Uuid, i64, i64)> = sqlx::query_as(RECENT_RINGS)
            .bind(Uuid::from(owner))
            .bind(since.timestamp_micros())
            .fetch_all(&self.readers)
            .await
            .map_err(port_error)?;
        let ring = |(helper, rings, last): (Uuid, i64, i64)| {
            let last = RowDecoder { table: "ring", id: helper }.micros("rung_at", last)?;
            Ok(RecentRings { helper: helper.into(), count: count(rings), last })
        };
        rows.into_iter().map(ring).collect()
    }
}

impl CandidateRow {
    fn skipped(&self) -> Result<Option<(UserId, Position, SkipReason)>> {
        let Some(reason) = &self.skipped else { return Ok(None) };
        let reason = RowDecoder { table: "position", id: self.id }.parse("skipped", reason)?;
        Ok(Some((self.id.into(), self.position()?, reason)))
    }

    fn position(&self) -> Result<Position> {
        let Self { id, latitude, longitude, rank: _, skipped: _ } = *self;
        RowDecoder { table: "position", id }.position(latitude, longitude)
    }
}
