//! Quiet hours: weekly windows on the clock of a time zone, and where they lie in time.
//!
//! A window that begins or ends at a time which the clock skips does so at the moment of the change. Of a time that comes twice
//! the first counts for its beginning, the second for its end. So a change of the clock never shortens the rest of a helper
//! but by the hour that does not exist.

use std::{fmt, str::FromStr};

use chrono::{
    Datelike as _, Days, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Timelike as _,
};
use serde::{Deserialize, Serialize, de};

use crate::Timestamp;

/// Maximum number of quiet windows of a helper.
pub const MAX_QUIET_WINDOWS: usize = 7;
/// How far ahead the windows of a helper are looked at, in days. More than a week, so that there is always a next window.
const DAYS_AHEAD: u64 = 9;

/// A time zone of the IANA database, by its name: `Europe/Berlin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone(chrono_tz::Tz);

/// A text that is not the name of a time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the name of a time zone, such as Europe/Berlin")]
pub struct NotAZone;

impl FromStr for Zone {
    type Err = NotAZone;

    fn from_str(name: &str) -> Result<Self, NotAZone> {
        name.parse().map(Self).map_err(|_: chrono_tz::ParseError| NotAZone)
    }
}

impl Zone {
    pub(crate) const fn tz(self) -> chrono_tz::Tz {
        self.0
    }
}

/// A time as it reads in a zone, with its offset and the name of the zone; in UTC without one.
pub fn shown_time(at: Timestamp, zone: Option<Zone>) -> String {
    match zone {
        Some(zone) => format!("{} ({zone})", at.with_timezone(&zone.tz()).format("%Y-%m-%d %H:%M UTC%:z")),
        None => at.format("%Y-%m-%d %H:%M UTC").to_string(),
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl Serialize for Zone {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A time of the day in whole minutes, `00:00` to `23:59`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClockTime(NaiveTime);

/// A text that is not a time of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a time from 00:00 to 23:59")]
pub struct NotAClockTime;

impl FromStr for ClockTime {
    type Err = NotAClockTime;

    fn from_str(text: &str) -> Result<Self, NotAClockTime> {
        let [h, hh, b':', m, mm] = text.as_bytes() else { return Err(NotAClockTime) };
        let number = |tens: &u8, ones: &u8| {
            let both_are_digits = tens.is_ascii_digit() && ones.is_ascii_digit();
            both_are_digits.then(|| u32::from(tens - b'0') * 10 + u32::from(ones - b'0'))
        };
        let time = number(h, hh).zip(number(m, mm)).and_then(|(hour, minute)| NaiveTime::from_hms_opt(hour, minute, 0));
        time.map(Self).ok_or(NotAClockTime)
    }
}

impl fmt::Display for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0.hour(), self.0.minute())
    }
}

impl Serialize for ClockTime {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ClockTime {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A weekly window on the clock. One that ends at an earlier time than it begins ends the next day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuietWindow {
    /// The days on which it begins, from 1 (Monday) to 7 (Sunday).
    pub days: Vec<u8>,
    /// When it begins.
    pub from: ClockTime,
    /// When it ends. Not equal to `from`.
    pub to: ClockTime,
}

/// A span of time: from its beginning until just before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The beginning.
    pub from: Timestamp,
    /// The end.
    pub until: Timestamp,
}

impl Span {
    /// Whether a moment lies in the span.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }
}

/// The spans of these windows that end after `now`, for a bit more than a week, in no order.
pub(crate) fn spans<Z: TimeZone>(windows: &[QuietWindow], zone: &Z, now: Timestamp) -> Vec<Span> {
    let today = now.with_timezone(zone).date_naive();
    // Two days back: a window may last a day, and a change of the clock may skip one.
    let first = today.checked_sub_days(Days::new(2)).unwrap_or(NaiveDate::MIN);
    let days = first.iter_days().take(2 + usize::try_from(DAYS_AHEAD).unwrap_or(0));
    let on_day = |day: NaiveDate| {
        let weekday = u8::try_from(day.weekday().number_from_monday()).unwrap_or(0);
        windows.iter().filter(move |window| window.days.contains(&weekday)).filter_map(move |window| {
            let last_day = if window.from < window.to { day } else { day.succ_opt()? };
            let from = moment(zone, day.and_time(window.from.0), Occurrence::First)?;
            let until = moment(zone, last_day.and_time(window.to.0), Occurrence::Second)?;
            Some(Span { from, until })
        })
    };
    // A window that lies in the skipped hour is empty.
    days.flat_map(on_day).filter(|span| span.from < span.until && now < span.until).collect()
}

/// Which moment is meant by a time that the clock shows twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Occurrence {
    First,
    Second,
}

/// The moment at which the clock of a zone shows this time, or skips it. `None` at the ends of the calendar.
fn moment<Z: TimeZone>(zone: &Z, local: NaiveDateTime, occurrence: Occurrence) -> Option<Timestamp> {
    match zone.from_local_datetime(&local) {
        MappedLocalTime::Single(at) => Some(at.to_utc()),
        MappedLocalTime::Ambiguous(first, second) => Some(match occurrence {
            Occurrence::First => first.to_utc(),
            Occurrence::Second => second.to_utc(),
        }),
        MappedLocalTime::None => end_of_gap(zone, local),
    }
}

/// The moment at which the clock skips this time. A day is the longest that any clock ever skipped.
fn end_of_gap<Z: TimeZone>(zone: &Z, skipped: NaiveDateTime) -> Option<Timestamp> {
    let minute = TimeDelta::minutes(1);
    let earlier = (1..=25 * 60).map(|minutes| skipped.checked_sub_signed(minute * minutes));
    let last_before = earlier.map_while(|local| local).find_map(|local| zone.from_local_datetime(&local).latest())?;
    Some(last_before.to_utc() + minute)
}

#[cfg(test)]
mod tests;
