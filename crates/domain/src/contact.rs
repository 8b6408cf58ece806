//! Emergency contacts: whom a user wants told of an emergency, and whether they agreed.

use chrono::TimeDelta;

use crate::{ConsentId, ContactId, Email, Locale, Name, Text, Timestamp, string_enum};

/// Maximum number of emergency contacts of an account.
pub const MAX_CONTACTS: u32 = 10;
/// Longest delay after which a contact is told, in seconds: a day.
pub const MAX_CONTACT_DELAY_SECONDS: u32 = 86_400;
/// Greatest number by which contacts are ordered.
pub const MAX_CONTACT_ORDER: u32 = 1_000;
/// Most invitations of an account within [`INVITATIONS_COUNTED_FOR`]. Those beyond wait.
pub const MAX_INVITATIONS: u32 = 5;
/// The period in which invitations of an account are counted.
pub const INVITATIONS_COUNTED_FOR: TimeDelta = TimeDelta::days(1);
/// The delays before an invitation is sent again after a failure that can pass. After the last one it is given up.
const INVITATION_RETRY_DELAYS: [TimeDelta; 5] =
    [TimeDelta::minutes(1), TimeDelta::minutes(5), TimeDelta::minutes(30), TimeDelta::hours(2), TimeDelta::hours(12)];

string_enum! {
    /// The event of an emergency after which its message to the contact is due.
    ContactTrigger {
        Created = "created",
        Unanswered = "unanswered",
    }
}

string_enum! {
    /// Whether a contact is told. Only confirmed ones are.
    ContactState {
        Invited = "invited",
        Confirmed = "confirmed",
        Stopped = "stopped",
        Undeliverable = "undeliverable",
    }
}

impl ContactState {
    /// The state of a contact whose address was stopped for all users, could not be reached, or has agreed.
    pub const fn of(stopped: bool, undeliverable: bool, confirmed: bool) -> Self {
        match (stopped, undeliverable, confirmed) {
            (true, _, _) => Self::Stopped,
            (false, true, _) => Self::Undeliverable,
            (false, false, true) => Self::Confirmed,
            (false, false, false) => Self::Invited,
        }
    }
}

/// What the owner says about a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactDetails {
    /// The contact's name.
    pub name: Name,
    /// The contact's email address.
    pub email: Email,
    /// The contact's telephone number, as free text.
    pub phone: Option<Text<40>>,
    /// Contacts with a smaller number come first in lists.
    pub order: u32,
    /// The delay after which the contact is told, in seconds.
    pub after_seconds: u32,
    /// When the delay begins.
    pub trigger: ContactTrigger,
    /// Whether the contact lives with the owner, and so could betray a silent emergency.
    pub lives_with_owner: bool,
}

impl ContactDetails {
    /// A contact of whom only name and address are known.
    pub const fn new(name: Name, email: Email) -> Self {
        Self {
            name,
            email,
            phone: None,
            order: 0,
            after_seconds: 0,
            trigger: ContactTrigger::Created,
            lives_with_owner: false,
        }
    }
}

/// An emergency contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// The id.
    pub id: ContactId,
    /// What the owner says.
    pub details: ContactDetails,
    /// Whether the contact agreed.
    pub state: ContactState,
    /// When the contact agreed.
    pub confirmed_at: Option<Timestamp>,
    /// When it was added.
    pub created_at: Timestamp,
}

/// The consent of an address to messages about one user, as the pages show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// Given name of the user.
    pub first_name: Name,
    /// Family name of the user.
    pub last_name: Option<Name>,
    /// Whether the address agreed.
    pub state: ContactState,
}

/// What becomes of an invitation after an attempt to send it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvitationNote {
    /// The mail server accepted it.
    Sent,
    /// It is sent again then.
    Retry(Timestamp),
    /// The address cannot be reached.
    Undeliverable,
}

impl InvitationNote {
    /// When it is sent again, if it is.
    pub const fn due_at(self) -> Option<Timestamp> {
        match self {
            Self::Retry(at) => Some(at),
            Self::Sent | Self::Undeliverable => None,
        }
    }

    /// After a failure that can pass, which was not the first if `attempts` failed before.
    pub fn after_failure(attempts: u32, now: Timestamp) -> Self {
        let delay = INVITATION_RETRY_DELAYS.get(usize::try_from(attempts).unwrap_or(usize::MAX));
        delay.map_or(Self::Undeliverable, |delay| Self::Retry(now + *delay))
    }
}

/// An invitation that is due and that this node has claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueInvitation {
    /// The consent that is asked for.
    pub consent: ConsentId,
    /// The address.
    pub email: Email,
    /// Given name of the user.
    pub first_name: Name,
    /// Family name of the user.
    pub last_name: Option<Name>,
    /// The language of the user.
    pub locale: Locale,
    /// Attempts that failed.
    pub attempts: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    #[test]
    fn an_invitation_is_given_up_after_the_last_delay() {
        let notes = (0..7).map(|attempts| InvitationNote::after_failure(attempts, at(0)));
        let expected = INVITATION_RETRY_DELAYS.map(|delay| InvitationNote::Retry(at(0) + delay));
        let expected: Vec<_> = expected.into_iter().chain([InvitationNote::Undeliverable; 2]).collect();
        assert_eq!(notes.collect::<Vec<_>>(), expected);
    }
}
