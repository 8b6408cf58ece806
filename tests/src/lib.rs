//! The shared parts of integration tests.
//!
//! [`mod@contract`] is the contract suite: it tests what the documentation of the persistence ports promises, against the ports
//! only. `tests/sqlite.rs` and `tests/postgres.rs` run it on the databases of [`database`]. [`signals`] is the same for the
//! port `Signals`, run on [`redis`] by `tests/signals.rs`. [`service`] runs the binary, for `tests/faults` and `tests/attack`. [`fuzz`] has the entry points for bytes of strangers. [`push_service`] and [`mail_server`] receive what `crates/notify` sends; [`control`] offers them to the end-to-end tests. [`tables`] says what becomes of the rows of every table. [`imports`] finds import circles, for `tests/architecture.rs`.
#![expect(missing_docs, reason = "the name of a case says what it proves")]
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::missing_panics_doc, reason = "a test fails by panicking")]
#![allow(clippy::wildcard_imports, reason = "every case uses most of the fixtures")]

pub mod certificates;
pub mod contract;
pub mod control;
pub mod database;
// `cargo fuzz` builds the same file as a crate of its own, with few dependencies.
#[path = "../fuzz/src/lib.rs"]
pub mod fuzz;
pub mod imports;
pub mod mail_server;
pub mod push_service;
pub mod redis;
pub mod service;
pub mod signals;
pub mod tables;
