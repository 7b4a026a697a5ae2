//! `rebuffer doctor`: what this machine can do to links, knob by knob, each way, and what is missing.
//!
//! Invariant: it says what `up` would come to on this machine, whoever asks and whatever rig runs beside it; what `up` would
//! refuse is told and is no failure of the doctor's. Nothing is set or removed in the kernel, and no port is listened at.
//! Deliberately absent: finding out (see the shaper, and `ports`).

mod ports;

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::Context;
use clap::Args;
use rebuffer_api::{MachineView, PresetCounts};
use rebuffer_model::{KnobMeans, TurnedBy};
use rebuffer_shaper::{Backend, Examination, Mode, ShaperConfig};
use serde::Serialize;

use self::ports::PortsFound;
use crate::settings::{Settings, Visited};

/// What the doctor is told.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Say it as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

/// What the doctor says.
#[derive(Debug, Serialize)]
struct Report {
    version: &'static str,
    /// Why `up` would not start with these settings; what follows is what it could do with `--shaper auto`.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
    /// What another rig of this machine holds now; it is no part of what the machine can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    beside: Option<&'static str>,
    ports: Vec<PortsFound>,
    #[serde(flatten)]
    machine: MachineView,
}

/// Looks and tells.
pub(crate) fn run(doctor: Doctor) -> anyhow::Result<()> {
    let Visited { shaping, api, base, session_ports } = doctor.settings.visited()?;
    let mut ports = vec![PortsFound::look("--api", api.ip(), [api.port(), api.port()])?];
    // In a namespace of the rig's own all ports of players are free.
    if !shaping.isolate {
        let sessions = [session_ports.first, session_ports.last];
        ports.push(PortsFound::look("--base", base.ip(), [base.port(), base.port()])?);
        ports.push(PortsFound::look("--session-ports", base.ip(), sessions)?);
    }
    let report = examine(&shaping, ports)?;
    let said = if doctor.json { serde_json::to_string_pretty(&report)? + "\n" } else { report.text() };
    std::io::stdout().write_all(said.as_bytes()).context("nobody listens")
}

fn examine(config: &ShaperConfig, ports: Vec<PortsFound>) -> anyhow::Result<Report> {
    let (examined, refused) = match Examination::of(config) {
        Ok(examined) => (examined, None),
        Err(error) => {
            let why = format!("--shaper {}: {error}", config.mode);
            let auto = ShaperConfig { mode: Mode::Auto, isolate: false, ..config.clone() };
            (Examination::of(&auto)?, Some(why))
        }
    };
    let beside = match (Examination::is_beside_a_rig(config.isolate), config.isolate) {
        (false, _) => None,
        (true, true) => Some("another rig is isolated here; a second one has to wait for its end"),
        (true, false) if examined.backend == Backend::Kernel => {
            Some("another rig shapes here; a second one beside it paces, or has --isolate")
        }
        (true, false) => None,
    };
    let machine = rebuffer_proxy::machine(examined);
    Ok(Report { version: env!("CARGO_PKG_VERSION"), refused, beside, ports, machine })
}

impl Report {
    fn text(&self) -> String {
        let MachineView { shaper, interfaces, knobs, presets, transport_fault, path_ping } = &self.machine;
        let mut text = format!("Rebuffer {}\n", self.version);
        let mut line = |name: &str, said: &str| {
            writeln!(text, "  {name:<12} {said}").expect("a string takes everything");
        };
        if let Some(refused) = &self.refused {
            line("refused", refused);
        }
        if let Some(beside) = self.beside {
            line("beside", beside);
        }
        for found in &self.ports {
            line("ports", &found.to_string());
        }
        line("shaper", &format!("{}: {}", shaper.backend.as_str(), shaper.reason));
        let packets = if interfaces.is_empty() { "none".to_owned() } else { interfaces.join(", ") };
        line("interfaces", &packets);
        line("path ping", &by(path_ping));
        line("packets", &format!("of a session dropped or rejected: {}", by(transport_fault)));
        line("presets", &how_many(presets));
        text.push_str("\n  knob                 way   done by           how, or why not\n");
        for knob in knobs {
            for (name, way, means) in [(knob.name, "down", &knob.downlink), ("", "up", &knob.uplink)] {
                let (who, how) = (who(means), &means.how);
                writeln!(text, "  {name:<20} {way:<5} {who:<17} {how}").expect("a string takes everything");
            }
        }
        text
    }
}

fn how_many(presets: &PresetCounts) -> String {
    let PresetCounts { wholly, partly, not_at_all } = presets;
    format!(
        "{wholly} apply wholly, {partly} partly (\"partial\": true in the shape), {not_at_all} not at all"
    )
}

fn by(means: &KnobMeans) -> String {
    match means.by {
        TurnedBy::Nobody => format!("{}: {}", who(means), means.how),
        TurnedBy::Kernel | TurnedBy::Proxy => means.how.clone(),
    }
}

fn who(means: &KnobMeans) -> &'static str {
    match (means.by, means.seeded) {
        (TurnedBy::Kernel, true) => "kernel, seeded",
        (TurnedBy::Kernel, false) => "kernel",
        (TurnedBy::Proxy, true) => "proxy, seeded",
        (TurnedBy::Proxy, false) => "proxy",
        (TurnedBy::Nobody, _) => "not here",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examined(mode: Mode) -> Report {
        examine(&ShaperConfig { mode, interfaces: Vec::new(), isolate: false }, Vec::new()).unwrap()
    }

    #[test]
    fn every_knob_is_told_both_ways() {
        let report = examined(Mode::Pacing);
        let text = report.text();
        for knob in &report.machine.knobs {
            let at = text.find(&format!("  {} ", knob.name)).expect(knob.name);
            let mut rows = text.get(at..).unwrap().lines();
            assert!(rows.next().unwrap().contains(&knob.downlink.how), "{text}");
            assert!(rows.next().unwrap().contains(&knob.uplink.how), "{text}");
        }
        assert!(text.contains("shaper       pacing: chosen"), "{text}");
        assert!(text.contains("delay_ms             down  proxy"), "{text}");
        assert!(text.contains("presets      0 apply wholly, 64 partly"), "{text}");
        let json = serde_json::to_string(&report).unwrap();
        assert!(json.contains(r#""presets":{"wholly":0,"partly":64,"not_at_all":1}"#), "{json}");
    }

    #[test]
    fn what_is_switched_off_is_not_here() {
        let text = examined(Mode::Off).text();
        assert!(text.contains("rate_mbps            down  not here          links are not shaped"), "{text}");
    }
}
