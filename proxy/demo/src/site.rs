//! What a path names at a moment, or at which moment to ask again: the pure heart of the origin.
//!
//! Invariant: `find` reads nothing but its arguments and the clips, so equal calls give equal documents. Asked again
//! at the moment it named, it has an answer.
//! Deliberately absent: HTTP. Methods, ranges and conditions are `serve`'s and `conditional`'s, and so is waiting.

use std::ops::Range;

use crate::directives::{BadDirective, Directives};
use crate::ladder::{self, Track};
use crate::mpd::{self, MANIFESTS, Manifest};
use crate::payload::Payload;
use crate::playlist::{self, low_latency};
use crate::timeline::{Form, Part, UnixMillis};

#[derive(Debug)]
pub(crate) struct Site {
    tracks: Vec<Track>,
}

/// What there is to do about a request.
#[derive(Debug)]
pub(crate) enum Answer {
    Now(Document),
    /// What was asked for will exist then, and is worth waiting for.
    Later(UnixMillis),
}

/// Something that can be sent, with what HTTP says about it.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) content_type: &'static str,
    pub(crate) cache_control: &'static str,
    /// A strong entity tag, quotes included.
    pub(crate) etag: String,
    pub(crate) content: Content,
}

#[derive(Debug)]
pub(crate) enum Content {
    Whole(Payload),
    /// Pieces in order, each with the moment from which on it exists; the first one does.
    Growing(Vec<(UnixMillis, Payload)>),
}

/// Why there is nothing to send; its text is the body of the answer.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Refusal {
    #[error("nothing is here; the playlists are {}", crate::PATHS.join(", "))]
    Path,
    #[error("segment {number} is not available now; those from {} up to, not including, {} are", .available.start, .available.end)]
    Segment { number: u64, available: Range<u64> },
    #[error("part {} of segment {} is not available now; those from segment {} on are, before part {} of {}",
        .part.index(), .part.segment(), .first, .next.index(), .next.segment())]
    Part { part: Part, first: u64, next: Part },
    #[error(transparent)]
    Directive(#[from] BadDirective),
}

/// Playlists are asked for again before each use; an unchanged one costs a 304.
const REVALIDATE: &str = "no-cache";
/// Media never changes, but is kept for two live windows only: a replay should reach the rig, not the browser's cache.
const BRIEFLY: &str = "public, max-age=60";
const NEVER: &str = "no-store";
const PLAYLIST_TYPE: &str = "application/vnd.apple.mpegurl";
const MPD_TYPE: &str = "application/dash+xml";

impl Site {
    pub(crate) fn new() -> Self {
        Self { tracks: ladder::tracks() }
    }

    pub(crate) fn find(&self, path: &str, query: &str, now: UnixMillis) -> Result<Answer, Refusal> {
        let path = path.trim_start_matches('/');
        if path == "time" {
            return Ok(Answer::Now(Document::text("text/plain; charset=utf-8", NEVER, now.date_time())));
        }
        let (form, rest) = path.split_once('/').ok_or(Refusal::Path)?;
        let form = match form {
            "live" => Form::Live,
            "ll" => Form::LowLatency,
            "vod" => Form::Vod,
            _ => return Err(Refusal::Path),
        };
        match rest.split_once('/') {
            None => self.entrance(form, rest, now).map(Answer::Now),
            Some((name, file)) => {
                let track = self.tracks.iter().find(|track| track.name == name).ok_or(Refusal::Path)?;
                match file {
                    "index.m3u8" => self.playlist(track, form, query, now),
                    "init.mp4" => {
                        Ok(Answer::Now(Document::media(track, "init", track.clip.init.clone().into())))
                    }
                    _ => media(track, form, file, now),
                }
            }
        }
    }

    /// Multivariant playlists and media presentation descriptions.
    fn entrance(&self, form: Form, file: &str, now: UnixMillis) -> Result<Document, Refusal> {
        if file == "master.m3u8" {
            return Ok(Document::text(PLAYLIST_TYPE, REVALIDATE, playlist::master()));
        }
        let is_it = |manifest: &&Manifest| manifest.0 == form && manifest.1 == file;
        let (_, _, layout) = MANIFESTS.iter().find(is_it).ok_or(Refusal::Path)?;
        Ok(Document::text(MPD_TYPE, REVALIDATE, mpd::write(&self.tracks, form, *layout, now)))
    }

    fn playlist(&self, track: &Track, form: Form, query: &str, now: UnixMillis) -> Result<Answer, Refusal> {
        let text = match form {
            Form::Live | Form::Vod => playlist::media(&track.clip, form, form.listed(now)),
            Form::LowLatency => {
                let directives = Directives::read(query)?;
                let due = directives.due(now)?;
                if due > now {
                    return Ok(Answer::Later(due));
                }
                low_latency::media(&self.tracks, track, now, directives.skip)
            }
        };
        Ok(Answer::Now(Document::text(PLAYLIST_TYPE, REVALIDATE, text)))
    }
}

impl Document {
    fn text(content_type: &'static str, cache_control: &'static str, text: String) -> Self {
        Self {
            content_type,
            cache_control,
            etag: format!("\"{:08x}\"", crc32fast::hash(text.as_bytes())),
            content: Content::Whole(text.into()),
        }
    }

    fn media(track: &Track, name: &str, payload: Payload) -> Self {
        Self {
            content_type: track.content_type,
            cache_control: BRIEFLY,
            etag: format!("\"{:08x}-{name}\"", track.clip.checksum),
            content: Content::Whole(payload),
        }
    }
}

/// A segment by its number or by its time, or a part by both its numbers.
fn media(track: &Track, form: Form, file: &str, now: UnixMillis) -> Result<Answer, Refusal> {
    let name = file.strip_suffix(".m4s").ok_or(Refusal::Path)?;
    if let Some((number, index)) = name.split_once('.').filter(|_| form == Form::LowLatency) {
        let part =
            number_of(number).zip(number_of(index)).and_then(|(number, index)| Part::new(number, index));
        return part_of(track, part.ok_or(Refusal::Path)?, now);
    }
    let number = match name.strip_prefix(mpd::TIME_PREFIX) {
        None => number_of(name),
        Some(time) => number_of(time).and_then(|time| track.clip.starting_at(time)),
    };
    segment(track, form, number.ok_or(Refusal::Path)?, now)
}

/// Reads a number that has one address only: `+5` and `05` have none.
fn number_of(digits: &str) -> Option<u64> {
    digits.parse().ok().filter(|number: &u64| number.to_string() == digits)
}

fn segment(track: &Track, form: Form, number: u64, now: UnixMillis) -> Result<Answer, Refusal> {
    let available = form.available(now);
    let ahead = number.checked_sub(available.end);
    match form {
        Form::Live | Form::Vod if available.contains(&number) => {
            Ok(Answer::Now(Document::media(track, &number.to_string(), track.clip.segment(number))))
        }
        // A player whose clock is a little ahead of this one asks a little too early.
        Form::Live if ahead == Some(0) && Part::of(number).last() == Some(Part::in_progress(now)) => {
            Ok(Answer::Later(Part::in_progress(now).complete_at()))
        }
        // What is prefetched behind the segment in progress is held, as a hinted part is.
        Form::LowLatency if available.contains(&number) || ahead.is_some_and(|ahead| ahead <= 1) => {
            Ok(in_parts(track, number, now))
        }
        Form::Live | Form::Vod | Form::LowLatency => Err(Refusal::Segment { number, available }),
    }
}

/// A segment that is complete, or in progress.
fn in_parts(track: &Track, number: u64, now: UnixMillis) -> Answer {
    let pieces: Vec<_> = Part::of(number).map(|part| (part.complete_at(), track.clip.part(part))).collect();
    match (pieces.first(), pieces.last()) {
        (Some((first, _)), _) if *first > now => Answer::Later(*first),
        (_, last) => {
            let growing = last.is_some_and(|(last, _)| *last > now);
            let content = if growing {
                Content::Growing(pieces)
            } else {
                Content::Whole(pieces.into_iter().map(|(_, payload)| payload).collect())
            };
            Answer::Now(Document {
                content,
                ..Document::media(track, &format!("{number}-parts"), Payload::default())
            })
        }
    }
}

fn part_of(track: &Track, part: Part, now: UnixMillis) -> Result<Answer, Refusal> {
    let (next, first) = (Part::in_progress(now), Form::LowLatency.available(now).start);
    if part == next {
        return Ok(Answer::Later(part.complete_at()));
    }
    if part > next || part.segment() < first {
        return Err(Refusal::Part { part, first, next });
    }
    let name = format!("{}.{}", part.segment(), part.index());
    Ok(Answer::Now(Document::media(track, &name, track.clip.part(part))))
}

#[cfg(test)]
mod tests;
