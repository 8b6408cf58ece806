//! Removing what is older than it is kept, in short steps.

use std::sync::Arc;

use chrono::TimeDelta;

use crate::{
    Grid, Timestamp,
    port::{self, EndedEmergency},
};

/// Maximum number of emergencies that a step thins, and of deleted accounts of which it removes what is left.
const MAX_THINNED: u32 = 20;
/// Maximum number of other records that a step removes, of each kind.
const MAX_REMOVED: u32 = 500;
/// How long entries of access logs are kept after the emergencies that they are about, whose records they outlive.
const READINGS_KEPT_FOR: TimeDelta = TimeDelta::days(365);

/// How long records are kept. Ages that reach back further than 1970 keep everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Records of emergencies after their end, and of what was deleted.
    pub records: TimeDelta,
    /// How long a session is valid after its last use.
    pub session: TimeDelta,
    /// How long trust and ratings exclude more of the same pair.
    pub reputation: TimeDelta,
}

/// The ports of these use cases.
#[derive(Clone)]
pub struct RetentionPorts {
    /// Finds and removes records.
    pub retention: Arc<dyn port::Retention>,
    /// Removes what is left of deleted emergencies.
    pub changes: Arc<dyn port::Changes>,
    /// The time.
    pub clock: Arc<dyn port::Clock>,
    /// The cells of which one is left of the place of an emergency.
    pub grid: Grid,
    /// How long records are kept.
    pub policy: RetentionPolicy,
}

/// Does one step of each kind. Returns whether there is more to do.
///
/// # Errors
/// Returns the first error of a port, after the steps of all other kinds: one that keeps failing MUST NOT keep the others from being
/// done.
pub async fn step(cx: &RetentionPorts) -> port::Result<bool> {
    let RetentionPolicy { records, session, reputation } = cx.policy;
    let (retention, now) = (&cx.retention, cx.clock.now());
    let is_full = |removed: port::Result<u64>, limit: u32| removed.map(|removed| removed >= u64::from(limit));
    let mut steps = vec![is_full(retention.forget_counters(now, MAX_REMOVED).await, MAX_REMOVED)];
    if let Some(before) = ago(now, &[records]) {
        steps.push(thin(cx, before, now).await);
        if let Some(gained_before) = ago(now, &[records.max(reputation)]) {
            let removed = cx.changes.forget_deleted(before, gained_before, MAX_REMOVED).await;
            steps.push(is_full(removed, MAX_REMOVED));
        }
        // After the records above, which refer to deleted accounts.
        steps.push(is_full(retention.forget_former_users(before, MAX_THINNED).await, MAX_THINNED));
    }
    if let Some(used_before) = ago(now, &[records, session]) {
        steps.push(is_full(retention.forget_sessions(used_before, MAX_REMOVED).await, MAX_REMOVED));
    }
    if let Some(read_before) = ago(now, &[records, READINGS_KEPT_FOR]) {
        steps.push(is_full(retention.forget_readings(read_before, MAX_REMOVED).await, MAX_REMOVED));
    }
    steps.into_iter().try_fold(false, |has_more, step| Ok(has_more | step?))
}

/// Thins emergencies that ended before `before`. Returns whether there are more.
async fn thin(cx: &RetentionPorts, before: Timestamp, now: Timestamp) -> port::Result<bool> {
    let due = cx.retention.to_be_thinned(before, MAX_THINNED).await?;
    if due.is_empty() {
        return Ok(false);
    }
    let thinned = due.iter().map(|&EndedEmergency { id, place }| EndedEmergency { id, place: cx.grid.coarse(place) });
    let is_done = cx.retention.thin(&thinned.collect::<Vec<_>>(), before, now, MAX_REMOVED).await?;
    Ok(!is_done || due.len() >= MAX_THINNED as usize)
}

/// The time that is all of these before `now`, unless it lies before 1970.
fn ago(now: Timestamp, ages: &[TimeDelta]) -> Option<Timestamp> {
    let ago = ages.iter().try_fold(now, |at, age| at.checked_sub_signed(*age));
    ago.filter(|at| *at >= Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use mockall::predicate::eq;

    use super::*;
    use crate::{
        Position,
        port::{MockChanges, MockRetention},
        testing::{EMERGENCY, clock, id, now, position},
    };

    const POLICY: RetentionPolicy =
        RetentionPolicy { records: TimeDelta::days(90), session: TimeDelta::days(7), reputation: TimeDelta::days(120) };

    fn days_ago(days: i64) -> Timestamp {
        now() - TimeDelta::days(days)
    }

    fn ports(retention: MockRetention, changes: MockChanges, policy: RetentionPolicy) -> RetentionPorts {
        let grid = Grid::with_key([7; 16]);
        RetentionPorts { retention: Arc::new(retention), changes: Arc::new(changes), clock: clock(), grid, policy }
    }

    /// Ports that expect every other record to be removed by its age, and remove this many.
    fn removing(mut retention: MockRetention, removed: u64) -> (MockRetention, MockChanges) {
        retention.expect_forget_counters().with(eq(now()), eq(500)).returning(move |_, _| Ok(removed));
        retention.expect_forget_former_users().with(eq(days_ago(90)), eq(20)).returning(|_, _| Ok(0));
        retention.expect_forget_sessions().with(eq(days_ago(97)), eq(500)).returning(|_, _| Ok(0));
        retention.expect_forget_readings().with(eq(days_ago(455)), eq(500)).returning(|_, _| Ok(0));
        let mut changes = MockChanges::new();
        // The reputation excludes more for longer than records are kept.
        let expected = (eq(days_ago(90)), eq(days_ago(120)), eq(500));
        changes.expect_forget_deleted().with(expected.0, expected.1, expected.2).returning(|_, _, _| Ok(0));
        (retention, changes)
    }

    fn due(number: u32) -> Vec<EndedEmergency> {
        let place: Position = position(52.5, 13.4);
        (0..number).map(|n| EndedEmergency { id: id(EMERGENCY + u128::from(n)), place }).collect()
    }

    #[tokio::test]
    async fn an_emergency_is_thinned_to_the_cell_of_its_place() {
        for (number, is_done, expected) in [(0, true, false), (2, true, false), (2, false, true), (20, true, true)] {
            let (mut retention, cell) = (MockRetention::new(), Grid::with_key([7; 16]).coarse(position(52.5, 13.4)));
            retention.expect_to_be_thinned().with(eq(days_ago(90)), eq(20)).returning(move |_, _| Ok(due(number)));
            retention.expect_thin().times(usize::from(number > 0)).returning(move |thinned, before, at, limit| {
                assert_eq!((before, at, limit), (days_ago(90), now(), 500));
                assert!(thinned.iter().map(|e| (e.id, e.place)).eq(due(number).iter().map(|e| (e.id, cell))));
                Ok(is_done)
            });
            let (retention, changes) = removing(retention, 0);
            let has_more = step(&ports(retention, changes, POLICY)).await.unwrap();
            assert_eq!(has_more, expected, "{number} {is_done}");
        }
    }

    #[tokio::test]
    async fn a_step_that_removed_as_much_as_it_may_is_followed_by_another() {
        for (removed, expected) in [(499, false), (500, true)] {
            let mut retention = MockRetention::new();
            retention.expect_to_be_thinned().returning(|_, _| Ok(vec![]));
            let (retention, changes) = removing(retention, removed);
            assert_eq!(step(&ports(retention, changes, POLICY)).await.unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn a_kind_that_fails_keeps_no_other_from_being_removed() {
        let mut retention = MockRetention::new();
        let (_, changes) = removing(MockRetention::new(), 0);
        retention.expect_to_be_thinned().times(1).returning(|_, _| Err(port::Error::unavailable("no answer")));
        retention.expect_forget_counters().times(1).returning(|_, _| Ok(500));
        retention.expect_forget_former_users().times(1).returning(|_, _| Ok(0));
        retention.expect_forget_sessions().times(1).returning(|_, _| Ok(0));
        retention.expect_forget_readings().times(1).returning(|_, _| Ok(0));
        assert!(step(&ports(retention, changes, POLICY)).await.is_err());
    }

    #[tokio::test]
    async fn a_retention_longer_than_the_calendar_keeps_everything() {
        let mut retention = MockRetention::new();
        retention.expect_forget_counters().returning(|_, _| Ok(0));
        let policy = RetentionPolicy { records: TimeDelta::MAX, ..POLICY };
        assert!(!step(&ports(retention, MockChanges::new(), policy)).await.unwrap());
    }
}
