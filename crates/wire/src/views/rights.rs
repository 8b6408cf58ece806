//! What a user may ask about their own account: its sessions, and who has read their places.

use allynet_domain::{AccessEntry, AccessKind, EmergencyId, SessionId, SessionOverview, Timestamp, UserAgent};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::documents::schema::Word;

/// A session, for its user.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "SessionOverview")]
pub struct SessionView<'a> {
    /// The id, the claim `sid` of its tokens.
    #[schemars(with = "Uuid")]
    id: SessionId,
    /// When the login happened.
    created_at: Timestamp,
    /// When it last got tokens: at the login, or for a refresh token.
    last_used_at: Timestamp,
    /// Whether the request belongs to it.
    current: bool,
    /// The program that got the tokens, as it named itself.
    #[schemars(with = "Option<String>", length(max = 200))]
    user_agent: Option<&'a UserAgent>,
}

impl<'a> SessionView<'a> {
    /// A session, for a request that belongs to the session `current`; `None` if there is no request.
    pub fn new(session: &'a SessionOverview, current: Option<SessionId>) -> Self {
        let SessionOverview { id, created_at, last_used_at, user_agent } = session;
        Self {
            id: *id,
            created_at: *created_at,
            last_used_at: *last_used_at,
            current: Some(*id) == current,
            user_agent: user_agent.as_ref(),
        }
    }
}

/// An entry of the access log: an administrator has read an exact place of the user.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AccessEntry")]
pub struct AccessEntryView {
    /// When.
    at: Timestamp,
    /// The emergency that the user owned or responded to. It may be deleted since.
    #[schemars(with = "Uuid")]
    emergency_id: EmergencyId,
    /// Always `administrator`: which one is not said.
    #[schemars(length(max = 20))]
    reader: &'static str,
    /// How: the first time within the hour.
    #[schemars(with = "Word<AccessKind>")]
    what: AccessKind,
}

impl From<AccessEntry> for AccessEntryView {
    fn from(AccessEntry { at, emergency, what }: AccessEntry) -> Self {
        Self { at, emergency_id: emergency, reader: "administrator", what }
    }
}
