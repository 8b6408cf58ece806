//! The contract suite on SQLite: a real file in a temporary folder. Each case also explains the statements that it ran.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod plans;

allynet_tests::contract!(crate::plans::ExplainedSqlite);
