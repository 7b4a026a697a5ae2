//! HLS into the graph: a master sets the ladder of its presentation and names playlists, a media playlist names what there is
//! to fetch.
//!
//! Invariant: of a rolling playlist everything stays known for as many segments again as it lists, because a player still
//! asks for what an earlier version told it. Media sequence numbers count that, so a delta update forgets nothing that it
//! skips. Deliberately absent: reading lines (see `crate::hls`).

use std::sync::Arc;

use rebuffer_model::RequestKind;

use super::declared::{Declared, Horizon, Role};
use super::ladder;
use super::playlists::{MAX_PLAYLIST_WEIGHT, Playlist, PlaylistId};
use super::presentations::{PresentationId, Steered};
use super::{Graph, Ladder, LadderChange, Reading};
use crate::Expected;
use crate::address::Address;
use crate::hls::{Item, ItemKind, Master, Media, RenditionType};

impl Graph {
    pub(super) fn absorb_master(
        &mut self,
        id: PlaylistId,
        master: &Master<'_>,
        reading: &Reading<'_>,
    ) -> Option<LadderChange> {
        let rungs = ladder::read(master, |uri| reading.resolve(uri));
        let ladder = rungs.iter().map(|rung| Arc::clone(&rung.variant)).collect::<Ladder>();
        let presentation = self.presentation_of(id, reading);
        let change = self.set_ladder(presentation, ladder, reading);
        if let Some(it) = self.presentations.get_mut(presentation) {
            it.is_dash = false;
            it.definitions = reading.definitions.clone();
            it.begin_steering();
        }
        for rung in rungs {
            let declared = self.declare_playlist(rung.at.clone(), |playlist| {
                playlist.presentation = Some(presentation);
                playlist.kind = RequestKind::Manifest;
                playlist.variant = Some(rung.variant);
            });
            self.steer(presentation, declared, rung.at, Some(&rung.pathway), rung.stable_id.as_deref());
        }
        for uri in &master.i_frames {
            let at = reading.resolve(*uri);
            let declared = self.declare_playlist(at.clone(), |playlist| {
                playlist.presentation = Some(presentation);
                playlist.i_frames = true;
            });
            self.steer(presentation, declared, at, None, None);
        }
        // Last, because an audio-only variant may name a rendition's playlist, and that stays the rendition's.
        for rendition in &master.renditions {
            let at = reading.resolve(rendition.uri);
            let declared = self.declare_playlist(at.clone(), |playlist| {
                playlist.presentation = Some(presentation);
                playlist.variant = None;
                playlist.kind = match rendition.kind {
                    RenditionType::Audio => RequestKind::AudioManifest,
                    RenditionType::Video => RequestKind::Manifest,
                    RenditionType::Subtitles => RequestKind::SubtitleManifest,
                };
            });
            self.steer(presentation, declared, at, None, rendition.stable_id);
        }
        for key in master.keys.iter().filter_map(|uri| reading.resolve(*uri)) {
            self.shelf.put(&key, Declared::new(id, RequestKind::Key, Role::Resource));
        }
        for data in master.data.iter().filter_map(|uri| reading.resolve(*uri)) {
            self.shelf.put(&data, Declared::new(id, RequestKind::Other, Role::Resource));
        }
        if let Some(steering) = master.steering.and_then(|uri| reading.resolve(uri)) {
            self.shelf.put(&steering, Declared::document(id, RequestKind::Other, Expected::Steering));
        }
        let itself = self.playlists.get_mut(id);
        itself.kind = RequestKind::MasterManifest;
        itself.variant = None;
        itself.version += 1;
        change
    }

    fn declare_playlist(
        &mut self,
        at: Option<Address>,
        describe: impl FnOnce(&mut Playlist),
    ) -> Option<PlaylistId> {
        let primary = self.presentations.primary_id();
        let id = self.playlists.declare(&at?, &mut self.shelf, primary)?;
        describe(self.playlists.get_mut(id));
        Some(id)
    }

    fn steer(
        &mut self,
        presentation: PresentationId,
        playlist: Option<PlaylistId>,
        at: Option<Address>,
        pathway: Option<&str>,
        stable_id: Option<&str>,
    ) {
        let it = self.presentations.get_mut(presentation);
        if let (Some(it), Some(playlist), Some(at)) = (it, playlist, at) {
            let (pathway, stable_id) = (pathway.map(Box::from), stable_id.map(Box::from));
            it.steer(Steered { playlist, pathway, stable_id, at });
        }
    }

    pub(super) fn absorb_media(&mut self, id: PlaylistId, media: &Media<'_>, reading: &Reading<'_>) {
        let playlist = self.playlists.get_mut(id);
        if playlist.kind == RequestKind::MasterManifest {
            playlist.kind = RequestKind::Manifest;
        }
        playlist.i_frames |= media.i_frames_only;
        playlist.version += 1;
        playlist.next_sequence = media.next_sequence;
        let (version, kind, i_frames) = (playlist.version, playlist.kind, playlist.i_frames);
        for report in &media.reports {
            // Whatever it is, it is asked for as a playlist next.
            self.declare_playlist(reading.resolve(report.uri), |_| {});
        }
        self.declare_interstitials(id, version, media, reading);

        let mut room = MAX_PLAYLIST_WEIGHT;
        // The newest first: if not all of it fits, a live player is at the end.
        for item in media.items.iter().rev() {
            let declared = declare(id, version, kind, item);
            let Some(left) = room.checked_sub(declared.weight()) else { break };
            room = left;
            for at in reading.resolve_spellings(item.uri) {
                let points_into =
                    |other: &Declared| other.playlist != id && !self.playlists.get(other.playlist).i_frames;
                if !(i_frames && self.shelf.exact(&at).is_some_and(points_into)) {
                    self.shelf.put(&at, declared.clone());
                }
            }
        }
        let horizon = horizon(media, version);
        self.shelf.retain(id, |declared| declared.is_within(&horizon));
    }

    /// The masters of interstitials, and the documents that list some.
    fn declare_interstitials(
        &mut self,
        id: PlaylistId,
        version: u64,
        media: &Media<'_>,
        reading: &Reading<'_>,
    ) {
        for uri in &media.assets {
            self.declare_asset(reading.resolve(*uri));
        }
        for at in media.asset_lists.iter().filter_map(|uri| reading.resolve(*uri)) {
            let list = Declared::document(id, RequestKind::Other, Expected::AssetList);
            self.shelf.put(&at, list.at(version, media.next_sequence));
        }
    }

    /// What is played here is an interstitial, whatever it is.
    pub(super) fn declare_asset(&mut self, at: Option<Address>) {
        self.declare_playlist(at, |playlist| playlist.is_asset = true);
    }
}

fn declare(id: PlaylistId, version: u64, playlist: RequestKind, item: &Item<'_>) -> Declared {
    let segment = || match playlist {
        RequestKind::AudioManifest => RequestKind::AudioSegment,
        RequestKind::SubtitleManifest => RequestKind::SubtitleSegment,
        RequestKind::MasterManifest
        | RequestKind::Manifest
        | RequestKind::Segment
        | RequestKind::Partial
        | RequestKind::Init
        | RequestKind::AudioSegment
        | RequestKind::SubtitleSegment
        | RequestKind::Key
        | RequestKind::Preflight
        | RequestKind::Other => RequestKind::Segment,
    };
    let (kind, role) = match item.kind {
        ItemKind::Segment => (segment(), Role::Segment),
        ItemKind::Part => (RequestKind::Partial, Role::Part),
        ItemKind::Map => (RequestKind::Init, Role::Resource),
        ItemKind::Key => (RequestKind::Key, Role::Resource),
    };
    let declared = Declared::new(id, kind, role).at(version, item.sequence).hinted(item.hinted);
    match item.range {
        Some(range) => declared.with_range(range),
        None => declared,
    }
}

fn horizon(media: &Media<'_>, version: u64) -> Horizon {
    let parts = media.items.iter().filter(|item| item.kind == ItemKind::Part).map(|item| item.sequence);
    let parts = parts.clone().min().zip(parts.max());
    Horizon {
        version,
        segments: as_many_again(media.media_sequence, media.next_sequence),
        parts: parts.map_or(u64::MAX, |(first, last)| as_many_again(first, last.saturating_add(1))),
        keeps_resources: media.delta,
    }
}

/// The number as far before `first` as `next` lies after it.
fn as_many_again(first: u64, next: u64) -> u64 {
    first.saturating_sub(next.saturating_sub(first))
}
