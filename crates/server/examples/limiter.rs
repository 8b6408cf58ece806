//! Measures the cost of the rate limiter: prints the figures of `docs/limits.md`.
//!
//!     cargo run --release --workspace --example limiter
#![expect(clippy::print_stdout, reason = "the output of this program")]

use std::{hint::black_box, thread, time::Instant};

use allynet_server::limits::GovernorLimiter;
use allynet_wire::limits::{Limit, LimitKey, Limiter as _, Limits, of_route};

const ROUNDS: u32 = 2_000_000;
const CALLERS: u64 = 100_000;

/// Nanoseconds per call: the fastest of five runs of [`ROUNDS`] calls.
fn nanoseconds(mut once: impl FnMut(u64)) -> f64 {
    let attempts = (0..5).map(|_| {
        let begin = Instant::now();
        (0..u64::from(ROUNDS)).for_each(&mut once);
        begin.elapsed().as_secs_f64() * 1e9 / f64::from(ROUNDS)
    });
    attempts.fold(f64::INFINITY, f64::min)
}

fn take(limiter: &GovernorLimiter, caller: u64) {
    // Allowed or refused costs the same.
    black_box(limiter.take(Limit::SocketEvents, LimitKey::Socket(caller))).ok();
}

fn show(what: &str, nanoseconds: f64) {
    println!("{what:<64}{nanoseconds:>7.0} ns");
}

fn main() {
    let limiter = GovernorLimiter::new();
    show("one of the same caller", nanoseconds(|_| take(&limiter, 1)));
    // The stride is coprime with the number of callers: every bucket is visited, in an order no cache predicts.
    let all = |n: u64| take(&limiter, n.wrapping_mul(7_919) % CALLERS);
    show("one of 100,000 callers who take turns", nanoseconds(all));
    let both = thread::scope(|threads| {
        let other = threads.spawn(|| nanoseconds(all));
        let one = nanoseconds(all);
        one.max(other.join().unwrap_or(f64::NAN))
    });
    show("the same while another thread does so too", both);
    let found = |_| {
        black_box(of_route("GET", black_box("/api/v1/emergencies/history")));
    };
    show("to find the limits of a route, the last of the table", nanoseconds(found));
    let off = Limits::none();
    let allowed = |n: u64| {
        black_box(off.take(Limit::SocketEvents, LimitKey::Socket(n))).ok();
    };
    show("one with ALLYNET_RATE_LIMITS=off", nanoseconds(allowed));
}
