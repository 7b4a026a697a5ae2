//! Origins by address, and by the number they have within one session.
//!
//! Invariant: a number stays its origin's for as long as the list lives; the list only grows, up to [`MAX_ORIGINS`].
//! An address with user info names no origin, as the credentials would be lost.
//! Deliberately absent: which origins may be reached; whoever adds one has decided that.

use std::fmt;

use url::Url;

/// The most origins of one session.
pub const MAX_ORIGINS: usize = 64;

/// Scheme, host and port of an origin.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

/// The number of an origin within one session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OriginId(u8);

/// The origins of one session; a number is a place in this list.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    list: Vec<Origin>,
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

impl Origin {
    /// The origin of a URL; its path does not matter.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let url =
            Url::parse(text).map_err(|source| OriginError::NotAUrl { text: text.to_owned(), source })?;
        Self::of(&url).ok_or_else(|| OriginError::NotHttp { text: text.to_owned() })
    }

    fn of(url: &Url) -> Option<Self> {
        let plain = url.username().is_empty() && url.password().is_none();
        let is_http = matches!(url.scheme(), "http" | "https");
        let (host, port) = (url.host_str()?, url.port_or_known_default()?);
        (plain && is_http).then(|| Self { scheme: url.scheme().to_owned(), host: host.to_owned(), port })
    }

    /// The origin of a scheme and an authority as they stand in a URL.
    pub(crate) fn of_authority(scheme: &str, authority: &str) -> Option<Self> {
        // The parser would trim blanks that are an error within a longer URL.
        if authority.contains(|c: char| c == '@' || c.is_whitespace() || c.is_control()) {
            return None;
        }
        Self::of(&Url::parse(&format!("{scheme}://{authority}")).ok()?)
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The host, an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, also where the scheme implies it.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the port is the one that the scheme implies.
    pub fn has_default_port(&self) -> bool {
        self.port == if self.scheme == "https" { 443 } else { 80 }
    }
}

/// The form of a URL that has no path.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        if self.has_default_port() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl OriginId {
    /// The first of a session.
    pub const FIRST: Self = Self(0);

    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl Origins {
    /// The number of an origin that is in the list.
    pub fn find(&self, origin: &Origin) -> Option<OriginId> {
        let at = self.list.iter().position(|known| known == origin)?;
        u8::try_from(at).ok().map(OriginId)
    }

    /// The number of an origin, from now on in the list; `None` when the list is full.
    pub fn add(&mut self, origin: Origin) -> Option<OriginId> {
        if let Some(known) = self.find(&origin) {
            return Some(known);
        }
        let id = u8::try_from(self.list.len()).ok().filter(|_| self.list.len() < MAX_ORIGINS)?;
        self.list.push(origin);
        Some(OriginId(id))
    }

    /// Whether an origin is in the list, or may be added.
    pub fn has_room_for(&self, origin: &Origin) -> bool {
        self.list.len() < MAX_ORIGINS || self.list.contains(origin)
    }

    /// The numbers of all.
    pub fn ids(&self) -> impl Iterator<Item = OriginId> {
        (0..).take(self.list.len()).map(OriginId)
    }

    /// The origin of a number.
    pub fn get(&self, id: OriginId) -> Option<&Origin> {
        self.list.get(id.index())
    }
}

impl FromIterator<Origin> for Origins {
    fn from_iter<T: IntoIterator<Item = Origin>>(origins: T) -> Self {
        let mut list = Self::default();
        for origin in origins {
            list.add(origin);
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_urls_without_user_info_name_an_origin() {
        for bad in ["cdn.example", "ftp://cdn.example", "https://me:pw@cdn.example/"] {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
        let shown = |text| Origin::parse(text).unwrap().to_string();
        assert_eq!(shown("HTTPS://CDN.example:443/a?b"), "https://cdn.example");
        assert_eq!(shown("http://[2001:db8::1]:8080/"), "http://[2001:db8::1]:8080");
    }

    #[test]
    fn a_number_stays_its_origins() {
        let origin = |port: u16| Origin::parse(&format!("http://cdn.example:{port}")).unwrap();
        let mut origins = Origins::default();
        let first = origins.add(origin(1)).unwrap();
        let others = (2..200).map(|port| origins.add(origin(port))).collect::<Vec<_>>();
        assert_eq!(others.iter().flatten().count(), MAX_ORIGINS - 1);
        assert_eq!((origins.add(origin(1)), origins.find(&origin(1))), (Some(first), Some(first)));
        assert_eq!(origins.get(first), Some(&origin(1)));
        assert_eq!(origins.find(&origin(199)), None);
    }
}
