//! The binary `allynet`: reads the settings, chooses the adapters, puts them together and runs them until it is told
//! to stop. No rule of the service is here.

mod client;
mod environment;
mod erasure;
mod front;
mod learning;
mod limits;
mod listener;
mod lookout;
mod measures;
mod nodes;
mod outage;
mod positions;
mod retention;
mod secret;
mod serve;
mod settings;
mod store;
mod telemetry;
mod timers;
mod watch;
mod wiring;

use std::process::ExitCode;

use settings::{Command, CommandLine};

fn main() -> ExitCode {
    let CommandLine { command, settings } = CommandLine::read();
    let outcome = telemetry::start(&settings.log, settings.log_format).and_then(|()| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        match command.unwrap_or(Command::Serve) {
            Command::Serve => runtime.block_on(serve::serve(&settings)),
            Command::Migrate => runtime.block_on(serve::migrate(&settings)),
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use std::io::Write as _;
            // Nothing is left to be done about a standard error that cannot be written to.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
