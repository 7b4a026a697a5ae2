//! Playlists on their way: learned by the session, edited as the player's `content` asks, led to the session's ports, broken as a
//! fault asks.
//!
//! Invariant: the session learns what the origin said, never an edit of it. What was asked and could not be done is in the row. A
//! validator of the origin never stands beside a body that it does not describe. A playlist that is not changed goes out as it came,
//! in its coding. Deliberately absent: the edits themselves (see the media room).

use bytes::Bytes;
use http::HeaderMap;
use http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderName, HeaderValue,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE,
};
use http::response::Parts;
use rebuffer_media::{
    Absorbed, Address, Context, Foreign, Ladder, Leads, Localised, MAX_PLAYLIST_BYTES, MISBEHAVIOURS,
    Manipulated, Playlist, Unmet, localise, manipulate,
};
use rebuffer_model::{ActionKind, Content, Edits, Known, PlaylistRule, Remark, RequestKind, UnmetEdit};

use super::budget::Share;
use super::coding;
use super::forward::{Forwarded, Source};
use super::location::{address_of, reach_foreign, reach_known};
use super::target::Target;
use crate::clock;
use crate::learning;
use crate::record::Recorder;
use crate::redact;
use crate::sessions::{Endpoint, Topic};

/// What says of a body which bytes it has.
const DIGESTS: [HeaderName; 4] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("repr-digest"),
];

/// Why a playlist that was not read is not edited.
const UNREAD: Unmet = Unmet { field: "", why: "the playlist was not read; `playlist_unread` says why" };

/// A playlist after all that is done to it.
pub(super) struct Passed {
    /// The body that goes to the client.
    pub(super) body: Bytes,
    /// Whether it is another one than the origin's.
    pub(super) changed: bool,
}

/// Asks for a playlist in such a way that it can be edited: as text, the whole of it, and not only if it changed, because the
/// client's copy may be an edited one.
pub(crate) fn ask_for_text(headers: &mut HeaderMap) {
    for name in [ACCEPT_ENCODING, RANGE, IF_RANGE, IF_NONE_MATCH, IF_MODIFIED_SINCE] {
        headers.remove(name);
    }
}

/// Learns from a playlist, and makes it what the client gets.
pub(super) async fn pass(
    playlist: Box<Playlist>,
    coded: Bytes,
    share: Share,
    head: &mut Parts,
    target: &Target,
    recorder: &mut Recorder,
) -> Passed {
    let endpoint = recorder.session().clone();
    let at = endpoint.address(target.as_str());
    open_ports(&playlist, &at, recorder).await;
    let ports = endpoint.ports();
    let addresses = ports.iter().filter_map(|port| Some((port.id, address_of(port.id, recorder)?)));
    let addresses = addresses.collect::<Vec<_>>();
    let content = endpoint.player.content();
    let asked = content.clone();
    let work = move || {
        let (context, absorbed, ladder) = learn(&endpoint, &at, &playlist);
        let Manipulated { playlist: edited, changed, unmet } = manipulate(&playlist, &content);
        let serves =
            |id| addresses.iter().find(|(known, _)| *known == id).map(|(_, address)| address.clone());
        (absorbed, ladder, changed, unmet, localise(&edited, &context, serves))
    };
    let (absorbed, ladder, edits, unmet, localised) = share.work(work).await;
    told(absorbed, &ladder, target, recorder);
    note_edits(&asked, edits, &unmet, recorder);
    let Localised { playlist, changed: led, names_ports } = localised;
    if led > 0 {
        recorder.remark(Remark::UrlsRewritten);
    }
    if edits + led == 0 {
        return Passed { body: coded, changed: false };
    }
    let body = share.hold(playlist.body());
    if coding::is_coded(&head.headers) {
        recorder.remark(Remark::CodingRemoved);
    }
    describe(&mut head.headers, body.len(), edits == 0 && !names_ports);
    Passed { body, changed: true }
}

/// Sees to it that each origin the playlist leads to has a port of the session, where it may be reached.
async fn open_ports(playlist: &Playlist, at: &Address, recorder: &mut Recorder) {
    let context = recorder.session().learned.graph.lock().context(at, playlist);
    let Leads { origins, foreign } = context.leads(playlist);
    for origin in origins {
        if address_of(origin, recorder).is_none() {
            reach_known(origin, recorder).await;
        }
    }
    for foreign in &foreign {
        reach_foreign(foreign as &Foreign, recorder).await;
    }
}

/// The session learns what a playlist declares.
fn learn(endpoint: &Endpoint, at: &Address, playlist: &Playlist) -> (Context, Absorbed, Ladder) {
    let mut graph = endpoint.learned.graph.lock();
    let context = graph.context(at, playlist);
    let absorbed = graph.absorb(playlist, &context, Some(clock::now()));
    let ladder = Ladder::clone(graph.ladder());
    drop(graph);
    if absorbed.kind == RequestKind::MasterManifest {
        let path = at.target.split('?').next().unwrap_or(&at.target);
        endpoint.telemetry.master.store(std::sync::Arc::new(redact::path(path).into_owned()));
    }
    (context, absorbed, ladder)
}

fn told(absorbed: Absorbed, ladder: &Ladder, target: &Target, recorder: &mut Recorder) {
    let endpoint = recorder.session().clone();
    if endpoint.telemetry.told.playlist_is_read(&redact::path(target.path())) {
        recorder.rig().events.player_updated(&endpoint.player);
    }
    let Absorbed { kind, variant, presentation, ladder: change } = absorbed;
    if let Some(change) = change {
        learning::ladder_changed(recorder.rig(), &endpoint, change, ladder);
    }
    let presentation = presentation.as_ref().map(|(presentation, rungs)| (presentation, *rungs));
    recorder.classified(kind, Known::Declared, variant.as_deref(), presentation);
}

/// A body that looks like a playlist passes unread.
pub(super) fn pass_unread(reason: &str, target: &Target, recorder: &mut Recorder) {
    recorder.unread(reason);
    let endpoint = recorder.session().clone();
    let path = redact::path(target.path()).into_owned();
    if endpoint.telemetry.told.is_news(Topic::Unread, &format!("{path} {reason}")) {
        learning::tell(
            recorder.rig(),
            &endpoint,
            ActionKind::PlaylistUnread { path, reason: reason.to_owned() },
        );
    }
    note_edits(&endpoint.player.content(), 0, &[UNREAD], recorder);
}

/// What was edited goes into the row, and what could not be edited is said once as an action.
fn note_edits(content: &Content, changed: usize, unmet: &[Unmet], recorder: &mut Recorder) {
    if content.is_neutral() {
        return;
    }
    let unmet =
        unmet.iter().map(|unmet| UnmetEdit { field: unmet.field.to_owned(), why: unmet.why.to_owned() });
    let unmet = unmet.collect::<Vec<_>>();
    let endpoint = recorder.session().clone();
    for UnmetEdit { field, why } in unmet.iter().cloned() {
        if endpoint.telemetry.told.is_news(Topic::Unmet, &format!("{field}: {why}")) {
            learning::tell(recorder.rig(), &endpoint, ActionKind::ContentUnmet { field, why });
        }
    }
    recorder.edited(Edits { changed: changed as u64, unmet });
}

/// Breaks a rule of low-latency HLS in an answer; false when there is nothing to break. `before` is what the URL was answered
/// last.
pub(super) fn break_rule(
    answer: &mut Forwarded,
    before: Option<&Forwarded>,
    rule: PlaylistRule,
    extent: Option<u64>,
) -> bool {
    let text = |answer: &Forwarded| {
        coding::decode(&answer.head.headers, answer.playlist()?, MAX_PLAYLIST_BYTES).ok()
    };
    let before = before.and_then(text);
    let row = MISBEHAVIOURS.iter().find(|row| row.name == rule.as_str());
    let broken = text(answer)
        .zip(row)
        .and_then(|(text, row)| (row.apply)(&text, before.as_ref(), extent.unwrap_or(row.extent)));
    let Some(broken) = broken else { return false };
    describe(&mut answer.head.headers, broken.len(), false);
    answer.source = Source::read(broken);
    answer.edited = true;
    true
}

/// Makes a head say what is true of a changed body. Where a change is always the same, the origin's validator still describes it,
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
    let range = format!("bytes 0-{}/{length}", length.saturating_sub(1));
    if headers.contains_key(CONTENT_RANGE)
        && let Ok(range) = HeaderValue::from_str(&range)
    {
        headers.insert(CONTENT_RANGE, range);
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
        let fields = [
            ("etag", "\"a\""),
            ("last-modified", "x"),
            ("content-length", "9"),
            ("content-range", "bytes 0-8/9"),
            ("digest", "y"),
            ("content-encoding", "gzip"),
        ];
        let left = |always_so| {
            let mut headers = fields
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
                .collect::<HeaderMap>();
            describe(&mut headers, 7, always_so);
            let value = |name: &HeaderName| headers[name].to_str().unwrap().to_owned();
            let mut left = headers.keys().map(|name| format!("{name}: {}", value(name))).collect::<Vec<_>>();
            left.sort();
            left
        };
        let always = ["content-length: 7", "content-range: bytes 0-6/7", "etag: W/\"a\"", "last-modified: x"];
        assert_eq!(left(true), always);
        assert_eq!(left(false), always[..2]);
    }
}
