//! The cost of a part of a run: of the server, the database and the load generator.

use std::time::{Duration, Instant};

use crate::{server::Server, sheet::Sheet, usage::Usage, world::DatabaseServer};

const MEGABYTE: f64 = 1e6;

/// The usage at the start of the measurement.
pub(crate) struct Meter<'a> {
    server: &'a Server,
    databases: &'a DatabaseServer,
    begun: Instant,
    cpu: Duration,
    own: Duration,
    database: Option<Duration>,
}

/// The usage during the measurement.
pub(crate) struct Cost {
    pub(crate) took: Duration,
    pub(crate) cpu: Duration,
    own: Duration,
    database: Option<Duration>,
    peak: f64,
}

impl<'a> Meter<'a> {
    pub(crate) fn start(server: &'a Server, databases: &'a DatabaseServer) -> anyhow::Result<Self> {
        let database = databases.cpu();
        let (cpu, own) = (server.usage()?.cpu, Usage::own()?.cpu);
        Ok(Self { server, databases, begun: Instant::now(), cpu, own, database })
    }

    pub(crate) fn stop(self) -> anyhow::Result<Cost> {
        let took = self.begun.elapsed();
        let usage = self.server.usage()?;
        let database = self.databases.cpu().zip(self.database).map(|(now, then)| now.saturating_sub(then));
        let own = Usage::own()?.cpu.saturating_sub(self.own);
        Ok(Cost { took, cpu: usage.cpu.saturating_sub(self.cpu), own, database, peak: usage.peak })
    }
}

impl Cost {
    /// The rows that all scenarios have.
    pub(crate) fn note(&self, server: &Server, sheet: &mut Sheet) {
        let kind = server.kind;
        sheet.add(kind, "CPU of the server", "s", self.cpu.as_secs_f64());
        if let Some(database) = self.database {
            sheet.add(kind, "CPU of PostgreSQL", "s", database.as_secs_f64());
        }
        sheet.add(kind, "CPU of the load", "s", self.own.as_secs_f64());
        sheet.add(kind, "duration", "s", self.took.as_secs_f64());
        sheet.add(kind, "peak memory of the server", "MB", self.peak / MEGABYTE);
    }
}
