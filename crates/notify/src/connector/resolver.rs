//! Resolves names by the resolver of the system, which blocks a thread for each.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs as _},
    sync::Arc,
};

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::{
    sync::{Semaphore, watch},
    task,
};

/// Most names that are resolved at once. A thread is blocked until the resolver of the system answers, also after the wait for
/// it is over.
const MAX_LOOKUPS: usize = 128;

/// Resolves the name of a host.
#[async_trait]
pub(crate) trait Resolver: Send + Sync {
    /// All addresses of a name, with this port.
    async fn resolve(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// The resolver of the system. A name whose servers do not answer takes one thread, however often it is asked for.
pub(crate) struct SystemResolver {
    system: fn(&str) -> io::Result<Vec<IpAddr>>,
    permits: Arc<Semaphore>,
    under_way: Arc<Mutex<Lookups>>,
}

/// The names that are being resolved. The value is `None` until there is an answer.
type Lookups = HashMap<String, watch::Receiver<Option<io::Result<Vec<IpAddr>>>>>;

impl SystemResolver {
    pub(crate) fn new() -> Self {
        // The port is added later: it makes no difference to the addresses.
        Self::with(|name| Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect()))
    }

    fn with(system: fn(&str) -> io::Result<Vec<IpAddr>>) -> Self {
        let permits = Arc::new(Semaphore::new(MAX_LOOKUPS));
        Self { system, permits, under_way: Arc::default() }
    }

    /// The lookup of a name that is under way, or a new one.
    async fn lookup(&self, name: &str) -> io::Result<watch::Receiver<Option<io::Result<Vec<IpAddr>>>>> {
        if let Some(lookup) = self.under_way.lock().get(name) {
            return Ok(lookup.clone());
        }
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(io::Error::other)?;
        let mut under_way = self.under_way.lock();
        // Another request may have begun it meanwhile.
        if let Some(lookup) = under_way.get(name) {
            return Ok(lookup.clone());
        }
        let (answer, lookup) = watch::channel(None);
        under_way.insert(name.to_owned(), lookup.clone());
        let (system, entry) = (self.system, Entry { name: name.to_owned(), all: Arc::clone(&self.under_way) });
        task::spawn_blocking(move || {
            let addresses = system(&entry.name);
            // The next request asks anew.
            drop(entry);
            answer.send_replace(Some(addresses));
            // Held by the thread, not by a request: a request that gives up leaves the thread behind.
            drop(permit);
        });
        Ok(lookup)
    }
}

/// Removes a lookup when it ends.
struct Entry {
    name: String,
    all: Arc<Mutex<Lookups>>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.all.lock().remove(&self.name);
    }
}

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let mut lookup = self.lookup(name).await?;
        let answer = lookup.wait_for(Option::is_some).await.map_err(io::Error::other)?;
        match &*answer {
            Some(Ok(addresses)) => Ok(addresses.iter().map(|address| SocketAddr::new(*address, port)).collect()),
            Some(Err(error)) => Err(error.kind().into()),
            None => Err(io::ErrorKind::Other.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicBool, AtomicUsize, Ordering},
        thread,
        time::Duration,
    };

    use futures_util::FutureExt as _;
    use tokio::time::{sleep, timeout};

    use super::*;

    static ASKED: AtomicUsize = AtomicUsize::new(0);
    static HANGS: AtomicBool = AtomicBool::new(true);

    #[tokio::test]
    async fn a_name_whose_servers_do_not_answer_takes_one_thread() {
        let resolver = SystemResolver::with(|name| {
            if name == "hangs.example" {
                ASKED.fetch_add(1, Ordering::Relaxed);
                while HANGS.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(1));
                }
            }
            Ok(vec![[8, 8, 8, 8].into()])
        });
        let mut waiting: Vec<_> =
            (0..2 * MAX_LOOKUPS).map(|_| Box::pin(resolver.resolve("hangs.example", 443))).collect();
        assert!(waiting.iter_mut().all(|wait| wait.as_mut().now_or_never().is_none()));
        // The others go on.
        let other = timeout(Duration::from_mins(1), resolver.resolve("prompt.example", 8443)).await;
        HANGS.store(false, Ordering::Relaxed);
        assert_eq!(other.unwrap().unwrap(), [SocketAddr::from(([8, 8, 8, 8], 8443))]);
        for wait in waiting {
            assert_eq!(wait.await.unwrap(), [SocketAddr::from(([8, 8, 8, 8], 443))]);
        }
        assert_eq!(ASKED.load(Ordering::Relaxed), 1);
        while !resolver.under_way.lock().is_empty() {
            sleep(Duration::from_millis(1)).await;
        }
        // It is asked for anew.
        resolver.resolve("hangs.example", 443).await.unwrap();
        assert_eq!(ASKED.load(Ordering::Relaxed), 2);
    }
}
