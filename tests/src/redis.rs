//! Redis for tests: the one that all share, and those that a test stops and freezes.

use std::{
    env,
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use allynet_domain::port::Signals;
use allynet_redis::{Address, Redis};

use crate::signals::{Nodes, node};

const MISSING: &str = "run the tests by `make test`, or through tests/with-redis.sh";

/// Three nodes on the shared Redis, which nobody else of these tests hears.
pub fn shared() -> Nodes {
    // As many databases as Redis has; each case has one of its own.
    static DATABASES: AtomicU32 = AtomicU32::new(1);
    let url = env::var("TEST_REDIS_URL").unwrap_or_else(|_| panic!("TEST_REDIS_URL is not set: {MISSING}"));
    let url = format!("{}/{}", url.trim_end_matches('/'), DATABASES.fetch_add(1, Ordering::Relaxed));
    nodes(&url, 3)
}

/// So many nodes on a Redis.
pub fn nodes(url: &str, count: u128) -> Nodes {
    let address: Address = url.parse().unwrap();
    (0..count).map(|n| Arc::new(Redis::start(&address, node(n)).unwrap()) as Arc<dyn Signals>).collect()
}

/// A Redis of its own for a test, which need not run.
pub struct Server {
    port: u16,
    process: Option<Child>,
}

impl Server {
    /// One that does not run yet.
    pub fn stopped() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { port, process: None }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Starts it, or starts it again.
    pub fn start(&mut self) {
        let program =
            env::var("TEST_REDIS_SERVER").unwrap_or_else(|_| panic!("TEST_REDIS_SERVER is not set: {MISSING}"));
        let port = self.port.to_string();
        let mut command = Command::new(program);
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &port]);
        self.process = Some(command.stdout(Stdio::null()).spawn().unwrap());
    }

    /// As a crash would.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// It holds its connections and answers nothing, until it is thawed.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.process.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Longer than any recovery may take.
pub const RECOVERY: Duration = Duration::from_secs(5);
