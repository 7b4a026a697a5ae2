//! The origins of the rig: those that are configured, and those that patterns of hosts have let in.
//!
//! Invariant: an origin that is not here is not asked. One that was let in is the same one, with the same connections, for every
//! session; at most [`MAX_LET_IN`] are kept. Deliberately absent: which session uses which.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rebuffer_media::Origin as Address;
use rebuffer_model::OriginName;

use super::hosts::Reach;
use super::{Origin, OriginError, Verification};
use crate::config::{OriginConfig, OriginHosts, OriginLimits};

/// The most origins that patterns let in.
const MAX_LET_IN: usize = 256;

/// Why the rig may not reach an origin; what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreachable {
    #[error("--origin-hosts {0}")]
    NotLetIn(String),
    #[error(
        "{MAX_LET_IN} hosts that --origin-hosts lets in are in use, as many as there may be: let fewer of them in, or end sessions"
    )]
    TableFull,
    #[error("--origin NAME={0}, because a host of so long a name needs one of its own")]
    Name(Address),
    #[error("it cannot be an origin: {0}")]
    Refused(String),
}

/// The origins of the rig.
#[derive(Debug)]
pub(crate) struct Origins {
    configured: Vec<Arc<Origin>>,
    hosts: OriginHosts,
    limits: OriginLimits,
    let_in: Mutex<HashMap<Address, Arc<Origin>>>,
}

impl Origins {
    pub(crate) fn new(
        configured: impl IntoIterator<Item = OriginConfig>,
        limits: OriginLimits,
        hosts: OriginHosts,
    ) -> Result<Self, OriginError> {
        let configured = configured.into_iter();
        let configured = configured
            .map(|origin| Origin::new(origin, limits, true, Reach::Everywhere).map(Arc::new))
            .collect::<Result<_, _>>()?;
        Ok(Self { configured, hosts, limits, let_in: Mutex::default() })
    }

    /// The configured ones, the default first.
    pub(crate) fn configured(&self) -> &[Arc<Origin>] {
        &self.configured
    }

    /// The one of a path on the base port that names none.
    pub(crate) fn default(&self) -> Option<&Arc<Origin>> {
        self.configured.first()
    }

    /// The one that was known by this key before a restart, if it still may be reached.
    pub(crate) fn by_key(&self, key: &str) -> Option<Arc<Origin>> {
        let configured = self.configured.iter().find(|origin| origin.config.name.as_str() == key).cloned();
        configured.or_else(|| self.at(&Address::parse(key).ok()?).ok())
    }

    /// The one at this address, if it may be reached.
    pub(crate) fn at(&self, address: &Address) -> Result<Arc<Origin>, Unreachable> {
        if let Some(configured) = self.configured.iter().find(|origin| origin.address == *address) {
            return Ok(Arc::clone(configured));
        }
        let pattern = self.hosts.patterns.iter().find(|pattern| pattern.matches(address));
        let pattern = pattern.ok_or_else(|| Unreachable::NotLetIn(pattern_of(address)))?;
        let mut let_in = self.let_in.lock();
        if let Some(known) = let_in.get(address) {
            return Ok(Arc::clone(known));
        }
        if let_in.len() >= MAX_LET_IN {
            // Those that no port leads to, now or for whoever held it before.
            let_in.retain(|_, origin| Arc::strong_count(origin) > 1);
        }
        if let_in.len() >= MAX_LET_IN {
            return Err(Unreachable::TableFull);
        }
        let networks = &self.hosts.networks;
        let reach = if pattern.is_exact() { Reach::Everywhere } else { Reach::Public(networks.clone()) };
        let name =
            OriginName::new(&name_of(address)).map_err(|_too_long| Unreachable::Name(address.clone()))?;
        let mut tls = self.hosts.tls.clone();
        if self.hosts.insecure.contains(&name) {
            tls.verification = Verification::Off;
        }
        let refused = |why: &dyn std::error::Error| Unreachable::Refused(why.to_string());
        let url = address.to_string().parse().map_err(|error: url::ParseError| refused(&error))?;
        let config = OriginConfig { name, url, playlists: Vec::new(), tls };
        let origin = Origin::new(config, self.limits, false, reach).map_err(|error| refused(&error))?;
        let origin = Arc::new(origin);
        let_in.insert(address.clone(), Arc::clone(&origin));
        Ok(origin)
    }

    /// Lets go of connections that waited too long. Once in a while.
    pub(crate) fn sweep(&self) {
        self.configured.iter().for_each(|origin| origin.sweep());
        self.let_in.lock().values().for_each(|origin| origin.sweep());
    }
}

/// The pattern that lets an origin in.
fn pattern_of(address: &Address) -> String {
    match address.has_default_port() {
        true => address.host().to_owned(),
        false => format!("{}:{}", address.host(), address.port()),
    }
}

/// A name for an origin that nobody gave one: its host, and its port if that is not the default.
fn name_of(address: &Address) -> String {
    let host = address.host().trim_matches(['[', ']']).replace(':', ".");
    if address.has_default_port() { host } else { format!("{host}-{}", address.port()) }
}

#[cfg(test)]
mod tests {
    use super::super::OriginTls;
    use super::*;

    fn origins(hosts: &[&str]) -> Origins {
        let config = OriginConfig {
            name: OriginName::new("cdn").unwrap(),
            url: "https://cdn.example/films".parse().unwrap(),
            playlists: Vec::new(),
            tls: OriginTls::default(),
        };
        let patterns = hosts.iter().map(|host| host.parse().unwrap()).collect();
        let insecure = vec![OriginName::new("b.edge.example-8443").unwrap()];
        let hosts = OriginHosts { patterns, insecure, ..OriginHosts::default() };
        Origins::new([config], OriginLimits::default(), hosts).unwrap()
    }

    fn at(origins: &Origins, url: &str) -> Option<String> {
        origins.at(&Address::parse(url).unwrap()).ok().map(|origin| origin.config.name.to_string())
    }

    #[tokio::test]
    async fn only_what_is_configured_or_matches_is_reached() {
        let origins = origins(&["*.edge.example", "lab.example:8443"]);
        assert_eq!(at(&origins, "https://cdn.example").as_deref(), Some("cdn"));
        assert_eq!(at(&origins, "https://a.edge.example").as_deref(), Some("a.edge.example"));
        assert_eq!(at(&origins, "http://lab.example:8443").as_deref(), Some("lab.example-8443"));
        for other in ["http://cdn.example", "https://edge.example", "http://lab.example", "http://127.0.0.1"]
        {
            assert_eq!(at(&origins, other), None, "{other}");
        }
        let again = |url| origins.at(&Address::parse(url).unwrap()).unwrap();
        assert!(Arc::ptr_eq(&again("https://a.edge.example"), &again("https://A.edge.example:443/x")));
        let let_in = again("https://a.edge.example");
        assert!(Arc::ptr_eq(&let_in, &origins.by_key(&let_in.key()).unwrap()));
        assert_eq!(origins.by_key("cdn").map(|origin| origin.key()).as_deref(), Some("cdn"));
        assert!(origins.by_key("https://elsewhere.example").is_none());
    }

    #[tokio::test]
    async fn one_that_was_let_in_need_not_be_verified() {
        let origins = origins(&["*.edge.example:*"]);
        let is_verified = |url| origins.at(&Address::parse(url).unwrap()).unwrap().is_verified();
        assert_eq!(is_verified("https://b.edge.example:8443"), Some(false));
        assert_eq!(is_verified("https://b.edge.example"), Some(true));
        assert_eq!(is_verified("http://b.edge.example"), None);
    }

    #[tokio::test]
    async fn what_patterns_let_in_is_bounded() {
        let origins = origins(&["*.edge.example"]);
        let held = (0..MAX_LET_IN)
            .map(|n| origins.at(&Address::parse(&format!("https://h{n}.edge.example")).unwrap()));
        let held = held.collect::<Result<Vec<_>, _>>().unwrap();
        let refused = |url: &str| origins.at(&Address::parse(url).unwrap()).unwrap_err();
        assert_eq!(refused("https://more.edge.example"), Unreachable::TableFull);
        assert_eq!(refused("https://lab.example:8443").to_string(), "--origin-hosts lab.example:8443");
        drop(held);
        assert!(at(&origins, "https://more.edge.example").is_some());
    }
}
