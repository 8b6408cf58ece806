//! Helpers by their last position: the port [`Helpers`], and the searches that other ports need.
//!
//! [`allynet_domain::Account::on_duty`] decides whether a helper is on duty; the column `duty` is a copy of its result.

use allynet_domain::{
    EmergencyAccess, HelperCard, HelperPolicy, HelpersInRange, Metres, Position, Recipient, Timestamp, UserId,
    near::{self, Candidate},
    port::{DutyCounts, Helpers, NearbyHelper, OnDuty, Result, Vicinity},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use tracing::instrument;
use uuid::Uuid;

use crate::{
    Sqlite,
    area::two_boxes,
    error::port_error,
    rows::{count, hex, to_json},
};

/// The smallest value of the column `duty` that counts as on duty under this policy. The schema computes the column.
const fn least_duty(policy: HelperPolicy) -> u8 {
    match policy {
        HelperPolicy::Open => 1,
        HelperPolicy::Verified => 2,
    }
}

/// Helpers in the boxes `?1` to `?4` and `?5` to `?8` (south, north, west, east) whose fix is from `?9` or later, other
/// than `?10`, with a duty of at least `?11`.
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
    select p.account_id as id, p.latitude, p.longitude from strip s cross join position p \
    on p.cell between s.row * 65536 + cast((s.west + 180) * 100 as integer) \
                  and s.row * 65536 + cast((s.east + 180) * 100 as integer) \
    where p.latitude between s.south and s.north and p.longitude between s.west and s.east \
    and p.at >= ?9 and p.account_id <> ?10 and p.duty >= ?11";

/// The position of helper `?1`, if the fix is from `?2` or later and the duty at least `?3`.
pub(crate) const ONE: &str = "\
    select account_id as id, latitude, longitude from position where account_id = ?1 and at >= ?2 and duty >= ?3";

/// How many accounts are on duty (`?1`), and how many of them reported a position at `?2` or later.
///
/// The second count walks all positions: an index of their times would have to be written with every report, for this
/// one statement of administrators.
const COUNT: &str = "\
    select (select count(*) from account where duty >= ?1) \
           - (select count(*) from account where verification = 'rejected' and duty >= ?1), \
           (select count(*) from position where duty >= ?1 and at >= ?2)";

#[derive(sqlx::FromRow)]
struct CandidateRow {
    id: Uuid,
    latitude: f64,
    longitude: f64,
}

#[derive(sqlx::FromRow)]
struct CardRow {
    id: Uuid,
    first_name: String,
    last_name: Option<String>,
    trust_score: i64,
    rating_sum: i64,
    rating_count: i64,
}

impl TryFrom<CardRow> for HelperCard {
    type Error = allynet_domain::port::Error;

    fn try_from(row: CardRow) -> Result<Self> {
        let CardRow { id, first_name, last_name, trust_score, rating_sum, rating_count } = row;
        let stored = RowDecoder::account(id);
        Ok(Self {
            person: stored.person(&first_name, last_name.as_deref())?,
            reputation: stored.reputation(trust_score, rating_sum, rating_count)?,
        })
    }
}

#[async_trait]
impl Helpers for Sqlite {
    #[instrument(name = "sqlite.helpers.nearby", level = "debug", skip_all, fields(emergency = %vicinity.emergency))]
    async fn nearby(&self, vicinity: &Vicinity) -> Result<Option<(EmergencyAccess, Vec<NearbyHelper>)>> {
        let Vicinity { emergency, reader, on_duty, radius, limit } = *vicinity;
        let Some(seen) = self.access_of(emergency, reader).await? else { return Ok(None) };
        let around = Around { centre: seen.position, except: seen.owner, on_duty };
        let nearest = near::nearest(around.centre, &self.candidates(around, radius).await?, limit);
        Ok(Some((seen.access, self.cards(nearest).await?)))
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

/// A search for helpers on duty around a centre.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around {
    pub(crate) centre: Position,
    /// The owner of the emergency, which the search leaves out.
    pub(crate) except: UserId,
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
        limit: u32,
    ) -> Result<HelpersInRange> {
        let (mut counts, mut candidates) = (Vec::with_capacity(radii.len()), Vec::new());
        for &radius in radii {
            candidates = self.candidates(around, radius).await?;
            let count = near::count_within(around.centre, &candidates, radius);
            counts.push(count);
            if is_enough(radius, count) {
                break;
            }
        }
        Ok(HelpersInRange { counts, nearest: recipients(near::nearest(around.centre, &candidates, limit)) })
    }

    /// The nearest `limit` helpers within a radius, nearest first.
    pub(crate) async fn nearest_helpers(&self, around: Around, radius: Metres, limit: u32) -> Result<Vec<Recipient>> {
        Ok(recipients(near::nearest(around.centre, &self.candidates(around, radius).await?, limit)))
    }

    /// This helper, if on duty and within the radius.
    pub(crate) async fn one_helper(&self, around: Around, radius: Metres, helper: UserId) -> Result<Option<Recipient>> {
        let row: Option<CandidateRow> = sqlx::query_as(ONE)
            .bind(Uuid::from(helper))
            .bind(around.on_duty.fresh_since.timestamp_micros())
            .bind(least_duty(around.on_duty.policy))
            .fetch_optional(&self.readers)
            .await
            .map_err(port_error)?;
        let Some(row) = row.filter(|_| helper != around.except) else { return Ok(None) };
        let distance = around.centre.distance_to(row.candidate(radius)?.position);
        Ok((distance <= radius).then_some(Recipient::new(helper, distance)))
    }

    /// Names and reputations of these helpers, in the same order.
    async fn cards(&self, nearest: Vec<(Uuid, Metres)>) -> Result<Vec<NearbyHelper>> {
        if nearest.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<String> = nearest.iter().map(|(id, _)| hex(*id)).collect();
        let rows: Vec<CardRow> = sqlx::query_as(
            "select a.id, a.first_name, a.last_name, a.trust_score, a.rating_sum, a.rating_count \
             from json_each(?1) i cross join account a on a.id = unhex(i.value) order by i.key",
        )
        .bind(to_json(&ids)?)
        .fetch_all(&self.readers)
        .await
        .map_err(port_error)?;
        // Accounts are never deleted, so each id has its row, in the order of the array.
        rows.into_iter()
            .zip(nearest)
            .map(|(row, (_, distance))| Ok(NearbyHelper { helper: row.try_into()?, distance }))
            .collect()
    }

    /// Helpers in the boxes around the circle. Some may be outside of the circle.
    async fn candidates(&self, around: Around, radius: Metres) -> Result<Vec<Candidate<Uuid>>> {
        let Around { centre, except, on_duty: OnDuty { policy, fresh_since } } = around;
        let mut query = sqlx::query_as::<_, CandidateRow>(CANDIDATES);
        for rect in two_boxes(centre, radius) {
            query = query.bind(rect.south).bind(rect.north).bind(rect.west).bind(rect.east);
        }
        let rows = query
            .bind(fresh_since.timestamp_micros())
            .bind(Uuid::from(except))
            .bind(least_duty(policy))
            .fetch_all(&self.readers)
            .await
            .map_err(port_error)?;
        rows.into_iter().map(|row| row.candidate(radius)).collect()
    }
}

impl CandidateRow {
    fn candidate(self, reach: Metres) -> Result<Candidate<Uuid>> {
        let Self { id, latitude, longitude } = self;
        let position = RowDecoder { table: "position", id }.position(latitude, longitude)?;
        Ok(Candidate { key: id, position, reach })
    }
}

fn recipients(nearest: Vec<(Uuid, Metres)>) -> Vec<Recipient> {
    nearest.into_iter().map(|(id, distance)| Recipient::new(id.into(), distance)).collect()
}
