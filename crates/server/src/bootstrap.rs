//! Restores the projections of a node that has just been started from the database.

use std::time::Duration;

use allynet_domain::{
    Emergency,
    port::{self, AdminPage, Emergencies, ListedEmergency},
};
use allynet_projections::OpenEmergencies;

use crate::failure_log::FailureLog;

/// How long to wait before a failed read is started again.
const RETRY_DELAY: Duration = Duration::from_millis(500);
/// How many emergencies are read by one query.
const PAGE_SIZE: u32 = 500;

/// Restores every open emergency, and marks the projection complete. Retries until it succeeds.
///
/// MUST begin after this node has begun to follow the log: an emergency that is raised from then on comes as an event, so
/// that none falls between the read and the log.
pub(crate) async fn restore_open_emergencies(emergencies: &dyn Emergencies, open: &OpenEmergencies) {
    let mut failures = FailureLog::new("open emergencies cannot be read, retrying");
    // A repeated read begins again from the newest. Restoring what was restored before changes nothing.
    while failures.record(each_open(emergencies, |emergency| open.restore(emergency)).await).is_none() {
        tokio::time::sleep(RETRY_DELAY).await;
    }
    open.mark_complete();
}

/// Reads all open emergencies, newest first, page by page.
async fn each_open(emergencies: &dyn Emergencies, mut restore: impl FnMut(&Emergency)) -> port::Result<()> {
    let mut before = None;
    loop {
        let page = AdminPage { status: None, near: None, before, limit: PAGE_SIZE };
        let open = emergencies.list(&page).await?;
        for listed in &open {
            restore(&listed.emergency);
        }
        match open.last() {
            Some(ListedEmergency { emergency: last, .. }) if open.len() >= PAGE_SIZE as usize => {
                before = Some((last.call().created_at, last.id()));
            }
            Some(_) | None => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use allynet_domain::port::MockEmergencies;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_failed_read_is_repeated_and_only_then_is_everything_known() {
        let mut emergencies = MockEmergencies::new();
        emergencies.expect_list().times(2).returning(|_| Err(port::Error::unavailable("the test says so")));
        emergencies.expect_list().times(1).returning(|_| Ok(Vec::new()));
        let open = OpenEmergencies::default();
        let begun = tokio::time::Instant::now();
        restore_open_emergencies(&emergencies, &open).await;
        assert!(open.is_complete());
        assert_eq!(begun.elapsed(), RETRY_DELAY * 2);
    }
}
