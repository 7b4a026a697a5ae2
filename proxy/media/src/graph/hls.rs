//! HLS into the graph: a master sets the ladder and names playlists, a media playlist names what there is to fetch.
//!
//! Invariant: of a rolling playlist everything stays known for as many segments again as it lists, because a player still
//! asks for what an earlier version told it. Media sequence numbers count that, so a delta update forgets nothing that it
//! skips. Deliberately absent: reading lines (see `crate::hls`).

use std::sync::Arc;

use rebuffer_model::RequestKind;

use super::ladder;
use super::playlists::{MAX_PLAYLIST_WEIGHT, Playlist, PlaylistId};
use super::shelf::{Declared, Horizon, Role};
use super::{Absorbed, Graph, Ladder, Reading};
use crate::hls::{Form, Item, ItemKind, Master, Media, RenditionType};

impl Graph {
    pub(super) fn absorb_hls(
        &mut self,
        target: &str,
        form: Form,
        body: &[u8],
        mut reading: Reading<'_>,
    ) -> Absorbed {
        let id = self.playlists.open(target, &mut self.shelf);
        let mut change = (false, None);
        match form {
            Form::Master => change = self.absorb_master(id, &Master::read(body), &mut reading),
            Form::Media => self.absorb_media(id, &Media::read(body), &mut reading),
        }
        self.finish(id, change, reading)
    }

    /// Says whether the ladder changed, and what it was.
    fn absorb_master(
        &mut self,
        id: PlaylistId,
        master: &Master<'_>,
        reading: &mut Reading<'_>,
    ) -> (bool, Option<Ladder>) {
        let rungs = ladder::read(master, |uri| reading.resolve(uri));
        let ladder = rungs.iter().map(|rung| Arc::clone(&rung.variant)).collect::<Ladder>();
        let change = self.set_ladder(ladder);
        self.dash_is_current = false;
        self.definitions = reading.definitions.clone();
        for rung in rungs {
            self.declare_playlist(rung.url, |playlist| {
                playlist.kind = RequestKind::Manifest;
                playlist.variant = Some(rung.variant);
            });
        }
        for uri in &master.i_frames {
            self.declare_playlist(reading.resolve(uri.text), |playlist| playlist.i_frames = true);
        }
        // Last, because an audio-only variant may name a rendition's playlist, and that stays the rendition's.
        for rendition in &master.renditions {
            self.declare_playlist(reading.resolve(rendition.uri.text), |playlist| {
                playlist.variant = None;
                playlist.kind = match rendition.kind {
                    RenditionType::Audio => RequestKind::AudioManifest,
                    RenditionType::Video => RequestKind::Manifest,
                    RenditionType::Subtitles => RequestKind::SubtitleManifest,
                };
            });
        }
        for url in master.keys.iter().filter_map(|uri| reading.resolve(uri.text)) {
            self.shelf.put(url, Declared::new(id, RequestKind::Key, Role::Resource));
        }
        let itself = self.playlists.get_mut(id);
        itself.kind = RequestKind::MasterManifest;
        itself.variant = None;
        change
    }

    fn declare_playlist(&mut self, url: Option<String>, describe: impl FnOnce(&mut Playlist)) {
        let id = url.and_then(|url| self.playlists.declare(url, &mut self.shelf));
        if let Some(id) = id {
            describe(self.playlists.get_mut(id));
        }
    }

    fn absorb_media(&mut self, id: PlaylistId, media: &Media<'_>, reading: &mut Reading<'_>) {
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
            self.declare_playlist(reading.resolve(report.uri.text), |_| {});
        }

        let mut room = MAX_PLAYLIST_WEIGHT;
        // The newest first: if not all of it fits, a live player is at the end.
        for item in media.items.iter().rev() {
            let Some(url) = reading.resolve(item.uri.text) else { continue };
            let declared = declare(id, version, kind, item);
            let Some(left) = room.checked_sub(declared.weight(&url)) else { break };
            room = left;
            let points_into =
                |other: &Declared| other.playlist != id && !self.playlists.get(other.playlist).i_frames;
            if !(i_frames && self.shelf.exact(&url).is_some_and(points_into)) {
                self.shelf.put(url, declared);
            }
        }
        let horizon = horizon(media, version);
        self.shelf.retain(|declared| declared.playlist != id || declared.is_within(&horizon));
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
