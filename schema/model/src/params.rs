//! What a rule may say beyond the name of its fault: where it strikes, how long it holds, with which words.
//!
//! Invariant: one line of the list below is one parameter, everywhere: the field of a rule, what is read, what is checked.
//! Which fault takes which stands in `FAULTS`; a parameter that the fault of its rule does not take is refused.
//! Deliberately absent: defaults. They belong to the script of each fault.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::rule::{Filter, Mode, Rule, one};
use crate::{Fault, Mbps, RuleId};

/// The longest text a rule may answer with, bytes.
pub const MAX_BODY_BYTES: usize = 4_096;
/// The longest a fault may hold, ms.
pub const MAX_HOLD_MS: u64 = 600_000;
/// The furthest a playlist may be wrong.
pub const MAX_EXTENT: u32 = 10_000;
/// The most bytes that `first_bytes` and `last_bytes` damage.
pub const MAX_CORRUPT_BYTES: u32 = 65_536;

macro_rules! params {
    ($($(#[$meta:meta])+ $name:ident: $type:ty,)+) => {
        /// What a rule says beyond the name of its fault; `info` tells which fault takes which.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
        pub struct FaultParams {
            $($(#[$meta])+ #[serde(skip_serializing_if = "Option::is_none")] pub $name: Option<$type>,)+
        }

        impl FaultParams {
            /// Every parameter there is.
            pub const NAMES: &[&str] = &[$(stringify!($name)),+];

            /// The parameters that were given.
            pub fn given(&self) -> impl Iterator<Item = &'static str> {
                [$(self.$name.is_some().then_some(stringify!($name))),+].into_iter().flatten()
            }
        }

        /// A rule as it is written: its parameters stand beside its other fields.
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct WrittenRule {
            #[serde(default)]
            id: RuleId,
            #[serde(rename = "type")]
            fault: Fault,
            #[serde(default)]
            frequency: u32,
            #[serde(default = "one")]
            consecutive: NonZeroU32,
            #[serde(default)]
            mode: Mode,
            #[serde(default)]
            filter: Option<Filter>,
            $(#[serde(default)] $name: Option<$type>,)+
        }

        impl From<WrittenRule> for Rule {
            fn from(written: WrittenRule) -> Self {
                let WrittenRule { id, fault, frequency, consecutive, mode, filter, $($name),+ } = written;
                let params = FaultParams { $($name),+ };
                Self { id, fault, frequency, consecutive, mode, filter, params }
            }
        }
    };
}

params! {
    /// How much of the body passes before the fault strikes, bytes.
    after_bytes: u64,
    /// How long the connection or the answer is held, ms; at most 600000.
    hold_ms: u64,
    /// How far a delay may lie from `hold_ms`, to either side, ms; at most `hold_ms`.
    jitter_ms: u64,
    /// What chance is drawn from: the same seed gives the same delays and the same damage.
    seed: u64,
    /// The status in place of the usual one, from 400 to 599.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// The value of `Retry-After`, seconds.
    retry_after: u32,
    /// The text of the answer, at most 4096 bytes; it goes out as text/plain.
    body: String,
    /// The Content-Type in place of the right one.
    content_type: String,
    /// The pace of the body, 10^6 bit/s.
    #[schema(value_type = Option<f64>)]
    rate_mbps: Mbps,
    /// How the body is damaged; every byte zero if absent.
    corruption: Corruption,
    /// How many of the first or last bytes are damaged, at most 65536.
    corrupt_bytes: u32,
    /// How far a playlist is wrong, from 1 to 10000: how many numbers, parts or segments.
    #[schema(minimum = 1, maximum = 10_000)]
    extent: u32,
    /// What breaks over HTTP/2, where many requests share a connection; the stream of the request alone if absent.
    h2_scope: H2Scope,
}

/// How a body is damaged. Its length never changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Corruption {
    /// Every byte is zero.
    #[default]
    ZeroFill,
    /// One bit of every 1024 bytes is turned, where the seed says.
    BitFlips,
    /// The first bytes are zero.
    FirstBytes,
    /// The last bytes are zero.
    LastBytes,
}

/// What breaks over HTTP/2.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum H2Scope {
    /// The stream of the request; others on the connection go on.
    #[default]
    Stream,
    /// The connection, and every request on it.
    Connection,
}

impl Corruption {
    /// The public name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ZeroFill => "zero_fill",
            Self::BitFlips => "bit_flips",
            Self::FirstBytes => "first_bytes",
            Self::LastBytes => "last_bytes",
        }
    }
}

impl FaultParams {
    /// Checks that this fault takes what is given, and that it is within bounds; the offending parameter and why.
    pub(crate) fn check(&self, fault: Fault) -> Result<(), (&'static str, String)> {
        let fact = fault.fact();
        if let Some(name) = self.given().find(|name| !fact.params.contains(name)) {
            let takes = if fact.params.is_empty() { "none".to_owned() } else { fact.params.join(", ") };
            return Err((name, format!("{fault} does not take {name}; its parameters are: {takes}")));
        }
        self.check_bounds()?;
        self.check_pairs(fault)
    }

    fn check_bounds(&self) -> Result<(), (&'static str, String)> {
        let most = |name, given: Option<u64>, most: u64| match given {
            Some(given) if given > most => Err((name, format!("at most {most}; got {given}"))),
            Some(_) | None => Ok(()),
        };
        most("hold_ms", self.hold_ms, MAX_HOLD_MS)?;
        most("corrupt_bytes", self.corrupt_bytes.map(u64::from), u64::from(MAX_CORRUPT_BYTES))?;
        most("body", self.body.as_ref().map(|body| body.len() as u64), MAX_BODY_BYTES as u64)?;
        if let Some(status) = self.status.filter(|status| !(400..=599).contains(status)) {
            return Err(("status", format!("a status from 400 to 599; got {status}")));
        }
        if self.corrupt_bytes == Some(0) {
            return Err(("corrupt_bytes", "at least 1".to_owned()));
        }
        if let Some(extent) = self.extent.filter(|extent| !(1..=MAX_EXTENT).contains(extent)) {
            return Err(("extent", format!("from 1 to {MAX_EXTENT}; got {extent}")));
        }
        if self.rate_mbps.is_some_and(|rate| rate.bits_per_sec().0 < 1_000) {
            return Err((
                "rate_mbps",
                "at least 0.001; use request_body_hang for a body that stops".to_owned(),
            ));
        }
        let printable = |text: &String| !text.is_empty() && text.chars().all(|c| matches!(c, ' '..='~'));
        if self.content_type.as_ref().is_some_and(|text| text.len() > 200 || !printable(text)) {
            return Err(("content_type", "1 to 200 printable ASCII characters".to_owned()));
        }
        Ok(())
    }

    /// What makes sense only beside another parameter.
    fn check_pairs(&self, fault: Fault) -> Result<(), (&'static str, String)> {
        let corruption = self.corruption.unwrap_or_default();
        let counted = matches!(corruption, Corruption::FirstBytes | Corruption::LastBytes);
        if self.corrupt_bytes.is_some() && !counted {
            return Err(("corrupt_bytes", format!("{} damages no number of bytes", corruption.as_str())));
        }
        if fault == Fault::Corrupted && self.seed.is_some() && corruption != Corruption::BitFlips {
            return Err(("seed", format!("{} leaves nothing to chance", corruption.as_str())));
        }
        if fault == Fault::Latency && self.seed.is_some() && self.jitter_ms.is_none() {
            return Err(("seed", "without jitter_ms nothing is left to chance".to_owned()));
        }
        let hold = self.hold_ms.unwrap_or(crate::fault::LATENCY_MS);
        if self.jitter_ms.is_some_and(|jitter| jitter > hold) {
            return Err(("jitter_ms", format!("at most hold_ms, which is {hold}")));
        }
        Ok(())
    }
}
