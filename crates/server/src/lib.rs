//! The composition root: reads the settings, chooses an adapter for each port, assembles the middleware, and runs the
//! service until it is told to stop.
//!
//! The binary `allynet` is [`CommandLine::read`] and [`run`]. No rule of the service is decided here.

mod command;
mod environment;
mod erasure;
mod http;
mod learning;
pub mod limits;
mod listen;
mod listener;
mod lookout;
mod measures;
mod nodes;
mod outage;
mod positions;
mod retention;
mod secret;
mod serve;
mod settings;
mod store;
mod telemetry;
mod timers;
mod watch;
mod wiring;

pub use command::run;
pub use settings::CommandLine;
