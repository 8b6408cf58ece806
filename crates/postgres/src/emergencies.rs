//! Queries for emergencies, each of one statement.

use std::cmp::Reverse;

use allynet_domain::{
    Alert, DeletedEmergency, Emergency, EmergencyId, EmergencyStatus, EmergencyType, EventId, HelperPolicy, Metres,
    Position, StringEnum as _, Tier, Timestamp, UserId,
    dispatch::{CensusQuery, Transport},
    grid::{HELPER_CELL, MAX_COARSE_OFFSET, MAX_HELPER_OFFSET, helper_cell},
    port::{
        AcceptanceContext, AdminPage, DeletedPage, Emergencies, HelperSelection, HistoryPage, ListDistances,
        ListReader, ListedEmergency, Live, Loaded, Near, NearbyEmergency, RaiseContext, RaiseQuery, ReadEmergency,
        Result, ToBeRated, Viewpoint,
    },
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use serde::Deserialize;
use sqlx::{FromRow, Postgres as Pg, Row as _, postgres::PgArguments, query::QueryAs};
use tracing::instrument;
use uuid::Uuid;

use self::statements::{
    FIND, HISTORY, LIST_LIVE, LIST_STATUS, LIST_STATUS_NEAR, LIVE_OF, LOAD, LOAD_WITH_CENSUS, LOAD_WITH_NEAREST,
    LOAD_WITH_ONE, NEARBY, PENDING_FOR, READ,
};
use crate::{
    Postgres,
    census::{MAX_WANTED, census, paces},
    emergency_row::{AlertRow, EmergencyRow, optional_emergency, recent_rings},
    error::failed,
    near::{FoundRow, NEAREST_FACTOR, NEAREST_MARGIN, anchor_slack, min_duty, outer_anchor_distance},
    rows::ROUNDING_TOLERANCE,
};

pub(crate) mod ended;
pub(crate) mod statements;

#[derive(FromRow)]
struct LoadRow {
    #[sqlx(flatten)]
    emergency: EmergencyRow,
    alerts: String,
    hidden_from: Vec<Uuid>,
}

impl LoadRow {
    fn loaded(self) -> Result<Loaded> {
        let Self { emergency, alerts, hidden_from } = self;
        let emergency = emergency.emergency()?;
        let stored = RowDecoder { table: "emergency", id: Uuid::from(emergency.id()) };
        let alerts: Vec<AlertRow> = stored.json("alerts", &alerts)?;
        let alerts = alerts.into_iter().map(Alert::from).collect();
        let hidden_from = hidden_from.into_iter().map(UserId::from).collect();
        Ok(Loaded {
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

/// How a helper travels, and where they are. Null for a user that was deleted since.
#[derive(FromRow)]
struct HelperRow {
    helper_transport: Option<String>,
    helper_fix: Option<String>,
}

#[derive(Deserialize)]
struct FixRow {
    latitude: f64,
    longitude: f64,
    at: Timestamp,
}

impl HelperRow {
    fn way(self, helper: UserId) -> Result<(Transport, Option<(Position, Timestamp)>)> {
        let Self { helper_transport, helper_fix } = self;
        let stored = RowDecoder::account(helper.into());
        let transport = stored.parse_opt("transport", helper_transport.as_deref())?.unwrap_or_default();
        let stored = RowDecoder { table: "position", ..stored };
        let fix = helper_fix.map(|json| {
            let FixRow { latitude, longitude, at } = stored.json("fix", &json)?;
            Ok((stored.position(latitude, longitude)?, at))
        });
        Ok((transport, fix.transpose()?))
    }
}

/// An emergency, with whether its reader was alerted, and whether a block hides it from them.
#[derive(FromRow)]
struct ReadRow {
    #[sqlx(flatten)]
    emergency: EmergencyRow,
    reader_alerted: bool,
    hidden: bool,
}

impl ReadRow {
    fn read(self) -> Result<ReadEmergency> {
        let Self { emergency, reader_alerted: alerted, hidden } = self;
        Ok(ReadEmergency { emergency: emergency.emergency()?, alerted, hidden })
    }
}

#[derive(FromRow)]
struct ListedRow {
    #[sqlx(flatten)]
    emergency: EmergencyRow,
    repeats: i64,
}

#[derive(FromRow)]
struct PendingRow {
    #[sqlx(flatten)]
    read: ReadRow,
    here_latitude: f64,
    here_longitude: f64,
}

impl TryFrom<ListedRow> for ListedEmergency {
    type Error = allynet_domain::port::Error;

    fn try_from(row: ListedRow) -> Result<Self> {
        let ListedRow { emergency, repeats } = row;
        Ok(Self { emergency: emergency.emergency()?, repeats: u32::try_from(repeats).unwrap_or(u32::MAX) })
    }
}

type Query = QueryAs<'static, Pg, EmergencyRow, PgArguments>;

impl Postgres {
    async fn load_with_census(&self, id: EmergencyId, near: Near, asked: &CensusQuery) -> Result<Option<Loaded>> {
        let Near { on_duty, within, leaving, places, rings_since, selection: _ } = near;
        let (preparations, paces) = paces(&asked.travel);
        let tiers = asked.tiers.map(|tier| tier.map(Tier::as_str));
        let row = sqlx::query(LOAD_WITH_CENSUS)
            .bind(on_duty.fresh_since)
            .bind(outer_anchor_distance(within))
            .bind(min_duty(on_duty.policy))
            .bind(on_duty.now)
            .bind(preparations)
            .bind(paces)
            .bind(MAX_WANTED)
            .bind(f64::from(HELPER_CELL))
            .bind(within.get())
            .bind(rings_since)
            .bind(anchor_slack(within))
            .bind(Uuid::from(id))
            .bind(leaving.map(Uuid::from))
            .bind(EmergencyType::SPELLINGS)
            .bind(&tiers[..])
            .fetch_optional(self.main())
            .await
            .map_err(failed)?;
        let Some(row) = row else { return Ok(None) };
        let mut loaded = LoadRow::from_row(&row).map_err(failed)?.loaded()?;
        let found = FoundRow::from_row(&row).map_err(failed)?.helpers(within)?;
        let place = places.alert_place(&loaded.emergency.call().details);
        (loaded.near, loaded.skipped) = (found.nearest(place, u32::MAX), found.skipped(place));
        loaded.rings = recent_rings(&row, loaded.emergency.owner().into())?;
        loaded.census = census(&row, on_duty.now)?;
        Ok(Some(loaded))
    }

    async fn many(&self, query: Query) -> Result<Vec<Emergency>> {
        let rows = query.fetch_all(self.main()).await.map_err(failed)?;
        rows.into_iter().map(EmergencyRow::emergency).collect()
    }
}

/// A list in the order of the distances shown, then newest first. PostGIS orders and judges by its own distances; those of
/// the domain are what is shown, so they decide.
struct List<'a> {
    reader: &'a ListReader,
    found: Vec<(ListDistances, NearbyEmergency)>,
}

impl<'a> List<'a> {
    fn new(reader: &'a ListReader) -> Self {
        Self { reader, found: Vec::new() }
    }

    /// Adds an emergency if `is_wanted` at its distances.
    fn add(
        &mut self,
        ReadEmergency { emergency, alerted, hidden: _ }: ReadEmergency,
        from: Viewpoint,
        is_wanted: impl Fn(&Emergency, ListDistances) -> bool,
    ) {
        let distances = self.reader.distances_of(&emergency, alerted, from);
        if is_wanted(&emergency, distances) {
            self.found.push((distances, NearbyEmergency { emergency, alerted, distance: distances.shown }));
        }
    }

    fn in_order(mut self) -> Vec<NearbyEmergency> {
        let newest = |e: &Emergency| Reverse((e.call().created_at, e.id()));
        self.found.sort_by_key(|(distances, n)| (distances.rounded, newest(&n.emergency)));
        self.found.into_iter().map(|(_, nearby)| nearby).collect()
    }
}

#[async_trait]
impl Emergencies for Postgres {
    #[instrument(name = "pg.emergencies.find", level = "debug", skip_all, fields(emergency = %id))]
    async fn find(&self, id: EmergencyId) -> Result<Option<Emergency>> {
        let row: Option<EmergencyRow> =
            sqlx::query_as(FIND).bind(Uuid::from(id)).fetch_optional(self.main()).await.map_err(failed)?;
        row.map(EmergencyRow::emergency).transpose()
    }

    #[instrument(name = "pg.emergencies.read", level = "debug", skip_all, fields(emergency = %id))]
    async fn read(&self, id: EmergencyId, reader: UserId) -> Result<Option<ReadEmergency>> {
        let query = sqlx::query_as(READ).bind(Uuid::from(id)).bind(Uuid::from(reader));
        let row: Option<ReadRow> = query.fetch_optional(self.main()).await.map_err(failed)?;
        row.map(ReadRow::read).transpose()
    }

    #[instrument(name = "pg.emergencies.load", level = "debug", skip_all, fields(emergency = %id))]
    async fn load(&self, id: EmergencyId, near: Option<Near>) -> Result<Option<Loaded>> {
        if let Some(near @ Near { selection: HelperSelection::Census(asked), .. }) = near {
            return self.load_with_census(id, near, &asked).await;
        }
        let sql = match near.map(|near| near.selection) {
            None => LOAD,
            Some(HelperSelection::Nearest(_)) => LOAD_WITH_NEAREST,
            Some(HelperSelection::Only(_) | HelperSelection::Census(_)) => LOAD_WITH_ONE,
        };
        let mut query = sqlx::query(sql).bind(Uuid::from(id));
        if near.is_none() {
            query = query.bind(None::<Uuid>);
        }
        if let Some(Near { on_duty, within, selection, leaving, places: _, rings_since }) = near {
            query = query.bind(on_duty.fresh_since).bind(outer_anchor_distance(within));
            query = match selection {
                HelperSelection::Nearest(more) => query.bind(i64::from(more)).bind(NEAREST_FACTOR).bind(NEAREST_MARGIN),
                HelperSelection::Only(helper) => query.bind(Uuid::from(helper)),
                HelperSelection::Census(_) => query,
            };
            query = query.bind(min_duty(on_duty.policy)).bind(on_duty.now).bind(rings_since);
            query = query.bind(leaving.map(Uuid::from));
        }
        let Some(row) = query.fetch_optional(self.main()).await.map_err(failed)? else { return Ok(None) };
        let mut loaded = LoadRow::from_row(&row).map_err(failed)?.loaded()?;
        if let Some(Near { within, selection, places, leaving: _, on_duty: _, rings_since: _ }) = near {
            let found = FoundRow::from_row(&row).map_err(failed)?.helpers(within)?;
            let uncounted = loaded.alerts.len() + loaded.emergency.responses().len();
            let limit = match selection {
                HelperSelection::Nearest(more) => more.saturating_add(u32::try_from(uncounted).unwrap_or(u32::MAX)),
                HelperSelection::Only(_) | HelperSelection::Census(_) => 1,
            };
            let place = places.alert_place(&loaded.emergency.call().details);
            (loaded.near, loaded.skipped) = (found.nearest(place, limit), found.skipped(place));
            loaded.rings = recent_rings(&row, loaded.emergency.owner().into())?;
        }
        Ok(Some(loaded))
    }

    #[instrument(name = "pg.emergencies.load_for_acceptance", level = "debug", skip_all, fields(emergency = %id))]
    async fn load_for_acceptance(&self, id: EmergencyId, helper: UserId) -> Result<Option<AcceptanceContext>> {
        let query = sqlx::query(LOAD).bind(Uuid::from(id)).bind(Some(Uuid::from(helper)));
        let Some(row) = query.fetch_optional(self.main()).await.map_err(failed)? else { return Ok(None) };
        let blocks: Vec<Uuid> = row.try_get("blocks").map_err(failed)?;
        let (transport, last_fix) = HelperRow::from_row(&row).map_err(failed)?.way(helper)?;
        let loaded = LoadRow::from_row(&row).map_err(failed)?.loaded()?;
        Ok(Some(AcceptanceContext {
            loaded,
            blocks: blocks.into_iter().map(UserId::from).collect(),
            transport,
            last_fix,
        }))
    }

    #[instrument(name = "pg.emergencies.raise_context", level = "debug", skip_all, fields(owner = %query.owner))]
    async fn raise_context<'a>(&self, query: &RaiseQuery<'a>) -> Result<RaiseContext> {
        self.read_raise_context(query).await
    }

    #[instrument(name = "pg.emergencies.live_of", level = "debug", skip_all, fields(%user))]
    async fn live_of(&self, user: UserId) -> Result<Live> {
        let rows = sqlx::query(LIVE_OF).bind(Uuid::from(user)).fetch_all(self.main()).await.map_err(failed)?;
        let mut live = Live { emergencies: Vec::with_capacity(rows.len()), as_of: EventId::START };
        for row in &rows {
            live.as_of = EventId::new(row.try_get("as_of").map_err(failed)?);
            live.emergencies.extend(optional_emergency(row)?);
        }
        Ok(live)
    }

    #[instrument(name = "pg.emergencies.pending_for", level = "debug", skip_all, fields(helper = %reader.user))]
    async fn pending_for(&self, reader: &ListReader, limit: u32) -> Result<Vec<NearbyEmergency>> {
        let (south, west) = reader.places.grid.shifts();
        let rows: Vec<PendingRow> = sqlx::query_as(PENDING_FOR)
            .bind(Uuid::from(reader.user))
            .bind(ROUNDING_TOLERANCE)
            .bind(i64::from(limit))
            .bind(reader.administers)
            .bind(reader.places.is_approximate(false))
            .bind(south)
            .bind(west)
            .bind(f64::from(HELPER_CELL))
            .bind(MAX_COARSE_OFFSET + MAX_HELPER_OFFSET + ROUNDING_TOLERANCE)
            .bind(reader.alerted_only)
            .fetch_all(self.main())
            .await
            .map_err(failed)?;
        let mut list = List::new(reader);
        for PendingRow { read, here_latitude, here_longitude } in rows {
            let stored = RowDecoder { table: "position", id: Uuid::from(reader.user) };
            let exact = stored.position(here_latitude, here_longitude)?;
            let (read, from) = (read.read()?, Viewpoint { exact, judged: helper_cell(exact) });
            let alerted = read.alerted;
            list.add(read, from, |emergency, distances| alerted || distances.judged <= emergency.alert_radius());
        }
        Ok(list.in_order())
    }

    #[instrument(name = "pg.emergencies.nearby", level = "debug", skip_all)]
    async fn nearby(
        &self,
        reader: &ListReader,
        centre: Position,
        radius: Metres,
        limit: u32,
    ) -> Result<Vec<NearbyEmergency>> {
        let (south, west) = reader.places.grid.shifts();
        let rows: Vec<ReadRow> = sqlx::query_as(NEARBY)
            .bind(centre.latitude())
            .bind(centre.longitude())
            .bind(radius.get() + ROUNDING_TOLERANCE)
            .bind(i64::from(limit))
            .bind(Uuid::from(reader.user))
            .bind(reader.administers)
            .bind(reader.places.is_approximate(false))
            .bind(south)
            .bind(west)
            .bind(MAX_COARSE_OFFSET)
            .fetch_all(self.main())
            .await
            .map_err(failed)?;
        let mut list = List::new(reader);
        for row in rows {
            let from = Viewpoint { exact: centre, judged: centre };
            list.add(row.read()?, from, |_, distances| distances.judged <= radius);
        }
        Ok(list.in_order())
    }

    #[instrument(name = "pg.emergencies.history", level = "debug", skip_all, fields(user = %page.user))]
    async fn history(&self, page: &HistoryPage) -> Result<Vec<Emergency>> {
        let HistoryPage { user, status, before, limit } = *page;
        let query = sqlx::query_as(HISTORY)
            .bind(Uuid::from(user))
            .bind(before)
            .bind(status.map(EmergencyStatus::as_str))
            .bind(i64::from(limit));
        self.many(query).await
    }

    #[instrument(name = "pg.emergencies.list", level = "debug", skip_all)]
    async fn list(&self, page: &AdminPage) -> Result<Vec<ListedEmergency>> {
        let AdminPage { status, near, before, limit } = *page;
        let sql = match (status, near) {
            (None, _) => LIST_LIVE,
            (Some(_), None) => LIST_STATUS,
            (Some(_), Some(_)) => LIST_STATUS_NEAR,
        };
        let (at, id): (Option<Timestamp>, Uuid) = before.map_or((None, Uuid::max()), |(at, id)| (Some(at), id.into()));
        let mut query = sqlx::query_as::<_, ListedRow>(sql).bind(at).bind(id).bind(i64::from(limit));
        if let Some(status) = status {
            query = query.bind(status.as_str());
        }
        if let Some((centre, radius)) = near {
            query = query.bind(centre.latitude()).bind(centre.longitude()).bind(radius.get() + ROUNDING_TOLERANCE);
        } else if status.is_none() {
            query = query.bind(None::<f64>).bind(None::<f64>).bind(None::<f64>);
        }
        let rows = query.fetch_all(self.main()).await.map_err(failed)?;
        rows.into_iter().map(ListedEmergency::try_from).collect()
    }

    #[instrument(name = "pg.emergencies.find_for_rating", level = "debug", skip_all, fields(emergency = %id))]
    async fn find_for_rating(&self, id: EmergencyId, since: Timestamp) -> Result<Option<ToBeRated>> {
        self.read_for_rating(id, since).await
    }

    #[instrument(name = "pg.emergencies.available_again", level = "debug", skip_all, fields(emergency = %id))]
    async fn available_again(&self, id: EmergencyId, policy: HelperPolicy) -> Result<Vec<UserId>> {
        self.read_available_again(id, policy).await
    }

    #[instrument(name = "pg.emergencies.deleted", level = "debug", skip_all)]
    async fn deleted(&self, page: &DeletedPage) -> Result<Vec<DeletedEmergency>> {
        self.read_deleted(page).await
    }
}
