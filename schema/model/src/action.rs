//! Something the rig or an operator did: a `control_events` row.
//!
//! Invariant: `info` has a fixed shape per event, always JSON. Deliberately absent: what follows from it (labels, frames).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Content, Fault, LabelKey, LabelValue, LeftOut, Rule, RuleId, Shape, ShapeControl, TransferTimeouts,
    TransportAction, Variant, Who,
};

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
    /// The player came back to another origin; only in records from before a session had several.
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
        asked: Box<ShapeControl>,
        /// The rate that was read back, 10^6 bit/s; absent is unlimited.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        in_force_rate_mbps: Option<f64>,
        /// Every knob as it was read back; absent while the player had no session.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        in_force: Option<Box<Shape>>,
        /// What of it this machine leaves out, steps of the pattern included; each knob with the largest value asked.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[schema(required = false)]
        left_out: Vec<LeftOut>,
    },
    /// A pattern began to run.
    PatternEnabled {
        /// What it does: a template's name, `steps` or `trace`.
        mode: String,
        /// How many steps a round has.
        steps: u32,
        /// How long a round takes, seconds.
        round_s: f64,
        /// Whether it begins anew after the last step.
        repeat: bool,
    },
    /// A pattern ended: it was removed, replaced or played once, or its session ended.
    PatternDisabled {
        /// What it did.
        mode: String,
        /// Whether it had played its one round.
        finished: bool,
    },
    /// The link took a step of its pattern, and the kernel confirmed it.
    PatternStep {
        /// Which step of the round, from 1.
        step: u32,
        /// What the pattern does.
        mode: String,
        /// The rate asked for, 10^6 bit/s; absent is unlimited.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rate_mbps: Option<f64>,
        /// How long the step takes, seconds.
        duration_s: f64,
        /// The whole link as it was asked for in this step.
        asked: Box<Shape>,
        /// The mean rate on the wire while the step that ended was in force, 10^6 bit/s; absent for the first, and where the
        /// wire is not counted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous_measured_mbps: Option<f64>,
        /// What of it this machine leaves out.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[schema(required = false)]
        left_out: Vec<LeftOut>,
        /// What the kernel refused, if it did; the step before stays in force then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<String>,
    },
    /// A window of the transport fault began.
    FaultOn {
        /// What happens to packets.
        #[serde(rename = "type")]
        action: TransportAction,
    },
    /// A window of the transport fault ended.
    FaultOff {
        /// What happened to packets.
        #[serde(rename = "type")]
        action: TransportAction,
        /// To how many, as the kernel counted.
        packets: u64,
        /// Whether no window follows.
        finished: bool,
    },
    /// Somebody else changed what the kernel had been told, and the rig set it right.
    ShaperDrift {
        /// What was found.
        found: String,
        /// Whether it is as asked again.
        repaired: bool,
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
    /// A playlist or a redirect points at an origin that the rig may not reach; it was left as it is. Said once per origin.
    OriginLeft {
        /// Where the player will go past the rig: scheme, host and port.
        host: String,
        /// How to keep it at the rig.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        setting: String,
    },
    /// A body that looks like a playlist was not read, so what it names is not known. Said once per reason and path.
    PlaylistUnread {
        /// Its path.
        path: String,
        /// Why.
        reason: String,
    },
    /// What came on a port of the session could not be read as a request, and was answered 400 or 431: for instance a URL with
    /// bytes that none may have. Said once per reason.
    RequestUnread {
        /// Why.
        reason: String,
    },
    /// Media was asked for that no playlist of this session has named yet, for instance after a restart of the rig: until the
    /// player fetches its playlists again, kinds are guessed and rungs unknown. Said once until a playlist was read.
    PlaylistsUnknown {
        /// The first path that was asked for.
        path: String,
    },
    /// A client that names no player asked for what playlists of several sessions declare; it is a player of its own.
    ClientAmbiguous {
        /// What it asked for.
        path: String,
        /// How many sessions declare it.
        sessions: u32,
    },
}

impl ActionKind {
    /// Whether it says that the rig does not see everything a player does.
    pub fn is_unseen(&self) -> bool {
        matches!(
            self,
            Self::OriginLeft { .. }
                | Self::PlaylistUnread { .. }
                | Self::RequestUnread { .. }
                | Self::PlaylistsUnknown { .. }
                | Self::ClientAmbiguous { .. }
        )
    }

    /// The event's public name.
    pub fn event(&self) -> &'static str {
        match self {
            Self::SessionStart { .. } => "session_start",
            Self::SessionEnd { .. } => "session_end",
            Self::FaultRuleEnabled { .. } => "fault_rule_enabled",
            Self::FaultRuleDisabled { .. } => "fault_rule_disabled",
            Self::FaultRuleConfigChange { .. } => "fault_rule_config_change",
            Self::ShaperConfigChange { .. } => "shaper_config_change",
            Self::PatternEnabled { .. } => "pattern_enabled",
            Self::PatternDisabled { .. } => "pattern_disabled",
            Self::PatternStep { .. } => "pattern_step",
            Self::FaultOn { .. } => "fault_on",
            Self::FaultOff { .. } => "fault_off",
            Self::ShaperDrift { .. } => "shaper_drift",
            Self::TransferTimeoutsChange { .. } => "transfer_timeouts_change",
            Self::ContentChange { .. } => "content_change",
            Self::ContentUnmet { .. } => "content_unmet",
            Self::ManifestChanged { .. } => "manifest_changed",
            Self::LabelChanged { .. } => "label_changed",
            Self::OriginLeft { .. } => "origin_left",
            Self::PlaylistUnread { .. } => "playlist_unread",
            Self::RequestUnread { .. } => "request_unread",
            Self::PlaylistsUnknown { .. } => "playlists_unknown",
            Self::ClientAmbiguous { .. } => "client_ambiguous",
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
            ActionKind::FaultOff { action: TransportAction::Drop, packets: 3, finished: true },
            ActionKind::PatternDisabled { mode: "pyramid".into(), finished: false },
            ActionKind::OriginLeft { host: "cdn.example".into(), setting: String::new() },
        ] {
            let json = serde_json::to_string(&kind).unwrap();
            assert!(json.contains(&format!("\"event\":\"{}\"", kind.event())), "{json}");
            assert_eq!(serde_json::from_str::<ActionKind>(&json).unwrap(), kind);
        }
    }
}
