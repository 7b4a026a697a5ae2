//! Keeping a player at the rig: URLs of the session's origins become URLs of the ports that serve them.
//!
//! Invariant: only scheme and authority of a URI that leads to an origin of the session change, and a playlist with nothing to
//! change is the very same buffer. A URI that has them from a variable or an entity is written out. A path that begins with two
//! slashes never becomes a host. Deliberately absent: URLs of other hosts. They are named to the caller and left alone.

use crate::address::{Address, Base, Foreign, Place, Reference, rooted};
use crate::hls::Definitions;
use crate::origin::{OriginId, Origins};
use crate::playlist::{Uri, Written};
use crate::{Edits, Playlist};

/// The most addresses outside the session that are named.
pub const MAX_FOREIGN: usize = 32;

/// Where a playlist was asked for, and what its URIs mean there.
#[derive(Debug, Clone)]
pub struct Context {
    pub(crate) at: Address,
    pub(crate) origins: Origins,
    pub(crate) definitions: Definitions,
}

/// Where a playlist leads, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leads {
    /// Other origins of the session.
    pub origins: Vec<OriginId>,
    /// Addresses outside the session; at most [`MAX_FOREIGN`].
    pub foreign: Vec<Foreign>,
}

/// A playlist that keeps its player at the rig.
#[derive(Debug, Clone)]
pub struct Localised {
    /// The playlist.
    pub playlist: Playlist,
    /// How many URLs were changed.
    pub changed: usize,
    /// Whether some lead to other ports than the one they were asked for at, so that another session would have others.
    pub names_ports: bool,
}

/// Where a redirect leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Led {
    /// To an origin of the session.
    Here {
        /// What is there.
        to: Address,
        /// How `Location` has to be written; absent when it leads there as it is.
        written: Option<String>,
    },
    /// Outside the session.
    Foreign(Foreign),
    /// Nowhere a player would go by HTTP.
    Nowhere,
}

impl Context {
    /// Where something was asked for, outside any playlist.
    pub fn at(at: Address, origins: Origins) -> Self {
        Self { at, origins, definitions: Definitions::default() }
    }

    /// Where a playlist leads.
    pub fn leads(&self, playlist: &Playlist) -> Leads {
        let mut leads = Leads::default();
        let Some(base) = self.base().filter(|_| may_lead_away(playlist)) else { return leads };
        for uri in playlist.uris(&self.definitions) {
            let Some((scheme, authority)) = authority(&uri) else { continue };
            match base.owner(scheme, authority) {
                Ok(own) if own == self.at.origin || leads.origins.contains(&own) => {}
                Ok(other) => leads.origins.push(other),
                Err(elsewhere) => note_foreign(&mut leads.foreign, elsewhere),
            }
        }
        leads
    }

    /// Where a redirect from here leads. `serves` is as in [`localise`].
    pub fn led(&self, location: &str, serves: impl Fn(OriginId) -> Option<String>) -> Led {
        let Some(base) = self.base() else { return Led::Nowhere };
        let to = match base.resolve(location) {
            Place::Here(to) => to,
            Place::Foreign(foreign) => return Led::Foreign(foreign),
            Place::Nowhere => return Led::Nowhere,
        };
        let Reference::Absolute { rest, .. } = Reference::read(location) else {
            return Led::Here { to, written: None };
        };
        let is_own = to.origin == self.at.origin;
        let address = if is_own { Some(String::new()) } else { serves(to.origin) };
        let written = address.map(|address| format!("{address}{}", after(&address, rest)));
        Led::Here { to, written }
    }

    fn base(&self) -> Option<Base<'_>> {
        Base::new(self.at.origin, &self.at.target, &self.origins)
    }
}

/// Leads URLs of the session's origins to the addresses that `serves` has for them, such as `http://localhost:30101`; those of the
/// playlist's own origin become paths. What has no address is left alone.
pub fn localise(
    playlist: &Playlist,
    context: &Context,
    serves: impl Fn(OriginId) -> Option<String>,
) -> Localised {
    let mut edits = Edits::default();
    let mut names_ports = false;
    if let Some(base) = context.base().filter(|_| may_lead_away(playlist)) {
        for uri in playlist.uris(&context.definitions) {
            if let Some(owner) = authority(&uri).and_then(|(scheme, host)| base.owner(scheme, host).ok()) {
                let is_own = owner == context.at.origin && uri.written != Written::JsonHost;
                let address = if is_own { Some(String::new()) } else { serves(owner) };
                if let Some(address) = address {
                    names_ports |= !is_own;
                    lead(&mut edits, &uri, &address);
                }
            }
        }
    }
    let localised = if edits.is_empty() { playlist.clone() } else { playlist.edited(&edits) };
    Localised { playlist: localised, changed: edits.len(), names_ports }
}

/// Whether any URI can have an authority at all. Most playlists have none.
fn may_lead_away(playlist: &Playlist) -> bool {
    let text = playlist.text();
    let has = |needle: &[u8]| memchr::memmem::find(text, needle).is_some();
    has(b"//") || has(b"{$") || has(b"<!ENTITY") || has(b"\"HOST\"") || has(b"\\")
}

/// Scheme and authority of what a URI says, if it has them.
fn authority<'u>(uri: &'u Uri<'_>) -> Option<(Option<&'u str>, &'u str)> {
    if uri.written == Written::JsonHost {
        return Some((None, &uri.means));
    }
    match Reference::read(&uri.means) {
        Reference::Absolute { scheme, authority, .. } => Some((scheme, authority)),
        Reference::Relative | Reference::Opaque => None,
    }
}

/// Puts the address that serves in place of scheme and authority.
fn lead(edits: &mut Edits, uri: &Uri<'_>, address: &str) {
    if uri.written == Written::JsonHost {
        let host = address.split_once("://").map_or(address, |(_, host)| host);
        return edits.replace(uri.span(), uri.written.write(host));
    }
    let Reference::Absolute { rest: meant, .. } = Reference::read(&uri.means) else { return };
    // What is written as it is meant keeps every byte behind the authority.
    if let Reference::Absolute { rest, authority, .. } = Reference::read(uri.text.text)
        && !authority.contains(['&', '{'])
        && !uri.text.text.starts_with('"')
    {
        let end = uri.span().end - rest.len();
        let rooted = after(address, rest);
        let prefix = rooted.strip_suffix(rest).unwrap_or(&rooted);
        return edits.replace(uri.text.at..end, format!("{address}{prefix}"));
    }
    edits.replace(uri.span(), uri.written.write(&format!("{address}{}", after(address, meant))));
}

/// What follows an authority, as it has to follow this address.
fn after(address: &str, rest: &str) -> String {
    match address {
        "" => rooted(rest).into_owned(),
        _ if rest.starts_with(['/', '\\']) => rest.to_owned(),
        _ => format!("/{rest}"),
    }
}

/// Remembers an address once.
fn note_foreign(foreign: &mut Vec<Foreign>, address: Foreign) {
    let says_something = !matches!(&address, Foreign::Other(host) if host.is_empty());
    if says_something && foreign.len() < MAX_FOREIGN && !foreign.contains(&address) {
        foreign.push(address);
    }
}

#[cfg(test)]
mod tests;
