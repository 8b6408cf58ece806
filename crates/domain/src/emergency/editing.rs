//! Changes of the details by the owner, after the emergency was raised.

use super::{DetailsChange, Emergency};
use crate::{Refusal, Timestamp, UserId};

impl Emergency {
    /// The owner changes the details. Returns whether that changes anything.
    ///
    /// The search looks at the helpers anew if the emergency becomes critical: more of them may be alerted then. A decision by gain
    /// depends on kind, priority and severity.
    ///
    /// # Errors
    /// [`Refusal::NotAuthorized`] for all but the owner; [`Refusal::EmergencyEnded`]; [`Refusal::TooSoon`] after 30 changes in a
    /// minute, but for the first change of kind or priority.
    pub fn change_details(&mut self, by: UserId, change: DetailsChange, now: Timestamp) -> Result<bool, Refusal> {
        if self.owner() != by {
            return Err(Refusal::NotAuthorized);
        }
        self.must_be_live()?;
        let (before, after) = (&self.call.details, self.call.details.with(change));
        if *before == after {
            return Ok(false);
        }
        let (kind, priority) = (before.kind != after.kind, before.priority != after.priority);
        let (was_critical, is_announced) = (before.is_critical(), self.is_announced());
        let history = &mut self.search.details;
        let is_first = (kind && !history.kind_changed) || (priority && !history.priority_changed);
        history.count(is_first, now).map_err(|retry_after| Refusal::TooSoon { retry_after })?;
        history.kind_changed |= kind;
        history.priority_changed |= priority;
        if is_announced {
            history.announced_critical.get_or_insert(was_critical);
        }
        if after.is_critical() && !was_critical {
            self.search.look_again(now);
        }
        if kind || priority || before.severity != after.severity {
            self.search.decide_now(now);
        }
        self.call.details = after;
        self.updated_at = now;
        Ok(true)
    }

    /// Whether the helpers on duty whom only critical emergencies reach were told of the emergency, if any were.
    pub fn was_announced_critical(&self) -> bool {
        self.search.details.announced_critical.unwrap_or_else(|| self.call.details.is_critical())
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::{
        EmergencyType, Priority, Severity,
        testing::{GRACE_HOPPER, OWNER, active_emergency, at, id, text},
    };

    fn described(n: i64) -> DetailsChange {
        DetailsChange { description: Some(Some(text(&format!("{n}")))), ..DetailsChange::default() }
    }

    #[test]
    fn a_change_replaces_what_it_names_and_clears_what_may_be_missing() {
        let mut emergency = active_emergency();
        let before = emergency.call().details.clone();
        let change = DetailsChange {
            kind: Some(EmergencyType::Assault),
            category: Some(Some(text("robbery"))),
            ..DetailsChange::default()
        };
        assert_eq!(emergency.change_details(id(OWNER), change.clone(), at(5)), Ok(true));
        let after = emergency.call().details.clone();
        assert_eq!((after.kind, after.category.as_ref().unwrap().as_str()), (EmergencyType::Assault, "robbery"));
        assert_eq!((after.description, after.location), (before.description, before.location));
        assert_eq!(emergency.updated_at(), at(5));
        assert_eq!(emergency.change_details(id(OWNER), change, at(6)), Ok(false), "the same again");
        assert_eq!(emergency.updated_at(), at(5));
        let cleared = DetailsChange { category: Some(None), ..DetailsChange::default() };
        assert_eq!(emergency.change_details(id(OWNER), cleared, at(7)), Ok(true));
        assert_eq!(emergency.call().details.category, None);
    }

    #[test]
    fn only_the_owner_changes_a_live_emergency() {
        let mut emergency = active_emergency();
        assert_eq!(emergency.change_details(id(GRACE_HOPPER), described(1), at(1)), Err(Refusal::NotAuthorized));
        emergency.cancel(id(OWNER), None, at(2)).unwrap();
        let refused = emergency.change_details(id(OWNER), described(1), at(3));
        assert!(matches!(refused, Err(Refusal::EmergencyEnded { .. })), "{refused:?}");
        assert_eq!(emergency.change_details(id(GRACE_HOPPER), described(1), at(1)), Err(Refusal::NotAuthorized));
    }

    #[test]
    fn more_than_thirty_changes_a_minute_are_refused_but_the_first_of_kind_and_priority() {
        let mut emergency = active_emergency();
        let mut change = |change, second| emergency.change_details(id(OWNER), change, at(second));
        for n in 0..30 {
            assert_eq!(change(described(n), n), Ok(true), "{n}");
        }
        let wait = |seconds| Err(Refusal::TooSoon { retry_after: TimeDelta::seconds(seconds) });
        assert_eq!(change(described(30), 31), wait(29));
        assert_eq!(change(described(29), 31), Ok(false), "what changes nothing is no change");
        let kind = |kind| DetailsChange { kind: Some(kind), ..DetailsChange::default() };
        let priority = |priority| DetailsChange { priority: Some(priority), ..DetailsChange::default() };
        assert_eq!(change(kind(EmergencyType::Assault), 32), Ok(true));
        assert_eq!(change(kind(EmergencyType::Safety), 33), wait(27));
        assert_eq!(change(priority(Priority::Low), 34), Ok(true));
        assert_eq!(change(priority(Priority::Medium), 35), wait(25));
        let severity = DetailsChange { severity: Some(Severity::new(9).unwrap()), ..DetailsChange::default() };
        assert_eq!(change(severity, 36), wait(24));
        assert_eq!(change(described(30), 60), Ok(true), "the next minute");
    }

    #[test]
    fn becoming_critical_makes_the_search_look_at_the_helpers_at_once() {
        let critical = || DetailsChange { priority: Some(Priority::Critical), ..DetailsChange::default() };
        let mut emergency = active_emergency();
        let due = emergency.search().due_at;
        emergency.change_details(id(OWNER), described(1), at(1)).unwrap();
        assert_eq!(emergency.search().due_at, due);
        emergency.change_details(id(OWNER), critical(), at(2)).unwrap();
        assert_eq!(emergency.next_alert_at(), Some(at(2)));
        assert!(!emergency.was_announced_critical(), "it was announced before");
        let high = DetailsChange { priority: Some(Priority::High), ..DetailsChange::default() };
        let mut calm = active_emergency();
        calm.search.stop();
        calm.change_details(id(OWNER), critical(), at(2)).unwrap();
        assert_eq!(calm.next_alert_at(), None, "somebody responds");
        calm.change_details(id(OWNER), high, at(3)).unwrap();
        assert!(!calm.was_announced_critical());
    }
}
