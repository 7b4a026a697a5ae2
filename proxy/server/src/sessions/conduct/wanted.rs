//! What a link is to do, and what of it is left out where the machine cannot and a part is enough.
//!
//! Invariant: what was asked is kept whole, so that what is left out can be said at every step of a pattern; only a transport
//! fault that is left out is not there to be begun.

use rebuffer_model::{LeftOut, Mbps, Pattern, PatternStep, Shape, ShapeControl, TransportFault};
use rebuffer_shape::{Machine, Partial, Reach, fault_left_out};

/// What a link is to do.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Wanted {
    base: Shape,
    pub(super) pattern: Option<Pattern>,
    pub(super) transport_fault: Option<TransportFault>,
    /// Whether what the machine cannot do is left out.
    partial: bool,
    /// The transport fault that was asked for, if it is left out.
    pub(super) fault_left_out: Option<LeftOut>,
}

impl Wanted {
    /// What an operator asked for, on this machine.
    pub(crate) fn of(shape: &ShapeControl, machine: &Machine) -> Self {
        let fault = shape.transport_fault.filter(|_| shape.partial);
        let fault_left_out = fault.and_then(|fault| fault_left_out(fault, machine));
        Self {
            base: shape.base(),
            pattern: shape.pattern.clone(),
            transport_fault: shape.transport_fault.filter(|_| fault_left_out.is_none()),
            partial: shape.partial,
            fault_left_out,
        }
    }

    /// The link at a step of the pattern, or without one; `baseline` is the rate of one that has none of its own.
    pub(super) fn link_at(
        &self,
        step: Option<&PatternStep>,
        baseline: Option<Mbps>,
        machine: &Machine,
    ) -> Partial {
        let mut asked = step.map_or(self.base, |step| step.over(&self.base));
        if !step.is_some_and(|step| step.unlimited) {
            asked.down.rate_mbps = asked.down.rate_mbps.or(baseline);
        }
        if self.partial { Partial::of(&asked, machine) } else { Partial::whole(asked) }
    }

    /// What is left out in any of these steps.
    pub(super) fn left_out_in(&self, steps: &[PatternStep], machine: &Machine) -> Vec<LeftOut> {
        if !self.partial {
            return Vec::new();
        }
        Reach::of(steps.iter().map(|step| step.over(&self.base)), machine).left_out
    }
}
