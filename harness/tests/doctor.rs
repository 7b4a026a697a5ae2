//! `rebuffer doctor` as people run it: as whoever runs the tests, in a network of its own, and as a user without privileges.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

use serde::Deserialize;

const NOBODY: u32 = 65_534;

#[derive(Debug, Deserialize)]
struct Report {
    refused: Option<String>,
    shaper: Shaper,
    interfaces: Vec<String>,
    knobs: Vec<Knob>,
    transport_fault: Means,
    path_ping: Means,
}

#[derive(Debug, Deserialize)]
struct Shaper {
    backend: String,
    reason: String,
}

#[derive(Debug, Deserialize)]
struct Knob {
    name: String,
    downlink: Means,
    uplink: Means,
}

#[derive(Debug, Deserialize)]
struct Means {
    by: String,
    how: String,
}

fn doctor() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rebuffer"));
    // Neither the settings nor the machine of whoever runs the tests.
    command.env_clear().arg("doctor");
    command
}

fn said(output: std::io::Result<Output>) -> String {
    let output = output.unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn report(command: &mut Command) -> Report {
    let report: Report = serde_json::from_str(&said(command.arg("--json").output())).unwrap();
    for Knob { name, downlink, uplink } in &report.knobs {
        assert!(!downlink.how.is_empty() && !uplink.how.is_empty(), "{name}: {report:?}");
    }
    assert!(report.knobs.len() > 10 && !report.path_ping.how.is_empty(), "{report:?}");
    report
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn pacing_is_told_as_it_is_and_in_plain_words() {
    let report = report(doctor().args(["--shaper", "pacing"]));
    assert_eq!((report.shaper.backend.as_str(), report.interfaces.len()), ("pacing", 0));
    assert_eq!((report.transport_fault.by.as_str(), report.refused), ("nobody", None));
    let text = said(doctor().args(["--shaper", "pacing"]).output());
    assert!(text.contains("rate_mbps            down  proxy"), "{text}");
}

#[test]
fn root_is_told_what_the_kernel_does() {
    if !is_root() {
        return println!("skipped: needs root");
    }
    // A network of its own, in which nothing of anybody's is found.
    let mut alone = Command::new("unshare");
    alone.env_clear().args(["--net", env!("CARGO_BIN_EXE_rebuffer"), "doctor", "--interface", "lo"]);
    match alone.arg("--shaper").arg("kernel").output() {
        Err(error) => return println!("skipped: no unshare: {error}"),
        Ok(output) if output.status.code() == Some(1) && output.stdout.is_empty() => {
            return println!("skipped: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(_) => {}
    }
    let report = report(&mut alone);
    match &report.refused {
        None => assert_eq!(
            (report.shaper.backend.as_str(), report.interfaces.as_slice()),
            ("kernel", &["lo".to_owned()][..])
        ),
        Some(why) => assert!(why.contains("not available") && report.shaper.backend == "pacing", "{why}"),
    }
}

#[test]
fn a_user_without_privileges_is_told_what_is_missing() {
    let mut command = doctor();
    if is_root() {
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
        if let Err(error) = command.output() {
            return println!("skipped: another user cannot run the program: {error}");
        }
    }
    let report = report(&mut command);
    assert_eq!(report.shaper.backend, "pacing");
    assert!(report.shaper.reason.contains("CAP_NET_ADMIN"), "{report:?}");
    let rate = report.knobs.iter().find(|knob| knob.name == "rate_mbps").unwrap();
    assert_eq!((rate.downlink.by.as_str(), rate.uplink.by.as_str()), ("proxy", "nobody"));
    let mut refused = doctor();
    refused.args(["--shaper", "kernel"]).current_dir("/");
    if is_root() {
        refused.uid(NOBODY).gid(NOBODY);
    }
    let refused = said(refused.output());
    assert!(refused.contains("refused      --shaper kernel: not permitted"), "{refused}");
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let output = doctor().args(["--shaper", "tc"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("--shaper must be"), "what is wrong is named");
}
