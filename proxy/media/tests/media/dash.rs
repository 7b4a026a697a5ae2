//! MPDs as they are met in the field, through the public face of the crate.
//!
//! Invariant of the corpus: each file is a player's view of one presentation on `https://cdn.example`; what a test expects
//! is what a player would ask for next. Deliberately absent: a real service's MPDs.

use rebuffer_media::{Request, Source};
use rebuffer_model::RequestKind::{self, *};
use rebuffer_model::Timestamp;

use crate::session::{FIRST, Session, rewritten};

const VOD: &[u8] = include_bytes!("../../../../tests/fixtures/dash/vod-number.mpd");
const LIVE: &[u8] = include_bytes!("../../../../tests/fixtures/dash/live-timeline.mpd");
const LATER: &[u8] = include_bytes!("../../../../tests/fixtures/dash/live-timeline-later.mpd");
const ON_DEMAND: &[u8] = include_bytes!("../../../../tests/fixtures/dash/on-demand.mpd");
const LIST: &[u8] = include_bytes!("../../../../tests/fixtures/dash/list-and-periods.mpd");
const LOW_LATENCY: &[u8] = include_bytes!("../../../../tests/fixtures/dash/low-latency.mpd");

fn session() -> Session {
    Session::at(&["https://cdn.example"])
}

fn with(target: &str, mpd: &[u8]) -> Session {
    let mut session = session();
    let absorbed = session.fetch(target, mpd).absorbed;
    assert_eq!((absorbed.kind, absorbed.variant), (Manifest, None));
    assert!(absorbed.ladder.is_some_and(|change| change.replaced.is_none()));
    assert_eq!(declared(&session, target), (Manifest, None));
    session
}

/// Kind and rung of a declared URL.
#[track_caller]
fn declared(session: &Session, target: &str) -> (RequestKind, Option<u32>) {
    declared_range(session, target, None)
}

#[track_caller]
fn declared_range(session: &Session, target: &str, range: Option<&str>) -> (RequestKind, Option<u32>) {
    let classified = session.classify_range(target, range);
    assert_eq!(classified.source, Source::Declared, "{target}");
    (classified.kind, classified.variant.map(|variant| variant.rung))
}

/// Number and distance from the edge.
fn place(session: &Session, target: &str) -> (Option<u64>, Option<u64>) {
    let place = session.classify(target).place;
    (place.media_sequence, place.from_live_edge)
}

fn ladder(session: &Session) -> Vec<(u32, u64, String)> {
    session.graph.ladder().iter().map(|rung| (rung.rung, rung.bandwidth, rung.uri.clone())).collect()
}

#[test]
fn the_ladder_is_of_pictures_and_ordered_by_bandwidth() {
    let session = with("/vod/a.mpd", VOD);
    let expected =
        [(0, 800_000, "v360"), (1, 3_200_000, "v720"), (2, 8_000_000, "v1080"), (3, 12_000_000, "v2160")];
    assert_eq!(ladder(&session), expected.map(|(rung, bandwidth, id)| (rung, bandwidth, id.to_owned())));
    let rung = &session.graph.ladder()[1];
    assert_eq!(rung.resolution.map(|it| it.to_string()).as_deref(), Some("1280x720"), "from the set");
    assert_eq!(rung.codecs.as_deref(), Some("avc1.64001f"));
}

#[test]
fn numbered_segments_have_kind_rung_and_place() {
    let session = with("/vod/a.mpd?player_id=p", VOD);
    for (target, expected) in [
        ("/vod/video/v720/00001.m4s", (Segment, Some(1))),
        ("/vod/video/v360/00015.m4s?CMCD=bl%3D1", (Segment, Some(0))),
        ("/vod/video/v1080/00003.m4s", (Segment, Some(2))),
        ("/vod/video/v720/init.mp4", (Init, Some(1))),
        ("/vod/trick/7.m4s", (Segment, None)),
        ("/vod/audio/a128/3.m4s?lang=en&n=3", (AudioSegment, None)),
        ("/vod/audio/a128/init.mp4", (Init, None)),
        ("/vod/subs/1.m4s", (SubtitleSegment, None)),
        ("/vod/subs/init.mp4", (Init, None)),
        ("/vod/thumbs/1.jpg", (Other, None)),
        ("/licence?k=1&l=2", (Key, None)),
    ] {
        assert_eq!(declared(&session, target), expected, "{target}");
    }
    assert_eq!(session.classify("/vod/video/v480/00001.m4s").source, Source::Guessed);
    assert_eq!(session.classify("/video/v2160/00001.m4s").source, Source::Guessed);
    assert_eq!(place(&session, "/vod/video/v720/00001.m4s"), (Some(1), Some(14)));
    assert_eq!(place(&session, "/vod/video/v720/00015.m4s"), (Some(15), Some(0)));
    assert_eq!(place(&session, "/vod/video/v720/init.mp4"), (None, None));
}

#[test]
fn what_leads_elsewhere_is_named() {
    assert_eq!(session().fetch("/vod/a.mpd", VOD).foreign, ["https://other.example"]);
}

#[test]
fn a_time_has_its_place_in_the_timeline() {
    let session = with("/live/a.mpd", LIVE);
    assert_eq!(declared(&session, "/live/low/t-900000.m4s"), (Segment, Some(0)));
    assert_eq!(place(&session, "/live/low/t-900000.m4s"), (Some(100), Some(9)));
    assert_eq!(place(&session, "/live/high/t-2520000.m4s"), (Some(109), Some(0)));
    assert_eq!(place(&session, "/live/high/t-2520001.m4s"), (None, None), "no segment begins there");
    assert_eq!(place(&session, "/live/audio/n-104.m4s"), (Some(104), Some(5)));
    assert_eq!(declared(&session, "/live/next.mpd?token=abc"), (Manifest, None));
}

#[test]
fn a_live_presentation_moves_on_and_the_version_before_stays_known() {
    let mut session = with("/live/a.mpd", LIVE);
    let absorbed = session.fetch("/live/next.mpd?token=abc", LATER).absorbed;
    let bandwidths =
        |ladder: &rebuffer_media::Ladder| ladder.iter().map(|it| it.bandwidth).collect::<Vec<_>>();
    let replaced = absorbed.ladder.and_then(|change| change.replaced);
    assert_eq!(replaced.as_ref().map(bandwidths), Some(vec![500_000, 2_500_000]));
    assert_eq!(bandwidths(session.graph.ladder()), [500_000, 2_400_000]);
    assert_eq!(place(&session, "/live/low/t-1800000.m4s"), (Some(105), Some(5)));
    assert_eq!(place(&session, "/live/high/t-900000.m4s"), (None, None));
    assert_eq!(declared(&session, "/live/high/t-900000.m4s"), (Segment, Some(1)));
    assert!(session.fetch("/live/a.mpd", LATER).absorbed.ladder.is_none());
    assert_eq!(declared(&session, "/live/next.mpd?token=def"), (Manifest, None));
}

#[test]
fn of_one_file_the_ranges_tell_what_is_asked() {
    let session = with("/x/a.mpd", ON_DEMAND);
    for (target, range, expected) in [
        ("/x/files/v1.mp4", Some("bytes=0-799"), (Init, Some(0))),
        ("/x/files/v1.mp4", Some("bytes=800-1999"), (Init, Some(0))),
        ("/x/files/v1.mp4", Some("bytes=0-1999"), (Init, Some(0))),
        ("/x/files/v1.mp4", Some("bytes=2000-9999"), (Segment, Some(0))),
        ("/x/files/v1.mp4", Some("bytes=0-"), (Segment, Some(0))),
        ("/x/files/v1.mp4", None, (Segment, Some(0))),
        ("/x/files/v2.mp4?x=1&y=2", Some("bytes=5000-"), (Segment, Some(1))),
        ("/x/files/a.mp4", None, (AudioSegment, None)),
        ("/x/files/en.vtt", None, (SubtitleSegment, None)),
    ] {
        assert_eq!(declared_range(&session, target, range), expected, "{target} {range:?}");
    }
}

#[test]
fn lists_and_periods_and_alternative_bases_are_all_known() {
    let session = with("/vod/list.mpd", LIST);
    assert_eq!(ladder(&session).len(), 2, "the same encoding in two periods is one rung");
    for base in ["a", "b"] {
        assert_eq!(declared(&session, &format!("/{base}/film/2.m4s")), (Segment, Some(1)));
        assert_eq!(declared(&session, &format!("/{base}/film/init.mp4")), (Init, Some(1)));
        assert_eq!(declared(&session, &format!("/{base}/ad/900000/2.m4s")), (Segment, Some(0)));
    }
    assert_eq!(place(&session, "/a/film/2.m4s"), (Some(11), Some(1)));
    assert_eq!(place(&session, "/a/ad/2000000/2.m4s"), (Some(2), Some(0)));
    let sound = |range| declared_range(&session, "/b/film/sound.mp4", Some(range)).0;
    assert_eq!(
        ["bytes=0-99", "bytes=100-119", "bytes=100-199", "bytes=200-299"].map(sound),
        [Init, Init, AudioSegment, AudioSegment]
    );
    let second = session.classify_range("/b/film/sound.mp4", Some("bytes=200-299")).place;
    assert_eq!((second.media_sequence, second.from_live_edge), (Some(2), Some(0)));
}

#[test]
fn parts_of_segments_are_partial_and_an_edge_that_only_a_clock_knows_is_not() {
    let session = with("/ll/a.mpd", LOW_LATENCY);
    assert_eq!(declared(&session, "/ll/v/861234567.m4s"), (Segment, Some(0)));
    assert_eq!(place(&session, "/ll/v/861234567.m4s"), (Some(861_234_567), None));
    let now = Timestamp::from_millis(1_722_469_140_500);
    let edge = |number: u64| {
        let target = format!("/ll/v/{number}.m4s");
        let request = Request { now: Some(now), ..Request::of(FIRST, &target) };
        session.graph.classify(request).place.from_live_edge
    };
    assert_eq!([edge(861_234_570), edge(861_234_569), edge(861_234_560)], [Some(0), Some(1), Some(10)]);
    assert_eq!(declared(&session, "/ll/a/12_3.m4s"), (Partial, None));
    assert_eq!(place(&session, "/ll/a/12_3.m4s"), (Some(12), None));
}

#[test]
fn what_is_no_mpd_teaches_nothing() {
    let mut session = with("/vod/a.mpd", VOD);
    for bad in [&b"<MPD"[..], b"<html/>", b""] {
        assert!(session.fetch_at(FIRST, "/vod/a.mpd", bad, None).is_ok_and(|read| read.is_none()));
    }
    for broken in [&b"<MPD>"[..], &VOD[..VOD.len() / 2]] {
        assert!(session.fetch_at(FIRST, "/vod/a.mpd", broken, None).is_err(), "it is told");
    }
    assert_eq!(declared(&session, "/vod/video/v720/00001.m4s"), (Segment, Some(1)));
}

#[test]
fn localising_an_mpd_leaves_only_foreign_hosts_absolute() {
    let read = rewritten(&["https://cdn.example"], VOD);
    let text = std::str::from_utf8(&read.body).unwrap();
    assert_eq!((read.changed, read.foreign), (1, vec!["https://other.example".to_owned()]));
    assert!(text.contains("<BaseURL>/vod/</BaseURL>"));
    let mut session = session();
    session.fetch("/vod/a.mpd", &read.body);
    assert_eq!(declared(&session, "/vod/video/v1080/00003.m4s"), (Segment, Some(2)));
}
