//! The composition root: reads the settings, chooses an adapter for each port, assembles the middleware, and runs the
//! service until it is told to stop.
//!
//! The binary `allynet` is [`CommandLine::read`] and [`run`]. No rule of the service is decided here.

mod alert_timers;
mod command;
mod http;
mod learning;
pub mod limits;
mod listen;
mod listener;
mod log_retention;
mod logging;
mod lookout;
mod metrics;
mod node_link;
mod outage;
mod position_batcher;
mod serve;
mod settings;
mod store;
mod system;
mod token_key;
mod watch;
mod wiring;

pub use command::run;
pub use settings::CommandLine;
