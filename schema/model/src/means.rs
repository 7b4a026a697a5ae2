//! What a machine can do for a knob, found out at run time.
//!
//! Invariant: what cannot be done says why. Deliberately absent: how it is found out (see the shaper).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
