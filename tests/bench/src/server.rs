//! The compared servers, as processes on a separate core.

use std::{
    env,
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::{load::http::Http, usage::Usage, world::people::SECRET};

/// The core of the server; the load generator runs on [`LOAD_CORE`].
const SERVER_CORE: &str = "0";
const LOAD_CORE: &str = "1";
const START_DEADLINE: Duration = Duration::from_mins(1);
const LOG_LINES_SHOWN: usize = 10;
const READY_POLL_INTERVAL: Duration = Duration::from_millis(1);

/// A kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// This service on PostgreSQL.
    Postgres,
    /// This service on SQLite.
    Sqlite,
    /// The Node service, on PostgreSQL.
    Peer,
    /// socketioxide and axum alone.
    Bare,
    /// Encoded frames, written to every socket.
    Frames,
    /// The rules of this service, called without a server.
    Rules,
}

impl Kind {
    /// The name in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "AllyNet, PostgreSQL",
            Self::Sqlite => "AllyNet, SQLite",
            Self::Peer => "Node peer",
            Self::Bare => "socketioxide",
            Self::Frames => "raw frames",
            Self::Rules => "rules alone",
        }
    }

    fn command(self) -> anyhow::Result<Command> {
        let mut command = Command::new("taskset");
        command.args(["-c", SERVER_CORE]);
        match self {
            Self::Postgres | Self::Sqlite => command.arg(beside("allynet")?),
            Self::Peer => command.args(["node", concat!(env!("CARGO_MANIFEST_DIR"), "/node-peer/server.mjs")]),
            Self::Bare => command.arg(beside("allynet-bench-floor")?).arg("socketioxide"),
            Self::Frames => command.arg(beside("allynet-bench-floor")?).arg("frames"),
            Self::Rules => bail!("the rules are measured without a server"),
        };
        Ok(command)
    }
}

/// The path of a program of this workspace.
pub(crate) fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let path = env::current_exe()?.with_file_name(name);
    ensure!(path.exists(), "{} is missing: run `make bench`", path.display());
    Ok(path)
}

/// A running server.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) address: SocketAddr,
    /// From the start of the process until it was ready.
    pub(crate) started_in: Duration,
    child: Child,
    folder: TempDir,
}

impl Server {
    /// Starts a server on a database, and waits until it is ready.
    pub(crate) async fn start(kind: Kind, database: &str) -> anyhow::Result<Self> {
        Self::start_with(kind, database, &[]).await
    }

    /// Starts a server with these settings besides those of all.
    pub(crate) async fn start_with(kind: Kind, database: &str, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let output = File::create(folder.path().join("log"))?;
        let begun = Instant::now();
        let child = kind
            .command()?
            .current_dir(folder.path())
            .env_clear()
            .envs(env::vars().filter(|(name, _)| name == "PATH" || name == "HOME"))
            .envs([("NO_COLOR", "1"), ("RUST_LOG", "info"), ("NODE_ENV", "production")])
            .envs([("DATABASE_URL", database), ("ALLYNET_JWT_SECRET", SECRET)])
            .envs([("ALLYNET_LISTEN", "127.0.0.1:0"), ("ALLYNET_RATE_LIMITS", "off")])
            // Few owners raise many emergencies, and fifty helpers are alerted to each.
            .envs([("ALLYNET_ADMIN_LISTEN", "off"), ("ALLYNET_DISK_RESERVE", "0"), ("ALLYNET_STORM_RINGS", "1000000")])
            .env("ALLYNET_DISPATCH", "waves")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .context("taskset is missing: it comes with util-linux")?;
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Self { kind, address, started_in: Duration::ZERO, child, folder };
        server.ready(begun).await?;
        Ok(server)
    }

    async fn ready(&mut self, begun: Instant) -> anyhow::Result<()> {
        loop {
            if let Some(address) = announced(&self.log()) {
                self.address = address;
                if is_ready(address).await {
                    self.started_in = begun.elapsed();
                    return Ok(());
                }
            }
            if self.child.try_wait()?.is_some() || begun.elapsed() > START_DEADLINE {
                bail!("{} does not start: {}", self.kind.name(), self.last_words());
            }
            sleep(READY_POLL_INTERVAL).await;
        }
    }

    /// The usage of the process so far.
    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        Usage::of(self.child.id()).with_context(|| format!("{} is gone: {}", self.kind.name(), self.last_words()))
    }

    /// The last lines of its log.
    pub(crate) fn last_words(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().rev().take(LOG_LINES_SHOWN).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The process is not needed any more, so it is killed.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn announced(log: &str) -> Option<SocketAddr> {
    log.split_once("listening on http://")?.1.split_once('\n')?.0.trim().parse().ok()
}

async fn is_ready(address: SocketAddr) -> bool {
    let asked = async { Http::connect(address, "").await.ok()?.get("/readyz").await.ok() };
    asked.await == Some(200)
}

/// Pins this process with all threads to the core of the load generator.
pub(crate) fn stay_beside_the_server() -> anyhow::Result<()> {
    let own = std::process::id().to_string();
    let pinned = Command::new("taskset").args(["-a", "-c", "-p", LOAD_CORE, &own]).output().context("taskset")?;
    ensure!(pinned.status.success(), "two cores are needed: {}", String::from_utf8_lossy(&pinned.stderr));
    Ok(())
}

/// Runs a command and waits for its end.
pub(crate) fn run(program: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> anyhow::Result<()> {
    let output = Command::new(program).args(arguments).envs(environment.iter().copied()).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {said}", program.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::announced;

    #[test]
    fn the_address_is_read_once_its_line_is_whole() {
        assert_eq!(announced("INFO listening on http://127.0.0.1:50"), None);
        assert_eq!(announced("x listening on http://127.0.0.1:5000\nmore"), Some(([127, 0, 0, 1], 5000).into()));
    }
}
