//! Events from before the ring, read from the database in pages that many clients share: however many come back at
//! once, each page is read once, and one at a time.
//!
//! Knows nothing of connections.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use allynet_domain::{
    EventId,
    port::{EventLog, Result},
};

use crate::hub::log_entry::Told;

/// How many numbers of the log are on a page.
const PAGE: i64 = 512;
/// How many pages are kept, the newest ones.
const KEPT: usize = 32;

/// A part of the log.
#[derive(Debug)]
pub(crate) struct Page {
    /// Everything after this is on the page or after it.
    pub(crate) after: EventId,
    pub(crate) events: Vec<Arc<Told>>,
    /// The log was complete since here after the page was read.
    pub(crate) complete_since: EventId,
}

/// The pages that were read.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    pages: Mutex<BTreeMap<i64, Arc<Page>>>,
    reading: tokio::sync::Mutex<()>,
    /// Grows when something is taken out of the log: what was being read then is not kept.
    generation: AtomicU64,
}

impl Archive {
    /// The page that `last` is on, but nothing after `seen`, which is not before it: this node has seen all up to there.
    pub(crate) async fn page(&self, log: &dyn EventLog, last: EventId, seen: EventId) -> Result<Arc<Page>> {
        let number = (last.get() - 1).div_euclid(PAGE);
        if let Some(page) = self.kept(number) {
            return Ok(page);
        }
        let _one_at_a_time = self.reading.lock().await;
        if let Some(page) = self.kept(number) {
            return Ok(page);
        }
        let generation = self.generation.load(Ordering::SeqCst);
        let (after, end) = (EventId::new(number * PAGE), EventId::new((number + 1) * PAGE));
        let events = log.range(after, end.min(seen), PAGE.unsigned_abs().try_into().unwrap_or(u32::MAX)).await?;
        let complete_since = log.complete_since().await?;
        let page = Arc::new(Page { after, events: events.into_iter().map(Told::new).collect(), complete_since });
        if end <= seen {
            self.keep(number, &page, generation);
        }
        Ok(page)
    }

    /// Something was taken out of the log.
    pub(crate) fn forget(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn kept(&self, number: i64) -> Option<Arc<Page>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).get(&number).cloned()
    }

    fn keep(&self, number: i64, page: &Arc<Page>, generation: u64) {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if generation == self.generation.load(Ordering::SeqCst) {
            pages.insert(number, Arc::clone(page));
        }
        while pages.len() > KEPT {
            pages.pop_first();
        }
    }
}
