//! Exports of what is stored of a user.

use allynet_domain::{
    Score, Timestamp, UserId,
    port::{
        ExportedAlert, ExportedHistory, ExportedMessage, ExportedRating, ExportedRecords, ExportedReport,
        ExportedResourceReport, ExportedResponse, Exports, Result,
    },
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
const RESOURCE_REPORTS: &str = "
    SELECT p.resource_id, p.state, p.note, p.reported_at FROM resource_report p
    WHERE p.reporter_id = $1 ORDER BY p.reported_at DESC, p.resource_id LIMIT $2";
/// Without what was declined: a block declines, too, and its user must not learn of it.
const ALERTS: &str = "
    SELECT a.emergency_id, a.sent_at, a.seen_at, a.acknowledged_at FROM alert a
    WHERE a.helper_id = $1 AND a.wave IS NOT NULL ORDER BY a.sent_at DESC, a.emergency_id LIMIT $2";
const HISTORY: &str = "
    SELECT h.alerts, h.accepted, h.arrived, h.kept FROM helper_history h WHERE h.account_id = $1 LIMIT $2";

statements!(RESPONSES, MESSAGES, RATINGS, REPORTS, RESOURCE_REPORTS, ALERTS, HISTORY);

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

#[derive(FromRow)]
struct ResourceReportRow {
    resource_id: Uuid,
    state: String,
    note: Option<String>,
    reported_at: Timestamp,
}

impl ResourceReportRow {
    fn exported(self) -> Result<ExportedResourceReport> {
        let Self { resource_id, state, note, reported_at } = self;
        let row = RowDecoder { table: "resource_report", id: resource_id };
        Ok(ExportedResourceReport {
            resource: resource_id.into(),
            state: row.parse("state", &state)?,
            note: row.text_opt("note", note.as_deref())?,
            reported_at,
        })
    }
}

#[derive(FromRow)]
struct AlertRow {
    emergency_id: Uuid,
    sent_at: Option<Timestamp>,
    seen_at: Option<Timestamp>,
    acknowledged_at: Option<Timestamp>,
}

impl AlertRow {
    fn exported(self) -> ExportedAlert {
        let Self { emergency_id, sent_at, seen_at, acknowledged_at } = self;
        ExportedAlert { emergency: emergency_id.into(), sent_at, seen_at, acknowledged_at }
    }
}

#[derive(FromRow)]
struct HistoryRow {
    alerts: i32,
    accepted: i32,
    arrived: i32,
    kept: i32,
}

impl HistoryRow {
    fn exported(self, user: Uuid) -> Result<ExportedHistory> {
        let Self { alerts, accepted, arrived, kept } = self;
        let row = RowDecoder { table: "helper_history", id: user };
        Ok(ExportedHistory {
            alerts: row.number("alerts", alerts)?,
            accepted: row.number("accepted", accepted)?,
            arrived: row.number("arrived", arrived)?,
            kept: row.number("kept", kept)?,
        })
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
        let resource_reports: Vec<ResourceReportRow> = self.export(RESOURCE_REPORTS, user, limit).await?;
        let alerts: Vec<AlertRow> = self.export(ALERTS, user, limit).await?;
        let history: Vec<HistoryRow> = self.export(HISTORY, user, limit).await?;
        Ok(ExportedRecords {
            responses: responses.into_iter().map(ResponseRow::exported).collect::<Result<_>>()?,
            messages: messages.into_iter().map(MessageRow::exported).collect::<Result<_>>()?,
            ratings: ratings.into_iter().map(RatingRow::exported).collect::<Result<_>>()?,
            reports: reports.into_iter().map(ReportRow::exported).collect::<Result<_>>()?,
            resource_reports: resource_reports.into_iter().map(ResourceReportRow::exported).collect::<Result<_>>()?,
            alerts: alerts.into_iter().map(AlertRow::exported).collect(),
            history: history.into_iter().next().map(|row| row.exported(user)).transpose()?,
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
