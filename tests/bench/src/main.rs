//! `make bench`: the rig beside nginx `proxy_pass`, or beside an earlier binary of itself (`--against`): the same files, the same
//! load, one run after the other in turns.
//!
//! Invariant: what is compared ran within the same minutes on the same machine; the figures that count are ratios. Each round
//! measures every contender, and the median of the rounds is reported, so that a busy moment does not decide.
//! Deliberately absent: pass and fail. A benchmark informs; it is not a test.

mod load;
mod machine;
mod pairs;
mod peers;
mod report;

use std::path::{Path, PathBuf};

use anyhow::Context;

use load::Load;
use pairs::Paired;
use peers::{Contender, Stage};
use report::Compared;

/// What is asked for: a name, the file, its size, how many connections ask at once.
const LOADS: [(&str, &str, usize, u32); 3] = [
    ("10 KB objects", "small.m4s", 10_000, 32),
    ("1 MB segments", "large.m4s", 1_000_000, 8),
    ("10 KB, one at a time", "small.m4s", 10_000, 1),
];
/// What two rigs are asked for beside: they read playlists, and nginx does not.
const PLAYLISTS: (&str, &str, u32) = ("playlists of 200 segments", "list.m3u8", 8);
const ROUNDS: usize = 3;
const PAIRED_ROUNDS: usize = 9;
const SECONDS: u32 = 5;

fn main() -> anyhow::Result<()> {
    let rig = rig_binary()?;
    let mut words = std::env::args().skip(1);
    match (words.next().as_deref(), words.next()) {
        (None, _) => beside_nginx(&rig),
        (Some("--against"), Some(other)) => against(&rig, Path::new(&other)),
        _ => anyhow::bail!("what can be said is: --against <binary of a rig>"),
    }
}

/// Both binaries under every load, in turns.
#[expect(clippy::print_stderr, reason = "progress of a long run")]
fn against(rig: &Path, other: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(other.is_file(), "{} is no binary", other.display());
    let stage = Stage::set(&[(Contender::Rig, rig), (Contender::Other, other)], &files())?;
    let loads = LOADS.map(|(name, file, _, connections)| (name, file, connections));
    let mut results = Vec::new();
    for (name, file, connections) in loads.into_iter().chain([PLAYLISTS]) {
        let load = Load { connections, seconds: SECONDS };
        let measure = |contender| anyhow::Ok(load.run(&stage.url(contender, file))?.requests_per_second);
        let mut rounds = Vec::new();
        for round in 1..=PAIRED_ROUNDS {
            let (this, that) = if round % 2 == 1 {
                let this = measure(Contender::Rig)?;
                (this, measure(Contender::Other)?)
            } else {
                let that = measure(Contender::Other)?;
                (measure(Contender::Rig)?, that)
            };
            eprintln!("{name}: round {round} of {PAIRED_ROUNDS}, {this:.0} and {that:.0} requests/s");
            rounds.push((this, that));
        }
        results.push(Paired { name, rounds });
    }
    write("AGAINST.md", &pairs::text(&machine::describe(), SECONDS, &results))
}

#[expect(clippy::print_stderr, reason = "progress of a long run")]
fn beside_nginx(rig: &Path) -> anyhow::Result<()> {
    let stage = Stage::set(&[(Contender::Rig, rig)], &files())?;
    let mut results = Vec::new();
    for (name, file, bytes, connections) in LOADS {
        let mut rounds = Vec::new();
        for round in 1..=ROUNDS {
            for contender in Contender::BESIDE_NGINX {
                eprintln!("{name}: round {round} of {ROUNDS}, {}", contender.name());
                let load = Load { connections, seconds: SECONDS };
                rounds.push((contender, load.run(&stage.url(contender, file))?));
            }
        }
        results.push(Compared { name, bytes, figures: report::medians(&rounds) });
    }
    write("RESULTS.md", &report::text(&machine::describe(), SECONDS, ROUNDS, &results))
}

/// The files that are asked for, with what is in them.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let mut list = String::from("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:7\n");
    list.extend((7..207).map(|n| format!("#EXTINF:4.0,\nsegment-{n}.m4s?token=0123456789abcdef\n")));
    let media = |bytes: usize| (0..bytes).map(|n| (n % 251).to_le_bytes()[0]).collect::<Vec<_>>();
    let files = LOADS.map(|(_, file, bytes, _)| (file, media(bytes)));
    files.into_iter().chain([(PLAYLISTS.1, list.into_bytes())]).collect()
}

#[expect(clippy::print_stderr, reason = "the result of a long run")]
fn write(name: &str, text: &str) -> anyhow::Result<()> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
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
