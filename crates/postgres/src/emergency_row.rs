//! The row of an emergency with everything that belongs to it: a row of the view `emergency_with_parts_v3`.

use allynet_domain::{
    Alert, AlertCounts, Call, Details, Emergency, EmergencySnapshot, EmergencyStatus, Ending, HelperCard, Location,
    Metres, Movement, RecentRings, Response, ResponseDispatch, ResponseRecord, ResponseStatus, Revision, Search,
    Severity, Text, Timestamp, UserId, dispatch::Transport, port::Result,
};
use allynet_sql::RowDecoder;
use serde::Deserialize;
use sqlx::{FromRow, Row as _, postgres::PgRow};
use uuid::Uuid;

use crate::error::failed;

/// The emergency of a row of an outer join, in which all columns of the view may be null.
pub(crate) fn optional_emergency(row: &PgRow) -> Result<Option<Emergency>> {
    let id: Option<Uuid> = row.try_get("id").map_err(failed)?;
    let emergency = id.map(|_| EmergencyRow::from_row(row).map_err(failed)?.emergency());
    emergency.transpose()
}

/// The column `rings` of a row about the owner: null, or JSON with the keys of [`RingRow`].
pub(crate) fn recent_rings(row: &PgRow, owner: Uuid) -> Result<Vec<RecentRings>> {
    let rings: Option<String> = row.try_get("rings").map_err(failed)?;
    let stored = RowDecoder { table: "ring", id: owner };
    let rings: Vec<RingRow> = rings.map_or(Ok(Vec::new()), |json| stored.json("rings", &json))?;
    Ok(rings.into_iter().map(|RingRow { helper, count, last }| RecentRings { helper, count, last }).collect())
}

#[derive(Deserialize)]
struct RingRow {
    helper: UserId,
    count: u32,
    last: Timestamp,
}

#[derive(FromRow)]
pub(crate) struct EmergencyRow {
    id: Uuid,
    owner_id: Uuid,
    first_name: String,
    last_name: Option<String>,
    request_id: Option<String>,
    #[sqlx(flatten)]
    details: DetailsRow,
    status: String,
    alert_radius: f64,
    created_at: Timestamp,
    updated_at: Timestamp,
    first_response_at: Option<Timestamp>,
    #[sqlx(flatten)]
    ending: EndingRow,
    next_alert_at: Option<Timestamp>,
    resume_at: Option<Timestamp>,
    renewed_at: Option<Timestamp>,
    search: Option<String>,
    movement: Option<String>,
    revision: i64,
    #[sqlx(flatten)]
    counts: CountsRow,
    responses: String,
}

#[derive(FromRow)]
struct DetailsRow {
    kind: String,
    category: Option<String>,
    description: Option<String>,
    latitude: f64,
    longitude: f64,
    address: Option<String>,
    place_description: Option<String>,
    priority: String,
    severity: i16,
    silent: bool,
    anonymous: bool,
}

#[derive(FromRow)]
struct EndingRow {
    ended_at: Option<Timestamp>,
    ended_by: Option<Uuid>,
    resolution: Option<String>,
    ending_notes: Option<String>,
}

#[derive(FromRow)]
struct CountsRow {
    wave: i32,
    alerted: i64,
    acknowledged: i64,
    declined: i64,
    sent: i64,
    seen: i64,
    failed: i64,
}

/// An element of the column `responses`: its keys are written by the view.
#[derive(Deserialize)]
struct ResponseRow {
    helper: HelperCard,
    status: ResponseStatus,
    notes: Option<Text<500>>,
    estimated_arrival: Option<Timestamp>,
    responded_at: Timestamp,
    updated_at: Timestamp,
    counts_until: Option<Timestamp>,
    cancellations: u16,
    repeats: u16,
    repeats_since: Option<Timestamp>,
    came_near: Option<bool>,
    reopened: bool,
    end_undone: bool,
    /// Null for the default.
    dispatch: Option<ResponseDispatch>,
    transport: Transport,
    /// The newest position of the helper: these three are null together.
    latitude: Option<f64>,
    longitude: Option<f64>,
    located_at: Option<Timestamp>,
    /// Null for none.
    blocks: Option<Vec<UserId>>,
}

/// An alert or a decline, as JSON with these keys.
#[derive(Deserialize)]
pub(crate) struct AlertRow {
    helper: UserId,
    wave: Option<u16>,
    first_sent_at: Option<Timestamp>,
    sent_at: Option<Timestamp>,
    repeats: u16,
    received_at: Option<Timestamp>,
    acknowledged_at: Option<Timestamp>,
    declined_at: Option<Timestamp>,
}

impl EmergencyRow {
    pub(crate) fn emergency(self) -> Result<Emergency> {
        let Self {
            id,
            owner_id,
            first_name,
            last_name,
            request_id,
            details,
            status,
            alert_radius,
            created_at,
            updated_at,
            first_response_at,
            ending,
            next_alert_at,
            resume_at,
            renewed_at,
            search,
            movement,
            revision,
            counts,
            responses,
        } = self;
        let stored = RowDecoder { table: "emergency", id };
        let owner = RowDecoder::account(owner_id).person(&first_name, last_name.as_deref())?;
        let status = stored.parse("status", &status)?;
        let responses: Vec<ResponseRow> = stored.json("responses", &responses)?;
        let resolution = stored.parse_opt("resolution", ending.resolution.as_deref())?;
        Emergency::restore(EmergencySnapshot {
            call: Call {
                id: id.into(),
                owner,
                details: details.details(stored)?,
                created_at,
                movement: movement.map_or(Ok(Movement::default()), |json| stored.json("movement", &json))?,
            },
            request_id: stored.text_opt("request_id", request_id.as_deref())?,
            status,
            alert_radius: Metres::new(alert_radius),
            updated_at,
            first_response_at,
            ending: ending.ending(stored)?,
            resolution,
            responses: responses.into_iter().map(|row| row.response(id)).collect::<Result<_>>()?,
            alerts: counts.counts(stored)?,
            // One timer, in the column that the status allows.
            next_alert_at: if status == EmergencyStatus::Responding { resume_at } else { next_alert_at },
            renewed_at,
            search: search.map_or(Ok(Search::default()), |json| stored.json("search", &json))?,
            revision: Revision(revision),
        })
        .map_err(|impossible| stored.corrupt(impossible.column))
    }
}

impl DetailsRow {
    fn details(self, stored: RowDecoder<Uuid>) -> Result<Details> {
        let Self { kind, category, description, latitude, longitude, address, .. } = &self;
        let Self { place_description, priority, severity, silent, anonymous, .. } = &self;
        let location = Location {
            position: stored.position(*latitude, *longitude)?,
            address: stored.text_opt("address", address.as_deref())?,
            description: stored.text_opt("place_description", place_description.as_deref())?,
        };
        Ok(Details {
            kind: stored.parse("kind", kind)?,
            category: stored.text_opt("category", category.as_deref())?,
            description: stored.text_opt("description", description.as_deref())?,
            location,
            priority: stored.parse("priority", priority)?,
            severity: Severity::new(stored.number("severity", *severity)?).map_err(|_| stored.corrupt("severity"))?,
            silent: *silent,
            anonymous: *anonymous,
        })
    }
}

impl EndingRow {
    fn ending(self, stored: RowDecoder<Uuid>) -> Result<Option<Ending>> {
        let Self { ended_at, ended_by, resolution: _, ending_notes } = self;
        let Some(at) = ended_at else { return Ok(None) };
        Ok(Some(Ending {
            at,
            by: ended_by.map(Into::into),
            notes: stored.text_opt("ending_notes", ending_notes.as_deref())?,
        }))
    }
}

impl CountsRow {
    fn counts(self, stored: RowDecoder<Uuid>) -> Result<AlertCounts> {
        let Self { wave, alerted, acknowledged, declined, sent, seen, failed } = self;
        Ok(AlertCounts {
            wave: stored.number("wave", wave)?,
            alerted: stored.number("alerted", alerted)?,
            acknowledged: stored.number("acknowledged", acknowledged)?,
            declined: stored.number("declined", declined)?,
            sent: stored.number("sent", sent)?,
            seen: stored.number("seen", seen)?,
            failed: stored.number("failed", failed)?,
        })
    }
}

impl ResponseRow {
    fn response(self, emergency: Uuid) -> Result<Response> {
        let Self { helper, status, notes, estimated_arrival, responded_at, updated_at, .. } = self;
        let Self { counts_until, cancellations, repeats, repeats_since, came_near, reopened, end_undone, .. } = self;
        let Self { dispatch, transport, .. } = self;
        let last_fix = match (self.latitude, self.longitude, self.located_at) {
            (Some(latitude), Some(longitude), Some(at)) => {
                let stored = RowDecoder { table: "response", id: emergency };
                Some((stored.position(latitude, longitude)?, at))
            }
            _ => None,
        };
        let record = ResponseRecord {
            counts_until,
            cancellations,
            repeats,
            repeats_since,
            came_near,
            reopened,
            end_undone,
            dispatch: dispatch.unwrap_or_default(),
        };
        Ok(Response {
            helper,
            status,
            notes,
            estimated_arrival,
            responded_at,
            updated_at,
            record,
            transport,
            last_fix,
            blocks: self.blocks.unwrap_or_default(),
        })
    }
}

impl From<AlertRow> for Alert {
    fn from(row: AlertRow) -> Self {
        let AlertRow { helper, wave, first_sent_at, sent_at, repeats, received_at, acknowledged_at, declined_at } = row;
        Self { helper, wave, first_sent_at, sent_at, repeats, received_at, acknowledged_at, declined_at }
    }
}
