//! Opening hours in the syntax of OpenStreetMap: whether a place is open, and until when.
//!
//! Nothing here fails: what cannot be read, and what the hours themselves call unknown, is `None`. The days of public and school
//! holidays are not known, so that rules for them never apply.

use std::{
    num::NonZeroUsize,
    panic::{UnwindSafe, catch_unwind},
};

use chrono::{DateTime, TimeDelta};
use chrono_tz::Tz;
use opening_hours::{
    Context, OpeningHours, RuleKind,
    localization::{Coordinates, TzLocation},
};

use crate::{Position, Timestamp, Zone};

/// Maximum length of hours, in characters. Longer ones are not read.
pub const MAX_OPENING_HOURS: usize = 1000;
/// Maximum number of rules that the parser of the library tries for one text: a hundred times what the longest common hours take, and
/// reached within milliseconds. Without it, the time that some texts take is three times as long with each further entry.
const MAX_PARSER_CALLS: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();
/// How far ahead the end of an open interval is looked for: evaluating a day takes as long as evaluating the present one.
const LOOK_AHEAD: TimeDelta = TimeDelta::days(7);

/// Whether a place with these hours is open at `now`. Sunrise and sunset are those of the place, times those of the zone; in UTC
/// without one.
pub fn is_open(hours: &str, place: Position, zone: Option<Zone>, now: Timestamp) -> Option<bool> {
    evaluate(hours, place, zone, now, |hours, now| match hours.state(now).0 {
        RuleKind::Open => Some(true),
        RuleKind::Closed => Some(false),
        RuleKind::Unknown => None,
    })
}

/// When a place with these hours, which is open at `now`, ceases to be. `None` if it is not open, or that is more than a week ahead.
pub fn open_until(hours: &str, place: Position, zone: Option<Zone>, now: Timestamp) -> Option<Timestamp> {
    evaluate(hours, place, zone, now, |hours, now| {
        let limit = now + LOOK_AHEAD;
        let interval = hours.iter_range(now, limit).next()?;
        let ends = interval.kind == RuleKind::Open && interval.range.end < limit;
        ends.then(|| interval.range.end.to_utc())
    })
}

fn evaluate<T>(
    hours: &str,
    place: Position,
    zone: Option<Zone>,
    now: Timestamp,
    ask: impl FnOnce(&OpeningHours<TzLocation<Tz>>, DateTime<Tz>) -> Option<T> + UnwindSafe,
) -> Option<T> {
    if hours.chars().count() > MAX_OPENING_HOURS {
        return None;
    }
    // For the whole process: nothing else in it uses this parser.
    pest::set_call_limit(Some(MAX_PARSER_CALLS));
    // The library asserts what a text of strangers might break: such hours are as unknown as those that it refuses.
    let evaluated = catch_unwind(|| {
        let zone = zone.map_or(Tz::UTC, Zone::tz);
        let place = Coordinates::new(place.latitude(), place.longitude())?;
        let context = Context::default().with_locale(TzLocation::new(zone).with_coords(place));
        let hours = hours.parse::<OpeningHours>().ok()?.with_context(context);
        ask(&hours, now.with_timezone(&zone))
    });
    evaluated.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::position;

    fn berlin() -> (Position, Option<Zone>) {
        (position(52.5, 13.4), Some("Europe/Berlin".parse().unwrap()))
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn hours_are_those_of_the_zone() {
        let (place, zone) = berlin();
        // A Monday and a Sunday in winter, when it is an hour later there than in UTC.
        for (hours, now, expected) in [
            ("24/7", "2026-01-05T02:00:00Z", Some(true)),
            ("Mo-Fr 08:00-20:00", "2026-01-05T06:59:00Z", Some(false)),
            ("Mo-Fr 08:00-20:00", "2026-01-05T07:00:00Z", Some(true)),
            ("Mo-Fr 08:00-20:00", "2026-01-05T19:00:00Z", Some(false)),
            ("Mo-Fr 08:00-20:00; PH off", "2026-01-05T12:00:00Z", Some(true)),
            ("Mo-Fr 08:00-20:00", "2026-01-04T12:00:00Z", Some(false)),
            ("Mo-Su 22:00-06:00", "2026-01-05T04:00:00Z", Some(true)),
            ("Jan 01-Mar 31 off; 10:00-18:00", "2026-01-05T12:00:00Z", Some(true)),
            ("10:00-18:00; Jan 01-Mar 31 off", "2026-01-05T12:00:00Z", Some(false)),
            ("sunrise-sunset", "2026-01-05T16:00:00Z", Some(false)),
            ("sunrise-sunset", "2026-07-06T16:00:00Z", Some(true)),
            ("Mo-Fr 08:00-20:00 unknown", "2026-01-05T12:00:00Z", None),
            ("by appointment", "2026-01-05T12:00:00Z", None),
            ("Mo-Fr 8 bis 20 Uhr", "2026-01-05T12:00:00Z", None),
            ("", "2026-01-05T12:00:00Z", None),
        ] {
            assert_eq!(is_open(hours, place, zone, at(now)), expected, "{hours} at {now}");
        }
    }

    /// Without the limit each further entry takes three times as long: 25 of them would take days.
    #[test]
    fn hours_that_the_parser_would_try_for_ever_are_not_read() {
        let (place, zone) = berlin();
        let hours = "Jan Mo[1],".repeat(25);
        assert_eq!(is_open(&hours, place, zone, at("2026-01-05T12:00:00Z")), None);
    }

    #[test]
    fn long_hours_are_read() {
        let (place, zone) = berlin();
        let seasons = "Jan-Mar Mo-Fr 08:00-12:00,13:00-18:00; Apr-Oct Mo-Sa 07:30-20:00; ".repeat(14);
        let hours = format!("{seasons}Su,PH off");
        assert!(hours.len() > 900);
        assert_eq!(is_open(&hours, place, zone, at("2026-01-05T10:00:00Z")), Some(true));
    }

    #[test]
    fn the_end_of_an_open_interval_is_found_within_a_week() {
        let (place, zone) = berlin();
        let monday = at("2026-01-05T12:00:00Z");
        for (hours, expected) in [
            ("Mo-Fr 08:00-20:00", Some(at("2026-01-05T19:00:00Z"))),
            ("Mo-We 00:00-24:00", Some(at("2026-01-07T23:00:00Z"))),
            ("24/7", None),
            ("Su 08:00-20:00", None),
            ("Jan 01-Mar 31", None),
            ("nonsense", None),
        ] {
            assert_eq!(open_until(hours, place, zone, monday), expected, "{hours}");
        }
    }

    #[test]
    fn hours_that_are_too_long_or_nested_are_not_known() {
        let (place, zone) = berlin();
        let now = at("2026-01-05T12:00:00Z");
        assert_eq!(is_open(&"Mo 08:00-20:00;".repeat(100), place, zone, now), None);
        for part in ["(", "Mo,", "\"", "08:00-20:00,", "Mo[1]", "week 1-53/2 ", "9999+ ", "|| ", "easter -1 day "] {
            let text = part.repeat(MAX_OPENING_HOURS / part.len());
            is_open(&text, place, zone, now);
            open_until(&text, place, zone, now);
        }
    }
}
