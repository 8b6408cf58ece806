//! Processes of the service, which can be killed like by a power cut.

use std::{
    env,
    fs::{self, File},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, RwLock},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::time::sleep;

use super::{http::Request, world::SECRET};

/// Both are generous: a busy machine takes its time.
const START_DEADLINE: Duration = Duration::from_mins(1);
const STOP_DEADLINE: Duration = Duration::from_secs(30);

/// A running server.
pub struct Node {
    child: Child,
    folder: TempDir,
    pub address: SocketAddr,
}

impl Node {
    /// Starts a node on this database, and waits until it is ready.
    pub async fn start(database: &str) -> Self {
        Self::start_with(database, &[]).await
    }

    /// Starts a node with additional settings.
    pub async fn start_with(database: &str, settings: &[(&str, &str)]) -> Self {
        Self::start_command(Command::new(binary()), database, settings).await
    }

    /// Starts a node that may have at most this many file descriptors.
    pub async fn start_with_descriptors(descriptors: u32, database: &str, settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -n \"$0\" && exec \"$1\"", &descriptors.to_string()]).arg(binary());
        Self::start_command(command, database, settings).await
    }

    async fn start_command(mut command: Command, database: &str, settings: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        let output = File::create(folder.path().join("log")).unwrap();
        let child = command
            .current_dir(folder.path())
            .env_clear()
            .envs(env::vars().filter(|(name, _)| name == "PATH" || name == "HOME"))
            .env("NO_COLOR", "1")
            .env("RUST_LOG", "info")
            .env("DATABASE_URL", database)
            .env("ALLYNET_LISTEN", "127.0.0.1:0")
            .env("ALLYNET_ADMIN_LISTEN", "off")
            .env("ALLYNET_JWT_SECRET", SECRET)
            .env("ALLYNET_RATE_LIMITS", "off")
            // Whether a test passes must not depend on the free space of the machine.
            .env("ALLYNET_DISK_RESERVE", "0")
            // Every event is expected to reach all helpers, although few owners raise many emergencies.
            .env("ALLYNET_STORM_RINGS", "1000000")
            // Every helper within a radius is expected to be alerted, whatever that is worth.
            .env("ALLYNET_DISPATCH", "waves")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let mut node = Self { child, folder, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        node.ready().await;
        node
    }

    async fn ready(&mut self) {
        let begun = Instant::now();
        loop {
            let log = self.log();
            let address = log.split_once("listening on http://").and_then(|(_, rest)| rest.lines().next());
            if let Some(address) = address.and_then(|address| address.trim().parse().ok()) {
                self.address = address;
                if Request::get("/readyz").send(address, "").await.is_ok_and(|answer| answer.status == 200) {
                    return;
                }
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && begun.elapsed() < START_DEADLINE, "a node does not start ({ended:?}): {log}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The address of the listener for operators, if `ALLYNET_ADMIN_LISTEN` is one.
    pub fn admin_address(&self) -> SocketAddr {
        let log = self.log();
        let (_, rest) = log.split_once("metrics on http://").unwrap();
        rest.split_once('/').unwrap().0.parse().unwrap()
    }

    /// The peak memory of the process in bytes (`VmHWM` of `/proc/PID/status`).
    pub fn memory(&self) -> u64 {
        self.status("VmHWM:") << 10
    }

    /// A field of `/proc/PID/status`, in kilobytes.
    fn status(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let value = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        value.trim_end_matches("kB").trim().parse().unwrap()
    }

    /// The memory of the process that is resident now, in bytes (`VmRSS`).
    pub fn resident(&self) -> u64 {
        self.status("VmRSS:") << 10
    }

    /// The log of the process.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Sends `SIGKILL`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.did_not_panic();
    }

    /// Sends `SIGTERM`: the process has to exit with status 0 before the deadline.
    pub async fn stop(mut self) {
        signal("TERM", &[self.child.id()]);
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < STOP_DEADLINE, "a node does not stop: {}", self.log());
            sleep(Duration::from_millis(20)).await;
        };
        assert!(status.success(), "a node ended with {status}: {}", self.log());
        self.did_not_panic();
    }

    fn did_not_panic(&self) {
        let log = self.log();
        assert!(!log.contains("panicked at"), "a node panicked: {log}");
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // The process may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Sends a signal to processes, with `kill` because the system call needs `unsafe`.
pub fn signal(name: &str, processes: &[u32]) {
    let sent = Command::new("kill").arg(format!("-{name}")).args(processes.iter().map(u32::to_string)).output();
    assert!(sent.is_ok(), "{sent:?}");
}

/// The binary: `ALLYNET_BIN`, or the one that Cargo built beside this test.
fn binary() -> PathBuf {
    let beside = || env::current_exe().unwrap().parent().unwrap().with_file_name("allynet");
    let binary = env::var_os("ALLYNET_BIN").map_or_else(beside, PathBuf::from);
    let missing = "is missing: build it with `cargo build --bin allynet`, or set ALLYNET_BIN";
    assert!(binary.exists(), "{} {missing}", binary.display());
    binary
}

/// The addresses of the nodes; changed when nodes start and stop.
#[derive(Clone, Default)]
pub struct Route(Arc<RwLock<Vec<SocketAddr>>>);

impl Route {
    pub fn to(addresses: &[SocketAddr]) -> Self {
        let route = Self::default();
        route.set(addresses);
        route
    }

    pub fn set(&self, addresses: &[SocketAddr]) {
        *self.0.write().unwrap() = addresses.to_vec();
    }

    /// The address for the `n`th client.
    pub fn nth(&self, n: usize) -> SocketAddr {
        let addresses = self.0.read().unwrap();
        addresses[n % addresses.len()]
    }
}
