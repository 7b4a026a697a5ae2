//! Shapes as far as a machine goes: what of them it can put in force, and what it leaves out.
//!
//! Invariant: each knob that is asked for is applied as asked or left out with the reason, and what is applied is accepted by
//! that machine without the rest. Deliberately absent: whether somebody wants a part of a shape at all.

use rebuffer_model::{
    AskedValue, Direction, Extent, KNOBS, Knob, KnobMeans, LeftOut, Shape, TransportFault, TurnedBy,
};

use crate::means::{Machine, means, striking};

/// A shape and what a machine makes of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Partial {
    /// All of it.
    pub asked: Shape,
    /// What is to be put in force.
    pub applied: Shape,
    /// The rest: towards the player first, in the order of the knobs.
    pub left_out: Vec<LeftOut>,
}

/// How far a machine gets with several shapes, such as the steps of a pattern.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reach {
    /// How many knobs it can turn of those that are asked for; one of both directions counts twice.
    pub applied: usize,
    /// Those it cannot, each once, with the largest value asked of it.
    pub left_out: Vec<LeftOut>,
}

/// A knob that is asked for, the largest value asked, and who turns it.
type Asked = (Direction, &'static Knob, f64, KnobMeans);

impl Partial {
    /// What this machine can do, and what is left out.
    pub fn of(asked: &Shape, machine: &Machine) -> Self {
        let (impossible, _) = sort_out([*asked], machine);
        let mut applied = *asked;
        for (direction, knob, ..) in &impossible {
            (knob.clear)(applied.towards_mut(*direction));
        }
        Self { asked: *asked, applied, left_out: impossible.into_iter().map(left_out).collect() }
    }

    /// All of it, so that a machine that cannot do it has to refuse it.
    pub fn whole(asked: Shape) -> Self {
        Self { asked, applied: asked, left_out: Vec::new() }
    }
}

impl Reach {
    /// Looks at shapes that are in force one after the other.
    pub fn of(shapes: impl IntoIterator<Item = Shape>, machine: &Machine) -> Self {
        let (impossible, applied) = sort_out(shapes, machine);
        Self { applied, left_out: impossible.into_iter().map(left_out).collect() }
    }

    /// How much that is.
    pub fn extent(&self) -> Extent {
        match (self.left_out.is_empty(), self.applied) {
            (true, _) => Extent::Wholly,
            (false, 0) => Extent::NotAtAll,
            (false, _) => Extent::Partly,
        }
    }
}

/// The transport fault as it is left out; none where somebody can strike packets.
pub fn fault_left_out(fault: TransportFault, machine: &Machine) -> Option<LeftOut> {
    let KnobMeans { by, how, .. } = striking(machine);
    (by == TurnedBy::Nobody).then(|| LeftOut {
        knob: "transport_fault".to_owned(),
        value: AskedValue::Fault(fault.action),
        reason: how,
    })
}

/// What nobody can turn of what is asked, and how many knobs somebody can.
fn sort_out(shapes: impl IntoIterator<Item = Shape>, machine: &Machine) -> (Vec<Asked>, usize) {
    let rows =
        Direction::ALL.into_iter().flat_map(|direction| KNOBS.iter().map(move |knob| (direction, knob)));
    let mut peaks: Vec<_> = rows.map(|(direction, knob)| (direction, knob, 0.0_f64)).collect();
    for shape in shapes {
        for (direction, knob, peak) in &mut peaks {
            *peak = (knob.get)(shape.towards(*direction)).unwrap_or_default().max(*peak);
        }
    }
    let asked = peaks.into_iter().filter(|(.., peak)| *peak > 0.0);
    let turned = asked.map(|(direction, knob, peak)| {
        let by = means(knob.name, direction, machine);
        (direction, knob, peak, by)
    });
    let (impossible, possible): (Vec<_>, Vec<_>) = turned.partition(|(.., by)| by.by == TurnedBy::Nobody);
    (impossible, possible.len())
}

fn left_out((direction, knob, value, means): Asked) -> LeftOut {
    LeftOut { knob: direction.knob_path(knob.name), value: AskedValue::of(knob, value), reason: means.how }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;
    use rebuffer_model::{Conditions, Mbps, Millis, PRESETS, Percent};

    use super::*;
    use crate::kernel::Features;
    use crate::plan::LinkPlan;
    use crate::recorder::plain_kernel;

    fn config() -> ProptestConfig {
        ProptestConfig {
            rng_seed: RngSeed::Fixed(11),
            failure_persistence: None,
            ..ProptestConfig::default()
        }
    }

    /// Conditions whose knobs have what they need.
    fn conditions() -> impl Strategy<Value = Conditions> {
        let delay =
            (prop::option::of(0_u64..10_000), prop::option::of(0.0..1.0), prop::option::of(any::<bool>()));
        let loss = (prop::option::of(0.0..99.0), prop::option::of(1.0..1_000.0));
        let share = || prop::option::of(0.0..100.0);
        let rate = (prop::option::of(0.015..10_000.0), prop::option::of(3_028_u32..16_777_216));
        let rest = (share(), share(), share(), prop::option::of(any::<bool>()));
        (delay, loss, rate, rest).prop_map(|(delay, loss, rate, rest)| {
            let ((delay, jitter, reorders), (loss, burst), (rate, queue)) = (delay, loss, rate);
            let (duplicate, reorder, corrupt, stall) = rest;
            let percent = |share: Option<f64>| share.map(|share| Percent::new(share).unwrap());
            let jitter = delay.zip(jitter).map(|(delay, share): (u64, f64)| {
                let jitter = Millis(delay).as_f64() * share;
                Millis(format!("{jitter:.0}").parse().unwrap())
            });
            Conditions {
                rate_mbps: rate.map(|rate| Mbps::new(rate).unwrap()),
                delay_ms: delay.map(Millis),
                jitter_ms: jitter,
                jitter_reorders: jitter.and(reorders),
                loss_pct: percent(loss),
                loss_burst_packets: loss.and(burst),
                duplicate_pct: percent(duplicate),
                reorder_pct: percent(reorder).filter(|_| delay.is_some_and(|delay| delay > 0)),
                corrupt_pct: percent(corrupt),
                queue_bytes: rate.and(queue),
                stall,
            }
        })
    }

    fn shape() -> impl Strategy<Value = Shape> {
        let seed = prop::option::of(any::<u32>());
        (conditions(), conditions(), seed).prop_map(|(down, uplink, seed)| Shape { down, uplink, seed })
    }

    /// Every machine there can be.
    fn machine() -> impl Strategy<Value = Machine> {
        let there =
            || any::<bool>().prop_map(|there| there.then_some(()).ok_or_else(|| "missing".to_owned()));
        let features = (there(), any::<bool>(), there(), there(), there()).prop_map(
            |(netem, netem_seed, divert, filter, aides)| {
                Machine::Kernel(Features { netem, netem_seed, divert, filter, aides })
            },
        );
        prop_oneof![Just(Machine::Pacing), Just(Machine::Off("off".to_owned())), features]
    }

    /// What of a shape is asked for: where it stands, and the number.
    fn numbers(shape: &Shape) -> Vec<(String, f64)> {
        let rows = Direction::ALL.into_iter().flat_map(|direction| {
            KNOBS
                .iter()
                .map(move |knob| (direction.knob_path(knob.name), (knob.get)(shape.towards(direction))))
        });
        rows.filter_map(|(path, number)| Some((path, number.filter(|number| *number > 0.0)?))).collect()
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn what_is_applied_and_what_is_left_out_are_what_was_asked(shape in shape(), machine in machine()) {
            prop_assert_eq!(shape.check(), Ok(()));
            let partial = Partial::of(&shape, &machine);
            let mut parts = numbers(&partial.applied);
            parts.extend(partial.left_out.iter().map(|left| (left.knob.clone(), number(&left.value))));
            let (mut parts, mut asked) = (parts, numbers(&shape));
            parts.sort_by(|a, b| a.0.cmp(&b.0));
            asked.sort_by(|a, b| a.0.cmp(&b.0));
            prop_assert_eq!(parts, asked);
            prop_assert_eq!((partial.asked, partial.applied.seed), (shape, shape.seed));
            prop_assert!(partial.left_out.iter().all(|left| !left.reason.is_empty()));
        }

        #[test]
        fn a_machine_accepts_what_is_applied_without_the_rest(shape in shape(), machine in machine()) {
            let partial = Partial::of(&shape, &machine);
            prop_assert!(LinkPlan::of(&partial.applied, &machine).is_ok());
            let whole = LinkPlan::of(&shape, &machine);
            prop_assert_eq!(whole.is_ok(), partial.left_out.is_empty(), "{:?}", whole);
            prop_assert_eq!(Partial::of(&partial.applied, &machine), Partial::whole(partial.applied));
        }

        #[test]
        fn several_shapes_leave_out_what_each_of_them_does(
            shapes in prop::collection::vec(shape(), 0..4),
            machine in machine(),
        ) {
            let reach = Reach::of(shapes.clone(), &machine);
            let parts: Vec<_> = shapes.iter().map(|shape| Partial::of(shape, &machine)).collect();
            for left in &reach.left_out {
                let each = parts.iter().flat_map(|part| &part.left_out).filter(|other| other.knob == left.knob);
                let largest = each.map(|other| number(&other.value)).fold(0.0, f64::max);
                prop_assert_eq!(number(&left.value), largest);
            }
            let known = |path: &str| reach.left_out.iter().any(|left| left.knob == path);
            prop_assert!(parts.iter().flat_map(|part| &part.left_out).all(|left| known(&left.knob)));
            prop_assert_eq!(reach.applied > 0, parts.iter().any(|part| !part.applied.is_neutral()));
        }
    }

    fn number(value: &AskedValue) -> f64 {
        match value {
            AskedValue::Flag(on) => f64::from(u8::from(*on)),
            AskedValue::Number(number) => *number,
            AskedValue::Fault(_) => f64::NAN,
        }
    }

    fn extents(machine: &Machine) -> [usize; 3] {
        let extent = |preset: &rebuffer_model::Preset| Reach::of([preset.shape()], machine).extent();
        let count = |wanted| PRESETS.iter().filter(|preset| extent(preset) == wanted).count();
        [Extent::Wholly, Extent::Partly, Extent::NotAtAll].map(count)
    }

    #[test]
    fn presets_go_as_far_as_each_machine_does() {
        let netem = Machine::Kernel(Features { netem: Ok(()), ..plain_kernel() });
        assert_eq!(extents(&netem), [65, 0, 0]);
        assert_eq!(extents(&Machine::Kernel(plain_kernel())), [1, 64, 0]);
        assert_eq!(extents(&Machine::Pacing), [0, 64, 1]);
        assert_eq!(extents(&Machine::Off("off".to_owned())), [0, 0, 65]);
    }

    #[test]
    fn what_is_left_out_names_knob_value_and_reason() {
        let asked =
            r#"{"rate_mbps":1.6,"delay_ms":75,"jitter_ms":0,"uplink":{"rate_mbps":0.75,"stall":true}}"#;
        let asked: Shape = serde_json::from_str(asked).unwrap();
        let partial = Partial::of(&asked, &Machine::Pacing);
        let applied = serde_json::to_string(&partial.applied).unwrap();
        assert_eq!(
            applied, r#"{"rate_mbps":1.6,"delay_ms":75,"jitter_ms":0}"#,
            "asking for nothing is no ask"
        );
        let left: Vec<_> = partial.left_out.iter().map(|left| (left.knob.as_str(), left.value)).collect();
        assert_eq!(
            left,
            [("uplink/rate_mbps", AskedValue::Number(0.75)), ("uplink/stall", AskedValue::Flag(true))]
        );
        assert!(partial.left_out.iter().all(|left| left.reason.contains("paces")), "{partial:?}");
    }
}
