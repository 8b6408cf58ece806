//! Devices. They are written by `apply_change_v3`.

use allynet_domain::{
    Device, DeviceContext, DeviceTests, PushKey, Timestamp, UserId,
    port::{Devices, PushSubscription, Reachability, Result},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use sqlx::{FromRow, Row as _};
use tracing::instrument;
use uuid::Uuid;

use crate::{Postgres, error::failed};

/// The devices of the user `$1`, newest first.
const LIST: &str = "
    SELECT id, account_id, session_id, name, endpoint, p256dh, auth, push_key, created_at, last_sent_at,
        last_delivered_at, refused, unknown_since, last_test_at, tests_from, tests
    FROM device WHERE account_id = $1
    ORDER BY created_at DESC, id DESC";

/// [`LIST`] with the time of the last position: one row at least, whose columns of a device are null if there is none.
const REACHABILITY: &str = "
    SELECT p.located_at, d.id IS NOT NULL AS is_device, d.id, d.account_id, d.session_id, d.name, d.endpoint, d.p256dh, d.auth,
        d.push_key, d.created_at, d.last_sent_at, d.last_delivered_at, d.refused, d.unknown_since, d.last_test_at,
        d.tests_from, d.tests
    FROM (SELECT (SELECT at FROM position WHERE account_id = $1) AS located_at) AS p
    LEFT JOIN device d ON d.account_id = $1
    ORDER BY d.created_at DESC, d.id DESC";

/// The devices of the user `$1`, newest first, and the one with the endpoint `$2`, of any user.
const CONTEXT: &str = "
    SELECT id, account_id, session_id, name, endpoint, p256dh, auth, push_key, created_at, last_sent_at,
        last_delivered_at, refused, unknown_since, last_test_at, tests_from, tests
    FROM device WHERE account_id = $1 OR endpoint = $2
    ORDER BY created_at DESC, id DESC";

/// Devices of other keys than `$1` whose users were not told of it, at most `$2`. Two ranges, each of which an index finds: of
/// either a planner knows no more than that it may be most of the table.
const WITH_OTHER_KEY: &str = "
    SELECT id, account_id, session_id, name, endpoint, p256dh, auth, push_key, created_at, last_sent_at,
        last_delivered_at, refused, unknown_since, last_test_at, tests_from, tests
    FROM device WHERE id = ANY (
        ARRAY (SELECT id FROM device WHERE push_key < $1 AND told_key IS DISTINCT FROM $1 ORDER BY push_key LIMIT $2)
        || ARRAY (SELECT id FROM device WHERE push_key > $1 AND told_key IS DISTINCT FROM $1 ORDER BY push_key LIMIT $2))
    LIMIT $2";

statements!(LIST, REACHABILITY, CONTEXT, WITH_OTHER_KEY);

#[derive(FromRow)]
pub(crate) struct DeviceRow {
    id: Uuid,
    account_id: Uuid,
    session_id: Uuid,
    name: Option<String>,
    endpoint: String,
    p256dh: Vec<u8>,
    auth: Vec<u8>,
    push_key: Vec<u8>,
    created_at: Timestamp,
    last_sent_at: Option<Timestamp>,
    last_delivered_at: Option<Timestamp>,
    refused: i32,
    unknown_since: Option<Timestamp>,
    last_test_at: Option<Timestamp>,
    tests_from: Option<Timestamp>,
    tests: i32,
}

impl DeviceRow {
    pub(crate) fn device(self) -> Result<Device> {
        let stored = RowDecoder { table: "device", id: self.id };
        let p256dh = self.p256dh.try_into().map_err(|_| stored.corrupt("p256dh"))?;
        let auth = self.auth.try_into().map_err(|_| stored.corrupt("auth"))?;
        Ok(Device {
            id: self.id.into(),
            user: self.account_id.into(),
            session: self.session_id.into(),
            name: stored.text_opt("name", self.name.as_deref())?,
            subscription: PushSubscription::new(self.endpoint, p256dh, auth),
            push_key: self.push_key.try_into().map_err(|_| stored.corrupt("push_key"))?,
            created_at: self.created_at,
            last_sent_at: self.last_sent_at,
            last_delivered_at: self.last_delivered_at,
            refused: u16::try_from(self.refused).map_err(|_| stored.corrupt("refused"))?,
            unknown_since: self.unknown_since,
            tests: DeviceTests {
                last_at: self.last_test_at,
                window_from: self.tests_from,
                count: u16::try_from(self.tests).map_err(|_| stored.corrupt("tests"))?,
            },
        })
    }
}

#[async_trait]
impl Devices for Postgres {
    #[instrument(name = "pg.devices.list", level = "debug", skip_all, fields(%user))]
    async fn list(&self, user: UserId) -> Result<Vec<Device>> {
        let rows: Vec<DeviceRow> =
            sqlx::query_as(LIST).bind(Uuid::from(user)).fetch_all(self.main()).await.map_err(failed)?;
        rows.into_iter().map(DeviceRow::device).collect()
    }

    #[instrument(name = "pg.devices.reachability", level = "debug", skip_all, fields(%user))]
    async fn reachability(&self, user: UserId) -> Result<Reachability> {
        let rows = sqlx::query(REACHABILITY).bind(Uuid::from(user)).fetch_all(self.main()).await.map_err(failed)?;
        let mut reachability = Reachability { devices: Vec::new(), located_at: None };
        for row in rows {
            reachability.located_at = row.try_get("located_at").map_err(failed)?;
            if row.try_get("is_device").map_err(failed)? {
                reachability.devices.push(DeviceRow::from_row(&row).map_err(failed)?.device()?);
            }
        }
        Ok(reachability)
    }

    #[instrument(name = "pg.devices.with_other_key", level = "debug", skip_all)]
    async fn with_other_key(&self, key: &PushKey, limit: u32) -> Result<Vec<Device>> {
        let query = sqlx::query_as(WITH_OTHER_KEY).bind(key.as_slice()).bind(i64::from(limit));
        let rows: Vec<DeviceRow> = query.fetch_all(self.main()).await.map_err(failed)?;
        rows.into_iter().map(DeviceRow::device).collect()
    }

    #[instrument(name = "pg.devices.context", level = "debug", skip_all, fields(%user))]
    async fn context(&self, user: UserId, endpoint: &str) -> Result<DeviceContext> {
        let rows: Vec<DeviceRow> = sqlx::query_as(CONTEXT)
            .bind(Uuid::from(user))
            .bind(endpoint)
            .fetch_all(self.main())
            .await
            .map_err(failed)?;
        let devices = rows.into_iter().map(DeviceRow::device).collect::<Result<_>>()?;
        Ok(DeviceContext::of(user, endpoint, devices))
    }
}
