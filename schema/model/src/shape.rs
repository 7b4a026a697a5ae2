//! The link of a player as it was asked for, and the knobs that make it up.
//!
//! Invariant: `KNOBS` has one row per field of `Shape`; validation, sliders, help and the shaper read the rows.
//! Deliberately absent: how the kernel is told (see the shaper).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{BitsPerSec, Mbps};

/// The link of a player. An absent knob leaves that property of the link alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Downlink rate on the wire in 10^6 bit/s, headers included; absent or null is unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0.05, maximum = 10_000)]
    pub rate_mbps: Option<Mbps>,
}

/// One thing to be done to a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkOp {
    /// Let downlink bits pass at this rate, counted on the wire.
    Rate(BitsPerSec),
}

/// One property of a link: its name, unit and bounds, how to read it, and what it asks of the link.
#[derive(Debug, Clone, Copy)]
pub struct Knob {
    /// The name of the field.
    pub name: &'static str,
    /// The unit of the number.
    pub unit: &'static str,
    /// What the knob does.
    pub doc: &'static str,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
    /// The number asked for, if any.
    pub get: fn(&Shape) -> Option<f64>,
    /// What it asks of the link, if anything.
    pub op: fn(&Shape) -> Option<LinkOp>,
}

/// Every knob of a link.
pub const KNOBS: &[Knob] = &[Knob {
    name: "rate_mbps",
    unit: "Mbit/s",
    doc: "Downlink rate on the wire, headers included. Empty is unlimited.",
    min: 0.05,
    max: 10_000.0,
    get: |shape| shape.rate_mbps.map(Mbps::get),
    op: |shape| shape.rate_mbps.map(|rate| LinkOp::Rate(rate.bits_per_sec())),
}];

impl Shape {
    /// Checks every knob against its bounds: the name of the first that lies outside, and what is wrong with it.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        for knob in KNOBS {
            if let Some(value) = (knob.get)(self)
                && !(knob.min..=knob.max).contains(&value)
            {
                let Knob { name, unit, min, max, .. } = knob;
                return Err((name, format!("must be from {min} to {max} {unit}; got {value}")));
            }
        }
        Ok(())
    }

    /// What this shape asks of the link, knob by knob.
    pub fn ops(&self) -> impl Iterator<Item = LinkOp> + '_ {
        KNOBS.iter().filter_map(|knob| (knob.op)(self))
    }

    /// Whether nothing is asked.
    pub fn is_neutral(&self) -> bool {
        self.ops().next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knobs_are_unique_documented_and_cover_every_field() {
        let full = Shape { rate_mbps: Some(Mbps::new(5.0).unwrap()) };
        let fields = serde_json::to_string(&full).unwrap();
        for knob in KNOBS {
            assert!(fields.contains(&format!("\"{}\"", knob.name)), "{} is no field", knob.name);
            assert!(!knob.doc.is_empty() && !knob.unit.is_empty() && knob.min < knob.max, "{}", knob.name);
            assert!((knob.get)(&full).is_some() && (knob.op)(&full).is_some(), "{}", knob.name);
        }
        assert_eq!(fields.matches(':').count(), KNOBS.len());
    }

    #[test]
    fn bounds_name_the_knob() {
        let slow = Shape { rate_mbps: Some(Mbps::new(0.01).unwrap()) };
        assert_eq!(slow.check().unwrap_err().0, "rate_mbps");
        assert!(Shape::default().check().is_ok() && Shape::default().is_neutral());
    }
}
