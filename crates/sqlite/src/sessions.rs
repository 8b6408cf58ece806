//! Sessions and the confirmation of refresh tokens: the port [`Sessions`]. Knows nothing of the form of a token.

use allynet_domain::{
    Account, SessionId, SessionOverview, Timestamp, TokenId, UserAgent, UserId,
    port::{Confirmation, Presentation, Result, Sessions, Successor},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use sqlx::{Connection as _, SqliteConnection, SqliteExecutor};
use tracing::instrument;
use uuid::Uuid;

use crate::{Sqlite, accounts::AccountRow, error::port_error};

#[derive(sqlx::FromRow)]
struct SessionRow {
    #[sqlx(flatten)]
    account: AccountRow,
    confirmed_token: Uuid,
    /// Of the presented token, if it was presented since the given time.
    successor: Option<Uuid>,
    presented_at: Option<i64>,
}

/// Session `?1` if it is not revoked, with its account, and what token `?2` was exchanged for since `?3`.
pub(crate) const PRESENTED: &str = "\
    select a.*, (select json_group_array(hex(b.blocked_id)) from user_block b \
                 where b.owner_id = a.id and b.blocked_id is not null) as blocks, \
           s.confirmed_token, p.successor, p.presented_at \
    from session s join account_view a on a.id = s.account_id \
    left join refresh_presentation p on p.session_id = s.id and p.token = ?2 and p.presented_at >= ?3 \
    where s.id = ?1 and s.revoked_at is null";

/// The account of session `?1` if that is not revoked and belongs to user `?2`.
const AUTHENTICATE: &str = "\
    select a.*, (select json_group_array(hex(b.blocked_id)) from user_block b \
                 where b.owner_id = a.id and b.blocked_id is not null) as blocks \
    from session s join account_view a on a.id = s.account_id \
    where s.id = ?1 and s.account_id = ?2 and s.revoked_at is null";

/// The sessions of account `?1` that are not revoked, at most `?2`; without those last used before `?3` that have no device.
const LIST: &str = "\
    select s.id, s.created_at, coalesce(s.last_used_at, s.created_at) as last_used_at, s.user_agent \
    from session s where s.account_id = ?1 and s.revoked_at is null \
    and (coalesce(s.last_used_at, s.created_at) >= ?3 or exists (select 1 from device d where d.session_id = s.id)) \
    order by coalesce(s.last_used_at, s.created_at) desc, s.id limit ?2";

#[derive(sqlx::FromRow)]
struct ListedRow {
    id: Uuid,
    created_at: i64,
    last_used_at: i64,
    user_agent: Option<String>,
}

impl ListedRow {
    fn overview(self) -> Result<SessionOverview> {
        let Self { id, created_at, last_used_at, user_agent } = self;
        let row = RowDecoder { table: "session", id };
        Ok(SessionOverview {
            id: id.into(),
            created_at: row.micros("created_at", created_at)?,
            last_used_at: row.micros("last_used_at", last_used_at)?,
            user_agent: user_agent.as_deref().and_then(UserAgent::read),
        })
    }
}

#[async_trait]
impl Sessions for Sqlite {
    #[instrument(name = "sqlite.sessions.authenticate", level = "debug", skip_all, fields(%user))]
    async fn authenticate(&self, session: SessionId, user: UserId) -> Result<Option<Account>> {
        let row: Option<AccountRow> = sqlx::query_as(AUTHENTICATE)
            .bind(Uuid::from(session))
            .bind(Uuid::from(user))
            .fetch_optional(&self.readers)
            .await
            .map_err(port_error)?;
        row.map(Account::try_from).transpose()
    }

    #[instrument(name = "sqlite.sessions.confirm", level = "debug", skip_all)]
    async fn confirm(&self, presented: Presentation) -> Result<Confirmation> {
        // A token that is presented again, and one that is refused, need no transaction.
        if let Decision::Made(outcome) = decide(read(&self.readers, &presented).await?, &presented)? {
            return Ok(outcome);
        }
        let mut writer = self.writer.acquire().await.map_err(port_error)?;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(port_error)?;
        // Read again: of two siblings that were read at the same time, the second finds the first confirmed.
        let outcome = match decide(read(&mut *transaction, &presented).await?, &presented)? {
            Decision::Made(outcome) => outcome,
            Decision::Confirm(account) => {
                confirm_first(&mut transaction, &presented).await?;
                let successor = Successor { token: presented.successor, issued_at: presented.at };
                Confirmation::Confirmed { account, successor }
            }
        };
        transaction.commit().await.map_err(port_error)?;
        self.writer.release(writer);
        Ok(outcome)
    }

    #[instrument(name = "sqlite.sessions.list", level = "debug", skip_all, fields(%user))]
    async fn list(&self, user: UserId, since: Timestamp, limit: u32) -> Result<Vec<SessionOverview>> {
        let query = sqlx::query_as(LIST).bind(Uuid::from(user)).bind(limit).bind(since.timestamp_micros());
        let rows: Vec<ListedRow> = query.fetch_all(&self.readers).await.map_err(port_error)?;
        rows.into_iter().map(ListedRow::overview).collect()
    }
}

/// What follows from the stored session.
enum Decision {
    /// Nothing is to be stored.
    Made(Confirmation),
    /// The token of this account is valid, and presented for the first time.
    Confirm(Box<Account>),
}

fn decide(row: Option<SessionRow>, presented: &Presentation) -> Result<Decision> {
    let Some(SessionRow { account, confirmed_token, successor, presented_at }) = row else {
        return Ok(Decision::Made(Confirmation::Unknown));
    };
    if let (Some(token), Some(presented_at)) = (successor, presented_at) {
        let stored = RowDecoder { table: "refresh_presentation", id: Uuid::from(presented.token) };
        let successor = Successor { token: token.into(), issued_at: stored.micros("presented_at", presented_at)? };
        return Ok(Decision::Made(Confirmation::Confirmed { account: Box::new(account.try_into()?), successor }));
    }
    let confirmed = Some(TokenId::from(confirmed_token));
    Ok(if confirmed == Some(presented.token) || confirmed == presented.parent {
        Decision::Confirm(Box::new(account.try_into()?))
    } else {
        Decision::Made(Confirmation::Reused)
    })
}

async fn read(db: impl SqliteExecutor<'_>, presented: &Presentation) -> Result<Option<SessionRow>> {
    sqlx::query_as(PRESENTED)
        .bind(Uuid::from(presented.session))
        .bind(Uuid::from(presented.token))
        .bind(presented.repeats_since.timestamp_micros())
        .fetch_optional(db)
        .await
        .map_err(port_error)
}

/// Confirms a valid token, and notes its successor.
async fn confirm_first(db: &mut SqliteConnection, presented: &Presentation) -> Result<()> {
    let &Presentation { session, token, parent: _, successor, at, repeats_since, ref user_agent } = presented;
    sqlx::query(
        "update session set confirmed_token = ?2, last_used_at = ?3, user_agent = coalesce(?4, user_agent) where id = ?1",
    )
        .bind(Uuid::from(session))
        .bind(Uuid::from(token))
        .bind(at.timestamp_micros())
        .bind(user_agent.as_ref().map(UserAgent::as_str))
        .execute(&mut *db)
        .await
        .map_err(port_error)?;
    // Keeps the table small: no row is needed after a few seconds. It also deletes an older one of this token.
    sqlx::query("delete from refresh_presentation where session_id = ?1 and presented_at < ?2")
        .bind(Uuid::from(session))
        .bind(repeats_since.timestamp_micros())
        .execute(&mut *db)
        .await
        .map_err(port_error)?;
    sqlx::query("insert into refresh_presentation (session_id, token, successor, presented_at) values (?1, ?2, ?3, ?4)")
        .bind(Uuid::from(session))
        .bind(Uuid::from(token))
        .bind(Uuid::from(successor))
        .bind(at.timestamp_micros())
        .execute(db)
        .await
        .map_err(port_error)
        .map(drop)
}
