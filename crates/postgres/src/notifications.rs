//! Notifications that the log has grown: in process for commits of this node, by `LISTEN`/`NOTIFY` between nodes.
//!
//! Both may be lost, so readers of the log poll as well. Knows nothing of the content of the log.

use std::{sync::Arc, time::Duration};

use sqlx::{PgPool, postgres::PgListener};
use tokio::{
    sync::{Notify, watch},
    time::sleep,
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

const CHANNEL: &str = "allynet_event";
const NOTIFY: &str = "SELECT pg_notify('allynet_event', '')";
/// Delay before a failed connection or notification is tried again.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Wakes readers of the log on this node, and has other nodes notified.
#[derive(Debug)]
pub(crate) struct Notifications {
    committed: Arc<watch::Sender<()>>,
    /// Holds at most one permit, so commits that come while a `NOTIFY` is under way share the next.
    to_notify: Arc<Notify>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Notifications {
    /// Spawns the tasks that listen and notify. They end when the guard is dropped.
    pub(crate) fn start(pool: PgPool) -> (Self, DropGuard) {
        let (committed, to_notify) = (Arc::new(watch::Sender::new(())), Arc::new(Notify::new()));
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let listening = listen(pool.clone(), Arc::clone(&committed));
        let notifying = notify(pool, Arc::clone(&to_notify));
        tasks.spawn(stop.clone().run_until_cancelled_owned(listening));
        tasks.spawn(stop.clone().run_until_cancelled_owned(notifying));
        tasks.close();
        (Self { committed, to_notify, stop: stop.clone(), tasks }, stop.drop_guard())
    }

    /// Wakes readers here and notifies other nodes; to be called after a commit with events.
    pub(crate) fn committed(&self) {
        self.committed.send_replace(());
        self.to_notify.notify_one();
    }

    /// A receiver that changes whenever any node may have committed events.
    pub(crate) fn subscribe(&self) -> watch::Receiver<()> {
        self.committed.subscribe()
    }

    /// Ends both tasks, and returns when neither uses the pool any more: a pool closed under them would be logged as a fault.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

/// `NOTIFY` takes a lock of the whole instance at commit. In the transaction of a change it would serialize all commits; here
/// one notification stands for all changes that were committed while the last one was under way.
async fn notify(pool: PgPool, to_notify: Arc<Notify>) {
    loop {
        to_notify.notified().await;
        while let Err(error) = sqlx::query(NOTIFY).execute(&pool).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "NOTIFY of new events failed, trying again");
            sleep(RETRY_DELAY).await;
        }
    }
}

async fn listen(pool: PgPool, committed: Arc<watch::Sender<()>>) {
    loop {
        if let Err(error) = listen_until_lost(&pool, &committed).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "LISTEN for new events failed, trying again");
        }
        sleep(RETRY_DELAY).await;
    }
}

async fn listen_until_lost(pool: &PgPool, committed: &watch::Sender<()>) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    // The listener would reconnect without a report, and notifications sent meanwhile would be missed.
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    loop {
        // Also before the first notification: those sent while the connection was down are not sent again.
        committed.send_replace(());
        if listener.try_recv().await?.is_none() {
            return Ok(());
        }
    }
}
