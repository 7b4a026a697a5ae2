//! Where a URI in a playlist leads: to an origin of the session, to somebody else, or nowhere a player would fetch by HTTP.
//!
//! Invariant: what is on an origin of the session is written as path and query in the form a browser would send, without dot
//! segments and fragment. Deliberately absent: which origins a session has; the caller names them.

use std::borrow::Cow;

use url::{Position, Url};

use crate::origin::{Origin, OriginId, Origins};

/// Stands for the address of an origin, which the paths of a playlist do not depend on.
const HERE: &str = "http://session.invalid";

/// What a URI resolves to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// On an origin of the session.
    Here(Address),
    /// On another one.
    Foreign(Foreign),
    /// Not an HTTP address, or none at all.
    Nowhere,
}

/// Something on an origin of the session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// The origin.
    pub origin: OriginId,
    /// Path and query.
    pub target: String,
}

/// An address outside the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Foreign {
    /// An origin that the session does not have.
    Origin(Origin),
    /// An authority that names no origin: it has user info, or cannot be read. User info is left out.
    Other(String),
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
    origin: OriginId,
    url: Url,
    origins: &'o Origins,
}

impl Address {
    /// The address under which what was fetched from here is remembered: as a browser would write it, without what clients add of
    /// themselves.
    #[must_use]
    pub fn own(&self) -> Self {
        Self { origin: self.origin, target: own_name(&self.target) }
    }
}

impl std::fmt::Display for Foreign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Origin(origin) => origin.fmt(f),
            Self::Other(authority) => f.write_str(authority),
        }
    }
}

impl<'o> Base<'o> {
    /// `target` is the path and query of the request.
    pub(crate) fn new(origin: OriginId, target: &str, origins: &'o Origins) -> Option<Self> {
        Some(Self { origin, url: session_url(target)?, origins })
    }

    /// Its own address.
    pub(crate) fn address(&self) -> Address {
        Address { origin: self.origin, target: target_of(&self.url) }
    }

    /// The base that a base URL leads to.
    pub(crate) fn descend(&self, uri: &str) -> Result<Self, Place> {
        match self.resolve(uri) {
            Place::Here(Address { origin, target }) => {
                Self::new(origin, &target, self.origins).ok_or(Place::Nowhere)
            }
            other @ (Place::Foreign(_) | Place::Nowhere) => Err(other),
        }
    }

    pub(crate) fn resolve(&self, uri: &str) -> Place {
        if let Some(target) = self.resolve_plain(uri) {
            return Place::Here(Address { origin: self.origin, target });
        }
        let (origin, joined) = match Reference::read(uri) {
            Reference::Opaque => return Place::Nowhere,
            Reference::Absolute { scheme, authority, rest } => match self.owner(scheme, authority) {
                Ok(origin) => (origin, session_url(&rooted(rest))),
                Err(foreign) => return Place::Foreign(foreign),
            },
            Reference::Relative => (self.origin, self.url.join(uri).ok()),
        };
        match joined {
            Some(url) if url.host_str() == self.url.host_str() => {
                Place::Here(Address { origin, target: target_of(&url) })
            }
            Some(url) => Place::Foreign(Foreign::Other(url.host_str().unwrap_or_default().to_owned())),
            None => Place::Nowhere,
        }
    }

    /// Nearly every URI of a playlist is a plain name or path, for which parsing a URL would be most of the work.
    fn resolve_plain(&self, uri: &str) -> Option<String> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~=&,+!$*()?".contains(&byte);
        let is_name = uri.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let is_path = uri.starts_with('/') && !uri.starts_with("//");
        if !(is_name || is_path) || !uri.bytes().all(is_plain) || uri.contains("/.") {
            return None;
        }
        if is_path {
            return Some(uri.to_owned());
        }
        let path = self.url.path();
        let (folder, _) = path.rsplit_once('/')?;
        Some(format!("{folder}/{uri}"))
    }

    /// The origin of the session that an authority names. Without a scheme of its own it has the playlist's.
    pub(crate) fn owner(&self, scheme: Option<&str>, authority: &str) -> Result<OriginId, Foreign> {
        let own = self.origins.get(self.origin).map_or("http", Origin::scheme);
        let Some(origin) = Origin::of_authority(scheme.unwrap_or(own), authority) else {
            // User info is no part of a host and may be a credential.
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            return Err(Foreign::Other(host.to_owned()));
        };
        self.origins.find(&origin).ok_or(Foreign::Origin(origin))
    }
}

impl<'a> Reference<'a> {
    pub(crate) fn read(uri: &'a str) -> Self {
        if let Some(after) = after_slashes(uri) {
            return Self::absolute(None, after);
        }
        let scheme = uri.split_once(':').filter(|(scheme, _)| is_scheme(scheme));
        match scheme {
            None => Self::Relative,
            Some((scheme, after)) => match after_slashes(after) {
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

/// What follows two slashes. To players that are browsers a backslash is one too, in what is fetched by HTTP.
fn after_slashes(text: &str) -> Option<&str> {
    text.strip_prefix(['/', '\\'])?.strip_prefix(['/', '\\'])
}

/// What follows an authority, as a reference that means the same on another one. Two slashes would begin an authority.
pub(crate) fn rooted(rest: &str) -> Cow<'_, str> {
    match rest.strip_prefix('/') {
        Some(after) if after.starts_with(['/', '\\']) => Cow::Owned(format!("/.{rest}")),
        Some(_) => Cow::Borrowed(rest),
        None => Cow::Owned(format!("/{rest}")),
    }
}

/// The path and query of a request in the form in which `Base::resolve` writes them.
pub(crate) fn canonical(target: &str) -> Option<Cow<'_, str>> {
    if is_canonical(target) {
        return Some(Cow::Borrowed(target));
    }
    session_url(target).as_ref().map(|url| Cow::Owned(target_of(url)))
}

/// Whether a target is as a URL parser would write it, as far as that is plain to see. Nearly every request is, and parsing a URL
/// costs more than all else that is asked about one.
fn is_canonical(target: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~=&,:@+!$*()?".contains(&byte);
    target.starts_with('/') && target.bytes().all(plain) && !target.contains("/.")
}

/// The name under which what was fetched from here is remembered: without what clients add of themselves.
pub(crate) fn own_name(target: &str) -> String {
    let canonical = canonical(target).unwrap_or(Cow::Borrowed(target));
    without_client_parameters(&canonical).unwrap_or_else(|| canonical.into_owned())
}

/// A target without the query parameters that clients add of themselves; `None` when it has none of them.
pub(crate) fn without_client_parameters(target: &str) -> Option<String> {
    without_parameters(target, is_client_parameter)
}

/// A target without the query parameters by which a player names itself to the rig; `None` when it has none of them.
pub fn without_identity(target: &str) -> Option<String> {
    without_parameters(target, |name| IDENTITY_PARAMETERS.contains(&name))
}

fn without_parameters(target: &str, goes: impl Fn(&str) -> bool) -> Option<String> {
    let (path, query) = target.split_once('?')?;
    let name = |parameter: &str| goes(parameter.split_once('=').map_or(parameter, |(name, _)| name));
    if !query.split('&').any(name) {
        return None;
    }
    let kept = query.split('&').filter(|parameter| !name(parameter)).collect::<Vec<_>>();
    let separator = if kept.is_empty() { "" } else { "?" };
    Some(format!("{path}{separator}{}", kept.join("&")))
}

/// The query parameters by which a player names itself, its play and its attempt.
pub const IDENTITY_PARAMETERS: [&str; 3] = ["player_id", "play_id", "attempt_id"];

/// Low-latency directives, reports to steering, CMCD, and the ids by which a player names itself to the rig.
fn is_client_parameter(name: &str) -> bool {
    name.starts_with("_HLS_")
        || name.starts_with("_DASH_")
        || name == "CMCD"
        || IDENTITY_PARAMETERS.contains(&name)
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
mod tests;
