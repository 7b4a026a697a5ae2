//! `/api/v2/link-presets`.
//!
//! Invariant: the table of the model, as it is.

use axum::Json;
use rebuffer_api::{Items, PresetView};
use rebuffer_model::PRESETS;

/// The links that have a name; `shape.preset` takes one.
#[utoipa::path(get, path = "/api/v2/link-presets", tag = "links", operation_id = "listLinkPresets",
    responses((status = 200, description = "The presets", body = Items<PresetView>)))]
pub(super) async fn list() -> Json<Items<PresetView>> {
    Json(Items { items: PRESETS.iter().map(PresetView::from).collect() })
}
