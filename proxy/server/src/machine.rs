//! What this machine can do to links: one table for the API, for `rebuffer doctor` and for the page.
//!
//! Invariant: found out, not assumed; what is missing says why. Deliberately absent: finding it out (see the shaper).

use rebuffer_api::{Capability, KnobView, MachineView, PresetCounts};
use rebuffer_model::{Direction, KNOBS, KnobMeans, PRESETS};
use rebuffer_shape::Reach;
use rebuffer_shaper::Shaper;

use crate::sessions::link_backend;
use crate::telemetry::PathPing;

/// What this machine can do with this shaper.
pub fn machine(shaper: &Shaper) -> MachineView {
    machine_of(shaper, PathPing::open().means())
}

pub(crate) fn machine_of(shaper: &Shaper, path_ping: KnobMeans) -> MachineView {
    let machine = shaper.machine();
    MachineView {
        shaper: Capability { backend: link_backend(shaper.backend()), reason: shaper.reason().to_owned() },
        interfaces: shaper.interfaces().to_vec(),
        knobs: KNOBS
            .iter()
            .map(|knob| KnobView {
                name: knob.name,
                unit: knob.unit,
                doc: knob.doc,
                kind: knob.kind,
                default: knob.default,
                downlink: shaper.means(knob.name, Direction::Downlink),
                uplink: shaper.means(knob.name, Direction::Uplink),
                min: knob.min,
                max: knob.max,
            })
            .collect(),
        presets: PresetCounts::of(
            PRESETS.iter().map(|preset| Reach::of([preset.shape()], &machine).extent()),
        ),
        transport_fault: shaper.striking(),
        path_ping,
    }
}
