//! The commands of the binary: initializes the log and the runtime, then runs one command.

use std::process::ExitCode;

use crate::{
    backup, check,
    logging::{self, LogOutput},
    operator, resource_import, serve,
    settings::{Command, CommandLine},
    telemetry::Telemetry,
};

/// Number of tasks that a thread runs before it looks for bytes from sockets and for timers. With tokio's 61 a call for help waits up
/// to so many tasks at each of its steps, while thousands of positions are received (figures in docs/performance.md).
const TASKS_PER_POLL: u32 = 4;

/// Runs a command until it ends; `serve` if none is given. A check that has found a fault fails without an error.
///
/// # Errors
/// Returns an error if a setting is wrong, the database cannot be used, or the listener fails.
pub fn run(CommandLine { command, settings }: &CommandLine) -> anyhow::Result<ExitCode> {
    let prints_result = matches!(
        command,
        Some(
            Command::Admin(_)
                | Command::Export { .. }
                | Command::Check
                | Command::Backup { .. }
                | Command::ImportResources { .. }
        )
    );
    let log_output = if prints_result { LogOutput::Stderr } else { LogOutput::Stdout };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().event_interval(TASKS_PER_POLL).build()?;
    let command = command.as_ref().unwrap_or(&Command::Serve);
    let telemetry = match command {
        Command::Serve => Telemetry::start(settings, runtime.handle())?,
        _ => None,
    };
    let layer = telemetry.as_ref().map(Telemetry::layer);
    logging::init(&settings.log, settings.log_format, log_output, layer)?;
    match command {
        Command::Serve => {
            let outcome = runtime.block_on(serve::serve(settings, telemetry.as_ref()));
            telemetry.iter().for_each(Telemetry::shut_down);
            outcome
        }
        Command::Migrate => runtime.block_on(operator::migrate(settings)),
        Command::AfterRestore => runtime.block_on(operator::after_restore(settings)),
        Command::Admin(command) => runtime.block_on(operator::administer(settings, command)),
        Command::Export { email } => runtime.block_on(operator::export(settings, email)),
        Command::Backup { file } => runtime.block_on(backup::back_up(settings, file)),
        Command::ImportResources { file } => runtime.block_on(resource_import::import(settings, file)),
        Command::Check => {
            return Ok(if runtime.block_on(check::check(settings))? { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
    }?;
    Ok(ExitCode::SUCCESS)
}
