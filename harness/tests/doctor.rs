//! `rebuffer doctor` as people run it: as whoever runs the tests, in a network of its own, and as a user without privileges.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on must fail, and says why it was skipped"
)]

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output, Stdio};

use serde::Deserialize;
use tempfile::TempDir;

const NOBODY: u32 = 65_534;

#[derive(Debug, Deserialize)]
struct Report {
    refused: Option<String>,
    beside: Option<String>,
    ports: Vec<Ports>,
    shaper: Shaper,
    interfaces: Vec<String>,
    knobs: Vec<Knob>,
    transport_fault: Means,
    path_ping: Means,
}

#[derive(Debug, Deserialize)]
struct Ports {
    setting: String,
    in_use: u32,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Shaper {
    backend: String,
    reason: String,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Knob {
    name: String,
    downlink: Means,
    uplink: Means,
}

#[derive(Debug, PartialEq, Deserialize)]
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

/// A rig in a network of its own.
struct Rig {
    child: Child,
    /// Where API and players are.
    addresses: [String; 2],
    _data: TempDir,
}

impl Rig {
    /// `None`, after saying why, where the machine does not let one be made.
    fn alone() -> Option<Self> {
        if !is_root() {
            println!("skipped: needs root");
            return None;
        }
        let data = tempfile::tempdir().unwrap();
        let mut command = Command::new("unshare");
        command.args([
            "--net",
            "--kill-child",
            "--fork",
            "--",
            "sh",
            "-c",
            "ip link set lo up && exec \"$@\"",
            "rig",
        ]);
        command.arg(env!("CARGO_BIN_EXE_rebuffer")).args([
            "up",
            "--demo",
            "--archive",
            "off",
            "--shaper",
            "kernel",
        ]);
        command.args(["--api", "127.0.0.1:0", "--base", "127.0.0.1:0", "--session-ports", "0", "--data-dir"]);
        command.arg(data.path()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                println!("skipped: no unshare: {error}");
                return None;
            }
        };
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut told = |word: &str| {
            let line = lines.find(|line| line.contains(word))?;
            line.split('/').nth(2).map(str::to_owned)
        };
        let (Some(api), Some(base)) = (told("dashboard"), told("players start")) else {
            child.wait().unwrap();
            println!("skipped: no rig can shape in a network of its own here");
            return None;
        };
        Some(Self { child, addresses: [api, base], _data: data })
    }

    /// A command in the rig's network.
    fn here(&self, program: &str) -> Command {
        let child = format!("/proc/{0}/task/{0}/children", self.child.id());
        let rig = std::fs::read_to_string(child).unwrap();
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", rig.trim())).arg(program);
        command
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        // The rig dies with what started it.
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn a_rig_that_runs_beside_it_changes_nothing_but_who_has_the_ports() {
    let Some(rig) = Rig::alone() else { return };
    let doctor = || {
        let mut command = rig.here(env!("CARGO_BIN_EXE_rebuffer"));
        let [api, base] = &rig.addresses;
        command.args(["doctor", "--api", api, "--base", base, "--session-ports", "0"]);
        command
    };
    let found = report(&mut doctor());
    assert_eq!(
        (found.shaper.backend.as_str(), found.interfaces.as_slice()),
        ("kernel", &["lo".to_owned()][..])
    );
    assert!(found.beside.is_some_and(|beside| beside.contains("another rig")));
    let in_use: Vec<_> = found.ports.iter().map(|ports| (ports.setting.as_str(), ports.in_use)).collect();
    assert_eq!(in_use, [("--api", 1), ("--base", 1), ("--session-ports", 0)]);
    let text = said(doctor().output());
    assert!(text.contains("in use: another rig?") && !text.contains("refused"), "{text}");

    let mut alone = Command::new("unshare");
    alone.args(["--net", "sh", "-c", "ip link set lo up && exec \"$@\"", "doctor"]);
    let alone = report(alone.args([env!("CARGO_BIN_EXE_rebuffer"), "doctor", "--session-ports", "0"]));
    assert_eq!(alone.beside, None);
    assert_eq!((alone.shaper, alone.interfaces, alone.knobs), (found.shaper, found.interfaces, found.knobs));
    assert_eq!((alone.transport_fault, alone.path_ping), (found.transport_fault, found.path_ping));
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
