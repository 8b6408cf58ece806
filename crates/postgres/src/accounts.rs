//! Accounts.

use allynet_domain::{
    Account, Email, PasswordHash, Profile, Text, Timestamp, Url, UserId,
    port::{Accounts, Activity, Credentials, HelperPage, ListedHelper, Result},
};
use async_trait::async_trait;
use sqlx::FromRow;
use tracing::instrument;
use uuid::Uuid;

use crate::{Postgres, caller_cache::EvictOnDrop, error::failed, rows::AccountRow};

const FIND: &str = "
    SELECT a.id, a.email, a.first_name, a.last_name, a.phone, a.avatar, a.bio, a.locale, a.role, a.blocked,
        a.verification, a.available, a.alert_preferences::text AS alert_preferences, a.alert_scope, a.skills, a.transport,
        a.tier, a.checked_skills::text AS checked_skills,
        a.trust_score, a.rating_sum, a.rating_count, a.created_at,
        ARRAY (SELECT b.blocked_id FROM user_block b WHERE b.owner_id = a.id AND b.blocked_id IS NOT NULL) AS blocks
    FROM account a WHERE a.id = $1 AND a.deleted_at IS NULL";
const CREDENTIALS: &str = "
    SELECT a.id, a.email, a.first_name, a.last_name, a.phone, a.avatar, a.bio, a.locale, a.role, a.blocked,
        a.verification, a.available, a.alert_preferences::text AS alert_preferences, a.alert_scope, a.skills, a.transport,
        a.tier, a.checked_skills::text AS checked_skills,
        a.trust_score, a.rating_sum, a.rating_count, a.created_at,
        ARRAY (SELECT b.blocked_id FROM user_block b WHERE b.owner_id = a.id AND b.blocked_id IS NOT NULL) AS blocks,
        a.password_hash
    FROM account a WHERE a.email = $1";
const SET_PROFILE: &str = "
    UPDATE account SET first_name = $2, last_name = $3, phone = $4, avatar = $5, bio = $6, locale = $7 WHERE id = $1";
const ACTIVITY: &str = "
    SELECT
        (SELECT count(*) FROM response r JOIN emergency e ON e.id = r.emergency_id
         WHERE r.helper_id = $1 AND r.status <> 'cancelled' AND e.status = 'resolved') AS helped,
        (SELECT count(*) FROM emergency WHERE owner_id = $1) AS requested";
/// Pages of helpers with the number of reports about each, and about deleted accounts of their email. Two statements, because each walks an index of its own: with
/// one, a page of the few helpers that wait for verification would walk through all helpers.
const HELPERS: &str = "
    SELECT a.id, a.email, a.first_name, a.last_name, a.phone, a.avatar, a.bio, a.locale, a.role, a.blocked,
        a.verification, a.available, a.alert_preferences::text AS alert_preferences, a.alert_scope, a.skills, a.transport,
        a.tier, a.checked_skills::text AS checked_skills,
        a.trust_score, a.rating_sum, a.rating_count, a.created_at,
        (SELECT count(*) FROM report r WHERE r.about_id = ANY (ARRAY (
            SELECT a.id UNION ALL SELECT f.id FROM account f WHERE f.successor_id = a.id))) AS reports
    FROM account a
    WHERE a.verification IS NOT NULL AND (a.created_at, a.id) > ($1, $2)
    ORDER BY a.created_at, a.id LIMIT $3";
const HELPERS_BY_VERIFICATION: &str = "
    SELECT a.id, a.email, a.first_name, a.last_name, a.phone, a.avatar, a.bio, a.locale, a.role, a.blocked,
        a.verification, a.available, a.alert_preferences::text AS alert_preferences, a.alert_scope, a.skills, a.transport,
        a.tier, a.checked_skills::text AS checked_skills,
        a.trust_score, a.rating_sum, a.rating_count, a.created_at,
        (SELECT count(*) FROM report r WHERE r.about_id = ANY (ARRAY (
            SELECT a.id UNION ALL SELECT f.id FROM account f WHERE f.successor_id = a.id))) AS reports
    FROM account a
    WHERE a.verification = $4 AND (a.created_at, a.id) > ($1, $2)
    ORDER BY a.created_at, a.id LIMIT $3";
const ADMINISTRATORS: &str = "
    SELECT a.id, a.email, a.first_name, a.last_name, a.phone, a.avatar, a.bio, a.locale, a.role, a.blocked,
        a.verification, a.available, a.alert_preferences::text AS alert_preferences, a.alert_scope, a.skills, a.transport,
        a.tier, a.checked_skills::text AS checked_skills,
        a.trust_score, a.rating_sum, a.rating_count, a.created_at
    FROM account a WHERE a.role = 'admin' ORDER BY a.created_at, a.id";

statements!(FIND, CREDENTIALS, SET_PROFILE, ACTIVITY, HELPERS, HELPERS_BY_VERIFICATION, ADMINISTRATORS);

#[derive(FromRow)]
struct CredentialsRow {
    #[sqlx(flatten)]
    account: AccountRow,
    password_hash: String,
}

#[derive(FromRow)]
struct HelperRow {
    #[sqlx(flatten)]
    account: AccountRow,
    reports: i64,
}

impl HelperRow {
    fn listed(self) -> Result<ListedHelper> {
        let Self { account, reports } = self;
        Ok(ListedHelper { account: account.account()?, reports: u32::try_from(reports).unwrap_or(u32::MAX) })
    }
}

#[derive(FromRow)]
struct ActivityRow {
    helped: i64,
    requested: i64,
}

#[async_trait]
impl Accounts for Postgres {
    #[instrument(name = "pg.accounts.find", level = "debug", skip_all, fields(user = %id))]
    async fn find(&self, id: UserId) -> Result<Option<Account>> {
        let row: Option<AccountRow> =
            sqlx::query_as(FIND).bind(Uuid::from(id)).fetch_optional(self.main()).await.map_err(failed)?;
        row.map(AccountRow::account).transpose()
    }

    #[instrument(name = "pg.accounts.credentials", level = "debug", skip_all)]
    async fn credentials(&self, email: &Email) -> Result<Option<Credentials>> {
        let row: Option<CredentialsRow> =
            sqlx::query_as(CREDENTIALS).bind(email.as_str()).fetch_optional(self.main()).await.map_err(failed)?;
        let Some(CredentialsRow { account, password_hash }) = row else { return Ok(None) };
        Ok(Some(Credentials { account: account.account()?, password: PasswordHash::new(password_hash) }))
    }

    #[instrument(name = "pg.accounts.set_profile", level = "debug", skip_all, fields(user = %id))]
    async fn set_profile(&self, id: UserId, profile: &Profile) -> Result<()> {
        let Profile { first_name, last_name, phone, avatar, bio, locale } = profile;
        let _evict = EvictOnDrop::new(self.callers(), vec![id]);
        sqlx::query(SET_PROFILE)
            .bind(Uuid::from(id))
            .bind(first_name.as_str())
            .bind(last_name.as_ref().map(Text::as_str))
            .bind(phone.as_ref().map(Text::as_str))
            .bind(avatar.as_ref().map(Url::as_str))
            .bind(bio.as_ref().map(Text::as_str))
            .bind(locale.as_str())
            .execute(self.main())
            .await
            .map_err(failed)?;
        Ok(())
    }

    #[instrument(name = "pg.accounts.activity", level = "debug", skip_all, fields(user = %id))]
    async fn activity(&self, id: UserId) -> Result<Activity> {
        let ActivityRow { helped, requested } =
            sqlx::query_as(ACTIVITY).bind(Uuid::from(id)).fetch_one(self.main()).await.map_err(failed)?;
        let count = |n: i64| u32::try_from(n).unwrap_or(u32::MAX);
        Ok(Activity { helped: count(helped), requested: count(requested) })
    }

    #[instrument(name = "pg.accounts.helpers", level = "debug", skip_all)]
    async fn helpers(&self, page: &HelperPage) -> Result<Vec<ListedHelper>> {
        let HelperPage { verification, after, limit } = page;
        let (at, id) = after.map_or((Timestamp::UNIX_EPOCH, Uuid::nil()), |(at, id)| (at, id.into()));
        let sql = if verification.is_some() { HELPERS_BY_VERIFICATION } else { HELPERS };
        let query = sqlx::query_as(sql).bind(at).bind(id).bind(i64::from(*limit));
        let query = match verification {
            Some(verification) => query.bind(verification.as_str()),
            None => query,
        };
        let rows: Vec<HelperRow> = query.fetch_all(self.main()).await.map_err(failed)?;
        rows.into_iter().map(HelperRow::listed).collect()
    }

    #[instrument(name = "pg.accounts.administrators", level = "debug", skip_all)]
    async fn administrators(&self) -> Result<Vec<Account>> {
        let rows: Vec<AccountRow> = sqlx::query_as(ADMINISTRATORS).fetch_all(self.main()).await.map_err(failed)?;
        rows.into_iter().map(AccountRow::account).collect()
    }
}
