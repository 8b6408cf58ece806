//! Emergency contacts, for their owner.

use allynet_domain::{Contact, ContactState, ContactTrigger, Text, Timestamp};
use serde::Serialize;

use super::Ids;

/// An emergency contact.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContactView<'a> {
    #[serde(flatten)]
    ids: Ids,
    name: &'a str,
    email: &'a str,
    phone: Option<&'a str>,
    order: u32,
    after_seconds: u32,
    on: ContactTrigger,
    lives_with_owner: bool,
    state: ContactState,
    confirmed_at: Option<Timestamp>,
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
