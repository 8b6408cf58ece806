//! Bodies and queries of the account and helper routes.

use allynet_domain::{
    Breakthrough, CheckedSkill, ClockTime, Email, Locale, MAX_ALERTS_PER_DAY, MAX_QUIET_WINDOWS, MAX_SKILLS, Name,
    Password, PreferencesChange, Profile, QuietWindow, Text, UserId, Verification,
    port::HelperPage,
    usecase::{
        accounts::Registration,
        helpers::{Duty, VerificationDecision},
    },
};
use serde_json::{Map, Value};

use super::Fields;
use crate::{Problem, cursor};

/// `POST /auth/register`.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn register(body: &Value) -> Result<Registration, Problem> {
    let mut f = Fields::body(body);
    let email = f.email("email");
    let password = new_password(&mut f, "password");
    let name = name(&mut f);
    let phone = f.text("phone");
    let read = (|| {
        let (first_name, last_name) = name?;
        let profile = Profile { phone, ..Profile::new(first_name, last_name) };
        Some(Registration { email: email?, password: password?, profile })
    })();
    f.finish(read)
}

/// `name`, split at its first space, or `firstName` and `lastName`.
fn name(f: &mut Fields<'_>) -> Option<(Name, Option<Name>)> {
    let first = f.name("firstName");
    let last = f.name("lastName");
    // Judged also where the parts take its place, unless it is blank.
    let typed = f.string("name").filter(|typed| first.is_none() || !typed.trim().is_empty());
    let parsed = typed.map(allynet_domain::name::parse_full).transpose();
    let whole = parsed.map_err(|e| f.wrong("name", e.to_string())).ok()?;
    if let Some(first) = first {
        return Some((first, last));
    }
    if f.is_wrong("firstName") || f.is_wrong("name") {
        return None;
    }
    f.require("name", whole)
}

fn new_password(f: &mut Fields<'_>, field: &'static str) -> Option<Password> {
    let text = f.string(field);
    let text = f.require(field, text)?;
    Password::parse(text).map_err(|e| f.wrong(field, e.to_string())).ok()
}

/// `POST /auth/login`. The email is `None` if it is not one, which the caller treats like an unknown email.
///
/// # Errors
/// `invalid_input` with all missing fields.
pub fn login(body: &Value) -> Result<(Option<Email>, Password), Problem> {
    let mut f = Fields::body(body);
    let email = f.string("email");
    let email = f.require("email", email);
    let password = password_attempt(&mut f, "password");
    f.finish(email.zip(password).map(|(email, password)| (email.parse().ok(), password)))
}

fn password_attempt(f: &mut Fields<'_>, field: &'static str) -> Option<Password> {
    let text = f.string(field);
    f.require(field, text).map(Password::attempt)
}

/// `POST /auth/forgot-password`. The email is `None` if it is not one, which the caller treats like an unknown email.
///
/// # Errors
/// `invalid_input` if the email is missing.
pub fn forgot_password(body: &Value) -> Result<Option<Email>, Problem> {
    let mut f = Fields::body(body);
    let email = f.string("email");
    let email = f.require("email", email);
    f.finish(email.map(|email| email.parse().ok()))
}

/// `POST /auth/reset-password`: the token and the new password.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn reset_password(body: &Value) -> Result<(&str, Password), Problem> {
    let mut f = Fields::body(body);
    let token = f.string("token");
    let token = f.require("token", token);
    let password = new_password(&mut f, "password");
    f.finish(token.zip(password))
}

/// `POST /auth/refresh`.
///
/// # Errors
/// `invalid_input` if the token is missing.
pub fn refresh(body: &Value) -> Result<&str, Problem> {
    let mut f = Fields::body(body);
    let token = f.string("refreshToken");
    let token = f.require("refreshToken", token);
    f.finish(token)
}

/// `POST /auth/logout`.
///
/// # Errors
/// `invalid_input` if the token is not a string.
pub fn logout(body: &Value) -> Result<Option<&str>, Problem> {
    let mut f = Fields::body(body);
    let token = f.string("refreshToken");
    f.finish(Some(token))
}

/// `PUT /auth/me`: a missing field keeps its value, `null` clears it; the first name cannot be cleared.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn profile(body: &Value, current: &Profile) -> Result<Profile, Problem> {
    let mut f = Fields::body(body);
    let first_name = f.patch("firstName", &Some(current.first_name.clone()), |f| f.name("firstName"));
    if first_name.is_none() && !f.is_wrong("firstName") {
        f.wrong("firstName", "must not be empty");
    }
    let last_name = f.patch("lastName", &current.last_name, |f| f.name("lastName"));
    let phone = f.patch("phone", &current.phone, |f| f.text("phone"));
    let bio = f.patch("bio", &current.bio, |f| f.text("bio"));
    let avatar = f.patch("avatar", &current.avatar, |f| f.parsed("avatar"));
    let locale = f.patch("locale", &Some(current.locale), |f| f.word("locale")).unwrap_or(Locale::English);
    f.finish(first_name.map(|first_name| Profile { first_name, last_name, phone, avatar, bio, locale }))
}

/// `DELETE /auth/me`: the password.
///
/// # Errors
/// `invalid_input` if it is missing.
pub fn confirmation(body: &Value) -> Result<Password, Problem> {
    let mut f = Fields::body(body);
    let password = password_attempt(&mut f, "password");
    f.finish(password)
}

/// `PUT /auth/update-password`: the current and the new password.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn update_password(body: &Value) -> Result<(Password, Password), Problem> {
    let mut f = Fields::body(body);
    let current = password_attempt(&mut f, "currentPassword");
    let new = new_password(&mut f, "newPassword");
    f.finish(current.zip(new))
}

/// `POST /auth/me/blocks`.
///
/// # Errors
/// `invalid_input` if the email is missing or invalid.
pub fn block_by_email(body: &Value) -> Result<Email, Problem> {
    let mut f = Fields::body(body);
    let email = f.parsed::<Email>("email");
    let email = f.require("email", email);
    f.finish(email)
}

/// `PUT /helpers/me`: a missing field keeps its value.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn duty(body: &Value) -> Result<Duty, Problem> {
    let mut f = Fields::body(body);
    let (available, skills) = (f.flag("available"), f.texts("skills", MAX_SKILLS));
    let transport = f.word("transport");
    let preferences = preferences(&mut f);
    f.finish(Some(Duty { available, skills, transport, preferences }))
}

/// Alert preferences: a missing field keeps its value, `null` clears it.
fn preferences(f: &mut Fields<'_>) -> PreferencesChange {
    let quiet = if f.is_null("quiet") { Some(Vec::new()) } else { f.objects("quiet", MAX_QUIET_WINDOWS, quiet_window) };
    let zone = if f.is_null("timeZone") { Some(None) } else { f.parsed("timeZone").map(Some) };
    let paused_until = if f.is_null("pausedUntil") { Some(None) } else { f.time("pausedUntil").map(Some) };
    let breakthrough = if f.is_null("breakthrough") { Some(Breakthrough::Critical) } else { f.word("breakthrough") };
    let limit = if f.is_null("maxAlertsPerDay") {
        Some(None)
    } else {
        f.integer("maxAlertsPerDay", 1..=MAX_ALERTS_PER_DAY).map(Some)
    };
    let (email, sms) = if f.is_null("notify") {
        (Some(false), Some(false))
    } else {
        f.optional_object("notify", |f| Some((channel(f, "email"), channel(f, "sms")))).unwrap_or_default()
    };
    PreferencesChange { quiet, zone, paused_until, breakthrough, max_alerts_per_day: limit, email, sms }
}

fn channel(f: &mut Fields<'_>, field: &'static str) -> Option<bool> {
    if f.is_null(field) { Some(false) } else { f.flag(field) }
}

fn quiet_window(f: &mut Fields<'_>) -> Option<QuietWindow> {
    let days = f.integers("days", &(1..=7));
    let days = f.require("days", days);
    let from = f.parsed::<ClockTime>("from");
    let from = f.require("from", from);
    let to = f.parsed::<ClockTime>("to");
    let to = f.require("to", to);
    let (days, from, to) = (days?, from?, to?);
    if from == to {
        f.wrong("to", "must differ from from");
        return None;
    }
    Some(QuietWindow { days, from, to })
}

/// `GET /helpers`.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn helper_page(query: &Map<String, Value>) -> Result<HelperPage, Problem> {
    let mut f = Fields::query(query);
    let verification = f.word("verification");
    let after = read_cursor::<UserId>(&mut f);
    let limit = f.integer("limit", 1..=100).unwrap_or(50);
    f.finish(Some(HelperPage { verification, after, limit }))
}

pub(super) fn read_cursor<Id: std::str::FromStr>(f: &mut Fields<'_>) -> Option<(allynet_domain::Timestamp, Id)> {
    let text = f.string("cursor")?;
    let read = cursor::read(text);
    if read.is_none() {
        f.wrong("cursor", "is none that this service gave");
    }
    read
}

/// `PUT /helpers/:userId/verification`. `pending` is rejected: it is only the initial status.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn verification(body: &Value) -> Result<VerificationDecision, Problem> {
    let mut f = Fields::body(body);
    let status = f.string("status");
    let status = f.require("status", status).and_then(|status| match status.parse() {
        Ok(decided @ (Verification::Verified | Verification::Rejected)) => Some(decided),
        Ok(Verification::Pending) | Err(_) => {
            f.wrong("status", "must be one of verified, rejected");
            None
        }
    });
    let tier = f.word("tier");
    let skills = f.objects("skills", MAX_SKILLS, checked_skill);
    f.finish(status.map(|verification| VerificationDecision { verification, tier, skills }))
}

fn checked_skill(f: &mut Fields<'_>) -> Option<CheckedSkill> {
    let name = f.required_text("name");
    let until = f.time("until");
    Some(CheckedSkill { name: name?, until })
}

/// `PUT /helpers/:userId/block`.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn block(body: &Value) -> Result<(bool, Option<Text<500>>), Problem> {
    let mut f = Fields::body(body);
    let blocked = f.flag("blocked");
    let blocked = f.require("blocked", blocked);
    let reason = f.text("reason");
    f.finish(blocked.map(|blocked| (blocked, reason)))
}
