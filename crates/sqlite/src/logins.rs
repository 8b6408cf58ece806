//! Failed logins and known addresses: the port [`Logins`].

use allynet_domain::{
    ADDRESS_KNOWN_FOR, FAILURES_PER_ACCOUNT_WITHIN, FailedLogins, MAX_FAILURES_PER_ACCOUNT, MAX_FAILURES_PER_ADDRESS,
    Timestamp,
    port::{Credentials, LoginAttempt, LoginContext, LoginSource, Logins, PasswordHash, Result},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use sqlx::{Connection as _, FromRow, Row as _, sqlite::SqliteRow};
use tracing::instrument;
use uuid::Uuid;

use crate::{Sqlite, accounts::AccountRow, error::port_error};

/// One row, with nulls in place of an account that does not exist. Failures are stored by the hash of the email, so that they
/// are read in the same way for any email.
const LOAD: &str = "\
    select a.*, \
           (select json_group_array(hex(b.blocked_id)) from user_block b \
            where b.owner_id = a.id and b.blocked_id is not null) as blocks, \
           exists (select 1 from login_address l \
                   where l.account_id = a.id and l.address_hash = ?3 and l.last_login_at > ?4) as is_known_address, \
           (select f.failed_at from login_failure f where f.account_hash = ?2 and f.address_hash = ?3 \
            order by f.failed_at desc limit 1 offset ?5) as limiting_here, \
           (select f.failed_at from login_failure f where f.account_hash = ?2 \
            order by f.failed_at desc limit 1 offset ?6) as limiting_in_total \
    from (select ?1 as email) given left join account a on a.email = given.email";

struct LoginRow {
    account: Option<(AccountRow, String)>,
    is_known_address: bool,
    limiting_here: Option<i64>,
    limiting_in_total: Option<i64>,
}

impl<'r> FromRow<'r, SqliteRow> for LoginRow {
    fn from_row(row: &'r SqliteRow) -> sqlx::Result<Self> {
        let account = match row.try_get::<Option<Uuid>, _>("id")? {
            Some(_) => Some((AccountRow::from_row(row)?, row.try_get("password_hash")?)),
            None => None,
        };
        Ok(Self {
            account,
            is_known_address: row.try_get("is_known_address")?,
            limiting_here: row.try_get("limiting_here")?,
            limiting_in_total: row.try_get("limiting_in_total")?,
        })
    }
}

#[async_trait]
impl Logins for Sqlite {
    #[instrument(name = "sqlite.logins.load", level = "debug", skip_all)]
    async fn load(&self, attempt: &LoginAttempt) -> Result<LoginContext> {
        let LoginAttempt { email, source, at } = attempt;
        let LoginRow { account, is_known_address, limiting_here, limiting_in_total } = sqlx::query_as(LOAD)
            .bind(email.as_str())
            .bind(Uuid::from(source.account))
            .bind(Uuid::from(source.address))
            .bind((*at - ADDRESS_KNOWN_FOR).timestamp_micros())
            .bind(MAX_FAILURES_PER_ADDRESS - 1)
            .bind(MAX_FAILURES_PER_ACCOUNT - 1)
            .fetch_one(&self.readers)
            .await
            .map_err(port_error)?;
        let stored = RowDecoder { table: "login_failure", id: Uuid::from(source.account) };
        let failed = FailedLogins {
            is_known_address,
            limiting_here: stored.micros_opt("failed_at", limiting_here)?,
            limiting_in_total: stored.micros_opt("failed_at", limiting_in_total)?,
        };
        let credentials = account
            .map(|(account, hash)| Ok(Credentials { account: account.try_into()?, password: PasswordHash::new(hash) }));
        Ok(LoginContext { credentials: credentials.transpose()?, failed })
    }

    #[instrument(name = "sqlite.logins.record_failure", level = "debug", skip_all)]
    async fn record_failure(&self, source: LoginSource, at: Timestamp) -> Result<()> {
        let mut writer = self.writer.acquire().await.map_err(port_error)?;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(port_error)?;
        // More rows than are added, so that those which do not count any more become fewer.
        sqlx::query(
            "delete from login_failure where id in ( \
             select id from login_failure where failed_at < ?1 order by failed_at limit 10)",
        )
        .bind((at - FAILURES_PER_ACCOUNT_WITHIN).timestamp_micros())
        .execute(&mut *transaction)
        .await
        .map_err(port_error)?;
        sqlx::query("insert into login_failure (account_hash, address_hash, failed_at) values (?1, ?2, ?3)")
            .bind(Uuid::from(source.account))
            .bind(Uuid::from(source.address))
            .bind(at.timestamp_micros())
            .execute(&mut *transaction)
            .await
            .map_err(port_error)?;
        transaction.commit().await.map_err(port_error)?;
        self.writer.release(writer);
        Ok(())
    }
}
