//! Stored values and domain values: what is stored but means nothing is `Corrupt` and names its column. Knows no table
//! and no statement.

use std::{fmt::Display, str::FromStr};

use allynet_domain::{
    HelperReputation, Metres, Name, Person, Position, Text, Timestamp,
    port::{Error, Result},
};
use chrono::DateTime;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// Whichever failure of sqlx: the database did not answer.
pub(crate) fn down(error: sqlx::Error) -> Error {
    Error::unavailable(error)
}

/// An id as `unhex` and `hex` write it, for JSON that is taken apart in a statement.
pub(crate) fn hex(id: impl Into<Uuid>) -> String {
    id.into().simple().to_string()
}

/// One stored row that is being read, named in errors.
pub(crate) struct Stored {
    pub(crate) table: &'static str,
    pub(crate) id: Uuid,
}

impl Stored {
    pub(crate) fn corrupt(&self, column: &'static str) -> Error {
        Error::Corrupt { table: self.table, column, id: self.id.to_string() }
    }

    pub(crate) fn time(&self, column: &'static str, micros: i64) -> Result<Timestamp> {
        DateTime::from_timestamp_micros(micros).ok_or_else(|| self.corrupt(column))
    }

    pub(crate) fn time_opt(&self, column: &'static str, micros: Option<i64>) -> Result<Option<Timestamp>> {
        micros.map(|micros| self.time(column, micros)).transpose()
    }

    /// A word of an enumeration, an email, a web address: whatever is parsed from text.
    pub(crate) fn parsed<T: FromStr>(&self, column: &'static str, text: &str) -> Result<T> {
        text.parse().map_err(|_| self.corrupt(column))
    }

    pub(crate) fn parsed_opt<T: FromStr>(&self, column: &'static str, text: Option<&str>) -> Result<Option<T>> {
        text.map(|text| self.parsed(column, text)).transpose()
    }

    pub(crate) fn text<const MAX: usize>(&self, column: &'static str, text: &str) -> Result<Text<MAX>> {
        Text::parse(text).map_err(|_| self.corrupt(column))
    }

    pub(crate) fn text_opt<const MAX: usize>(
        &self,
        column: &'static str,
        text: Option<&str>,
    ) -> Result<Option<Text<MAX>>> {
        text.map(|text| self.text(column, text)).transpose()
    }

    pub(crate) fn json<T: DeserializeOwned>(&self, column: &'static str, text: &str) -> Result<T> {
        serde_json::from_str(text).map_err(|_| self.corrupt(column))
    }

    /// A whole number of a narrower type.
    pub(crate) fn number<T: TryFrom<i64>>(&self, column: &'static str, number: i64) -> Result<T> {
        T::try_from(number).map_err(|_| self.corrupt(column))
    }

    pub(crate) fn position(&self, latitude: f64, longitude: f64) -> Result<Position> {
        Position::new(latitude, longitude).map_err(|_| self.corrupt("latitude"))
    }

    pub(crate) fn metres(&self, column: &'static str, metres: f64) -> Result<Metres> {
        if metres.is_finite() && metres >= 0.0 { Ok(Metres::new(metres)) } else { Err(self.corrupt(column)) }
    }

    pub(crate) fn person(&self, id: Uuid, first_name: &str, last_name: Option<&str>) -> Result<Person> {
        let first_name: Name = self.text("first_name", first_name)?;
        Ok(Person { id: id.into(), first_name, last_name: self.text_opt("last_name", last_name)? })
    }

    pub(crate) fn reputation(&self, trust_score: i64, rating_sum: i64, rating_count: i64) -> Result<HelperReputation> {
        Ok(HelperReputation {
            trust_score: self.number("trust_score", trust_score)?,
            rating_sum: self.number("rating_sum", rating_sum)?,
            rating_count: self.number("rating_count", rating_count)?,
        })
    }
}

/// A count or limit that SQLite computed or gets: what does not fit is as good as the largest.
pub(crate) fn count(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

/// JSON for a statement. Fails only for values that JSON cannot hold, which ours never are.
pub(crate) fn to_json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(Error::unavailable)
}

/// A stored id in hexadecimal digits.
pub(crate) fn from_hex(stored: &Stored, column: &'static str, digits: impl AsRef<str> + Display) -> Result<Uuid> {
    Uuid::try_parse(digits.as_ref()).map_err(|_| stored.corrupt(column))
}
