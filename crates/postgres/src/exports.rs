//! Exports of what is stored of a user.

use allynet_domain::{
    Score, Timestamp, UserId,
    port::{ExportedMessage, ExportedRating, ExportedRecords, ExportedReport, ExportedResponse, Exports, Result},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use sqlx::{FromRow, postgres::PgRow};
use tracing::instrument;
use uuid::Uuid;

use crate::{Postgres, error::failed};

const RESPONSES: &str = "
    SELECT r.emergency_id, r.status, r.notes, r.estimated_arrival, r.responded_at, r.updated_at
    FROM response r WHERE r.helper_id = $1 ORDER BY r.responded_at DESC, r.emergency_id LIMIT $2";
const MESSAGES: &str = "
    SELECT m.id, m.emergency_id, m.body, m.created_at FROM message m
    WHERE m.sender_id = $1 ORDER BY m.created_at DESC, m.id DESC LIMIT $2";
const RATINGS: &str = "
    SELECT r.emergency_id, r.helper_id, r.score, r.comment, r.created_at FROM (
        (SELECT g.* FROM rating g WHERE g.helper_id = $1 ORDER BY g.created_at DESC LIMIT $2)
        UNION ALL
        (SELECT g.* FROM emergency e JOIN rating g ON g.emergency_id = e.id
         WHERE e.owner_id = $1 ORDER BY g.created_at DESC LIMIT $2)
    ) r ORDER BY r.created_at DESC, r.emergency_id, r.helper_id LIMIT $2";
/// Of a deleted emergency it is not known any more whether it was anonymous: its owner is not named, nor is any other user.
const REPORTS: &str = "
    SELECT r.emergency_id, CASE WHEN e.owner_id = $1 OR NOT e.anonymous OR e.owner_id <> r.about_id THEN r.about_id END AS about_id,
        r.reason, r.created_at
    FROM report r LEFT JOIN emergency e ON e.id = r.emergency_id
    WHERE r.reporter_id = $1 ORDER BY r.created_at DESC, r.emergency_id, r.about_id LIMIT $2";

statements!(RESPONSES, MESSAGES, RATINGS, REPORTS);

#[derive(FromRow)]
struct ResponseRow {
    emergency_id: Uuid,
    status: String,
    notes: Option<String>,
    estimated_arrival: Option<Timestamp>,
    responded_at: Timestamp,
    updated_at: Timestamp,
}

impl ResponseRow {
    fn exported(self) -> Result<ExportedResponse> {
        let Self { emergency_id, status, notes, estimated_arrival, responded_at, updated_at } = self;
        let row = RowDecoder { table: "response", id: emergency_id };
        Ok(ExportedResponse {
            emergency: emergency_id.into(),
            status: row.parse("status", &status)?,
            notes: row.text_opt("notes", notes.as_deref())?,
            estimated_arrival,
            responded_at,
            updated_at,
        })
    }
}

#[derive(FromRow)]
struct MessageRow {
    id: Uuid,
    emergency_id: Uuid,
    body: String,
    created_at: Timestamp,
}

impl MessageRow {
    fn exported(self) -> Result<ExportedMessage> {
        let Self { id, emergency_id, body, created_at } = self;
        let text = RowDecoder { table: "message", id }.text("body", &body)?;
        Ok(ExportedMessage { id: id.into(), emergency: emergency_id.into(), text, created_at })
    }
}

#[derive(FromRow)]
struct RatingRow {
    emergency_id: Uuid,
    helper_id: Uuid,
    score: i16,
    comment: Option<String>,
    created_at: Timestamp,
}

impl RatingRow {
    fn exported(self) -> Result<ExportedRating> {
        let Self { emergency_id, helper_id, score, comment, created_at } = self;
        let row = RowDecoder { table: "rating", id: emergency_id };
        Ok(ExportedRating {
            emergency: emergency_id.into(),
            helper: helper_id.into(),
            score: Score::new(row.number("score", score)?).map_err(|_| row.corrupt("score"))?,
            comment: row.text_opt("comment", comment.as_deref())?,
            created_at,
        })
    }
}

#[derive(FromRow)]
struct ReportRow {
    emergency_id: Uuid,
    about_id: Option<Uuid>,
    reason: String,
    created_at: Timestamp,
}

impl ReportRow {
    fn exported(self) -> Result<ExportedReport> {
        let Self { emergency_id, about_id, reason, created_at } = self;
        let reason = RowDecoder { table: "report", id: emergency_id }.text("reason", &reason)?;
        Ok(ExportedReport { emergency: emergency_id.into(), about: about_id.map(UserId::from), reason, created_at })
    }
}

#[async_trait]
impl Exports for Postgres {
    #[instrument(name = "pg.exports.records", level = "debug", skip_all, fields(%user))]
    async fn records(&self, user: UserId, limit: u32) -> Result<ExportedRecords> {
        let (user, limit) = (Uuid::from(user), i64::from(limit));
        let responses: Vec<ResponseRow> = self.export(RESPONSES, user, limit).await?;
        let messages: Vec<MessageRow> = self.export(MESSAGES, user, limit).await?;
        let ratings: Vec<RatingRow> = self.export(RATINGS, user, limit).await?;
        let reports: Vec<ReportRow> = self.export(REPORTS, user, limit).await?;
        Ok(ExportedRecords {
            responses: responses.into_iter().map(ResponseRow::exported).collect::<Result<_>>()?,
            messages: messages.into_iter().map(MessageRow::exported).collect::<Result<_>>()?,
            ratings: ratings.into_iter().map(RatingRow::exported).collect::<Result<_>>()?,
            reports: reports.into_iter().map(ReportRow::exported).collect::<Result<_>>()?,
        })
    }
}

impl Postgres {
    async fn export<T>(&self, statement: &'static str, user: Uuid, limit: i64) -> Result<Vec<T>>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        sqlx::query_as(statement).bind(user).bind(limit).fetch_all(self.main()).await.map_err(failed)
    }
}
