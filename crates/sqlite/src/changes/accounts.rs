//! Writes to accounts and sessions, inside of the transaction of a change.

use allynet_domain::{
    ADDRESS_KNOWN_FOR, Account, AlertPreferences, AlertSchedule, AlertScope, CheckedSkill, HelperPolicy, HelperRecord,
    HelperReputation, MAX_KNOWN_ADDRESSES, PasswordHash, Profile, Role, Session, SessionId, Text, Tier, Url, UserAgent,
    UserId, Verification,
    port::{Constraint, Error, KeyedHash, LoginSource, Result},
};
use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::{
    accounts::{skills, stored_checks, stored_preferences},
    error::port_error,
};

pub(super) async fn register(db: &mut SqliteConnection, account: &Account, password: &PasswordHash) -> Result<()> {
    let Account { id, email, profile, role, blocked, helper, reputation, blocks: _, created_at } = account;
    let Profile { first_name, last_name, phone, avatar, bio, locale } = profile;
    let HelperReputation { trust_score, rating_sum, rating_count } = *reputation;
    sqlx::query(
        "insert into account (id, email, password_hash, first_name, last_name, phone, avatar, bio, role, blocked, \
                verification, available, skills, trust_score, rating_sum, rating_count, created_at, locale) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
    )
    .bind(Uuid::from(*id))
    .bind(email.as_str())
    .bind(password.expose())
    .bind(first_name.as_str())
    .bind(last_name.as_ref().map(Text::as_str))
    .bind(phone.as_ref().map(Text::as_str))
    .bind(avatar.as_ref().map(Url::as_str))
    .bind(bio.as_ref().map(Text::as_str))
    .bind(role.as_str())
    .bind(blocked)
    .bind(helper.as_ref().map(|helper| helper.verification.as_str()))
    .bind(helper.as_ref().map(|helper| helper.available))
    .bind(skills(helper.as_ref())?)
    .bind(trust_score)
    .bind(rating_sum)
    .bind(rating_count)
    .bind(created_at.timestamp_micros())
    .bind(locale.as_str())
    .execute(&mut *db)
    .await
    .map_err(port_error)?;
    super::blocks::apply_to(db, *id, email).await?;
    super::deletion::succeed(db, *id, email.as_str()).await
}

pub(super) async fn open_session(db: &mut SqliteConnection, session: &Session) -> Result<()> {
    let Session { id, user, confirmed, created_at, user_agent } = session;
    sqlx::query(
        "insert into session (id, account_id, confirmed_token, created_at, user_agent) values (?1, ?2, ?3, ?4, ?5)",
    )
    .bind(Uuid::from(*id))
    .bind(Uuid::from(*user))
    .bind(Uuid::from(*confirmed))
    .bind(created_at.timestamp_micros())
    .bind(user_agent.as_ref().map(UserAgent::as_str))
    .execute(db)
    .await
    .map_err(port_error)
    .map(drop)
}

/// The failures of this address are forgotten; of the addresses, the newest and those that still count stay.
pub(super) async fn record_login(db: &mut SqliteConnection, at: i64, user: UserId, source: LoginSource) -> Result<()> {
    let (user, account, address) = (Uuid::from(user), Uuid::from(source.account), Uuid::from(source.address));
    sqlx::query(
        "insert into login_address (account_id, address_hash, last_login_at) values (?1, ?2, ?3) \
         on conflict (account_id, address_hash) do update set last_login_at = max(last_login_at, excluded.last_login_at)",
    )
    .bind(user)
    .bind(address)
    .bind(at)
    .execute(&mut *db)
    .await
    .map_err(port_error)?;
    let known_since = at - ADDRESS_KNOWN_FOR.num_microseconds().unwrap_or(i64::MAX);
    sqlx::query(
        "delete from login_address where account_id = ?1 and (last_login_at < ?2 or address_hash in ( \
         select a.address_hash from login_address a where a.account_id = ?1 \
         order by a.last_login_at desc, a.address_hash limit -1 offset ?3))",
    )
    .bind(user)
    .bind(known_since)
    .bind(MAX_KNOWN_ADDRESSES)
    .execute(&mut *db)
    .await
    .map_err(port_error)?;
    sqlx::query("delete from login_failure where account_hash = ?1 and address_hash = ?2")
        .bind(account)
        .bind(address)
        .execute(db)
        .await
        .map_err(port_error)
        .map(drop)
}

pub(super) async fn revoke_sessions(
    db: &mut SqliteConnection,
    at: i64,
    user: UserId,
    only: Option<SessionId>,
    except: Option<SessionId>,
) -> Result<()> {
    sqlx::query(
        "update session set revoked_at = ?2 where account_id = ?1 and revoked_at is null \
         and (?3 is null or id = ?3) and (?4 is null or id <> ?4)",
    )
    .bind(Uuid::from(user))
    .bind(at)
    .bind(only.map(Uuid::from))
    .bind(except.map(Uuid::from))
    .execute(&mut *db)
    .await
    .map_err(port_error)?;
    super::devices::remove_of_sessions(db, user, only, except).await
}

pub(super) async fn set_password(db: &mut SqliteConnection, user: UserId, password: &PasswordHash) -> Result<()> {
    sqlx::query("update account set password_hash = ?2 where id = ?1")
        .bind(Uuid::from(user))
        .bind(password.expose())
        .execute(&mut *db)
        .await
        .map_err(port_error)?;
    sqlx::query("update password_reset set token_hash = null where account_id = ?1 and token_hash is not null")
        .bind(Uuid::from(user))
        .execute(db)
        .await
        .map_err(port_error)
        .map(drop)
}

/// Fails with [`Error::Stale`] if the token was used or replaced, or the account is blocked.
pub(super) async fn use_password_reset(db: &mut SqliteConnection, user: UserId, token: KeyedHash) -> Result<()> {
    let done = sqlx::query(
        "update password_reset set token_hash = null where token_hash = ?2 and account_id = ?1 \
         and exists (select 1 from account a where a.id = ?1 and a.blocked = 0)",
    )
    .bind(Uuid::from(user))
    .bind(Uuid::from(token))
    .execute(db)
    .await
    .map_err(port_error)?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::Stale) }
}

/// Fails with [`Error::Stale`] unless what decides on the rights of the account is stored as the caller loaded it.
pub(super) async fn expect(db: &mut SqliteConnection, account: &Account) -> Result<()> {
    let Account { id, email: _, profile: _, role, blocked, helper, reputation: _, blocks: _, created_at: _ } = account;
    let found: Option<i64> = sqlx::query_scalar(
        "select 1 from account where id = ?1 and role = ?2 and blocked = ?3 and verification is ?4 \
         and available is ?5 and skills = ?6 and alert_preferences is ?7 and alert_scope = ?8 and tier is ?9 \
         and checked_skills is ?10",
    )
    .bind(Uuid::from(*id))
    .bind(role.as_str())
    .bind(blocked)
    .bind(helper.as_ref().map(|helper| helper.verification.as_str()))
    .bind(helper.as_ref().map(|helper| helper.available))
    .bind(skills(helper.as_ref())?)
    .bind(helper.as_ref().map_or(Ok(None), |helper| stored_preferences(&helper.preferences))?)
    .bind(helper.as_ref().map_or(AlertScope::All, |helper| helper.scope).as_str())
    .bind(helper.as_ref().and_then(|helper| helper.tier).map(Tier::as_str))
    .bind(stored_checks(helper.as_ref().map_or(&[], |helper| &helper.checked_skills))?)
    .fetch_optional(db)
    .await
    .map_err(port_error)?;
    found.map(drop).ok_or(Error::Stale)
}

/// Fails with a conflict unless the account may help. Nothing else is written until the transaction ends.
pub(super) async fn expect_may_help(db: &mut SqliteConnection, user: UserId, policy: HelperPolicy) -> Result<()> {
    let found: Option<i64> = sqlx::query_scalar(
        "select 1 from account where id = ?1 and blocked = 0 \
         and (verification is 'verified' or (?2 and verification is not 'rejected'))",
    )
    .bind(Uuid::from(user))
    .bind(policy == HelperPolicy::Open)
    .fetch_optional(db)
    .await
    .map_err(port_error)?;
    found.map(drop).ok_or(Error::Conflict(Constraint::MayHelp))
}

/// Fails with [`Error::Stale`] if the account has a response to a live emergency that is not cancelled.
pub(super) async fn expect_no_responses(db: &mut SqliteConnection, user: UserId) -> Result<()> {
    let found: Option<i64> = sqlx::query_scalar(
        "select 1 from response r join emergency e on e.id = r.emergency_id \
         where r.helper_id = ?1 and r.status <> 'cancelled' and e.status in ('active', 'responding') limit 1",
    )
    .bind(Uuid::from(user))
    .fetch_optional(db)
    .await
    .map_err(port_error)?;
    if found.is_some() { Err(Error::Stale) } else { Ok(()) }
}

pub(super) async fn set_helper(
    db: &mut SqliteConnection,
    user: UserId,
    helper: &HelperRecord,
    role: Role,
) -> Result<()> {
    let HelperRecord {
        verification,
        available,
        skills: _,
        transport,
        tier: _,
        checked_skills: _,
        preferences: _,
        scope: _,
    } = helper;
    sqlx::query(
        "update account set verification = coalesce(verification, ?2), available = ?3, skills = ?4, role = ?5, \
                transport = ?6 \
         where id = ?1",
    )
    .bind(Uuid::from(user))
    .bind(verification.as_str())
    .bind(available)
    .bind(skills(Some(helper))?)
    .bind(role.as_str())
    .bind(transport.as_str())
    .execute(db)
    .await
    .map_err(port_error)
    .map(drop)
}

pub(super) async fn set_alert_preferences(
    db: &mut SqliteConnection,
    user: UserId,
    preferences: &AlertPreferences,
    schedule: AlertSchedule,
) -> Result<()> {
    let AlertSchedule { scope, absence, review_at } = schedule;
    sqlx::query(
        "update account set alert_preferences = ?2, alert_scope = ?3, away_from = ?4, away_until = ?5, \
                away_from_critical = ?6, max_alerts_per_day = ?7, alert_review_at = ?8, notify_email = ?9, \
                notify_sms = ?10 \
         where id = ?1",
    )
    .bind(Uuid::from(user))
    .bind(stored_preferences(preferences)?)
    .bind(scope.as_str())
    .bind(absence.map(|absence| absence.span.from.timestamp_micros()))
    .bind(absence.map(|absence| absence.span.until.timestamp_micros()))
    .bind(absence.is_some_and(|absence| absence.from_critical))
    .bind(preferences.max_alerts_per_day)
    .bind(review_at.map(|at| at.timestamp_micros()))
    .bind(preferences.notify.email)
    .bind(preferences.notify.sms)
    .execute(db)
    .await
    .map_err(port_error)
    .map(drop)
}

pub(super) async fn set_role(db: &mut SqliteConnection, user: UserId, role: Role) -> Result<()> {
    sqlx::query("update account set role = ?2 where id = ?1")
        .bind(Uuid::from(user))
        .bind(role.as_str())
        .execute(db)
        .await
        .map_err(port_error)
        .map(drop)
}

/// No-op for an account that never asked to be a helper.
pub(super) async fn set_verification(
    db: &mut SqliteConnection,
    user: UserId,
    verification: Verification,
) -> Result<()> {
    sqlx::query("update account set verification = ?2 where id = ?1 and verification is not null")
        .bind(Uuid::from(user))
        .bind(verification.as_str())
        .execute(db)
        .await
        .map_err(port_error)
        .map(drop)
}

/// No-op for an account that never asked to be a helper.
pub(super) async fn set_qualification(
    db: &mut SqliteConnection,
    user: UserId,
    tier: Option<Tier>,
    skills: &[CheckedSkill],
) -> Result<()> {
    sqlx::query("update account set tier = ?2, checked_skills = ?3 where id = ?1 and verification is not null")
        .bind(Uuid::from(user))
        .bind(tier.map(Tier::as_str))
        .bind(stored_checks(skills)?)
        .execute(db)
        .await
        .map_err(port_error)
        .map(drop)
}

pub(super) async fn set_blocked(
    db: &mut SqliteConnection,
    user: UserId,
    blocked: bool,
    reason: Option<Text<500>>,
) -> Result<()> {
    sqlx::query("update account set blocked = ?2, blocked_reason = ?3 where id = ?1")
        .bind(Uuid::from(user))
        .bind(blocked)
        .bind(reason.map(String::from))
        .execute(&mut *db)
        .await
        .map_err(port_error)?;
    if blocked { super::devices::remove_of_sessions(db, user, None, None).await } else { Ok(()) }
}
