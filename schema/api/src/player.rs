//! A player as the control API shows it: what was asked beside what is in force.
//!
//! Invariant: `labels`, `fault_rules`, `shape`, `transfer_timeouts` and `content` are exactly what can be patched; everything
//! else is the rig's to say.

use std::collections::BTreeMap;

use rebuffer_model::{
    ActionKind, AttemptId, Content, Control, LabelKey, LabelValue, LeftOut, LinkMetrics, OriginName, PlayId,
    PlayerId, PlayerMetrics, PlayerName, Rule, RuleId, SessionId, Shape, ShapeControl, Timestamp,
    TransferTimeouts, TransportAction, Variant,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One player.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlayerRecord {
    /// The canonical id.
    pub id: PlayerId,
    /// A small number for people, unique in this rig.
    pub display_id: u32,
    /// What the player calls itself, where that is not its id; the label `name` wins where one is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub player_name: Option<PlayerName>,
    /// The family of devices that its User-Agent tells of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_family: Option<String>,
    /// Changes with every change of what can be patched; goes into `If-Match`.
    pub control_revision: String,
    /// Free labels.
    #[schema(value_type = BTreeMap<String, String>)]
    pub labels: BTreeMap<LabelKey, LabelValue>,
    /// The fault rules, in order.
    pub fault_rules: Vec<Rule>,
    /// The link as it was asked for.
    pub shape: ShapeControl,
    /// How long transfers may take.
    pub transfer_timeouts: TransferTimeouts,
    /// How playlists and MPDs are edited.
    pub content: Content,
    /// What each rule has done so far.
    #[schema(value_type = BTreeMap<String, RuleCounters>)]
    pub rule_counters: BTreeMap<RuleId, RuleCounters>,
    /// The link as it is; absent while the player has no session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<LinkView>,
    /// The session; absent while the player has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionView>,
    /// The play the client named last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_play: Option<CurrentPlay>,
    /// The ladder of the primary presentation, lowest rung first.
    pub ladder: Vec<Variant>,
    /// The player's last report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub player_metrics: Option<PlayerMetrics>,
    /// The last second of the session's link, measured by the rig; absent while the player has no session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_metrics: Option<LinkMetrics>,
    /// When the rig first heard of the player.
    pub first_seen_at: Timestamp,
    /// When it last asked or reported.
    pub last_seen_at: Timestamp,
}

/// What a rule has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuleCounters {
    /// Requests it owned.
    pub matched: u64,
    /// Requests on which it fired.
    pub fired: u64,
    /// Whether its one window is over; edit its cadence to arm it again.
    pub exhausted: bool,
}

/// Who enforces a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkBackend {
    /// The kernel, counting the wire.
    Kernel,
    /// The proxy, counting bodies; no queue model.
    Pacing,
    /// Nobody.
    Off,
}

impl LinkBackend {
    /// Its public name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Pacing => "pacing",
            Self::Off => "off",
        }
    }
}

/// The link as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LinkView {
    /// Who enforces it.
    pub backend: LinkBackend,
    /// The downlink rate that was read back, 10^6 bit/s; absent is unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_mbps: Option<f64>,
    /// Every knob as it was read back.
    pub observed: Shape,
    /// Whether it is what was asked, at this step of the pattern if one runs, but for what is left out.
    pub in_sync: bool,
    /// What this machine leaves out of a `partial` shape now, at this step of the pattern if one runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub left_out: Vec<LeftOut>,
    /// Where the pattern stands; absent while none runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<PatternView>,
    /// What the transport fault does; absent while none is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport_fault: Option<TransportView>,
}

/// Where a pattern stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PatternView {
    /// What it does: a template's name, `steps` or `trace`.
    pub mode: String,
    /// The step in force, from 1 in the order they were written without those that are disabled; 0 before the first and
    /// after the last.
    pub step: u32,
    /// How many steps a round has.
    pub steps: u32,
    /// The round, from 1.
    pub round: u64,
    /// When the step was put in force; absent while none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Why it is not at this step: no ladder is known yet, the kernel refused it, it has played its one round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<String>,
    /// What this machine leaves out of a `partial` shape in any of the steps; each knob once, with the largest value asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub left_out: Vec<LeftOut>,
}

/// What a transport fault does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransportView {
    /// What happens to packets.
    #[serde(rename = "type")]
    pub action: TransportAction,
    /// Whether a window is open.
    pub active: bool,
    /// Packets that met it since it was armed, as the kernel counted.
    pub packets: u64,
    /// Windows begun since it was armed.
    pub windows: u64,
    /// Whether its one window is over; edit it to arm it again.
    pub exhausted: bool,
    /// What the kernel refused last, if it did; the rig tries again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// The session of a player.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionView {
    /// Its id, never reused.
    pub id: SessionId,
    /// The port it began at.
    pub port: u16,
    /// The origin behind that port.
    pub origin: OriginName,
    /// All its ports, one for each origin it uses, in the order in which they were opened.
    pub ports: Vec<SessionPortView>,
    /// When it began.
    pub started_at: Timestamp,
    /// The player's address.
    pub player_ip: String,
    /// The User-Agent, of those of its requests the one that says most of the device.
    pub user_agent: String,
    /// Requests so far.
    pub requests: u64,
    /// Requests on which a rule fired.
    pub faults: u64,
    /// Body bytes sent so far.
    pub bytes_out: u64,
    /// Requests being answered at this moment.
    pub active_requests: u32,
    /// What the rig does not see of the player, in the order in which it found out; empty when it sees everything. Each is an
    /// action that was told when it happened.
    pub unseen: Vec<UnseenView>,
}

/// Something that the rig does not see.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UnseenView {
    /// When it found out.
    pub at: Timestamp,
    /// What it is: `origin_left`, `playlist_unread`, `request_unread`, `playlists_unknown` or `client_ambiguous`.
    #[serde(flatten)]
    pub action: ActionKind,
}

/// A port of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionPortView {
    /// The port.
    pub port: u16,
    /// The origin behind it.
    pub origin: OriginName,
    /// Scheme, host and port of the origin.
    pub url: String,
}

/// A play.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CurrentPlay {
    /// The id the client gave.
    pub id: PlayId,
    /// The attempt within it.
    pub attempt_id: AttemptId,
    /// When it was first seen.
    pub started_at: Timestamp,
}

/// A player to be made before it comes by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlayerCreate {
    /// The id it will come with.
    pub player_id: PlayerId,
    /// Free labels.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    pub labels: BTreeMap<LabelKey, LabelValue>,
    /// Fault rules.
    #[serde(default)]
    pub fault_rules: Vec<Rule>,
    /// The link.
    #[serde(default)]
    pub shape: ShapeControl,
    /// How long transfers may take.
    #[serde(default)]
    pub transfer_timeouts: TransferTimeouts,
    /// How playlists and MPDs are edited.
    #[serde(default)]
    pub content: Content,
}

impl PlayerCreate {
    /// What it sets.
    pub fn control(self) -> Control {
        let Self { labels, fault_rules, shape, transfer_timeouts, content, .. } = self;
        Control { labels, fault_rules, shape, transfer_timeouts, content }
    }
}
