//! The JSON of AllyNet: parsing of requests and client events, rendering of answers and server events.
//!
//! Every outward shape is made here, once, from domain values and for a given viewer, for REST and Socket.IO alike.
//! Fields are masked for a viewer here and nowhere else. This crate knows no transport and no database.

#[cfg(test)]
mod anonymity;
pub mod app_config;
pub mod client;
pub mod cursor;
pub mod data;
pub mod documents;
pub mod events;
pub mod input;
pub mod json;
pub mod limits;
pub mod links;
pub mod origin;
pub mod problem;
pub mod push;
#[cfg(test)]
mod reduction;
pub mod scheduling;
pub mod signals;
pub mod socket;
#[cfg(test)]
mod testing;
pub mod timeline;
pub mod views;

pub use problem::{FieldError, Problem};
