//! Devices: the port [`Devices`].

use allynet_domain::{
    Device, DeviceContext, DeviceTests, PushKey, UserId,
    port::{Devices, Positions as _, PushSubscription, Reachability, Result},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use sqlx::FromRow;
use tracing::instrument;
use uuid::Uuid;

use crate::{Sqlite, error::port_error};

/// The devices of user `?1`, newest first.
pub(crate) const LIST: &str = "select * from device where account_id = ?1 order by created_at desc, id desc";

/// The devices of user `?1`, newest first, and the one with endpoint `?2`, of any user.
pub(crate) const CONTEXT: &str =
    "select * from device where account_id = ?1 or endpoint = ?2 order by created_at desc, id desc";

/// Devices of other keys than `?1` whose users were not told of it, at most `?2`. Two ranges, which an index finds.
pub(crate) const WITH_OTHER_KEY: &str = "
    select * from device
    where id in (select id from device where push_key < ?1 and told_key is not ?1 order by push_key limit ?2)
        or id in (select id from device where push_key > ?1 and told_key is not ?1 order by push_key limit ?2)
    limit ?2";

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
    created_at: i64,
    last_sent_at: Option<i64>,
    last_delivered_at: Option<i64>,
    refused: u16,
    unknown_since: Option<i64>,
    last_test_at: Option<i64>,
    tests_from: Option<i64>,
    tests: u16,
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
            created_at: stored.micros("created_at", self.created_at)?,
            last_sent_at: stored.micros_opt("last_sent_at", self.last_sent_at)?,
            last_delivered_at: stored.micros_opt("last_delivered_at", self.last_delivered_at)?,
            refused: self.refused,
            unknown_since: stored.micros_opt("unknown_since", self.unknown_since)?,
            tests: DeviceTests {
                last_at: stored.micros_opt("last_test_at", self.last_test_at)?,
                window_from: stored.micros_opt("tests_from", self.tests_from)?,
                count: self.tests,
            },
        })
    }
}

#[async_trait]
impl Devices for Sqlite {
    #[instrument(name = "sqlite.devices.list", level = "debug", skip_all, fields(%user))]
    async fn list(&self, user: UserId) -> Result<Vec<Device>> {
        let rows: Vec<DeviceRow> =
            sqlx::query_as(LIST).bind(Uuid::from(user)).fetch_all(&self.readers).await.map_err(port_error)?;
        rows.into_iter().map(DeviceRow::device).collect()
    }

    #[instrument(name = "sqlite.devices.reachability", level = "debug", skip_all, fields(%user))]
    async fn reachability(&self, user: UserId) -> Result<Reachability> {
        let located_at = self.last(user).await?.map(|fix| fix.at);
        Ok(Reachability { devices: self.list(user).await?, located_at })
    }

    #[instrument(name = "sqlite.devices.with_other_key", level = "debug", skip_all)]
    async fn with_other_key(&self, key: &PushKey, limit: u32) -> Result<Vec<Device>> {
        let query = sqlx::query_as(WITH_OTHER_KEY).bind(key.to_vec()).bind(limit);
        let rows: Vec<DeviceRow> = query.fetch_all(&self.readers).await.map_err(port_error)?;
        rows.into_iter().map(DeviceRow::device).collect()
    }

    #[instrument(name = "sqlite.devices.context", level = "debug", skip_all, fields(%user))]
    async fn context(&self, user: UserId, endpoint: &str) -> Result<DeviceContext> {
        let rows: Vec<DeviceRow> = sqlx::query_as(CONTEXT)
            .bind(Uuid::from(user))
            .bind(endpoint.to_owned())
            .fetch_all(&self.readers)
            .await
            .map_err(port_error)?;
        let devices = rows.into_iter().map(DeviceRow::device).collect::<Result<_>>()?;
        Ok(DeviceContext::of(user, endpoint, devices))
    }
}
