//! Any bytes may come in: nothing panics, nothing grows without bound, and edits touch nothing they do not name.
//!
//! Half of the inputs are noise, half are made of pieces that playlists are made of, so that the deep paths are reached.
//! Deliberately absent: what playlists mean (see `corpus.rs`).

use bytes::Bytes;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rebuffer_media::{Edits, Source, classify_fallback, hls, sniff};

use crate::session::{FIRST, Read, Session};

const PIECES: &[&str] = &[
    "#EXTM3U",
    "\n",
    "\r\n",
    "\u{feff}",
    "#EXT-X-STREAM-INF:",
    "#EXT-X-I-FRAME-STREAM-INF:",
    "#EXT-X-MEDIA:",
    "#EXT-X-MAP:",
    "#EXT-X-KEY:",
    "#EXT-X-SESSION-KEY:",
    "#EXT-X-PART:",
    "#EXT-X-PRELOAD-HINT:",
    "#EXT-X-BYTERANGE:",
    "#EXT-X-SKIP:SKIPPED-SEGMENTS=",
    "#EXT-X-MEDIA-SEQUENCE:",
    "#EXT-X-TARGETDURATION:",
    "#EXTINF:4,",
    "#EXT-X-ENDLIST",
    "#EXT-X-I-FRAMES-ONLY",
    "#",
    "URI=\"",
    "\"",
    ",",
    "=",
    "TYPE=PART",
    "TYPE=AUDIO",
    "BYTERANGE=",
    "BYTERANGE-START=",
    "BANDWIDTH=",
    "RESOLUTION=1x1",
    "18446744073709551615",
    "0",
    "7",
    "@",
    "a.ts",
    "b.m3u8?x=1",
    "../c.mp4",
    "//",
    "/",
    "http://cdn.example",
    "https://other.example/d",
    "?",
    "%",
    "é",
    " ",
    ":",
    "[::1]",
];

const TAGS: &[&str] = &[
    "<MPD type='dynamic'>",
    "</MPD>",
    "<Period start='PT1S'>",
    "<Period duration='PT9H'>",
    "</Period>",
    "<AdaptationSet mimeType='video/mp4'>",
    "<AdaptationSet contentType='audio'>",
    "</AdaptationSet>",
    "<Representation id='1' bandwidth='18446744073709551615' width='4294967296' height='1'>",
    "<Representation id='2' bandwidth='7'/>",
    "</Representation>",
    "<SegmentTemplate media='$Number%09d$$Time$$SubNumber$' startNumber='18446744073709551615' duration='1'/>",
    "<SegmentTemplate media='a/$RepresentationID$/$Time$?$Bandwidth$' initialization='$' timescale='0'>",
    "</SegmentTemplate>",
    "<SegmentTimeline><S t='18446744073709551615' d='18446744073709551615' r='-1'/><S d='0'/></SegmentTimeline>",
    "<SegmentTimeline><S d='1' r='9223372036854775807'/><S t='3'/></SegmentTimeline>",
    "<SegmentList startNumber='18446744073709551615'>",
    "<SegmentURL media='b' mediaRange='0-18446744073709551615'/>",
    "<SegmentURL mediaRange='5-4' indexRange='1-2'/>",
    "</SegmentList>",
    "<SegmentBase indexRange='9-'><Initialization range='3-5'/></SegmentBase>",
    "<BaseURL>http://cdn.example/x/</BaseURL>",
    "<BaseURL>//</BaseURL>",
    "<BaseURL> <![CDATA[?a&b]]> </BaseURL>",
    "<Location>&amp;&lt;</Location>",
    "<!-- -->",
    "&bad;",
    "<",
    " ",
    "é",
];

/// Mostly well-formed: each start tag of the list is closed somewhere after it, more often than not.
fn mpd() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(TAGS), 0..40).prop_map(|pieces| {
        let mut open = vec!["MPD"];
        let mut text = "<MPD>".to_owned();
        for piece in pieces {
            let name = piece.trim_start_matches(['<', '/']).split([' ', '>', '/']).next().unwrap_or_default();
            match piece {
                piece if piece.starts_with("</") => {
                    if open.last() == Some(&name) && open.len() > 1 {
                        open.pop();
                        text.push_str(piece);
                    }
                }
                piece => {
                    text.push_str(piece);
                    if piece.starts_with('<')
                        && piece.matches('<').count() == 1
                        && !piece.contains("/>")
                        && !name.is_empty()
                        && name != "!--"
                    {
                        open.push(name);
                    }
                }
            }
        }
        for name in open.iter().rev() {
            text.push_str(&format!("</{name}>"));
        }
        text.into_bytes()
    })
}

fn session() -> Session {
    Session::at(&["http://cdn.example", "https://other.example"])
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![2 => playlist(), 1 => mpd()]
}

fn playlist() -> impl Strategy<Value = Vec<u8>> {
    let noise = prop::collection::vec(any::<u8>(), 0..200);
    let pieces = prop::collection::vec(prop::sample::select(PIECES), 0..120);
    prop_oneof![
        noise.clone(),
        pieces.clone().prop_map(|pieces| pieces.concat().into_bytes()),
        (pieces.clone(), noise, pieces).prop_map(|(a, noise, b)| {
            [b"#EXTM3U\n", a.concat().as_bytes(), noise.as_slice(), b"\n", b.concat().as_bytes()].concat()
        }),
    ]
}

/// The same inputs on every run; raise `cases` to look for more.
fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 2_000,
        rng_seed: RngSeed::Fixed(7),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_body_and_no_request_panics(
        bodies in prop::collection::vec((".{0,20}", body()), 1..6),
        asked in ".{0,30}",
        range in ".{0,20}",
    ) {
        let mut session = session();
        for (place, (target, body)) in bodies.into_iter().enumerate() {
            let target = format!("/{target}");
            let read = session.fetch_at(FIRST, &target, &body, None);
            for url in ["/b", "/a/1/2?3", "/x/123", "/0"] {
                session.classify_range(url, Some(&range));
            }
            // Later bodies may be taken for a newer version of an earlier one and then contradict it.
            if let (0, Ok(Some(Read { absorbed, .. }))) = (place, read) {
                let classified = session.classify(&target);
                prop_assert_eq!(classified.source, Source::Declared);
                prop_assert_eq!((classified.kind, classified.variant), (absorbed.kind, absorbed.variant));
            }
            for (rung, variant) in session.graph.ladder().iter().enumerate() {
                prop_assert_eq!(usize::try_from(variant.rung), Ok(rung));
            }
        }
        session.classify_range(&asked, Some(&range));
        classify_fallback(&asked, Some(&range));
    }

    #[test]
    fn every_text_is_the_bytes_of_its_span(body in body()) {
        for line in hls::Lines::new(&body) {
            match line {
                hls::Line::Uri(uri) => prop_assert_eq!(&body[uri.span()], uri.text.as_bytes()),
                hls::Line::Tag(tag) => {
                    for attribute in tag.attributes() {
                        prop_assert_eq!(&body[attribute.value.span()], attribute.value.text.as_bytes());
                    }
                }
            }
        }
    }

    /// What leads to the session's own origin becomes a path, and nothing is led twice.
    #[test]
    fn leading_to_the_rig_changes_addresses_and_nothing_else(body in body()) {
        let once = session().fetch_at(FIRST, "/a", &body, None);
        if let Ok(Some(once)) = once {
            let twice = session().fetch_at(FIRST, "/a", &once.body, None).expect("still readable");
            let twice = twice.expect("still a playlist");
            prop_assert_eq!(twice.changed, 0);
            prop_assert_eq!(without_addresses(&once.body), without_addresses(&body));
        }
    }

    /// What is told of the beginning of a body holds for all of it.
    #[test]
    fn more_bytes_never_change_what_is_sure(body in body(), cut in 0_usize..200) {
        let head = body.get(..cut).unwrap_or(&body);
        let (early, late) = (sniff(head), sniff(&body));
        prop_assert!(early == rebuffer_media::Sniffed::Unsure || early == late, "{early:?} {late:?}");
    }

    #[test]
    fn edits_that_change_nothing_change_nothing(body in body(), cuts in prop::collection::vec(0_usize..400, 0..8)) {
        let body = Bytes::from(body);
        let mut edits = Edits::default();
        let mut cuts = cuts;
        cuts.sort_unstable();
        for pair in cuts.chunks_exact(2) {
            if let Some(text) = body.get(pair[0]..pair[1]).and_then(|bytes| std::str::from_utf8(bytes).ok()) {
                edits.replace(pair[0]..pair[1], text);
            }
        }
        prop_assert_eq!(edits.apply(&body), body);
    }
}

/// The bytes without what may be removed or added; a mark within a host name is no part of it.
fn without_addresses(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body);
    let text = ["https", "http", "cdn.example", "other.example", "rig", "10080", "10443"]
        .iter()
        .fold(text.into_owned(), |text, address| text.replace(address, ""));
    text.replace([':', '/', '.', '\u{feff}'], "").into_bytes()
}
