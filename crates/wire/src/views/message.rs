//! Messages, rendered for a reader.

use std::borrow::Cow;

use allynet_domain::{Message, Person, Sender, Timestamp, To, UserId};
use schemars::JsonSchema;
use serde::Serialize;
use unicode_segmentation::UnicodeSegmentation as _;
use uuid::Uuid;

use crate::documents::schema::{self, Id};

use super::Ids;

/// The viewer of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader {
    /// The account; `None` for a payload that several users receive.
    pub user: Option<UserId>,
    /// Whether an anonymous owner is shown: true for administrators. Owners always see themselves.
    pub unmasks: bool,
}

impl Reader {
    /// A participant without the role of an administrator.
    pub const fn participant(user: UserId) -> Self {
        Self { user: Some(user), unmasks: false }
    }
}

/// A message as one viewer may see it. It has `_id` in events too, by which the existing web client finds duplicates.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Message")]
pub struct MessageView<'a> {
    #[serde(flatten)]
    #[schemars(with = "Id")]
    ids: Ids,
    /// The emergency.
    emergency_id: Uuid,
    /// What the sender is to the emergency.
    #[schemars(with = "schema::SenderRole")]
    sender_role: &'static str,
    /// The sender; `null` for the service (`senderRole` is `system`), and where the viewer may not know an anonymous owner.
    sender_id: Option<Uuid>,
    /// The recipient of a direct message, `creator` for an anonymous owner; `null` for a message to everybody.
    #[schemars(length(max = 36))]
    recipient_id: Option<Cow<'static, str>>,
    /// What the recipient is to the emergency; `null` for a message to everybody.
    #[schemars(with = "Option<schema::RecipientRole>")]
    recipient_role: Option<&'static str>,
    /// The text.
    #[schemars(length(min = 1, max = 1000))]
    message: &'a str,
    /// The name of the sender to show.
    #[schemars(length(max = 201))]
    display_name: Cow<'a, str>,
    /// The initials to show.
    #[schemars(length(max = 100))]
    display_initials: String,
    /// Whether the viewer sent it.
    is_mine: bool,
    /// When it was sent.
    created_at: Timestamp,
}

impl<'a> MessageView<'a> {
    /// Renders the message for a reader.
    pub fn new(message: &'a Message, reader: Reader) -> Self {
        let own = |user: UserId| reader.user == Some(user);
        let knows_owner = !message.anonymous || own(message.owner) || reader.unmasks;
        let sender = message.from.id();
        let is_mine = sender.is_some_and(own);
        let (display_name, display_initials) = names_of(&message.from, knows_owner);
        let (sender_role, sender_id) = match &message.from {
            Sender::Owner(person) => ("creator", knows_owner.then_some(person.id)),
            Sender::Helper(person) => ("helper", Some(person.id)),
            Sender::System => ("system", None),
        };
        let recipient_id = match message.to {
            To::Helper(helper) => Some(Cow::Owned(helper.shown().to_string())),
            To::Owner => Some(Cow::Owned(message.owner.shown().to_string())),
            To::Creator if own(message.owner) => Some(Cow::Owned(message.owner.shown().to_string())),
            To::Creator if is_mine => Some(Cow::Borrowed("creator")),
            To::Everyone | To::Creator => None,
        };
        let recipient_role = match message.to {
            To::Everyone => None,
            To::Creator | To::Owner => Some("creator"),
            To::Helper(_) => Some("helper"),
        };
        Self {
            ids: Ids::both(message.id),
            emergency_id: message.emergency.into(),
            sender_role,
            sender_id: sender_id.map(|sender| sender.shown().into()),
            recipient_id,
            recipient_role,
            message: message.text.as_str(),
            display_name,
            display_initials,
            is_mine,
            created_at: message.created_at,
        }
    }
}

/// The display name and the initials of a sender.
fn names_of(sender: &Sender, knows_owner: bool) -> (Cow<'_, str>, String) {
    match sender {
        Sender::Owner(_) if !knows_owner => (Cow::Borrowed("Anonymous"), "A".to_owned()),
        Sender::Owner(person) | Sender::Helper(person) => (full_name(person), initials(person)),
        Sender::System => (Cow::Borrowed("AllyNet"), "AN".to_owned()),
    }
}

fn full_name(person: &Person) -> Cow<'_, str> {
    match &person.last_name {
        Some(last) => Cow::Owned(format!("{} {}", person.first_name.as_str(), last.as_str())),
        None => Cow::Borrowed(person.first_name.as_str()),
    }
}

/// The first grapheme of each name, in upper case. Whole graphemes: a flag or a letter with accents is several
/// characters, of which the first alone is another letter or nothing.
fn initials(person: &Person) -> String {
    let names = [Some(&person.first_name), person.last_name.as_ref()];
    names.into_iter().flatten().filter_map(|name| name.as_str().graphemes(true).next()).map(str::to_uppercase).collect()
}
