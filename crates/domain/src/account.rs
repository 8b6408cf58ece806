//! Accounts: who a person is to the service, and what they may do as a helper.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{ContactId, Secret, SessionId, Text, Timestamp, TokenId, UserId, string_enum, text::TextError};

/// A given or family name.
pub type Name = Text<100>;
/// A skill of a helper, in their own words.
pub type Skill = Text<40>;
/// The most skills a helper may list.
pub const MAX_SKILLS: usize = 20;
/// The most emergency contacts of one account.
pub const MAX_CONTACTS: u32 = 50;

/// An email address, trimmed and lower-cased, as it is compared.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

/// A text that cannot be an email address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an email address")]
pub struct NotAnEmail;

impl FromStr for Email {
    type Err = NotAnEmail;

    /// Checks the shape only (RFC 5321 length, one `@` with something on both sides, no white space):
    /// whether mail arrives is not knowable here.
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

/// A password as a person typed it: 8 to 128 characters, never trimmed, never shown.
#[derive(Clone)]
pub struct Password(Secret);

impl Password {
    /// Checks the length.
    ///
    /// # Errors
    /// Says which bound was crossed.
    pub fn parse(text: &str) -> Result<Self, PasswordError> {
        if text.contains('\0') {
            return Err(PasswordError::Nul);
        }
        match text.chars().count() {
            8..=128 => Ok(Self(Secret::new(text.to_owned()))),
            _ => Err(PasswordError::Length),
        }
    }

    /// A password that is only compared, whatever its length: at login a short one is wrong, not malformed.
    pub fn attempt(text: &str) -> Self {
        Self(Secret::new(text.to_owned()))
    }

    /// The password itself, for hashing and nothing else.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Why a new password is refused.
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
    /// What an account is, as shown to people. Rights of a helper follow from [`Verification`] and [`HelperPolicy`].
    Role { User = "user", Helper = "helper", Admin = "admin" }
}

string_enum! {
    /// Whether an administrator has looked at a helper.
    Verification { Pending = "pending", Verified = "verified", Rejected = "rejected" }
}

string_enum! {
    /// Who may help: the verified only, or every active account.
    HelperPolicy { Verified = "verified", Open = "open" }
}

/// The name others may see, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The account.
    pub id: UserId,
    /// Given name.
    pub first_name: Name,
    /// Family name, if told.
    pub last_name: Option<Name>,
}

/// What a person says about themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Given name.
    pub first_name: Name,
    /// Family name.
    pub last_name: Option<Name>,
    /// Telephone number, as written.
    pub phone: Option<Text<40>>,
    /// A picture.
    pub avatar: Option<Url>,
    /// A few words.
    pub bio: Option<Text<500>>,
}

/// An `http` or `https` address of at most 2,000 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url(Text<2000>);

/// A text that is no web address.
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
    /// The address.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// What a helper has earned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HelperReputation {
    /// 0..=1000; see [`TRUST_FOR_HELPING`].
    pub trust_score: u16,
    /// Sum of all scores received.
    pub rating_sum: u32,
    /// How many scores were received.
    pub rating_count: u32,
}

/// What a helper gains when an emergency in which they arrived is resolved.
pub const TRUST_FOR_HELPING: u16 = 50;
/// The trust score never rises above this.
pub const MAX_TRUST: u16 = 1000;

impl HelperReputation {
    /// Mean of the scores received, 1.0..=5.0 rounded to two digits, or 0 without any.
    pub fn rating_average(&self) -> f64 {
        if self.rating_count == 0 {
            return 0.0;
        }
        (f64::from(self.rating_sum) * 100.0 / f64::from(self.rating_count)).round() / 100.0
    }
}

/// What an account told about helping, once it asked to be a helper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelperRecord {
    /// What an administrator decided.
    pub verification: Verification,
    /// Whether they want to be alerted now.
    pub available: bool,
    /// What they can do.
    pub skills: Vec<Skill>,
}

/// An account as the service knows it. The password hash is elsewhere, so that it cannot be shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// Who.
    pub id: UserId,
    /// Where they log in.
    pub email: Email,
    /// Who they say they are.
    pub profile: Profile,
    /// What they are shown as.
    pub role: Role,
    /// An administrator has shut them out.
    pub blocked: bool,
    /// Set once they asked to be a helper.
    pub helper: Option<HelperRecord>,
    /// What they earned by helping.
    pub reputation: HelperReputation,
    /// When they registered.
    pub created_at: Timestamp,
}

impl Account {
    /// The name others may see.
    pub fn person(&self) -> Person {
        Person { id: self.id, first_name: self.profile.first_name.clone(), last_name: self.profile.last_name.clone() }
    }

    /// What others see of a helper.
    pub fn helper_card(&self) -> HelperCard {
        HelperCard { person: self.person(), reputation: self.reputation }
    }

    /// Whether this account has a helper's rights: active, and verified unless the policy is open.
    pub fn may_help(&self, policy: HelperPolicy) -> bool {
        let verified = || self.helper.as_ref().is_some_and(|h| h.verification == Verification::Verified);
        !self.blocked
            && match policy {
                HelperPolicy::Open => true,
                HelperPolicy::Verified => verified(),
            }
    }

    /// Whether broadcasts, alerts and counts include this account. Under the open policy one who never said
    /// otherwise is available.
    pub fn on_duty(&self, policy: HelperPolicy) -> bool {
        let available = self.helper.as_ref().map_or(policy == HelperPolicy::Open, |h| h.available);
        available && self.may_help(policy)
    }

    /// Whether this account administers the service.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }
}

/// What participants see of a helper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelperCard {
    /// Who.
    pub person: Person,
    /// What they earned.
    pub reputation: HelperReputation,
}

/// One login on one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Which.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// The refresh token that was last confirmed by use. It and its direct successors are good.
    pub confirmed: TokenId,
    /// When the login happened.
    pub created_at: Timestamp,
}

/// Who is calling: an account that proved itself, and through which session.
#[derive(Debug, Clone, PartialEq)]
pub struct Actor {
    /// The account as it is now, not as a token once said.
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

/// A person to be told in an emergency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Which.
    pub id: ContactId,
    /// Name, as the owner writes it.
    pub name: Name,
    /// Where to reach them.
    pub email: Email,
    /// When it was added.
    pub created_at: Timestamp,
}
