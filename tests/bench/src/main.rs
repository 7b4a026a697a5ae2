//! `make bench`: the rig beside nginx `proxy_pass`, the same files, the same load, one run after the other in turns.
//!
//! Invariant: what is compared ran within the same minutes on the same machine; the figures that count are ratios. Each round
//! measures every contender, and the median of the rounds is reported, so that a busy moment does not decide.
//! Deliberately absent: pass and fail. A benchmark informs; it is not a test.

mod load;
mod machine;
mod peers;
mod report;

use std::path::PathBuf;

use anyhow::Context;

use load::Load;
use peers::{Contender, Stage};
use report::Compared;

/// What is asked for: a name, the size of the file, how many connections ask at once.
const LOADS: [(&str, usize, u32); 3] =
    [("10 KB objects", 10_000, 32), ("1 MB segments", 1_000_000, 8), ("10 KB, one at a time", 10_000, 1)];
const ROUNDS: usize = 3;
const SECONDS: u32 = 5;

#[expect(clippy::print_stderr, reason = "progress of a long run")]
fn main() -> anyhow::Result<()> {
    let rig = rig_binary()?;
    let stage = Stage::set(&rig, &LOADS.map(|(_, bytes, _)| bytes))?;
    let mut results = Vec::new();
    for (name, bytes, connections) in LOADS {
        let mut rounds = Vec::new();
        for round in 1..=ROUNDS {
            for contender in Contender::ALL {
                eprintln!("{name}: round {round} of {ROUNDS}, {}", contender.name());
                let load = Load { connections, seconds: SECONDS };
                rounds.push((contender, load.run(&stage.url(contender, bytes))?));
            }
        }
        results.push(Compared { name, bytes, figures: report::medians(&rounds) });
    }
    let text = report::text(&machine::describe(), SECONDS, ROUNDS, &results);
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("RESULTS.md");
    std::fs::write(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
    eprintln!("\n{text}");
    Ok(())
}

/// The rig's binary, built beside this one.
fn rig_binary() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let rig = own.with_file_name("rebuffer");
    anyhow::ensure!(rig.is_file(), "{} is not there; make bench builds it", rig.display());
    Ok(rig)
}
