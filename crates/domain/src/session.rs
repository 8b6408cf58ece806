//! Sessions: logins, and what their user is told about them.

use serde::Serialize;

use crate::{SessionId, Text, Timestamp, TokenId, UserId};

/// Maximum number of sessions in a list: those that were used last.
pub const MAX_LISTED_SESSIONS: u32 = 100;

/// Maximum number of characters that are kept of a user agent.
const MAX_USER_AGENT: usize = 200;

/// The program that a session was last used with, as it named itself: the header `User-Agent`, with a space in place of each control
/// character, cut to 200 characters.
///
/// `Debug` does not show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct UserAgent(Text<MAX_USER_AGENT>);

impl UserAgent {
    /// Reads the value of a header; `None` if nothing of it can be shown.
    pub fn of_header(value: &[u8]) -> Option<Self> {
        let shown = String::from_utf8_lossy(value);
        let shown: String = shown.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Self::read(&shown.trim().chars().take(MAX_USER_AGENT).collect::<String>())
    }

    /// Reads a stored one; `None` if it is not one.
    pub fn read(text: &str) -> Option<Self> {
        Text::parse(text).ok().map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// A session: one login on one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The id.
    pub id: SessionId,
    /// The user who logged in.
    pub user: UserId,
    /// The refresh token that was last confirmed by use. It and its direct successors are valid.
    pub confirmed: TokenId,
    /// When the login happened.
    pub created_at: Timestamp,
    /// The program that logged in.
    pub user_agent: Option<UserAgent>,
}

/// A session, as its user is shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionOverview {
    /// The id.
    pub id: SessionId,
    /// When the login happened.
    pub created_at: Timestamp,
    /// When tokens were last issued, at the login or for a refresh token.
    pub last_used_at: Timestamp,
    /// The program that got them.
    pub user_agent: Option<UserAgent>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_agent_is_cut_and_has_no_control_characters() {
        let of = |value: &[u8]| UserAgent::of_header(value).map(|agent| agent.as_str().to_owned());
        assert_eq!(of(b" AllyNet/2.1 (Android 15) "), Some("AllyNet/2.1 (Android 15)".to_owned()));
        assert_eq!(of(b"a\x1b[2J\0b"), Some("a [2J b".to_owned()));
        assert_eq!(of(b"\xff\xfea"), Some("\u{fffd}\u{fffd}a".to_owned()));
        assert_eq!(of("\u{e9}".repeat(500).as_bytes()), Some("\u{e9}".repeat(200)));
        assert_eq!([of(b""), of(b" \t "), of(b"\0\0")], [None, None, None]);
    }
}
