//! The link of a player as it was asked for, and the knobs that make it up.
//!
//! Invariant: `KNOBS` has one row per field of `Conditions`; validation, sliders, help and the shaper read the rows.
//! Deliberately absent: how the kernel is told (see the shaper), and change over time (see `pattern.rs`).

mod knobs;

use serde::de::MapAccess;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use knobs::{KNOBS, Knob, KnobKind};

use crate::flat::{Flat, fields, read_flat};
use crate::{Mbps, Millis, Percent};

/// What one direction of a link does to packets. An absent knob leaves that property alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, ToSchema)]
pub struct Conditions {
    /// Rate on the wire in 10^6 bit/s, headers included; absent or null is unlimited.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0.015, maximum = 10_000)]
    pub rate_mbps: Option<Mbps>,
    /// Delay added in this direction, ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, maximum = 10_000)]
    pub delay_ms: Option<Millis>,
    /// How far the delay of a packet may differ from `delay_ms` either way, ms, uniformly spread; needs a delay as large.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, maximum = 10_000)]
    pub jitter_ms: Option<Millis>,
    /// Whether jitter may let one packet overtake another; absent or false keeps them in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter_reorders: Option<bool>,
    /// Packets lost, percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss_pct: Option<Percent>,
    /// Mean length of a burst of losses, packets (Gilbert-Elliott model); absent or 1 is independent loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000)]
    pub loss_burst_packets: Option<f64>,
    /// Packets sent twice, percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate_pct: Option<Percent>,
    /// Packets that skip the delay and so overtake others, percent; needs a delay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reorder_pct: Option<Percent>,
    /// Packets in which one bit is flipped, percent. A checksum will usually find it, so TCP sees a loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrupt_pct: Option<Percent>,
    /// Bytes that may wait for the rate before packets are dropped; absent is 100 ms at the rate, at least eight packets.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 3028, maximum = 16_777_216)]
    pub queue_bytes: Option<u32>,
    /// Whether nothing moves at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stall: Option<bool>,
}

/// The link of a player: towards it (downlink, whose knobs stand here directly) and from it (`uplink`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, ToSchema)]
pub struct Shape {
    /// From the rig to the player.
    #[serde(flatten)]
    pub down: Conditions,
    /// From the player to the rig.
    #[serde(skip_serializing_if = "is_empty")]
    #[schema(required = false)]
    pub uplink: Conditions,
    /// Makes what is random repeatable where the kernel can: the same seed loses, duplicates and corrupts the same packets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u32>,
}

/// A direction of a link, as seen from the rig.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the rig to the player.
    Downlink,
    /// From the player to the rig.
    Uplink,
}

/// What has to be there for a knob to mean anything: knob, what it needs, in words.
type Need = (&'static str, fn(&Conditions) -> bool, &'static str);

const NEEDS: &[Need] = &[
    ("jitter_ms", |link| link.jitter_ms <= link.delay_ms, "needs a delay_ms at least as large"),
    (
        "jitter_reorders",
        |link| link.jitter_reorders != Some(true) || link.jitter_ms.is_some(),
        "needs a jitter_ms",
    ),
    (
        "loss_burst_packets",
        |link| link.loss_pct.is_some_and(|loss| loss.get() < 100.0),
        "needs a loss_pct below 100",
    ),
    ("reorder_pct", |link| link.delay_ms.is_some_and(|delay| delay.0 > 0), "needs a delay_ms"),
    ("queue_bytes", |link| link.rate_mbps.is_some(), "needs a rate_mbps"),
];

impl Conditions {
    /// Checks every knob against its bounds and what it needs: the name of the first that is wrong, and what is wrong.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        self.check_bounds()?;
        for (name, met, need) in NEEDS {
            let asked = KNOBS.iter().find(|knob| knob.name == *name).and_then(|knob| (knob.get)(self));
            if asked.is_some_and(|value| value > 0.0) && !met(self) {
                return Err((name, (*need).to_owned()));
            }
        }
        Ok(())
    }

    fn check_bounds(&self) -> Result<(), (&'static str, String)> {
        for Knob { name, unit, min, max, get, .. } in KNOBS {
            if let Some(value) = get(self)
                && !(*min..=*max).contains(&value)
            {
                return Err((name, format!("must be from {min} to {max} {unit}; got {value}")));
            }
        }
        Ok(())
    }

    /// Whether nothing is asked.
    pub fn is_neutral(&self) -> bool {
        let asks = |knob: &Knob| (knob.get)(self).is_some_and(|value| value > 0.0);
        !KNOBS.iter().any(asks)
    }

    /// These conditions, with what `over` asks put over them knob by knob.
    #[must_use]
    pub fn overlaid(&self, over: &Self) -> Self {
        Self {
            rate_mbps: over.rate_mbps.or(self.rate_mbps),
            delay_ms: over.delay_ms.or(self.delay_ms),
            jitter_ms: over.jitter_ms.or(self.jitter_ms),
            jitter_reorders: over.jitter_reorders.or(self.jitter_reorders),
            loss_pct: over.loss_pct.or(self.loss_pct),
            loss_burst_packets: over.loss_burst_packets.or(self.loss_burst_packets),
            duplicate_pct: over.duplicate_pct.or(self.duplicate_pct),
            reorder_pct: over.reorder_pct.or(self.reorder_pct),
            corrupt_pct: over.corrupt_pct.or(self.corrupt_pct),
            queue_bytes: over.queue_bytes.or(self.queue_bytes),
            stall: over.stall.or(self.stall),
        }
    }
}

impl Shape {
    /// A downlink of this rate and nothing else.
    pub fn capped(rate: Mbps) -> Self {
        Self { down: Conditions { rate_mbps: Some(rate), ..Conditions::default() }, ..Self::default() }
    }

    /// Checks both directions: the pointer of the first knob that is wrong, relative to the shape, and what is wrong.
    pub fn check(&self) -> Result<(), (String, String)> {
        self.check_each(Conditions::check)
    }

    /// Checks every knob against its bounds alone, as is right for what will be put over another shape.
    pub fn check_bounds(&self) -> Result<(), (String, String)> {
        self.check_each(Conditions::check_bounds)
    }

    fn check_each(
        &self,
        check: impl Fn(&Conditions) -> Result<(), (&'static str, String)>,
    ) -> Result<(), (String, String)> {
        Direction::ALL.into_iter().try_for_each(|direction| {
            let checked = check(self.towards(direction));
            checked.map_err(|(knob, message)| (direction.knob_path(knob), message))
        })
    }

    /// Whether nothing is asked of the link.
    pub fn is_neutral(&self) -> bool {
        self.down.is_neutral() && self.uplink.is_neutral()
    }

    /// The conditions of a direction.
    pub fn towards(&self, direction: Direction) -> &Conditions {
        match direction {
            Direction::Downlink => &self.down,
            Direction::Uplink => &self.uplink,
        }
    }

    /// The conditions of a direction, to be changed.
    pub fn towards_mut(&mut self, direction: Direction) -> &mut Conditions {
        match direction {
            Direction::Downlink => &mut self.down,
            Direction::Uplink => &mut self.uplink,
        }
    }

    /// This shape, with what `over` asks put over it knob by knob.
    #[must_use]
    pub fn overlaid(&self, over: &Self) -> Self {
        Self {
            down: self.down.overlaid(&over.down),
            uplink: self.uplink.overlaid(&over.uplink),
            seed: over.seed.or(self.seed),
        }
    }
}

impl Direction {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Downlink, Self::Uplink];

    /// Where a knob of this direction stands in a shape: `delay_ms`, `uplink/delay_ms`.
    pub fn knob_path(self, knob: &str) -> String {
        match self {
            Self::Downlink => knob.to_owned(),
            Self::Uplink => format!("uplink/{knob}"),
        }
    }
}

fn is_empty(conditions: &Conditions) -> bool {
    *conditions == Conditions::default()
}

impl Flat for Conditions {
    const WHAT: &'static str = "the conditions of a link";

    fn names() -> Vec<&'static str> {
        KNOBS.iter().map(|knob| knob.name).collect()
    }

    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        fields!(self, name, map:
            rate_mbps, delay_ms, jitter_ms, jitter_reorders, loss_pct, loss_burst_packets, duplicate_pct, reorder_pct,
            corrupt_pct, queue_bytes, stall
            else Ok(false));
        Ok(true)
    }
}

impl Flat for Shape {
    const WHAT: &'static str = "a shape";

    fn names() -> Vec<&'static str> {
        [vec!["uplink", "seed"], Conditions::names()].concat()
    }

    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        fields!(self, name, map: uplink, seed else self.down.read(name, map));
        Ok(true)
    }
}

read_flat!(Conditions, Shape);

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Conditions {
        Conditions {
            rate_mbps: Some(Mbps::new(5.0).unwrap()),
            delay_ms: Some(Millis(40)),
            jitter_ms: Some(Millis(10)),
            jitter_reorders: Some(true),
            loss_pct: Some(Percent::new(1.0).unwrap()),
            loss_burst_packets: Some(4.0),
            duplicate_pct: Some(Percent::new(0.1).unwrap()),
            reorder_pct: Some(Percent::new(2.0).unwrap()),
            corrupt_pct: Some(Percent::new(0.5).unwrap()),
            queue_bytes: Some(64_000),
            stall: Some(true),
        }
    }

    #[test]
    fn knobs_are_unique_documented_and_cover_every_field() {
        let full = full();
        full.check().unwrap();
        let fields = serde_json::to_string(&full).unwrap();
        for knob in KNOBS {
            assert_eq!(
                fields.matches(&format!("\"{}\":", knob.name)).count(),
                1,
                "{} is no field",
                knob.name
            );
            assert!(!knob.doc.is_empty() && !knob.default.is_empty() && knob.min < knob.max, "{}", knob.name);
            assert_eq!(knob.unit.is_empty(), knob.kind == KnobKind::Flag, "{}", knob.name);
            assert!(
                (knob.get)(&full).is_some() && (knob.get)(&Conditions::default()).is_none(),
                "{}",
                knob.name
            );
            let mut rest = full;
            (knob.clear)(&mut rest);
            assert!((knob.get)(&rest).is_none(), "{}", knob.name);
            let kept = KNOBS.iter().filter(|other| (other.get)(&rest) == (other.get)(&full)).count();
            assert_eq!(kept, KNOBS.len() - 1, "{} clears itself alone", knob.name);
        }
        assert_eq!(fields.matches(':').count(), KNOBS.len());
        assert!(NEEDS.iter().all(|(name, ..)| KNOBS.iter().any(|knob| knob.name == *name)));
    }

    #[test]
    fn a_shape_is_read_as_it_is_written_and_null_is_absent() {
        let shape = Shape { down: full(), uplink: full(), seed: Some(7) };
        let json = serde_json::to_string(&shape).unwrap();
        assert_eq!(serde_json::from_str::<Shape>(&json).unwrap(), shape);
        let nulls = r#"{"rate_mbps":null,"uplink":null,"seed":null,"stall":null}"#;
        assert_eq!(serde_json::from_str::<Shape>(nulls).unwrap(), Shape::default());
        assert_eq!(serde_json::to_string(&Shape::default()).unwrap(), "{}");
    }

    #[test]
    fn what_is_unknown_or_stands_twice_is_refused() {
        let error = |json| serde_json::from_str::<Shape>(json).unwrap_err().to_string();
        assert!(error(r#"{"colour":1}"#).contains("unknown field `colour`, expected one of `uplink`"));
        assert!(error(r#"{"uplink":{"seed":1}}"#).contains("unknown field `seed`"));
        assert!(error(r#"{"rate_mbps":1,"rate_mbps":2}"#).contains("twice"));
        assert!(error(r#"{"delay_ms":1.5}"#).contains("1.5"));
    }

    #[test]
    fn bounds_and_needs_name_the_knob() {
        let error = |json: &str| serde_json::from_str::<Shape>(json).unwrap().check().unwrap_err();
        assert_eq!(error(r#"{"rate_mbps":0.01}"#).0, "rate_mbps");
        assert_eq!(error(r#"{"uplink":{"rate_mbps":20000}}"#).0, "uplink/rate_mbps");
        for (json, knob) in [
            (r#"{"jitter_ms":5}"#, "jitter_ms"),
            (r#"{"delay_ms":5,"jitter_ms":6}"#, "jitter_ms"),
            (r#"{"jitter_reorders":true}"#, "jitter_reorders"),
            (r#"{"loss_burst_packets":3}"#, "loss_burst_packets"),
            (r#"{"reorder_pct":3}"#, "reorder_pct"),
            (r#"{"queue_bytes":30000}"#, "queue_bytes"),
        ] {
            assert_eq!(error(json).0, knob, "{json}");
        }
        assert!(Shape::default().check().is_ok() && Shape::default().is_neutral());
    }

    #[test]
    fn a_shape_over_another_wins_knob_by_knob() {
        let base: Shape =
            serde_json::from_str(r#"{"rate_mbps":5,"uplink":{"delay_ms":9},"seed":1}"#).unwrap();
        let over: Shape =
            serde_json::from_str(r#"{"rate_mbps":1,"delay_ms":20,"uplink":{"stall":true}}"#).unwrap();
        let both = r#"{"rate_mbps":1,"delay_ms":20,"uplink":{"delay_ms":9,"stall":true},"seed":1}"#;
        assert_eq!(base.overlaid(&over), serde_json::from_str(both).unwrap());
    }
}
