//! Accounts, and the rights of helpers.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use crate::{
    AlertPreferences, AlertSchedule, AlertScope, CheckedSkill, HelperReputation, Locale, Name, PreferencesChange,
    PreferencesError, Secret, SessionId, Skill, Text, Tier, Timestamp, UserId, dispatch::Transport,
    name::is_format_character, string_enum, text::TextError,
};

/// An email address, trimmed and in lower case.
///
/// `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

/// A text that is not an email address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an email address")]
pub struct NotAnEmail;

impl FromStr for Email {
    type Err = NotAnEmail;

    /// Checks the shape only: the length of RFC 5321, one `@` with something on both sides, and no white space.
    ///
    /// Accepts format characters, because older versions stored them; see [`Email::typed`].
    fn from_str(text: &str) -> Result<Self, NotAnEmail> {
        let text = text.trim().to_lowercase();
        let odd = |c: char| c.is_whitespace() || c.is_control();
        let (local, domain) = text.rsplit_once('@').ok_or(NotAnEmail)?;
        if text.len() > 254 || local.is_empty() || domain.is_empty() || local.contains('@') || text.contains(odd) {
            return Err(NotAnEmail);
        }
        Ok(Self(text))
    }
}

impl Email {
    /// Parses an address that is going to be stored: without format characters (Cf), which are not seen, so that two
    /// addresses that look the same are the same.
    ///
    /// # Errors
    /// Returns an error if it is no address or contains a format character.
    pub fn typed(text: &str) -> Result<Self, NotAnEmail> {
        if text.chars().any(is_format_character) { Err(NotAnEmail) } else { text.parse() }
    }

    /// The address in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

/// A password in plain text: 8 to 128 characters, not trimmed.
///
/// `Debug` does not show it.
#[derive(Clone)]
pub struct Password(Secret);

impl Password {
    /// Parses a new password, and normalizes it to NFC: keyboards type the same letter in different forms, and the one
    /// that is used at the next login may not be the one that chose the password.
    ///
    /// # Errors
    /// Returns an error for a wrong length (of the normalized form) or a NUL character.
    pub fn parse(text: &str) -> Result<Self, PasswordError> {
        if text.contains('\0') {
            return Err(PasswordError::Nul);
        }
        let text: String = text.nfc().collect();
        match text.chars().count() {
            8..=128 => Ok(Self(Secret::new(text))),
            _ => Err(PasswordError::Length),
        }
    }

    /// A password of any length that is only compared with a stored one: at login a short one is wrong, not malformed.
    pub fn attempt(text: &str) -> Self {
        Self(Secret::new(text.to_owned()))
    }

    /// The password in NFC, if that is not how it was typed. Compared after the typed form, which is what older
    /// versions stored.
    pub fn normalized(&self) -> Option<Self> {
        let typed = self.0.expose();
        (!is_nfc(typed)).then(|| Self(Secret::new(typed.nfc().collect())))
    }

    /// The password in plain text, for hashing only.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Why a text is not a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Shorter than 8 or longer than 128 characters.
    #[error("must be 8 to 128 characters long")]
    Length,
    /// Contains the character U+0000.
    #[error("must not contain NUL characters")]
    Nul,
}

string_enum! {
    /// The role that an account is shown with. A helper's rights follow from [`Verification`] and [`HelperPolicy`] instead.
    Role { User = "user", Helper = "helper", Admin = "admin" }
}

string_enum! {
    /// An administrator's decision about a helper.
    Verification { Pending = "pending", Verified = "verified", Rejected = "rejected" }
}

string_enum! {
    /// Which accounts may help: verified helpers only, or every active account.
    HelperPolicy { Verified = "verified", Open = "open" }
}

/// The id and the name of a user, as others see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The account.
    pub id: UserId,
    /// Given name.
    pub first_name: Name,
    /// Family name.
    pub last_name: Option<Name>,
}

/// The given name that is shown for one that is not kept.
const WITHHELD_NAME: &str = "User";

impl Person {
    /// Replaces the names by a word that names no person.
    pub fn withhold_name(&mut self) {
        (self.first_name, self.last_name) = (Name::of_program(WITHHELD_NAME), None);
    }
}

/// The profile of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Given name.
    pub first_name: Name,
    /// Family name.
    pub last_name: Option<Name>,
    /// Telephone number, as free text.
    pub phone: Option<Text<40>>,
    /// URL of a picture.
    pub avatar: Option<Url>,
    /// Free text about the user.
    pub bio: Option<Text<500>>,
    /// The language of messages to the user.
    pub locale: Locale,
}

impl Profile {
    /// A profile with a name and nothing else.
    pub const fn new(first_name: Name, last_name: Option<Name>) -> Self {
        Self { first_name, last_name, phone: None, avatar: None, bio: None, locale: Locale::English }
    }
}

/// An `http` or `https` address of at most 2,000 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url(Text<2000>);

/// A text that is not an `http` or `https` URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an http or https URL of at most 2000 characters")]
pub struct NotAUrl;

impl FromStr for Url {
    type Err = NotAUrl;

    fn from_str(text: &str) -> Result<Self, NotAUrl> {
        let text = Text::parse(text).map_err(|_: TextError| NotAUrl)?;
        let (scheme, rest) = text.as_str().split_once("://").ok_or(NotAUrl)?;
        let known = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
        let odd = |c: char| c.is_whitespace() || c.is_control();
        if !known || rest.starts_with(['/', '?', '#']) || rest.is_empty() || rest.contains(odd) {
            return Err(NotAUrl);
        }
        Ok(Self(text))
    }
}

impl Url {
    /// The URL.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// The helper record of an account that has asked to be a helper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelperRecord {
    /// An administrator's decision.
    pub verification: Verification,
    /// Whether the helper wants to be alerted.
    pub available: bool,
    /// The helper's skills, as they name them.
    pub skills: Vec<Skill>,
    /// How the helper usually travels to an emergency.
    pub transport: Transport,
    /// How far an administrator has checked the account. `None` if no tier was ever given; see [`HelperRecord::tier_now`].
    pub tier: Option<Tier>,
    /// Skills that an administrator has checked, expired ones included.
    pub checked_skills: Vec<CheckedSkill>,
    /// When and how the helper wants to be alerted.
    pub preferences: AlertPreferences,
    /// Which emergencies reach the helper while on duty, as the log says. The time may have changed it since, for as long as
    /// [`review_due`](crate::usecase::availability::review_due) has not looked.
    pub scope: AlertScope,
}

impl HelperRecord {
    /// A record without skills, of a helper that wants to be alerted at any time.
    pub fn new(verification: Verification, available: bool) -> Self {
        Self {
            verification,
            available,
            skills: Vec::new(),
            transport: Transport::Foot,
            tier: None,
            checked_skills: Vec::new(),
            preferences: AlertPreferences::default(),
            scope: AlertScope::All,
        }
    }

    /// The tier that counts: of a verified helper, `registered` where none was given; of any other, `public`.
    pub fn tier_now(&self) -> Tier {
        match self.verification {
            Verification::Verified => self.tier.unwrap_or(Tier::Registered),
            Verification::Pending | Verification::Rejected => Tier::Public,
        }
    }

    /// Changes the preferences, and returns what follows until the next review.
    ///
    /// How often the helper was rung is not known here. Where there is a limit, the helper is reviewed next, and broadcasts reach
    /// them no further than before until then.
    ///
    /// # Errors
    /// Returns an error for preferences that are not acceptable.
    pub fn change_preferences(
        &mut self,
        change: PreferencesChange,
        now: Timestamp,
    ) -> Result<AlertSchedule, PreferencesError> {
        self.preferences = change.apply(&self.preferences, now)?;
        let mut schedule = self.preferences.schedule(now, None);
        if self.preferences.max_alerts_per_day.is_some() {
            schedule.scope = schedule.scope.min(self.scope);
            schedule.review_at = Some(now);
        }
        self.scope = schedule.scope;
        Ok(schedule)
    }
}

/// An account, without its password hash.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// The id.
    pub id: UserId,
    /// The email address for logging in.
    pub email: Email,
    /// The profile.
    pub profile: Profile,
    /// The role it is shown with.
    pub role: Role,
    /// Whether an administrator has blocked it.
    pub blocked: bool,
    /// Set once the user has asked to be a helper.
    pub helper: Option<HelperRecord>,
    /// Trust and ratings.
    pub reputation: HelperReputation,
    /// The users that it blocks, in no order. Lists of accounts leave this empty.
    pub blocks: Vec<UserId>,
    /// When it was registered.
    pub created_at: Timestamp,
}

impl Account {
    /// The id and name, as others see them.
    pub fn person(&self) -> Person {
        Person { id: self.id, first_name: self.profile.first_name.clone(), last_name: self.profile.last_name.clone() }
    }

    /// The account as others see a helper.
    pub fn helper_card(&self) -> HelperCard {
        HelperCard { person: self.person(), reputation: self.reputation }
    }

    /// Whether the account may help: not blocked, and verified, or under the open policy not rejected.
    pub fn may_help(&self, policy: HelperPolicy) -> bool {
        let verification = self.helper.as_ref().map(|h| h.verification);
        !self.blocked
            && match policy {
                HelperPolicy::Open => verification != Some(Verification::Rejected),
                HelperPolicy::Verified => verification == Some(Verification::Verified),
            }
    }

    /// Whether broadcasts, alerts and counts include this account.
    ///
    /// Under the open policy, an account without a helper record counts as available.
    pub fn on_duty(&self, policy: HelperPolicy) -> bool {
        let available = self.helper.as_ref().map_or(policy == HelperPolicy::Open, |h| h.available);
        available && self.may_help(policy)
    }

    /// Which emergencies' broadcasts reach this account, as the log says.
    pub fn broadcast_scope(&self, policy: HelperPolicy) -> AlertScope {
        let on_duty = self.on_duty(policy);
        if on_duty { self.helper.as_ref().map_or(AlertScope::All, |helper| helper.scope) } else { AlertScope::None }
    }

    /// Whether alerts of an emergency reach this account now: on duty, and neither quiet nor paused for it. Does not know the limit
    /// per day, which is asked where helpers are chosen.
    pub fn is_reached(&self, policy: HelperPolicy, is_critical: bool, now: Timestamp) -> bool {
        let reaches = |helper: &HelperRecord| helper.preferences.reaches(is_critical, now);
        self.on_duty(policy) && self.helper.as_ref().is_none_or(reaches)
    }

    /// Whether this is an administrator's account.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }
}

/// A helper, as participants see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelperCard {
    /// Id and name.
    pub person: Person,
    /// Trust and ratings.
    pub reputation: HelperReputation,
}

/// An authenticated caller.
#[derive(Debug, Clone, PartialEq)]
pub struct Actor {
    /// The account as it is stored now, not as the token says.
    pub account: Account,
    /// The session of the token that was presented.
    pub session: SessionId,
}

impl Actor {
    /// The caller's id.
    pub fn id(&self) -> UserId {
        self.account.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_typed_has_no_characters_that_are_not_seen() {
        assert_eq!(Email::typed(" Ada@Example.org ").unwrap().as_str(), "ada@example.org");
        for wrong in [
            "a\u{200b}da@example.org",
            "ada@example.org\u{202e}",
            "\u{feff}ada@example.org",
            "a\0da@example.org",
            "ada",
        ] {
            assert_eq!(Email::typed(wrong), Err(NotAnEmail), "{wrong:?}");
        }
        // What an older version stored is still read.
        assert!("a\u{200b}da@example.org".parse::<Email>().is_ok());
    }

    #[test]
    fn a_new_password_is_normalized_and_an_attempt_is_not() {
        let (composed, decomposed) = ("p\u{e4}ssword", "pa\u{308}ssword");
        assert_eq!(Password::parse(decomposed).unwrap().expose(), composed);
        assert_eq!(Password::attempt(decomposed).expose(), decomposed);
        assert_eq!(Password::attempt(decomposed).normalized().unwrap().expose(), composed);
        assert!(Password::attempt(composed).normalized().is_none());
        assert_eq!(Password::parse("a\u{308}a\u{308}a\u{308}a\u{308}").unwrap_err(), PasswordError::Length);
    }
}
