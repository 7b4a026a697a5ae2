//! The README's commands, run as they stand there against a real rig.
//!
//! Invariant: every block of commands runs, in order and in one shell, but those of `make`, which build and start a rig; only
//! addresses are replaced. `ffplay` opens a window and is stopped by hand, so a request for its playlist stands in for it.
//! Deliberately absent: what the answers say; that is for the tests of each part.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rebuffer_e2e::{Place, Rig, RigConfig, lacks, tied};
use tempfile::TempDir;

const README: &str = include_str!("../../../../README.md");
/// Of API and players, as the README has them.
const DEFAULT_PORTS: [u16; 2] = [30_000, 30_081];
const PATIENCE: Duration = Duration::from_secs(120);
/// Notes what a command of curl was refused, also where the shell goes on, as in `$(...)`.
const PRELUDE: &str = r#"set -euo pipefail
curl() { command curl --fail-with-body --max-time 30 "$@" || { echo "$?: curl $*" >>refused; return 22; }; }
ffplay() { curl -sSL -o /dev/null "$1"; }
"#;

/// The blocks of shell commands that talk to a rig.
fn blocks(readme: &str) -> Vec<&str> {
    let blocks = readme.split("\n```sh\n").skip(1).filter_map(|rest| rest.split("\n```").next());
    blocks.filter(|block| !block.starts_with("make ")).collect()
}

/// Whether the programs that the README uses are installed.
async fn has_tools() -> bool {
    for (program, flag) in [("curl", "--version"), ("jq", "--version"), ("ffmpeg", "-version")] {
        let known = tied(program).arg(flag).stdout(Stdio::null()).status().await;
        if !known.is_ok_and(|status| status.success()) {
            lacks(&format!("{program} is not installed"));
            return false;
        }
    }
    true
}

#[test]
fn the_blocks_are_found() {
    let found = blocks("a\n```sh\nmake run\n```\nb\n```sh\ncurl x\njq y\n```\n```json\n{}\n```\n");
    assert_eq!(found, ["curl x\njq y"]);
    assert!(blocks(README).len() >= 6, "the README has commands to run");
}

#[tokio::test]
async fn the_commands_of_the_readme_work() {
    if !has_tools().await {
        return;
    }
    let Some(place) = Place::take("readme") else { return };
    let rig =
        Rig::start_with(&place, &RigConfig { flags: vec!["--tls", "auto"], ..RigConfig::default() }).await;
    rig.ready().await;
    let dir = TempDir::new().unwrap();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    std::os::unix::fs::symlink(examples, dir.path().join("examples")).unwrap();
    std::os::unix::fs::symlink(place.data(), dir.path().join("rebuffer-data")).unwrap();

    let replaced = |text: String, (from, to): (u16, u16)| {
        text.replace(&format!("localhost:{from}"), &format!("127.0.0.1:{to}"))
    };
    let commands = DEFAULT_PORTS.into_iter().zip(rig.ports()).fold(blocks(README).join("\n"), replaced);
    assert!(!commands.contains("localhost:"), "an address that is no rig's:\n{commands}");
    let mut shell = tied("bash");
    shell.args(["-c", &format!("{PRELUDE}{commands}\n")]).current_dir(dir.path());
    let output = tokio::time::timeout(PATIENCE, shell.output()).await.expect("the commands end").unwrap();
    let [said, errors] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    let refused = std::fs::read_to_string(dir.path().join("refused")).unwrap_or_default();
    assert_eq!(refused, "", "{said}\n{errors}");
    assert!(output.status.success(), "{said}\n{errors}");
    assert!(!said.contains("application/problem") && !said.contains("\"detail\""), "{said}");
    assert!(dir.path().join("ca.pem").is_file(), "the CA was downloaded");
}
