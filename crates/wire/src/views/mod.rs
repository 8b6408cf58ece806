//! The shapes of resources, rendered for a viewer.

mod account;
mod contact;
mod device;
mod emergency;
mod export;
mod location;
mod message;
mod resource;
mod rights;

pub use account::*;
pub use contact::*;
pub use device::*;
pub use emergency::*;
pub use export::*;
pub use location::*;
pub use message::*;
pub use resource::*;
pub use rights::*;

use allynet_domain::{HelperCard, Person, ShownOwner};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::documents::schema::{self, PersonId};

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

/// The name of a person.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PersonName")]
pub struct Named<'a> {
    /// The given name, or the only one.
    #[schemars(length(min = 1, max = 100))]
    first_name: &'a str,
    /// The family name.
    #[schemars(length(max = 100))]
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

/// A person, as others see them.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[schemars(rename = "Person")]
pub struct PersonView<'a> {
    #[serde(flatten)]
    #[schemars(with = "PersonId")]
    ids: Ids,
    /// The name.
    profile: Named<'a>,
}

impl<'a> PersonView<'a> {
    pub(crate) fn new(person: &'a Person, ids: fn(Uuid) -> Ids) -> Self {
        Self { ids: ids(person.id.shown().into()), profile: person.into() }
    }

    /// The owner of an emergency, as far as they are disclosed.
    pub(crate) fn of_owner(owner: ShownOwner<'a>, ids: fn(Uuid) -> Ids) -> Option<Self> {
        match owner {
            ShownOwner::Known(person) => Some(Self::new(person, ids)),
            ShownOwner::FirstName(person) => {
                let profile = Named { first_name: person.first_name.as_str(), last_name: None };
                Some(Self { ids: ids(person.id.shown().into()).withheld(), profile })
            }
            ShownOwner::Hidden => None,
        }
    }
}

/// The ratings of a helper.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[schemars(rename = "Rating")]
pub struct RatingView {
    /// The average score, from 1 to 5; 0 without ratings.
    #[schemars(range(min = 0.0, max = 5.0))]
    average: f64,
    /// The number of ratings.
    count: u32,
}

/// A helper, as participants see them.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "HelperCard")]
pub struct HelperView<'a> {
    #[serde(flatten)]
    #[schemars(with = "schema::Id")]
    ids: Ids,
    /// The name.
    profile: Named<'a>,
    /// Points for completed responses and good ratings. Starts at 0.
    #[schemars(range(max = 1000))]
    trust_score: u16,
    /// The ratings by owners.
    helper_rating: RatingView,
}

impl<'a> HelperView<'a> {
    pub(crate) fn new(helper: &'a HelperCard, ids: fn(Uuid) -> Ids) -> Self {
        let reputation = helper.reputation;
        Self {
            ids: ids(helper.person.id.shown().into()),
            profile: (&helper.person).into(),
            trust_score: reputation.trust_score,
            helper_rating: RatingView { average: reputation.rating_average(), count: reputation.rating_count },
        }
    }
}

#[cfg(test)]
mod tests;
