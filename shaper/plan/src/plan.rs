//! From a shape to what it needs: the class, and what its sockets are told.
//!
//! Invariant: every operation of a shape is decided here, for every backend; one that is not known does not compile.
//! Deliberately absent: bounds of the knobs; they stand beside the shape and are checked first.

use rebuffer_model::{BitsPerSec, Conditions, KNOBS, Shape};

use crate::class::ClassParams;

/// What a shape needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinkPlan {
    rate: Option<u32>,
}

/// Why a shape has no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{knob} {message}")]
pub struct PlanError {
    /// The knob that lies outside its bounds.
    pub knob: String,
    /// What is wrong with it.
    pub message: String,
}

impl LinkPlan {
    /// Compiles a shape, after checking it.
    pub fn of(shape: &Shape) -> Result<Self, PlanError> {
        shape.check().map_err(|(knob, message)| PlanError { knob, message })?;
        // Until the other knobs are compiled, asking for one is refused here.
        let rest = Shape { down: Conditions { rate_mbps: None, ..shape.down }, ..*shape };
        for (direction, conditions) in [("", rest.down), ("uplink/", rest.uplink)] {
            if let Some(knob) =
                KNOBS.iter().find(|knob| (knob.get)(&conditions).is_some_and(|value| value > 0.0))
            {
                let message = "cannot be set on this machine".to_owned();
                return Err(PlanError { knob: format!("{direction}{}", knob.name), message });
            }
        }
        let rate = shape.down.rate_mbps.map(|rate| bytes_per_sec(rate.bits_per_sec())).transpose()?;
        Ok(Self { rate })
    }

    /// The class it needs; none while nothing is capped.
    pub fn class(&self) -> Option<ClassParams> {
        self.rate.map(ClassParams::capped)
    }

    /// The cap, as near to what was asked as whole bytes per second are.
    pub fn rate(&self) -> Option<BitsPerSec> {
        self.rate.map(|rate| BitsPerSec(u64::from(rate) * 8))
    }

    /// How many unsent bytes a socket may hold before it counts as full: 20 ms, so that what is written after a change
    /// of rate is not behind megabytes written before it. None leaves the socket as the system has it.
    pub fn notsent_lowat(&self) -> Option<u32> {
        self.rate.map(|rate| (rate / 50).clamp(16 << 10, 256 << 10))
    }
}

/// The kernel counts whole bytes per second.
fn bytes_per_sec(rate: BitsPerSec) -> Result<u32, PlanError> {
    let bytes = u32::try_from(rate.0.saturating_add(4) / 8).ok();
    bytes.filter(|bytes| (1..u32::MAX).contains(bytes)).ok_or_else(|| PlanError {
        knob: "rate_mbps".to_owned(),
        message: format!("cannot be enforced at {} bit/s", rate.0),
    })
}

#[cfg(test)]
mod tests {
    use rebuffer_model::Mbps;

    use super::*;

    fn at(mbps: f64) -> Result<LinkPlan, PlanError> {
        LinkPlan::of(&Shape::capped(Mbps::new(mbps).unwrap()))
    }

    #[test]
    fn nothing_asked_needs_nothing() {
        let plan = LinkPlan::of(&Shape::default()).unwrap();
        assert_eq!((plan.class(), plan.rate(), plan.notsent_lowat()), (None, None, None));
    }

    #[test]
    fn a_rate_becomes_the_nearest_whole_bytes_per_second() {
        assert_eq!(at(1.0).unwrap().class(), Some(ClassParams::capped(125_000)));
        assert_eq!(at(1.000_005).unwrap().rate(), Some(BitsPerSec(1_000_008)));
        assert_eq!(at(10_000.0).unwrap().rate(), Some(BitsPerSec(10_000_000_000)));
    }

    #[test]
    fn sockets_hold_20_ms_within_bounds() {
        let lowat = |mbps| at(mbps).unwrap().notsent_lowat().unwrap();
        assert_eq!([lowat(1.0), lowat(20.0), lowat(1000.0)], [16_384, 50_000, 262_144]);
    }

    #[test]
    fn a_knob_outside_its_bounds_is_named() {
        let error = at(0.01).unwrap_err();
        assert_eq!(error.knob, "rate_mbps");
        assert!(error.message.contains("0.015"), "{error}");
    }
}
