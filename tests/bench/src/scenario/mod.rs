//! The scenarios, one file each.

mod connecting;
mod context;
mod create;
mod dispatch;
mod fan_out;
mod history;
mod meter;
mod nearby;
mod owner;
mod positions;
mod push;
mod stampede;
mod start;
mod worst_day;

use std::{future::Future, pin::Pin};

use crate::sheet::Sheet;

pub(crate) use context::BenchContext;
pub(crate) use owner::Owner;

type Running<'a> = Pin<Box<dyn Future<Output = anyhow::Result<Vec<Sheet>>> + 'a>>;

/// A scenario.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) run: for<'a> fn(&'a BenchContext) -> Running<'a>,
}

/// All scenarios, in the order in which they run.
pub(crate) const ALL: &[Scenario] = &[
    Scenario { name: "fan-out", run: |cx| Box::pin(fan_out::run(cx)) },
    Scenario { name: "positions", run: |cx| Box::pin(positions::run(cx)) },
    Scenario { name: "create", run: |cx| Box::pin(create::run(cx)) },
    Scenario { name: "connecting", run: |cx| Box::pin(connecting::run(cx)) },
    Scenario { name: "worst-day", run: |cx| Box::pin(worst_day::run(cx)) },
    Scenario { name: "nearby", run: |cx| Box::pin(nearby::run(cx)) },
    Scenario { name: "stampede", run: |cx| Box::pin(stampede::run(cx)) },
    Scenario { name: "push", run: |cx| Box::pin(push::run(cx)) },
    Scenario { name: "start", run: |cx| Box::pin(start::run(cx)) },
    Scenario { name: "history", run: |cx| Box::pin(history::run(cx)) },
    Scenario { name: "dispatch", run: |cx| Box::pin(std::future::ready(Ok(dispatch::run(cx)))) },
];
