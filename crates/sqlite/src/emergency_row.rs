//! Rows of emergencies, their responses and alerts, and their decoding.

use std::cmp::Reverse;

use allynet_domain::{
    Alert, AlertCounts, Call, Details, Emergency, EmergencySnapshot, Ending, HelperCard, Location, Metres, Movement,
    Position, Response, ResponseDispatch, ResponseRecord, Revision, Search, Severity, Timestamp, UserId,
    dispatch::Transport,
    near::Candidate,
    port::{Error, ListDistances, ListReader, Loaded, ReadEmergency, ReaderPart, Result, Viewpoint},
};
use allynet_sql::RowDecoder;
use serde::Deserialize;
use uuid::Uuid;

/// A row of `emergency_with_parts`.
#[derive(sqlx::FromRow)]
pub(crate) struct EmergencyRow {
    id: Uuid,
    owner_id: Uuid,
    first_name: String,
    last_name: Option<String>,
    request_id: Option<String>,
    kind: String,
    category: Option<String>,
    description: Option<String>,
    latitude: f64,
    longitude: f64,
    address: Option<String>,
    place_description: Option<String>,
    priority: String,
    severity: i64,
    silent: bool,
    anonymous: bool,
    status: String,
    alert_radius: f64,
    wave: i64,
    created_at: i64,
    updated_at: i64,
    first_response_at: Option<i64>,
    ended_at: Option<i64>,
    ended_by: Option<Uuid>,
    resolution: Option<String>,
    ending_notes: Option<String>,
    next_alert_at: Option<i64>,
    resume_at: Option<i64>,
    renewed_at: Option<i64>,
    search: Option<String>,
    movement: Option<String>,
    revision: i64,
    responses: String,
    alert_counts: String,
}

/// An element of the column `responses`.
#[derive(Deserialize)]
struct ResponseJson {
    helper_id: Uuid,
    first_name: String,
    last_name: Option<String>,
    trust_score: i64,
    rating_sum: i64,
    rating_count: i64,
    status: String,
    notes: Option<String>,
    estimated_arrival: Option<i64>,
    responded_at: i64,
    updated_at: i64,
    counts_until: Option<i64>,
    cancellations: u16,
    repeats: u16,
    repeats_since: Option<i64>,
    came_near: Option<u8>,
    reopened: u8,
    end_undone: u8,
    /// Null for the default.
    dispatch: Option<ResponseDispatch>,
    transport: String,
    /// The newest position of the helper: these three are null together.
    latitude: Option<f64>,
    longitude: Option<f64>,
    located_at: Option<i64>,
    /// Null for a cancelled response.
    blocks: Option<Vec<Uuid>>,
}

/// The column `alert_counts`.
#[derive(Deserialize)]
struct CountsJson {
    alerted: u32,
    acknowledged: u32,
    declined: u32,
    sent: u32,
    seen: u32,
    failed: u32,
}

/// A row of `emergency_with_parts` with all alerts of the emergency.
#[derive(sqlx::FromRow)]
pub(crate) struct LoadedRow {
    #[sqlx(flatten)]
    emergency: EmergencyRow,
    alerts: String,
    hidden_from: String,
}

/// An element of the column `alerts`.
#[derive(Deserialize)]
struct AlertJson {
    helper_id: Uuid,
    wave: Option<u16>,
    first_sent_at: Option<i64>,
    sent_at: Option<i64>,
    repeats: u16,
    received_at: Option<i64>,
    acknowledged_at: Option<i64>,
    declined_at: Option<i64>,
}

/// The position of an emergency, and how far away it concerns a helper: within the radius of the search if null.
#[derive(sqlx::FromRow)]
pub(crate) struct PlaceRow {
    pub(crate) id: Uuid,
    latitude: f64,
    longitude: f64,
    reach: Option<f64>,
}

/// What decides on the place of an emergency in the list of a reader.
#[derive(sqlx::FromRow)]
#[expect(clippy::struct_excessive_bools, reason = "columns of a row, which are independent")]
pub(crate) struct ListRow {
    #[sqlx(flatten)]
    place: PlaceRow,
    anonymous: bool,
    created_at: i64,
    alerted: bool,
    takes_part: bool,
    responded: bool,
}

/// An emergency of a list: ordered by the distance shown, then from newest to oldest.
pub(crate) struct Listed {
    order: (u32, Reverse<(i64, Uuid)>),
    pub(crate) distance: Metres,
    pub(crate) alerted: bool,
}

impl Listed {
    pub(crate) const fn id(&self) -> Uuid {
        self.order.1.0.1
    }
}

impl ListRow {
    /// The emergency as the reader finds it, or `None` if it is not within its own reach, or else `reach`.
    pub(crate) fn listed(self, reader: &ListReader, from: Viewpoint, reach: Metres) -> Result<Option<Listed>> {
        let Self { place, anonymous, created_at, alerted, takes_part, responded } = self;
        let Candidate { key: id, position, reach } = place.candidate(reach)?;
        let part = ReaderPart { takes_part, responded, alerted };
        let ListDistances { judged, shown, rounded } = reader.distances(part, anonymous, position, from);
        let order = (rounded, Reverse((created_at, id)));
        Ok((judged <= reach).then_some(Listed { order, distance: shown, alerted }))
    }
}

/// The first `limit` of these, in order.
pub(crate) fn first(mut listed: Vec<Listed>, limit: u32) -> Vec<Listed> {
    listed.sort_unstable_by_key(|listed| listed.order);
    listed.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    listed
}

/// How a helper travels, and the newest position: null without one.
#[derive(sqlx::FromRow)]
pub(crate) struct HelperRow {
    transport: String,
    latitude: Option<f64>,
    longitude: Option<f64>,
    at: Option<i64>,
}

impl HelperRow {
    pub(crate) fn way(self, helper: UserId) -> Result<(Transport, Option<(Position, Timestamp)>)> {
        let Self { transport, latitude, longitude, at } = self;
        let account = RowDecoder::account(helper.into());
        let stored = RowDecoder { table: "position", ..account };
        let fix = match (latitude, longitude, at) {
            (Some(latitude), Some(longitude), Some(at)) => {
                Some((stored.position(latitude, longitude)?, stored.micros("at", at)?))
            }
            _ => None,
        };
        Ok((account.parse("transport", &transport)?, fix))
    }
}

/// A row of `emergency_with_parts`, with whether a reader was alerted.
#[derive(sqlx::FromRow)]
pub(crate) struct ReadRow {
    #[sqlx(flatten)]
    emergency: EmergencyRow,
    alerted: bool,
    hidden: bool,
}

impl TryFrom<ReadRow> for ReadEmergency {
    type Error = Error;

    fn try_from(ReadRow { emergency, alerted, hidden }: ReadRow) -> Result<Self> {
        Ok(Self { emergency: emergency.try_into()?, alerted, hidden })
    }
}

impl TryFrom<EmergencyRow> for Emergency {
    type Error = Error;

    fn try_from(row: EmergencyRow) -> Result<Self> {
        let stored = RowDecoder { table: "emergency", id: row.id };
        let EmergencyRow { ended_at, ended_by, ref resolution, ref ending_notes, .. } = row;
        let ending = ended_at
            .map(|at| {
                Ok(Ending {
                    at: stored.micros("ended_at", at)?,
                    by: ended_by.map(Into::into),
                    notes: stored.text_opt("ending_notes", ending_notes.as_deref())?,
                })
            })
            .transpose()?;
        let resolution = stored.parse_opt("resolution", resolution.as_deref())?;
        let call = row.call(stored)?;
        let EmergencyRow { request_id, status, alert_radius, wave, updated_at, first_response_at, .. } = row;
        let EmergencyRow { next_alert_at, resume_at, renewed_at, search, revision, responses, alert_counts, .. } = row;
        let responses: Vec<ResponseJson> = stored.json("responses", &responses)?;
        let CountsJson { alerted, acknowledged, declined, sent, seen, failed } =
            stored.json("alerts", &alert_counts)?;
        Self::restore(EmergencySnapshot {
            call,
            request_id: stored.text_opt("request_id", request_id.as_deref())?,
            status: stored.parse("status", &status)?,
            alert_radius: stored.metres("alert_radius", alert_radius)?,
            updated_at: stored.micros("updated_at", updated_at)?,
            first_response_at: stored.micros_opt("first_response_at", first_response_at)?,
            ending,
            resolution,
            responses: responses.into_iter().map(|json| json.response(stored.id)).collect::<Result<_>>()?,
            alerts: AlertCounts {
                wave: stored.number("wave", wave)?,
                alerted,
                sent,
                acknowledged,
                seen,
                failed,
                declined,
            },
            // One timer, in the column that the status allows.
            next_alert_at: stored.micros_opt("next_alert_at", next_alert_at.or(resume_at))?,
            renewed_at: stored.micros_opt("renewed_at", renewed_at)?,
            search: search.map_or(Ok(Search::default()), |json| stored.json("search", &json))?,
            revision: Revision(revision),
        })
        .map_err(|impossible| stored.corrupt(impossible.column))
    }
}

impl EmergencyRow {
    fn call(&self, stored: RowDecoder<Uuid>) -> Result<Call> {
        Ok(Call {
            id: self.id.into(),
            owner: RowDecoder::account(self.owner_id).person(&self.first_name, self.last_name.as_deref())?,
            details: Details {
                kind: stored.parse("kind", &self.kind)?,
                category: stored.text_opt("category", self.category.as_deref())?,
                description: stored.text_opt("description", self.description.as_deref())?,
                location: Location {
                    position: stored.position(self.latitude, self.longitude)?,
                    address: stored.text_opt("address", self.address.as_deref())?,
                    description: stored.text_opt("place_description", self.place_description.as_deref())?,
                },
                priority: stored.parse("priority", &self.priority)?,
                severity: Severity::new(stored.number("severity", self.severity)?)
                    .map_err(|_| stored.corrupt("severity"))?,
                silent: self.silent,
                anonymous: self.anonymous,
            },
            created_at: stored.micros("created_at", self.created_at)?,
            movement: match &self.movement {
                Some(json) => stored.json("movement", json)?,
                None => Movement::default(),
            },
        })
    }
}

impl ResponseJson {
    fn response(self, emergency: Uuid) -> Result<Response> {
        let stored = RowDecoder { table: "response", id: emergency };
        let Self { helper_id, first_name, last_name, trust_score, rating_sum, rating_count, .. } = self;
        let Self { status, notes, estimated_arrival, responded_at, updated_at, .. } = self;
        let Self { counts_until, cancellations, repeats, repeats_since, came_near, reopened, end_undone, .. } = self;
        let last_fix = match (self.latitude, self.longitude, self.located_at) {
            (Some(latitude), Some(longitude), Some(at)) => {
                Some((stored.position(latitude, longitude)?, stored.micros("located_at", at)?))
            }
            _ => None,
        };
        let account = RowDecoder::account(helper_id);
        Ok(Response {
            helper: HelperCard {
                person: account.person(&first_name, last_name.as_deref())?,
                reputation: account.reputation(trust_score, rating_sum, rating_count)?,
            },
            status: stored.parse("status", &status)?,
            notes: stored.text_opt("notes", notes.as_deref())?,
            estimated_arrival: stored.micros_opt("estimated_arrival", estimated_arrival)?,
            responded_at: stored.micros("responded_at", responded_at)?,
            updated_at: stored.micros("updated_at", updated_at)?,
            record: ResponseRecord {
                counts_until: stored.micros_opt("counts_until", counts_until)?,
                cancellations,
                repeats,
                repeats_since: stored.micros_opt("repeats_since", repeats_since)?,
                came_near: came_near.map(|near| near == 1),
                reopened: reopened == 1,
                end_undone: end_undone == 1,
                dispatch: self.dispatch.unwrap_or_default(),
            },
            transport: stored.parse("transport", &self.transport)?,
            last_fix,
            blocks: self.blocks.unwrap_or_default().into_iter().map(Into::into).collect(),
        })
    }
}

impl TryFrom<LoadedRow> for Loaded {
    type Error = Error;

    fn try_from(LoadedRow { emergency, alerts, hidden_from }: LoadedRow) -> Result<Self> {
        let stored = RowDecoder { table: "alert", id: emergency.id };
        let alerts: Vec<AlertJson> = stored.json("alerts", &alerts)?;
        let alert = |json: AlertJson| {
            let AlertJson { helper_id, wave, first_sent_at, sent_at, repeats, .. } = json;
            let AlertJson { received_at, acknowledged_at, declined_at, .. } = json;
            Ok(Alert {
                helper: helper_id.into(),
                wave,
                first_sent_at: stored.micros_opt("first_sent_at", first_sent_at)?,
                sent_at: stored.micros_opt("sent_at", sent_at)?,
                repeats,
                received_at: stored.micros_opt("received_at", received_at)?,
                acknowledged_at: stored.micros_opt("acknowledged_at", acknowledged_at)?,
                declined_at: stored.micros_opt("declined_at", declined_at)?,
            })
        };
        let alerts = alerts.into_iter().map(alert).collect::<Result<_>>()?;
        let blocked: Vec<Uuid> = stored.json("hidden_from", &hidden_from)?;
        let hidden_from = blocked.into_iter().map(Into::into).collect();
        let emergency = emergency.try_into()?;
        Ok(Self {
            emergency,
            alerts,
            near: Vec::new(),
            hidden_from,
            rings: Vec::new(),
            skipped: Vec::new(),
            census: Vec::new(),
        })
    }
}

impl PlaceRow {
    /// `reach` is the radius of the search.
    pub(crate) fn candidate(&self, reach: Metres) -> Result<Candidate<Uuid>> {
        let Self { id, latitude, longitude, reach: own } = *self;
        let stored = RowDecoder { table: "emergency", id };
        Ok(Candidate {
            key: id,
            position: stored.position(latitude, longitude)?,
            reach: own.map_or(reach, Metres::new),
        })
    }
}
