//! Memory of the process: what a burst took is given back to the system when the burst is over.

use std::{fs, time::Duration};

use allynet_heap::release_free_memory;
use tokio::{task::spawn_blocking, time::sleep};
use tokio_util::sync::CancellationToken;

const MEMORY_CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Decides when it is worthwhile to give memory back: after resident memory has grown by a fifth, once it grows no more.
///
/// So a process whose memory is constant never pays for it, and neither does a burst while it lasts.
#[derive(Debug)]
struct ReleasePolicy {
    /// Resident memory after the last release, or the least since then, in pages.
    base: u64,
    /// Resident memory at the last check, in pages.
    last: u64,
}

impl ReleasePolicy {
    const fn new(resident: u64) -> Self {
        Self { base: resident, last: resident }
    }

    /// Whether memory is to be given back now.
    fn is_due(&mut self, resident: u64) -> bool {
        let is_growing = resident > self.last;
        self.last = resident;
        self.base = self.base.min(resident);
        !is_growing && resident > self.base + self.base / 5
    }

    /// Records what is resident after a release.
    const fn released(&mut self, resident: u64) {
        (self.base, self.last) = (resident, resident);
    }
}

/// Gives memory back after bursts until `stop` is cancelled. Does nothing where the system does not report resident memory.
pub(crate) async fn release_after_bursts(stop: CancellationToken) {
    let Some(resident) = resident_pages() else { return };
    let mut policy = ReleasePolicy::new(resident);
    while stop.run_until_cancelled(sleep(MEMORY_CHECK_INTERVAL)).await.is_some() {
        let Some(resident) = resident_pages() else { return };
        if policy.is_due(resident) && spawn_blocking(release_free_memory).await.is_ok() {
            policy.released(resident_pages().unwrap_or(resident));
        }
    }
}

/// Resident memory of this process in pages, from `/proc`.
fn resident_pages() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    text.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The checks at which memory is given back, if it falls to `after` then.
    fn releases(checks: &[u64], after: u64) -> Vec<usize> {
        let mut policy = ReleasePolicy::new(checks[0]);
        let mut due = Vec::new();
        for (n, &resident) in checks.iter().enumerate() {
            if policy.is_due(resident) {
                due.push(n);
                policy.released(after);
            }
        }
        due
    }

    #[test]
    fn memory_is_given_back_once_after_a_burst() {
        for (what, checks, after, expected) in [
            ("constant", &[100, 100, 119, 119, 100, 119][..], 100, &[][..]),
            ("a burst", &[100, 150, 200, 200, 110, 110], 110, &[3]),
            ("a burst that ends at once", &[100, 200, 199, 100], 100, &[2]),
            ("memory that stays in use", &[100, 200, 200, 200, 200, 239, 239], 200, &[2]),
            ("it stays in use and grows again", &[100, 200, 200, 250, 250, 250], 200, &[2, 4]),
            ("growth by small steps", &[100, 110, 110, 121, 121], 100, &[4]),
        ] {
            assert_eq!(releases(checks, after), expected, "{what}");
        }
    }

    #[test]
    fn the_resident_memory_of_this_process_is_known() {
        let before = resident_pages().unwrap();
        let block = vec![1_u8; 64 << 20];
        let with_block = resident_pages().unwrap();
        assert!(with_block > before, "{} bytes took no page: {before}, {with_block}", block.len());
    }
}
