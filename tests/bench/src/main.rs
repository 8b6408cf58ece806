//! The benchmark: compares this service with others on the same machine and database.
//!
//! ```text
//! allynet-bench [--quick] [SCENARIO…]
//! ```
//!
//! Run by `make bench`, through `tests/with-postgres.sh`. Prints tables as Markdown and ends by itself. What the figures
//! mean is described in `docs/performance.md`. The driver only uses the port of a server, and reads its costs from `/proc`.

mod form;
mod load;
mod scenario;
mod server;
mod sheet;
mod statistics;
mod usage;
mod world;

use std::{
    env,
    io::{self, Write as _},
    process::ExitCode,
};

use anyhow::{Context as _, bail};

use crate::{
    form::Form,
    scenario::{ALL, BenchContext, Scenario},
    server::stay_beside_the_server,
    world::DatabaseServer,
};

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // An error while writing to standard error cannot be reported.
            writeln!(io::stderr(), "{error:#}").ok();
            ExitCode::FAILURE
        }
    }
}

fn measure() -> anyhow::Result<()> {
    let (form, scenarios) = chosen(env::args().skip(1))?;
    let url = env::var("TEST_DATABASE_URL").context("TEST_DATABASE_URL is not set: run `make bench`")?;
    stay_beside_the_server()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let databases = DatabaseServer::connect(&url).await.context("TEST_DATABASE_URL")?;
        let cx = BenchContext { form, databases };
        for scenario in scenarios {
            let sheets = (scenario.run)(&cx).await.with_context(|| format!("measuring {}", scenario.name))?;
            for sheet in sheets {
                print(&sheet.render());
            }
        }
        Ok(())
    })
}

/// The form and the selected scenarios; all of them by default.
fn chosen(arguments: impl Iterator<Item = String>) -> anyhow::Result<(Form, Vec<&'static Scenario>)> {
    let (mut form, mut scenarios) = (Form::Long, Vec::new());
    for argument in arguments {
        if argument == "--quick" {
            form = Form::Quick;
        } else if let Some(scenario) = ALL.iter().find(|scenario| scenario.name == argument) {
            scenarios.push(scenario);
        } else {
            let names: Vec<&str> = ALL.iter().map(|scenario| scenario.name).collect();
            bail!("there is no scenario {argument}: they are {}", names.join(", "));
        }
    }
    if scenarios.is_empty() {
        scenarios.extend(ALL);
    }
    Ok((form, scenarios))
}

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
fn print(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(arguments: &[&str]) -> anyhow::Result<(Form, Vec<&'static str>)> {
        let (form, scenarios) = chosen(arguments.iter().map(|&argument| argument.to_owned()))?;
        Ok((form, scenarios.iter().map(|scenario| scenario.name).collect()))
    }

    #[test]
    fn without_names_all_scenarios_are_run() {
        assert_eq!(named(&[]).unwrap().1.len(), ALL.len());
        assert_eq!(named(&["--quick"]).unwrap(), (Form::Quick, ALL.iter().map(|scenario| scenario.name).collect()));
    }

    #[test]
    fn a_scenario_is_run_by_its_name_and_a_wrong_name_is_told() {
        assert_eq!(named(&["fan-out"]).unwrap(), (Form::Long, vec!["fan-out"]));
        assert!(named(&["fan-in"]).unwrap_err().to_string().contains("fan-out"));
    }
}
