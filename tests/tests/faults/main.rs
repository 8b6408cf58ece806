//! Fault injection: real nodes on real ports and databases, which are killed, cut off, frozen and overrun, and clients
//! that come back and resume. A checker holds what each of them heard against the log in the database.
//!
//! `make faults` runs this in a short form, `FAULTS=long make faults` in the long one. `FAULTS_SEED` repeats a run's
//! chances, as far as machines can be repeated; every failure names it.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "what was measured is printed")]

mod burst;
mod checker;
mod client;
mod cluster;
mod crashes;
mod form;
mod http;
mod ledger;
mod networks;
mod node;
mod outages;
mod proxy;
mod readers;
mod retries;
mod world;
