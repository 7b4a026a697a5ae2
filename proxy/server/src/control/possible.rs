//! Whether this machine can do what is asked of a link, before anything is changed.
//!
//! Invariant: what nobody can do here is refused with the reason the shaper gives, also in a step of a pattern that would come
//! hours later, and also while the player has no session. A shape that is `partial` is refused only when nothing of it can be
//! done. Deliberately absent: what only the kernel can tell by trying.

use std::sync::Arc;

use rebuffer_api::{Problem, ProblemKind};
use rebuffer_model::{Extent, LeftOut, Pattern, Shape, ShapeControl, Trace, TraceStep};
use rebuffer_shape::{Machine, Partial, Reach, fault_left_out};
use rebuffer_shaper::Backend;

use super::Refusal;
use crate::rig::Rig;

const AT_TRACE: &str = "/shape/pattern/trace";

/// Something nobody can do here, and where it was asked for.
#[derive(Debug)]
struct Obstacle {
    pointer: String,
    what: String,
}

/// Refuses what cannot be done, and what names a trace that is not there; otherwise says what of it is left out.
pub(super) fn check(rig: &Rig, asked: &ShapeControl) -> Result<Vec<LeftOut>, Refusal> {
    if !asked.is_neutral() && rig.shaper.backend() == Backend::Off {
        let detail = format!("links cannot be shaped here: {}", rig.shaper.reason());
        return Err(Problem::new(ProblemKind::NotHere, detail).pointer("/shape").into());
    }
    let trace = asked.pattern.as_ref().and_then(|pattern| pattern.trace.as_ref());
    let trace = trace.map(|name| {
        let no_trace = || {
            let detail = format!("no trace {name}; PUT its file to /api/v2/traces/{name}");
            Problem::bad_request(detail).pointer(AT_TRACE)
        };
        rig.traces.get(name).ok_or_else(no_trace)
    });
    let trace: Option<Arc<Trace>> = trace.transpose()?;
    Ok(judge(asked, trace.as_deref(), &rig.shaper.machine())?)
}

fn judge(asked: &ShapeControl, trace: Option<&Trace>, machine: &Machine) -> Result<Vec<LeftOut>, Problem> {
    trace.map_or(Ok(()), |trace| check_needs(trace, &asked.base()))?;
    let reach = reach(asked, trace, machine);
    let rest = match (reach.extent(), asked.partial) {
        (Extent::Wholly, _) | (Extent::Partly, true) => return Ok(reach.left_out),
        (Extent::Partly, false) => ". With \"partial\": true in the shape, the rest of it is applied",
        (Extent::NotAtAll, true) => "; nor can anything else in this shape, so no part of it can be applied",
        (Extent::NotAtAll, false) => "",
    };
    let Some(Obstacle { pointer, what }) = obstacle(asked, trace, machine) else { return Ok(reach.left_out) };
    Err(Problem::new(ProblemKind::NotHere, format!("{what}{rest}")).pointer(pointer))
}

/// How far this machine gets with a shape, with every step of its pattern and its transport fault.
fn reach(asked: &ShapeControl, trace: Option<&Trace>, machine: &Machine) -> Reach {
    let steps = asked.pattern.iter().flat_map(enabled).map(|(_, shape)| *shape);
    let trace = trace.into_iter().flat_map(|trace| trace.steps.iter().map(step_of));
    let mut reach = Reach::of([asked.base()].into_iter().chain(steps).chain(trace), machine);
    // The rates of a template are not known before there is a ladder.
    reach.applied += asked.pattern.iter().filter(|pattern| pattern.template.is_some()).count();
    if let Some(fault) = asked.transport_fault {
        match fault_left_out(fault, machine) {
            Some(left_out) => reach.left_out.push(left_out),
            None => reach.applied += 1,
        }
    }
    reach
}

/// The first thing nobody can do here.
fn obstacle(asked: &ShapeControl, trace: Option<&Trace>, machine: &Machine) -> Option<Obstacle> {
    let first = |shape: &Shape| Partial::of(shape, machine).left_out.into_iter().next();
    if let Some(left_out) = first(&asked.base()) {
        let own = Partial::of(&asked.shape, machine).left_out;
        let is_own = own.iter().any(|own| own.knob == left_out.knob);
        let pointer = if is_own { format!("/shape/{}", left_out.knob) } else { "/shape/preset".to_owned() };
        return Some(Obstacle::of(left_out, pointer));
    }
    for (index, shape) in asked.pattern.iter().flat_map(enabled) {
        if let Some(left_out) = first(shape) {
            let pointer = format!("/shape/pattern/steps/{index}/{}", left_out.knob);
            return Some(Obstacle::of(left_out, pointer));
        }
    }
    let in_trace = trace.and_then(|trace| trace.steps.iter().find_map(|step| first(&step_of(step))));
    if let Some(left_out) = in_trace {
        return Some(Obstacle::of(left_out, AT_TRACE.to_owned()));
    }
    let LeftOut { reason, .. } = fault_left_out(asked.transport_fault?, machine)?;
    let what = format!("packets can be neither dropped nor rejected here: {reason}");
    Some(Obstacle { pointer: "/shape/transport_fault".to_owned(), what })
}

/// The steps of a pattern that are not disabled, with their place among all.
fn enabled(pattern: &Pattern) -> impl Iterator<Item = (usize, &Shape)> {
    pattern
        .steps
        .iter()
        .enumerate()
        .filter(|(_, step)| !step.disabled)
        .map(|(index, step)| (index, &step.shape))
}

fn step_of(step: &TraceStep) -> Shape {
    step.pattern_step().shape
}

/// Whether each step of a trace has, over the player's own shape, what its knobs need.
fn check_needs(trace: &Trace, base: &Shape) -> Result<(), Problem> {
    for (number, step) in (1..).zip(&trace.steps) {
        if let Err((knob, message)) = step.pattern_step().over(base).check() {
            let detail = format!("at step {number} of the trace: {knob} {message}");
            return Err(Problem::bad_request(detail).pointer(AT_TRACE));
        }
    }
    Ok(())
}

impl Obstacle {
    fn of(LeftOut { knob, reason, .. }: LeftOut, pointer: String) -> Self {
        Self { pointer, what: format!("{knob} cannot be set here: {reason}") }
    }
}

#[cfg(test)]
mod tests {
    use rebuffer_model::{AskedValue, TransportAction};
    use rebuffer_shape::plain_kernel;

    use super::*;

    const REST: &str = "With \"partial\": true in the shape, the rest of it is applied";

    fn judged(json: &str, trace: Option<&str>, machine: &Machine) -> Result<Vec<LeftOut>, Problem> {
        let trace = trace.map(|file| rebuffer_shape::trace::read(file.as_bytes(), None).unwrap());
        judge(&serde_json::from_str(json).unwrap(), trace.as_ref(), machine)
    }

    fn paced(json: &str) -> Result<Vec<LeftOut>, Problem> {
        judged(json, None, &Machine::Pacing)
    }

    #[test]
    fn a_refusal_points_at_what_was_asked_and_offers_the_rest_where_there_is_one() {
        let step = r#"{"rate_mbps":5,"pattern":{"steps":[{"duration_seconds":1,"disabled":true,"loss_pct":1},
            {"duration_seconds":1,"uplink":{"stall":true}}]}}"#;
        for (json, at, rest) in [
            (r#"{"rate_mbps":5,"loss_pct":1}"#, "/shape/loss_pct", true),
            (r#"{"loss_pct":1}"#, "/shape/loss_pct", false),
            (r#"{"preset":"comcast/edge"}"#, "/shape/preset", true),
            (r#"{"preset":"apple/100-percent-loss"}"#, "/shape/preset", false),
            (r#"{"preset":"wpt/3g","uplink":{"rate_mbps":1}}"#, "/shape/uplink/rate_mbps", true),
            (r#"{"preset":"wpt/3g","corrupt_pct":1}"#, "/shape/corrupt_pct", true),
            (step, "/shape/pattern/steps/1/uplink/stall", true),
            (r#"{"loss_pct":1,"pattern":{"template":"pyramid"}}"#, "/shape/loss_pct", true),
            (r#"{"transport_fault":{"type":"drop"}}"#, "/shape/transport_fault", false),
            (r#"{"rate_mbps":5,"transport_fault":{"type":"drop"}}"#, "/shape/transport_fault", true),
        ] {
            let problem = paced(json).unwrap_err();
            assert_eq!((problem.status, problem.pointer.as_deref()), (409, Some(at)), "{json}");
            assert_eq!(problem.detail.ends_with(REST), rest, "{json}: {}", problem.detail);
        }
    }

    #[test]
    fn a_part_is_enough_where_that_was_asked_and_there_is_one() {
        let left =
            paced(r#"{"rate_mbps":5,"loss_pct":1,"transport_fault":{"type":"reject"},"partial":true}"#);
        let left: Vec<_> = left.unwrap().into_iter().map(|left| (left.knob, left.value)).collect();
        let fault = AskedValue::Fault(TransportAction::Reject);
        assert_eq!(left, [("loss_pct".into(), AskedValue::Number(1.0)), ("transport_fault".into(), fault)]);
        for nothing in [
            r#"{"preset":"apple/100-percent-loss""#,
            r#"{"loss_pct":1"#,
            r#"{"transport_fault":{"type":"drop"}"#,
        ] {
            let problem = paced(&format!(r#"{nothing},"partial":true}}"#)).unwrap_err();
            assert!(problem.detail.contains("no part of it can be applied"), "{}", problem.detail);
        }
        assert_eq!(paced(r#"{"partial":true}"#), Ok(Vec::new()), "nothing is asked");
        assert_eq!(paced(r#"{"pattern":{"template":"pyramid"}}"#), Ok(Vec::new()));
        assert_eq!(
            paced(r#"{"loss_pct":1,"pattern":{"template":"pyramid"},"partial":true}"#).unwrap().len(),
            1
        );
    }

    #[test]
    fn a_trace_is_looked_at_to_its_end() {
        let lossy = Some("time_s,mbps,loss_pct\n0,4,0\n1,4,2\n2,4,5\n");
        let json = |partial| format!(r#"{{"pattern":{{"trace":"lte"}},"partial":{partial}}}"#);
        let problem = judged(&json(false), lossy, &Machine::Pacing).unwrap_err();
        assert_eq!((problem.status, problem.pointer.as_deref()), (409, Some(AT_TRACE)));
        let left = judged(&json(true), lossy, &Machine::Pacing).unwrap();
        assert_eq!((left.len(), left[0].value), (1, AskedValue::Number(5.0)));
        assert_eq!(judged(&json(false), lossy, &Machine::Kernel(plain_kernel())), Ok(Vec::new()));
        // What its knobs need is missing on every machine.
        let short = r#"{"jitter_ms":9,"delay_ms":9,"pattern":{"trace":"lte"},"partial":true}"#;
        let delays = Some("time_s,mbps,delay_ms\n0,4,5\n1,4,5\n");
        assert_eq!(judged(short, delays, &Machine::Pacing).unwrap_err().status, 400);
    }
}
