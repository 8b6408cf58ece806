//! The JSON of AllyNet: what clients send, what they get, and what each of them may see of it.
//!
//! Every outward shape is made here, from domain values and for a given viewer, for REST and Socket.IO alike. Hiding
//! somebody from somebody happens here and nowhere else. This crate knows no transport and no database.

#[cfg(test)]
mod anonymity;
pub mod client;
pub mod cursor;
pub mod data;
pub mod events;
#[cfg(test)]
mod given;
pub mod input;
pub mod limits;
pub mod origin;
pub mod problem;
pub mod signals;
pub mod socket;
pub mod timeline;
pub mod views;

pub use problem::{FieldError, Problem};
