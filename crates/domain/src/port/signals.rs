//! Signals between nodes.

use async_trait::async_trait;

use crate::Signal;

/// Publish and subscribe between the nodes of a cluster, for values that may be lost.
///
/// Delivery to the sockets of this node and the event log MUST NOT depend on it.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait Signals: Send + Sync {
    /// Sends a signal to all other nodes that listen now.
    ///
    /// MUST return at once, whatever the state of the connection: signals that cannot be sent are lost, the oldest first.
    /// The signals of one node MUST be received in the order in which it sent them.
    fn publish(&self, signal: Signal);

    /// Subscribes to the signals of the other nodes. A node MUST NOT receive its own.
    fn listen(&self) -> Box<dyn SignalListener>;

    /// Whether signals reach the other nodes now and theirs reach this node. `true` where there are no other nodes.
    fn is_connected(&self) -> bool;
}

/// A subscription to the signals of the other nodes.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait SignalListener: Send {
    /// Waits for the next signal, for ever if none will come. Cancel-safe.
    ///
    /// A listener that is too slow loses the oldest signals.
    async fn next(&mut self) -> Signal;
}
