//! The contract suite: what the documentation of the persistence ports promises, as tests.
//!
//! [`contract`] holds the cases, written against the ports and nothing else, so that every adapter can be held to
//! them; [`database`] makes the databases they run on. `tests/sqlite.rs` and `tests/postgres.rs` run the one on the
//! other.
#![expect(missing_docs, reason = "a case's name is the sentence it proves")]
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::missing_panics_doc, reason = "a test fails by panicking")]
#![allow(clippy::wildcard_imports, reason = "what is given is the language in which every case is written")]

pub mod contract;
pub mod database;
pub mod imports;
pub mod redis;
pub mod signals;
