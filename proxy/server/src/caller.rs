//! What a request says of the client's side: the host under which it reaches the rig, the page it comes from, and how it came.
//!
//! Invariant: what is said to the client about ports of the rig uses the host that the client used, so that names, mappings and
//! tunnels before the rig go on working. Deliberately absent: who the player is (see `identity.rs`).

use std::net::IpAddr;

use http::header::{HOST, HeaderValue, ORIGIN};
use http::uri::Authority;
use http::{Method, Request, Uri};

use crate::connection::Connection;

/// The client's side of one request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    method: Method,
    host: Option<HeaderValue>,
    /// HTTP/2 names the host in its target.
    authority: Option<Authority>,
    page: Option<HeaderValue>,
    local: IpAddr,
    secure: bool,
}

impl Caller {
    pub(crate) fn of<B>(request: &Request<B>, connection: &Connection) -> Self {
        let headers = request.headers();
        Self {
            method: request.method().clone(),
            host: headers.get(HOST).cloned(),
            authority: request.uri().authority().cloned(),
            page: headers.get(ORIGIN).cloned(),
            local: connection.local.ip(),
            secure: connection.is_secure(),
        }
    }

    pub(crate) fn method(&self) -> &Method {
        &self.method
    }

    /// The origin of the page that asks, as its browser says it.
    pub(crate) fn page(&self) -> Option<&HeaderValue> {
        self.page.as_ref()
    }

    /// Whether it came over TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.secure
    }

    /// Scheme, host and port of a port of the rig, as this client reaches it.
    pub(crate) fn address_of(&self, port: u16) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}:{port}", self.host())
    }

    /// The host without a port, in brackets if need be.
    pub(crate) fn host(&self) -> String {
        let by_header = self.host.as_ref().and_then(|host| host.to_str().ok());
        let by_header = by_header.and_then(|host| format!("http://{host}/").parse::<Uri>().ok());
        let by_header =
            by_header.and_then(|uri| uri.host().map(str::to_owned)).filter(|host| !host.is_empty());
        let named =
            by_header.or_else(|| self.authority.as_ref().map(|authority| authority.host().to_owned()));
        named.unwrap_or_else(|| match self.local {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        })
    }
}
