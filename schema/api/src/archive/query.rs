//! What a caller may ask the archive for: the parameters, as they are documented and read.
//!
//! Invariant: a parameter that is documented here is understood, and one that is not is refused; both come from these types.

use rebuffer_model::{
    AttemptId, Known, Label, PlayId, PlayerId, PresentationRole, Remark, RuleId, SessionId, Timestamp,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// Whose rows, and when.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ScopeQuery {
    /// Only this player.
    #[param(value_type = Option<String>)]
    pub player_id: Option<PlayerId>,
    /// Only this play.
    #[param(value_type = Option<String>)]
    pub play_id: Option<PlayId>,
    /// Only this session.
    #[param(value_type = Option<String>)]
    pub session_id: Option<SessionId>,
    /// Only this attempt.
    #[param(value_type = Option<u32>)]
    pub attempt_id: Option<AttemptId>,
    /// Not before this instant.
    #[param(value_type = Option<String>, format = DateTime)]
    pub from: Option<Timestamp>,
    /// Before this instant.
    #[param(value_type = Option<String>, format = DateTime)]
    pub to: Option<Timestamp>,
}

/// Names and labels, and how a list is cut.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// Only players that are called exactly this: by themselves, or in the label `name` that they had last.
    pub player_name: Option<String>,
    /// With this label; repeatable, all must be there.
    #[param(value_type = Vec<String>)]
    pub label_has: Vec<Label>,
    /// Without this label; repeatable, none may be there.
    #[param(value_type = Vec<String>)]
    pub label_not: Vec<Label>,
    /// Only rows that are kept this long: `other`, `interesting` or `favourite`.
    pub classification: Option<String>,
    /// The most entries of an answer.
    #[param(minimum = 1, maximum = 200_000)]
    pub limit: Option<u32>,
    /// `next_cursor` of the answer before.
    pub cursor: Option<String>,
}

/// In which direction rows come, and which of their columns.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct RowOrder {
    /// `desc` (the default) is newest first, `asc` oldest first.
    #[param(inline)]
    pub order: Option<Direction>,
    /// Columns, separated by commas; all when absent. `ts` and `id` always come.
    pub fields: Option<String>,
}

/// A direction of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Oldest first.
    Asc,
    /// Newest first.
    Desc,
}

/// What only reports have.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Only reports prompted by this event.
    pub last_event: Option<String>,
    /// Of the reports without a label, one per so many milliseconds and play.
    #[param(minimum = 1, maximum = 60_000)]
    pub stride_ms: Option<u64>,
}

/// What only requests have.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct NetworkQuery {
    /// Status of the answer, at least.
    pub status_min: Option<u16>,
    /// Status of the answer, at most.
    pub status_max: Option<u16>,
    /// Only this kind: `segment`, `manifest`, `master_manifest` and the like.
    pub request_kind: Option<String>,
    /// How the kind is known: `declared` or `guessed`.
    #[param(inline)]
    pub known: Option<Known>,
    /// Only of the presentation whose master or MPD has this path.
    pub presentation: Option<String>,
    /// Only of presentations that are this to the player.
    #[param(inline)]
    pub presentation_role: Option<PresentationRole>,
    /// With this remark; repeatable, all must be there.
    #[param(inline)]
    pub remark: Vec<Remark>,
    /// Only this method.
    pub method: Option<String>,
    /// Whether a fault touched it.
    #[param(value_type = Option<bool>)]
    pub faulted: Option<Flag>,
    /// Only this cause: `injected`, `origin`, `client` or `rig`.
    pub cause: Option<String>,
    /// Only what this rule did.
    #[param(value_type = Option<String>)]
    pub rule_id: Option<RuleId>,
    /// Only this fault.
    pub fault_type: Option<String>,
    /// Only this category of fault.
    pub fault_category: Option<String>,
}

/// What only actions have.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ControlQuery {
    /// Only this event.
    pub event: Option<String>,
    /// Only what this one did: `proxy` or `harness`.
    pub actor: Option<String>,
}

/// Which of the plays that share an id.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct PlayFilter {
    /// The player; needed only when several use the same play id.
    #[param(value_type = Option<String>)]
    pub player_id: Option<PlayerId>,
}

/// What a time series is made of.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct SeriesQuery {
    /// Any of `events`, `network` and `control`, separated by commas; all when absent.
    pub streams: Option<String>,
    /// Named sets of columns, separated by commas. All columns when neither this nor `fields` is given.
    pub bundles: Option<String>,
    /// More columns, separated by commas, of any of the streams.
    pub fields: Option<String>,
    /// Of the reports without a label, one per so many milliseconds and play.
    #[param(minimum = 1, maximum = 60_000)]
    pub stride_ms: Option<u64>,
    /// The same as a rate; the slower of both counts.
    #[param(minimum = 1, maximum = 1_000)]
    pub max_hz: Option<u64>,
}

/// Yes or no: `true`, `false`, `1` or `0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Flag(pub bool);

impl TryFrom<String> for Flag {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "true" | "1" => Ok(Self(true)),
            "false" | "0" => Ok(Self(false)),
            _ => Err(format!("is true or false; got {text:?}")),
        }
    }
}
