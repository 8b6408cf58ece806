//! Redis for tests: the shared server, and private servers that a test can stop and freeze.

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

const SERVER_HINT: &str = "run the tests by `make test`, or through tests/with-redis.sh";

/// Three nodes on a database of the shared Redis that no other test uses.
pub fn shared() -> Nodes {
    // Each case has a database of its own; Redis has 16 by default.
    static DATABASES: AtomicU32 = AtomicU32::new(1);
    let url = env::var("TEST_REDIS_URL").unwrap_or_else(|_| panic!("TEST_REDIS_URL is not set: {SERVER_HINT}"));
    let url = format!("{}/{}", url.trim_end_matches('/'), DATABASES.fetch_add(1, Ordering::Relaxed));
    nodes(&url, 3)
}

/// Starts `count` nodes on a Redis.
pub fn nodes(url: &str, count: u128) -> Nodes {
    let address: Address = url.parse().unwrap();
    (0..count).map(|n| Arc::new(Redis::start(&address, node(n)).unwrap()) as Arc<dyn Signals>).collect()
}

/// A private Redis for a test, running or stopped.
pub struct Server {
    port: u16,
    process: Option<Child>,
}

impl Server {
    /// A server that is not started yet.
    pub fn stopped() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { port, process: None }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Starts or restarts the server.
    pub fn start(&mut self) {
        let program =
            env::var("TEST_REDIS_SERVER").unwrap_or_else(|_| panic!("TEST_REDIS_SERVER is not set: {SERVER_HINT}"));
        let port = self.port.to_string();
        let mut command = Command::new(program);
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &port]);
        self.process = Some(command.stdout(Stdio::null()).spawn().unwrap());
    }

    /// Kills the server, like a crash.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Freezes the server: connections stay open, but nothing is answered until [`Self::thaw`].
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

/// More than the maximum time of a recovery, on a busy machine.
pub const MAX_RECOVERY_TIME: Duration = Duration::from_secs(15);
