//! `rebuffer doctor`: what this machine can do to links, knob by knob, each way, and what is missing.
//!
//! Invariant: it opens the shaper just as `up` would and says what came of it, whoever asks; what `up` would refuse is told and
//! is no failure of the doctor's. Nothing is set in the kernel, and what `--isolate` makes is taken away again. Deliberately absent: finding out (see the shaper).

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::Context;
use clap::Args;
use rebuffer_api::{MachineView, PresetCounts};
use rebuffer_model::{KnobMeans, TurnedBy};
use rebuffer_shaper::{Mode, Shaper, ShaperConfig};
use serde::Serialize;

use crate::settings::Settings;

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
    #[serde(flatten)]
    machine: MachineView,
}

/// Looks and tells.
pub(crate) fn run(doctor: Doctor) -> anyhow::Result<()> {
    let config = doctor.settings.shaping()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(examine(config))?;
    let said = if doctor.json { serde_json::to_string_pretty(&report)? + "\n" } else { report.text() };
    std::io::stdout().write_all(said.as_bytes()).context("nobody listens")
}

async fn examine(config: ShaperConfig) -> anyhow::Result<Report> {
    let (shaper, refused) = match Shaper::open(config.clone()).await {
        Ok(shaper) => (shaper, None),
        Err(error) => {
            let why = format!("--shaper {}: {error}", config.mode);
            (Shaper::open(ShaperConfig { mode: Mode::Auto, isolate: false, ..config }).await?, Some(why))
        }
    };
    let machine = rebuffer_proxy::machine(&shaper);
    shaper.close().await.context("the shaper does not close")?;
    Ok(Report { version: env!("CARGO_PKG_VERSION"), refused, machine })
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
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(examine(ShaperConfig { mode, interfaces: Vec::new(), isolate: false })).unwrap()
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
