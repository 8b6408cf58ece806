//! Failed logins and known addresses.

use allynet_domain::{
    ADDRESS_KNOWN_FOR, FAILURES_PER_ACCOUNT_WITHIN, FailedLogins, MAX_FAILURES_PER_ACCOUNT, MAX_FAILURES_PER_ADDRESS,
    PasswordHash, Timestamp,
    port::{Credentials, LoginAttempt, LoginContext, LoginSource, Logins, Result},
};
use async_trait::async_trait;
use sqlx::{FromRow, Row as _, postgres::PgRow};
use tracing::instrument;
use uuid::Uuid;

use crate::{Postgres, error::failed, rows::AccountRow};

/// One row, with nulls in place of an account that does not exist. Failures are stored by the hash of the email, so that they
/// are read in the same way for any email.
const LOAD: &str = "
    SELECT a.id, a.email, a.first_name, a.last_name, a.phone, a.avatar, a.bio, a.locale, a.role, a.blocked,
        a.verification, a.available, a.alert_preferences::text AS alert_preferences, a.alert_scope, a.skills, a.transport,
        a.tier, a.checked_skills::text AS checked_skills,
        a.trust_score, a.rating_sum, a.rating_count, a.created_at,
        ARRAY (SELECT b.blocked_id FROM user_block b WHERE b.owner_id = a.id AND b.blocked_id IS NOT NULL) AS blocks,
        a.password_hash,
        EXISTS (SELECT FROM login_address l
            WHERE l.account_id = a.id AND l.address_hash = $3 AND l.last_login_at > $4) AS is_known_address,
        (SELECT f.failed_at FROM login_failure f WHERE f.account_hash = $2 AND f.address_hash = $3
            ORDER BY f.failed_at DESC OFFSET $5 LIMIT 1) AS limiting_here,
        (SELECT f.failed_at FROM login_failure f WHERE f.account_hash = $2
            ORDER BY f.failed_at DESC OFFSET $6 LIMIT 1) AS limiting_in_total
    FROM (SELECT $1::text AS email) given LEFT JOIN account a ON a.email = given.email";
/// Deletes more rows than it adds, so that those which do not count any more become fewer.
const RECORD_FAILURE: &str = "
    WITH deleted AS (
        DELETE FROM login_failure WHERE id IN (
            SELECT f.id FROM login_failure f WHERE f.failed_at < $4 ORDER BY f.failed_at LIMIT 10 FOR UPDATE SKIP LOCKED)
    )
    INSERT INTO login_failure (account_hash, address_hash, failed_at) VALUES ($1, $2, $3)";

statements!(LOAD, RECORD_FAILURE);

struct LoginRow {
    account: Option<(AccountRow, String)>,
    failed: FailedLogins,
}

impl<'r> FromRow<'r, PgRow> for LoginRow {
    fn from_row(row: &'r PgRow) -> sqlx::Result<Self> {
        let account = match row.try_get::<Option<Uuid>, _>("id")? {
            Some(_) => Some((AccountRow::from_row(row)?, row.try_get("password_hash")?)),
            None => None,
        };
        let failed = FailedLogins {
            is_known_address: row.try_get("is_known_address")?,
            limiting_here: row.try_get("limiting_here")?,
            limiting_in_total: row.try_get("limiting_in_total")?,
        };
        Ok(Self { account, failed })
    }
}

#[async_trait]
impl Logins for Postgres {
    #[instrument(name = "pg.logins.load", level = "debug", skip_all)]
    async fn load(&self, attempt: &LoginAttempt) -> Result<LoginContext> {
        let LoginAttempt { email, source, at } = attempt;
        let LoginRow { account, failed: failures } = sqlx::query_as(LOAD)
            .bind(email.as_str())
            .bind(Uuid::from(source.account))
            .bind(Uuid::from(source.address))
            .bind(*at - ADDRESS_KNOWN_FOR)
            .bind(i64::from(MAX_FAILURES_PER_ADDRESS - 1))
            .bind(i64::from(MAX_FAILURES_PER_ACCOUNT - 1))
            .fetch_one(self.main())
            .await
            .map_err(failed)?;
        let credentials = account
            .map(|(account, hash)| Ok(Credentials { account: account.account()?, password: PasswordHash::new(hash) }));
        Ok(LoginContext { credentials: credentials.transpose()?, failed: failures })
    }

    #[instrument(name = "pg.logins.record_failure", level = "debug", skip_all)]
    async fn record_failure(&self, source: LoginSource, at: Timestamp) -> Result<()> {
        sqlx::query(RECORD_FAILURE)
            .bind(Uuid::from(source.account))
            .bind(Uuid::from(source.address))
            .bind(at)
            .bind(at - FAILURES_PER_ACCOUNT_WITHIN)
            .execute(self.main())
            .await
            .map_err(failed)
            .map(drop)
    }
}
