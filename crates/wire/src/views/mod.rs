//! The shapes of resources, rendered for a viewer.

mod account;
mod contact;
mod device;
mod emergency;
mod message;
mod rights;

pub use account::*;
pub use contact::*;
pub use device::*;
pub use emergency::*;
pub use message::*;
pub use rights::*;

use allynet_domain::{HelperCard, Person, ShownOwner};
use serde::Serialize;
use uuid::Uuid;

/// The id of a resource. REST answers have it as `_id` too, which the existing web client reads.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Ids {
    id: Option<Uuid>,
    /// `None` for a payload without `_id`.
    #[serde(rename = "_id", skip_serializing_if = "Option::is_none")]
    #[expect(clippy::option_option, reason = "absent and null are two things on the wire")]
    legacy: Option<Option<Uuid>>,
}

impl Ids {
    /// `id` and `_id`.
    pub fn both(id: impl Into<Uuid>) -> Self {
        let id = Some(id.into());
        Self { id, legacy: Some(id) }
    }

    /// `id` alone, as in Socket.IO payloads.
    pub fn plain(id: impl Into<Uuid>) -> Self {
        Self { id: Some(id.into()), legacy: None }
    }

    /// The same keys with null, for a user whose id is not shown.
    const fn withheld(self) -> Self {
        Self { id: None, legacy: if self.legacy.is_some() { Some(None) } else { None } }
    }
}

/// A successful answer: `{success: true, message?, data}`.
#[derive(Debug, Serialize)]
pub struct Success<T> {
    #[serde(rename = "success")]
    done: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
    data: T,
}

impl<T> Success<T> {
    /// An answer with data.
    pub const fn new(data: T) -> Self {
        Self { done: true, message: None, data }
    }

    /// Adds a sentence for people to read.
    #[must_use]
    pub fn with_message(self, message: &'static str) -> Self {
        Self { message: Some(message), ..self }
    }
}

/// `{firstName, lastName}`
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Named<'a> {
    first_name: &'a str,
    last_name: Option<&'a str>,
}

impl<'a> From<&'a Person> for Named<'a> {
    fn from(person: &'a Person) -> Self {
        Self {
            first_name: person.first_name.as_str(),
            last_name: person.last_name.as_ref().map(allynet_domain::Text::as_str),
        }
    }
}

/// A person as seen by others: `{id, profile{firstName, lastName}}`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct PersonView<'a> {
    #[serde(flatten)]
    ids: Ids,
    profile: Named<'a>,
}

impl<'a> PersonView<'a> {
    pub(crate) fn new(person: &'a Person, ids: fn(Uuid) -> Ids) -> Self {
        Self { ids: ids(person.id.into()), profile: person.into() }
    }

    /// The owner of an emergency, as far as they are disclosed.
    pub(crate) fn of_owner(owner: ShownOwner<'a>, ids: fn(Uuid) -> Ids) -> Option<Self> {
        match owner {
            ShownOwner::Known(person) => Some(Self::new(person, ids)),
            ShownOwner::FirstName(person) => {
                let profile = Named { first_name: person.first_name.as_str(), last_name: None };
                Some(Self { ids: ids(person.id.into()).withheld(), profile })
            }
            ShownOwner::Hidden => None,
        }
    }
}

/// `{average, count}`
#[derive(Debug, Clone, Copy, Serialize)]
pub struct RatingView {
    average: f64,
    count: u32,
}

/// A helper as seen by participants: `{id, profile, trustScore, helperRating}`.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HelperView<'a> {
    #[serde(flatten)]
    person: PersonView<'a>,
    trust_score: u16,
    helper_rating: RatingView,
}

impl<'a> HelperView<'a> {
    pub(crate) fn new(helper: &'a HelperCard, ids: fn(Uuid) -> Ids) -> Self {
        let reputation = helper.reputation;
        Self {
            person: PersonView::new(&helper.person, ids),
            trust_score: reputation.trust_score,
            helper_rating: RatingView { average: reputation.rating_average(), count: reputation.rating_count },
        }
    }
}

#[cfg(test)]
mod tests;
