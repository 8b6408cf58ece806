//! The commands of the binary: starts the log and the runtime, and runs the command that was asked for.

use crate::{
    serve,
    settings::{Command, CommandLine},
    telemetry,
};

/// Runs a command to its end; without one, the service.
///
/// # Errors
/// When a setting is wrong, the database cannot be used, or the listener fails.
pub fn run(CommandLine { command, settings }: &CommandLine) -> anyhow::Result<()> {
    telemetry::start(&settings.log, settings.log_format)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match command.unwrap_or(Command::Serve) {
        Command::Serve => runtime.block_on(serve::serve(settings)),
        Command::Migrate => runtime.block_on(serve::migrate(settings)),
    }
}
