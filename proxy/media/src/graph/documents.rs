//! Documents that belong to playlists: the assets of an interstitial, and where steering leads.
//!
//! Invariant: what they name is what the playlist that declared them would have named. Deliberately absent: JSON (see
//! `crate::playlist`).

use rebuffer_model::RequestKind;

use super::declared::{Declared, Role};
use super::{Graph, Reading};
use crate::Expected;
use crate::address::Address;
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
        for (stable_id, uri) in steering.stable_uris() {
            let known = self.presentations.get(presentation).and_then(|it| it.stable.get(stable_id)).copied();
            let at = json::string(uri).and_then(|uri| reading.resolve_text(&uri));
            // The same playlist at another address.
            if let (Some(known), Some(at)) = (known, at) {
                let kind = self.playlists.get(known).kind;
                self.shelf.put(&at, Declared::new(known, kind, Role::Playlist));
            }
        }
    }
}
