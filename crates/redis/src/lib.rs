//! The port [`Signals`](allynet_domain::port::Signals) on Redis publish/subscribe.
//!
//! Redis may be unreachable at any time, from the start on, for any time: then no signal reaches the other nodes, and no
//! caller waits. All that is stored in it is a high-water mark of event numbers, which tells a database that was restored.

mod address;
mod echo;
mod frame;
mod high_water;
mod link;
mod metrics;
mod signal_queue;

pub use address::{Address, InvalidAddress};
pub use link::Redis;
pub use metrics::describe as describe_metrics;
