//! A private PostgreSQL for one test, which the test can restart and freeze.
//!
//! Started by `tests/with-postgres.sh`, which removes it when this process ends, however it ends: the script's command
//! reads from a pipe that closes with this process.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    time::Duration,
};

use allynet_tests::service::node::signal;
use sqlx::{Connection, PgConnection};
use tokio::time::sleep;

/// A running server.
pub(crate) struct Cluster {
    pub(crate) url: String,
    data: PathBuf,
    script: Child,
    input: Option<ChildStdin>,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/with-postgres.sh");
        let mut script = Command::new(script)
            .args(["sh", "-c", "echo $TEST_DATABASE_URL; exec cat"])
            .env_remove("TEST_DATABASE_URL")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = script.stdin.take();
        let mut url = String::new();
        BufReader::new(script.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let url = url.trim().to_owned();
        let mut connection = PgConnection::connect(&url).await.expect("PostgreSQL did not start");
        let data: String = sqlx::query_scalar("show data_directory").fetch_one(&mut connection).await.unwrap();
        Self { url, data: data.into(), script, input }
    }

    /// Restarts the server after a fast shutdown, or after a crash.
    pub(crate) async fn restart(&self, mode: &str) {
        let binaries = fs::read_link(format!("/proc/{}/exe", self.postmaster())).unwrap();
        let control = binaries.with_file_name("pg_ctl");
        let log = self.data.join("server.log");
        let arguments = ["-D", text(&self.data), "-l", text(&log), "-m", mode, "-w"];
        let mut command = if fs::metadata("/proc/self").unwrap().uid() == 0 {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--", text(&control)]);
            command
        } else {
            Command::new(control)
        };
        command.args(arguments).arg("restart").current_dir("/").stdout(Stdio::null());
        let status = tokio::task::spawn_blocking(move || command.status().unwrap()).await.unwrap();
        assert!(status.success(), "PostgreSQL does not restart: {status}");
    }

    /// Freezes all processes of the server for a time. The postmaster is frozen first, so that it starts no others.
    pub(crate) async fn freeze(&self, time: Duration) {
        let postmaster = self.postmaster();
        signal("STOP", &[postmaster]);
        let mut all = children(postmaster);
        signal("STOP", &all);
        sleep(time).await;
        all.push(postmaster);
        signal("CONT", &all);
    }

    fn postmaster(&self) -> u32 {
        let file = fs::read_to_string(self.data.join("postmaster.pid")).unwrap();
        file.lines().next().unwrap().trim().parse().unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.input.take());
        self.script.wait().ok();
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The running child processes of a process.
fn children(parent: u32) -> Vec<u32> {
    let processes =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    let is_child = |process: &u32| {
        let status = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // The name may contain any characters; the state and the parent follow its closing bracket.
        let parent_of = status.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok());
        parent_of == Some(parent)
    };
    processes.filter(is_child).collect()
}
