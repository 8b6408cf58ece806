//! The Socket.IO adapter: transports, the handshake, what clients send, who is in which room, and the dispatcher that
//! brings the events of the log to those who hear of them.
//!
//! [`gateway`] puts it together. No use case knows of it, and it decides nothing: rules come from the domain, payloads
//! from the wire crate.

mod acknowledgements;
mod addresses;
mod answer;
mod archive;
mod desk;
mod device;
mod dispatcher;
mod engine;
mod gate;
mod gateway;
mod handshake;
mod hub;
mod inbox;
mod later;
mod measures;
mod members;
mod motion;
mod numbers;
mod presence;
mod receive;
mod resume;
mod ring;
mod signals;
mod slot;
mod told;
mod touched;
mod work;

pub use desk::{Ports, Sighted};
pub use dispatcher::Dispatcher;
pub use gateway::{Gateway, SocketService, gateway};
pub use inbox::{Inbox, Refused};
pub use measures::describe as describe_metrics;
pub use motion::Motion;
pub use signals::InProcess;
