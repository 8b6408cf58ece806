//! The log: what is written, and what must never be.

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

/// Libraries whose logs below warnings hold what clients send, tokens, positions and messages, or the ids of their
/// sessions, which are bearers.
const TALKATIVE: [&str; 6] = ["socketioxide", "engineioxide", "tungstenite", "tokio_tungstenite", "hyper", "sqlx"];

/// Starts the log on standard output.
pub(crate) fn start(filter: &str, format: LogFormat) -> anyhow::Result<()> {
    let wanted = EnvFilter::try_new(filter).with_context(|| format!("RUST_LOG: `{filter}` is no filter"))?;
    let filter = wanted.and(filter_fn(may_be_written));
    let layer = match format {
        LogFormat::Text => {
            tracing_subscriber::fmt::layer().with_ansi(std::io::stdout().is_terminal()).with_filter(filter).boxed()
        }
        LogFormat::Json => tracing_subscriber::fmt::layer().json().with_filter(filter).boxed(),
    };
    tracing_subscriber::registry().with(layer).try_init().context("the log was started already")
}

/// Whatever is asked for, payloads and session ids are not logged.
fn may_be_written(metadata: &Metadata<'_>) -> bool {
    let talkative = TALKATIVE.iter().any(|name| metadata.target().starts_with(name));
    !talkative || *metadata.level() <= Level::WARN
}
