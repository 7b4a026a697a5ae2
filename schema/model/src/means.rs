//! What a machine can do for a knob, found out at run time, and what of a shape it cannot.
//!
//! Invariant: what cannot be done says why. Deliberately absent: how it is found out (see the shaper).

use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use crate::{Knob, KnobKind, TransportAction};

/// Who turns a knob in one direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KnobMeans {
    /// The kernel, the proxy, or nobody.
    pub by: TurnedBy,
    /// How, or why not, in plain words.
    pub how: String,
    /// Whether `seed` makes it repeatable.
    pub seeded: bool,
}

/// Who turns a knob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TurnedBy {
    /// The kernel, on packets.
    Kernel,
    /// The proxy, on answers; less than the kernel would do.
    Proxy,
    /// Nobody on this machine.
    Nobody,
}

impl KnobMeans {
    /// The kernel turns it.
    pub fn kernel(how: &str, seeded: bool) -> Self {
        Self { by: TurnedBy::Kernel, how: how.to_owned(), seeded }
    }

    /// The proxy turns it.
    pub fn proxy(how: &str) -> Self {
        Self { by: TurnedBy::Proxy, how: how.to_owned(), seeded: false }
    }

    /// Nobody can turn it here.
    pub fn nobody(why: impl Into<String>) -> Self {
        Self { by: TurnedBy::Nobody, how: why.into(), seeded: false }
    }
}

/// How much of what is asked a machine can put in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// All of it.
    Wholly,
    /// Some of it; the rest is left out where the shape is `partial`, and refused otherwise.
    Partly,
    /// None of it.
    NotAtAll,
}

/// A part of a shape that a machine cannot put in force, and that was left out because the shape is `partial`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LeftOut {
    /// The knob as it stands in the shape, such as `delay_ms` or `uplink/delay_ms`; or `transport_fault`.
    pub knob: String,
    /// The value asked for.
    pub value: AskedValue,
    /// Why this machine cannot, in plain words.
    pub reason: String,
}

/// A value asked for: of a knob, or the type of a transport fault.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum AskedValue {
    /// Of a knob that is on or off.
    Flag(bool),
    /// Of a knob that takes numbers; written without a point where it is whole.
    Number(#[serde(serialize_with = "write_number")] f64),
    /// What was to happen to packets.
    Fault(TransportAction),
}

impl AskedValue {
    /// The value of a knob, from the number that [`Knob::get`] gives.
    pub fn of(knob: &Knob, number: f64) -> Self {
        match knob.kind {
            KnobKind::Flag => Self::Flag(number > 0.0),
            KnobKind::Whole | KnobKind::Number => Self::Number(number),
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number within the bounds of a knob"
)]
fn write_number<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    let is_whole = number.fract() == 0.0 && (0.0..1e15).contains(number);
    if is_whole { serializer.serialize_u64(*number as u64) } else { serializer.serialize_f64(*number) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KNOBS;

    #[test]
    fn a_value_is_written_as_its_knob_is_and_read_again() {
        let written = |name: &str, number| {
            let knob = KNOBS.iter().find(|knob| knob.name == name).unwrap();
            let value = AskedValue::of(knob, number);
            let json = serde_json::to_string(&value).unwrap();
            assert_eq!(serde_json::from_str::<AskedValue>(&json).unwrap(), value, "{json}");
            json
        };
        assert_eq!(written("stall", 1.0), "true");
        assert_eq!(written("delay_ms", 75.0), "75");
        assert_eq!(written("loss_pct", 1.5), "1.5");
        assert_eq!(written("rate_mbps", 2.0), "2");
        let fault = AskedValue::Fault(TransportAction::Drop);
        assert_eq!(serde_json::to_string(&fault).unwrap(), "\"drop\"");
        assert_eq!(serde_json::from_str::<AskedValue>("\"drop\"").unwrap(), fault);
    }
}
