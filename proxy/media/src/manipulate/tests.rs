//! What edits change, and that they change nothing else.

use bytes::Bytes;
use rebuffer_model::{Content, VariantOrder};

use super::{Manipulated, manipulate, scaled};
use crate::{Expected, Playlist};

const MASTER: &str = "#EXTM3U\r\n#EXT-X-VERSION:7\r\n\
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"lo\",NAME=\"a\",URI=\"lo.m3u8\"\r\n\
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"hi\",NAME=\"a\",URI=\"hi.m3u8\"\r\n\
    #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"nobody\",NAME=\"s\",URI=\"s.m3u8\"\r\n\
    # a comment\r\n\
    #EXT-X-STREAM-INF:BANDWIDTH=29857251,AVERAGE-BANDWIDTH=20000001,CODECS=\"avc1,mp4a\",RESOLUTION=1920x1080,SCORE=2.5,AUDIO=\"hi\"\r\n\
    top.m3u8?a=1\r\n\
    #EXT-X-STREAM-INF:AUDIO=\"lo\",BANDWIDTH=800000,CODECS=\"avc1\"\r\n\r\n\
    low.m3u8\r\n\
    #EXT-X-STREAM-INF:RESOLUTION=1280x720,BANDWIDTH=3000000,AUDIO=\"hi\"\r\n\
    mid.m3u8\r\n\
    #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=90000,RESOLUTION=1920x1080,URI=\"i-top.m3u8\"\r\n\
    #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=30000,CODECS=\"avc1\",RESOLUTION=1280x720,URI=\"i-mid.m3u8\"\r\n\
    #EXT-X-UNKNOWN:CODECS=\"stays\"\r\n";

const MPD: &str = "<?xml version='1.0'?>\n<m:MPD xmlns:m='urn:mpeg:dash:schema:mpd:2011' type='dynamic'>\n\
    <ServiceDescription><Latency target='3000'/></ServiceDescription>\n<Period>\n\
    <AdaptationSet mimeType='video/mp4' width='640'  codecs=\"avc1\">\n\
    <Representation id='low' bandwidth='800001' height='360'/>\n\
    <Representation id='high' bandwidth='3000000' width='1280' height='720'><BaseURL>x</BaseURL></Representation>\n\
    </AdaptationSet>\n<AdaptationSet mimeType='audio/mp4' codecs='mp4a'>\n\
    <Representation id='sound' bandwidth='128000'/>\n</AdaptationSet>\n\
    <AdaptationSet contentType='video'>\n<Representation id='other' bandwidth='5000000'/>\n</AdaptationSet>\n\
    </Period>\n</m:MPD>\n";

fn run(body: &Bytes, content: &Content) -> Manipulated {
    manipulate(&Playlist::read(body, Expected::Unknown).unwrap().expect("a playlist"), content)
}

fn edited(body: &str, content: &Content) -> String {
    let manipulated = run(&Bytes::copy_from_slice(body.as_bytes()), content);
    String::from_utf8(manipulated.playlist.body().to_vec()).unwrap()
}

/// The first text after each of the replacements.
#[track_caller]
fn check(body: &str, content: &Content, replacements: &[(&str, &str)]) {
    let mut expected = body.to_owned();
    for (from, to) in replacements {
        assert_eq!(expected.matches(from).count(), 1, "{from}");
        expected = expected.replace(from, to);
    }
    assert_eq!(edited(body, content), expected);
}

#[test]
fn attributes_go_and_every_other_byte_stays() {
    let content = Content { strip_codecs: true, ..Content::default() };
    check(
        MASTER,
        &content,
        &[(",CODECS=\"avc1,mp4a\"", ""), (",CODECS=\"avc1\"\r\n\r\n", "\r\n\r\n"), ("CODECS=\"avc1\",", "")],
    );
    let content = Content { strip_average_bandwidth: true, ..Content::default() };
    check(MASTER, &content, &[(",AVERAGE-BANDWIDTH=20000001", "")]);
    let content = Content { strip_resolution: true, ..Content::default() };
    let expected = MASTER.replace(",RESOLUTION=1920x1080", "").replace("RESOLUTION=1280x720,", "");
    assert_eq!(edited(MASTER, &content), expected);
}

#[test]
fn bandwidths_are_restated_and_cut() {
    assert_eq!((scaled(29_857_251, 10), scaled(10, -90), scaled(u64::MAX, 900)), (32_842_976, 1, u64::MAX));
    let content = Content { overstate_bandwidth: true, ..Content::default() };
    check(
        MASTER,
        &content,
        &[
            ("29857251", "32842976"),
            ("20000001", "22000001"),
            ("800000", "880000"),
            ("3000000", "3300000"),
            ("90000,", "99000,"),
            ("=30000,", "=33000,"),
        ],
    );
}

#[test]
fn variants_that_are_not_allowed_go_with_what_only_they_refer_to() {
    let content = Content { allowed_variants: vec!["low.m3u8".into()], ..Content::default() };
    let expected = "#EXTM3U\r\n#EXT-X-VERSION:7\r\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"lo\",NAME=\"a\",URI=\"lo.m3u8\"\r\n\
        #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"nobody\",NAME=\"s\",URI=\"s.m3u8\"\r\n\
        # a comment\r\n\
        #EXT-X-STREAM-INF:AUDIO=\"lo\",BANDWIDTH=800000,CODECS=\"avc1\"\r\n\r\nlow.m3u8\r\n\
        #EXT-X-UNKNOWN:CODECS=\"stays\"\r\n";
    assert_eq!(edited(MASTER, &content), expected);
}

#[test]
fn a_rung_keeps_the_i_frames_of_its_size() {
    let content = Content { allowed_rungs: vec![1, 99], ..Content::default() };
    let text = edited(MASTER, &content);
    for (part, stays) in
        [("\nmid.m3u8", true), ("top.m3u8?a", false), ("low.m3u8", false), ("i-mid", true), ("i-top", false)]
    {
        assert_eq!(text.contains(part), stays, "{part}\n{text}");
    }
    assert!(text.contains("\"hi.m3u8\"") && !text.contains("\"lo.m3u8\""));
}

#[test]
fn an_allow_list_that_allows_nothing_is_said_and_not_obeyed() {
    for body in [MASTER, MPD] {
        let bytes = Bytes::copy_from_slice(body.as_bytes());
        let content = Content { allowed_variants: vec!["absent".into()], ..Content::default() };
        let manipulated = run(&bytes, &content);
        assert_eq!(manipulated.playlist.body().as_ptr(), bytes.as_ptr());
        assert_eq!(
            manipulated.unmet.iter().map(|unmet| unmet.field).collect::<Vec<_>>(),
            ["allowed_variants"]
        );
    }
}

#[test]
fn variants_change_places_and_slots_stay() {
    let order = |order| Content { variant_order: Some(order), ..Content::default() };
    let uris = |text: &str| {
        text.lines()
            .filter(|line| line.ends_with("m3u8") && !line.starts_with('#') || line.contains("?a"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let ascending = edited(MASTER, &order(VariantOrder::Ascending));
    assert_eq!(uris(&ascending), ["low.m3u8", "mid.m3u8", "top.m3u8?a=1"]);
    assert!(ascending.contains("AUDIO=\"lo\",BANDWIDTH=800000,CODECS=\"avc1\"\r\nlow.m3u8"));
    assert_eq!(
        uris(&edited(MASTER, &order(VariantOrder::Descending))),
        ["top.m3u8?a=1", "mid.m3u8", "low.m3u8"]
    );
    assert_eq!(
        uris(&edited(MASTER, &order(VariantOrder::Reversed))),
        ["mid.m3u8", "low.m3u8", "top.m3u8?a=1"]
    );
    let ids = |text: &str| {
        text.match_indices(" id='")
            .map(|(at, _)| text.split_at(at + 5).1.chars().take(3).collect::<String>())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&edited(MPD, &order(VariantOrder::Descending))), ["hig", "low", "sou", "oth"]);
    assert_eq!(edited(MPD, &order(VariantOrder::Ascending)), MPD);
}

#[test]
fn the_live_offset_stands_behind_the_version_exactly_once() {
    let content = Content { live_offset: 18, ..Content::default() };
    let line = "#EXT-X-START:TIME-OFFSET=-18,PRECISE=YES\r\n";
    check(MASTER, &content, &[("#EXT-X-VERSION:7\r\n", &format!("#EXT-X-VERSION:7\r\n{line}"))]);
    let twice = MASTER.replace("# a comment", "#EXT-X-START:TIME-OFFSET=0\r\n#EXT-X-START:TIME-OFFSET=-6");
    let once = MASTER.replace("# a comment\r\n", line);
    assert_eq!(edited(&twice, &content), once);
    assert_eq!(edited(&once, &content), once);
    let bare = MASTER.replace("#EXT-X-VERSION:7\r\n", "");
    assert!(edited(&bare, &content).starts_with(&format!("#EXTM3U\r\n{line}")));
}

#[test]
fn an_mpd_is_edited_the_same_way() {
    let content = Content { strip_codecs: true, strip_resolution: true, ..Content::default() };
    check(
        MPD,
        &content,
        &[(" width='640'  codecs=\"avc1\"", ""), (" height='360'", ""), (" width='1280' height='720'", "")],
    );
    let content = Content { bandwidth_pct: Some(-50), ..Content::default() };
    check(MPD, &content, &[("'800001'", "'400000'"), ("'3000000'", "'1500000'"), ("'5000000'", "'2500000'")]);
    let content = Content { live_offset: 18, ..Content::default() };
    check(
        MPD,
        &content,
        &[
            ("<m:MPD xmlns", "<m:MPD suggestedPresentationDelay=\"PT18S\" xmlns"),
            ("target='3000'", "target='18000'"),
        ],
    );
    let content = Content { allowed_rungs: vec![1], ..Content::default() };
    check(
        MPD,
        &content,
        &[
            ("\n<Representation id='low' bandwidth='800001' height='360'/>", ""),
            (
                "\n<AdaptationSet contentType='video'>\n<Representation id='other' bandwidth='5000000'/>\n</AdaptationSet>",
                "",
            ),
        ],
    );
}

#[test]
fn a_bandwidth_that_stands_in_urls_is_left_alone() {
    let body = MPD.replace("<BaseURL>x</BaseURL>", "<SegmentTemplate media='$Bandwidth$/$Number$'/>");
    let content = Content { bandwidth_pct: Some(100), ..Content::default() };
    let manipulated = run(&Bytes::from(body.clone()), &content);
    let expected = body.replace("'800001'", "'1600002'").replace("'5000000'", "'10000000'");
    assert_eq!(manipulated.playlist.body(), expected);
    assert_eq!(manipulated.unmet.len(), 1);
}

#[test]
fn nothing_to_change_is_no_copy() {
    let all = Content { strip_average_bandwidth: true, ..Content::default() };
    for (body, content) in
        [(MASTER, &Content::default()), (MPD, &all), ("<Period/>", &all), ("#EXTM3U\n#EXTINF:1,\na\n", &all)]
    {
        let bytes = Bytes::copy_from_slice(body.as_bytes());
        let manipulated = run(&bytes, content);
        assert_eq!((manipulated.playlist.body().as_ptr(), manipulated.changed), (bytes.as_ptr(), 0));
    }
}
