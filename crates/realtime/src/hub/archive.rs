//! A cache of pages of the event log that lie before the ring.
//!
//! After a restart of a node many clients ask for the same part of the log: each page is read once, and pages are read
//! one at a time. Knows nothing of connections.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use allynet_domain::{
    EventId,
    port::{EventLog, Result},
};
use parking_lot::Mutex;

use crate::hub::log_entry::LogEntry;

/// Number of event ids that a page covers.
const PAGE_SIZE: i64 = 512;
/// Number of pages that are cached; the oldest are evicted first.
const MAX_CACHED_PAGES: usize = 32;

/// A page of the event log: all events with ids from a range of [`PAGE_SIZE`] numbers.
#[derive(Debug)]
pub(crate) struct Page {
    /// The lower end of the range, exclusive.
    pub(crate) after: EventId,
    pub(crate) entries: Vec<Arc<LogEntry>>,
    /// The position after which the log was complete when the page had been read.
    pub(crate) complete_since: EventId,
}

/// The cached pages, by page number.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    pages: Mutex<BTreeMap<i64, Arc<Page>>>,
    /// Held while a page is read, so that concurrent replays share one query.
    reading: tokio::sync::Mutex<()>,
    /// Incremented when something is deleted from the log.
    generation: AtomicU64,
}

impl Archive {
    /// The page that contains the id `last`, from the cache or from the database.
    ///
    /// The page ends at `seen`, the position that this node has reached, which must not be less than `last`. A page
    /// that is cut off there is not cached.
    ///
    /// # Errors
    ///
    /// Those of the event log.
    pub(crate) async fn page(&self, log: &dyn EventLog, last: EventId, seen: EventId) -> Result<Arc<Page>> {
        let number = (last.get() - 1).div_euclid(PAGE_SIZE);
        if let Some(page) = self.cached(number) {
            return Ok(page);
        }
        let _reading = self.reading.lock().await;
        // Another replay may have read it while this one waited for the lock.
        if let Some(page) = self.cached(number) {
            return Ok(page);
        }
        let generation = self.generation.load(Ordering::SeqCst);
        let (after, end) = (EventId::new(number * PAGE_SIZE), EventId::new((number + 1) * PAGE_SIZE));
        let events = log.range(after, end.min(seen), PAGE_SIZE.unsigned_abs().try_into().unwrap_or(u32::MAX)).await?;
        // Read after the events: retention may have removed some of them in between, and must then be noticed.
        let complete_since = log.complete_since().await?;
        let page = Arc::new(Page { after, entries: events.into_iter().map(LogEntry::new).collect(), complete_since });
        if end <= seen {
            self.insert(number, &page, generation);
        }
        Ok(page)
    }

    /// Evicts all pages, because an event was deleted from the log.
    pub(crate) fn invalidate(&self) {
        // Before the pages are cleared: a page that is being read now may contain the event, and is not inserted.
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.pages.lock().clear();
    }

    fn cached(&self, number: i64) -> Option<Arc<Page>> {
        self.pages.lock().get(&number).cloned()
    }

    fn insert(&self, number: i64, page: &Arc<Page>, generation: u64) {
        let mut pages = self.pages.lock();
        if generation == self.generation.load(Ordering::SeqCst) {
            pages.insert(number, Arc::clone(page));
        }
        while pages.len() > MAX_CACHED_PAGES {
            pages.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use allynet_domain::port::MockEventLog;

    use super::*;

    const SEEN: EventId = EventId::new(10_000);

    /// A log whose ranges are empty and may be read so many times; `reading` runs during each read.
    fn log(reads: usize, reading: impl Fn() + Send + 'static) -> MockEventLog {
        let mut log = MockEventLog::new();
        log.expect_range().times(reads).returning(move |_, _, _| {
            reading();
            Ok(Vec::new())
        });
        log.expect_complete_since().returning(|| Ok(EventId::START));
        log
    }

    #[tokio::test]
    async fn a_page_is_read_once_for_many_clients() {
        let (archive, log) = (Archive::default(), log(1, || ()));
        let (first, second) =
            tokio::join!(archive.page(&log, EventId::new(513), SEEN), archive.page(&log, EventId::new(1024), SEEN));
        assert_eq!([first.unwrap().after, second.unwrap().after], [EventId::new(512); 2]);
        archive.page(&log, EventId::new(600), SEEN).await.unwrap();
    }

    #[tokio::test]
    async fn a_page_that_the_node_has_not_seen_to_its_end_is_not_cached() {
        let (archive, log) = (Archive::default(), log(2, || ()));
        for _ in 0..2 {
            archive.page(&log, EventId::new(513), EventId::new(1000)).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_page_is_not_cached_if_an_event_was_deleted_while_it_was_read() {
        let archive = Arc::new(Archive::default());
        let deleting = Arc::clone(&archive);
        let log = log(2, move || deleting.invalidate());
        for _ in 0..2 {
            archive.page(&log, EventId::new(513), SEEN).await.unwrap();
        }
    }
}
