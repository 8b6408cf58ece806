//! Reading emergencies: the port [`Emergencies`].
//!
//! Each statement returns an emergency with its responses and counts, as JSON made by the database. Spatial searches
//! collect positions first, and then read only the nearest emergencies in full.

use std::collections::HashSet;

use allynet_domain::{
    DeletedEmergency, Emergency, EmergencyId, EmergencyStatus, HelperPolicy, HelpersInRange, Metres, Position,
    Recipient, SkippedHelper, Text, Timestamp, UserId,
    dispatch::Transport,
    grid::{MAX_COARSE_OFFSET, MAX_HELPER_OFFSET, helper_cell},
    port::{
        AcceptanceContext, AdminPage, DeletedPage, Emergencies, HelperSelection, HistoryPage, ListReader,
        ListedEmergency, Live, Loaded, Near, NearbyEmergency, Positions as _, RaiseContext, RaiseQuery, ReadEmergency,
        Result, ToBeRated, Viewpoint,
    },
};
use async_trait::async_trait;
use tracing::instrument;
use uuid::Uuid;

use crate::{
    Sqlite,
    area::two_boxes,
    emergency_row::{EmergencyRow, HelperRow, ListRow, LoadedRow, ReadRow, first},
    error::port_error,
    helpers::Around,
    rows::{count, hex, to_json},
};

mod admin;
mod ended;
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

    #[instrument(name = "sqlite.emergencies.read", level = "debug", skip_all, fields(emergency = %id))]
    async fn read(&self, id: EmergencyId, reader: UserId) -> Result<Option<ReadEmergency>> {
        let query = sqlx::query_as::<_, ReadRow>(statements::READ).bind(Uuid::from(id)).bind(Uuid::from(reader));
        let row = query.fetch_optional(&self.readers).await.map_err(port_error)?;
        row.map(ReadEmergency::try_from).transpose()
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
            (loaded.near, loaded.skipped) = self.near(&loaded, near).await?;
            if let HelperSelection::Census(_) = near.selection {
                loaded.census = self.census(Some(id), &loaded.near, near.on_duty.now).await?;
            }
            loaded.rings = self.recent_rings(loaded.emergency.owner(), near.rings_since).await?;
        }
        Ok(Some(loaded))
    }

    #[instrument(name = "sqlite.emergencies.load_for_acceptance", level = "debug", skip_all, fields(emergency = %id))]
    async fn load_for_acceptance(&self, id: EmergencyId, helper: UserId) -> Result<Option<AcceptanceContext>> {
        let Some(loaded) = self.load(id, None).await? else { return Ok(None) };
        // After the emergency, so that the blocks are as new at least.
        let blocked: Vec<Uuid> = sqlx::query_scalar(statements::BLOCKED_BY)
            .bind(Uuid::from(helper))
            .fetch_all(&self.readers)
            .await
            .map_err(port_error)?;
        let way: Option<HelperRow> = sqlx::query_as(statements::HELPER)
            .bind(Uuid::from(helper))
            .fetch_optional(&self.readers)
            .await
            .map_err(port_error)?;
        let (transport, last_fix) = way.map_or(Ok((Transport::default(), None)), |row| row.way(helper))?;
        let blocks = blocked.into_iter().map(UserId::from).collect();
        Ok(Some(AcceptanceContext { loaded, blocks, transport, last_fix }))
    }

    #[instrument(name = "sqlite.emergencies.raise_context", level = "debug", skip_all, fields(owner = %query.owner))]
    async fn raise_context<'a>(&self, query: &RaiseQuery<'a>) -> Result<RaiseContext> {
        let RaiseQuery { owner, request_id, place, anonymous, critical, on_duty, radii, enough, limit, .. } = *query;
        let rings_since = query.rings_since;
        let row: Option<EmergencyRow> = sqlx::query_as(statements::EARLIER_CALL)
            .bind(Uuid::from(owner))
            .bind(request_id.map(Text::as_str).map(ToOwned::to_owned))
            .fetch_optional(&self.readers)
            .await
            .map_err(port_error)?;
        let earlier = row.map(Emergency::try_from).transpose()?;
        let deleted: Option<Uuid> = match request_id {
            Some(request_id) => sqlx::query_scalar(statements::DELETED_CALL)
                .bind(Uuid::from(owner))
                .bind(request_id.as_str().to_owned())
                .fetch_optional(&self.readers)
                .await
                .map_err(port_error)?,
            None => None,
        };
        let deleted = deleted.map(Into::into);
        let reach = earlier.as_ref().map_or(Metres::new(0.0), allynet_domain::Emergency::alert_radius);
        let around = Around { place, owner, critical, except: Some(owner), on_duty };
        let excluded = self.unalertable(None, (owner, None), (anonymous, on_duty.now)).await?;
        let is_enough = |radius, count| count >= enough && radius >= reach;
        let (helpers, census) = match &query.census {
            Some(asked) => {
                let largest = radii.last().copied().unwrap_or(Metres::new(0.0));
                let found = self.helpers_within(around, largest).await?;
                let counts = vec![found.count_within(place, largest)];
                let model = (&asked.travel, asked.tier(query.kind));
                let nearest =
                    self.first_to_arrive(&found, place, model, (&excluded, &HashSet::new()), on_duty.now).await?;
                let census = self.census(None, &nearest, on_duty.now).await?;
                (HelpersInRange { counts, nearest, skipped: found.skipped(place) }, census)
            }
            None => (self.helpers_in_range(around, radii, is_enough, (limit, &excluded)).await?, Vec::new()),
        };
        let hidden_from = sqlx::query_scalar(statements::HIDDEN_FROM)
            .bind(Uuid::from(owner))
            .bind(anonymous)
            .fetch_all(&self.readers)
            .await
            .map_err(port_error)?;
        let hidden_from = hidden_from.into_iter().map(|user: Uuid| user.into()).collect();
        let everywhere = Around { except: None, ..around };
        let rings = self.recent_rings(owner, rings_since).await?;
        let owner_fix = self.session_fix(owner).await?;
        let owner = self.one_helper(everywhere, Metres::new(f64::INFINITY), owner).await?;
        let owner_distance = owner.map(|owner| owner.distance);
        Ok(RaiseContext { earlier, deleted, helpers, hidden_from, owner_distance, owner_fix, rings, census })
    }

    #[instrument(name = "sqlite.emergencies.live_of", level = "debug", skip_all, fields(%user))]
    async fn live_of(&self, user: UserId) -> Result<Live> {
        let rows = sqlx::query_as(statements::LIVE_OF).bind(Uuid::from(user)).fetch_all(&self.readers).await;
        // The last event is read after the emergencies, so they reflect no event after it.
        Ok(Live { emergencies: emergencies_of(rows.map_err(port_error)?)?, as_of: self.last_event().await? })
    }

    #[instrument(name = "sqlite.emergencies.pending_for", level = "debug", skip_all, fields(helper = %reader.user))]
    async fn pending_for(&self, reader: &ListReader, limit: u32) -> Result<Vec<NearbyEmergency>> {
        let Some(exact) = self.last(reader.user).await?.map(|fix| fix.position) else { return Ok(Vec::new()) };
        let mut query = sqlx::query_as::<_, ListRow>(statements::PENDING).bind(Uuid::from(reader.user));
        // Alert areas are around exact places: those of the cells are no further from each other than this.
        for rect in two_boxes(exact, Metres::new(MAX_HELPER_OFFSET + MAX_COARSE_OFFSET)) {
            query = query.bind(rect.south).bind(rect.north).bind(rect.west).bind(rect.east);
        }
        let query = query.bind(reader.administers).bind(reader.alerted_only);
        let rows = query.fetch_all(&self.readers).await.map_err(port_error)?;
        let from = Viewpoint { exact, judged: helper_cell(exact) };
        self.list(reader, rows, (from, Metres::new(f64::INFINITY)), limit).await
    }

    #[instrument(name = "sqlite.emergencies.nearby", level = "debug", skip_all)]
    async fn nearby(
        &self,
        reader: &ListReader,
        centre: Position,
        radius: Metres,
        limit: u32,
    ) -> Result<Vec<NearbyEmergency>> {
        let mut query = sqlx::query_as::<_, ListRow>(statements::NEARBY);
        for rect in two_boxes(centre, Metres::new(radius.get() + MAX_COARSE_OFFSET)) {
            query = query.bind(rect.south).bind(rect.north).bind(rect.west).bind(rect.east);
        }
        let query = query.bind(Uuid::from(reader.user)).bind(reader.administers);
        let rows = query.fetch_all(&self.readers).await.map_err(port_error)?;
        self.list(reader, rows, (Viewpoint { exact: centre, judged: centre }, radius), limit).await
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
    async fn list(&self, page: &AdminPage) -> Result<Vec<ListedEmergency>> {
        let ids = self.admin_page(page).await?;
        let query = sqlx::query_as::<_, ListedRow>(statements::LISTED_BY_IDS).bind(to_json(&ids)?);
        let rows = query.fetch_all(&self.readers).await.map_err(port_error)?;
        let listed = |ListedRow { emergency, repeats }| {
            Ok(ListedEmergency { emergency: emergency.try_into()?, repeats: count(repeats) })
        };
        rows.into_iter().map(listed).collect()
    }

    #[instrument(name = "sqlite.emergencies.find_for_rating", level = "debug", skip_all, fields(emergency = %id))]
    async fn find_for_rating(&self, id: EmergencyId, since: Timestamp) -> Result<Option<ToBeRated>> {
        self.read_for_rating(id, since).await
    }

    #[instrument(name = "sqlite.emergencies.available_again", level = "debug", skip_all, fields(emergency = %id))]
    async fn available_again(&self, id: EmergencyId, policy: HelperPolicy) -> Result<Vec<UserId>> {
        self.read_available_again(id, policy).await
    }

    #[instrument(name = "sqlite.emergencies.deleted", level = "debug", skip_all)]
    async fn deleted(&self, page: &DeletedPage) -> Result<Vec<DeletedEmergency>> {
        self.read_deleted(page).await
    }
}

#[derive(sqlx::FromRow)]
struct ListedRow {
    #[sqlx(flatten)]
    emergency: EmergencyRow,
    repeats: i64,
}

fn emergencies_of(rows: Vec<EmergencyRow>) -> Result<Vec<Emergency>> {
    rows.into_iter().map(Emergency::try_from).collect()
}

impl Sqlite {
    /// Helpers near a loaded emergency. Helpers who were alerted or responded may be among the nearest, so the limit is
    /// raised by their number: enough others are left when the caller removes them.
    async fn near(&self, loaded: &Loaded, near: Near) -> Result<(Vec<Recipient>, Vec<SkippedHelper>)> {
        let Near { on_duty, within, selection, leaving, places, rings_since: _ } = near;
        let Loaded { emergency, alerts, .. } = loaded;
        let place = places.alert_place(&emergency.call().details);
        let call = emergency.call();
        let (owner, critical) = (call.owner.id, call.details.is_critical());
        let around = Around { place, owner, critical, except: Some(owner), on_duty };
        let raised = (call.details.anonymous, call.created_at);
        let excluded = self.unalertable(Some(call.id), (call.owner.id, leaving), raised).await?;
        match selection {
            HelperSelection::Nearest(more) => {
                let known = u32::try_from(alerts.len() + emergency.responses().len()).unwrap_or(u32::MAX);
                self.nearest_helpers(around, within, (known.saturating_add(more), &excluded)).await
            }
            HelperSelection::Census(asked) => {
                let found = self.helpers_within(around, within).await?;
                let known = alerts.iter().map(|alert| alert.helper).collect();
                let model = (&asked.travel, asked.tier(call.details.kind));
                let nearest = self.first_to_arrive(&found, place, model, (&excluded, &known), on_duty.now).await?;
                Ok((nearest, found.skipped(place)))
            }
            HelperSelection::Only(helper) if excluded.contains(&helper) => Ok((Vec::new(), Vec::new())),
            HelperSelection::Only(helper) => {
                Ok((self.one_helper(around, within, helper).await?.into_iter().collect(), Vec::new()))
            }
        }
    }

    /// Reads the first `limit` of these emergencies in full, but for those that have ended since the search.
    async fn list(
        &self,
        reader: &ListReader,
        rows: Vec<ListRow>,
        (from, reach): (Viewpoint, Metres),
        limit: u32,
    ) -> Result<Vec<NearbyEmergency>> {
        let mut listed = Vec::with_capacity(rows.len());
        for row in rows {
            listed.extend(row.listed(reader, from, reach)?);
        }
        let listed = first(listed, limit);
        if listed.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<String> = listed.iter().map(|listed| hex(listed.id())).collect();
        let rows = sqlx::query_as(statements::BY_IDS).bind(to_json(&ids)?).fetch_all(&self.readers).await;
        let mut live =
            emergencies_of(rows.map_err(port_error)?)?.into_iter().filter(|e| e.status().is_live()).peekable();
        // Both are in the same order.
        let found = listed.into_iter().filter_map(|listed| {
            let emergency = live.next_if(|emergency| Uuid::from(emergency.id()) == listed.id())?;
            Some(NearbyEmergency { emergency, alerted: listed.alerted, distance: listed.distance })
        });
        Ok(found.collect())
    }
}
