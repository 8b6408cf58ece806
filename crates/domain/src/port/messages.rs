//! Queries for messages.

use async_trait::async_trait;

use super::Result;
use crate::{EmergencyAccess, EmergencyId, Message, MessageId, Timestamp, UserId};

/// A page of the messages that a participant may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessagePage {
    /// The emergency.
    pub emergency: EmergencyId,
    /// The user that reads: messages to all, and direct ones from or to this user.
    pub reader: UserId,
    /// Only messages written before this time.
    pub before: Option<Timestamp>,
    /// Maximum number of messages to return, exceeded only by those written at the same time as the earliest.
    pub limit: u32,
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
