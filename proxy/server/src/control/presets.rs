//! `/api/v2/link-presets`.
//!
//! Invariant: the table of the model, as it is, and how far this machine goes with each row.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rebuffer_api::{Items, PresetView};
use rebuffer_model::PRESETS;
use rebuffer_shape::Reach;

use crate::rig::Rig;

/// The links that have a name, and how much of each this machine can put in force; `shape.preset` takes one.
#[utoipa::path(get, path = "/api/v2/link-presets", tag = "links", operation_id = "listLinkPresets",
    responses((status = 200, description = "The presets", body = Items<PresetView>)))]
pub(super) async fn list(State(rig): State<Arc<Rig>>) -> Json<Items<PresetView>> {
    let machine = rig.shaper.machine();
    let items = PRESETS.iter().map(|preset| {
        let reach = Reach::of([preset.shape()], &machine);
        PresetView::of(preset, reach.extent(), reach.left_out)
    });
    Json(Items { items: items.collect() })
}
