//! Accounts: the port [`Accounts`]. Knows nothing of how a password is hashed.

use allynet_domain::{
    Account, AlertPreferences, CheckedSkill, Email, HelperRecord, Profile, Text, Url, UserId,
    port::{Accounts, Activity, Credentials, HelperPage, ListedHelper, PasswordHash, Result},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use tracing::instrument;
use uuid::Uuid;

use crate::{
    Sqlite,
    error::port_error,
    rows::{count, to_json},
};

/// A row of `account_view`, with the users that the account blocks.
#[derive(sqlx::FromRow)]
pub(crate) struct AccountRow {
    id: Uuid,
    email: String,
    first_name: String,
    last_name: Option<String>,
    phone: Option<String>,
    avatar: Option<String>,
    bio: Option<String>,
    locale: String,
    role: String,
    blocked: bool,
    verification: Option<String>,
    available: Option<bool>,
    /// JSON; null for the default.
    alert_preferences: Option<String>,
    alert_scope: String,
    skills: String,
    transport: String,
    tier: Option<String>,
    /// JSON; null without any.
    checked_skills: Option<String>,
    trust_score: i64,
    rating_sum: i64,
    rating_count: i64,
    /// A JSON array of hexadecimal ids. Lists of accounts leave it out.
    #[sqlx(default)]
    blocks: Option<String>,
    created_at: i64,
}

impl TryFrom<AccountRow> for Account {
    type Error = allynet_domain::port::Error;

    fn try_from(row: AccountRow) -> Result<Self> {
        let AccountRow {
            id,
            email,
            first_name,
            last_name,
            phone,
            avatar,
            bio,
            locale,
            role,
            blocked,
            verification,
            available,
            alert_preferences,
            alert_scope,
            skills,
            transport,
            tier,
            checked_skills,
            trust_score,
            rating_sum,
            rating_count,
            blocks,
            created_at,
        } = row;
        let stored = RowDecoder::account(id);
        let helper = match (verification, available) {
            (Some(verification), Some(available)) => Some(HelperRecord {
                verification: stored.parse("verification", &verification)?,
                available,
                skills: stored.json("skills", &skills)?,
                transport: stored.parse("transport", &transport)?,
                tier: stored.parse_opt("tier", tier.as_deref())?,
                checked_skills: checked_skills
                    .map_or_else(|| Ok(Vec::new()), |json| stored.json("checked_skills", &json))?,
                preferences: match alert_preferences {
                    Some(json) => stored.json("alert_preferences", &json)?,
                    None => AlertPreferences::default(),
                },
                scope: stored.parse("alert_scope", &alert_scope)?,
            }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(stored.corrupt("available")),
        };
        Ok(Self {
            id: id.into(),
            email: stored.parse("email", &email)?,
            profile: Profile {
                first_name: stored.text("first_name", &first_name)?,
                last_name: stored.text_opt("last_name", last_name.as_deref())?,
                phone: stored.text_opt("phone", phone.as_deref())?,
                avatar: stored.parse_opt("avatar", avatar.as_deref())?,
                bio: stored.text_opt("bio", bio.as_deref())?,
                locale: stored.parse("locale", &locale)?,
            },
            role: stored.parse("role", &role)?,
            blocked,
            helper,
            reputation: stored.reputation(trust_score, rating_sum, rating_count)?,
            blocks: blocks.map_or(Ok(Vec::new()), |blocks| stored.json("blocks", &blocks))?,
            created_at: stored.micros("created_at", created_at)?,
        })
    }
}

#[derive(sqlx::FromRow)]
struct CredentialsRow {
    #[sqlx(flatten)]
    account: AccountRow,
    password_hash: String,
}

#[derive(sqlx::FromRow)]
struct HelperRow {
    #[sqlx(flatten)]
    account: AccountRow,
    reports: i64,
}

impl TryFrom<HelperRow> for ListedHelper {
    type Error = allynet_domain::port::Error;

    fn try_from(HelperRow { account, reports }: HelperRow) -> Result<Self> {
        Ok(Self { account: account.try_into()?, reports: count(reports) })
    }
}

pub(crate) const FIND: &str = "\
    select a.*, (select json_group_array(hex(b.blocked_id)) from user_block b \
                 where b.owner_id = a.id and b.blocked_id is not null) as blocks \
    from account_view a where a.id = ?1";
pub(crate) const CREDENTIALS: &str = "\
    select a.*, (select json_group_array(hex(b.blocked_id)) from user_block b \
                 where b.owner_id = a.id and b.blocked_id is not null) as blocks \
    from account a where a.email = ?1";

/// The `?3` helpers after the cursor (`?1`, `?2`), from oldest to newest account. Reports about deleted accounts of their email
/// count, too.
pub(crate) const HELPERS: &str = "\
    select a.*, (select count(*) from report r where r.about_id in ( \
        select a.id union all select f.id from account f where f.successor_id = a.id)) as reports from account_view a \
    where a.verification is not null and (a.created_at, a.id) > (?1, ?2) \
    order by a.created_at, a.id limit ?3";

/// [`HELPERS`] of verification `?4`. A statement of its own, because only a comparison with one value finds the few
/// that are pending by an index.
pub(crate) const HELPERS_BY_VERIFICATION: &str = "\
    select a.*, (select count(*) from report r where r.about_id in ( \
        select a.id union all select f.id from account f where f.successor_id = a.id)) as reports from account_view a \
    where a.verification = ?4 and (a.created_at, a.id) > (?1, ?2) \
    order by a.created_at, a.id limit ?3";

/// All administrators, oldest account first.
pub(crate) const ADMINISTRATORS: &str =
    "select a.* from account_view a where a.role = 'admin' order by a.created_at, a.id";

#[async_trait]
impl Accounts for Sqlite {
    #[instrument(name = "sqlite.accounts.find", level = "debug", skip_all, fields(user = %id))]
    async fn find(&self, id: UserId) -> Result<Option<Account>> {
        let row: Option<AccountRow> =
            sqlx::query_as(FIND).bind(Uuid::from(id)).fetch_optional(&self.readers).await.map_err(port_error)?;
        row.map(Account::try_from).transpose()
    }

    #[instrument(name = "sqlite.accounts.credentials", level = "debug", skip_all)]
    async fn credentials(&self, email: &Email) -> Result<Option<Credentials>> {
        let row: Option<CredentialsRow> =
            sqlx::query_as(CREDENTIALS).bind(email.as_str()).fetch_optional(&self.readers).await.map_err(port_error)?;
        row.map(|CredentialsRow { account, password_hash }| {
            Ok(Credentials { account: account.try_into()?, password: PasswordHash::new(password_hash) })
        })
        .transpose()
    }

    #[instrument(name = "sqlite.accounts.set_profile", level = "debug", skip_all, fields(user = %id))]
    async fn set_profile(&self, id: UserId, profile: &Profile) -> Result<()> {
        let Profile { first_name, last_name, phone, avatar, bio, locale } = profile;
        sqlx::query(
            "update account set first_name = ?2, last_name = ?3, phone = ?4, avatar = ?5, bio = ?6, locale = ?7 where id = ?1",
        )
        .bind(Uuid::from(id))
        .bind(first_name.as_str())
        .bind(last_name.as_ref().map(Text::as_str))
        .bind(phone.as_ref().map(Text::as_str))
        .bind(avatar.as_ref().map(Url::as_str))
        .bind(bio.as_ref().map(Text::as_str))
        .bind(locale.as_str())
        .execute(&self.writer)
        .await
        .map_err(port_error)
        .map(drop)
    }

    #[instrument(name = "sqlite.accounts.activity", level = "debug", skip_all, fields(user = %id))]
    async fn activity(&self, id: UserId) -> Result<Activity> {
        let (helped, requested): (i64, i64) = sqlx::query_as(
            "select (select count(*) from response r join emergency e on e.id = r.emergency_id \
                     where r.helper_id = ?1 and r.status <> 'cancelled' and e.status = 'resolved'), \
                    (select count(*) from emergency where owner_id = ?1)",
        )
        .bind(Uuid::from(id))
        .fetch_one(&self.readers)
        .await
        .map_err(port_error)?;
        Ok(Activity { helped: count(helped), requested: count(requested) })
    }

    #[instrument(name = "sqlite.accounts.helpers", level = "debug", skip_all)]
    async fn helpers(&self, page: &HelperPage) -> Result<Vec<ListedHelper>> {
        let HelperPage { verification, after, limit } = page;
        let (at, id) = after.map_or((i64::MIN, Uuid::nil()), |(at, id)| (at.timestamp_micros(), id.into()));
        let sql = if verification.is_some() { HELPERS_BY_VERIFICATION } else { HELPERS };
        let mut query = sqlx::query_as::<_, HelperRow>(sql).bind(at).bind(id).bind(limit);
        if let Some(verification) = verification {
            query = query.bind(verification.as_str());
        }
        let rows = query.fetch_all(&self.readers).await.map_err(port_error)?;
        rows.into_iter().map(ListedHelper::try_from).collect()
    }

    #[instrument(name = "sqlite.accounts.administrators", level = "debug", skip_all)]
    async fn administrators(&self) -> Result<Vec<Account>> {
        let rows: Vec<AccountRow> =
            sqlx::query_as(ADMINISTRATORS).fetch_all(&self.readers).await.map_err(port_error)?;
        rows.into_iter().map(Account::try_from).collect()
    }
}

/// The column `alert_preferences`: null for the default, which most accounts have.
pub(crate) fn stored_preferences(preferences: &AlertPreferences) -> Result<Option<String>> {
    if *preferences == AlertPreferences::default() { Ok(None) } else { to_json(preferences).map(Some) }
}

/// The column `checked_skills`: null without any, as for most accounts.
pub(crate) fn stored_checks(skills: &[CheckedSkill]) -> Result<Option<String>> {
    if skills.is_empty() { Ok(None) } else { to_json(&skills).map(Some) }
}

/// The column `skills`: a JSON array, which is empty for an account that never asked to be a helper.
pub(crate) fn skills(helper: Option<&HelperRecord>) -> Result<String> {
    to_json(&helper.map_or(&[][..], |helper| &helper.skills))
}
