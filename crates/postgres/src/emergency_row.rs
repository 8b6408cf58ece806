//! The row of an emergency with everything that belongs to it, and the statement that makes it. Private to
//! `emergencies`.

use allynet_domain::{
    Alert, AlertCounts, Call, Details, Emergency, Ending, HelperCard, Location, Metres, Response, ResponseStatus,
    Revision, Text, Timestamp, UserId, port::Result,
};
use serde::Deserialize;
use sqlx::FromRow;
use uuid::Uuid;

use crate::rows::{Stored, person};

/// Whether an emergency `e` is live, in the words of the partial indices.
macro_rules! live {
    () => {
        "e.status IN ('active', 'responding')"
    };
}

/// Everyone who was alerted to an emergency `e` or declined it, as [`AlertRow`]s.
macro_rules! alerts_json {
    () => {
        "(SELECT coalesce(json_agg(json_build_object('helper', l.helper_id, 'wave', l.wave, \
             'acknowledged_at', l.acknowledged_at, 'declined_at', l.declined_at) \
             ORDER BY l.wave, l.distance, l.helper_id), '[]')::text \
          FROM alert l WHERE l.emergency_id = e.id) AS alerts"
    };
}

/// Selects [`EmergencyRow`]s of an emergency `e`, and one more column if told. The keys within `responses` are those
/// of [`ResponseRow`].
macro_rules! emergency {
    () => {
        $crate::emergency_row::emergency!("NULL AS nothing")
    };
    ($more:expr) => {
        concat!(
            "SELECT e.id, e.owner_id, o.first_name, o.last_name, e.request_id, e.kind, e.category, e.description, \
             e.latitude, e.longitude, e.address, e.place_description, e.priority, e.severity, e.silent, e.anonymous, \
             e.status, e.alert_radius, e.wave, e.created_at, e.updated_at, e.first_response_at, e.ended_at, \
             e.ended_by, e.resolution, e.ending_notes, e.next_alert_at, e.revision, c.alerted, c.acknowledged, \
             c.declined, \
             (SELECT coalesce(json_agg(json_build_object('helper', json_build_object( \
                      'person', json_build_object('id', a.id, 'first_name', a.first_name, 'last_name', a.last_name), \
                      'reputation', json_build_object('trust_score', a.trust_score, 'rating_sum', a.rating_sum, \
                          'rating_count', a.rating_count)), \
                  'status', r.status, 'notes', r.notes, 'estimated_arrival', r.estimated_arrival, \
                  'responded_at', r.responded_at, 'updated_at', r.updated_at) \
                  ORDER BY r.first_responded_at, r.ordinal), '[]')::text \
              FROM response r JOIN account a ON a.id = r.helper_id WHERE r.emergency_id = e.id) AS responses, ",
            $more,
            " FROM emergency e JOIN account o ON o.id = e.owner_id CROSS JOIN LATERAL ( \
                  SELECT count(*) AS alerted, count(l.acknowledged_at) AS acknowledged, \
                      count(l.declined_at) AS declined \
                  FROM alert l WHERE l.emergency_id = e.id AND l.wave IS NOT NULL) AS c"
        )
    };
}

pub(crate) use {alerts_json, emergency, live};

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
}

/// A response as JSON.
#[derive(Deserialize)]
struct ResponseRow {
    helper: HelperCard,
    status: ResponseStatus,
    notes: Option<Text<500>>,
    estimated_arrival: Option<Timestamp>,
    responded_at: Timestamp,
    updated_at: Timestamp,
}

/// An alert as JSON.
#[derive(Deserialize)]
pub(crate) struct AlertRow {
    helper: UserId,
    wave: Option<u16>,
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
            revision,
            counts,
            responses,
        } = self;
        let stored = Stored { table: "emergency", id };
        let owner = person(owner_id, &first_name, last_name.as_deref())?;
        let responses: Vec<ResponseRow> = stored.json("responses", &responses)?;
        Ok(Emergency {
            call: Call { id: id.into(), owner, details: details.details(stored)?, created_at },
            request_id: stored.maybe_text("request_id", request_id.as_deref())?,
            status: stored.word("status", &status)?,
            alert_radius: Metres::new(alert_radius),
            updated_at,
            first_response_at,
            ending: ending.ending(stored)?,
            responses: responses.into_iter().map(Response::from).collect(),
            alerts: counts.counts(stored)?,
            next_alert_at,
            revision: Revision(revision),
        })
    }
}

impl DetailsRow {
    fn details(self, stored: Stored) -> Result<Details> {
        let Self { kind, category, description, latitude, longitude, address, .. } = &self;
        let Self { place_description, priority, severity, silent, anonymous, .. } = &self;
        let location = Location {
            position: stored.place(*latitude, *longitude)?,
            address: stored.maybe_text("address", address.as_deref())?,
            description: stored.maybe_text("place_description", place_description.as_deref())?,
        };
        Ok(Details {
            kind: stored.word("kind", kind)?,
            category: stored.maybe_text("category", category.as_deref())?,
            description: stored.maybe_text("description", description.as_deref())?,
            location,
            priority: stored.word("priority", priority)?,
            severity: stored.number("severity", *severity)?,
            silent: *silent,
            anonymous: *anonymous,
        })
    }
}

impl EndingRow {
    fn ending(self, stored: Stored) -> Result<Option<Ending>> {
        let Self { ended_at, ended_by, resolution, ending_notes } = self;
        let Some(at) = ended_at else { return Ok(None) };
        Ok(Some(Ending {
            at,
            by: ended_by.map(Into::into),
            resolution: stored.maybe_word("resolution", resolution.as_deref())?,
            notes: stored.maybe_text("ending_notes", ending_notes.as_deref())?,
        }))
    }
}

impl CountsRow {
    fn counts(self, stored: Stored) -> Result<AlertCounts> {
        let Self { wave, alerted, acknowledged, declined } = self;
        Ok(AlertCounts {
            wave: stored.number("wave", wave)?,
            alerted: stored.number("alerted", alerted)?,
            acknowledged: stored.number("acknowledged", acknowledged)?,
            declined: stored.number("declined", declined)?,
        })
    }
}

impl From<ResponseRow> for Response {
    fn from(row: ResponseRow) -> Self {
        let ResponseRow { helper, status, notes, estimated_arrival, responded_at, updated_at } = row;
        Self { helper, status, notes, estimated_arrival, responded_at, updated_at }
    }
}

impl From<AlertRow> for Alert {
    fn from(row: AlertRow) -> Self {
        let AlertRow { helper, wave, acknowledged_at, declined_at } = row;
        Self { helper, wave, acknowledged_at, declined_at }
    }
}
