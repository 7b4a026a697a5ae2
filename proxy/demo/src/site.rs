//! What a path names at a moment: the pure heart of the origin.
//!
//! Invariant: `find` reads nothing but its arguments and the clips, so equal calls give equal documents.
//! Deliberately absent: HTTP. Methods, ranges and conditions are `serve`'s and `conditional`'s.

use std::ops::Range;

use crate::ladder::{self, Track};
use crate::payload::Payload;
use crate::playlist;
use crate::timeline::{Form, UnixMillis};

#[derive(Debug)]
pub(crate) struct Site {
    tracks: Vec<Track>,
}

/// Something that can be sent, with what HTTP says about it.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) content_type: &'static str,
    pub(crate) cache_control: &'static str,
    /// A strong entity tag, quotes included.
    pub(crate) etag: String,
    pub(crate) payload: Payload,
}

/// Why there is nothing to send; its text is the body of the 404.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Missing {
    #[error("nothing is here; the playlists are {live} and {vod}", live = crate::LIVE_PATH, vod = crate::VOD_PATH)]
    Path,
    #[error("segment {number} is not available now; those from {} up to, not including, {} are", .available.start, .available.end)]
    Segment { number: u64, available: Range<u64> },
}

/// Playlists are asked for again before each use; an unchanged one costs a 304.
const REVALIDATE: &str = "no-cache";
/// Media never changes, but is kept for two live windows only: a replay should reach the rig, not the browser's cache.
const BRIEFLY: &str = "public, max-age=60";
const PLAYLIST_TYPE: &str = "application/vnd.apple.mpegurl";

impl Site {
    pub(crate) fn new() -> Self {
        Self { tracks: ladder::tracks() }
    }

    pub(crate) fn find(&self, path: &str, now: UnixMillis) -> Result<Document, Missing> {
        let (form, rest) = path.trim_start_matches('/').split_once('/').ok_or(Missing::Path)?;
        let form = match form {
            "live" => Form::Live,
            "vod" => Form::Vod,
            _ => return Err(Missing::Path),
        };
        if rest == "master.m3u8" {
            return Ok(Document::playlist(playlist::master()));
        }
        let (name, file) = rest.split_once('/').ok_or(Missing::Path)?;
        let track = self.tracks.iter().find(|track| track.name == name).ok_or(Missing::Path)?;
        match file {
            "index.m3u8" => Ok(Document::playlist(playlist::media(&track.clip, form, form.listed(now)))),
            "init.mp4" => Ok(Document::media(track, "init", track.clip.init.clone().into())),
            _ => segment(track, file, form.available(now)),
        }
    }
}

impl Document {
    fn playlist(text: String) -> Self {
        Self {
            content_type: PLAYLIST_TYPE,
            cache_control: REVALIDATE,
            etag: format!("\"{:08x}\"", crc32fast::hash(text.as_bytes())),
            payload: text.into(),
        }
    }

    fn media(track: &Track, part: &str, payload: Payload) -> Self {
        Self {
            content_type: track.content_type,
            cache_control: BRIEFLY,
            etag: format!("\"{:08x}-{part}\"", track.clip.checksum),
            payload,
        }
    }
}

fn segment(track: &Track, file: &str, available: Range<u64>) -> Result<Document, Missing> {
    let digits = file.strip_suffix(".m4s").ok_or(Missing::Path)?;
    let number: u64 = digits.parse().map_err(|_| Missing::Path)?;
    // One address per segment: `+5` and `05` parse as well.
    if number.to_string() != digits {
        return Err(Missing::Path);
    }
    if !available.contains(&number) {
        return Err(Missing::Segment { number, available });
    }
    Ok(Document::media(track, digits, track.clip.segment(number)))
}

#[cfg(test)]
mod tests;
