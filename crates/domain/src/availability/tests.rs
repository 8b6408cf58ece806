//! What reaches a helper when, and until when.

use super::*;
use crate::{Details, Priority, Severity, testing::details};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Quiet every night from 22:00 to 07:00 in Berlin.
fn nights() -> AlertPreferences {
    let window = QuietWindow { days: (1..=7).collect(), from: "22:00".parse().unwrap(), to: "07:00".parse().unwrap() };
    AlertPreferences {
        quiet: vec![window],
        zone: Some("Europe/Berlin".parse().unwrap()),
        ..AlertPreferences::default()
    }
}

const EVENING: &str = "2026-11-27T20:00:00Z";
const NIGHT_BEGINS: &str = "2026-11-27T21:00:00Z";
const NIGHT: &str = "2026-11-27T23:00:00Z";
const NIGHT_ENDS: &str = "2026-11-28T06:00:00Z";

#[test]
fn an_emergency_is_critical_by_its_priority_or_severity() {
    let with = |priority, severity| Details { priority, severity: Severity::new(severity).unwrap(), ..details() };
    assert!(!with(Priority::High, 7).is_critical());
    assert!(with(Priority::High, 8).is_critical());
    assert!(with(Priority::Critical, 1).is_critical());
}

#[test]
fn what_breaks_through_decides_what_reaches_a_helper_in_quiet_hours() {
    let cases =
        [(Breakthrough::None, false, false), (Breakthrough::Critical, false, true), (Breakthrough::All, true, true)];
    for (breakthrough, ordinary, critical) in cases {
        let preferences = AlertPreferences { breakthrough, ..nights() };
        let paused =
            AlertPreferences { breakthrough, paused_until: Some(at(NIGHT_ENDS)), ..AlertPreferences::default() };
        for preferences in [preferences, paused] {
            assert_eq!(preferences.reaches(false, at(NIGHT)), ordinary, "{breakthrough}");
            assert_eq!(preferences.reaches(true, at(NIGHT)), critical, "{breakthrough}");
            assert!(preferences.reaches(false, at(NIGHT_ENDS)), "{breakthrough}: it ends by itself");
            let scope = preferences.schedule(at(NIGHT), None).scope;
            assert_eq!((scope.includes(false), scope.includes(true)), (ordinary, critical), "{breakthrough}");
        }
    }
    assert!(nights().reaches(false, at(EVENING)));
    assert!(!nights().reaches(false, at(NIGHT_BEGINS)));
}

#[test]
fn a_schedule_holds_the_present_or_next_absence_and_is_made_again_when_it_changes() {
    let night = Span { from: at(NIGHT_BEGINS), until: at(NIGHT_ENDS) };
    let absence = Some(Absence { span: night, from_critical: false });
    let evening = AlertSchedule { scope: AlertScope::All, absence, review_at: Some(night.from) };
    assert_eq!(nights().schedule(at(EVENING), None), evening);
    let during = AlertSchedule { scope: AlertScope::Critical, absence, review_at: Some(night.until) };
    assert_eq!(nights().schedule(at(NIGHT), None), during);
    let strict = AlertPreferences { breakthrough: Breakthrough::None, ..nights() };
    assert!(strict.schedule(at(NIGHT), None).absence.unwrap().from_critical);
    // Nothing is ever kept away.
    let open = AlertPreferences { breakthrough: Breakthrough::All, ..nights() };
    assert_eq!(open.schedule(at(NIGHT), None), AlertSchedule::default());
    assert_eq!(AlertPreferences::default().schedule(at(NIGHT), None), AlertSchedule::default());
}

#[test]
fn a_pause_and_the_quiet_hours_that_follow_it_are_one_absence() {
    let preferences = AlertPreferences { paused_until: Some(at("2026-11-27T22:30:00Z")), ..nights() };
    let span = Span { from: at(EVENING), until: at(NIGHT_ENDS) };
    assert_eq!(preferences.schedule(at(EVENING), None).absence.unwrap().span, span);
    assert_eq!(preferences.availability(true, at(EVENING)), (Availability::Paused, Some(at(NIGHT_ENDS))));
    assert_eq!(preferences.availability(true, at(NIGHT)), (Availability::Quiet, Some(at(NIGHT_ENDS))));
    assert_eq!(preferences.availability(true, at(NIGHT_ENDS)), (Availability::OnDuty, None));
    assert_eq!(preferences.availability(false, at(NIGHT)), (Availability::OffDuty, None));
    let long = at("2026-12-20T12:00:00Z");
    let paused = AlertPreferences { paused_until: Some(long), ..nights() };
    assert_eq!(paused.availability(true, at(EVENING)), (Availability::Paused, Some(long)));
}

#[test]
fn quiet_hours_without_a_gap_have_no_end_and_are_looked_at_in_time() {
    let half = |from: &str, to: &str| QuietWindow {
        days: (1..=7).collect(),
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
    };
    let always = AlertPreferences { quiet: vec![half("07:00", "19:00"), half("19:00", "07:00")], ..nights() };
    assert_eq!(always.availability(true, at(NIGHT)), (Availability::Quiet, None));
    let AlertSchedule { absence, review_at, .. } = always.schedule(at(NIGHT), None);
    assert!(review_at < absence.map(|absence| absence.span.until), "the absence is prolonged before it is over");
}

#[test]
fn the_limit_per_day_never_stops_a_critical_emergency() {
    let limited = AlertPreferences { max_alerts_per_day: Some(1), ..AlertPreferences::default() };
    let ends = at(NIGHT_ENDS);
    let schedule = limited.schedule(at(NIGHT), Some(ends));
    assert_eq!(schedule, AlertSchedule { scope: AlertScope::Critical, absence: None, review_at: Some(ends) });
    // The stricter of both holds, and the earlier change.
    let strict = AlertPreferences { breakthrough: Breakthrough::None, ..nights() };
    assert_eq!(strict.schedule(at(NIGHT), Some(ends)).scope, AlertScope::None);
    assert_eq!(nights().schedule(at(EVENING), Some(ends)).scope, AlertScope::Critical);
    assert_eq!(nights().schedule(at(EVENING), Some(ends)).review_at, Some(at(NIGHT_BEGINS)));
}

#[test]
fn preferences_are_stored_as_json_and_read_again() {
    let preferences = AlertPreferences {
        paused_until: Some(at(NIGHT)),
        breakthrough: Breakthrough::None,
        max_alerts_per_day: Some(3),
        notify: NotifyChannels { email: true, sms: false },
        ..nights()
    };
    let json = serde_json::to_string(&preferences).unwrap();
    assert_eq!(serde_json::from_str::<AlertPreferences>(&json).unwrap(), preferences);
    // What an older version stored lacks what came later.
    assert_eq!(serde_json::from_str::<AlertPreferences>("{}").unwrap(), AlertPreferences::default());
}
