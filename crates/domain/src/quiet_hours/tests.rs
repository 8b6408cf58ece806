//! Quiet hours over midnight and over changes of the clock, in zones of both hemispheres.

use proptest::prelude::*;

use super::*;

fn window(days: &[u8], from: &str, to: &str) -> QuietWindow {
    QuietWindow { days: days.to_vec(), from: from.parse().unwrap(), to: to.parse().unwrap() }
}

fn zone(name: &str) -> chrono_tz::Tz {
    name.parse().unwrap()
}

/// The first span from `now` on, as times in UTC.
fn next(zone_name: &str, days: &[u8], (from, to): (&str, &str), now: &str) -> (String, String) {
    let mut found = spans(&[window(days, from, to)], &zone(zone_name), now.parse().unwrap());
    found.sort();
    let text = |at: Timestamp| at.format("%Y-%m-%dT%H:%MZ").to_string();
    (text(found[0].from), text(found[0].until))
}

fn utc(from: &str, until: &str) -> (String, String) {
    (from.to_owned(), until.to_owned())
}

const ALL_DAYS: &[u8] = &[1, 2, 3, 4, 5, 6, 7];
const BERLIN: &str = "Europe/Berlin";
/// Moves its clock by half an hour, in April and October, in the southern hemisphere.
const LORD_HOWE: &str = "Australia/Lord_Howe";

#[test]
fn a_window_over_midnight_belongs_to_the_day_it_begins() {
    // 2026-11-27 is a Friday.
    let (friday, night) = (&[5][..], ("22:00", "07:00"));
    assert_eq!(next(BERLIN, friday, night, "2026-11-27T12:00:00Z"), utc("2026-11-27T21:00Z", "2026-11-28T06:00Z"));
    // Still the window of Friday on Saturday morning; afterwards that of the next Friday.
    assert_eq!(next(BERLIN, friday, night, "2026-11-28T05:59:59Z"), utc("2026-11-27T21:00Z", "2026-11-28T06:00Z"));
    assert_eq!(next(BERLIN, friday, night, "2026-11-28T06:00:00Z"), utc("2026-12-04T21:00Z", "2026-12-05T06:00Z"));
    // Midnight itself.
    let evening = ("22:00", "00:00");
    assert_eq!(next(BERLIN, friday, evening, "2026-11-27T12:00:00Z"), utc("2026-11-27T21:00Z", "2026-11-27T23:00Z"));
    // Within a day.
    let noon = ("12:00", "13:00");
    assert_eq!(next(BERLIN, friday, noon, "2026-11-27T11:30:00Z"), utc("2026-11-27T11:00Z", "2026-11-27T12:00Z"));
}

#[test]
fn a_window_keeps_to_the_clock_when_it_goes_forward() {
    // Berlin, 2027-03-28: 02:00 +01:00 is followed by 03:00 +02:00. Lord Howe, 2026-10-04: 02:00 +10:30 by 02:30 +11:00.
    let night = ("22:00", "07:00");
    assert_eq!(next(BERLIN, ALL_DAYS, night, "2027-03-28T00:00:00Z"), utc("2027-03-27T21:00Z", "2027-03-28T05:00Z"));
    assert_eq!(next(LORD_HOWE, ALL_DAYS, night, "2026-10-03T15:00:00Z"), utc("2026-10-03T11:30Z", "2026-10-03T20:00Z"));
    // A skipped time is the moment of the change, as beginning and as end.
    let skipped = [("02:30", "05:00"), ("01:00", "02:30"), ("02:00", "02:59")];
    let berlin = |times| next(BERLIN, &[7], times, "2027-03-27T23:30:00Z");
    assert_eq!(berlin(skipped[0]), utc("2027-03-28T01:00Z", "2027-03-28T03:00Z"));
    assert_eq!(berlin(skipped[1]), utc("2027-03-28T00:00Z", "2027-03-28T01:00Z"));
    // Nothing is left of it: the next one is a week later.
    assert_eq!(berlin(skipped[2]), utc("2027-04-04T00:00Z", "2027-04-04T00:59Z"));
    let lord_howe = |times| next(LORD_HOWE, &[7], times, "2026-10-03T14:00:00Z");
    assert_eq!(lord_howe(("02:15", "03:00")), utc("2026-10-03T15:30Z", "2026-10-03T16:00Z"));
    assert_eq!(lord_howe(("01:00", "02:15")), utc("2026-10-03T14:30Z", "2026-10-03T15:30Z"));
}

#[test]
fn a_time_that_comes_twice_begins_with_the_first_and_ends_with_the_second() {
    // Berlin, 2026-10-25: 03:00 +02:00 is followed by 02:00 +01:00. Lord Howe, 2027-04-04: 02:00 +11:00 by 01:30 +10:30.
    let night = ("22:00", "07:00");
    assert_eq!(next(BERLIN, ALL_DAYS, night, "2026-10-25T00:00:00Z"), utc("2026-10-24T20:00Z", "2026-10-25T06:00Z"));
    assert_eq!(next(LORD_HOWE, ALL_DAYS, night, "2027-04-03T15:00:00Z"), utc("2027-04-03T11:00Z", "2027-04-03T20:30Z"));
    let berlin = |times| next(BERLIN, &[7], times, "2026-10-24T22:30:00Z");
    assert_eq!(berlin(("02:30", "05:00")), utc("2026-10-25T00:30Z", "2026-10-25T04:00Z"));
    assert_eq!(berlin(("01:00", "02:30")), utc("2026-10-24T23:00Z", "2026-10-25T01:30Z"));
    assert_eq!(berlin(("02:10", "02:20")), utc("2026-10-25T00:10Z", "2026-10-25T01:20Z"));
    assert_eq!(berlin(("01:00", "02:00")), utc("2026-10-24T23:00Z", "2026-10-25T01:00Z"));
    let lord_howe = |times| next(LORD_HOWE, &[7], times, "2027-04-03T13:30:00Z");
    assert_eq!(lord_howe(("01:45", "03:00")), utc("2027-04-03T14:45Z", "2027-04-03T16:30Z"));
    assert_eq!(lord_howe(("01:00", "01:45")), utc("2027-04-03T14:00Z", "2027-04-03T15:15Z"));
}

#[test]
fn a_whole_day_that_a_clock_skipped_has_no_window() {
    // Samoa went from 2011-12-29 to 2011-12-31, a Saturday, at 10:00 UTC.
    let friday = next("Pacific/Apia", &[5], ("08:00", "09:00"), "2011-12-30T00:00:00Z");
    assert_eq!(friday, utc("2012-01-05T18:00Z", "2012-01-05T19:00Z"));
    let night = next("Pacific/Apia", &[4], ("22:00", "07:00"), "2011-12-30T00:00:00Z");
    assert_eq!(night, utc("2011-12-30T08:00Z", "2011-12-30T10:00Z"));
}

#[test]
fn times_and_zones_are_read_in_one_spelling() {
    for good in ["00:00", "09:05", "23:59"] {
        assert_eq!(good.parse::<ClockTime>().unwrap().to_string(), good);
    }
    for wrong in ["", "24:00", "9:05", "09:60", "09:05:00", "0a:00", "09-05", "+9:05", "٠٩:٠٥"] {
        assert_eq!(wrong.parse::<ClockTime>(), Err(NotAClockTime), "{wrong}");
    }
    assert_eq!("Europe/Berlin".parse::<Zone>().unwrap().to_string(), "Europe/Berlin");
    for wrong in ["", "Berlin", "europe/berlin", "+01:00", "Europe/Berlin "] {
        assert_eq!(wrong.parse::<Zone>(), Err(NotAZone), "{wrong}");
    }
}

/// Whether the window covers each of these minutes, found by watching the clock: the window of a day begins in the first minute in
/// which the clock shows its beginning or more, and ends after the last minute in which it shows less than its end.
fn watched(zone: chrono_tz::Tz, window: &QuietWindow, first: Timestamp, minutes: usize) -> Vec<bool> {
    // Windows that began before, and the hours that come twice after the last minute.
    let margin = 3 * 24 * 60;
    let begin = first - TimeDelta::minutes(margin);
    let watch_for = minutes + 2 * usize::try_from(margin).unwrap();
    let clock: Vec<NaiveDateTime> =
        (0..).take(watch_for).map(|m| (begin + TimeDelta::minutes(m)).with_timezone(&zone).naive_local()).collect();
    let mut covered = vec![false; watch_for];
    let mut day = clock[0].date();
    while day <= clock[watch_for - 1].date() {
        let weekday = u8::try_from(day.weekday().number_from_monday()).unwrap();
        if window.days.contains(&weekday) {
            let last_day = if window.from < window.to { day } else { day.succ_opt().unwrap() };
            let (from, to) = (day.and_time(window.from.0), last_day.and_time(window.to.0));
            let starts = clock.iter().position(|&shown| shown >= from).unwrap_or(watch_for);
            let ends = clock.iter().rposition(|&shown| shown < to).map_or(0, |last| last + 1);
            (starts..ends).for_each(|minute| covered[minute] = true);
        }
        day = day.succ_opt().unwrap();
    }
    let margin = usize::try_from(margin).unwrap();
    covered[margin..margin + minutes].to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn windows_are_those_that_watching_the_clock_finds(
        (name, change) in prop_oneof![
            Just((BERLIN, "2027-03-28T01:00:00Z")),
            Just((BERLIN, "2026-10-25T01:00:00Z")),
            Just((LORD_HOWE, "2026-10-03T15:30:00Z")),
            Just((LORD_HOWE, "2027-04-03T15:00:00Z")),
            Just(("America/St_Johns", "2026-11-01T04:30:00Z")),
            Just(("Asia/Kathmandu", "2026-06-01T00:00:00Z")),
        ],
        days in proptest::collection::btree_set(1..=7_u8, 1..=7),
        // Near the changes, which happen at night, more often than not.
        from in prop_oneof![0..24 * 60_u32, 0..4 * 60_u32],
        lasts in prop_oneof![1..24 * 60_u32, 1..4 * 60_u32],
        begins_before in 0..30 * 60_i64,
    ) {
        let zone = zone(name);
        let time = |minute: u32| ClockTime(NaiveTime::from_hms_opt(minute / 60 % 24, minute % 60, 0).unwrap());
        let window =
            QuietWindow { days: days.into_iter().collect(), from: time(from), to: time((from + lasts) % (24 * 60)) };
        let first: Timestamp = change.parse::<Timestamp>().unwrap() - TimeDelta::minutes(begins_before);
        let minutes = 2 * 24 * 60;
        let watched = watched(zone, &window, first, minutes);
        let found = spans(std::slice::from_ref(&window), &zone, first);
        for (minute, is_quiet) in (0..).zip(watched) {
            let at = first + TimeDelta::minutes(minute);
            prop_assert_eq!(found.iter().any(|span| span.contains(at)), is_quiet, "at {} with {:?}", at, window);
        }
    }
}

#[test]
fn a_time_is_shown_with_its_zone() {
    let shown = |at: &str, zone: Option<&str>| shown_time(at.parse().unwrap(), zone.map(|name| name.parse().unwrap()));
    assert_eq!(shown("2026-01-15T10:00:59Z", None), "2026-01-15 10:00 UTC");
    assert_eq!(shown("2026-01-15T23:30:00Z", Some("Europe/Berlin")), "2026-01-16 00:30 UTC+01:00 (Europe/Berlin)");
    assert_eq!(
        shown("2026-07-15T10:00:00Z", Some("America/St_Johns")),
        "2026-07-15 07:30 UTC-02:30 (America/St_Johns)"
    );
}
