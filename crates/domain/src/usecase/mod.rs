//! The use cases: the operations of the service for users, administrators and timers.
//!
//! Each is a function of the ports it needs, an [`Actor`](crate::Actor) and a command. It loads through ports, lets the
//! rules decide, and commits one [`Change`](crate::Change). No use case sends anything to a socket.

mod access_log;
pub mod account_deletion;
pub mod accounts;
pub mod administrators;
pub mod alerts;
pub mod availability;
pub mod blocks;
pub mod contact_notices;
pub mod contacts;
pub mod details;
pub mod devices;
pub mod emergencies;
pub mod exports;
pub mod feedback;
pub mod helpers;
pub mod messages;
pub mod moves;
pub mod outbox;
pub mod password_resets;
pub mod readiness;
pub mod reading;
pub mod reopening;
pub mod resources;
pub mod responses;
pub mod retention;
mod retry;
pub mod rooms;
mod rules;
pub mod stalls;
mod team;

pub use rules::Rules;
