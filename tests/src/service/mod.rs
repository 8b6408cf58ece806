//! A running service under test: processes of the binary on real ports, databases filled with users, and plain requests.

pub mod http;
pub mod node;
pub mod world;

use allynet_domain::Timestamp;

/// The system time, which the nodes share.
#[expect(clippy::disallowed_methods, reason = "the service runs in real time")]
pub fn now() -> Timestamp {
    chrono::Utc::now()
}
