//! Parsing of requests and client events into domain types.
//!
//! All invalid fields are reported at once. Unknown fields are ignored, and `null` counts as missing.

pub mod accounts;
pub mod contacts;
pub mod devices;
pub mod emergencies;
pub mod resources;
pub mod socket;

use std::{collections::BTreeSet, ops::RangeInclusive, str::FromStr};

use allynet_domain::{Email, EventId, Metres, Name, Position, Text, TextError, Timestamp, UnknownVariant, name};
use chrono::{DateTime, Datelike as _, SubsecRound, Timelike as _, Utc};
use serde_json::{Map, Value};

use crate::{FieldError, Problem};

/// A reader of the fields of a JSON object or a query, which collects errors.
///
/// Each method returns `None` if its field is missing or invalid, and records an error if it is invalid.
pub struct Fields<'a> {
    object: Option<&'a Map<String, Value>>,
    prefix: String,
    errors: Vec<FieldError>,
    /// Whether this is a query, in which numbers are strings.
    query: bool,
}

const REQUIRED: &str = "is required";
/// The years in which a time from a client may lie. Some clients format an unset time as the year 0 or 10000, which not
/// every database can store.
const ACCEPTED_YEARS: RangeInclusive<i32> = 1970..=2200;
/// Maximum length of a list of numbers.
const MAX_NUMBERS: usize = 7;
/// The nanosecond from which on chrono means the 61st second of a minute.
const LEAP_SECOND: u32 = 1_000_000_000;

impl<'a> Fields<'a> {
    /// The fields of a request body.
    pub fn body(body: &'a Value) -> Self {
        let mut fields = Self { object: body.as_object(), prefix: String::new(), errors: Vec::new(), query: false };
        if fields.object.is_none() {
            fields.errors.push(FieldError::new("body", "must be a JSON object"));
        }
        fields
    }

    /// The fields of a query, all of them strings.
    pub fn query(query: &'a Map<String, Value>) -> Self {
        Self { object: Some(query), prefix: String::new(), errors: Vec::new(), query: true }
    }

    /// Returns `read` if no error was recorded.
    ///
    /// # Errors
    /// `invalid_input` with all invalid fields.
    pub fn finish<T>(self, read: Option<T>) -> Result<T, Problem> {
        match read {
            Some(read) if self.errors.is_empty() => Ok(read),
            _ => Err(Problem::invalid(self.errors)),
        }
    }

    /// Records that a field is invalid.
    pub fn wrong(&mut self, field: &str, message: impl Into<std::borrow::Cow<'static, str>>) {
        let field = if self.prefix.is_empty() { field.to_owned() } else { format!("{}.{field}", self.prefix) };
        self.errors.push(FieldError::new(field, message));
    }

    /// Whether an error was recorded for a field of the outermost object.
    pub fn is_wrong(&self, field: &str) -> bool {
        self.errors.iter().any(|error| error.field == field)
    }

    /// Records that a field is missing, unless it is present (and was found invalid).
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

    /// A string, unchanged.
    pub fn string(&mut self, field: &str) -> Option<&'a str> {
        self.parse(field, |value| value.as_str().ok_or("must be a string"))
    }

    /// A value that is parsed from a string.
    pub fn parsed<T: FromStr<Err: ToString>>(&mut self, field: &str) -> Option<T> {
        let text = self.string(field)?;
        text.parse().map_err(|e: T::Err| self.wrong(field, e.to_string())).ok()
    }

    /// A bounded text. White space alone counts as missing.
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

    /// A name. White space alone counts as missing.
    pub fn name(&mut self, field: &str) -> Option<Name> {
        let typed = self.string(field).filter(|typed| !typed.trim().is_empty())?;
        name::parse(typed).map_err(|e| self.wrong(field, e.to_string())).ok()
    }

    /// A name that is required.
    pub fn required_name(&mut self, field: &'static str) -> Option<Name> {
        let typed = self.string(field);
        name::parse(self.require(field, typed)?).map_err(|e| self.wrong(field, e.to_string())).ok()
    }

    /// An email address that is required, and is going to be stored.
    pub fn email(&mut self, field: &'static str) -> Option<Email> {
        let typed = self.string(field);
        Email::typed(self.require(field, typed)?).map_err(|e| self.wrong(field, e.to_string())).ok()
    }

    /// A bounded text that is required and must not be empty.
    pub fn required_text<const MAX: usize>(&mut self, field: &'static str) -> Option<Text<MAX>> {
        let text = self.string(field);
        let text = self.require(field, text)?;
        Text::parse(text).map_err(|e| self.wrong(field, e.to_string())).ok()
    }

    /// A value of an enumeration.
    pub fn word<T: FromStr<Err = UnknownVariant>>(&mut self, field: &str) -> Option<T> {
        self.parsed(field)
    }

    /// A boolean.
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
                // JavaScript does not distinguish 5.0 from 5.
                other => other.as_f64().filter(|n| n.fract() == 0.0).and_then(whole),
            };
            number.filter(|n| bounds.contains(n)).ok_or_else(wrong)
        })
    }

    /// The id of an event, as a query has it: a whole number that JavaScript represents exactly.
    pub fn event_id(&mut self, field: &str) -> Option<EventId> {
        const MAX: i64 = (1 << 53) - 1;
        let text = self.string(field)?;
        let id = text.parse().ok().filter(|id| (0..=MAX).contains(id));
        if id.is_none() {
            self.wrong(field, format!("must be a whole number from 0 to {MAX}"));
        }
        id.map(EventId::new)
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

    /// A distance in metres within bounds.
    pub fn metres(&mut self, field: &str, bounds: RangeInclusive<f64>) -> Option<Metres> {
        let metres = self.number(field)?;
        if bounds.contains(&metres) {
            return Some(Metres::new(metres));
        }
        self.wrong(field, format!("must be metres from {} to {}", bounds.start(), bounds.end()));
        None
    }

    /// A time (RFC 3339) from 1970 to 2200, truncated to microseconds, which is what the databases store.
    ///
    /// A leap second is rejected: the databases have none, and would shift or reject it.
    pub fn time(&mut self, field: &str) -> Option<Timestamp> {
        let text = self.string(field)?;
        let time = DateTime::parse_from_rfc3339(text).ok().map(|t| t.with_timezone(&Utc).trunc_subsecs(6));
        let time = time.filter(|t| ACCEPTED_YEARS.contains(&t.year()) && t.nanosecond() < LEAP_SECOND);
        if time.is_none() {
            self.wrong(field, "must be a time (RFC 3339) from 1970 to 2200, and no leap second");
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

    /// A required nested object. Its errors name fields with a dot: `location.latitude`.
    pub fn object<T>(&mut self, field: &'static str, read: impl FnOnce(&mut Fields<'a>) -> Option<T>) -> Option<T> {
        let object = self.parse(field, |value| value.as_object().ok_or("must be an object"));
        let object = self.require(field, object)?;
        self.nested(object, field.to_owned(), read)
    }

    /// A nested object that may be missing.
    pub fn optional_object<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Fields<'a>) -> Option<T>,
    ) -> Option<T> {
        let object = self.parse(field, |value| value.as_object().ok_or("must be an object"))?;
        self.nested(object, field.to_owned(), read)
    }

    fn nested<T>(
        &mut self,
        object: &'a Map<String, Value>,
        prefix: String,
        read: impl FnOnce(&mut Fields<'a>) -> Option<T>,
    ) -> Option<T> {
        let mut inner = Fields { object: Some(object), prefix, errors: Vec::new(), query: self.query };
        let read = read(&mut inner);
        self.errors.append(&mut inner.errors);
        read
    }

    /// A list of at most `max_items` objects. Their errors name fields with an index: `quiet[0].from`.
    pub fn objects<T>(
        &mut self,
        field: &str,
        max_items: usize,
        read: impl Fn(&mut Fields<'a>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items = self.parse(field, |value| {
            let items = value.as_array().ok_or_else(|| "must be a list".to_owned())?;
            if items.len() > max_items { Err(format!("must hold at most {max_items}")) } else { Ok(items) }
        })?;
        let mut all = Some(Vec::with_capacity(items.len()));
        for (index, item) in items.iter().enumerate() {
            let name = format!("{field}[{index}]");
            let read = if let Some(object) = item.as_object() {
                self.nested(object, name, &read)
            } else {
                self.wrong(&name, "must be an object");
                None
            };
            all = all.zip(read).map(|(mut all, read)| {
                all.push(read);
                all
            });
        }
        all
    }

    /// Whether a field is present, null included.
    pub fn has(&self, field: &str) -> bool {
        self.object.is_some_and(|object| object.contains_key(field))
    }

    /// Whether a field is present and null, which clears a value.
    pub fn is_null(&self, field: &str) -> bool {
        self.object.is_some_and(|object| object.get(field).is_some_and(Value::is_null))
    }

    /// A list of different whole numbers within bounds, in growing order.
    pub fn integers(&mut self, field: &str, bounds: &RangeInclusive<u8>) -> Option<Vec<u8>> {
        let wrong = || format!("must be a list of whole numbers from {} to {}", bounds.start(), bounds.end());
        self.parse(field, |value| {
            let items = value.as_array().filter(|items| (1..=MAX_NUMBERS).contains(&items.len())).ok_or_else(wrong)?;
            let number = |item: &Value| item.as_f64().filter(|n| n.fract() == 0.0).and_then(whole);
            let numbers = items.iter().map(|item| u8::try_from(number(item)?).ok().filter(|n| bounds.contains(n)));
            let numbers: BTreeSet<u8> = numbers.collect::<Option<_>>().ok_or_else(wrong)?;
            Ok::<_, String>(numbers.into_iter().collect())
        })
    }

    /// A field of a partial update: a value replaces, `null` or an empty text clears, a missing field keeps `current`.
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

    /// A list of at most `max_items` texts.
    pub fn texts<const MAX: usize>(&mut self, field: &str, max_items: usize) -> Option<Vec<Text<MAX>>> {
        self.parse(field, |value| {
            let items = value.as_array().ok_or_else(|| "must be a list".to_owned())?;
            if items.len() > max_items {
                return Err(format!("must hold at most {max_items}"));
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
