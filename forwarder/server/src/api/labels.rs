//! `GET /api/v2/labels`: the vocabulary, for legends, filters and documentation.

use axum::Json;
use rebuffer_api::Items;
use rebuffer_api::archive::LabelView;
use rebuffer_labels::{FAMILIES, LABELS};

/// The labels events can have.
#[utoipa::path(
    get,
    path = "/api/v2/labels",
    tag = "archive",
    operation_id = "listLabels",
    responses((status = 200, description = "Every label.", body = Items<LabelView>))
)]
pub(super) async fn list() -> Json<Items<LabelView>> {
    let view = |severity: rebuffer_model::Severity, event: &str, doc, varies| LabelView {
        label: format!("{}={event}", severity.as_str()),
        severity,
        event: event.to_owned(),
        doc,
        varies,
    };
    let fixed = LABELS.iter().map(|rule| view(rule.severity, rule.name, rule.doc, false));
    let families = FAMILIES.iter().map(|family| view(family.severity, family.form, family.doc, true));
    Json(Items { items: fixed.chain(families).collect() })
}
