//! How long the transfers of a player may take before the rig cuts them.
//!
//! Invariant: a limit of 0 is none; every other one is between [`MIN_TIMEOUT_SECONDS`] and [`MAX_TIMEOUT_SECONDS`].
//! Deliberately absent: the cutting (see the proxy), and faults: a request on which a rule fired has no limits beside it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::RequestKind;

/// The shortest limit, s.
pub const MIN_TIMEOUT_SECONDS: f64 = 0.05;
/// The longest limit, s.
pub const MAX_TIMEOUT_SECONDS: f64 = 3_600.0;

/// Limits on the transfers of one player, and what they apply to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TransferTimeouts {
    /// From the request to the last byte, s; 0 is no limit. Without a head by then the answer is 504, after it the body is cut.
    #[schema(minimum = 0, maximum = 3600)]
    pub active_timeout_seconds: f64,
    /// Without a byte to the client, once the head went out, s; 0 is no limit. Then the body is cut.
    #[schema(minimum = 0, maximum = 3600)]
    pub idle_timeout_seconds: f64,
    /// Whether media and init segments have the limits; true if absent.
    pub applies_segments: bool,
    /// Whether media playlists and MPDs have them.
    pub applies_manifests: bool,
    /// Whether multivariant playlists have them.
    pub applies_master: bool,
}

impl Default for TransferTimeouts {
    fn default() -> Self {
        Self {
            active_timeout_seconds: 0.0,
            idle_timeout_seconds: 0.0,
            applies_segments: true,
            applies_manifests: false,
            applies_master: false,
        }
    }
}

impl TransferTimeouts {
    /// Whether a request of this kind has the limits.
    pub fn apply_to(&self, kind: RequestKind) -> bool {
        match kind {
            RequestKind::MasterManifest => self.applies_master,
            RequestKind::Manifest | RequestKind::AudioManifest | RequestKind::SubtitleManifest => {
                self.applies_manifests
            }
            RequestKind::Segment
            | RequestKind::Partial
            | RequestKind::Init
            | RequestKind::AudioSegment
            | RequestKind::SubtitleSegment => self.applies_segments,
            RequestKind::Key | RequestKind::Preflight | RequestKind::Other => false,
        }
    }

    /// Checks the bounds; the offending field and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let limits = [
            ("active_timeout_seconds", self.active_timeout_seconds),
            ("idle_timeout_seconds", self.idle_timeout_seconds),
        ];
        let bounds = MIN_TIMEOUT_SECONDS..=MAX_TIMEOUT_SECONDS;
        match limits.into_iter().find(|(_, seconds)| *seconds != 0.0 && !bounds.contains(seconds)) {
            Some((field, seconds)) => {
                let message = format!(
                    "from {MIN_TIMEOUT_SECONDS} to {MAX_TIMEOUT_SECONDS} s, or 0 for none; got {seconds}"
                );
                Err((field, message))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_for_segments_unless_told_otherwise() {
        let timeouts: TransferTimeouts = serde_json::from_str(r#"{"active_timeout_seconds":2}"#).unwrap();
        let of = |timeouts: &TransferTimeouts| {
            let kinds = RequestKind::ALL.into_iter().filter(|(kind, _)| timeouts.apply_to(*kind));
            kinds.map(|(_, name)| name).collect::<Vec<_>>()
        };
        assert_eq!(of(&timeouts), ["segment", "partial", "init", "audio_segment", "subtitle_segment"]);
        let others = TransferTimeouts {
            applies_segments: false,
            applies_manifests: true,
            applies_master: true,
            ..timeouts
        };
        assert_eq!(of(&others), ["master_manifest", "manifest", "audio_manifest", "subtitle_manifest"]);
    }

    #[test]
    fn what_is_no_limit_is_refused_by_name() {
        let check = |active_timeout_seconds, idle_timeout_seconds| {
            let timeouts =
                TransferTimeouts { active_timeout_seconds, idle_timeout_seconds, ..Default::default() };
            timeouts.check().map_err(|(field, _)| field)
        };
        assert_eq!(check(0.0, 3_600.0), Ok(()));
        assert_eq!(check(-1.0, 0.0), Err("active_timeout_seconds"));
        assert_eq!(check(0.05, 0.01), Err("idle_timeout_seconds"));
        assert_eq!(check(f64::NAN, 0.0), Err("active_timeout_seconds"));
    }
}
