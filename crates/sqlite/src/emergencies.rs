//! Emergencies, read. Each statement brings the responses and counts along, as JSON made by the database; spatial
//! searches find who is wanted first, and read only those in full.

use allynet_domain::{
    Alert, AlertCounts, Call, Details, Emergency, EmergencyAccess, EmergencyId, EmergencyStatus, Ending, HelperCard,
    Location, Metres, Position, Recipient, Response, Revision, Text, UserId,
    near::{self, Candidate},
    port::{
        AdminPage, Emergencies, Error, HistoryPage, Live, Loaded, Near, NearbyEmergency, Positions as _, RaiseContext,
        RaiseQuery, Result, Whom,
    },
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    Sqlite,
    area::two_boxes,
    helpers::Around,
    rows::{down, hex, to_json},
};
use statements::emergencies;

mod admin;
pub(crate) mod statements;

#[derive(sqlx::FromRow)]
struct EmergencyRow {
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
    revision: i64,
    responses: String,
    alert_counts: String,
}

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
}

#[derive(Deserialize)]
struct CountsJson {
    alerted: u32,
    acknowledged: u32,
    declined: u32,
}

#[derive(sqlx::FromRow)]
struct LoadedRow {
    #[sqlx(flatten)]
    emergency: EmergencyRow,
    alerts: String,
}

#[derive(Deserialize)]
struct AlertJson {
    helper_id: Uuid,
    wave: Option<u16>,
    acknowledged_at: Option<i64>,
    declined_at: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct PlaceRow {
    id: Uuid,
    latitude: f64,
    longitude: f64,
    reach: Option<f64>,
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
                    resolution: stored.parse_opt("resolution", resolution.as_deref())?,
                    notes: stored.text_opt("ending_notes", ending_notes.as_deref())?,
                })
            })
            .transpose()?;
        let call = row.call(stored)?;
        let EmergencyRow { request_id, status, alert_radius, wave, updated_at, first_response_at, .. } = row;
        let EmergencyRow { next_alert_at, revision, responses, alert_counts, .. } = row;
        let responses: Vec<ResponseJson> = stored.json("responses", &responses)?;
        let CountsJson { alerted, acknowledged, declined } = stored.json("alerts", &alert_counts)?;
        Ok(Self {
            call,
            request_id: stored.text_opt("request_id", request_id.as_deref())?,
            status: stored.parse("status", &status)?,
            alert_radius: stored.metres("alert_radius", alert_radius)?,
            updated_at: stored.micros("updated_at", updated_at)?,
            first_response_at: stored.micros_opt("first_response_at", first_response_at)?,
            ending,
            responses: responses.into_iter().map(|json| json.response(stored.id)).collect::<Result<_>>()?,
            alerts: AlertCounts { wave: stored.number("wave", wave)?, alerted, acknowledged, declined },
            next_alert_at: stored.micros_opt("next_alert_at", next_alert_at)?,
            revision: Revision(revision),
        })
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
                severity: stored.number("severity", self.severity)?,
                silent: self.silent,
                anonymous: self.anonymous,
            },
            created_at: stored.micros("created_at", self.created_at)?,
        })
    }
}

impl ResponseJson {
    fn response(self, emergency: Uuid) -> Result<Response> {
        let stored = RowDecoder { table: "response", id: emergency };
        let Self { helper_id, first_name, last_name, trust_score, rating_sum, rating_count, .. } = self;
        let Self { status, notes, estimated_arrival, responded_at, updated_at, .. } = self;
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
        })
    }
}

impl TryFrom<LoadedRow> for Loaded {
    type Error = Error;

    fn try_from(LoadedRow { emergency, alerts }: LoadedRow) -> Result<Self> {
        let stored = RowDecoder { table: "alert", id: emergency.id };
        let alerts: Vec<AlertJson> = stored.json("alerts", &alerts)?;
        let alert = |AlertJson { helper_id, wave, acknowledged_at, declined_at }| {
            Ok(Alert {
                helper: helper_id.into(),
                wave,
                acknowledged_at: stored.micros_opt("acknowledged_at", acknowledged_at)?,
                declined_at: stored.micros_opt("declined_at", declined_at)?,
            })
        };
        let alerts = alerts.into_iter().map(alert).collect::<Result<_>>()?;
        Ok(Self { emergency: emergency.try_into()?, alerts, near: Vec::new() })
    }
}

#[async_trait]
impl Emergencies for Sqlite {
    async fn find(&self, id: EmergencyId) -> Result<Option<Emergency>> {
        let row: Option<EmergencyRow> = sqlx::query_as(emergencies!("where e.id = ?1"))
            .bind(Uuid::from(id))
            .fetch_optional(&self.readers)
            .await
            .map_err(down)?;
        row.map(Emergency::try_from).transpose()
    }

    async fn load(&self, id: EmergencyId, near: Option<Near>) -> Result<Option<Loaded>> {
        let row: Option<LoadedRow> =
            sqlx::query_as(statements::LOAD).bind(Uuid::from(id)).fetch_optional(&self.readers).await.map_err(down)?;
        let Some(row) = row else { return Ok(None) };
        let mut loaded = Loaded::try_from(row)?;
        if let Some(near) = near {
            loaded.near = self.near(&loaded, near).await?;
        }
        Ok(Some(loaded))
    }

    async fn raise_context<'a>(&self, query: &RaiseQuery<'a>) -> Result<RaiseContext> {
        let RaiseQuery { owner, request_id, centre, on_duty, radii, enough, limit } = *query;
        let row: Option<EmergencyRow> = sqlx::query_as(statements::EARLIER_CALL)
            .bind(Uuid::from(owner))
            .bind(request_id.map(Text::as_str).map(ToOwned::to_owned))
            .fetch_optional(&self.readers)
            .await
            .map_err(down)?;
        let earlier = row.map(Emergency::try_from).transpose()?;
        let reach = earlier.as_ref().map_or(Metres::new(0.0), |earlier| earlier.alert_radius);
        let around = Around { centre, except: owner, on_duty };
        let census = self.census(around, radii, |radius, count| count >= enough && radius >= reach, limit).await?;
        Ok(RaiseContext { earlier, helpers: census })
    }

    async fn live_of(&self, user: UserId) -> Result<Live> {
        let rows = sqlx::query_as(statements::LIVE_OF).bind(Uuid::from(user)).fetch_all(&self.readers).await;
        Ok(Live { emergencies: emergencies_of(rows.map_err(down)?)?, as_of: self.last_event().await? })
    }

    async fn pending_for(&self, helper: UserId, limit: u32) -> Result<Vec<NearbyEmergency>> {
        let Some(position) = self.last(helper).await?.map(|fix| fix.position) else { return Ok(Vec::new()) };
        let rows: Vec<PlaceRow> = sqlx::query_as(statements::PENDING)
            .bind(Uuid::from(helper))
            .bind(position.latitude())
            .bind(position.longitude())
            .fetch_all(&self.readers)
            .await
            .map_err(down)?;
        self.nearest(position, &rows, Metres::new(f64::INFINITY), limit).await
    }

    async fn nearby(&self, centre: Position, radius: Metres, limit: u32) -> Result<Vec<NearbyEmergency>> {
        let mut query = sqlx::query_as::<_, PlaceRow>(statements::NEARBY);
        for rect in two_boxes(centre, radius) {
            query = query.bind(rect.south).bind(rect.north).bind(rect.west).bind(rect.east);
        }
        let rows = query.fetch_all(&self.readers).await.map_err(down)?;
        self.nearest(centre, &rows, radius, limit).await
    }

    async fn history(&self, page: &HistoryPage) -> Result<Vec<Emergency>> {
        let &HistoryPage { user, status, before, limit } = page;
        let rows = sqlx::query_as(statements::HISTORY)
            .bind(Uuid::from(user))
            .bind(before.map_or(i64::MAX, |before| before.timestamp_micros()))
            .bind(status.map(EmergencyStatus::as_str))
            .bind(limit)
            .fetch_all(&self.readers)
            .await;
        emergencies_of(rows.map_err(down)?)
    }

    async fn list(&self, page: &AdminPage) -> Result<Vec<Emergency>> {
        let ids = self.admin_page(page).await?;
        let rows = sqlx::query_as(statements::BY_IDS).bind(to_json(&ids)?).fetch_all(&self.readers).await;
        emergencies_of(rows.map_err(down)?)
    }
}

fn emergencies_of(rows: Vec<EmergencyRow>) -> Result<Vec<Emergency>> {
    rows.into_iter().map(Emergency::try_from).collect()
}

#[derive(sqlx::FromRow)]
struct SeenRow {
    owner_id: Uuid,
    responds: bool,
    status: String,
    revision: i64,
    latitude: f64,
    longitude: f64,
}

/// An emergency as somebody sees it who needs little of it.
pub(crate) struct Seen {
    pub(crate) access: EmergencyAccess,
    pub(crate) owner: UserId,
    pub(crate) place: Position,
}

impl Sqlite {
    /// How somebody stands to an emergency, and where it is.
    pub(crate) async fn seen(&self, id: EmergencyId, reader: UserId) -> Result<Option<Seen>> {
        let row: Option<SeenRow> = sqlx::query_as(statements::SEEN)
            .bind(Uuid::from(id))
            .bind(Uuid::from(reader))
            .fetch_optional(&self.readers)
            .await
            .map_err(down)?;
        let Some(SeenRow { owner_id, responds, status, revision, latitude, longitude }) = row else { return Ok(None) };
        let stored = RowDecoder { table: "emergency", id };
        let (owner, status) = (UserId::from(owner_id), stored.parse("status", &status)?);
        let access = EmergencyAccess { owns: owner == reader, responds, status, revision: Revision(revision) };
        Ok(Some(Seen { access, owner, place: stored.position(latitude, longitude)? }))
    }

    async fn near(&self, loaded: &Loaded, near: Near) -> Result<Vec<Recipient>> {
        let Near { on_duty, within, whom } = near;
        let Loaded { emergency, alerts, .. } = loaded;
        let centre = emergency.call.details.location.position;
        let around = Around { centre, except: emergency.owner(), on_duty };
        match whom {
            Whom::Nearest(more) => {
                let known = u32::try_from(alerts.len() + emergency.responses.len()).unwrap_or(u32::MAX);
                self.nearest_helpers(around, within, known.saturating_add(more)).await
            }
            Whom::Only(helper) => Ok(self.one_helper(around, within, helper).await?.into_iter().collect()),
        }
    }

    /// The nearest of these places, read in full unless they have ended by now.
    async fn nearest(
        &self,
        centre: Position,
        places: &[PlaceRow],
        reach: Metres,
        limit: u32,
    ) -> Result<Vec<NearbyEmergency>> {
        let candidates: Vec<Candidate<Uuid>> =
            places.iter().map(|place| place.candidate(reach)).collect::<Result<_>>()?;
        let nearest = near::nearest(centre, &candidates, limit);
        if nearest.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<String> = nearest.iter().map(|(id, _)| hex(*id)).collect();
        let rows = sqlx::query_as(statements::BY_IDS).bind(to_json(&ids)?).fetch_all(&self.readers).await;
        let live = emergencies_of(rows.map_err(down)?)?.into_iter().filter(|emergency| emergency.status.is_live());
        let found = live.map(|emergency| {
            let distance = centre.distance_to(emergency.call.details.location.position);
            NearbyEmergency { emergency, distance }
        });
        Ok(found.collect())
    }
}

impl PlaceRow {
    fn candidate(&self, reach: Metres) -> Result<Candidate<Uuid>> {
        let Self { id, latitude, longitude, reach: own } = *self;
        let stored = RowDecoder { table: "emergency", id };
        Ok(Candidate {
            key: id,
            position: stored.position(latitude, longitude)?,
            reach: own.map_or(reach, Metres::new),
        })
    }
}
