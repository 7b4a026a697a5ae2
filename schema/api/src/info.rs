//! What this rig is and can do, and whether each of its parts is ready.
//!
//! Invariant: everything here was found out at run time, and what is missing says why.

use rebuffer_model::{Extent, FaultFact, KnobKind, KnobMeans, OriginName};
use serde::Serialize;
use utoipa::ToSchema;

use crate::LinkBackend;

/// What this rig is and can do.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Info {
    /// The version of the rig.
    pub version: &'static str,
    /// The versions of the API it serves.
    pub api_versions: Vec<&'static str>,
    /// Where it listens.
    pub listen: ListenView,
    /// The origins it may reach.
    pub origins: Vec<OriginView>,
    /// What this machine can do to links.
    #[serde(flatten)]
    pub machine: MachineView,
    /// Whether events are archived, and why not.
    pub archive: PartView,
    /// The faults a rule may name.
    #[schema(value_type = Vec<FaultFact>)]
    pub faults: &'static [FaultFact],
}

/// What a machine can do to links, and what it can see of them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MachineView {
    /// Who enforces links, and why not somebody better.
    pub shaper: Capability,
    /// The devices whose packets are shaped; empty where no packet is.
    pub interfaces: Vec<String>,
    /// The knobs of a link.
    pub knobs: Vec<KnobView>,
    /// How many of the links that have a name can be put in force.
    pub presets: PresetCounts,
    /// Who strikes the packets of a session (`shape.transport_fault`), or why nobody can.
    pub transport_fault: KnobMeans,
    /// How the path to players is measured (`path_ping_rtt_ms`), or why it is not.
    pub path_ping: KnobMeans,
}

/// How many presets a machine can put in force, by how much of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct PresetCounts {
    /// As they are.
    pub wholly: u32,
    /// With `partial`, without what is left out.
    pub partly: u32,
    /// Not at all.
    pub not_at_all: u32,
}

/// Where the rig listens.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ListenView {
    /// The port of the API and the dashboard.
    pub api_port: u16,
    /// The host at which this machine reaches players' ports, where that is not the host of the API: the rig is isolated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub player_host: Option<String>,
    /// The port where players start.
    pub base_port: u16,
    /// The first session port.
    pub first_session_port: u16,
    /// The last session port.
    pub last_session_port: u16,
    /// TLS on these ports; absent when it is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<PlayerTlsView>,
}

/// An origin the rig may reach.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OriginView {
    /// Its name, the first path element on the base port.
    pub name: OriginName,
    /// Its URL.
    pub url: String,
    /// Whether it needs no name on the base port.
    pub default: bool,
    /// Playlists worth trying, paths on the origin.
    pub playlists: Vec<String>,
    /// How TLS is spoken with it; absent without TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<OriginTlsView>,
}

/// How TLS is spoken with an origin.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OriginTlsView {
    /// Whether its certificate is verified; false where `--origin-insecure` says so.
    pub verified: bool,
    /// Whether the rig has a client certificate for it.
    pub client_certificate: bool,
}

/// TLS on the ports of players, beside clear text.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PlayerTlsView {
    /// Where players start over TLS: a URL for each name and address of the certificate.
    pub urls: Vec<String>,
    /// What is offered (ALPN), the preferred first.
    pub protocols: Vec<String>,
    /// Where the certificate of the rig's own certificate authority can be downloaded, which players have to trust; absent when
    /// the certificate comes from files of the user's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_url: Option<String>,
}

/// Who enforces links, and why.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Capability {
    /// The backend in use.
    pub backend: LinkBackend,
    /// Why this one, in plain words.
    pub reason: String,
}

/// A knob as users turn it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct KnobView {
    /// The field of `shape`, and of `shape.uplink`.
    pub name: &'static str,
    /// The unit of the number.
    pub unit: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// How it is turned.
    pub kind: KnobKind,
    /// What an absent knob stands for.
    pub default: &'static str,
    /// Who turns it for the downlink, or why nobody can.
    pub downlink: KnobMeans,
    /// Who turns it for the uplink, or why nobody can.
    pub uplink: KnobMeans,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
}

/// A part of the rig and whether it works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PartView {
    /// Its name.
    pub name: &'static str,
    /// Whether it works.
    pub ready: bool,
    /// In plain words: what it does, or why it does not.
    pub reason: String,
}

/// Whether the rig is ready, part by part.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Readiness {
    /// Whether every part that is wanted works.
    pub ready: bool,
    /// The parts.
    pub parts: Vec<PartView>,
}

impl PresetCounts {
    /// Counts presets that a machine goes so far with.
    pub fn of(extents: impl IntoIterator<Item = Extent>) -> Self {
        let mut counts = Self::default();
        for extent in extents {
            *match extent {
                Extent::Wholly => &mut counts.wholly,
                Extent::Partly => &mut counts.partly,
                Extent::NotAtAll => &mut counts.not_at_all,
            } += 1;
        }
        counts
    }
}
