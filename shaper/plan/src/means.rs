//! Who turns each knob on a machine: one table.
//!
//! Invariant: every knob has a row, both ways; what nobody can turn says what is missing.
//! Deliberately absent: finding out what a kernel can do.

use rebuffer_model::{Conditions, Direction, KNOBS, KnobMeans};

use crate::kernel::Features;

/// What there is to shape with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Machine {
    /// A kernel that lets us, and can do this.
    Kernel(Features),
    /// The proxy alone.
    Pacing,
    /// Nothing, for this reason.
    Off(String),
}

impl Machine {
    /// Nothing, because shaping is off for this reason.
    pub fn off(reason: &str) -> Self {
        Self::Off(format!("links are not shaped: {reason}"))
    }
}

/// Who turns one knob: its name, and a function per kind of machine.
type Row = (&'static str, fn(Direction, &Features) -> KnobMeans, fn(Direction) -> KnobMeans);

const UNPACED: &str = "the proxy paces what it sends; packets are out of its reach";

const ROWS: &[Row] = &[
    ("rate_mbps", rate, |direction| match direction {
        Direction::Downlink => {
            KnobMeans::proxy("paces what it sends; counts bodies and not packets, nothing queues or drops")
        }
        Direction::Uplink => KnobMeans::nobody(UNPACED),
    }),
    ("delay_ms", delay, |direction| match direction {
        Direction::Downlink => held_answers(),
        Direction::Uplink => KnobMeans::nobody(UNPACED),
    }),
    ("jitter_ms", netem_only, unpaced),
    ("jitter_reorders", netem_only, unpaced),
    ("loss_pct", loss, unpaced),
    ("loss_burst_packets", netem_only, unpaced),
    ("duplicate_pct", netem_only, unpaced),
    ("reorder_pct", netem_only, unpaced),
    ("corrupt_pct", netem_only, unpaced),
    ("queue_bytes", rate, unpaced),
    ("stall", stall, |direction| match direction {
        Direction::Downlink => {
            KnobMeans::proxy("sends nothing; packets of its own (acknowledgements) still move")
        }
        Direction::Uplink => KnobMeans::nobody(UNPACED),
    }),
];

/// Who turns a knob in a direction.
pub fn means(knob: &str, direction: Direction, machine: &Machine) -> KnobMeans {
    let Some((_, kernel, pacing)) = ROWS.iter().find(|(name, ..)| *name == knob) else {
        return KnobMeans::nobody("there is no such knob");
    };
    match machine {
        Machine::Kernel(features) => kernel(direction, features),
        Machine::Pacing => pacing(direction),
        Machine::Off(reason) => KnobMeans::nobody(reason.clone()),
    }
}

/// Who can strike packets of a session, or why nobody can.
pub fn striking(machine: &Machine) -> KnobMeans {
    match machine {
        Machine::Kernel(Features { filter: Ok(()), .. }) => {
            KnobMeans::kernel("the packet filter (nf_tables) on the way in, by port", false)
        }
        Machine::Kernel(Features { filter: Err(missing), .. }) => KnobMeans::nobody(missing),
        Machine::Pacing => KnobMeans::nobody("links are paced by the proxy, which does not see packets"),
        Machine::Off(reason) => KnobMeans::nobody(reason),
    }
}

/// Who turns each knob that these conditions ask for.
pub(crate) fn means_asked(
    asked: &Conditions,
    direction: Direction,
    machine: &Machine,
) -> impl Iterator<Item = (&'static str, KnobMeans)> {
    let asks = |get: fn(&Conditions) -> Option<f64>| get(asked).is_some_and(|value| value > 0.0);
    let names: Vec<_> = KNOBS.iter().filter(|knob| asks(knob.get)).map(|knob| knob.name).collect();
    names.into_iter().map(move |name| (name, means(name, direction, machine)))
}

impl Machine {
    /// Whether packets of this direction can be put through a netem queue.
    pub fn has_netem(&self, direction: Direction) -> bool {
        matches!(self, Self::Kernel(features) if netem(direction, features).is_ok())
    }

    /// Whether a seed means anything.
    pub fn is_seeded(&self) -> bool {
        matches!(self, Self::Kernel(Features { netem_seed: true, .. }))
    }

    /// Whether there is a packet filter.
    pub fn has_filter(&self) -> bool {
        matches!(self, Self::Kernel(Features { filter: Ok(()), .. }))
    }
}

/// Whether a netem queue can be had in a direction, or what is missing.
fn netem(direction: Direction, features: &Features) -> Result<(), String> {
    features.netem.clone()?;
    match direction {
        Direction::Downlink => features.divert.clone(),
        Direction::Uplink => way_in(features),
    }
}

fn way_in(features: &Features) -> Result<(), String> {
    features.aides.clone()?;
    features.filter.clone()
}

fn netem_only(direction: Direction, features: &Features) -> KnobMeans {
    match netem(direction, features) {
        Ok(()) => KnobMeans::kernel("a netem queue of the session's own", features.netem_seed),
        Err(missing) => KnobMeans::nobody(missing),
    }
}

fn rate(direction: Direction, features: &Features) -> KnobMeans {
    match (direction, way_in(features)) {
        (Direction::Downlink, _) => {
            KnobMeans::kernel("an HTB class of the session's own, by source port", false)
        }
        (Direction::Uplink, Ok(())) => {
            KnobMeans::kernel("an HTB class of the session's own on the way in", false)
        }
        (Direction::Uplink, Err(missing)) => KnobMeans::nobody(missing),
    }
}

fn delay(direction: Direction, features: &Features) -> KnobMeans {
    match (netem(direction, features), direction) {
        (Ok(()), _) => netem_only(direction, features),
        (Err(_), Direction::Downlink) => held_answers(),
        (Err(missing), Direction::Uplink) => KnobMeans::nobody(missing),
    }
}

fn loss(direction: Direction, features: &Features) -> KnobMeans {
    if netem(direction, features).is_ok() {
        return netem_only(direction, features);
    }
    let filter = match direction {
        Direction::Downlink => way_in(features),
        Direction::Uplink => features.filter.clone(),
    };
    match filter {
        Ok(()) => KnobMeans::kernel(
            "the packet filter (nf_tables) at random, where TCP sees a loss on the path",
            false,
        ),
        Err(missing) => KnobMeans::nobody(missing),
    }
}

fn stall(direction: Direction, features: &Features) -> KnobMeans {
    let filter = match direction {
        Direction::Downlink => way_in(features),
        Direction::Uplink => features.filter.clone(),
    };
    match filter {
        Ok(()) => KnobMeans::kernel("the packet filter (nf_tables) loses every packet", false),
        Err(missing) => KnobMeans::nobody(missing),
    }
}

fn held_answers() -> KnobMeans {
    KnobMeans::proxy("holds each answer back for that long; handshakes and the pace of TCP do not feel it")
}

fn unpaced(_: Direction) -> KnobMeans {
    KnobMeans::nobody(UNPACED)
}

#[cfg(test)]
mod tests {
    use rebuffer_model::TurnedBy;

    use super::*;
    use crate::recorder::plain_kernel;

    #[test]
    fn every_knob_has_a_row_and_says_something() {
        assert_eq!(
            ROWS.iter().map(|row| row.0).collect::<Vec<_>>(),
            KNOBS.iter().map(|knob| knob.name).collect::<Vec<_>>()
        );
        for machine in [Machine::Kernel(plain_kernel()), Machine::Pacing, Machine::Off("switched off".into())]
        {
            for (knob, direction) in
                KNOBS.iter().flat_map(|knob| Direction::ALL.map(|direction| (knob, direction)))
            {
                assert!(!means(knob.name, direction, &machine).how.is_empty(), "{}", knob.name);
            }
        }
    }

    #[test]
    fn a_kernel_without_netem_still_loses_stalls_and_caps_both_ways() {
        let machine = Machine::Kernel(plain_kernel());
        for direction in Direction::ALL {
            for knob in ["rate_mbps", "loss_pct", "stall", "queue_bytes"] {
                assert_eq!(means(knob, direction, &machine).by, TurnedBy::Kernel, "{knob}");
            }
            assert_eq!(means("corrupt_pct", direction, &machine).by, TurnedBy::Nobody);
        }
        assert_eq!(means("delay_ms", Direction::Downlink, &machine).by, TurnedBy::Proxy);
    }
}
