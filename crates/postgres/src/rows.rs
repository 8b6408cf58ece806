//! Rows that more than one port reads, and how stored text becomes a domain value again, or is reported as corrupt.

use std::str::FromStr;

use allynet_domain::{
    Account, EmergencyAccess, HelperCard, HelperRecord, HelperReputation, Metres, Name, Person, Position, Profile,
    Revision, Text, Timestamp, port::Error, port::Result,
};
use serde::{Deserialize, de::DeserializeOwned};
use sqlx::FromRow;
use uuid::Uuid;

/// The columns of [`AccountRow`], of an account `a`.
macro_rules! account_columns {
    () => {
        "a.id, a.email, a.first_name, a.last_name, a.phone, a.avatar, a.bio, a.role, a.blocked, a.verification, \
         a.available, a.skills, a.trust_score, a.rating_sum, a.rating_count, a.created_at"
    };
}

/// A place on the earth from the expressions of its longitude and latitude.
macro_rules! place {
    ($longitude:literal, $latitude:literal) => {
        concat!("ST_SetSRID(ST_MakePoint(", $longitude, ", ", $latitude, "), 4326)::geography")
    };
}

/// Selects [`SeenRow`]: how the user `$2` stands to the emergency `$1`, `e`, and a text beside it.
macro_rules! seen {
    ($found:expr) => {
        concat!(
            "SELECT e.owner_id = $2 AS owns, e.status, e.revision, EXISTS (SELECT FROM response r \
                 WHERE r.emergency_id = e.id AND r.helper_id = $2 AND r.status <> 'cancelled') AS responds, ",
            $found,
            " AS found, e.latitude, e.longitude FROM emergency e WHERE e.id = $1"
        )
    };
}

pub(crate) use {account_columns, place, seen};

/// How somebody stands to an emergency, and what they asked for, as JSON.
#[derive(FromRow)]
pub(crate) struct SeenRow {
    owns: bool,
    responds: bool,
    status: String,
    revision: i64,
    found: Option<String>,
}

impl SeenRow {
    /// `id` is that of the emergency.
    pub(crate) fn access(self, id: Uuid) -> Result<(EmergencyAccess, Option<String>)> {
        let Self { owns, responds, status, revision, found } = self;
        let status = Stored { table: "emergency", id }.word("status", &status)?;
        Ok((EmergencyAccess { owns, responds, status, revision: Revision(revision) }, found))
    }
}

/// A value in a row, and where it stands should it mean nothing.
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

/// What others see of a helper, as JSON.
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

/// Puts what was found near a place in order: the nearest first, equally near ones by their ids.
///
/// The domain's own distance decides and is what is told, so that every store tells the same.
pub(crate) fn nearest_first<T, I: Ord>(found: &mut [T], key: impl Fn(&T) -> (Metres, I)) {
    found.sort_by(|a, b| {
        let ((a, a_id), (b, b_id)) = (key(a), key(b));
        a.get().total_cmp(&b.get()).then_with(|| a_id.cmp(&b_id))
    });
}

/// Radii around emergencies are searched this much further, in metres, because `PostGIS` rounds distances to 10 nm: what is
/// exactly at a radius must be found.
pub(crate) const TOLERANCE: f64 = 1e-6;
