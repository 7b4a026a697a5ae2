//! `make soak`: the rig under what a test cannot last: `storm` (half a minute) and `memory` (ten minutes).
//!
//! Invariant: everything listens on loopback and ends with this process; the exit code says whether the bounds were kept.
//! Deliberately absent: speed, which `make bench` measures.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, read by whoever started it")]

mod memory;
mod storm;

use std::process::ExitCode;

fn main() -> ExitCode {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |name: &str| asked.is_empty() || asked.iter().any(|asked| asked == name);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let storm = !wanted("storm") || runtime.block_on(storm::run());
    let memory = !wanted("memory") || runtime.block_on(memory::run());
    if storm && memory { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn verdict(kept: bool) -> &'static str {
    if kept { "kept" } else { "MISSED" }
}
