//! Bodies that are playlists, found out and read on their way.
//!
//! Invariant: what a playlist declared to be one, or what begins like one, is read, whatever its headers say: of any success, also a
//! range that is the whole, in any content coding that is known. At most [`MAX_PLAYLIST_BYTES`] of one are held, and of all together
//! what `budget.rs` allows. What cannot be read passes unchanged and whole, and says why. Deliberately absent: what is done with a playlist (see `playlist.rs`).

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_RANGE, CONTENT_TYPE};
use http::response::Parts;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use rebuffer_media::{Expected, MAX_PLAYLIST_BYTES, Playlist, Sniffed, Unreadable, classify_fallback, sniff};
use tokio::time::Instant;

use super::budget::{LONG, PlaylistBudget, Room, Share};
use super::coding::{self, CodingError};
use super::ending::Breach;
use super::forward::Source;
use super::target::Target;
use crate::origin::OriginBody;
use crate::record::Recorder;

/// How long the head of an answer waits for the first bytes of a body that nothing declared.
const FIRST_BYTES: Duration = Duration::from_millis(500);
/// How much of a body is looked at to find out what it is.
const BEGINNING: usize = 64 << 10;

/// A body that was looked at.
pub(super) enum Looked {
    /// It is a playlist, here decoded; `coded` is the body as it came.
    Playlist { playlist: Box<Playlist>, coded: Bytes, share: Share },
    /// It is something else, or looks like a playlist and cannot be read; then this says why.
    Passes { source: Source, unread: Option<String> },
}

/// What came of a body so far.
enum Collected {
    Whole(Bytes),
    TooMuch(Bytes, OriginBody, String),
    Broken(Bytes, Breach),
}

/// Looks at the body of an answer, and reads it if it is a playlist.
pub(super) async fn look(head: &Parts, body: OriginBody, target: &Target, recorder: &Recorder) -> Looked {
    let passes = |body| Looked::Passes { source: Source::unread(body), unread: None };
    let is_declared =
        matches!(target.expected(), Expected::Playlist | Expected::AssetList | Expected::Steering);
    let may_be_one = is_declared || target.expected() == Expected::Unknown;
    if recorder.caller().method() != Method::GET || !head.status.is_success() || !may_be_one {
        return passes(body);
    }
    let mut begun = Begun { read: BytesMut::new(), body };
    let stall = recorder.session().origin().stall();
    if !is_declared {
        match begun.sniff(&head.headers).await {
            Ok(true) => {}
            Ok(false) => {
                let unread = unread_by_name(head, &begun.read, target);
                return Looked::Passes { source: begun.source(), unread };
            }
            Err(how) => {
                return Looked::Passes { source: Source::broken_off(begun.read.freeze(), how), unread: None };
            }
        }
    }
    if let Some(part) = part_of(head) {
        return Looked::Passes { source: begun.source(), unread: Some(only_a_part(&part)) };
    }
    let budget = &recorder.rig().playlists;
    match begun.collect(stall, budget).await {
        Collected::Whole(coded) => read(&head.headers, coded, target, budget).await,
        Collected::TooMuch(read, rest, why) => {
            Looked::Passes { source: Source::Origin { read, rest: Some(rest) }, unread: Some(why) }
        }
        Collected::Broken(read, how) => {
            Looked::Passes { source: Source::broken_off(read, how), unread: Some("it broke off".to_owned()) }
        }
    }
}

async fn read(headers: &HeaderMap, coded: Bytes, target: &Target, budget: &PlaylistBudget) -> Looked {
    let passes = |unread| Looked::Passes { source: Source::read(coded.clone()), unread };
    let mut share = Share::default();
    let mut text = Err(CodingError::TooLong(LONG));
    if coded.len() <= LONG {
        text = coding::decode(headers, &coded, LONG);
    }
    if matches!(text, Err(CodingError::TooLong(_))) {
        share = budget.turn().await;
        let (headers, coded) = (headers.clone(), coded.clone());
        text = share.work(move || coding::decode(&headers, &coded, MAX_PLAYLIST_BYTES)).await;
    }
    let text = match text {
        Ok(text) => text,
        // It was declared, or it begins like one.
        Err(error) => return passes(Some(error.to_string())),
    };
    if let Err(full) = budget.unpacked(&mut share, text.len()) {
        return passes(Some(full.to_string()));
    }
    let expected = target.expected();
    match share.work(move || Playlist::read(&text, expected)).await {
        Ok(Some(playlist)) => Looked::Playlist { playlist: Box::new(playlist), coded, share },
        Ok(None) => passes(None),
        Err(why) => passes(Some(why.to_string())),
    }
}

/// Why the first bytes of a body do not say whether it is the playlist that its headers or its name say it is.
fn unread_by_name(head: &Parts, beginning: &[u8], target: &Target) -> Option<String> {
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !classify_fallback(target.as_str(), content_type).is_manifest() {
        return None;
    }
    let coded = coding::why_unreadable(&head.headers, beginning).map(|why| why.to_string());
    coded.or_else(|| part_of(head).map(|part| only_a_part(&part)))
}

fn only_a_part(part: &str) -> String {
    format!("the origin sent only bytes {part} of it")
}

/// The bytes of a partial answer, unless they are all there are (RFC 9110 §14.4).
fn part_of(head: &Parts) -> Option<String> {
    if head.status != StatusCode::PARTIAL_CONTENT {
        return None;
    }
    let range =
        head.headers.get(CONTENT_RANGE).map(|range| String::from_utf8_lossy(range.as_bytes()).into_owned());
    let range = range.unwrap_or_default();
    let is_whole = whole_length(&range).is_some();
    (!is_whole).then(|| range.trim().trim_start_matches("bytes").trim().to_owned())
}

/// The length of a body whose `Content-Range` names all of it.
pub(super) fn whole_length(content_range: &str) -> Option<u64> {
    let (range, length) = content_range.trim().strip_prefix("bytes")?.trim().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last, length) =
        (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?, length.parse::<u64>().ok()?);
    (first == 0 && last.checked_add(1) == Some(length)).then_some(length)
}

/// A body of which the beginning was read.
struct Begun {
    read: BytesMut,
    body: OriginBody,
}

impl Begun {
    /// Whether it begins like a playlist; how it broke off, if it did before that was known. A body that does not begin in time
    /// passes, and is looked at again when it does.
    async fn sniff(&mut self, headers: &HeaderMap) -> Result<bool, Breach> {
        let until = Instant::now() + FIRST_BYTES;
        loop {
            let is_over = match tokio::time::timeout_at(until, self.body.frame()).await {
                Err(_elapsed) => return Ok(false),
                Ok(None) => true,
                Ok(Some(Err(error))) => return Err(Breach::of(&error)),
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.read.extend_from_slice(&data);
                    }
                    false
                }
            };
            let beginning = coding::decode_beginning(headers, &self.read, BEGINNING);
            match sniff(&beginning) {
                Sniffed::Playlist => return Ok(true),
                Sniffed::Other => return Ok(false),
                Sniffed::Unsure if is_over || self.read.len() > BEGINNING => return Ok(false),
                Sniffed::Unsure => {}
            }
        }
    }

    /// Reads on as far as it may be held.
    async fn collect(mut self, stall: Duration, budget: &PlaylistBudget) -> Collected {
        let mut room = Room::default();
        loop {
            let too_much = if self.read.len() > MAX_PLAYLIST_BYTES {
                Some(Unreadable::TooLong.to_string())
            } else {
                budget.grow(&mut room, self.read.len()).err().map(|full| full.to_string())
            };
            if let Some(why) = too_much {
                return Collected::TooMuch(room.hold(self.read.freeze()), self.body, why);
            }
            match tokio::time::timeout(stall, self.body.frame()).await {
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.read.extend_from_slice(&data);
                    }
                }
                Ok(None) => return Collected::Whole(room.hold(self.read.freeze())),
                Ok(Some(Err(error))) => {
                    return Collected::Broken(room.hold(self.read.freeze()), Breach::of(&error));
                }
                Err(_elapsed) => return Collected::Broken(room.hold(self.read.freeze()), Breach::Ended),
            }
        }
    }

    fn source(self) -> Source {
        Source::Origin { read: self.read.freeze(), rest: Some(self.body) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_that_is_the_whole_is_told_from_a_part() {
        for (range, length) in [
            ("bytes 0-99/100", Some(100)),
            (" bytes 0-0/1 ", Some(1)),
            ("bytes 0-98/100", None),
            ("bytes 1-99/100", None),
            ("bytes 0-99/*", None),
            ("bytes */100", None),
            ("bytes 0-18446744073709551615/0", None),
            ("items 0-99/100", None),
            ("", None),
        ] {
            assert_eq!(whole_length(range), length, "{range:?}");
        }
    }
}
