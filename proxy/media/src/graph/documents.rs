//! Documents that belong to playlists: the assets of an interstitial, and where steering leads.
//!
//! Invariant: what they name is what the playlist that declared them would have named. Deliberately absent: JSON (see
//! `crate::playlist`), and clones of the service locations of an MPD, whose URLs are led inside but not declared.

use std::borrow::Cow;

use rebuffer_model::RequestKind;

use super::declared::{Declared, Role};
use super::presentations::{PresentationId, Steered};
use super::{Graph, Reading};
use crate::Expected;
use crate::address::{Address, canonical};
use crate::origin::Origin;
use crate::playlist::json;

impl Graph {
    pub(super) fn absorb_asset_list(&mut self, text: &[u8], reading: &Reading<'_>) {
        let Some(list) = json::AssetList::read(text) else { return };
        for uri in list.assets.iter().filter_map(|asset| json::string(asset.uri?)) {
            self.declare_asset(reading.resolve_text(&uri));
        }
    }

    pub(super) fn absorb_steering(&mut self, at: &Address, text: &[u8], reading: &Reading<'_>) {
        let Some(steering) = json::Steering::read(text) else { return };
        let Some(playlist) = self.declared(at.origin, &at.target).map(|declared| declared.playlist) else {
            return;
        };
        if let Some(reload) =
            steering.reload.and_then(json::string).and_then(|uri| reading.resolve_text(&uri))
        {
            self.shelf.put(&reload, Declared::document(playlist, RequestKind::Other, Expected::Steering));
        }
        let Some(presentation) = self.playlists.get(playlist).presentation else { return };
        // A pathway may be like one that was cloned before it.
        for clone in &steering.clones {
            self.clone_pathway(presentation, clone, reading);
        }
    }

    /// The same playlists at other addresses (RFC 8216bis §7.2).
    fn clone_pathway(
        &mut self,
        presentation: PresentationId,
        clone: &json::Clone<'_>,
        reading: &Reading<'_>,
    ) {
        let names = (clone.base.and_then(json::string), clone.id.and_then(json::string));
        let (Some(base), Some(id)) = names else { return };
        let (Some(it), Some(replacement)) =
            (self.presentations.get_mut(presentation), clone.replacement.as_ref())
        else {
            return;
        };
        it.forget_pathway(&id);
        let cloned = it.on_pathway(&base).into_iter().filter_map(|mut it| {
            it.at = elsewhere(&it, replacement, reading)?;
            it.pathway = Some(id.as_str().into());
            Some(it)
        });
        for it in cloned.collect::<Vec<_>>() {
            let playlist = self.playlists.get(it.playlist);
            // It may have made way for another one since.
            if playlist.presentation != Some(presentation) {
                continue;
            }
            let kind = playlist.kind;
            self.shelf.put(&it.at, Declared::new(it.playlist, kind, Role::Playlist));
            if let Some(presentation) = self.presentations.get_mut(presentation) {
                presentation.steer(it);
            }
        }
    }
}

/// Where a playlist is on a pathway that is a clone of its own.
fn elsewhere(it: &Steered, replacement: &json::Replacement<'_>, reading: &Reading<'_>) -> Option<Address> {
    let own = it.stable_id.as_deref().and_then(|id| {
        replacement
            .variants
            .get(id)
            .or_else(|| replacement.renditions.get(id))
            .and_then(|uri| json::string(uri))
    });
    let at = match (own, replacement.host.and_then(json::string)) {
        (Some(uri), _) => reading.resolve_text(&uri)?,
        (None, Some(host)) => {
            let scheme = reading.origins.get(it.at.origin).map(Origin::scheme);
            Address { origin: reading.base.owner(scheme, &host).ok()?, target: it.at.target.clone() }
        }
        (None, None) => it.at.clone(),
    };
    Some(with_parameters(at, replacement))
}

/// Parameters in the order of their names; one that is there already is replaced.
fn with_parameters(at: Address, replacement: &json::Replacement<'_>) -> Address {
    let parameters = &replacement.parameters;
    if parameters.is_empty() {
        return at;
    }
    let (path, query) = at.target.split_once('?').unwrap_or((&at.target, ""));
    let name_of = |pair: &str| pair.split_once('=').map_or(pair, |(name, _)| name).to_owned();
    let kept = query.split('&').filter(|pair| !pair.is_empty() && !parameters.contains_key(&name_of(pair)));
    let added = parameters.iter().filter_map(|(name, raw)| Some(format!("{name}={}", json::string(raw)?)));
    let query = kept.map(str::to_owned).chain(added).collect::<Vec<_>>().join("&");
    let target = format!("{path}?{query}");
    Address { target: canonical(&target).map_or_else(|| target.clone(), Cow::into_owned), ..at }
}
