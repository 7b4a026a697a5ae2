//! Something the rig or an operator did: a `control_events` row.
//!
//! Invariant: `info` has a fixed shape per event, always JSON. Deliberately absent: what follows from it (labels, frames).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Content, Fault, LabelKey, LabelValue, Rule, RuleId, Shape, TransferTimeouts, Variant, Who};

/// One action, with whose it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Action {
    /// Whose player it concerns.
    pub who: Who,
    /// Who acted.
    pub source: ActionSource,
    /// What was done.
    pub kind: ActionKind,
}

/// Who acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActionSource {
    /// The rig by itself.
    Proxy,
    /// An operator, through the API.
    Harness,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Nothing happened for the idle time.
    InactiveTimeout,
    /// An operator removed the player.
    Deleted,
    /// The player came back to another origin.
    Replaced,
    /// The rig stopped.
    Shutdown,
}

/// What was done: the event's name and its info.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "event", content = "info", rename_all = "snake_case")]
pub enum ActionKind {
    /// A session began.
    SessionStart {
        /// The path and query of the first request, redacted.
        manifest_url: String,
    },
    /// A session ended.
    SessionEnd {
        /// Why.
        reason: EndReason,
    },
    /// A rule was added, or its type changed from `none`.
    FaultRuleEnabled {
        /// The rule as it is now.
        rule: Rule,
    },
    /// A rule was removed, or its type changed to `none`.
    FaultRuleDisabled {
        /// Its name.
        rule_id: RuleId,
        /// The fault it had.
        #[serde(rename = "type")]
        #[schema(value_type = String)]
        fault: Fault,
    },
    /// A rule was edited.
    FaultRuleConfigChange {
        /// The rule as it is now.
        rule: Rule,
    },
    /// The link was set.
    ShaperConfigChange {
        /// What was asked.
        asked: Shape,
        /// The rate that was read back, 10^6 bit/s; absent is unlimited.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        in_force_rate_mbps: Option<f64>,
    },
    /// The limits of transfers were set.
    TransferTimeoutsChange {
        /// All of them, as they are now.
        asked: TransferTimeouts,
    },
    /// The edits of playlists were set.
    ContentChange {
        /// All of them, as they are now.
        asked: Content,
    },
    /// A playlist could not be edited as asked; told once of each in a session.
    ContentUnmet {
        /// What was asked: a field of `content`.
        field: String,
        /// Why it could not be done.
        why: String,
    },
    /// The playlists of the session declare another ladder than before.
    ManifestChanged {
        /// The variants that could be played so far, the lowest bandwidth first.
        old: Vec<Variant>,
        /// Those that can be played now.
        new: Vec<Variant>,
    },
    /// The player's labels were edited.
    LabelChanged {
        /// All of them, as they are now.
        #[schema(value_type = BTreeMap<String, String>)]
        labels: BTreeMap<LabelKey, LabelValue>,
    },
    /// A playlist points at an origin that is not configured; the link was left as it is. Said once per host.
    OriginLeft {
        /// Where the player will go past the rig.
        host: String,
    },
}

impl ActionKind {
    /// The event's public name.
    pub fn event(&self) -> &'static str {
        match self {
            Self::SessionStart { .. } => "session_start",
            Self::SessionEnd { .. } => "session_end",
            Self::FaultRuleEnabled { .. } => "fault_rule_enabled",
            Self::FaultRuleDisabled { .. } => "fault_rule_disabled",
            Self::FaultRuleConfigChange { .. } => "fault_rule_config_change",
            Self::ShaperConfigChange { .. } => "shaper_config_change",
            Self::TransferTimeoutsChange { .. } => "transfer_timeouts_change",
            Self::ContentChange { .. } => "content_change",
            Self::ContentUnmet { .. } => "content_unmet",
            Self::ManifestChanged { .. } => "manifest_changed",
            Self::LabelChanged { .. } => "label_changed",
            Self::OriginLeft { .. } => "origin_left",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_event_is_its_tag() {
        for kind in [
            ActionKind::SessionEnd { reason: EndReason::Deleted },
            ActionKind::LabelChanged { labels: BTreeMap::new() },
            ActionKind::OriginLeft { host: "cdn.example".into() },
        ] {
            let json = serde_json::to_string(&kind).unwrap();
            assert!(json.contains(&format!("\"event\":\"{}\"", kind.event())), "{json}");
            assert_eq!(serde_json::from_str::<ActionKind>(&json).unwrap(), kind);
        }
    }
}
