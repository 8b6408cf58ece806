//! Messages between the participants of an emergency.

use chrono::{SubsecRound as _, TimeDelta};
use serde::{Deserialize, Serialize};

use crate::{Emergency, EmergencyId, MessageId, Person, Refusal, Text, Timestamp, UserId};

/// The sender of a message.
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
    /// The user that wrote it; `None` for the service.
    pub fn id(&self) -> Option<UserId> {
        match self {
            Self::Owner(person) | Self::Helper(person) => Some(person.id),
            Self::System => None,
        }
    }
}

/// The recipient of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum To {
    /// All participants.
    Everyone,
    /// The owner, addressed as `creator`: the sender need not know the id.
    Creator,
    /// The owner, addressed by id.
    Owner,
    /// One responding helper.
    Helper(UserId),
}

/// A message within an emergency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The id.
    pub id: MessageId,
    /// The emergency.
    pub emergency: EmergencyId,
    /// The owner of that emergency.
    pub owner: UserId,
    /// Whether the owner is anonymous.
    pub anonymous: bool,
    /// The sender.
    pub from: Sender,
    /// The recipient.
    pub to: To,
    /// The text.
    pub text: Text<1000>,
    /// When it was posted.
    pub created_at: Timestamp,
}

/// The least time between two messages of an emergency, and the unit of their times: clients whose clocks have milliseconds
/// page by time without losing one.
const TIME_UNIT: TimeDelta = TimeDelta::milliseconds(1);

/// The time of a new message, after the `newest` one of the emergency by a millisecond at least.
pub fn next_message_time(now: Timestamp, newest: Option<Timestamp>) -> Timestamp {
    let now = now.trunc_subsecs(3);
    // Messages of older versions have microseconds.
    let free = newest.map(|newest| {
        let next = newest + TIME_UNIT;
        if next == next.trunc_subsecs(3) { next } else { next.trunc_subsecs(3) + TIME_UNIT }
    });
    free.map_or(now, |free| free.max(now))
}

impl Message {
    /// The time before which all other messages of the emergency MUST have been written when this one is stored.
    pub fn others_before(&self) -> Timestamp {
        self.created_at - TIME_UNIT + TimeDelta::microseconds(1)
    }

    /// The users that may read it: recipient and sender, or `None` for all participants.
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

/// The recipient of a message as a client names it, not yet checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressee {
    /// All participants.
    Everyone,
    /// The owner, without naming them.
    Creator,
    /// A participant by id.
    User(UserId),
    /// A text that is not a user id.
    Unknown,
}

impl Emergency {
    /// Resolves the recipient of a message by `sender`.
    ///
    /// The id of an anonymous owner is refused like that of a stranger, so that it cannot be confirmed by guessing.
    ///
    /// # Errors
    /// [`Refusal::RecipientTakesNoPart`].
    pub fn recipient(&self, sender: UserId, addressee: Addressee) -> Result<To, Refusal> {
        match addressee {
            Addressee::Everyone => Ok(To::Everyone),
            Addressee::Creator => Ok(To::Creator),
            Addressee::User(user) if user == self.owner() && (!self.call().details.anonymous || sender == user) => {
                Ok(To::Owner)
            }
            Addressee::User(user) if self.is_responding(user) => Ok(To::Helper(user)),
            Addressee::User(_) | Addressee::Unknown => Err(Refusal::RecipientTakesNoPart),
        }
    }
}

/// The receipt that the service posts to the owner: the emergency is stored, and this many helpers are being alerted.
pub fn receipt(alerted: u32) -> Option<Text<1000>> {
    let helpers = match alerted {
        0 => "No helper is near enough to be alerted yet.".to_owned(),
        1 => "1 helper is being alerted.".to_owned(),
        n => format!("{n} helpers are being alerted."),
    };
    Text::parse(&format!("Your emergency call was received and stored. {helpers}")).ok()
}

/// The question that the service posts to the owner when the last engaged helper has completed.
pub fn question_after_completion() -> Option<Text<1000>> {
    Text::parse(
        "Your helper has finished. If you still need help, ask for it again; otherwise please end the emergency. \
         Without an answer, helpers are alerted again soon.",
    )
    .ok()
}

#[cfg(test)]
mod tests;
