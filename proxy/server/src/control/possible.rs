//! Whether this machine can do what is asked of a link, before anything is changed.
//!
//! Invariant: what nobody can do here is refused with the reason the shaper gives, also in a step of a pattern that would come
//! hours later, and also while the player has no session. Deliberately absent: what only the kernel can tell by trying.

use rebuffer_api::{Problem, ProblemKind};
use rebuffer_model::{Direction, KNOBS, KnobMeans, PatternStep, Shape, ShapeControl, TraceStep, TurnedBy};
use rebuffer_shaper::Backend;

use super::Refusal;
use crate::rig::Rig;

/// Refuses what cannot be done, and what names a trace that is not there.
pub(super) fn check(rig: &Rig, asked: &ShapeControl) -> Result<(), Refusal> {
    if !asked.is_neutral() && rig.shaper.backend() == Backend::Off {
        let detail = format!("links cannot be shaped here: {}", rig.shaper.reason());
        return Err(Problem::new(ProblemKind::NotHere, detail).pointer("/shape").into());
    }
    let means = |knob: &str, direction| rig.shaper.means(knob, direction);
    let own = asked.shape;
    if let Some((knob, why)) = impossible(&asked.base(), means) {
        let its_own = impossible(&own, means).is_some();
        let pointer = if its_own { format!("/shape/{knob}") } else { "/shape/preset".to_owned() };
        return Err(not_here(&knob, &why, &pointer));
    }
    if let Some(pattern) = &asked.pattern {
        for (index, step) in pattern.steps.iter().enumerate().filter(|(_, step)| !step.disabled) {
            if let Some((knob, why)) = impossible(&step.shape, means) {
                return Err(not_here(&knob, &why, &format!("/shape/pattern/steps/{index}/{knob}")));
            }
        }
        if let Some(name) = &pattern.trace {
            let Some(trace) = rig.traces.get(name) else {
                let detail = format!("no trace {name}; PUT its file to /api/v2/traces/{name}");
                return Err(Problem::bad_request(detail).pointer("/shape/pattern/trace").into());
            };
            playable(trace.steps.iter().map(TraceStep::pattern_step), &asked.base(), means)?;
        }
    }
    let striking = rig.shaper.striking();
    if asked.transport_fault.is_some() && striking.by == TurnedBy::Nobody {
        let detail = format!("packets can be neither dropped nor rejected here: {}", striking.how);
        return Err(Problem::new(ProblemKind::NotHere, detail).pointer("/shape/transport_fault").into());
    }
    Ok(())
}

fn playable(
    steps: impl Iterator<Item = PatternStep>,
    base: &Shape,
    means: impl Fn(&str, Direction) -> KnobMeans + Copy,
) -> Result<(), Refusal> {
    const AT: &str = "/shape/pattern/trace";
    for (number, step) in (1..).zip(steps) {
        if let Some((knob, why)) = impossible(&step.shape, means) {
            return Err(not_here(&knob, &why, AT));
        }
        if let Err((knob, message)) = step.over(base).check() {
            let detail = format!("at step {number} of the trace: {knob} {message}");
            return Err(Problem::bad_request(detail).pointer(AT).into());
        }
    }
    Ok(())
}

/// The first knob that is turned and that nobody can turn here, and why.
fn impossible(shape: &Shape, means: impl Fn(&str, Direction) -> KnobMeans) -> Option<(String, String)> {
    Direction::ALL.into_iter().find_map(|direction| {
        let conditions = shape.towards(direction);
        let turned = KNOBS.iter().filter(|knob| (knob.get)(conditions).is_some_and(|value| value > 0.0));
        turned.map(|knob| (knob.name, means(knob.name, direction))).find_map(|(name, means)| {
            let path = match direction {
                Direction::Downlink => name.to_owned(),
                Direction::Uplink => format!("uplink/{name}"),
            };
            (means.by == TurnedBy::Nobody).then_some((path, means.how))
        })
    })
}

fn not_here(knob: &str, why: &str, pointer: &str) -> Refusal {
    Problem::new(ProblemKind::NotHere, format!("{knob} cannot be set here: {why}")).pointer(pointer).into()
}
