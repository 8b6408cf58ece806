//! Snapshots of the views.

mod accounts;
mod emergencies;
mod messages;
