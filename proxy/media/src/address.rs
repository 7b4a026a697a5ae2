//! Where a URI in a playlist leads: onto the session, to somebody else, or nowhere a player would fetch by HTTP.
//!
//! Invariant: what is local is written as path and query in the form a browser would send, without dot segments and
//! fragment. An address with user info is never taken for the origin, as taking it local would lose the credentials.
//! Deliberately absent: which origins a session may reach; the caller names them.

use url::{Position, Url};

/// Stands for the session's own address, which no playlist can name.
const HERE: &str = "http://session.invalid";

/// Scheme, host and port of an origin whose paths are the session's paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

/// Why a text does not name an origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// It is no URL at all.
    #[error("{text:?} is not a URL")]
    NotAUrl {
        /// What was given.
        text: String,
        /// What the parser says.
        #[source]
        source: url::ParseError,
    },
    /// It is one that playlists are not fetched from.
    #[error("{text:?} is not an http or https URL without user info")]
    NotHttp {
        /// What was given.
        text: String,
    },
}

/// What a URI resolves to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Path and query on the session.
    Here(String),
    /// Another host, as written.
    Foreign(String),
    /// Not an HTTP address, or none at all.
    Nowhere,
}

/// A URI reference, cut where its authority ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reference<'a> {
    Relative,
    Absolute { scheme: Option<&'a str>, authority: &'a str, rest: &'a str },
    Opaque,
}

/// The address of a playlist as it was requested, against which its URIs are resolved.
#[derive(Debug, Clone)]
pub(crate) struct Base<'o> {
    url: Url,
    origins: &'o [Origin],
}

impl Origin {
    /// The origin of a URL; its path does not matter.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let url =
            Url::parse(text).map_err(|source| OriginError::NotAUrl { text: text.to_owned(), source })?;
        let origin = Self::of(&url).filter(|_| matches!(url.scheme(), "http" | "https"));
        origin.ok_or_else(|| OriginError::NotHttp { text: text.to_owned() })
    }

    fn of(url: &Url) -> Option<Self> {
        let anonymous = url.username().is_empty() && url.password().is_none();
        let (host, port) = (url.host_str()?, url.port_or_known_default()?);
        anonymous.then(|| Self { scheme: url.scheme().to_owned(), host: host.to_owned(), port })
    }

    /// Whether this authority is the origin's. Without a scheme of its own it has the origin's.
    fn owns(&self, scheme: Option<&str>, authority: &str) -> bool {
        // The parser would trim blanks that are an error within a longer URL.
        if authority.contains(|c: char| c == '@' || c.is_whitespace() || c.is_control()) {
            return false;
        }
        let scheme = scheme.unwrap_or(&self.scheme);
        let url = Url::parse(&format!("{scheme}://{authority}"));
        url.ok().and_then(|url| Self::of(&url)).is_some_and(|origin| origin == *self)
    }
}

impl<'o> Base<'o> {
    /// `target` is the path and query of the request.
    pub(crate) fn new(target: &str, origins: &'o [Origin]) -> Option<Self> {
        Some(Self { url: session_url(target)?, origins })
    }

    /// Its own path and query.
    pub(crate) fn target(&self) -> String {
        target_of(&self.url)
    }

    /// The base that a base URL leads to.
    pub(crate) fn descend(&self, uri: &str) -> Result<Self, Place> {
        match self.resolve(uri) {
            Place::Here(target) => Self::new(&target, self.origins).ok_or(Place::Nowhere),
            other @ (Place::Foreign(_) | Place::Nowhere) => Err(other),
        }
    }

    pub(crate) fn resolve(&self, uri: &str) -> Place {
        let joined = match Reference::read(uri) {
            Reference::Opaque => return Place::Nowhere,
            Reference::Absolute { scheme, authority, rest } => {
                if !is_owned(self.origins, scheme, authority) {
                    return Place::Foreign(authority.to_owned());
                }
                session_url(&rooted(rest))
            }
            Reference::Relative => self.url.join(uri).ok(),
        };
        match joined {
            Some(url) if url.host_str() == self.url.host_str() => Place::Here(target_of(&url)),
            Some(url) => Place::Foreign(url.host_str().unwrap_or_default().to_owned()),
            None => Place::Nowhere,
        }
    }
}

impl<'a> Reference<'a> {
    pub(crate) fn read(uri: &'a str) -> Self {
        if let Some(after) = uri.strip_prefix("//") {
            return Self::absolute(None, after);
        }
        let scheme = uri.split_once(':').filter(|(scheme, _)| is_scheme(scheme));
        match scheme {
            None => Self::Relative,
            Some((scheme, after)) => match after.strip_prefix("//") {
                Some(after) if is_http(scheme) => Self::absolute(Some(scheme), after),
                Some(_) | None => Self::Opaque,
            },
        }
    }

    fn absolute(scheme: Option<&'a str>, after: &'a str) -> Self {
        let end = after.find(['/', '\\', '?', '#']).unwrap_or(after.len());
        let (authority, rest) = after.split_at(end);
        Self::Absolute { scheme, authority, rest }
    }
}

pub(crate) fn is_owned(origins: &[Origin], scheme: Option<&str>, authority: &str) -> bool {
    origins.iter().any(|origin| origin.owns(scheme, authority))
}

/// What follows an authority, as a reference that means the same on another one. Two slashes would begin an authority.
pub(crate) fn rooted(rest: &str) -> String {
    match rest.strip_prefix('/') {
        Some(after) if after.starts_with(['/', '\\']) => format!("/.{rest}"),
        Some(_) => rest.to_owned(),
        None => format!("/{rest}"),
    }
}

/// The path and query of a request in the form in which `Base::resolve` writes them.
pub(crate) fn canonical(target: &str) -> Option<String> {
    if is_canonical(target) {
        return Some(target.to_owned());
    }
    session_url(target).as_ref().map(target_of)
}

/// Whether a target is as a URL parser would write it, as far as that is plain to see. Nearly every request is, and parsing a URL
/// costs more than all else that is asked about one.
fn is_canonical(target: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~=&,:@+!$*()?".contains(&byte);
    target.starts_with('/') && target.bytes().all(plain) && !target.contains("/.")
}

/// The name under which what was fetched from here is remembered: without what clients add of themselves.
pub(crate) fn own_name(target: &str) -> String {
    let canonical = canonical(target).unwrap_or_else(|| target.to_owned());
    without_client_parameters(&canonical).unwrap_or(canonical)
}

/// A target without the query parameters that clients add of themselves; `None` when it has none of them.
pub(crate) fn without_client_parameters(target: &str) -> Option<String> {
    let (path, query) = target.split_once('?')?;
    let kept = query.split('&').filter(|parameter| !is_client_parameter(parameter)).collect::<Vec<_>>();
    let changed = kept.len() < query.split('&').count();
    let separator = if kept.is_empty() { "" } else { "?" };
    changed.then(|| format!("{path}{separator}{}", kept.join("&")))
}

/// Low-latency directives, CMCD, and the ids by which a player names itself to the rig.
fn is_client_parameter(parameter: &str) -> bool {
    let name = parameter.split_once('=').map_or(parameter, |(name, _)| name);
    name.starts_with("_HLS_") || matches!(name, "CMCD" | "player_id" | "play_id" | "attempt_id")
}

fn session_url(target: &str) -> Option<Url> {
    target.starts_with('/').then(|| Url::parse(&format!("{HERE}{target}")).ok()).flatten()
}

fn target_of(url: &Url) -> String {
    url[Position::BeforePath..Position::AfterQuery].to_owned()
}

fn is_http(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

fn is_scheme(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(uri: &str) -> Place {
        let origins = [Origin::parse("https://cdn.example/anything").unwrap()];
        Base::new("/live/720/index.m3u8?token=a", &origins).unwrap().resolve(uri)
    }

    fn here(target: &str) -> Place {
        Place::Here(target.to_owned())
    }

    #[test]
    fn relative_and_absolute_paths_stay_on_the_session() {
        assert_eq!(resolve("1.m4s"), here("/live/720/1.m4s"));
        assert_eq!(resolve("../audio/1.m4s?x=1#t=2"), here("/live/audio/1.m4s?x=1"));
        assert_eq!(resolve("/other/1.m4s"), here("/other/1.m4s"));
        assert_eq!(resolve("?token=b"), here("/live/720/index.m3u8?token=b"));
        assert_eq!(resolve("a film.mp4"), here("/live/720/a%20film.mp4"));
    }

    #[test]
    fn an_absolute_url_stays_exactly_when_scheme_host_and_port_are_the_origins() {
        for own in ["https://cdn.example/a", "HTTPS://CDN.example:443/a", "//cdn.example/a"] {
            assert_eq!(resolve(own), here("/a"), "{own}");
        }
        for other in [
            "http://cdn.example/a",
            "https://cdn.example:8443/a",
            "https://cdn.example.net/a",
            "https://me@cdn.example/a",
        ] {
            assert!(matches!(resolve(other), Place::Foreign(_)), "{other}");
        }
    }

    #[test]
    fn what_no_player_fetches_by_http_leads_nowhere() {
        for uri in ["skd://key", "data:text/plain;base64,AAAA", "urn:uuid:1", "http:a"] {
            assert_eq!(resolve(uri), Place::Nowhere, "{uri}");
        }
    }

    #[test]
    fn a_path_never_turns_into_a_host() {
        assert_eq!(rooted("//evil.example/a"), "/.//evil.example/a");
        assert_eq!(resolve("https://cdn.example//evil.example/a"), here("//evil.example/a"));
        assert_eq!(rooted(""), "/");
        assert_eq!(rooted("?a=b"), "/?a=b");
        assert_eq!(resolve("/\\evil.example/a"), Place::Foreign("evil.example".to_owned()));
    }

    #[test]
    fn what_is_plainly_canonical_is_what_a_parser_would_write() {
        let pieces =
            ["/", ".", "..", "a", "%41", "?", "=", "&", ":", "@", "+", "~", "\\", "*", "(", "'", "Z9"];
        let (mut random, mut plain) = (1_u64, 0);
        for _ in 0..20_000 {
            let mut target = "/".to_owned();
            for _ in 0..6 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                target.push_str(pieces[usize::try_from(random >> 33).unwrap() % pieces.len()]);
            }
            if is_canonical(&target) {
                plain += 1;
                assert_eq!(session_url(&target).as_ref().map(target_of), Some(target));
            }
        }
        assert!(plain > 1_000, "{plain}");
    }

    #[test]
    fn only_http_urls_name_an_origin() {
        for bad in ["cdn.example", "ftp://cdn.example", "https://me:pw@cdn.example/"] {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
    }
}
