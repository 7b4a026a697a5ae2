//! What is rewritten of a playlist at `/vod/a` on the first of three origins, and what stays.

use bytes::Bytes;

use super::*;
use crate::Expected;
use crate::graph::Graph;
use crate::origin::Origin;

/// The first two are served at ports of their own, the third at none.
const ORIGINS: [&str; 3] = ["https://cdn.example", "http://cdn.example:8080", "https://full.example"];

fn run_as(expected: Expected, body: &[u8]) -> (Bytes, usize, Vec<String>) {
    let graph = Graph::new(ORIGINS.map(|url| Origin::parse(url).unwrap()));
    let playlist = Playlist::read(&Bytes::copy_from_slice(body), expected).unwrap().expect("a playlist");
    let at = Address { origin: OriginId::FIRST, target: "/vod/a?q=https%3A%2F%2Fcdn.example".to_owned() };
    let context = graph.context(&at, &playlist);
    let serves = |id| match graph.origins().get(id).map(Origin::to_string)?.as_str() {
        "https://cdn.example" => Some("http://rig:1".to_owned()),
        "http://cdn.example:8080" => Some("http://rig:2".to_owned()),
        _ => None,
    };
    let localised = localise(&playlist, &context, serves);
    let foreign = context.leads(&playlist).foreign.iter().map(Foreign::to_string).collect();
    (localised.playlist.body(), localised.changed, foreign)
}

/// The body after these replacements, which are all that changes.
#[track_caller]
fn check(body: &str, replacements: &[(&str, &str)]) {
    check_as(Expected::Unknown, body, replacements);
}

#[track_caller]
fn check_as(expected: Expected, body: &str, replacements: &[(&str, &str)]) {
    let mut after = body.to_owned();
    for (from, to) in replacements {
        assert_eq!(after.matches(from).count(), 1, "{from}");
        after = after.replace(from, to);
    }
    let (localised, changed, _) = run_as(expected, body.as_bytes());
    assert_eq!(std::str::from_utf8(&localised).unwrap(), after);
    assert_eq!(changed, replacements.len());
}

#[test]
fn urls_of_the_own_origin_become_paths_and_no_other_byte_changes() {
    check(
        "\u{feff}#EXTM3U\r\n#EXT-X-KEY:METHOD=AES-128 , URI=\"https://CDN.example/k?a=1,b\",IV=0x1\r\n\
         #EXT-X-MEDIA:TYPE=AUDIO,URI=\"//cdn.example/a.m3u8\",NAME=\"x\"\r\n\
         #EXT-X-CONTENT-STEERING:SERVER-URI=\"https://cdn.example/steer\"\r\n\
         #EXTINF:4,https://cdn.example/title\r\n  https://cdn.example:443/s/1.ts#f \r\n\
         # https://cdn.example/comment\r\nhttps://cdn.example?x\r\n/already/there.ts\r\nhere.ts",
        &[
            ("https://CDN.example/k", "/k"),
            ("//cdn.example/a.m3u8", "/a.m3u8"),
            ("https://cdn.example/steer", "/steer"),
            ("https://cdn.example:443/s/1.ts#f", "/s/1.ts#f"),
            ("https://cdn.example?x\r\n", "/?x\r\n"),
        ],
    );
}

#[test]
fn urls_of_other_origins_of_the_session_are_led_to_their_ports() {
    check(
        "#EXTM3U\n#EXTINF:4,\nhttp://cdn.example:8080/1.ts?a=//b\n#EXTINF:4,\nhttp://cdn.example:8080\n",
        &[
            ("http://cdn.example:8080/1.ts", "http://rig:2/1.ts"),
            ("http://cdn.example:8080\n", "http://rig:2/\n"),
        ],
    );
}

#[test]
fn urls_of_others_stay_and_are_named_once() {
    let body = "#EXTM3U\n#EXTINF:4,\nhttp://other.example/1.ts\n#EXTINF:4,\nhttp://other.example/2.ts\n\
                #EXTINF:4,\nhttp://user:secret@cdn.example:8080/3.ts\n#EXT-X-KEY:METHOD=X,URI=\"skd://k\"\n\
                #EXTINF:4,\nhttps://full.example/no/port\n";
    let (after, changed, foreign) = run_as(Expected::Unknown, body.as_bytes());
    assert_eq!((after.as_ref(), changed), (body.as_bytes(), 0));
    assert_eq!(foreign, ["http://other.example", "cdn.example:8080"]);
}

#[test]
fn a_path_that_begins_with_two_slashes_does_not_become_a_host() {
    let uri = "https://cdn.example//evil.example/1.ts";
    check(&format!("#EXTM3U\n#EXTINF:4,\n{uri}\n"), &[(uri, "/.//evil.example/1.ts")]);
    let uri = "http://cdn.example:8080//evil.example/1.ts";
    check(&format!("#EXTM3U\n#EXTINF:4,\n{uri}\n"), &[(uri, "http://rig:2//evil.example/1.ts")]);
}

#[test]
fn a_host_that_comes_from_a_variable_is_written_out() {
    check(
        "#EXTM3U\n#EXT-X-DEFINE:NAME=\"cdn\",VALUE=\"https://cdn.example\"\n#EXT-X-DEFINE:QUERYPARAM=\"q\"\n\
         #EXTINF:4,\n{$cdn}/1.ts?a={$none}\n#EXTINF:4,\n{$q}/2.ts\n#EXTINF:4,\nhttps://cdn.example/{$cdn}/3.ts\n",
        &[
            ("{$cdn}/1.ts?a={$none}", "/1.ts?a={$none}"),
            ("{$q}/2.ts", "/2.ts"),
            ("https://cdn.example/{$cdn}/3.ts", "/{$cdn}/3.ts"),
        ],
    );
}

#[test]
fn every_place_of_an_hls_playlist_is_led() {
    let url = |name: &str| format!("https://cdn.example/{name}");
    let mut body = "#EXTM3U\n".to_owned();
    let places = [
        "#EXT-X-DATERANGE:ID=\"1\",X-ASSET-URI=\"@\"",
        "#EXT-X-DATERANGE:ID=\"2\",X-ASSET-LIST=\"@\"",
        "#EXT-X-PREFETCH:@",
        "#EXT-X-TWITCH-PREFETCH:@",
        "#EXT-X-MAP:URI=\"@\"",
        "#EXT-X-PART:URI=\"@\"",
        "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"@\"",
        "#EXT-X-RENDITION-REPORT:URI=\"@\"",
        "#EXT-X-SESSION-DATA:DATA-ID=\"d\",URI=\"@\"",
        "#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"@\"",
        "#EXT-X-IMAGE-STREAM-INF:URI=\"@\"",
    ];
    for (number, place) in places.iter().enumerate() {
        body.push_str(&place.replace('@', &url(&number.to_string())));
        body.push('\n');
    }
    let (after, changed, _) = run_as(Expected::Unknown, body.as_bytes());
    assert_eq!(changed, places.len());
    assert_eq!(after, body.replace("https://cdn.example", ""));
}

#[test]
fn every_place_of_an_mpd_is_led() {
    let body = "<MPD xmlns:xlink=\"x\"><Location>https://cdn.example/a.mpd?x=1&amp;y=2</Location>\n\
                <PatchLocation ttl='9'>https://cdn.example/p.mpp</PatchLocation>\n\
                <BaseURL> https://cdn.example/b/ </BaseURL>\n\
                <BaseURL><![CDATA[http://cdn.example:8080/c/?a&b]]></BaseURL>\n\
                <ContentSteering defaultServiceLocation='a'>https://cdn.example/steer</ContentSteering>\n\
                <UTCTiming schemeIdUri='urn:mpeg:dash:utc:http-xsdate:2014' value='https://cdn.example/t1 https://cdn.example/t2'/>\n\
                <UTCTiming schemeIdUri='urn:mpeg:dash:utc:direct:2014' value='https://cdn.example/no'/>\n\
                <Metrics metrics='x'><Reporting schemeIdUri='urn:dvb' dvb:reportingUrl='https://cdn.example/report'/></Metrics>\n\
                <Period xlink:href='https://cdn.example/p' id=\"1\"><BaseURL>https://cdn.example/q/</BaseURL>\n\
                <EventStream schemeIdUri='urn:mpeg:dash:event:callback:2015'><Event messageData='https://cdn.example/call'/></EventStream>\n\
                <EventStream schemeIdUri='urn:other'><Event messageData='https://cdn.example/no'/></EventStream>\n\
                <AdaptationSet><ContentProtection><dashif:Laurl>https://cdn.example/licence</dashif:Laurl></ContentProtection>\n\
                <SegmentTemplate media = \"https://CDN.example:443/$Number$.m4s\" initialization='i.mp4'/>\n\
                <Representation><BaseURL>//cdn.example/r</BaseURL></Representation></AdaptationSet></Period></MPD>";
    check(
        body,
        &[
            ("https://cdn.example/a.mpd", "/a.mpd"),
            ("https://cdn.example/p.mpp", "/p.mpp"),
            ("https://cdn.example/b/", "/b/"),
            ("http://cdn.example:8080/c/", "http://rig:2/c/"),
            ("https://cdn.example/steer", "/steer"),
            ("https://cdn.example/t1", "/t1"),
            ("https://cdn.example/t2", "/t2"),
            ("https://cdn.example/report", "/report"),
            ("https://cdn.example/p'", "/p'"),
            ("https://cdn.example/q/", "/q/"),
            ("https://cdn.example/call", "/call"),
            ("https://cdn.example/licence", "/licence"),
            ("https://CDN.example:443/$", "/$"),
            ("//cdn.example/r", "/r"),
        ],
    );
}

#[test]
fn an_entity_is_expanded_where_it_has_the_host() {
    check(
        "<!DOCTYPE MPD [<!ENTITY cdn 'https://cdn.example'>]><MPD><BaseURL>&cdn;/a?b=1&amp;c</BaseURL></MPD>",
        &[("&cdn;/a?b=1&amp;c", "/a?b=1&amp;c")],
    );
}

#[test]
fn an_mpd_in_another_encoding_stays_in_it() {
    let text = "<MPD><!-- \u{e9} --><BaseURL>https://cdn.example/\u{e9}/</BaseURL></MPD>";
    let latin = |text: &str| {
        let head = "<?xml version='1.0' encoding='ISO-8859-1'?>";
        [head.as_bytes(), &text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect::<Vec<_>>()]
            .concat()
    };
    let wide = |text: &str| {
        "\u{feff}"
            .chars()
            .chain(text.chars())
            .collect::<String>()
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<_>>()
    };
    let expected = text.replace("https://cdn.example", "");
    assert_eq!(run_as(Expected::Unknown, &latin(text)).0, latin(&expected));
    assert_eq!(run_as(Expected::Unknown, &wide(text)).0, wide(&expected));
}

#[test]
fn odd_bytes_stay_beside_what_is_rewritten() {
    let (after, changed, _) =
        run_as(Expected::Unknown, b"#EXTM3U\n#EXTINF:4,caf\xe9\nhttps://cdn.example/caf\xe9.ts\n");
    assert_eq!((after.as_ref(), changed), (&b"#EXTM3U\n#EXTINF:4,caf\xe9\n/caf\xe9.ts\n"[..], 1));
}

#[test]
fn documents_of_playlists_are_led_as_well() {
    check_as(
        Expected::AssetList,
        r#"{"ASSETS":[{"URI":"https:\/\/cdn.example\/ad.m3u8","DURATION":8},{"URI":"ad2.m3u8"}],"X":"https://cdn.example/x"}"#,
        &[(r#""https:\/\/cdn.example\/ad.m3u8""#, r#""/ad.m3u8""#)],
    );
    check_as(
        Expected::Steering,
        r#"{"VERSION":1,"RELOAD-URI":"https://cdn.example/steer","PATHWAY-CLONES":[{"BASE-ID":"a","ID":"b",
            "URI-REPLACEMENT":{"HOST":"cdn.example","PER-VARIANT-URIS":{"v":"http://cdn.example:8080/v.m3u8"}}}]}"#,
        &[
            ("https://cdn.example/steer", "/steer"),
            (r#""cdn.example""#, r#""rig:1""#),
            ("http://cdn.example:8080/v.m3u8", "http://rig:2/v.m3u8"),
        ],
    );
}

#[test]
fn nothing_to_do_is_no_copy() {
    for text in
        ["#EXTM3U\n#EXTINF:4,\n1.ts\n", "#EXTM3U\n#EXTINF:4,\nhttps://elsewhere.example/1.ts\n", "<MPD/>"]
    {
        let body = Bytes::from(text.to_owned());
        let graph = Graph::new([Origin::parse("https://cdn.example").unwrap()]);
        let playlist = Playlist::read(&body, Expected::Unknown).unwrap().unwrap();
        let at = Address { origin: OriginId::FIRST, target: "/a".to_owned() };
        let localised = localise(&playlist, &graph.context(&at, &playlist), |_| None);
        assert_eq!(localised.playlist.body().as_ptr(), body.as_ptr());
    }
}

#[test]
fn a_redirect_in_every_form_stays_where_it_may() {
    let mut origins = Origins::default();
    for url in ORIGINS {
        origins.add(Origin::parse(url).unwrap());
    }
    let context =
        Context::at(Address { origin: OriginId::FIRST, target: "/vod/a?q".to_owned() }, origins.clone());
    let second = origins.find(&Origin::parse(ORIGINS[1]).unwrap()).unwrap();
    let serves = |id| (id == second).then(|| "http://rig:2".to_owned());
    let here = |location: &str, target: &str, written: Option<&str>| {
        let to = Address { origin: OriginId::FIRST, target: target.to_owned() };
        let led = Led::Here { to, written: written.map(str::to_owned) };
        assert_eq!(context.led(location, serves), led, "{location}");
    };
    here("b", "/vod/b", None);
    here("/b//c", "/b//c", None);
    here("?x=1", "/vod/a?x=1", None);
    here("HTTPS://CDN.example/b#f", "/b", Some("/b#f"));
    here("//cdn.example/b", "/b", Some("/b"));
    here("https://cdn.example?x=1", "/?x=1", Some("/?x=1"));
    here("https://cdn.example//evil.example/x", "//evil.example/x", Some("/.//evil.example/x"));
    let to = Address { origin: second, target: "/b".to_owned() };
    let other = "http://cdn.example:8080/b";
    assert_eq!(
        context.led(other, serves),
        Led::Here { to: to.clone(), written: Some("http://rig:2/b".to_owned()) }
    );
    assert_eq!(context.led(other, |_| None), Led::Here { to, written: None });
    assert!(matches!(context.led("//evil.example/x", serves), Led::Foreign(_)));
    assert_eq!(context.led("mailto:a@b", serves), Led::Nowhere);
}
