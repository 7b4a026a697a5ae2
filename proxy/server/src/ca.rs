//! TLS as players have to know it: where it is spoken, and the certificate of the rig's own authority (CA) for download.
//!
//! Invariant: what is said belongs to the certificate that is in use at that time. Only a certificate leaves, never a key.

use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};
use rebuffer_api::{PlayerTlsView, Problem, ProblemKind};

use crate::caller::Caller;
use crate::perform::{ReplyBody, own_answer, problem};
use crate::rig::Rig;
use crate::tls::Tls;

/// Where the CA's certificate is on the base port.
pub(crate) const PATH: &str = "/ca.pem";

/// Answers with the CA's certificate, or with why there is none.
pub(crate) fn serve_certificate(tls: Option<&Tls>, caller: &Caller) -> Response<ReplyBody> {
    let Some(tls) = tls else {
        return not_found("TLS is off; --tls auto makes certificates by a CA of the rig's own", caller);
    };
    let Some(certificate) = tls.ca_certificate() else {
        return not_found(
            "the certificate comes from --tls CERTIFICATE,KEY; the rig does not have its CA",
            caller,
        );
    };
    let mut response = own_answer(StatusCode::OK, caller);
    *response.body_mut() = Full::from(certificate).map_err(|never| match never {}).boxed_unsync();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-pem-file"));
    let name = HeaderValue::from_static("attachment; filename=\"rebuffer-ca.pem\"");
    headers.insert(CONTENT_DISPOSITION, name);
    response
}

fn not_found(why: &str, caller: &Caller) -> Response<ReplyBody> {
    problem(&Problem::new(ProblemKind::NotFound, why), caller).0
}

/// Where TLS is spoken; none when it is off.
pub(crate) fn tls_view(rig: &Rig) -> Option<PlayerTlsView> {
    let tls = rig.config.tls.as_ref()?;
    let port = rig.base_port;
    let names = tls.certificate_names();
    Some(PlayerTlsView {
        urls: names.iter().map(|name| format!("https://{}:{port}/", url_host(name))).collect(),
        protocols: tls.alpn_protocols(),
        ca_url: tls.ca_certificate().map(|_| format!("http://{}:{port}{PATH}", player_host(rig))),
    })
}

/// The host at which this machine reaches the players' ports, as it stands in a URL.
pub(crate) fn player_host(rig: &Rig) -> String {
    let base = rig.config.base.ip();
    match rig.shaper.isolated_at() {
        Some([v4, _]) => v4.to_string(),
        None if base.is_unspecified() => "localhost".to_owned(),
        None => url_host(&base.to_string()),
    }
}

/// An IPv6 address stands in brackets.
fn url_host(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}
