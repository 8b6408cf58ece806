//! Decoding of stored values into domain types.

use std::{fmt::Display, str::FromStr};

use allynet_domain::{
    HelperReputation, Metres, Name, Person, Position, Text, Timestamp,
    port::{Error, Result},
};
use chrono::DateTime;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// Decodes the values of one stored row.
///
/// A value without a meaning is [`Error::Corrupt`] with table, column and row, never a default. `Id` is what names the
/// row in that error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowDecoder<Id> {
    /// The table that the row is in.
    pub table: &'static str,
    /// The id of the row.
    pub id: Id,
}

impl<Id: Display + Copy> RowDecoder<Id> {
    /// The error for a value of this column.
    pub fn corrupt(self, column: &'static str) -> Error {
        Error::Corrupt { table: self.table, column, id: self.id.to_string() }
    }

    /// A value that has a text form: a variant of an enumeration, an email address, a URL.
    pub fn parse<T: FromStr>(self, column: &'static str, text: &str) -> Result<T> {
        text.parse().map_err(|_| self.corrupt(column))
    }

    /// [`Self::parse`] for a column that may be null.
    pub fn parse_opt<T: FromStr>(self, column: &'static str, text: Option<&str>) -> Result<Option<T>> {
        text.map(|text| self.parse(column, text)).transpose()
    }

    /// Free text of bounded length.
    pub fn text<const MAX: usize>(self, column: &'static str, text: &str) -> Result<Text<MAX>> {
        Text::parse(text).map_err(|_| self.corrupt(column))
    }

    /// [`Self::text`] for a column that may be null.
    pub fn text_opt<const MAX: usize>(self, column: &'static str, text: Option<&str>) -> Result<Option<Text<MAX>>> {
        text.map(|text| self.text(column, text)).transpose()
    }

    /// JSON, as it was written by serde.
    pub fn json<T: DeserializeOwned>(self, column: &'static str, json: &str) -> Result<T> {
        serde_json::from_str(json).map_err(|_| self.corrupt(column))
    }

    /// A whole number in the narrower type of the domain.
    pub fn number<T: TryInto<U>, U>(self, column: &'static str, number: T) -> Result<U> {
        number.try_into().map_err(|_| self.corrupt(column))
    }

    /// Microseconds since 1970 in UTC.
    pub fn micros(self, column: &'static str, micros: i64) -> Result<Timestamp> {
        DateTime::from_timestamp_micros(micros).ok_or_else(|| self.corrupt(column))
    }

    /// [`Self::micros`] for a column that may be null.
    pub fn micros_opt(self, column: &'static str, micros: Option<i64>) -> Result<Option<Timestamp>> {
        micros.map(|micros| self.micros(column, micros)).transpose()
    }

    /// Degrees from the columns `latitude` and `longitude`; an error names the first.
    pub fn position(self, latitude: f64, longitude: f64) -> Result<Position> {
        Position::new(latitude, longitude).map_err(|_| self.corrupt("latitude"))
    }

    /// A distance that is finite and not negative.
    pub fn metres(self, column: &'static str, metres: f64) -> Result<Metres> {
        if metres.is_finite() && metres >= 0.0 { Ok(Metres::new(metres)) } else { Err(self.corrupt(column)) }
    }

    /// The columns `trust_score`, `rating_sum` and `rating_count` of an account.
    pub fn reputation(
        self,
        trust_score: impl TryInto<u16>,
        rating_sum: impl TryInto<u32>,
        rating_count: impl TryInto<u32>,
    ) -> Result<HelperReputation> {
        Ok(HelperReputation {
            trust_score: self.number("trust_score", trust_score)?,
            rating_sum: self.number("rating_sum", rating_sum)?,
            rating_count: self.number("rating_count", rating_count)?,
        })
    }
}

impl RowDecoder<Uuid> {
    /// Decodes a row of `account`.
    pub const fn account(id: Uuid) -> Self {
        Self { table: "account", id }
    }

    /// A person from the row and the columns `first_name` and `last_name` of their account.
    pub fn person(self, first_name: &str, last_name: Option<&str>) -> Result<Person> {
        let first_name: Name = self.text("first_name", first_name)?;
        Ok(Person { id: self.id.into(), first_name, last_name: self.text_opt("last_name", last_name)? })
    }
}

#[cfg(test)]
mod tests {
    use allynet_domain::Role;

    use super::*;

    const ROW: RowDecoder<i64> = RowDecoder { table: "event", id: 7 };

    #[test]
    fn a_value_without_a_meaning_is_corrupt_and_names_its_place() {
        for error in [
            ROW.parse::<Role>("column", "king").unwrap_err(),
            ROW.parse_opt::<Role>("column", Some("king")).unwrap_err(),
            ROW.text::<3>("column", "too long").unwrap_err(),
            ROW.text_opt::<3>("column", Some("too long")).unwrap_err(),
            ROW.json::<bool>("column", "7").unwrap_err(),
            ROW.number::<i64, u8>("column", 256).unwrap_err(),
            ROW.micros("column", i64::MAX).unwrap_err(),
            ROW.micros_opt("column", Some(i64::MAX)).unwrap_err(),
            ROW.metres("column", -1.0).unwrap_err(),
            ROW.metres("column", f64::NAN).unwrap_err(),
        ] {
            assert_eq!(error.to_string(), "event.column of 7 is corrupt");
        }
        assert_eq!(ROW.position(91.0, 0.0).unwrap_err().to_string(), "event.latitude of 7 is corrupt");
        assert_eq!(ROW.reputation(0, -1, 0).unwrap_err().to_string(), "event.rating_sum of 7 is corrupt");
        let account = RowDecoder::account(Uuid::nil());
        let error = account.person(" ", None).unwrap_err().to_string();
        assert_eq!(error, "account.first_name of 00000000-0000-0000-0000-000000000000 is corrupt");
    }

    #[test]
    fn null_is_none_and_every_other_value_is_decoded() {
        assert_eq!(ROW.parse_opt::<Role>("column", None).unwrap(), None);
        assert_eq!(ROW.text_opt::<3>("column", None).unwrap(), None);
        assert_eq!(ROW.micros_opt("column", None).unwrap(), None);
        assert_eq!(ROW.parse::<Role>("column", "admin").unwrap(), Role::Admin);
        assert_eq!(ROW.json::<Vec<u8>>("column", "[1, 2]").unwrap(), [1, 2]);
        assert_eq!(ROW.number::<i64, u8>("column", 255).unwrap(), 255);
        assert_eq!(ROW.micros("column", 1_500_000).unwrap().timestamp_micros(), 1_500_000);
        assert_eq!(
            ROW.reputation(1, 2, 3).unwrap(),
            HelperReputation { trust_score: 1, rating_sum: 2, rating_count: 3 }
        );
    }
}
