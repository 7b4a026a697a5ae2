//! Links by name and links over time: presets and traces as the control API shows them.
//!
//! Invariant: what a preset or a trace comes to is shown beside its name, so that nobody has to guess; of a preset also how
//! much of it comes to that here.

use rebuffer_model::{
    Certainty, Extent, LeftOut, Preset, Shape, TraceFormat, TraceName, TraceStats, TraceStep,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A link with a name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PresetView {
    /// `source/name`, for `shape.preset`.
    pub name: String,
    /// Who calls a link so, and what the numbers are.
    pub source: String,
    /// What is peculiar to it; absent for most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// How well the numbers are known.
    pub certainty: Certainty,
    /// The round trip it adds, ms.
    pub rtt_ms: u64,
    /// The link.
    pub shape: Shape,
    /// How much of it this machine can put in force.
    pub applies: Extent,
    /// What a player with this preset and `partial` leaves out here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub left_out: Vec<LeftOut>,
}

/// A trace the rig keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TraceView {
    /// Its name, for `shape.pattern.trace`.
    pub name: TraceName,
    /// How its file was written.
    pub format: TraceFormat,
    /// How many steps it came to.
    pub steps: u32,
    /// What it is like.
    pub stats: TraceStats,
}

/// A trace with its steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TraceDetail {
    /// Its name, for `shape.pattern.trace`.
    pub name: TraceName,
    /// How its file was written.
    pub format: TraceFormat,
    /// What it is like.
    pub stats: TraceStats,
    /// Its steps, in a form that can be put again.
    pub steps: Vec<TraceStep>,
}

impl PresetView {
    /// A preset on a machine that goes so far with it.
    pub fn of(preset: &Preset, applies: Extent, left_out: Vec<LeftOut>) -> Self {
        Self {
            name: preset.name.to_owned(),
            source: preset.source().to_owned(),
            note: (!preset.note.is_empty()).then(|| preset.note.to_owned()),
            certainty: preset.certainty,
            rtt_ms: preset.rtt_ms(),
            shape: preset.shape(),
            applies,
            left_out,
        }
    }
}
