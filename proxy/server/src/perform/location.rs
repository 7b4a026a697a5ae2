//! Redirects of the origin: kept at the rig where they may be, and told where they may not.
//!
//! Invariant: a redirect to an origin that the session may reach leads to a port of the session; what is found there is what was
//! asked for. A path never becomes a host. Deliberately absent: following redirects; the player does.

use http::header::{HeaderValue, LOCATION};
use http::response::Parts;
use rebuffer_media::{Address, Context, Foreign, Led, OriginId};
use rebuffer_model::Remark;

use super::target::Target;
use crate::learning;
use crate::record::Recorder;
use crate::sessions;

/// Keeps a redirect at the rig. Returns where it leads, when that is to an origin of the session.
pub(super) async fn lead(head: &mut Parts, target: &Target, recorder: &mut Recorder) -> Option<Address> {
    if !head.status.is_redirection() {
        return None;
    }
    let location = String::from_utf8_lossy(head.headers.get(LOCATION)?.as_bytes()).into_owned();
    let led = match follow(&location, target, recorder) {
        Led::Foreign(foreign) => {
            if !reach_foreign(&foreign, recorder).await {
                return None;
            }
            follow(&location, target, recorder)
        }
        Led::Here { to, written: None } if to.origin != recorder.session().origin_id() => {
            // The session used that origin before, and has no port for it by now.
            reach_known(to.origin, recorder).await;
            follow(&location, target, recorder)
        }
        led @ (Led::Here { .. } | Led::Nowhere) => led,
    };
    let Led::Here { to, written } = led else { return None };
    if let Some(written) = written
        && let Ok(written) = HeaderValue::from_bytes(written.as_bytes())
    {
        head.headers.insert(LOCATION, written);
        recorder.remark(Remark::LocationRewritten);
    }
    let endpoint = recorder.session();
    let from = endpoint.address(target.as_str());
    endpoint.learned.graph.lock().redirect(&from, &to);
    // Within an origin, and away from its own page, a browser that asks direct goes on as the page it was.
    let page = endpoint
        .led_pages
        .to(&from)
        .filter(|page| to.origin == from.origin || page.as_bytes() == endpoint.origin().base().as_bytes());
    if let Some(page) = page {
        endpoint.led_pages.lead(to.clone(), page);
    }
    Some(to)
}

fn follow(location: &str, target: &Target, recorder: &Recorder) -> Led {
    let endpoint = recorder.session();
    let origins = endpoint.learned.graph.lock().origins().clone();
    let context = Context::at(endpoint.address(target.as_str()), origins);
    context.led(location, |origin| address_of(origin, recorder))
}

/// How the client reaches an origin of the session.
pub(super) fn address_of(origin: OriginId, recorder: &Recorder) -> Option<String> {
    let ports = recorder.session().ports();
    let at = ports.iter().find(|at| at.id == origin)?;
    Some(recorder.caller().address_of(at.port))
}

/// Opens a port for an origin of the session that has none; whether it has one now.
pub(super) async fn reach_known(origin: OriginId, recorder: &mut Recorder) -> bool {
    let known = recorder.session().learned.graph.lock().origins().get(origin).cloned();
    match known {
        Some(known) => reach_foreign(&Foreign::Origin(known), recorder).await,
        None => false,
    }
}

/// Opens a port for an origin that the session has not used so far, if it may be reached; says so if not.
pub(super) async fn reach_foreign(foreign: &Foreign, recorder: &mut Recorder) -> bool {
    let rig = recorder.rig().clone();
    let endpoint = recorder.session().clone();
    let (host, setting) = match foreign {
        Foreign::Other(_) => (foreign.to_string(), String::new()),
        Foreign::Origin(address) => match rig.origins.at(address) {
            Err(unreachable) => (foreign.to_string(), unreachable.to_string()),
            Ok(origin) => match sessions::reach(&rig, endpoint.session(), &origin, None).await {
                Ok(_) => return true,
                Err(error) => {
                    tracing::warn!(player = %endpoint.player.shown_name(), origin = %address, %error, "an origin has no port in its session");
                    (foreign.to_string(), error.to_string())
                }
            },
        },
    };
    recorder.remark(Remark::OriginLeft);
    learning::origin_left(&rig, &endpoint, host, setting);
    false
}
