//! Sessions: lookup of their accounts, and the rotation of refresh tokens.

use allynet_domain::{
    Account, SessionId, SessionOverview, Timestamp, UserAgent, UserId,
    port::{Confirmation, Presentation, Result, Sessions, Successor},
};
use async_trait::async_trait;
use sqlx::FromRow;
use tracing::instrument;
use uuid::Uuid;

use crate::{Postgres, error::failed, rows::AccountRow};

const AUTHENTICATE: &str = "
    SELECT a.id, a.email, a.first_name, a.last_name, a.phone, a.avatar, a.bio, a.locale, a.role, a.blocked,
        a.verification, a.available, a.alert_preferences::text AS alert_preferences, a.alert_scope, a.skills, a.transport,
        a.tier, a.checked_skills::text AS checked_skills,
        a.trust_score, a.rating_sum, a.rating_count, a.created_at,
        ARRAY (SELECT b.blocked_id FROM user_block b WHERE b.owner_id = a.id AND b.blocked_id IS NOT NULL) AS blocks
    FROM session s JOIN account a ON a.id = s.account_id
    WHERE s.id = $1 AND s.account_id = $2 AND s.revoked_at IS NULL";

/// Of two sibling tokens the second waits for the row lock of the first, and then finds another token confirmed.
const CONFIRM: &str = "
    SELECT a.id, a.email, a.first_name, a.last_name, a.phone, a.avatar, a.bio, a.locale, a.role, a.blocked,
        a.verification, a.available, a.alert_preferences::text AS alert_preferences, a.alert_scope, a.skills, a.transport,
        a.tier, a.checked_skills::text AS checked_skills,
        a.trust_score, a.rating_sum, a.rating_count, a.created_at,
        ARRAY (SELECT b.blocked_id FROM user_block b WHERE b.owner_id = a.id AND b.blocked_id IS NOT NULL) AS blocks,
        c.successor, c.presented_at
    FROM confirm_refresh_token_v2($1, $2, $3, $4, $5, $6, $7) c
        CROSS JOIN session s JOIN account a ON a.id = s.account_id
    WHERE s.id = $1";

const LIST: &str = "
    SELECT s.id, s.created_at, coalesce(s.last_used_at, s.created_at) AS last_used_at, s.user_agent
    FROM session s WHERE s.account_id = $1 AND s.revoked_at IS NULL
        AND (coalesce(s.last_used_at, s.created_at) >= $3 OR EXISTS (SELECT FROM device d WHERE d.session_id = s.id))
    ORDER BY coalesce(s.last_used_at, s.created_at) DESC, s.id LIMIT $2";

statements!(AUTHENTICATE, CONFIRM, LIST);

#[derive(FromRow)]
struct ConfirmRow {
    #[sqlx(flatten)]
    account: AccountRow,
    successor: Option<Uuid>,
    presented_at: Option<Timestamp>,
}

#[derive(FromRow)]
struct SessionRow {
    id: Uuid,
    created_at: Timestamp,
    last_used_at: Timestamp,
    user_agent: Option<String>,
}

#[async_trait]
impl Sessions for Postgres {
    #[instrument(name = "pg.sessions.authenticate", level = "debug", skip_all, fields(%user))]
    async fn authenticate(&self, session: SessionId, user: UserId) -> Result<Option<Account>> {
        let row: Option<AccountRow> = sqlx::query_as(AUTHENTICATE)
            .bind(Uuid::from(session))
            .bind(Uuid::from(user))
            .fetch_optional(self.main())
            .await
            .map_err(failed)?;
        row.map(AccountRow::account).transpose()
    }

    #[instrument(name = "pg.sessions.recognize", level = "debug", skip_all, fields(%user))]
    async fn recognize(&self, session: SessionId, user: UserId) -> Result<Option<Account>> {
        if let Some(account) = self.callers().get(session, user) {
            return Ok(Some(account));
        }
        // Before the read: a commit that evicts this user meanwhile must keep the result out of the cache.
        let read = self.callers().begin_read();
        let found = self.authenticate(session, user).await?;
        if let Some(account) = &found {
            self.callers().insert(read, session, account);
        }
        Ok(found)
    }

    #[instrument(name = "pg.sessions.confirm", level = "debug", skip_all)]
    async fn confirm(&self, presented: Presentation) -> Result<Confirmation> {
        let Presentation { session, token, parent, successor, at, repeats_since, user_agent } = presented;
        let row: Option<ConfirmRow> = sqlx::query_as(CONFIRM)
            .bind(Uuid::from(session))
            .bind(Uuid::from(token))
            .bind(parent.map(Uuid::from))
            .bind(Uuid::from(successor))
            .bind(at)
            .bind(repeats_since)
            .bind(user_agent.as_ref().map(UserAgent::as_str))
            .fetch_optional(self.main())
            .await
            .map_err(failed)?;
        Ok(match row {
            None => Confirmation::Unknown,
            Some(ConfirmRow { account, successor: Some(token), presented_at: Some(at) }) => Confirmation::Confirmed {
                account: Box::new(account.account()?),
                successor: Successor { token: token.into(), issued_at: at },
            },
            Some(_) => Confirmation::Reused,
        })
    }

    #[instrument(name = "pg.sessions.list", level = "debug", skip_all, fields(%user))]
    async fn list(&self, user: UserId, since: Timestamp, limit: u32) -> Result<Vec<SessionOverview>> {
        let query = sqlx::query_as(LIST).bind(Uuid::from(user)).bind(i64::from(limit)).bind(since);
        let rows: Vec<SessionRow> = query.fetch_all(self.main()).await.map_err(failed)?;
        let overview = |SessionRow { id, created_at, last_used_at, user_agent }| SessionOverview {
            id: id.into(),
            created_at,
            last_used_at,
            user_agent: user_agent.as_deref().and_then(UserAgent::read),
        };
        Ok(rows.into_iter().map(overview).collect())
    }
}
