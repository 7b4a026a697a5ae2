//! Playlists that lead from one origin of the session to another, by URLs, redirects and steering; and documents apart.

use rebuffer_media::{Address, OriginId, Request, Source};
use rebuffer_model::RequestKind::{self, *};

use crate::session::{FIRST, Session};

const MEDIA: &[u8] = b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n0.m4s\n#EXT-X-ENDLIST\n";

fn session() -> (Session, OriginId) {
    let session = Session::at(&["http://a.example", "http://b.example"]);
    let second = session.origin("http://b.example");
    (session, second)
}

fn fetch(session: &mut Session, origin: OriginId, target: &str, body: &[u8]) {
    assert!(session.fetch_at(origin, target, body, None).expect("it can be read").is_some(), "{target}");
}

#[track_caller]
fn check(session: &Session, origin: OriginId, target: &str, expected: (RequestKind, Option<u32>)) {
    let found = session.graph.classify(Request::of(origin, target));
    assert_eq!(found.source, Source::Declared, "{target}");
    assert_eq!((found.kind, found.variant.map(|variant| variant.rung)), expected, "{target}");
}

#[test]
fn the_same_path_at_two_origins_is_two_things() {
    let (mut session, second) = session();
    let master = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nhttp://b.example/v.m3u8\n";
    fetch(&mut session, FIRST, "/m.m3u8", master);
    fetch(&mut session, FIRST, "/v.m3u8", MEDIA);
    fetch(&mut session, second, "/v.m3u8", MEDIA);
    check(&session, FIRST, "/v.m3u8", (Manifest, Some(0)));
    check(&session, second, "/v.m3u8", (Manifest, Some(1)));
    check(&session, FIRST, "/0.m4s", (Segment, Some(0)));
    check(&session, second, "/0.m4s", (Segment, Some(1)));
}

#[test]
fn what_one_origin_does_not_have_is_what_it_is_at_the_other() {
    let (mut session, second) = session();
    fetch(&mut session, FIRST, "/m.m3u8", b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n");
    check(&session, second, "/v.m3u8", (Manifest, Some(0)));
    fetch(&mut session, second, "/v.m3u8", MEDIA);
    check(&session, second, "/0.m4s", (Segment, None));
    let mpd = b"<MPD><Period><AdaptationSet mimeType='video/mp4'><SegmentTemplate media='d/$Number$.m4s'/>\
                <Representation id='1' bandwidth='700'/></AdaptationSet></Period></MPD>";
    fetch(&mut session, FIRST, "/a.mpd", mpd);
    check(&session, second, "/d/7.m4s", (Segment, Some(0)));
}

#[test]
fn a_redirected_playlist_and_its_segments_are_what_was_declared() {
    let (mut session, second) = session();
    let master = b"#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",URI=\"a.m3u8\"\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n";
    fetch(&mut session, FIRST, "/m.m3u8", master);
    for (from, to, playlist, segment) in [
        ("/v.m3u8", "/s/1/v.m3u8?token=1", (Manifest, Some(0)), (Segment, Some(0))),
        ("/a.m3u8", "/s/2/a.m3u8?token=1", (AudioManifest, None), (AudioSegment, None)),
    ] {
        let led = |origin, target: &str| Address { origin, target: target.to_owned() };
        session.graph.redirect(&led(FIRST, from), &led(second, to));
        check(&session, second, to, playlist);
        fetch(&mut session, second, to, MEDIA);
        check(&session, second, to, playlist);
        let folder = to.rsplit_once('/').unwrap().0;
        check(&session, second, &format!("{folder}/0.m4s"), segment);
    }
}

#[test]
fn a_redirected_segment_counts_once() {
    let (mut session, _) = session();
    fetch(&mut session, FIRST, "/v.m3u8", b"#EXTM3U\n#EXTINF:4,\nhop/0.ts\n#EXTINF:4,\nhop/1.ts\n");
    let mut index = |target: &str| session.graph.ask("p", Request::of(FIRST, target)).1;
    assert_eq!(index("/hop/0.ts"), Some(0));
    let led = |target: &str| Address { origin: FIRST, target: target.to_owned() };
    session.graph.redirect(&led("/hop/0.ts"), &led("/edge/0.ts"));
    let mut index = |target: &str| session.graph.ask("p", Request::of(FIRST, target)).1;
    assert_eq!([index("/edge/0.ts"), index("/hop/1.ts")], [Some(0), Some(1)]);
}

#[test]
fn cloned_pathways_are_known_by_their_stable_ids() {
    let (mut session, second) = session();
    let master = b"#EXTM3U\n#EXT-X-CONTENT-STEERING:SERVER-URI=\"/steer\"\n#EXT-X-STREAM-INF:BANDWIDTH=1,STABLE-VARIANT-ID=\"v1\"\nv.m3u8\n";
    fetch(&mut session, FIRST, "/m.m3u8", master);
    let steering = br#"{"VERSION":1,"RELOAD-URI":"/again","PATHWAY-CLONES":[{"BASE-ID":".","ID":"b",
        "URI-REPLACEMENT":{"PER-VARIANT-URIS":{"v1":"http://b.example/clone.m3u8"}}}]}"#;
    fetch(&mut session, FIRST, "/steer?_HLS_pathway=a&_HLS_throughput=1", steering);
    check(&session, second, "/clone.m3u8", (Manifest, Some(0)));
    fetch(&mut session, FIRST, "/again", br#"{"VERSION":1}"#);
}

#[test]
fn a_period_in_a_document_of_its_own_and_a_patch_belong_to_their_mpd() {
    let (mut session, second) = session();
    let set = |media: &str, bandwidth: u32| {
        format!(
            "<AdaptationSet mimeType='video/mp4'><SegmentTemplate media='{media}/$Number$.m4s'/>\
             <Representation id='1' bandwidth='{bandwidth}'/></AdaptationSet>"
        )
    };
    let mpd = format!(
        "<MPD xmlns:xlink='x'><BaseURL>/base/</BaseURL><PatchLocation>/a.mpp</PatchLocation><Period>{}</Period>\
         <Period xlink:href='http://b.example/ads/p'/><Period xlink:href='urn:mpeg:dash:resolve-to-zero:2013'/></MPD>",
        set("film", 700)
    );
    fetch(&mut session, FIRST, "/a.mpd", mpd.as_bytes());
    check(&session, second, "/ads/p", (Manifest, None));
    fetch(
        &mut session,
        second,
        "/ads/p",
        format!("<Period>{}{}</Period>", set("ad", 700), set("odd", 9)).as_bytes(),
    );
    check(&session, FIRST, "/base/ad/1.m4s", (Segment, Some(0)));
    check(&session, second, "/ads/ad/1.m4s", (Segment, Some(0)));
    check(&session, second, "/ads/odd/1.m4s", (Segment, None));
    assert_eq!(session.graph.ladder().len(), 1, "what is put in does not change the ladder");
    let patch = format!(
        "<Patch><add sel='/MPD'><Period>{}</Period></add><add sel='/MPD/Period'>{}</add></Patch>",
        set("later", 700),
        set("more", 700)
    );
    fetch(&mut session, FIRST, "/a.mpp", patch.as_bytes());
    check(&session, FIRST, "/base/later/1.m4s", (Segment, Some(0)));
    check(&session, FIRST, "/base/more/1.m4s", (Segment, Some(0)));
    check(&session, FIRST, "/base/film/1.m4s", (Segment, Some(0)));
}

#[test]
fn odd_bytes_are_found_as_each_player_spells_them() {
    let (mut session, _) = session();
    fetch(&mut session, FIRST, "/v.m3u8", b"#EXTM3U\n#EXTINF:4,\ncaf\xe9/0.ts\n");
    check(&session, FIRST, "/caf%E9/0.ts", (Segment, None));
    check(&session, FIRST, "/caf%EF%BF%BD/0.ts", (Segment, None));
}

#[test]
fn prefetched_segments_are_known_and_hinted() {
    let (mut session, _) = session();
    fetch(&mut session, FIRST, "/v.m3u8", b"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:5\n#EXTINF:4,\n5.ts\n#EXT-X-PREFETCH:6.ts\n#EXT-X-TWITCH-PREFETCH:7.ts\n");
    let place = |target: &str| session.graph.classify(Request::of(FIRST, target)).place;
    assert_eq!((place("/6.ts").media_sequence, place("/6.ts").hinted), (Some(6), true));
    assert_eq!((place("/7.ts").media_sequence, place("/5.ts").hinted), (Some(7), false));
}

#[test]
fn a_url_is_known_in_the_spelling_in_which_it_was_declared() {
    let (mut session, _) = session();
    fetch(
        &mut session,
        FIRST,
        "/v.m3u8?player_id=tv",
        b"#EXTM3U\n#EXTINF:4,\n0.ts?player_id=origins\n#EXTINF:4,\n1.ts\n",
    );
    let is_declared = |target: &str| session.graph.is_declared_as(FIRST, target);
    assert!(is_declared("/0.ts?player_id=origins") && is_declared("/1.ts"));
    assert!(!is_declared("/1.ts?player_id=tv") && !is_declared("/0.ts?player_id=tv"));
    assert!(!is_declared("/v.m3u8?player_id=tv"), "the rig's own parameter");
}
