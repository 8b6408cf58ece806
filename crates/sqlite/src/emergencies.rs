//! Reading emergencies: the port [`Emergencies`].
//!
//! Each statement returns an emergency with its responses and counts, as JSON made by the database. Spatial searches
//! collect positions first, and then read only the nearest emergencies in full.

use allynet_domain::{
    Emergency, EmergencyId, EmergencyStatus, Metres, Position, Recipient, Text, UserId,
    near::{self, Candidate},
    port::{
        AdminPage, Emergencies, HistoryPage, Live, Loaded, Near, NearbyEmergency, Positions as _, RaiseContext,
        RaiseQuery, Result, Whom,
    },
};
use async_trait::async_trait;
use tracing::instrument;
use uuid::Uuid;

use crate::{
    Sqlite,
    area::two_boxes,
    emergency_row::{EmergencyRow, LoadedRow, PlaceRow},
    error::port_error,
    helpers::Around,
    rows::{hex, to_json},
};

mod admin;
pub(crate) mod statements;

#[async_trait]
impl Emergencies for Sqlite {
    #[instrument(name = "sqlite.emergencies.find", level = "debug", skip_all, fields(emergency = %id))]
    async fn find(&self, id: EmergencyId) -> Result<Option<Emergency>> {
        let row: Option<EmergencyRow> = sqlx::query_as(statements::FIND)
            .bind(Uuid::from(id))
            .fetch_optional(&self.readers)
            .await
            .map_err(port_error)?;
        row.map(Emergency::try_from).transpose()
    }

    #[instrument(name = "sqlite.emergencies.load", level = "debug", skip_all, fields(emergency = %id))]
    async fn load(&self, id: EmergencyId, near: Option<Near>) -> Result<Option<Loaded>> {
        let row: Option<LoadedRow> = sqlx::query_as(statements::LOAD)
            .bind(Uuid::from(id))
            .fetch_optional(&self.readers)
            .await
            .map_err(port_error)?;
        let Some(row) = row else { return Ok(None) };
        let mut loaded = Loaded::try_from(row)?;
        if let Some(near) = near {
            loaded.near = self.near(&loaded, near).await?;
        }
        Ok(Some(loaded))
    }

    #[instrument(name = "sqlite.emergencies.raise_context", level = "debug", skip_all, fields(owner = %query.owner))]
    async fn raise_context<'a>(&self, query: &RaiseQuery<'a>) -> Result<RaiseContext> {
        let RaiseQuery { owner, request_id, centre, on_duty, radii, enough, limit } = *query;
        let row: Option<EmergencyRow> = sqlx::query_as(statements::EARLIER_CALL)
            .bind(Uuid::from(owner))
            .bind(request_id.map(Text::as_str).map(ToOwned::to_owned))
            .fetch_optional(&self.readers)
            .await
            .map_err(port_error)?;
        let earlier = row.map(Emergency::try_from).transpose()?;
        let reach = earlier.as_ref().map_or(Metres::new(0.0), allynet_domain::Emergency::alert_radius);
        let around = Around { centre, except: owner, on_duty };
        let helpers =
            self.helpers_in_range(around, radii, |radius, count| count >= enough && radius >= reach, limit).await?;
        Ok(RaiseContext { earlier, helpers })
    }

    #[instrument(name = "sqlite.emergencies.live_of", level = "debug", skip_all, fields(%user))]
    async fn live_of(&self, user: UserId) -> Result<Live> {
        let rows = sqlx::query_as(statements::LIVE_OF).bind(Uuid::from(user)).fetch_all(&self.readers).await;
        // The last event is read after the emergencies, so they reflect no event after it.
        Ok(Live { emergencies: emergencies_of(rows.map_err(port_error)?)?, as_of: self.last_event().await? })
    }

    #[instrument(name = "sqlite.emergencies.pending_for", level = "debug", skip_all, fields(%helper))]
    async fn pending_for(&self, helper: UserId, limit: u32) -> Result<Vec<NearbyEmergency>> {
        let Some(position) = self.last(helper).await?.map(|fix| fix.position) else { return Ok(Vec::new()) };
        let rows: Vec<PlaceRow> = sqlx::query_as(statements::PENDING)
            .bind(Uuid::from(helper))
            .bind(position.latitude())
            .bind(position.longitude())
            .fetch_all(&self.readers)
            .await
            .map_err(port_error)?;
        self.nearest(position, &rows, Metres::new(f64::INFINITY), limit).await
    }

    #[instrument(name = "sqlite.emergencies.nearby", level = "debug", skip_all)]
    async fn nearby(&self, centre: Position, radius: Metres, limit: u32) -> Result<Vec<NearbyEmergency>> {
        let mut query = sqlx::query_as::<_, PlaceRow>(statements::NEARBY);
        for rect in two_boxes(centre, radius) {
            query = query.bind(rect.south).bind(rect.north).bind(rect.west).bind(rect.east);
        }
        let rows = query.fetch_all(&self.readers).await.map_err(port_error)?;
        self.nearest(centre, &rows, radius, limit).await
    }

    #[instrument(name = "sqlite.emergencies.history", level = "debug", skip_all, fields(user = %page.user))]
    async fn history(&self, page: &HistoryPage) -> Result<Vec<Emergency>> {
        let &HistoryPage { user, status, before, limit } = page;
        let rows = sqlx::query_as(statements::HISTORY)
            .bind(Uuid::from(user))
            .bind(before.map_or(i64::MAX, |before| before.timestamp_micros()))
            .bind(status.map(EmergencyStatus::as_str))
            .bind(limit)
            .fetch_all(&self.readers)
            .await;
        emergencies_of(rows.map_err(port_error)?)
    }

    #[instrument(name = "sqlite.emergencies.list", level = "debug", skip_all)]
    async fn list(&self, page: &AdminPage) -> Result<Vec<Emergency>> {
        let ids = self.admin_page(page).await?;
        let rows = sqlx::query_as(statements::BY_IDS).bind(to_json(&ids)?).fetch_all(&self.readers).await;
        emergencies_of(rows.map_err(port_error)?)
    }
}

fn emergencies_of(rows: Vec<EmergencyRow>) -> Result<Vec<Emergency>> {
    rows.into_iter().map(Emergency::try_from).collect()
}

impl Sqlite {
    /// Helpers near a loaded emergency. Helpers who were alerted or responded may be among the nearest, so the limit is
    /// raised by their number: enough others are left when the caller removes them.
    async fn near(&self, loaded: &Loaded, near: Near) -> Result<Vec<Recipient>> {
        let Near { on_duty, within, whom } = near;
        let Loaded { emergency, alerts, .. } = loaded;
        let centre = emergency.call().details.location.position;
        let around = Around { centre, except: emergency.owner(), on_duty };
        match whom {
            Whom::Nearest(more) => {
                let known = u32::try_from(alerts.len() + emergency.responses().len()).unwrap_or(u32::MAX);
                self.nearest_helpers(around, within, known.saturating_add(more)).await
            }
            Whom::Only(helper) => Ok(self.one_helper(around, within, helper).await?.into_iter().collect()),
        }
    }

    /// Reads the nearest `limit` of these places in full, but for emergencies that have ended since the search.
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
        let live =
            emergencies_of(rows.map_err(port_error)?)?.into_iter().filter(|emergency| emergency.status().is_live());
        let found = live.map(|emergency| {
            let distance = centre.distance_to(emergency.call().details.location.position);
            NearbyEmergency { emergency, distance }
        });
        Ok(found.collect())
    }
}
