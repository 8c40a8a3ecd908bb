//! Runs a simulation seed by seed.
//!
//! `SYNCLINE_SEEDS` says how many seeds are run, or which (`1000..2000`); `SYNCLINE_SEED` runs a
//! single one.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// After so many failures the rest would say nothing new.
const FAILURES_MAX: usize = 20;

/// Runs all seeds that are asked for (`usual`: so many when nobody asks), on a few threads. Those
/// that fail are named at the end.
pub fn each_seed(usual: u64, run: impl Fn(u64) + Sync) {
    let seeds = asked().unwrap_or(0..usual);
    let next = AtomicU64::new(seeds.start);
    let failures = Mutex::new(Vec::new());
    let worker = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || failures.lock().unwrap().len() >= FAILURES_MAX {
                return;
            }
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(seed)));
            if result.is_err() {
                eprintln!("the failing seed: SYNCLINE_SEED={seed}");
                failures.lock().unwrap().push(seed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, |count| count.get().min(4)) {
            scope.spawn(worker);
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "failing seeds: {failures:?}");
}

fn asked() -> Option<Range<u64>> {
    let variable = |name| std::env::var(name).ok();
    let number = |text: &str| text.parse::<u64>().ok();
    if let Some(seed) = variable("SYNCLINE_SEED").and_then(|text| number(&text)) {
        return Some(seed..seed + 1);
    }
    let seeds = variable("SYNCLINE_SEEDS")?;
    match seeds.split_once("..") {
        Some((from, to)) => Some(number(from)?..number(to)?),
        None => Some(0..number(&seeds)?),
    }
}
