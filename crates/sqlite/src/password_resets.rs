//! Tokens with which forgotten passwords are replaced: the port [`PasswordResets`]. They are used up by a change.

use allynet_domain::{
    Locale, MAX_RESETS_A_DAY, RESET_AGAIN_AFTER, RESET_VALID_FOR, RESETS_COUNTED_FOR, Timestamp, UserId,
    port::{KeyedHash, NewPasswordReset, PasswordResets, Result},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use sqlx::{Connection as _, SqliteConnection};
use tracing::instrument;
use uuid::Uuid;

use crate::{Sqlite, error::port_error};

/// The account with the email `?1`, if it may have a token that is issued when `?2` is so long ago, of at most `?4` since `?3`, and has
/// no silent emergency.
pub(crate) const ISSUABLE: &str = "\
    select a.id, a.locale from account a \
    where a.email = ?1 and a.blocked = 0 \
      and not exists (select 1 from emergency q where q.owner_id = a.id and q.status in ('active', 'responding') and q.silent) \
      and not exists (select 1 from password_reset r where r.account_id = a.id and r.created_at > ?2) \
      and (select count(*) from password_reset r where r.account_id = a.id and r.created_at > ?3) < ?4";
pub(crate) const FIND: &str = "\
    select r.account_id from password_reset r join account a on a.id = r.account_id \
    where r.token_hash = ?1 and r.created_at > ?2 and a.blocked = 0";

#[async_trait]
impl PasswordResets for Sqlite {
    #[instrument(name = "sqlite.password_resets.issue", level = "debug", skip_all)]
    async fn issue(&self, reset: &NewPasswordReset) -> Result<Option<Locale>> {
        let NewPasswordReset { email, token, at } = reset;
        let counted_since = (*at - RESETS_COUNTED_FOR).timestamp_micros();
        let mut writer = self.writer.acquire().await.map_err(port_error)?;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(port_error)?;
        let found: Option<(Uuid, String)> = sqlx::query_as(ISSUABLE)
            .bind(email.as_str())
            .bind((*at - RESET_AGAIN_AFTER).timestamp_micros())
            .bind(counted_since)
            .bind(MAX_RESETS_A_DAY)
            .fetch_optional(&mut *transaction)
            .await
            .map_err(port_error)?;
        let mut locale = None;
        if let Some((id, text)) = found {
            replace(&mut transaction, id, (*token).into(), (at.timestamp_micros(), counted_since)).await?;
            locale = Some(RowDecoder::account(id).parse("locale", &text)?);
        }
        transaction.commit().await.map_err(port_error)?;
        self.writer.release(writer);
        Ok(locale)
    }

    #[instrument(name = "sqlite.password_resets.find", level = "debug", skip_all)]
    async fn find(&self, token: KeyedHash, at: Timestamp) -> Result<Option<UserId>> {
        let user: Option<Uuid> = sqlx::query_scalar(FIND)
            .bind(Uuid::from(token))
            .bind((at - RESET_VALID_FOR).timestamp_micros())
            .fetch_optional(&self.readers)
            .await
            .map_err(port_error)?;
        Ok(user.map(UserId::from))
    }
}

/// Stores a token of an account, forgets those of before, and deletes the rows that are not counted any more.
async fn replace(db: &mut SqliteConnection, account: Uuid, token: Uuid, (at, counted_since): (i64, i64)) -> Result<()> {
    sqlx::query("delete from password_reset where account_id = ?1 and created_at <= ?2")
        .bind(account)
        .bind(counted_since)
        .execute(&mut *db)
        .await
        .map_err(port_error)?;
    sqlx::query("update password_reset set token_hash = null where account_id = ?1 and token_hash is not null")
        .bind(account)
        .execute(&mut *db)
        .await
        .map_err(port_error)?;
    sqlx::query("insert into password_reset (account_id, created_at, token_hash) values (?1, ?2, ?3)")
        .bind(account)
        .bind(at)
        .bind(token)
        .execute(db)
        .await
        .map_err(port_error)
        .map(drop)
}
