//! Emergency contacts, for their owner.

use allynet_domain::{Contact, ContactState, ContactTrigger, Text, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::documents::schema::{Id, Word};

use super::Ids;

/// An emergency contact.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Contact")]
pub struct ContactView<'a> {
    #[serde(flatten)]
    #[schemars(with = "Id")]
    ids: Ids,
    /// The name of the contact.
    #[schemars(length(min = 1, max = 100))]
    name: &'a str,
    /// The address that is written to.
    #[schemars(length(max = 254))]
    email: &'a str,
    /// A phone number, as it was typed.
    #[schemars(length(max = 40))]
    phone: Option<&'a str>,
    /// The place in the list, from 0.
    #[schemars(range(max = 1000))]
    order: u32,
    /// How long after `on` the contact is told, in seconds.
    #[schemars(range(max = 86400))]
    after_seconds: u32,
    /// When the contact is told.
    #[schemars(with = "Word<ContactTrigger>")]
    on: ContactTrigger,
    /// The contact is not told of an emergency with `silentMode`.
    lives_with_owner: bool,
    /// Whether the contact has agreed.
    #[schemars(with = "Word<ContactState>")]
    state: ContactState,
    /// When the contact agreed.
    confirmed_at: Option<Timestamp>,
    /// When the contact was added.
    created_at: Timestamp,
}

impl<'a> From<&'a Contact> for ContactView<'a> {
    fn from(contact: &'a Contact) -> Self {
        let details = &contact.details;
        Self {
            ids: Ids::both(contact.id),
            name: details.name.as_str(),
            email: details.email.as_str(),
            phone: details.phone.as_ref().map(Text::as_str),
            order: details.order,
            after_seconds: details.after_seconds,
            on: details.trigger,
            lives_with_owner: details.lives_with_owner,
            state: contact.state,
            confirmed_at: contact.confirmed_at,
            created_at: contact.created_at,
        }
    }
}
