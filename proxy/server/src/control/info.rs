//! `GET /api/v2/info`: what this rig is and can do.
//!
//! Invariant: found out, not assumed; what is missing says why.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rebuffer_api::{Info, ListenView, OriginTlsView, OriginView};
use rebuffer_model::FAULTS;

use crate::ca;
use crate::machine::machine_of;
use crate::rig::Rig;

/// What this rig is and can do.
#[utoipa::path(get, path = "/api/v2/info", tag = "rig", operation_id = "getInfo",
    responses((status = 200, description = "This rig", body = Info)))]
pub(super) async fn info(State(rig): State<Arc<Rig>>) -> Json<Info> {
    let range = rig.ports.range();
    Json(Info {
        version: env!("CARGO_PKG_VERSION"),
        api_versions: vec!["v2"],
        listen: ListenView {
            api_port: rig.surroundings.api_port,
            player_host: rig.shaper.isolated_at().map(|[v4, _]| v4.to_string()),
            base_port: rig.base_port,
            first_session_port: range.first,
            last_session_port: range.last,
            tls: ca::tls_view(&rig),
        },
        origins: rig
            .origins
            .configured()
            .iter()
            .enumerate()
            .map(|(place, origin)| OriginView {
                name: origin.config.name.clone(),
                url: origin.config.url.to_string(),
                default: place == 0,
                playlists: origin.config.playlists.clone(),
                tls: origin.is_verified().map(|verified| OriginTlsView {
                    verified,
                    client_certificate: origin.config.tls.client_certificate.is_some(),
                }),
            })
            .collect(),
        machine: machine_of(&rig.shaper, rig.path_ping.means()),
        archive: (rig.surroundings.archive)(),
        faults: FAULTS,
    })
}
