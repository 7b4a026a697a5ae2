//! Editing playlists and MPDs as a `Content` describes.
//!
//! Invariant: every byte that no edit names stays; with nothing to change the very same buffer comes back; what comes out
//! reads as what went in, only edited. Edits are made in passes, the allow-list first, so that rungs are the origin's.
//! Deliberately absent: which playlists are edited, and lies about time (see `crate::misbehave`).

mod list;
mod master;
mod media;
mod mpd;
mod order;

use bytes::Bytes;
use rebuffer_model::Content;

use crate::dash::{self, Document};
use crate::{Edits, Form, Playlist, hls};

/// An edited playlist.
#[derive(Debug, Clone)]
pub struct Manipulated {
    /// The playlist.
    pub playlist: Playlist,
    /// How many places were edited.
    pub changed: usize,
    /// What was asked and could not be done here.
    pub unmet: Vec<Unmet>,
}

/// Something that was asked and could not be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unmet {
    /// The field of the `Content`; empty for all of them.
    pub field: &'static str,
    /// Why.
    pub why: &'static str,
}

/// A pass over a playlist: what it edits, and what it had to leave.
type Pass = fn(&[u8], &Content, &mut Vec<Unmet>) -> Edits;

const MASTER: &[Pass] = &[master::allow, master::attributes, master::reorder, master::live_offset];
const MEDIA: &[Pass] = &[media::live_offset];
const MPD: &[Pass] = &[mpd::allow, mpd::attributes, mpd::reorder];

/// Edits a playlist or an MPD; what belongs to one comes back as it is.
pub fn manipulate(playlist: &Playlist, content: &Content) -> Manipulated {
    let mut manipulated = Manipulated { playlist: playlist.clone(), changed: 0, unmet: Vec::new() };
    if content.is_neutral() {
        return manipulated;
    }
    let passes = match playlist.form() {
        Form::Hls(hls::Form::Master) => MASTER,
        Form::Hls(hls::Form::Media) => MEDIA,
        Form::Mpd => MPD,
        Form::Period | Form::Patch | Form::AssetList | Form::Steering => return manipulated,
    };
    for pass in passes {
        let edits = pass(manipulated.playlist.text(), content, &mut manipulated.unmet);
        manipulated.changed += edits.len();
        manipulated.playlist = manipulated.playlist.edited(&edits);
    }
    if is_another(playlist.text(), manipulated.playlist.text()) {
        let unmet = vec![Unmet { field: "", why: "the playlist is too broken to be edited" }];
        return Manipulated { playlist: playlist.clone(), changed: 0, unmet };
    }
    manipulated
}

/// Whether what came out does not read as what went in; only a playlist that contradicts itself can become that.
fn is_another(before: &Bytes, after: &Bytes) -> bool {
    let is_mpd = |body: &Bytes| dash::is_mpd(body) && Document::parse(body).is_some();
    before.as_ptr() != after.as_ptr()
        && (hls::Form::of(before), is_mpd(before)) != (hls::Form::of(after), is_mpd(after))
}

/// A bandwidth as it is declared, cut to whole bit/s.
fn scaled(bandwidth: u64, pct: i32) -> u64 {
    let factor = u128::try_from(100 + i64::from(pct)).unwrap_or_default();
    u64::try_from(u128::from(bandwidth) * factor / 100).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
