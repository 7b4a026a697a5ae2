//! From a shape to what it needs on this machine: classes, netem queues, rules of the packet filter, and what sockets and
//! the proxy have to do.
//!
//! Invariant: a knob that is asked for is in the plan or in the error; [`means`] and [`LinkPlan::of`] read one table, so what
//! is said to be possible is what is done. Deliberately absent: bounds of the knobs; they stand beside the shape.

use std::time::Duration;

use rebuffer_model::{BitsPerSec, Conditions, Direction, Shape, TurnedBy};

use crate::class::{ClassParams, Leaf, queue};
use crate::means::{Machine, means_asked};
use crate::netem::Netem;
use crate::rules::PerMillion;

/// What a shape needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinkPlan {
    /// Towards the player.
    pub down: Lane,
    /// From the player.
    pub up: Lane,
}

/// What one direction needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lane {
    /// Bytes per second on the wire.
    pub rate: Option<u32>,
    /// Bytes that may wait for the rate, where that was asked.
    pub queue: Option<u32>,
    /// The queue that delays, loses and so on.
    pub netem: Option<Netem>,
    /// Packets the packet filter loses; all of them is a stall.
    pub lost: Option<PerMillion>,
    /// How long the proxy holds each answer back, where no packet can be delayed.
    pub answer_delay: Option<Duration>,
    /// Whether nothing moves, done by whoever there is.
    pub stalled: bool,
}

/// Why a shape has no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A knob lies outside its bounds.
    #[error("{knob} {message}")]
    OutOfRange {
        /// The knob, `uplink/` before it for that direction.
        knob: String,
        /// What is wrong with it.
        message: String,
    },
    /// Nobody can turn the knob on this machine.
    #[error("{knob} cannot be set here: {reason}")]
    NotHere {
        /// The knob, `uplink/` before it for that direction.
        knob: String,
        /// Why.
        reason: String,
    },
}

impl LinkPlan {
    /// Compiles a shape for a machine, after checking it.
    pub fn of(shape: &Shape, machine: &Machine) -> Result<Self, PlanError> {
        shape.check().map_err(|(knob, message)| PlanError::OutOfRange { knob, message })?;
        let lane = |direction| lane(shape, direction, machine);
        Ok(Self { down: lane(Direction::Downlink)?, up: lane(Direction::Uplink)? })
    }

    /// The cap of the downlink, as near to what was asked as whole bytes per second are.
    pub fn rate(&self) -> Option<BitsPerSec> {
        self.down.rate.map(bits)
    }

    /// How many unsent bytes a socket may hold before it counts as full: 20 ms, so that what is written after a change
    /// of rate is not behind megabytes written before it. None leaves the socket as the system has it.
    pub fn notsent_lowat(&self) -> Option<u32> {
        self.down.rate.map(|rate| (rate / 50).clamp(16 << 10, 256 << 10))
    }

    /// Whether it needs nothing.
    pub fn is_neutral(&self) -> bool {
        *self == Self::default()
    }
}

impl Lane {
    /// The class for its rate, with a queue of bytes.
    pub fn class(&self) -> Option<ClassParams> {
        self.rate
            .map(|rate| ClassParams::capped_with(rate, Leaf::Fifo(self.queue.unwrap_or_else(|| queue(rate)))))
    }

    /// The class for everything it needs, with a netem queue: what waits for the rate and what is delayed share it.
    pub fn class_with_netem(&self) -> Option<ClassParams> {
        let waiting = self.rate.map(|rate| Netem::waiting_room(self.queue.unwrap_or_else(|| queue(rate))));
        let netem = match (self.netem, waiting) {
            (Some(netem), Some(room)) => Netem { limit: netem.limit.max(room.limit), ..netem },
            (Some(netem), None) => netem,
            (None, Some(room)) => room,
            (None, None) => return None,
        };
        let leaf = Leaf::Netem(netem);
        Some(self.rate.map_or(ClassParams::unlimited(leaf), |rate| ClassParams::capped_with(rate, leaf)))
    }

    /// The conditions this lane makes, as far as whoever pretends to read them back cannot know better.
    pub fn conditions(&self) -> Conditions {
        let netem = self.netem.map(|netem| netem.conditions()).unwrap_or_default();
        Conditions { rate_mbps: self.rate.map(|rate| bits(rate).into()), queue_bytes: self.queue, ..netem }
    }
}

fn lane(shape: &Shape, direction: Direction, machine: &Machine) -> Result<Lane, PlanError> {
    let asked = shape.towards(direction);
    let named = |knob: &str| direction.knob_path(knob);
    for (knob, means) in means_asked(asked, direction, machine) {
        if means.by == TurnedBy::Nobody {
            return Err(PlanError::NotHere { knob: named(knob), reason: means.how });
        }
    }
    let rate =
        asked.rate_mbps.map(|rate| bytes_per_sec(rate.bits_per_sec(), named("rate_mbps"))).transpose()?;
    let stalled = asked.stall == Some(true);
    let mut lane = Lane { rate, queue: asked.queue_bytes, stalled, ..Lane::default() };
    if machine.has_netem(direction) {
        lane.netem = Netem::of(asked, shape.seed.filter(|_| machine.is_seeded()));
    } else {
        lane.lost = PerMillion::of(asked.loss_pct.unwrap_or_default().fraction());
        lane.answer_delay =
            asked.delay_ms.filter(|delay| delay.0 > 0).map(|delay| Duration::from_millis(delay.0));
    }
    if stalled && machine.has_filter() {
        lane.lost = Some(PerMillion::ALL);
    }
    Ok(lane)
}

/// The kernel counts whole bytes per second.
fn bytes_per_sec(rate: BitsPerSec, knob: String) -> Result<u32, PlanError> {
    let bytes = u32::try_from(rate.0.saturating_add(4) / 8).ok();
    bytes.filter(|bytes| (1..u32::MAX).contains(bytes)).ok_or_else(|| PlanError::OutOfRange {
        knob,
        message: format!("cannot be enforced at {} bit/s", rate.0),
    })
}

fn bits(bytes: u32) -> BitsPerSec {
    BitsPerSec(u64::from(bytes) * 8)
}

#[cfg(test)]
mod tests {
    use rebuffer_model::Mbps;

    use super::*;
    use crate::recorder::plain_kernel;

    fn plan(json: &str, machine: &Machine) -> Result<LinkPlan, PlanError> {
        LinkPlan::of(&serde_json::from_str(json).unwrap(), machine)
    }

    fn at(mbps: f64) -> Result<LinkPlan, PlanError> {
        LinkPlan::of(&Shape::capped(Mbps::new(mbps).unwrap()), &Machine::Kernel(plain_kernel()))
    }

    fn full() -> Machine {
        let features = plain_kernel();
        Machine::Kernel(crate::kernel::Features { netem: Ok(()), netem_seed: true, ..features })
    }

    #[test]
    fn nothing_asked_needs_nothing() {
        let plan = LinkPlan::of(&Shape::default(), &Machine::Off("why".into())).unwrap();
        assert!(plan.is_neutral());
        assert_eq!((plan.rate(), plan.notsent_lowat()), (None, None));
    }

    #[test]
    fn a_rate_becomes_the_nearest_whole_bytes_per_second() {
        assert_eq!(at(1.0).unwrap().down.class(), Some(ClassParams::capped(125_000)));
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
        assert!(matches!(&error, PlanError::OutOfRange { knob, .. } if knob == "rate_mbps"), "{error}");
        assert!(error.to_string().contains("0.015"), "{error}");
    }

    #[test]
    fn losses_are_netems_where_there_is_one_and_the_filters_elsewhere() {
        let json = r#"{"loss_pct":2,"uplink":{"loss_pct":1},"seed":9}"#;
        let with = plan(json, &full()).unwrap();
        assert_eq!((with.down.lost, with.up.lost), (None, None));
        assert_eq!(with.down.netem.unwrap().seed, Some(9));
        let without = plan(json, &Machine::Kernel(plain_kernel())).unwrap();
        let shares = [without.down.lost, without.up.lost].map(|lost| lost.unwrap().get());
        assert_eq!((shares, without.down.netem), ([20_000, 10_000], None));
    }

    #[test]
    fn a_stall_loses_everything_on_every_kernel() {
        for machine in [full(), Machine::Kernel(plain_kernel())] {
            let plan = plan(r#"{"stall":true,"rate_mbps":5}"#, &machine).unwrap();
            assert_eq!((plan.down.lost, plan.down.stalled), (Some(PerMillion::ALL), true));
            assert!(plan.down.rate.is_some() && plan.up == Lane::default());
        }
    }

    #[test]
    fn what_nobody_can_do_is_refused_with_the_reason() {
        let error = plan(r#"{"uplink":{"delay_ms":20}}"#, &Machine::Kernel(plain_kernel())).unwrap_err();
        assert!(
            matches!(&error, PlanError::NotHere { knob, reason } if knob == "uplink/delay_ms" && reason.contains("netem")),
            "{error}"
        );
        assert!(plan(r#"{"uplink":{"rate_mbps":1}}"#, &Machine::Pacing).is_err());
    }

    #[test]
    fn a_delay_without_netem_is_the_proxys() {
        let plan = plan(r#"{"delay_ms":20}"#, &Machine::Pacing).unwrap();
        assert_eq!(plan.down.answer_delay, Some(Duration::from_millis(20)));
    }

    #[test]
    fn one_queue_holds_what_waits_and_what_is_delayed() {
        let lane = plan(r#"{"uplink":{"rate_mbps":1,"delay_ms":20}}"#, &full()).unwrap().up;
        let Some(ClassParams { rate: 125_000, leaf: Leaf::Netem(netem), .. }) = lane.class_with_netem()
        else {
            panic!("{lane:?}")
        };
        assert_eq!((netem.delay_ns, netem.limit), (20_000_000, 1_000));
    }
}
