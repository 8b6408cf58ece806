//! The background tasks of the outbox: the sender of this node, and the deletion of old messages.

use std::{sync::Arc, time::Duration};

use allynet_domain::{
    Error,
    outbox::Connections,
    port::PushChannel,
    usecase::outbox::{SendingPorts, delete_old},
};
use allynet_notify::OutboxSender;
use allynet_wire::push::render;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::failure_log::FailureLog;

const DELETE_INTERVAL: Duration = Duration::from_mins(10);
/// Maximum number of messages that are deleted at once.
const DELETE_LIMIT: u32 = 1_000;

/// The sender of this node.
pub(crate) fn sender(
    ports: SendingPorts,
    channel: Arc<dyn PushChannel>,
    connections: Arc<dyn Connections>,
    public_url: &str,
) -> OutboxSender {
    let public_url = public_url.trim_end_matches('/').to_owned();
    OutboxSender { ports, channel, connections, render: Arc::new(move |push| render(push, &public_url)) }
}

/// Deletes old messages until `stop` is cancelled.
pub(crate) async fn delete_old_messages(ports: SendingPorts, stop: CancellationToken) {
    let deleting = async {
        let mut failures = FailureLog::new("deleting old messages failed, retrying");
        loop {
            let deleted = delete_old(&ports, DELETE_LIMIT).await;
            let more = deleted.as_ref().is_ok_and(|&count| count >= u64::from(DELETE_LIMIT));
            failures.record::<_, Error>(deleted);
            if !more {
                sleep(DELETE_INTERVAL).await;
            }
        }
    };
    stop.run_until_cancelled(deleting).await;
}
