//! The knobs of a direction: one table.
//!
//! Invariant: one row per field of `Conditions`, in their order. Deliberately absent: what a knob needs beside it, and who
//! turns it on a machine.

use serde::Serialize;
use utoipa::ToSchema;

use super::Conditions;
use crate::{Mbps, Millis, Percent};

/// How a knob is turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KnobKind {
    /// Any number within the bounds.
    Number,
    /// A whole number within the bounds.
    Whole,
    /// On or off.
    Flag,
}

/// One property of a direction: its name, unit, bounds, default, and how to read and clear it.
#[derive(Debug, Clone, Copy)]
pub struct Knob {
    /// The name of the field.
    pub name: &'static str,
    /// The unit of the number; empty for a flag.
    pub unit: &'static str,
    /// What the knob does.
    pub doc: &'static str,
    /// How it is turned.
    pub kind: KnobKind,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
    /// What an absent knob stands for, in words.
    pub default: &'static str,
    /// The number asked for, if any; a flag is 0 or 1.
    pub get: fn(&Conditions) -> Option<f64>,
    /// Asks nothing of it any more.
    pub clear: fn(&mut Conditions),
}

/// Every knob of a direction.
pub const KNOBS: &[Knob] = &[
    Knob {
        name: "rate_mbps",
        unit: "Mbit/s",
        doc: "Rate on the wire, headers included.",
        kind: KnobKind::Number,
        min: 0.015,
        max: 10_000.0,
        default: "unlimited",
        get: |link| link.rate_mbps.map(Mbps::get),
        clear: |link| link.rate_mbps = None,
    },
    Knob {
        name: "delay_ms",
        unit: "ms",
        doc: "Delay added in this direction.",
        kind: KnobKind::Whole,
        min: 0.0,
        max: 10_000.0,
        default: "none",
        get: |link| link.delay_ms.map(Millis::as_f64),
        clear: |link| link.delay_ms = None,
    },
    Knob {
        name: "jitter_ms",
        unit: "ms",
        doc: "How far a packet's delay may differ from the delay either way; needs a delay as large.",
        kind: KnobKind::Whole,
        min: 0.0,
        max: 10_000.0,
        default: "none",
        get: |link| link.jitter_ms.map(Millis::as_f64),
        clear: |link| link.jitter_ms = None,
    },
    Knob {
        name: "jitter_reorders",
        unit: "",
        doc: "Whether jitter may let one packet overtake another.",
        kind: KnobKind::Flag,
        min: 0.0,
        max: 1.0,
        default: "packets keep their order",
        get: |link| link.jitter_reorders.map(flag),
        clear: |link| link.jitter_reorders = None,
    },
    Knob {
        name: "loss_pct",
        unit: "%",
        doc: "Packets lost.",
        kind: KnobKind::Number,
        min: 0.0,
        max: 100.0,
        default: "none",
        get: |link| link.loss_pct.map(Percent::get),
        clear: |link| link.loss_pct = None,
    },
    Knob {
        name: "loss_burst_packets",
        unit: "packets",
        doc: "Mean length of a burst of losses (Gilbert-Elliott); 1 is independent loss. Needs a loss.",
        kind: KnobKind::Number,
        min: 1.0,
        max: 1_000.0,
        default: "independent losses",
        get: |link| link.loss_burst_packets,
        clear: |link| link.loss_burst_packets = None,
    },
    Knob {
        name: "duplicate_pct",
        unit: "%",
        doc: "Packets sent twice.",
        kind: KnobKind::Number,
        min: 0.0,
        max: 100.0,
        default: "none",
        get: |link| link.duplicate_pct.map(Percent::get),
        clear: |link| link.duplicate_pct = None,
    },
    Knob {
        name: "reorder_pct",
        unit: "%",
        doc: "Packets that skip the delay and so overtake others; needs a delay.",
        kind: KnobKind::Number,
        min: 0.0,
        max: 100.0,
        default: "none",
        get: |link| link.reorder_pct.map(Percent::get),
        clear: |link| link.reorder_pct = None,
    },
    Knob {
        name: "corrupt_pct",
        unit: "%",
        doc: "Packets in which one bit is flipped; TCP sees a loss.",
        kind: KnobKind::Number,
        min: 0.0,
        max: 100.0,
        default: "none",
        get: |link| link.corrupt_pct.map(Percent::get),
        clear: |link| link.corrupt_pct = None,
    },
    Knob {
        name: "queue_bytes",
        unit: "bytes",
        doc: "Bytes that may wait for the rate before packets are dropped; needs a rate.",
        kind: KnobKind::Whole,
        min: 3_028.0,
        max: 16_777_216.0,
        default: "100 ms at the rate, at least eight packets",
        get: |link| link.queue_bytes.map(f64::from),
        clear: |link| link.queue_bytes = None,
    },
    Knob {
        name: "stall",
        unit: "",
        doc: "Nothing moves at all.",
        kind: KnobKind::Flag,
        min: 0.0,
        max: 1.0,
        default: "traffic moves",
        get: |link| link.stall.map(flag),
        clear: |link| link.stall = None,
    },
];

fn flag(on: bool) -> f64 {
    f64::from(u8::from(on))
}
