//! Exports of what is stored of a user: the port [`Exports`].

use allynet_domain::{
    Score, UserId,
    port::{
        ExportedAlert, ExportedHistory, ExportedMessage, ExportedRating, ExportedRecords, ExportedReport,
        ExportedResourceReport, ExportedResponse, Exports, Result,
    },
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use sqlx::{FromRow, sqlite::SqliteRow};
use tracing::instrument;
use uuid::Uuid;

use crate::{Sqlite, error::port_error};

const RESPONSES: &str = "\
    select r.emergency_id, r.status, r.notes, r.estimated_arrival, r.responded_at, r.updated_at \
    from response r where r.helper_id = ?1 order by r.responded_at desc, r.emergency_id limit ?2";
const MESSAGES: &str = "\
    select m.id, m.emergency_id, m.body, m.created_at from message m \
    where m.sender_id = ?1 order by m.created_at desc, m.id desc limit ?2";
const RATINGS: &str = "\
    select g.emergency_id, g.helper_id, g.score, g.comment, g.created_at from rating g where g.helper_id = ?1 \
    union all \
    select g.emergency_id, g.helper_id, g.score, g.comment, g.created_at \
    from emergency e cross join rating g on g.emergency_id = e.id where e.owner_id = ?1 \
    order by 5 desc, 1, 2 limit ?2";
/// Of a deleted emergency it is not known any more whether it was anonymous: its owner is not named, nor is any other user.
const REPORTS: &str = "\
    select r.emergency_id, \
           case when e.owner_id = ?1 or not e.anonymous or e.owner_id <> r.about_id then r.about_id end as about_id, \
           r.reason, r.created_at \
    from report r left join emergency e on e.id = r.emergency_id \
    where r.reporter_id = ?1 order by r.created_at desc, r.emergency_id, r.about_id limit ?2";
const RESOURCE_REPORTS: &str = "\
    select p.resource_id, p.state, p.note, p.reported_at from resource_report p \
    where p.reporter_id = ?1 order by p.reported_at desc, p.resource_id limit ?2";
/// Without what was declined: a block declines, too, and its user must not learn of it.
const ALERTS: &str = "\
    select a.emergency_id, a.sent_at, a.seen_at, a.acknowledged_at from alert a \
    where a.helper_id = ?1 and a.wave is not null order by a.sent_at desc, a.emergency_id limit ?2";
const HISTORY: &str = "\
    select h.alerts, h.accepted, h.arrived, h.kept from helper_history h where h.account_id = ?1 limit ?2";

#[derive(FromRow)]
struct ResponseRow {
    emergency_id: Uuid,
    status: String,
    notes: Option<String>,
    estimated_arrival: Option<i64>,
    responded_at: i64,
    updated_at: i64,
}

impl ResponseRow {
    fn exported(self) -> Result<ExportedResponse> {
        let Self { emergency_id, status, notes, estimated_arrival, responded_at, updated_at } = self;
        let row = RowDecoder { table: "response", id: emergency_id };
        Ok(ExportedResponse {
            emergency: emergency_id.into(),
            status: row.parse("status", &status)?,
            notes: row.text_opt("notes", notes.as_deref())?,
            estimated_arrival: row.micros_opt("estimated_arrival", estimated_arrival)?,
            responded_at: row.micros("responded_at", responded_at)?,
            updated_at: row.micros("updated_at", updated_at)?,
        })
    }
}

#[derive(FromRow)]
struct MessageRow {
    id: Uuid,
    emergency_id: Uuid,
    body: String,
    created_at: i64,
}

impl MessageRow {
    fn exported(self) -> Result<ExportedMessage> {
        let Self { id, emergency_id, body, created_at } = self;
        let row = RowDecoder { table: "message", id };
        let (text, created_at) = (row.text("body", &body)?, row.micros("created_at", created_at)?);
        Ok(ExportedMessage { id: id.into(), emergency: emergency_id.into(), text, created_at })
    }
}

#[derive(FromRow)]
struct RatingRow {
    emergency_id: Uuid,
    helper_id: Uuid,
    score: i64,
    comment: Option<String>,
    created_at: i64,
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
            created_at: row.micros("created_at", created_at)?,
        })
    }
}

#[derive(FromRow)]
struct ReportRow {
    emergency_id: Uuid,
    about_id: Option<Uuid>,
    reason: String,
    created_at: i64,
}

impl ReportRow {
    fn exported(self) -> Result<ExportedReport> {
        let Self { emergency_id, about_id, reason, created_at } = self;
        let row = RowDecoder { table: "report", id: emergency_id };
        let (reason, created_at) = (row.text("reason", &reason)?, row.micros("created_at", created_at)?);
        Ok(ExportedReport { emergency: emergency_id.into(), about: about_id.map(UserId::from), reason, created_at })
    }
}

#[derive(FromRow)]
struct ResourceReportRow {
    resource_id: Uuid,
    state: String,
    note: Option<String>,
    reported_at: i64,
}

impl ResourceReportRow {
    fn exported(self) -> Result<ExportedResourceReport> {
        let Self { resource_id, state, note, reported_at } = self;
        let row = RowDecoder { table: "resource_report", id: resource_id };
        Ok(ExportedResourceReport {
            resource: resource_id.into(),
            state: row.parse("state", &state)?,
            note: row.text_opt("note", note.as_deref())?,
            reported_at: row.micros("reported_at", reported_at)?,
        })
    }
}

#[derive(FromRow)]
struct AlertRow {
    emergency_id: Uuid,
    sent_at: Option<i64>,
    seen_at: Option<i64>,
    acknowledged_at: Option<i64>,
}

impl AlertRow {
    fn exported(self) -> Result<ExportedAlert> {
        let Self { emergency_id, sent_at, seen_at, acknowledged_at } = self;
        let row = RowDecoder { table: "alert", id: emergency_id };
        Ok(ExportedAlert {
            emergency: emergency_id.into(),
            sent_at: row.micros_opt("sent_at", sent_at)?,
            seen_at: row.micros_opt("seen_at", seen_at)?,
            acknowledged_at: row.micros_opt("acknowledged_at", acknowledged_at)?,
        })
    }
}

#[derive(FromRow)]
struct HistoryRow {
    alerts: i64,
    accepted: i64,
    arrived: i64,
    kept: i64,
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
impl Exports for Sqlite {
    #[instrument(name = "sqlite.exports.records", level = "debug", skip_all, fields(%user))]
    async fn records(&self, user: UserId, limit: u32) -> Result<ExportedRecords> {
        let user = Uuid::from(user);
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
            alerts: alerts.into_iter().map(AlertRow::exported).collect::<Result<_>>()?,
            history: history.into_iter().next().map(|row| row.exported(user)).transpose()?,
        })
    }
}

impl Sqlite {
    async fn export<T>(&self, statement: &'static str, user: Uuid, limit: u32) -> Result<Vec<T>>
    where
        T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        sqlx::query_as(statement).bind(user).bind(limit).fetch_all(&self.readers).await.map_err(port_error)
    }
}
