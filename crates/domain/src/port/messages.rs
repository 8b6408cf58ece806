//! Queries for messages.

use async_trait::async_trait;
use chrono::DateTime;
use uuid::Uuid;

use super::Result;
use crate::{Emergency, EmergencyAccess, EmergencyId, Message, MessageId, Text, Timestamp, UserId};

/// A page of the messages that a participant may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessagePage {
    /// The emergency.
    pub emergency: EmergencyId,
    /// The user that reads: messages to all, and direct ones from or to this user.
    pub reader: UserId,
    /// Only messages before this place.
    pub before: Option<Before>,
    /// Maximum number of messages to return, exceeded only by those written at the same time as the earliest.
    pub limit: u32,
}

/// A place in the messages of an emergency, which are ordered by time and id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// The first message that was written at this time or later.
    Time(Timestamp),
    /// This message. If it was deleted, the place where it was.
    Message(MessageId),
}

impl Before {
    /// The time and the id of this place, by which messages are ordered; for a message, those that it has if it is not
    /// stored any more: its id was made when it was written.
    pub fn bounds(self) -> (Timestamp, Uuid) {
        match self {
            Self::Time(time) => (time, Uuid::nil()),
            Self::Message(message) => {
                let id = Uuid::from(message);
                let (seconds, nanos) = id.get_timestamp().map_or((0, 0), |made| made.to_unix());
                let made = i64::try_from(seconds).ok().and_then(|seconds| DateTime::from_timestamp(seconds, nanos));
                (made.unwrap_or_default(), id)
            }
        }
    }
}

/// An emergency in which a message is going to be posted.
#[derive(Debug, Clone, PartialEq)]
pub struct PostContext {
    /// The emergency.
    pub emergency: Emergency,
    /// The time of its newest message.
    pub newest: Option<Timestamp>,
    /// The message that the same sender posted with the same request id before.
    pub earlier: Option<Message>,
}

/// Queries for messages.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Messages: Send + Sync {
    /// The newest messages of the page, oldest first, and the reader's access to the emergency; `None` for an unknown
    /// emergency.
    ///
    /// Direct messages of others MUST NOT be among them. Paging by time MUST NOT lose messages written at the same
    /// time.
    async fn list(&self, page: &MessagePage) -> Result<Option<(EmergencyAccess, Vec<Message>)>>;

    /// What posting a message is decided on; `None` for an unknown emergency.
    async fn post_context(
        &self,
        emergency: EmergencyId,
        sender: UserId,
        request: Option<Text<100>>,
    ) -> Result<Option<PostContext>>;

    /// One message of an emergency, if it exists, and the reader's access to the emergency; `None` for an unknown
    /// emergency.
    ///
    /// The caller has to check that the reader may read the message.
    async fn find(
        &self,
        emergency: EmergencyId,
        message: MessageId,
        reader: UserId,
    ) -> Result<Option<(EmergencyAccess, Option<Message>)>>;
}
