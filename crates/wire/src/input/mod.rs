//! Reading what clients send. Every wrong field is named, all of them at once; unknown fields are ignored, and
//! `null` counts as missing.

pub mod accounts;
pub mod emergencies;
pub mod socket;

use std::{ops::RangeInclusive, str::FromStr};

use allynet_domain::{Metres, Position, Text, TextError, Timestamp, UnknownVariant};
use chrono::{DateTime, SubsecRound, Utc};
use serde_json::{Map, Value};

use crate::{FieldError, Problem};

/// The fields of a JSON object or of a query, and what was found wrong with them so far.
pub struct Fields<'a> {
    object: Option<&'a Map<String, Value>>,
    prefix: &'static str,
    errors: Vec<FieldError>,
    /// In a query every value is a text, numbers and flags included.
    query: bool,
}

const REQUIRED: &str = "is required";

impl<'a> Fields<'a> {
    /// The fields of a request body.
    pub fn body(body: &'a Value) -> Self {
        let mut fields = Self { object: body.as_object(), prefix: "", errors: Vec::new(), query: false };
        if fields.object.is_none() {
            fields.errors.push(FieldError::new("body", "must be a JSON object"));
        }
        fields
    }

    /// The fields of a query, all of them texts.
    pub fn query(query: &'a Map<String, Value>) -> Self {
        Self { object: Some(query), prefix: "", errors: Vec::new(), query: true }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// Every wrong field.
    pub fn finish<T>(self, read: Option<T>) -> Result<T, Problem> {
        match read {
            Some(read) if self.errors.is_empty() => Ok(read),
            _ => Err(Problem::invalid(self.errors)),
        }
    }

    /// Notes that a field is wrong.
    pub fn wrong(&mut self, field: &str, message: impl Into<std::borrow::Cow<'static, str>>) {
        let field = if self.prefix.is_empty() { field.to_owned() } else { format!("{}.{field}", self.prefix) };
        self.errors.push(FieldError::new(field, message));
    }

    /// Whether something was found wrong with a field of the outermost object.
    pub fn is_wrong(&self, field: &str) -> bool {
        self.errors.iter().any(|error| error.field == field)
    }

    /// Notes that a field is missing, unless it was there and wrong.
    pub fn require<T>(&mut self, field: &'static str, read: Option<T>) -> Option<T> {
        if read.is_none() && self.object.is_some() && self.value(field).is_none() {
            self.wrong(field, REQUIRED);
        }
        read
    }

    fn value(&self, field: &str) -> Option<&'a Value> {
        self.object?.get(field).filter(|value| !value.is_null())
    }

    fn parse<T, E: Into<std::borrow::Cow<'static, str>>>(
        &mut self,
        field: &str,
        parse: impl FnOnce(&'a Value) -> Result<T, E>,
    ) -> Option<T> {
        parse(self.value(field)?).map_err(|message| self.wrong(field, message)).ok()
    }

    /// A text as it is.
    pub fn string(&mut self, field: &str) -> Option<&'a str> {
        self.parse(field, |value| value.as_str().ok_or("must be a string"))
    }

    /// A value that is written as a text.
    pub fn parsed<T: FromStr<Err: ToString>>(&mut self, field: &str) -> Option<T> {
        let text = self.string(field)?;
        text.parse().map_err(|e: T::Err| self.wrong(field, e.to_string())).ok()
    }

    /// A bounded text. One of white space alone counts as missing.
    pub fn text<const MAX: usize>(&mut self, field: &str) -> Option<Text<MAX>> {
        match Text::parse(self.string(field)?) {
            Ok(text) => Some(text),
            Err(TextError::Empty) => None,
            Err(other) => {
                self.wrong(field, other.to_string());
                None
            }
        }
    }

    /// A bounded text that must not be missing or empty.
    pub fn required_text<const MAX: usize>(&mut self, field: &'static str) -> Option<Text<MAX>> {
        let text = self.string(field);
        let text = self.require(field, text)?;
        Text::parse(text).map_err(|e| self.wrong(field, e.to_string())).ok()
    }

    /// A word of an enumeration.
    pub fn word<T: FromStr<Err = UnknownVariant>>(&mut self, field: &str) -> Option<T> {
        self.parsed(field)
    }

    /// A flag.
    pub fn flag(&mut self, field: &str) -> Option<bool> {
        self.parse(field, |value| value.as_bool().ok_or("must be true or false"))
    }

    /// A whole number within bounds.
    pub fn integer(&mut self, field: &str, bounds: RangeInclusive<u32>) -> Option<u32> {
        let wrong = || format!("must be a whole number from {} to {}", bounds.start(), bounds.end());
        let query = self.query;
        self.parse(field, |value| {
            let number = match value {
                Value::String(text) if query => text.parse::<u32>().ok(),
                // 5.0 is a whole number too, as JavaScript writes no difference.
                other => other.as_f64().filter(|n| n.fract() == 0.0).and_then(whole),
            };
            number.filter(|n| bounds.contains(n)).ok_or_else(wrong)
        })
    }

    /// A finite number.
    pub fn number(&mut self, field: &str) -> Option<f64> {
        let query = self.query;
        self.parse(field, |value| {
            let number = match value {
                Value::String(text) if query => text.parse::<f64>().ok(),
                other => other.as_f64(),
            };
            number.filter(|n| n.is_finite()).ok_or("must be a number")
        })
    }

    /// A length in metres within bounds.
    pub fn metres(&mut self, field: &str, bounds: RangeInclusive<f64>) -> Option<Metres> {
        let metres = self.number(field)?;
        if bounds.contains(&metres) {
            return Some(Metres::new(metres));
        }
        self.wrong(field, format!("must be metres from {} to {}", bounds.start(), bounds.end()));
        None
    }

    /// A moment (RFC 3339), to whole microseconds.
    pub fn time(&mut self, field: &str) -> Option<Timestamp> {
        let text = self.string(field)?;
        let time = DateTime::parse_from_rfc3339(text).ok().map(|t| t.with_timezone(&Utc).trunc_subsecs(6));
        if time.is_none() {
            self.wrong(field, "must be a time (RFC 3339)");
        }
        time
    }

    /// `latitude` and `longitude` of this object, both required.
    pub fn position(&mut self) -> Option<Position> {
        let mut degrees = |field, bound: f64| {
            let value = self.number(field);
            let value = self.require(field, value)?;
            if value.abs() <= bound {
                return Some(value);
            }
            self.wrong(field, format!("must be a number from -{bound} to {bound}"));
            None
        };
        let (latitude, longitude) = (degrees("latitude", 90.0), degrees("longitude", 180.0));
        Position::new(latitude?, longitude?).ok()
    }

    /// Reads a required nested object.
    pub fn object<T>(&mut self, field: &'static str, read: impl FnOnce(&mut Fields<'a>) -> Option<T>) -> Option<T> {
        let object = self.parse(field, |value| value.as_object().ok_or("must be an object"));
        let object = self.require(field, object)?;
        let mut inner = Fields { object: Some(object), prefix: field, errors: Vec::new(), query: self.query };
        let read = read(&mut inner);
        self.errors.append(&mut inner.errors);
        read
    }

    /// A field that may be set, cleared by `null` or an empty text, or left as it is.
    pub fn patch<T>(&mut self, field: &str, current: &Option<T>, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T>
    where
        T: Clone,
    {
        match self.object.and_then(|object| object.get(field)) {
            None => current.clone(),
            Some(Value::Null) => None,
            Some(Value::String(text)) if text.trim().is_empty() => None,
            Some(_) => read(self),
        }
    }

    /// A list of texts.
    pub fn texts<const MAX: usize>(&mut self, field: &str, most: usize) -> Option<Vec<Text<MAX>>> {
        self.parse(field, |value| {
            let items = value.as_array().ok_or_else(|| "must be a list".to_owned())?;
            if items.len() > most {
                return Err(format!("must hold at most {most}"));
            }
            let text =
                |item: &Value| Text::parse(item.as_str().ok_or("must hold strings only")?).map_err(|e| e.to_string());
            items.iter().map(text).collect()
        })
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked first")]
fn whole(number: f64) -> Option<u32> {
    (0.0..=f64::from(u32::MAX)).contains(&number).then_some(number as u32)
}

#[cfg(test)]
mod tests;
