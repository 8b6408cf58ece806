//! Rows that more than one port reads.

use allynet_domain::{
    Account, AlertPreferences, EmergencyAccess, HelperRecord, Profile, Revision, Timestamp, port::Result,
};
use allynet_sql::RowDecoder;
use sqlx::FromRow;
use uuid::Uuid;

/// The access of a user to an emergency, and the data requested with it, as JSON.
#[derive(FromRow)]
pub(crate) struct AccessRow {
    owns: bool,
    responds: bool,
    hidden: bool,
    status: String,
    revision: i64,
    found: Option<String>,
}

impl AccessRow {
    /// `id` is that of the emergency.
    pub(crate) fn access(self, id: Uuid) -> Result<(EmergencyAccess, Option<String>)> {
        let Self { owns, responds, hidden, status, revision, found } = self;
        let status = RowDecoder { table: "emergency", id }.parse("status", &status)?;
        Ok((EmergencyAccess { owns, responds, hidden, status, revision: Revision(revision) }, found))
    }
}

/// An account without its password.
#[derive(FromRow)]
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
    skills: Vec<String>,
    transport: String,
    tier: Option<String>,
    /// JSON; null without any.
    checked_skills: Option<String>,
    trust_score: i32,
    rating_sum: i32,
    rating_count: i32,
    /// Lists of accounts leave it out.
    #[sqlx(default)]
    blocks: Vec<Uuid>,
    created_at: Timestamp,
}

impl AccountRow {
    pub(crate) fn account(self) -> Result<Account> {
        let Self {
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
        } = self;
        let stored = RowDecoder::account(id);
        let profile = Profile {
            first_name: stored.text("first_name", &first_name)?,
            last_name: stored.text_opt("last_name", last_name.as_deref())?,
            phone: stored.text_opt("phone", phone.as_deref())?,
            avatar: stored.parse_opt("avatar", avatar.as_deref())?,
            bio: stored.text_opt("bio", bio.as_deref())?,
            locale: stored.parse("locale", &locale)?,
        };
        Ok(Account {
            id: id.into(),
            email: stored.parse("email", &email)?,
            profile,
            role: stored.parse("role", &role)?,
            blocked,
            helper: helper(
                stored,
                (verification.as_deref(), available),
                (&skills, &transport),
                (tier.as_deref(), checked_skills.as_deref()),
                (alert_preferences.as_deref(), &alert_scope),
            )?,
            reputation: stored.reputation(trust_score, rating_sum, rating_count)?,
            blocks: blocks.into_iter().map(Into::into).collect(),
            created_at,
        })
    }
}

fn helper(
    stored: RowDecoder<Uuid>,
    (verification, available): (Option<&str>, Option<bool>),
    (skills, transport): (&[String], &str),
    (tier, checked_skills): (Option<&str>, Option<&str>),
    (preferences, scope): (Option<&str>, &str),
) -> Result<Option<HelperRecord>> {
    let Some(verification) = verification else { return Ok(None) };
    let skills = skills.iter().map(|skill| stored.text("skills", skill));
    Ok(Some(HelperRecord {
        verification: stored.parse("verification", verification)?,
        available: available.ok_or_else(|| stored.corrupt("available"))?,
        skills: skills.collect::<Result<_>>()?,
        transport: stored.parse("transport", transport)?,
        tier: stored.parse_opt("tier", tier)?,
        checked_skills: checked_skills.map_or_else(|| Ok(Vec::new()), |json| stored.json("checked_skills", json))?,
        preferences: preferences
            .map_or_else(|| Ok(AlertPreferences::default()), |json| stored.json("alert_preferences", json))?,
        scope: stored.parse("alert_scope", scope)?,
    }))
}

/// Number of metres by which a search around emergencies exceeds its radius. PostGIS rounds distances to 10 nm, and an
/// emergency exactly at the radius must be found.
pub(crate) const ROUNDING_TOLERANCE: f64 = 1e-6;
