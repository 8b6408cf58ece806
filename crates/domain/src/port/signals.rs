//! What nodes tell each other in passing.

use async_trait::async_trait;

use crate::Signal;

/// The way to the other nodes of the service, for what may be lost: delivery on this node and the event log MUST NOT
/// depend on it.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait Signals: Send + Sync {
    /// Tells all other nodes that listen at this time. MUST return at once, whatever has become of the way: what cannot
    /// be sent is lost, the oldest first. What is heard MUST be heard in the order in which one node told it.
    fn tell(&self, signal: Signal);

    /// Begins to listen to the other nodes. A node MUST NOT hear itself.
    fn listen(&self) -> Box<dyn SignalListener>;

    /// Whether signals travel at present: what this node tells reaches the others, and the other way round. Where there
    /// are no other nodes, they do.
    fn travel(&self) -> bool;
}

/// One who listens.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait SignalListener: Send {
    /// Waits for the next signal; for ever, when there will be none. Cancel-safe. A listener that is too slow loses the
    /// oldest.
    async fn next(&mut self) -> Signal;
}
