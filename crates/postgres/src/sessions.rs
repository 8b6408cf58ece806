//! Sessions: what makes a token good.

use allynet_domain::{
    Account, SessionId, TokenId, UserId,
    port::{Confirmation, Error, Result, Sessions},
};
use async_trait::async_trait;
use sqlx::FromRow;
use tracing::instrument;
use uuid::Uuid;

use crate::{
    Postgres,
    remembered::Recalled,
    rows::{AccountRow, account_columns},
};

const AUTHENTICATE: &str = concat!(
    "SELECT ",
    account_columns!(),
    " FROM session s JOIN account a ON a.id = s.account_id \
     WHERE s.id = $1 AND s.account_id = $2 AND s.revoked_at IS NULL"
);
/// Of two siblings the second waits for the first's row lock, looks at the condition again, and finds nothing to do.
const CONFIRM: &str = concat!(
    "WITH confirmed AS ( \
         UPDATE session SET confirmed_token = $2 \
         WHERE id = $1 AND revoked_at IS NULL AND (confirmed_token = $2 OR confirmed_token = $3) RETURNING id \
     ) SELECT ",
    account_columns!(),
    ", EXISTS (SELECT FROM confirmed) AS confirmed \
     FROM session s JOIN account a ON a.id = s.account_id WHERE s.id = $1 AND s.revoked_at IS NULL"
);

statements!(AUTHENTICATE, CONFIRM);

#[derive(FromRow)]
struct ConfirmRow {
    #[sqlx(flatten)]
    account: AccountRow,
    confirmed: bool,
}

#[async_trait]
impl Sessions for Postgres {
    #[instrument(name = "pg.sessions.authenticate", level = "debug", skip_all)]
    async fn authenticate(&self, session: SessionId, user: UserId) -> Result<Option<Account>> {
        let row: Option<AccountRow> = sqlx::query_as(AUTHENTICATE)
            .bind(Uuid::from(session))
            .bind(Uuid::from(user))
            .fetch_optional(self.main())
            .await
            .map_err(Error::unavailable)?;
        row.map(AccountRow::account).transpose()
    }

    async fn recognize(&self, session: SessionId, user: UserId) -> Result<Option<Account>> {
        let Recalled { account, look } = self.remembered().recall(session, user);
        if look {
            self.wake().look();
        }
        if account.is_some() {
            return Ok(account);
        }
        let epoch = self.remembered().epoch();
        let found = self.authenticate(session, user).await?;
        if let Some(account) = &found {
            self.remembered().keep(epoch, session, account);
        }
        Ok(found)
    }

    #[instrument(name = "pg.sessions.confirm", level = "debug", skip_all)]
    async fn confirm(&self, session: SessionId, token: TokenId, parent: Option<TokenId>) -> Result<Confirmation> {
        let row: Option<ConfirmRow> = sqlx::query_as(CONFIRM)
            .bind(Uuid::from(session))
            .bind(Uuid::from(token))
            .bind(parent.map(Uuid::from))
            .fetch_optional(self.main())
            .await
            .map_err(Error::unavailable)?;
        Ok(match row {
            None => Confirmation::Unknown,
            Some(ConfirmRow { confirmed: false, .. }) => Confirmation::Reused,
            Some(ConfirmRow { account, confirmed: true }) => Confirmation::Confirmed(Box::new(account.account()?)),
        })
    }
}
