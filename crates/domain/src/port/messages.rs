//! Messages, read.

use async_trait::async_trait;

use super::Result;
use crate::{EmergencyAccess, EmergencyId, Message, MessageId, Timestamp, UserId};

/// A page of the messages that a participant may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessagePage {
    /// Of which emergency.
    pub emergency: EmergencyId,
    /// For whom: messages to all, and direct ones from or to this user.
    pub reader: UserId,
    /// Only those written before.
    pub before: Option<Timestamp>,
    /// The most to return, unless more share the earliest one's time.
    pub limit: u32,
}

/// Messages.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Messages: Send + Sync {
    /// The newest messages of the page, oldest first, and how the reader stands to the emergency; none for an unknown
    /// one. Direct messages of others MUST NOT be among them. Paging by time MUST NOT lose any written at the same time.
    async fn list(&self, page: &MessagePage) -> Result<Option<(EmergencyAccess, Vec<Message>)>>;

    /// One message of an emergency, if there is one, and how the reader stands to the emergency; none for an unknown
    /// one. It is for the caller to see to who may read the message.
    async fn find(
        &self,
        emergency: EmergencyId,
        message: MessageId,
        reader: UserId,
    ) -> Result<Option<(EmergencyAccess, Option<Message>)>>;
}
