//! What it costs to count: prints the figures of `docs/limits.md`.
//!
//!     cargo run --release --workspace --example limiter
#![expect(clippy::print_stdout, reason = "that is what it is for")]

#[expect(dead_code, reason = "nothing is forgotten here")]
#[path = "../src/limits.rs"]
mod limits;

use std::{hint::black_box, thread, time::Instant};

use allynet_wire::limits::{Limit, Limiter as _, Limits, Who, of_route};
use limits::Counted;

const ROUNDS: u32 = 2_000_000;
const CALLERS: u64 = 100_000;

/// The nanoseconds that one of many takes, the least of five attempts.
fn nanoseconds(mut once: impl FnMut(u64)) -> f64 {
    let attempts = (0..5).map(|_| {
        let begin = Instant::now();
        (0..u64::from(ROUNDS)).for_each(&mut once);
        begin.elapsed().as_secs_f64() * 1e9 / f64::from(ROUNDS)
    });
    attempts.fold(f64::INFINITY, f64::min)
}

fn take(counted: &Counted, caller: u64) {
    // Whether it is allowed makes no difference to what it costs.
    black_box(counted.take(Limit::SocketEvents, Who::Socket(caller))).ok();
}

fn show(what: &str, nanoseconds: f64) {
    println!("{what:<64}{nanoseconds:>7.0} ns");
}

fn main() {
    let counted = Counted::new();
    show("one of the same caller", nanoseconds(|_| take(&counted, 1)));
    // A step that is no divisor visits them in an order that no cache foresees.
    let all = |n: u64| take(&counted, n.wrapping_mul(7_919) % CALLERS);
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
    let off = Limits::off();
    let allowed = |n: u64| {
        black_box(off.take(Limit::SocketEvents, Who::Socket(n))).ok();
    };
    show("one with ALLYNET_RATE_LIMITS=off", nanoseconds(allowed));
}
