//! Writes of trust and ratings, inside of the transaction of a change.

use allynet_domain::{
    EmergencyId, MAX_TRUST, RatingCounts, Text, Timestamp, UserId,
    port::{Error, Result},
};
use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::{
    error::port_error,
    rows::{hex, to_json},
};

/// Adds trust for those of the helpers that have gained none from the owner since.
pub(super) async fn add_trust(
    db: &mut SqliteConnection,
    at: i64,
    emergency: EmergencyId,
    owner: UserId,
    helpers: &[UserId],
    by: u16,
    unless_since: Timestamp,
) -> Result<()> {
    let helpers: Vec<String> = helpers.iter().copied().map(hex).collect();
    sqlx::query(
        "insert into reputation_gain (emergency_id, helper_id, kind, owner_id, points, gained_at) \
         select ?1, unhex(h.value), 'trust', ?2, ?3, ?4 from json_each(?5) h \
         where not exists (select 1 from reputation_gain g where g.helper_id = unhex(h.value) and g.owner_id = ?2 \
                           and g.kind = 'trust' and g.gained_at > ?6)",
    )
    .bind(Uuid::from(emergency))
    .bind(Uuid::from(owner))
    .bind(by)
    .bind(at)
    .bind(to_json(&helpers)?)
    .bind(unless_since.timestamp_micros())
    .execute(&mut *db)
    .await
    .map_err(port_error)?;
    // What was inserted is what this emergency gives: an earlier gain of it was taken back by its reopening.
    sqlx::query(
        "update account set trust_score = min(?3, trust_score + ?2) \
         where id in (select helper_id from reputation_gain where emergency_id = ?1 and kind = 'trust')",
    )
    .bind(Uuid::from(emergency))
    .bind(by)
    .bind(MAX_TRUST)
    .execute(db)
    .await
    .map_err(port_error)
    .map(drop)
}

/// Takes back the trust that was gained in an emergency.
pub(super) async fn revoke_trust(db: &mut SqliteConnection, emergency: EmergencyId) -> Result<()> {
    let statements = [
        "update account set trust_score = max(0, trust_score - (select g.points from reputation_gain g \
             where g.emergency_id = ?1 and g.helper_id = account.id and g.kind = 'trust')) \
         where id in (select helper_id from reputation_gain where emergency_id = ?1 and kind = 'trust')",
        "delete from reputation_gain where emergency_id = ?1 and kind = 'trust'",
    ];
    for sql in statements {
        sqlx::query(sql).bind(Uuid::from(emergency)).execute(&mut *db).await.map_err(port_error)?;
    }
    Ok(())
}

pub(super) async fn rate(
    db: &mut SqliteConnection,
    at: i64,
    emergency: EmergencyId,
    helper: UserId,
    score: u8,
    comment: Option<Text<500>>,
    counts: Option<RatingCounts>,
) -> Result<()> {
    sqlx::query("insert into rating (emergency_id, helper_id, score, comment, created_at) values (?1, ?2, ?3, ?4, ?5)")
        .bind(Uuid::from(emergency))
        .bind(Uuid::from(helper))
        .bind(score)
        .bind(comment.map(String::from))
        .bind(at)
        .execute(&mut *db)
        .await
        .map_err(port_error)?;
    let Some(RatingCounts { owner, unless_since }) = counts else { return Ok(()) };
    let gained = sqlx::query(
        "insert into reputation_gain (emergency_id, helper_id, kind, owner_id, points, gained_at) \
         select ?1, ?2, 'rating', ?3, 0, ?4 \
         where not exists (select 1 from reputation_gain g where g.helper_id = ?2 and g.owner_id = ?3 \
                           and g.kind = 'rating' and g.gained_at > ?5)",
    )
    .bind(Uuid::from(emergency))
    .bind(Uuid::from(helper))
    .bind(Uuid::from(owner))
    .bind(at)
    .bind(unless_since.timestamp_micros())
    .execute(&mut *db)
    .await
    .map_err(port_error)?;
    if gained.rows_affected() == 0 {
        return Err(Error::Stale);
    }
    sqlx::query("update account set rating_sum = rating_sum + ?2, rating_count = rating_count + 1 where id = ?1")
        .bind(Uuid::from(helper))
        .bind(score)
        .execute(db)
        .await
        .map_err(port_error)
        .map(drop)
}
