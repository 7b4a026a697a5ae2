//! The way upstream: one pooled client per origin, one upstream request per client request, but for one that a closing
//! connection swallowed (see `origin/again.rs`).
//!
//! Invariant: method, path, query, body and end-to-end headers pass as they came; only hop-by-hop headers and `Host` are the
//! rig's own. Phases are measured on the connection that is really used. Deliberately absent: retries of what the origin answered,
//! redirects followed, decompression: what the origin says is what the client hears.

mod again;
mod connect;
mod explain;
mod hop;
mod hosts;
mod pool;
mod table;
mod tls;
mod way;

use std::time::Duration;

use http::header::{HOST, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use rebuffer_media::hls::Directives;
use rebuffer_model::OriginName;

pub(crate) use connect::Phases;
pub(crate) use hop::{NextProtocol, strip_hop_by_hop, unite_lengths};
pub use hosts::{HostPattern, HostPatternError};
pub(crate) use table::Origins;
pub use tls::{ClientCertificate, OriginTls, TrustStore, Verification};
pub(crate) use way::{Duplex, OriginBody, OriginUpgrade};

use again::{Answered, Failed};
use hosts::Reach;

use crate::config::{OriginConfig, OriginLimits};
use crate::upload::Upload;

/// The most headers of an answer; what has more is no answer.
const MAX_HEADERS: usize = 256;

/// How long an origin may hold a blocking reload: three of the longest target durations in use (draft-pantos-hls-rfc8216bis
/// §6.2.5.2).
const BLOCKING_RELOAD: Duration = Duration::from_secs(60);

/// An origin and the connections to it.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) config: OriginConfig,
    /// Where it is, as playlists name it.
    pub(crate) address: rebuffer_media::Origin,
    /// Whether the configuration names it; otherwise a pattern let it in.
    configured: bool,
    /// The names by which rules know it: its own, its host, and host and port.
    names: [String; 3],
    scheme: Scheme,
    authority: Authority,
    /// The authority as it is said to the origin.
    host: HeaderValue,
    limits: OriginLimits,
    way: way::Way,
}

/// The head of an origin's answer, and how it came about.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) response: Response<OriginBody>,
    pub(crate) ttfb_ms: f64,
    /// Absent on a pooled connection.
    pub(crate) phases: Option<Phases>,
    /// How many connections swallowed the request before.
    pub(crate) swallowed: u64,
}

/// Why an origin cannot be used at all.
#[derive(Debug, thiserror::Error)]
#[error("origin {name} has the URL {url}, which {why}")]
pub struct OriginError {
    name: OriginName,
    url: String,
    why: &'static str,
}

/// Why an origin gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Silence {
    #[error("cannot reach {url}: {reason}")]
    Unreachable { url: String, reason: String },
    #[error("cannot wait for {url} any longer: no answer within {} s", limit.as_secs_f64())]
    TooLate { url: String, limit: Duration },
    #[error("cannot pass the request on: its body broke off, or is none")]
    BrokenUpload,
    /// Not the origin's fault: its answer is cut short by the player's own limits.
    #[error("ends the request after the player's transfer_timeouts: no head by then")]
    Expired,
}

impl Origin {
    fn new(
        config: OriginConfig,
        limits: OriginLimits,
        configured: bool,
        reach: Reach,
    ) -> Result<Self, OriginError> {
        let refuse = |why| OriginError { name: config.name.clone(), url: config.url.to_string(), why };
        let scheme = match config.url.scheme() {
            "http" => Scheme::HTTP,
            "https" => Scheme::HTTPS,
            _ => return Err(refuse("is neither http nor https")),
        };
        if !config.url.username().is_empty() || config.url.password().is_some() {
            return Err(refuse("holds a password; the rig does not keep secrets"));
        }
        let authority: Authority = config.url[url::Position::BeforeHost..url::Position::AfterPort]
            .parse()
            .map_err(|_| refuse("has no host"))?;
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| refuse("has no host"))?;
        let address = rebuffer_media::Origin::parse(config.url.as_str())
            .map_err(|_| refuse("is neither http nor https"))?;
        let way = way::Way::new(&config, &scheme, &authority, connect::Connector::new(limits.connect, reach));
        let with_port = format!("{}:{}", address.host(), address.port());
        let names = [config.name.to_string(), address.host().to_owned(), with_port];
        let names = names.map(|name| name.to_ascii_lowercase());
        Ok(Self { config, address, configured, names, scheme, authority, host, limits, way })
    }

    /// The names by which rules know it.
    pub(crate) fn names(&self) -> [&str; 3] {
        self.names.each_ref().map(String::as_str)
    }

    /// What it is known by after a restart: its name if it is configured, else its URL.
    pub(crate) fn key(&self) -> String {
        if self.configured { self.config.name.to_string() } else { self.address.to_string() }
    }

    /// The path on the origin of a path on the base port.
    pub(crate) fn full_path(&self, rest: &str) -> String {
        format!("{}/{rest}", self.config.url.path().trim_end_matches('/'))
    }

    /// The path on the base port of a path on the origin.
    pub(crate) fn path_on_base(&self, path: &str) -> String {
        let prefix = self.config.url.path().trim_end_matches('/');
        let rest = path.strip_prefix(prefix).filter(|rest| rest.starts_with('/')).unwrap_or(path);
        format!("/{}{rest}", self.config.name)
    }

    /// The absolute URL of a path on this origin.
    pub(crate) fn url_of(&self, path_and_query: &str) -> String {
        format!("{}://{}{path_and_query}", self.scheme, self.authority)
    }

    /// Scheme and authority, as an absolute URL begins with them.
    pub(crate) fn base(&self) -> String {
        self.url_of("")
    }

    /// Whether its certificate is verified; absent where there is none to verify.
    pub(crate) fn is_verified(&self) -> Option<bool> {
        (self.scheme == Scheme::HTTPS).then(|| self.config.tls.is_verified())
    }

    /// How long a body may pause.
    pub(crate) fn stall(&self) -> Duration {
        self.limits.stall
    }

    /// Passes a request on and waits for the head of the answer. The origin holds a blocking reload until it has what was asked
    /// for.
    pub(crate) async fn ask(&self, mut request: Box<Request<Upload>>) -> Result<Heard, Silence> {
        let target = request.uri().path_and_query().map_or("", PathAndQuery::as_str);
        let limit = if Directives::of(target).is_blocking() {
            self.limits.head.max(BLOCKING_RELOAD)
        } else {
            self.limits.head
        };
        self.address_request(&mut request);
        let uri = request.uri().clone();
        let url = || self.url_of(&crate::redact::path_and_query(&uri));
        let answer = again::ask(&self.way, (&self.scheme, &self.authority), request);
        let Answered { response, phases, asked, swallowed } = match tokio::time::timeout(limit, answer).await
        {
            Ok(Ok(answered)) => answered,
            Ok(Err(Failed { by_client: true, .. })) => return Err(Silence::BrokenUpload),
            Ok(Err(Failed { reason, .. })) => return Err(Silence::Unreachable { url: url(), reason }),
            Err(_elapsed) => return Err(Silence::TooLate { url: url(), limit }),
        };
        Ok(Heard { response, ttfb_ms: asked.elapsed().as_secs_f64() * 1e3, phases, swallowed })
    }

    /// Lets go of connections that waited too long. Once in a while.
    pub(crate) fn sweep(&self) {
        self.way.sweep();
    }

    fn address_request(&self, request: &mut Request<Upload>) {
        *request.uri_mut() = Uri::from(target_of(request.uri()));
        *request.version_mut() = http::Version::HTTP_11;
        let next = NextProtocol::of(request.headers());
        strip_hop_by_hop(request.headers_mut());
        if let Some(next) = next {
            next.say(request.headers_mut());
        }
        request.headers_mut().insert(HOST, self.host.clone());
    }
}

#[cfg(test)]
impl Origin {
    /// An origin that nobody asks.
    pub(crate) fn for_test() -> std::sync::Arc<Self> {
        use std::sync::{Arc, OnceLock};
        static ORIGIN: OnceLock<Arc<Origin>> = OnceLock::new();
        let make = || {
            let name = OriginName::new("demo").expect("a name");
            let url = "http://origin.invalid".parse().expect("a URL");
            let config = OriginConfig { name, url, playlists: Vec::new(), tls: OriginTls::default() };
            Arc::new(Self::new(config, OriginLimits::default(), true, Reach::Everywhere).expect("an origin"))
        };
        Arc::clone(ORIGIN.get_or_init(make))
    }
}

/// What is asked for: the path and the query, whatever precedes them.
pub(crate) fn target_of(uri: &Uri) -> PathAndQuery {
    uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"))
}
