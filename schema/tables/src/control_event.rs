//! `control_events`: what the rig or an operator did, and what the feed lost.

use rebuffer_model::{Action, ActionSource, Label, Position};

use crate::declare::{columns, table};
use crate::head::{Head, Origin};
use crate::{Event, Name};

columns! {
    /// What was done.
    Deed {
        /// Who acted: proxy is the rig by itself, harness an operator through the API.
        actor: Name,
        /// What was done: session_start, fault_rule_enabled, shaper_config_change and the like; feed_gap for lost records.
        event: Name,
        /// What belongs to the event, JSON of a fixed shape per event.
        info: String,
    }
}

table! {
    /// Something the rig or an operator did.
    ControlEvent is "control_events" {
        /// When, whose, from where.
        head: Head,
        /// What was done.
        deed: Deed,
    }
    engine "MergeTree",
    partition by "toYYYYMMDD(ts)",
    order by "(player_id, ts, id)",
    indexes [
        idx_id on id: "minmax GRANULARITY 1",
        idx_play_id on play_id: "bloom_filter(0.01) GRANULARITY 4",
        idx_labels on labels: "bloom_filter(0.01) GRANULARITY 4",
        idx_event on event: "bloom_filter(0.01) GRANULARITY 4",
    ]
}

impl ControlEvent {
    /// The row of an action.
    pub fn new(origin: Origin<'_>, action: &Action, labels: &[Label]) -> Self {
        let actor = match action.source {
            ActionSource::Proxy => "proxy",
            ActionSource::Harness => "harness",
        };
        let deed = Deed { actor: actor.into(), event: action.kind.event().into(), info: info(action) };
        Self { head: Head::new(origin, Some(&action.who), labels), deed }
    }

    /// The row of a hole in the feed: what is known of records that are gone.
    pub fn gap(origin: Origin<'_>, (from, to): (Position, Position), lost: u64, labels: &[Label]) -> Self {
        let info = format!("{{\"from\":\"{from}\",\"to\":\"{to}\",\"lost\":\"{lost}\"}}");
        let deed = Deed { actor: "proxy".into(), event: "feed_gap".into(), info };
        Self { head: Head::new(origin, None, labels), deed }
    }
}

impl Event for ControlEvent {
    fn head(&self) -> &Head {
        &self.head
    }
}

/// The content beside the event's name, as the model writes it.
fn info(action: &Action) -> String {
    #[derive(serde::Deserialize)]
    struct Tagged<'a> {
        #[serde(borrow)]
        info: &'a serde_json::value::RawValue,
    }
    let tagged = serde_json::to_string(&action.kind).unwrap_or_default();
    serde_json::from_str::<Tagged<'_>>(&tagged).map_or_else(|_| "{}".to_owned(), |t| t.info.get().to_owned())
}
