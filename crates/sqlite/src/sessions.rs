//! Sessions and the confirmation of refresh tokens: the port [`Sessions`]. Knows nothing of the form of a token.

use allynet_domain::{
    Account, SessionId, TokenId, UserId,
    port::{Confirmation, Result, Sessions},
};
use async_trait::async_trait;
use tracing::instrument;
use uuid::Uuid;

use crate::{
    Sqlite,
    accounts::{AccountRow, blocks_of_account},
    error::port_error,
};

#[derive(sqlx::FromRow)]
struct SessionRow {
    #[sqlx(flatten)]
    account: AccountRow,
    confirmed_token: Uuid,
}

#[async_trait]
impl Sessions for Sqlite {
    #[instrument(name = "sqlite.sessions.authenticate", level = "debug", skip_all, fields(%user))]
    async fn authenticate(&self, session: SessionId, user: UserId) -> Result<Option<Account>> {
        let row: Option<AccountRow> = sqlx::query_as(concat!(
            "select a.*, ",
            blocks_of_account!(),
            " as blocks from session s join account_view a on a.id = s.account_id \
                 where s.id = ?1 and s.account_id = ?2 and s.revoked_at is null",
        ))
        .bind(Uuid::from(session))
        .bind(Uuid::from(user))
        .fetch_optional(&self.readers)
        .await
        .map_err(port_error)?;
        row.map(Account::try_from).transpose()
    }

    #[instrument(name = "sqlite.sessions.confirm", level = "debug", skip_all)]
    async fn confirm(&self, session: SessionId, token: TokenId, parent: Option<TokenId>) -> Result<Confirmation> {
        let (token, parent) = (Uuid::from(token), parent.map(Uuid::from));
        let Some(SessionRow { account, confirmed_token }) = self.session(session).await? else {
            return Ok(Confirmation::Unknown);
        };
        // A client that never stores the successor presents the confirmed token each time: there is nothing to write.
        if confirmed_token == token {
            return Ok(Confirmation::Confirmed(Box::new(account.try_into()?)));
        }
        if parent != Some(confirmed_token) {
            return Ok(Confirmation::Reused);
        }
        // The condition decides between two siblings that were read at the same time: after the first, the second finds
        // another token confirmed. The same token presented twice matches `?2`.
        let done = sqlx::query(
            "update session set confirmed_token = ?2 \
             where id = ?1 and confirmed_token in (?2, ?3) and revoked_at is null",
        )
        .bind(Uuid::from(session))
        .bind(token)
        .bind(parent)
        .execute(&self.writer)
        .await
        .map_err(port_error)?;
        if done.rows_affected() == 1 {
            return Ok(Confirmation::Confirmed(Box::new(account.try_into()?)));
        }
        // No row: a sibling was faster, or the session was revoked in between.
        Ok(if self.session(session).await?.is_some() { Confirmation::Reused } else { Confirmation::Unknown })
    }
}

impl Sqlite {
    /// A session that is not revoked, with its account.
    async fn session(&self, session: SessionId) -> Result<Option<SessionRow>> {
        sqlx::query_as(concat!(
            "select a.*, ",
            blocks_of_account!(),
            " as blocks, s.confirmed_token from session s join account_view a on a.id = s.account_id \
                 where s.id = ?1 and s.revoked_at is null",
        ))
        .bind(Uuid::from(session))
        .fetch_optional(&self.readers)
        .await
        .map_err(port_error)
    }
}
