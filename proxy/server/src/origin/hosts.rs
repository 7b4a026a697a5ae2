//! Hosts that an origin's playlists and redirects may bring in (`--origin-hosts`).
//!
//! Invariant: a pattern without a port means the default port of the scheme. What a pattern with a wildcard lets in has to be at a
//! public address, or in a network that is named, so that no playlist leads the rig into its own machine or laboratory.
//! Deliberately absent: resolving names.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use rebuffer_media::Origin;
use wildmatch::WildMatch;

/// A pattern of hosts.
#[derive(Debug, Clone, PartialEq)]
pub struct HostPattern {
    text: String,
    host: WildMatch,
    port: PortPattern,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PortPattern {
    Default,
    Any,
    One(u16),
}

/// Why a text is no pattern of hosts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no host, with `*` for any letters and `?` for one, and optionally a port: for example *.cdn.example or edge.example:8443"
)]
pub struct HostPatternError {
    text: String,
}

/// Which addresses of a host may be reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Every one: the host was named in full.
    #[default]
    Everywhere,
    /// Public ones, and those in these networks.
    Public(Vec<IpNet>),
}

impl HostPattern {
    /// Whether this origin is meant.
    pub(crate) fn matches(&self, origin: &Origin) -> bool {
        let is_port = match self.port {
            PortPattern::Default => origin.has_default_port(),
            PortPattern::Any => true,
            PortPattern::One(port) => origin.port() == port,
        };
        is_port && self.host.matches(&origin.host().to_ascii_lowercase())
    }

    /// Whether an origin that it lets in may have this name: its host, with `-` and the port unless that is the default.
    pub fn may_be_called(&self, name: &str) -> bool {
        let bare = name.rsplit_once('-').filter(|(_, port)| port.parse::<u16>().is_ok());
        let bare = bare.map_or(name, |(host, _)| host);
        [name, bare].iter().any(|host| self.host.matches(&host.to_ascii_lowercase()))
    }

    /// Whether it names one host.
    pub(crate) fn is_exact(&self) -> bool {
        !self.host.pattern().contains(['*', '?'])
    }
}

impl FromStr for HostPattern {
    type Err = HostPatternError;

    fn from_str(text: &str) -> Result<Self, HostPatternError> {
        let refuse = || HostPatternError { text: text.to_owned() };
        let lower = text.to_ascii_lowercase();
        let end_of_host =
            if lower.starts_with('[') { lower.find(']').map(|at| at + 1) } else { lower.find(':') };
        let (host, port) = lower.split_at(end_of_host.unwrap_or(lower.len()));
        let name = host.strip_prefix('[').map_or(host, |rest| rest.trim_end_matches(']'));
        let is_closed = host.starts_with('[') == host.ends_with(']');
        let extra = if host.starts_with('[') { "*?:." } else { "*?-._" };
        let is_letter = |c: char| c.is_ascii_alphanumeric() || extra.contains(c);
        if name.is_empty() || !is_closed || !name.chars().all(is_letter) {
            return Err(refuse());
        }
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => PortPattern::Default,
            Some("*") => PortPattern::Any,
            Some(port) => PortPattern::One(port.parse().map_err(|_| refuse())?),
            None => return Err(refuse()),
        };
        Ok(Self { text: text.to_owned(), host: WildMatch::new(host), port })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Reach {
    /// Whether this address may be reached.
    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Public(networks) => {
                let address = address.to_canonical();
                is_public(address) || networks.iter().any(|network| network.contains(&address))
            }
        }
    }
}

/// Whether an address is neither the machine's own, nor of a local network, nor of no host at all.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let is_shared = a == 100 && (64..128).contains(&b);
            let is_nowhere =
                v4.is_unspecified() || a == 0 || v4.is_broadcast() || v4.is_multicast() || a >= 240;
            !(v4.is_loopback() || v4.is_private() || v4.is_link_local() || is_shared || is_nowhere)
        }
        IpAddr::V6(v6) => {
            let is_nowhere = v6.is_unspecified() || v6.is_multicast();
            !(v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local() || is_nowhere)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, url: &str) -> bool {
        pattern.parse::<HostPattern>().unwrap().matches(&Origin::parse(url).unwrap())
    }

    #[test]
    fn a_pattern_means_hosts_and_ports() {
        for (pattern, url, expected) in [
            ("*.cdn.example", "https://a.b.CDN.example", true),
            ("*.cdn.example", "https://cdn.example", false),
            ("*.cdn.example", "https://a.cdn.example:8443", false),
            ("*.cdn.example:8443", "https://a.cdn.example:8443", true),
            ("Edge?.example:*", "http://edge7.example:81", true),
            ("192.0.2.1:80", "http://192.0.2.1", true),
            ("[2001:db8::1]:8080", "http://[2001:db8::1]:8080", true),
            ("[::1]", "http://[::1]", true),
        ] {
            assert_eq!(matches(pattern, url), expected, "{pattern} {url}");
        }
        let pattern: HostPattern = "*.cdn.example".parse().unwrap();
        let named = ["a.cdn.example", "a.cdn.example-8443", "cdn"].map(|name| pattern.may_be_called(name));
        assert_eq!(named, [true, true, false]);
        for bad in ["", ":80", "a b", "a:b", "http://a", "a:99999", "[::1"] {
            assert!(bad.parse::<HostPattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_wildcard_does_not_lead_into_the_machine_or_its_network() {
        let lab = Reach::Public(vec!["10.7.0.0/16".parse().unwrap()]);
        for (address, allowed) in [
            ("203.0.113.7", true),
            ("2001:db8::1", true),
            ("10.7.3.4", true),
            ("10.8.0.1", false),
            ("127.0.0.1", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("fe80::1", false),
            ("fd00::1", false),
        ] {
            assert_eq!(lab.allows(address.parse().unwrap()), allowed, "{address}");
            assert!(Reach::Everywhere.allows(address.parse().unwrap()));
        }
    }
}
