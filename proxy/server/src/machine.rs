//! What this machine can do to links: one table for the API, for `rebuffer doctor` and for the page.
//!
//! Invariant: found out, not assumed; what is missing says why. Deliberately absent: finding it out (see the shaper).

use rebuffer_api::{Capability, KnobView, MachineView, PresetCounts};
use rebuffer_model::{Direction, KNOBS, KnobMeans, PRESETS};
use rebuffer_shape::{Machine, Reach, means, striking};
use rebuffer_shaper::{Examination, Shaper};

use crate::sessions::link_backend;
use crate::telemetry::PathPing;

/// What this machine can do, as it was examined.
pub fn machine(examined: Examination) -> MachineView {
    let Examination { backend, reason, interfaces, machine } = examined;
    let shaper = Capability { backend: link_backend(backend), reason };
    view(shaper, interfaces, &machine, PathPing::open().means())
}

pub(crate) fn machine_of(shaper: &Shaper, path_ping: KnobMeans) -> MachineView {
    let capability =
        Capability { backend: link_backend(shaper.backend()), reason: shaper.reason().to_owned() };
    view(capability, shaper.interfaces().to_vec(), &shaper.machine(), path_ping)
}

fn view(shaper: Capability, interfaces: Vec<String>, machine: &Machine, path_ping: KnobMeans) -> MachineView {
    MachineView {
        shaper,
        interfaces,
        knobs: KNOBS
            .iter()
            .map(|knob| KnobView {
                name: knob.name,
                unit: knob.unit,
                doc: knob.doc,
                kind: knob.kind,
                default: knob.default,
                downlink: means(knob.name, Direction::Downlink, machine),
                uplink: means(knob.name, Direction::Uplink, machine),
                min: knob.min,
                max: knob.max,
            })
            .collect(),
        presets: PresetCounts::of(PRESETS.iter().map(|preset| Reach::of([preset.shape()], machine).extent())),
        transport_fault: striking(machine),
        path_ping,
    }
}
