//! The binary `allynet`; everything it does is in the library [`allynet_server`].

use std::{io::Write as _, process::ExitCode};

use allynet_server::{CommandLine, run};

fn main() -> ExitCode {
    match run(&CommandLine::read()) {
        Ok(code) => code,
        Err(error) => {
            // A standard error that cannot be written to leaves nowhere to report that.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
