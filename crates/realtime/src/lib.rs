//! The Socket.IO adapter: transports, and the order of what a client sends.

mod connections;
mod inbox;

pub use connections::{Connection, Connections, SOCKET_IO_PATH, Watched};
pub use inbox::{Inbox, Refused};
