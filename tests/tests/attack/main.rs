//! Hostile callers: one account or one address takes as much as it can get, while an owner raises emergencies, a helper accepts
//! them and messages are sent. What the hostile caller does must cost the others no refusal and no memory.
//!
//! `make attack` runs the short form, `ATTACK=long make attack` the long one, which also judges milliseconds. Every case that
//! touches the database runs on both, with the limits as in production.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "measurements are printed")]

mod alarms;
mod assault;
mod case;
mod connections;
mod form;
mod logins;
mod memory;
mod requests;
mod storage;
mod victim;

/// A test of the case on each database.
macro_rules! on_both_databases {
    ($($case:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(&allynet_tests::service::world::Kind::Sqlite).await;
            })*
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(&allynet_tests::service::world::Kind::postgres()).await;
            })*
        }
    };
}
use on_both_databases;
