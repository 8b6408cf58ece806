//! The log, and which libraries must never write payloads to it.

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt as _, filter_fn},
    fmt::writer::BoxMakeWriter,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::settings::LogFormat;

/// Libraries that log payloads below the level of warnings: tokens, positions and messages of clients, or the ids of
/// their sessions, which authenticate like a password.
const PAYLOAD_LOGGING_LIBRARIES: [&str; 6] =
    ["socketioxide", "engineioxide", "tungstenite", "tokio_tungstenite", "hyper", "sqlx"];

/// Where the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogOutput {
    /// Standard output.
    Stdout,
    /// Standard error, for commands whose standard output is their result.
    Stderr,
}

/// A layer beside that of the log.
pub(crate) type ExtraLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Installs the global subscriber.
///
/// # Errors
/// Returns an error if the filter does not parse, or a subscriber is installed already.
pub(crate) fn init(
    filter: &str,
    format: LogFormat,
    output: LogOutput,
    extra: Option<ExtraLayer>,
) -> anyhow::Result<()> {
    let wanted = EnvFilter::try_new(filter).with_context(|| format!("RUST_LOG: `{filter}` is not a log filter"))?;
    let filter = wanted.and(filter_fn(holds_no_payload));
    let (writer, is_terminal) = match output {
        LogOutput::Stdout => (BoxMakeWriter::new(io::stdout), io::stdout().is_terminal()),
        LogOutput::Stderr => (BoxMakeWriter::new(io::stderr), io::stderr().is_terminal()),
    };
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    let layer = match format {
        LogFormat::Text => layer.with_ansi(is_terminal).with_filter(filter).boxed(),
        LogFormat::Json => layer.json().with_filter(filter).boxed(),
    };
    tracing_subscriber::registry().with(extra).with(layer).try_init().context("the log is initialized already")
}

/// Not configurable: no filter of an operator may bring payloads into the log.
fn holds_no_payload(metadata: &Metadata<'_>) -> bool {
    let logs_payloads = PAYLOAD_LOGGING_LIBRARIES.iter().any(|name| metadata.target().starts_with(name));
    !logs_payloads || *metadata.level() <= Level::WARN
}
