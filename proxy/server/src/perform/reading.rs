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
    /// It is something else, or looks like a playlist and cannot be read; then `unread` says why. `is_other` when its first bytes
    /// say that it is none, whatever its type and its name are.
    Passes { source: Source, unread: Option<String>, is_other: bool },
}

/// What came of a body so far.
enum Collected {
    Whole(Bytes),
    TooMuch(Bytes, OriginBody, String),
    Broken(Bytes, Breach),
}

/// Looks at the body of an answer, and reads it if it is a playlist.
pub(super) async fn look(head: &Parts, body: OriginBody, target: &Target, recorder: &Recorder) -> Looked {
    let passes = |source, unread| Looked::Passes { source, unread, is_other: false };
    let is_declared =
        matches!(target.expected(), Expected::Playlist | Expected::AssetList | Expected::Steering);
    let may_be_one = is_declared || target.expected() == Expected::Unknown;
    if recorder.caller().method() != Method::GET || !head.status.is_success() || !may_be_one {
        return passes(Source::unread(body), None);
    }
    let mut begun = Begun { read: BytesMut::new(), body };
    let stall = recorder.session().origin().stall();
    if !is_declared {
        let is_named = is_named_one(head, target);
        let patience = if is_named { stall } else { FIRST_BYTES };
        match begun.sniff(&head.headers, patience).await {
            Ok(Sniffed::Playlist) => {}
            Ok(sniffed) => {
                let unread = why_unseen(head, &begun.read).filter(|_| is_named);
                let is_other = sniffed == Sniffed::Other;
                return Looked::Passes { source: begun.source(), unread, is_other };
            }
            Err(how) => return passes(Source::broken_off(begun.read.freeze(), how), None),
        }
    }
    if let Some(part) = part_of(head) {
        return passes(begun.source(), Some(part));
    }
    let budget = &recorder.rig().playlists;
    match begun.collect(stall, budget).await {
        Collected::Whole(coded) => read(&head.headers, coded, target, budget).await,
        Collected::TooMuch(read, rest, why) => passes(Source::Origin { read, rest: Some(rest) }, Some(why)),
        Collected::Broken(read, how) => {
            passes(Source::broken_off(read, how), Some("it broke off".to_owned()))
        }
    }
}

async fn read(headers: &HeaderMap, coded: Bytes, target: &Target, budget: &PlaylistBudget) -> Looked {
    let passes = |unread| Looked::Passes { source: Source::read(coded.clone()), unread, is_other: false };
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
        // Something declared it, or it begins like one.
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

/// Whether headers or name say that a body is a playlist.
fn is_named_one(head: &Parts, target: &Target) -> bool {
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    classify_fallback(target.as_str(), content_type).is_manifest()
}

/// Why the first bytes of a body say nothing of what all of it is.
fn why_unseen(head: &Parts, beginning: &[u8]) -> Option<String> {
    part_of(head).or_else(|| Some(coding::why_unreadable(&head.headers, beginning)?.to_string()))
}

/// That an answer is only a part, unless its range is all there is (RFC 9110 §14.4).
fn part_of(head: &Parts) -> Option<String> {
    if head.status != StatusCode::PARTIAL_CONTENT {
        return None;
    }
    let range =
        head.headers.get(CONTENT_RANGE).map(|range| String::from_utf8_lossy(range.as_bytes()).into_owned());
    // Several ranges stand in the body.
    let Some(range) = range else { return Some("the origin sent only parts of it".to_owned()) };
    let is_whole = whole_length(&range).is_some();
    let part = range.trim().trim_start_matches("bytes").trim();
    (!is_whole).then(|| format!("the origin sent only bytes {part} of it"))
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
    /// What its first bytes say; how it broke off, if it did before that was known. A body that does not begin in time is unsure, and
    /// is looked at again when it does.
    async fn sniff(&mut self, headers: &HeaderMap, patience: Duration) -> Result<Sniffed, Breach> {
        let until = Instant::now() + patience;
        loop {
            let is_over = match tokio::time::timeout_at(until, self.body.frame()).await {
                Err(_elapsed) => return Ok(Sniffed::Unsure),
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
                Sniffed::Unsure if is_over && !coding::is_coded(headers) => return Ok(Sniffed::Other),
                Sniffed::Unsure if is_over || self.read.len() > BEGINNING => return Ok(Sniffed::Unsure),
                Sniffed::Unsure => {}
                sure @ (Sniffed::Playlist | Sniffed::Other) => return Ok(sure),
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
