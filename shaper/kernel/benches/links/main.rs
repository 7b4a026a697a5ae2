//! How exactly links are kept, how fast they change, and what that costs: `make bench`, or
//! `cargo bench -p rebuffer-shaper --bench links -- [accuracy|steps|changes|classify|churn]...`, as root.
//!
//! Each row has network namespaces of its own. Bounds stand in the rows; the exit code says whether all were kept.
//! Deliberately absent: tests. Timing on a busy machine is none.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, read by whoever started it")]

mod accuracy;
mod changes;
mod churn;
mod classify;
mod flow;
#[path = "../../../../tests/bench/src/machine.rs"]
mod machine;
#[expect(dead_code, reason = "shared with the tests")]
#[path = "../../tests/kernel/netns.rs"]
mod netns;
mod steps;
mod wire;

use std::process::ExitCode;

use rebuffer_model::{Mbps, Shape};

/// Something that can be measured: its name, and whether its bounds were kept.
type Bench = (&'static str, fn() -> bool);

const BENCHES: &[Bench] = &[
    ("accuracy", accuracy::run),
    ("steps", steps::run),
    ("changes", changes::run),
    ("classify", classify::run),
    ("churn", churn::run),
];

fn main() -> ExitCode {
    // Cargo says `--bench` of its own accord.
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let Some(unknown) = asked.iter().find(|asked| BENCHES.iter().all(|(name, _)| name != asked)) {
        let names: Vec<&str> = BENCHES.iter().map(|(name, _)| *name).collect();
        println!("There is no measurement {unknown}. These are: {}.", names.join(", "));
        return ExitCode::FAILURE;
    }
    println!("# Links beside what was asked\n\nWritten by `make bench`. {}", machine::describe());
    let wanted =
        BENCHES.iter().filter(|(name, _)| asked.is_empty() || asked.iter().any(|asked| asked == name));
    let kept = wanted.map(|(name, run)| {
        println!("\n## {name}\n");
        run()
    });
    if kept.fold(true, |all, kept| all & kept) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn cap(mbps: f64) -> Shape {
    Shape::capped(Mbps::new(mbps).unwrap())
}

fn verdict(kept: bool) -> &'static str {
    if kept { "kept" } else { "MISSED" }
}
