//! Emergencies, read. Each statement brings the responses and counts along, as JSON made by the database; spatial
//! searches find who is wanted first, and read only those in full.

use allynet_domain::{
    Emergency, EmergencyAccess, EmergencyId, EmergencyStatus, Metres, Position, Recipient, Revision, Text, UserId,
    near::{self, Candidate},
    port::{
        AdminPage, Emergencies, HistoryPage, Live, Loaded, Near, NearbyEmergency, Positions as _, RaiseContext,
        RaiseQuery, Result, Whom,
    },
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use uuid::Uuid;

use crate::{
    Sqlite,
    area::two_boxes,
    emergency_row::{EmergencyRow, LoadedRow, PlaceRow},
    error::down,
    helpers::Around,
    rows::{hex, to_json},
};

mod admin;
pub(crate) mod statements;

#[async_trait]
impl Emergencies for Sqlite {
    async fn find(&self, id: EmergencyId) -> Result<Option<Emergency>> {
        let row: Option<EmergencyRow> =
            sqlx::query_as(statements::FIND).bind(Uuid::from(id)).fetch_optional(&self.readers).await.map_err(down)?;
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
        let row: Option<SeenRow> = sqlx::query_as(statements::ACCESS)
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
