//! Fault injection: real nodes on real ports and databases, which are killed, disconnected, frozen and overloaded, and
//! clients that reconnect and resume. A checker compares what each client received with the log in the database.
//!
//! `make faults` runs the short form, `FAULTS=long make faults` the long one. Every failure prints its seed; `FAULTS_SEED`
//! repeats its random choices, though not the timing of the machine.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "measurements are printed")]

mod burst;
mod checker;
mod client;
mod cluster;
mod crashes;
mod devices;
mod form;
mod ledger;
mod networks;
mod outages;
mod proxy;
mod readers;
mod retries;
mod senders;
