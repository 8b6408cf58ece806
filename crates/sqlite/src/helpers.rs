//! Helpers by their last position. Must not decide who may help other than [`allynet_domain::Account::on_duty`] does.

use allynet_domain::{
    Census, HelperCard, HelperPolicy, Metres, Recipient, Timestamp,
    port::{HelperCounts, Helpers, NearbyHelper, Result, Search},
};
use async_trait::async_trait;
use uuid::Uuid;

use crate::{
    Sqlite,
    area::{self, Candidate, two_boxes},
    rows::{Stored, count, down, hex, to_json},
};

/// [`allynet_domain::Account::on_duty`] of `a`, with the policy as its word.
macro_rules! on_duty {
    ($policy:literal) => {
        concat!(
            "a.blocked = 0 and case ",
            $policy,
            " when 'open' then coalesce(a.available, 1) else a.verification = 'verified' and a.available end"
        )
    };
}

/// Two boxes in ?1 to ?8. They do not overlap, so nobody comes twice.
pub(crate) const CANDIDATES: &str = concat!(
    "select a.id, p.latitude, p.longitude from ( \
         select key from position_area where north >= ?1 and south <= ?2 and east >= ?3 and west <= ?4 \
         union all \
         select key from position_area where north >= ?5 and south <= ?6 and east >= ?7 and west <= ?8 \
     ) b cross join position p on p.key = b.key cross join account a on a.id = p.account_id \
     where p.at >= ?9 and p.account_id <> ?10 and ",
    on_duty!("?11")
);

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
        let stored = Stored { table: "account", id };
        Ok(Self {
            person: stored.person(id, &first_name, last_name.as_deref())?,
            standing: stored.standing(trust_score, rating_sum, rating_count)?,
        })
    }
}

#[async_trait]
impl Helpers for Sqlite {
    async fn census(&self, search: &Search, radii: &[Metres], limit: u32) -> Result<Census> {
        let Some(&largest) = radii.last() else { return Ok(Census::default()) };
        let candidates = self.candidates(search, largest).await?;
        let nearest = area::nearest(search.centre, &candidates, limit);
        Ok(Census {
            counts: area::counts(search.centre, &candidates, radii),
            nearest: nearest.into_iter().map(|(id, distance)| Recipient { helper: id.into(), distance }).collect(),
        })
    }

    async fn nearby(&self, search: &Search, radius: Metres, limit: u32) -> Result<Vec<NearbyHelper>> {
        let candidates = self.candidates(search, radius).await?;
        let nearest = area::nearest(search.centre, &candidates, limit);
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
        .map_err(down)?;
        // Accounts are never deleted, so each id has its row, in the order asked for.
        rows.into_iter()
            .zip(nearest)
            .map(|(row, (_, distance))| Ok(NearbyHelper { helper: row.try_into()?, distance }))
            .collect()
    }

    async fn count(&self, policy: HelperPolicy, fresh_since: Timestamp) -> Result<HelperCounts> {
        let (on_duty, fresh): (i64, i64) = sqlx::query_as(concat!(
            "select (select count(*) from account a where ",
            on_duty!("?1"),
            "), (select count(*) from position p cross join account a on a.id = p.account_id where p.at >= ?2 and ",
            on_duty!("?1"),
            ")"
        ))
        .bind(policy.as_str())
        .bind(fresh_since.timestamp_micros())
        .fetch_one(&self.readers)
        .await
        .map_err(down)?;
        Ok(HelperCounts { on_duty: count(on_duty), fresh: count(fresh) })
    }
}

impl Sqlite {
    /// Everyone whom the search is for in the boxes around the circle.
    async fn candidates(&self, search: &Search, radius: Metres) -> Result<Vec<Candidate<Uuid>>> {
        let Search { centre, except, policy, fresh_since } = search;
        let mut query = sqlx::query_as::<_, CandidateRow>(CANDIDATES);
        for rect in two_boxes(*centre, radius) {
            query = query.bind(rect.south).bind(rect.north).bind(rect.west).bind(rect.east);
        }
        let rows = query
            .bind(fresh_since.timestamp_micros())
            .bind(Uuid::from(*except))
            .bind(policy.as_str())
            .fetch_all(&self.readers)
            .await
            .map_err(down)?;
        rows.into_iter()
            .map(|CandidateRow { id, latitude, longitude }| {
                let stored = Stored { table: "position", id };
                Ok(Candidate { key: id, position: stored.position(latitude, longitude)?, reach: radius })
            })
            .collect()
    }
}
