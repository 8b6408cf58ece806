//! When a helper wants to be alerted: quiet hours, a pause, what breaks through them, and a limit per day.
//!
//! A helper that is quiet, paused or at the limit for an emergency counts as off duty for its alerts, broadcasts and counts.
//! Pure: the present time is an argument.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    quiet_hours::{QuietWindow, Span, Zone, spans},
    string_enum,
};

/// Maximum time from now until the end of a pause.
pub const MAX_PAUSE: TimeDelta = TimeDelta::days(30);
/// Maximum of the limit per day.
pub const MAX_ALERTS_PER_DAY: u32 = 50;
/// The time in which alerts are counted for the limit per day.
pub const ALERT_LIMIT_WINDOW: TimeDelta = TimeDelta::hours(24);
/// Time until an absence is computed again at the latest, because the rules of a time zone may change with a new version. Less
/// than the time for which quiet hours are looked ahead, so that one absence follows another without a gap.
const MAX_REVIEW_DELAY: TimeDelta = TimeDelta::days(7);
/// How far the clock of a device that computes the end of a pause may be ahead of the service.
const MAX_CLOCK_LEAD: TimeDelta = TimeDelta::minutes(5);

string_enum! {
    /// Which emergencies reach a helper in quiet hours and in a pause.
    Breakthrough { None = "none", Critical = "critical", All = "all" }
}

string_enum! {
    /// Which emergencies reach a helper that is on duty, in growing order.
    AlertScope { None = "none", Critical = "critical", All = "all" }
}

string_enum! {
    /// What a helper's own record says of the present moment.
    Availability { OnDuty = "on_duty", Quiet = "quiet", Paused = "paused", OffDuty = "off_duty" }
}

impl AlertScope {
    /// Whether an emergency reaches the helper.
    pub fn includes(self, is_critical: bool) -> bool {
        match self {
            Self::All => true,
            Self::Critical => is_critical,
            Self::None => false,
        }
    }
}

/// Channels by which a helper may be reached if nothing else reaches them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NotifyChannels {
    /// Email.
    pub email: bool,
    /// SMS or a call.
    pub sms: bool,
}

/// When and how a helper wants to be alerted. Stored as JSON: fields may be added, never renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AlertPreferences {
    /// Quiet hours: at most [`MAX_QUIET_WINDOWS`](crate::MAX_QUIET_WINDOWS) windows.
    pub quiet: Vec<QuietWindow>,
    /// The time zone of the quiet hours. `Some` if there are any.
    pub zone: Option<Zone>,
    /// The end of a pause, which may be over.
    pub paused_until: Option<Timestamp>,
    /// What reaches the helper in quiet hours and in a pause.
    pub breakthrough: Breakthrough,
    /// Maximum number of different owners whose emergencies ring the helper in 24 hours. Critical ones are counted, and never
    /// stopped.
    pub max_alerts_per_day: Option<u32>,
    /// Further channels.
    pub notify: NotifyChannels,
}

impl Default for AlertPreferences {
    fn default() -> Self {
        Self {
            quiet: Vec::new(),
            zone: None,
            paused_until: None,
            breakthrough: Breakthrough::Critical,
            max_alerts_per_day: None,
            notify: NotifyChannels::default(),
        }
    }
}

/// An absence as the databases keep it beside a helper's position, so that a search compares times only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Absence {
    /// The present absence, or else the next one.
    pub span: Span,
    /// Whether critical emergencies do not reach the helper either.
    pub from_critical: bool,
}

/// What follows from the preferences of a helper at a moment, until they are looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertSchedule {
    /// Which emergencies reach the helper now.
    pub scope: AlertScope,
    /// The present or next absence.
    pub absence: Option<Absence>,
    /// When the schedule has to be made again. `None` if nothing changes by itself.
    pub review_at: Option<Timestamp>,
}

impl Default for AlertSchedule {
    fn default() -> Self {
        Self { scope: AlertScope::All, absence: None, review_at: None }
    }
}

impl AlertPreferences {
    /// Whether an emergency reaches a helper with these preferences at this moment, as far as quiet hours and pauses decide. To be
    /// asked when a helper is chosen, and again when a step is due.
    ///
    /// The limit per day is not asked again: the alert that is being sent counts itself.
    pub fn reaches(&self, is_critical: bool, now: Timestamp) -> bool {
        self.absence_scope(self.away_at(now).is_some()).includes(is_critical)
    }

    /// Whether the helper is quiet or paused now, whatever breaks through, and when that ends. Without an end if the helper is
    /// quiet for more than a week on end.
    pub fn availability(&self, is_on_duty: bool, now: Timestamp) -> (Availability, Option<Timestamp>) {
        if !is_on_duty {
            return (Availability::OffDuty, None);
        }
        let pause = self.pause_at(now);
        let pause_ends = pause.unwrap_or(now);
        let quiet = joined(self.quiet_spans(pause_ends)).filter(|span| span.contains(pause_ends));
        let ends = quiet.map_or(pause, |span| (span.until < pause_ends + MAX_REVIEW_DELAY).then_some(span.until));
        match (pause, quiet) {
            (Some(_), _) => (Availability::Paused, ends),
            (None, Some(_)) => (Availability::Quiet, ends),
            (None, None) => (Availability::OnDuty, None),
        }
    }

    /// The end of the pause, if it lasts.
    pub fn pause_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.paused_until.filter(|&until| now < until)
    }

    /// The schedule from now on. `limit_ends_at` is when the helper falls below the limit per day, if it is reached.
    pub fn schedule(&self, now: Timestamp, limit_ends_at: Option<Timestamp>) -> AlertSchedule {
        let away = self.present_or_next_span(now);
        let is_away = away.is_some_and(|span| span.contains(now));
        let by_limit = if limit_ends_at.is_some() { AlertScope::Critical } else { AlertScope::All };
        let absence = away.filter(|_| self.breakthrough != Breakthrough::All);
        let change = absence.map(|span| if is_away { span.until } else { span.from });
        let latest = self.zone.is_some().then_some(now + MAX_REVIEW_DELAY);
        AlertSchedule {
            scope: self.absence_scope(is_away).min(by_limit),
            absence: absence.map(|span| Absence { span, from_critical: self.breakthrough == Breakthrough::None }),
            review_at: change.into_iter().chain(absence.and(latest)).chain(limit_ends_at).min(),
        }
    }

    fn absence_scope(&self, is_away: bool) -> AlertScope {
        match (is_away, self.breakthrough) {
            (false, _) | (true, Breakthrough::All) => AlertScope::All,
            (true, Breakthrough::Critical) => AlertScope::Critical,
            (true, Breakthrough::None) => AlertScope::None,
        }
    }

    fn away_at(&self, now: Timestamp) -> Option<Span> {
        self.present_or_next_span(now).filter(|span| span.contains(now))
    }

    /// The absence around `now`, or else the next one.
    fn present_or_next_span(&self, now: Timestamp) -> Option<Span> {
        let mut spans = self.quiet_spans(now);
        spans.extend(self.pause_at(now).map(|until| Span { from: now, until }));
        joined(spans)
    }

    fn quiet_spans(&self, now: Timestamp) -> Vec<Span> {
        self.zone.map_or_else(Vec::new, |zone| spans(&self.quiet, &zone.tz(), now))
    }
}

/// The first of these spans, with those that follow it without a gap.
fn joined(mut spans: Vec<Span>) -> Option<Span> {
    spans.sort_unstable();
    let mut spans = spans.into_iter();
    let mut first = spans.next()?;
    for next in spans {
        if next.from > first.until {
            break;
        }
        first.until = first.until.max(next.until);
    }
    Some(first)
}

/// A change of alert preferences. `None` keeps a value; where a value is an `Option` itself, `Some(None)` clears it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PreferencesChange {
    /// Quiet hours; none clears them.
    pub quiet: Option<Vec<QuietWindow>>,
    /// Their time zone.
    pub zone: Option<Option<Zone>>,
    /// The end of a pause.
    pub paused_until: Option<Option<Timestamp>>,
    /// What breaks through.
    pub breakthrough: Option<Breakthrough>,
    /// The limit per day.
    pub max_alerts_per_day: Option<Option<u32>>,
    /// Whether email is wanted.
    pub email: Option<bool>,
    /// Whether SMS or calls are wanted.
    pub sms: Option<bool>,
}

/// Why preferences are not acceptable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PreferencesError {
    /// Quiet hours have no time zone.
    #[error("is required with quiet hours")]
    ZoneMissing,
    /// The end of the pause is too far away.
    #[error("must be at most 30 days from now")]
    PauseTooLong,
}

impl PreferencesChange {
    /// The preferences after the change.
    ///
    /// # Errors
    /// [`PreferencesError`].
    pub fn apply(self, before: &AlertPreferences, now: Timestamp) -> Result<AlertPreferences, PreferencesError> {
        let Self { quiet, zone, paused_until, breakthrough, max_alerts_per_day, email, sms } = self;
        if paused_until.flatten().is_some_and(|until| until > now + MAX_PAUSE + MAX_CLOCK_LEAD) {
            return Err(PreferencesError::PauseTooLong);
        }
        let after = AlertPreferences {
            quiet: quiet.unwrap_or_else(|| before.quiet.clone()),
            zone: zone.unwrap_or(before.zone),
            paused_until: paused_until.unwrap_or(before.paused_until),
            breakthrough: breakthrough.unwrap_or(before.breakthrough),
            max_alerts_per_day: max_alerts_per_day.unwrap_or(before.max_alerts_per_day),
            notify: NotifyChannels {
                email: email.unwrap_or(before.notify.email),
                sms: sms.unwrap_or(before.notify.sms),
            },
        };
        if !after.quiet.is_empty() && after.zone.is_none() {
            return Err(PreferencesError::ZoneMissing);
        }
        Ok(after)
    }
}

#[cfg(test)]
mod tests;
