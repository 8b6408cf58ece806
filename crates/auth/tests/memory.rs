//! The memory that hashing keeps. In a process of its own, because the memory of a process is measured.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{env, fs, num::NonZero, sync::Arc, thread};

use allynet_auth::Argon2Passwords;
use allynet_domain::{Password, port::Passwords};
use tokio::task::JoinSet;

/// What one hash needs, in KiB.
const HASH_KIB: usize = 19 * 1024;
/// For threads and their stacks.
const OVERHEAD_KIB: usize = 8 * 1024;

/// The resident memory of this process in KiB.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Logins that arrive at once; `LOGINS=1000` is the long form.
fn logins() -> usize {
    env::var("LOGINS").map_or(40, |number| number.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_logins_keeps_the_memory_of_one_hash_per_core() {
    let before = resident();
    let passwords = Arc::new(Argon2Passwords::new());
    let mut burst = JoinSet::new();
    for _ in 0..logins() {
        let passwords = Arc::clone(&passwords);
        burst.spawn(async move { passwords.verify(Password::attempt("correct horse"), None).await.unwrap() });
    }
    assert!(burst.join_all().await.iter().all(|is_right| !is_right));
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let (grown, limit) = (resident().saturating_sub(before), cores * HASH_KIB + OVERHEAD_KIB);
    assert!(grown < limit, "{grown} KiB are kept, instead of {limit}");
}
