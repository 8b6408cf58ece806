//! The port [`Signals`](allynet_domain::port::Signals) on Redis publish/subscribe: what the nodes of one service tell
//! each other in passing.
//!
//! Redis may be away at any time, from the start on, for as long as it likes: then nothing reaches the other nodes, and
//! nobody waits. Nothing is stored in it.

mod address;
mod frame;
mod link;
mod measures;
mod queue;
mod travel;

pub use address::{Address, WrongAddress};
pub use link::Redis;
pub use measures::describe as describe_metrics;
