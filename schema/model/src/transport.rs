//! Transport faults: what the kernel does to a session's packets, below HTTP.
//!
//! Invariant: a transport fault concerns one session's port and nothing else. Deliberately absent: how the kernel is told.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Packets from the player to its session's port are dropped or answered with a TCP reset, in windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransportFault {
    /// What happens to the packets.
    #[serde(rename = "type")]
    pub action: TransportAction,
    /// What `consecutive` counts.
    #[serde(default)]
    pub mode: TransportMode,
    /// How long a window is, in seconds or packets; 0 holds it until the fault is removed.
    #[serde(default = "one")]
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub consecutive: u32,
    /// The pause between two windows, seconds; 0 is one window only.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 86_400)]
    pub frequency: u32,
}

/// What happens to packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransportAction {
    /// They are dropped, so the player waits.
    Drop,
    /// They are answered with a TCP reset.
    Reject,
}

/// What the length of a window counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransportMode {
    /// Seconds.
    #[default]
    #[serde(alias = "failures_per_seconds")]
    Seconds,
    /// Packets; exactly as many meet the fault.
    #[serde(alias = "failures_per_packets")]
    Packets,
}

/// The longest window, in seconds or packets.
const MAX_CONSECUTIVE: u32 = 1_000_000;
/// The longest pause, seconds.
const MAX_FREQUENCY: u32 = 86_400;

impl TransportFault {
    /// Checks the bounds: the field that is wrong, and what is wrong with it.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let bounds = [
            ("consecutive", self.consecutive, MAX_CONSECUTIVE),
            ("frequency", self.frequency, MAX_FREQUENCY),
        ];
        match bounds.into_iter().find(|(_, value, max)| value > max) {
            Some((name, value, max)) => Err((name, format!("must be from 0 to {max}; got {value}"))),
            None => Ok(()),
        }
    }

    /// Whether one window lasts until the fault is removed.
    pub fn is_held(&self) -> bool {
        self.consecutive == 0
    }
}

impl TransportAction {
    /// The public name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Reject => "reject",
        }
    }
}

fn one() -> u32 {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_players_tests_are_understood() {
        let fault: TransportFault =
            serde_json::from_str(r#"{"type":"drop","mode":"failures_per_packets","frequency":4}"#).unwrap();
        let want = TransportFault {
            action: TransportAction::Drop,
            mode: TransportMode::Packets,
            consecutive: 1,
            frequency: 4,
        };
        assert_eq!(fault, want);
        assert!(!fault.is_held() && fault.check().is_ok());
        assert!(serde_json::to_string(&fault).unwrap().contains(r#""mode":"packets""#));
    }

    #[test]
    fn a_bound_names_its_field() {
        let fault: TransportFault = serde_json::from_str(r#"{"type":"reject","frequency":90000}"#).unwrap();
        assert_eq!(fault.check().unwrap_err().0, "frequency");
    }
}
