//! Messages between the participants of an emergency.

use serde::{Deserialize, Serialize};

use crate::{Emergency, EmergencyId, MessageId, Person, Refusal, Text, Timestamp, UserId};

/// Who wrote a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sender {
    /// The owner of the emergency.
    Owner(Person),
    /// A responding helper.
    Helper(Person),
    /// The service itself.
    System,
}

impl Sender {
    /// The account that wrote it; none for the service.
    pub fn id(&self) -> Option<UserId> {
        match self {
            Self::Owner(person) | Self::Helper(person) => Some(person.id),
            Self::System => None,
        }
    }
}

/// For whom a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum To {
    /// All participants.
    Everyone,
    /// The owner, addressed as `creator`, without knowing who that is.
    Creator,
    /// The owner, addressed by id.
    Owner,
    /// One responding helper.
    Helper(UserId),
}

/// A message within an emergency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Which.
    pub id: MessageId,
    /// In which emergency.
    pub emergency: EmergencyId,
    /// The owner of that emergency.
    pub owner: UserId,
    /// Whether the owner is to remain unknown.
    pub anonymous: bool,
    /// Who wrote it.
    pub from: Sender,
    /// For whom it is.
    pub to: To,
    /// What it says.
    pub text: Text<1000>,
    /// When it was written.
    pub created_at: Timestamp,
}

impl Message {
    /// The two or more who may read it: `None` for all participants, else recipient and sender.
    pub fn readers(&self) -> Option<Vec<UserId>> {
        let recipient = match self.to {
            To::Everyone => return None,
            To::Creator | To::Owner => self.owner,
            To::Helper(helper) => helper,
        };
        let mut readers = vec![recipient];
        readers.extend(self.from.id().filter(|&sender| sender != recipient));
        Some(readers)
    }

    /// Whether this participant may read it.
    pub fn is_readable_by(&self, participant: UserId) -> bool {
        self.readers().is_none_or(|readers| readers.contains(&participant))
    }
}

/// To whom a participant says a message is addressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressee {
    /// All participants.
    Everyone,
    /// The owner, whoever that is.
    Creator,
    /// A participant by id.
    User(UserId),
    /// A text that is no user's id.
    Unknown,
}

impl Emergency {
    /// Whom a participant may address. An anonymous owner's real id is refused as any stranger's.
    ///
    /// # Errors
    /// [`Refusal::RecipientTakesNoPart`].
    pub fn recipient(&self, sender: UserId, addressee: Addressee) -> Result<To, Refusal> {
        match addressee {
            Addressee::Everyone => Ok(To::Everyone),
            Addressee::Creator => Ok(To::Creator),
            Addressee::User(user) if user == self.owner() && (!self.call.details.anonymous || sender == user) => {
                Ok(To::Owner)
            }
            Addressee::User(user) if self.is_responding(user) => Ok(To::Helper(user)),
            Addressee::User(_) | Addressee::Unknown => Err(Refusal::RecipientTakesNoPart),
        }
    }
}

/// The service's own first message: that the call is stored, and how many helpers are being alerted.
pub fn receipt(alerted: usize) -> Option<Text<1000>> {
    let helpers = match alerted {
        0 => "No helper is near enough to be alerted yet.".to_owned(),
        1 => "1 helper is being alerted.".to_owned(),
        n => format!("{n} helpers are being alerted."),
    };
    Text::parse(&format!("Your emergency call was received and stored. {helpers}")).ok()
}

#[cfg(test)]
mod tests;
