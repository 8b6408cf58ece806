//! The port [`Signals`](allynet_domain::port::Signals) on Redis publish/subscribe.
//!
//! Redis may be unreachable at any time, from the start on, for any time: then no signal reaches the other nodes, and no
//! caller waits. Nothing is stored in it.

mod address;
mod echo;
mod frame;
mod link;
mod metrics;
mod signal_queue;

pub use address::{Address, InvalidAddress};
pub use link::Redis;
pub use metrics::describe as describe_metrics;
