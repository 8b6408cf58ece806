//! Wakes the readers of the log: at once for what this node committed, by `LISTEN`/`NOTIFY` for other nodes. Both may
//! fail to; readers look for themselves every second. Knows nothing of what is in the log.

use std::{sync::Arc, time::Duration};

use sqlx::{PgPool, postgres::PgListener};
use tokio::{
    sync::{Notify, watch},
    time::sleep,
};
use tokio_util::sync::{CancellationToken, DropGuard};

const CHANNEL: &str = "allynet_event";
const NOTIFY: &str = "SELECT pg_notify('allynet_event', '')";
/// How long to wait before a failed connection is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Tells those who wait that the log has grown, here and on other nodes.
#[derive(Debug)]
pub(crate) struct Wake {
    here: Arc<watch::Sender<()>>,
    elsewhere: Arc<Notify>,
    stop: CancellationToken,
}

impl Wake {
    /// Starts to listen and to notify, until the guard is dropped.
    pub(crate) fn start(pool: PgPool) -> (Self, DropGuard) {
        let (here, elsewhere, stop) =
            (Arc::new(watch::Sender::new(())), Arc::new(Notify::new()), CancellationToken::new());
        let listening = listen(pool.clone(), Arc::clone(&here));
        let notifying = notify(pool, Arc::clone(&elsewhere));
        tokio::spawn(stop.clone().run_until_cancelled_owned(listening));
        tokio::spawn(stop.clone().run_until_cancelled_owned(notifying));
        (Self { here, elsewhere, stop: stop.clone() }, stop.drop_guard())
    }

    /// Something was committed here.
    pub(crate) fn committed(&self) {
        self.here.send_replace(());
        self.elsewhere.notify_one();
    }

    /// Changes whenever something may have been committed anywhere.
    pub(crate) fn subscribe(&self) -> watch::Receiver<()> {
        self.here.subscribe()
    }

    /// Ends both tasks.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }
}

/// `NOTIFY` takes a lock of the whole instance at commit. In the transaction that stores a change it would put all
/// commits in a row; here it is one for all changes that were committed while the last one was under way.
async fn notify(pool: PgPool, committed: Arc<Notify>) {
    loop {
        committed.notified().await;
        while let Err(error) = sqlx::query(NOTIFY).execute(&pool).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "other nodes were not notified of new events");
            sleep(RETRY).await;
        }
    }
}

async fn listen(pool: PgPool, here: Arc<watch::Sender<()>>) {
    loop {
        if let Err(error) = listen_once(&pool, &here).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "other nodes' notifications are not heard");
        }
        sleep(RETRY).await;
    }
}

/// Listens until the connection is lost.
async fn listen_once(pool: &PgPool, here: &watch::Sender<()>) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    loop {
        // Also at the beginning: what was notified while nobody listened is not told again.
        here.send_replace(());
        if listener.try_recv().await?.is_none() {
            return Ok(());
        }
    }
}
