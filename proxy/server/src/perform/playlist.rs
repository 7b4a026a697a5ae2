//! Playlists on their way: read into the session's graph, edited as the player's `content` asks, broken as a fault asks.
//!
//! Invariant: at most [`MAX_PLAYLIST_BYTES`] are held; what is longer passes unread. The graph learns what the origin said, never
//! an edit of it. What was asked and could not be done is in the row. A validator of the origin never stands beside a body that
//! it does not describe. Deliberately absent: the edits themselves (see the media room).

use std::io::Read;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE,
};
use http::response::Parts;
use http_body_util::BodyExt;
use rebuffer_media::{Absorbed, Ladder, MAX_PLAYLIST_BYTES, MISBEHAVIOURS, Unmet, localise, manipulate};
use rebuffer_model::{
    Action, ActionKind, ActionSource, Content, Edits, PlaylistRule, RecordBody, RequestKind, UnmetEdit,
    Variant,
};

use super::ending::Breach;
use super::forward::{Forwarded, Source};
use crate::clock;
use crate::origin::OriginBody;
use crate::record::Recorder;
use crate::sessions::Session;

/// What says of a body which bytes it has.
const DIGESTS: [HeaderName; 4] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("repr-digest"),
];

/// Why a playlist in an encoding of its own is not edited.
const UNREADABLE: Unmet = Unmet { field: "", why: "the playlist comes in an encoding that is not read here" };

/// The body of a playlist as it came.
pub(super) enum Collected {
    Whole(Bytes),
    TooLong(Bytes, OriginBody),
    Broken(Bytes, Breach),
}

/// Reads a body as far as it may be held.
pub(super) async fn collect(mut body: OriginBody, stall: std::time::Duration) -> Collected {
    let mut read = BytesMut::new();
    loop {
        match tokio::time::timeout(stall, body.frame()).await {
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    read.extend_from_slice(&data);
                }
            }
            Ok(None) => return Collected::Whole(read.freeze()),
            Ok(Some(Err(error))) => return Collected::Broken(read.freeze(), Breach::of(&error)),
            Err(_elapsed) => return Collected::Broken(read.freeze(), Breach::Ended),
        }
        if read.len() > MAX_PLAYLIST_BYTES {
            return Collected::TooLong(read.freeze(), body);
        }
    }
}

/// Why a playlist that is longer than is read is not edited.
const TOO_LONG: Unmet = Unmet { field: "", why: "the playlist is longer than is read here" };

/// Asks for a playlist in such a way that it can be edited: as text, the whole of it, and not only if it changed, because the
/// client's copy may be an edited one.
pub(crate) fn ask_for_text(headers: &mut HeaderMap) {
    for name in [ACCEPT_ENCODING, RANGE, IF_RANGE, IF_NONE_MATCH, IF_MODIFIED_SINCE] {
        headers.remove(name);
    }
}

/// Reads a playlist, and returns the bytes that go to the client, with whether they are others than the origin's.
pub(super) fn read(
    session: &Session,
    recorder: &mut Recorder,
    target: &str,
    head: &mut Parts,
    playlist: Bytes,
) -> (Bytes, bool) {
    let content = session.player.content();
    let Some(text) = decoded(&head.headers, &playlist) else {
        edited(session, recorder, &content, 0, &[UNREADABLE]);
        return (playlist, false);
    };
    learn(session, recorder, target, head, &text);
    let manipulated = manipulate(&text, &content);
    edited(session, recorder, &content, manipulated.changed, &manipulated.unmet);
    let localised = localise(&manipulated.body, &session.origin.media_origins());
    if manipulated.changed + localised.changed == 0 {
        return (playlist, false);
    }
    describe(&mut head.headers, localised.body.len(), manipulated.changed == 0);
    (localised.body, true)
}

/// A playlist passes unread.
pub(super) fn pass_unread(session: &Session, recorder: &mut Recorder) {
    edited(session, recorder, &session.player.content(), 0, &[TOO_LONG]);
}

/// Breaks a rule of low-latency HLS in an answer; false when there is nothing to break. `before` is what the URL was answered
/// last.
pub(super) fn break_rule(
    answer: &mut Forwarded,
    before: Option<&Forwarded>,
    rule: PlaylistRule,
    extent: Option<u64>,
) -> bool {
    let text = |answer: &Forwarded| decoded(&answer.head.headers, answer.playlist()?);
    let before = before.and_then(text);
    let row = MISBEHAVIOURS.iter().find(|row| row.name == rule.as_str());
    let broken = text(answer)
        .zip(row)
        .and_then(|(text, row)| (row.apply)(&text, before.as_ref(), extent.unwrap_or(row.extent)));
    let Some(broken) = broken else { return false };
    describe(&mut answer.head.headers, broken.len(), false);
    answer.source = Source::Origin { read: broken, rest: None };
    answer.edited = true;
    true
}

/// The session learns what a playlist declares.
fn learn(session: &Session, recorder: &mut Recorder, target: &str, head: &Parts, text: &Bytes) {
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut graph = session.graph.lock();
    let absorbed = graph.absorb(target, content_type, text);
    let ladder = Ladder::clone(graph.ladder());
    drop(graph);
    let Absorbed { kind, variant, ladder_changed, replaced, foreign } = absorbed;
    if ladder_changed {
        session.player.set_ladder(variants(&ladder));
        session.conductor.ladder_changed();
        recorder.rig().events.player_updated(&session.player);
    }
    if let Some(old) = replaced {
        let kind = ActionKind::ManifestChanged { old: variants(&old), new: variants(&ladder) };
        note(session, recorder, kind);
    }
    if kind == RequestKind::MasterManifest {
        let path = target.split('?').next().unwrap_or(target);
        session.telemetry.master.store(std::sync::Arc::new(path.to_owned()));
    }
    recorder.classified(kind, variant.as_deref());
    for host in foreign {
        if session.telemetry.first_mention(&host) {
            note(session, recorder, ActionKind::OriginLeft { host });
        }
    }
}

fn variants(ladder: &Ladder) -> Vec<Variant> {
    ladder.iter().map(|variant| (**variant).clone()).collect()
}

/// What was edited goes into the row, and what could not be edited is said once as an action.
fn edited(session: &Session, recorder: &mut Recorder, content: &Content, changed: usize, unmet: &[Unmet]) {
    if content.is_neutral() {
        return;
    }
    let unmet =
        unmet.iter().map(|unmet| UnmetEdit { field: unmet.field.to_owned(), why: unmet.why.to_owned() });
    let unmet = unmet.collect::<Vec<_>>();
    for UnmetEdit { field, why } in unmet.iter().cloned() {
        if session.telemetry.first_mention(&format!("content {field}: {why}")) {
            note(session, recorder, ActionKind::ContentUnmet { field, why });
        }
    }
    recorder.edited(Edits { changed: changed as u64, unmet });
}

fn note(session: &Session, recorder: &Recorder, kind: ActionKind) {
    let action = Action { who: session.player.who(), source: ActionSource::Proxy, kind };
    recorder.rig().feed.append(clock::now(), &RecordBody::Action(Box::new(action)));
}

/// Makes a head say what is true of an edited body. Where an edit is always the same, the origin's validator still describes it,
/// if weakly; where it may be another one next time, none does.
fn describe(headers: &mut HeaderMap, length: usize, always_so: bool) {
    headers.remove(CONTENT_ENCODING);
    for digest in DIGESTS {
        headers.remove(digest);
    }
    if always_so {
        weaken(headers);
    } else {
        headers.remove(ETAG);
        headers.remove(LAST_MODIFIED);
    }
    if headers.contains_key(CONTENT_LENGTH) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
}

/// Makes the head of a playlist that would be edited, and whose body was not asked for, say nothing of the body.
pub(super) fn say_nothing_of_the_body(headers: &mut HeaderMap) {
    describe(headers, 0, false);
    headers.remove(CONTENT_LENGTH);
}

fn weaken(headers: &mut HeaderMap) {
    let strong = headers.get(ETAG).and_then(|etag| etag.to_str().ok()).filter(|etag| etag.starts_with('"'));
    if let Some(weak) = strong.and_then(|etag| HeaderValue::from_str(&format!("W/{etag}")).ok()) {
        headers.insert(ETAG, weak);
    }
}

/// The playlist as text; `None` when its encoding is not known or not honoured.
fn decoded(headers: &HeaderMap, body: &Bytes) -> Option<Bytes> {
    let mut text = Vec::new();
    let limit = MAX_PLAYLIST_BYTES as u64;
    match headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"" | b"identity") => return Some(body.clone()),
        Some(b"gzip" | b"x-gzip") => {
            flate2::read::MultiGzDecoder::new(&body[..]).take(limit).read_to_end(&mut text).ok()?
        }
        Some(b"deflate") => {
            flate2::read::ZlibDecoder::new(&body[..]).take(limit).read_to_end(&mut text).ok()?
        }
        Some(_) => return None,
    };
    Some(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_that_can_be_broken_has_its_row_and_its_fault() {
        let rows = MISBEHAVIOURS.iter().map(|row| row.name).collect::<Vec<_>>();
        assert_eq!(PlaylistRule::ALL.map(PlaylistRule::as_str).to_vec(), rows);
        for name in rows {
            assert!(rebuffer_model::FAULTS.iter().any(|fact| fact.name == name), "{name}");
        }
    }

    #[test]
    fn a_head_describes_the_body_that_goes_out() {
        let head = || {
            let mut headers = HeaderMap::new();
            let fields =
                [("etag", "\"a\""), ("last-modified", "x"), ("content-length", "9"), ("digest", "y")];
            for (name, value) in fields.into_iter().chain([("content-encoding", "gzip")]) {
                headers.insert(name, value.parse().unwrap());
            }
            headers
        };
        let left = |always_so| {
            let mut headers = head();
            describe(&mut headers, 7, always_so);
            let value = |name: &HeaderName| headers[name].to_str().unwrap().to_owned();
            let mut left = headers.keys().map(|name| format!("{name}: {}", value(name))).collect::<Vec<_>>();
            left.sort();
            left
        };
        assert_eq!(left(true), ["content-length: 7", "etag: W/\"a\"", "last-modified: x"]);
        assert_eq!(left(false), ["content-length: 7"]);
    }
}
