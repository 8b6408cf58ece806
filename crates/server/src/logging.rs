//! The log on standard output, and which libraries must never write payloads to it.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{FilterExt as _, filter_fn},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::settings::LogFormat;

/// Libraries that log payloads below the level of warnings: tokens, positions and messages of clients, or the ids of
/// their sessions, which authenticate like a password.
const PAYLOAD_LOGGING_LIBRARIES: [&str; 6] =
    ["socketioxide", "engineioxide", "tungstenite", "tokio_tungstenite", "hyper", "sqlx"];

/// Installs the global subscriber.
///
/// # Errors
/// Returns an error if the filter does not parse, or a subscriber is installed already.
pub(crate) fn init(filter: &str, format: LogFormat) -> anyhow::Result<()> {
    let wanted = EnvFilter::try_new(filter).with_context(|| format!("RUST_LOG: `{filter}` is not a log filter"))?;
    let filter = wanted.and(filter_fn(holds_no_payload));
    let layer = match format {
        LogFormat::Text => {
            tracing_subscriber::fmt::layer().with_ansi(std::io::stdout().is_terminal()).with_filter(filter).boxed()
        }
        LogFormat::Json => tracing_subscriber::fmt::layer().json().with_filter(filter).boxed(),
    };
    tracing_subscriber::registry().with(layer).try_init().context("the log is initialized already")
}

/// Not configurable: no filter of an operator may bring payloads into the log.
fn holds_no_payload(metadata: &Metadata<'_>) -> bool {
    let logs_payloads = PAYLOAD_LOGGING_LIBRARIES.iter().any(|name| metadata.target().starts_with(name));
    !logs_payloads || *metadata.level() <= Level::WARN
}
