//! Rows that more than one port reads, and the decoding of stored values: into domain values, or `Corrupt`.

use std::str::FromStr;

use allynet_domain::{
    Account, EmergencyAccess, HelperCard, HelperRecord, HelperReputation, Metres, Name, Person, Position, Profile,
    Revision, Text, Timestamp, port::Error, port::Result,
};
use serde::{Deserialize, de::DeserializeOwned};
use sqlx::FromRow;
use uuid::Uuid;

/// The access of a user to an emergency, and what they asked for with it, as JSON.
#[derive(FromRow)]
pub(crate) struct AccessRow {
    owns: bool,
    responds: bool,
    status: String,
    revision: i64,
    found: Option<String>,
}

impl AccessRow {
    /// `id` is that of the emergency.
    pub(crate) fn access(self, id: Uuid) -> Result<(EmergencyAccess, Option<String>)> {
        let Self { owns, responds, status, revision, found } = self;
        let status = Stored { table: "emergency", id }.word("status", &status)?;
        Ok((EmergencyAccess { owns, responds, status, revision: Revision(revision) }, found))
    }
}

/// Where a stored value is, for the error when it does not decode.
#[derive(Clone, Copy)]
pub(crate) struct Stored {
    pub(crate) table: &'static str,
    pub(crate) id: Uuid,
}

impl Stored {
    pub(crate) fn corrupt(self, column: &'static str) -> Error {
        Error::Corrupt { table: self.table, column, id: self.id.to_string() }
    }

    pub(crate) fn word<T: FromStr>(self, column: &'static str, text: &str) -> Result<T> {
        text.parse().map_err(|_| self.corrupt(column))
    }

    pub(crate) fn maybe_word<T: FromStr>(self, column: &'static str, text: Option<&str>) -> Result<Option<T>> {
        text.map(|text| self.word(column, text)).transpose()
    }

    pub(crate) fn text<const MAX: usize>(self, column: &'static str, text: &str) -> Result<Text<MAX>> {
        Text::parse(text).map_err(|_| self.corrupt(column))
    }

    pub(crate) fn maybe_text<const MAX: usize>(
        self,
        column: &'static str,
        text: Option<&str>,
    ) -> Result<Option<Text<MAX>>> {
        text.map(|text| self.text(column, text)).transpose()
    }

    pub(crate) fn number<T, U: TryFrom<T>>(self, column: &'static str, number: T) -> Result<U> {
        U::try_from(number).map_err(|_| self.corrupt(column))
    }

    pub(crate) fn json<T: DeserializeOwned>(self, column: &'static str, json: &str) -> Result<T> {
        serde_json::from_str(json).map_err(|_| self.corrupt(column))
    }

    pub(crate) fn place(self, latitude: f64, longitude: f64) -> Result<Position> {
        Position::new(latitude, longitude).map_err(|_| self.corrupt("latitude"))
    }
}

/// An account without its password.
#[derive(FromRow)]
pub(crate) struct AccountRow {
    id: Uuid,
    email: String,
    first_name: String,
    last_name: Option<String>,
    phone: Option<String>,
    avatar: Option<String>,
    bio: Option<String>,
    role: String,
    blocked: bool,
    verification: Option<String>,
    available: Option<bool>,
    skills: Vec<String>,
    trust_score: i32,
    rating_sum: i32,
    rating_count: i32,
    created_at: Timestamp,
}

impl AccountRow {
    pub(crate) fn account(self) -> Result<Account> {
        let Self {
            id,
            email,
            first_name,
            last_name,
            phone,
            avatar,
            bio,
            role,
            blocked,
            verification,
            available,
            skills,
            trust_score,
            rating_sum,
            rating_count,
            created_at,
        } = self;
        let stored = Stored { table: "account", id };
        let profile = Profile {
            first_name: stored.text("first_name", &first_name)?,
            last_name: stored.maybe_text("last_name", last_name.as_deref())?,
            phone: stored.maybe_text("phone", phone.as_deref())?,
            avatar: stored.maybe_word("avatar", avatar.as_deref())?,
            bio: stored.maybe_text("bio", bio.as_deref())?,
        };
        Ok(Account {
            id: id.into(),
            email: stored.word("email", &email)?,
            profile,
            role: stored.word("role", &role)?,
            blocked,
            helper: helper(stored, verification.as_deref(), available, &skills)?,
            reputation: reputation(stored, trust_score, rating_sum, rating_count)?,
            created_at,
        })
    }
}

fn helper(
    stored: Stored,
    verification: Option<&str>,
    available: Option<bool>,
    skills: &[String],
) -> Result<Option<HelperRecord>> {
    let Some(verification) = verification else { return Ok(None) };
    let skills = skills.iter().map(|skill| stored.text("skills", skill));
    Ok(Some(HelperRecord {
        verification: stored.word("verification", verification)?,
        available: available.ok_or_else(|| stored.corrupt("available"))?,
        skills: skills.collect::<Result<_>>()?,
    }))
}

/// What others see of a helper, as JSON with these keys.
#[derive(Deserialize)]
pub(crate) struct CardRow {
    id: Uuid,
    first_name: String,
    last_name: Option<String>,
    trust_score: i32,
    rating_sum: i32,
    rating_count: i32,
}

impl CardRow {
    pub(crate) fn card(self) -> Result<HelperCard> {
        let Self { id, first_name, last_name, trust_score, rating_sum, rating_count } = self;
        let person = person(id, &first_name, last_name.as_deref())?;
        let stored = Stored { table: "account", id };
        Ok(HelperCard { person, reputation: reputation(stored, trust_score, rating_sum, rating_count)? })
    }
}

/// A person from the columns of their account.
pub(crate) fn person(id: Uuid, first_name: &str, last_name: Option<&str>) -> Result<Person> {
    let stored = Stored { table: "account", id };
    let first_name: Name = stored.text("first_name", first_name)?;
    Ok(Person { id: id.into(), first_name, last_name: stored.maybe_text("last_name", last_name)? })
}

fn reputation(stored: Stored, trust_score: i32, rating_sum: i32, rating_count: i32) -> Result<HelperReputation> {
    Ok(HelperReputation {
        trust_score: stored.number("trust_score", trust_score)?,
        rating_sum: stored.number("rating_sum", rating_sum)?,
        rating_count: stored.number("rating_count", rating_count)?,
    })
}

/// Orders search results: the nearest first, equally near ones by their ids.
///
/// By the domain's own distance, which is also what is shown, so that every store returns the same order.
pub(crate) fn nearest_first<T, I: Ord>(found: &mut [T], key: impl Fn(&T) -> (Metres, I)) {
    found.sort_by(|a, b| {
        let ((a, a_id), (b, b_id)) = (key(a), key(b));
        a.get().total_cmp(&b.get()).then_with(|| a_id.cmp(&b_id))
    });
}

/// By how many metres a search around emergencies goes further than its radius. PostGIS rounds distances to 10 nm, and what
/// is exactly at the radius must be found.
pub(crate) const ROUNDING_TOLERANCE: f64 = 1e-6;
