//! JSON that playlists lead to: the assets of interstitials and steering manifests, of HLS and of DASH.
//!
//! Invariant: what they name is what the playlist that declared them would have named. Deliberately absent: choosing a pathway.

use rebuffer_kit::{Ask, Origin, Setup, Wire};
use rebuffer_model::{ActionKind, PresentationRole, Remark, RequestKind};

use super::{Stage, TEMPLATE, dash, declared, hls, known, master, media, mpd, rung, typed};

const MASTER: &str = "#EXTM3U\n#EXT-X-CONTENT-STEERING:SERVER-URI=\"steer\",PATHWAY-ID=\"A\"\n\
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"a\",STABLE-RENDITION-ID=\"en\",URI=\"audio.m3u8\"\n\
    #EXT-X-STREAM-INF:BANDWIDTH=400000,PATHWAY-ID=\"A\",STABLE-VARIANT-ID=\"low\",AUDIO=\"a\"\nlow.m3u8\n\
    #EXT-X-STREAM-INF:BANDWIDTH=900000,PATHWAY-ID=\"A\",STABLE-VARIANT-ID=\"high\",AUDIO=\"a\"\nhigh.m3u8?k=1\n";

/// An origin `b` with playlists, and one whose master is steered by this JSON.
async fn steered(json: impl Fn(&str) -> String + Send + Sync + 'static) -> (Stage, Origin) {
    let away = Origin::serve(|asked| match asked.path().ends_with(".m3u8") {
        true => hls().body(asked, media(&["s1.ts"])),
        false => typed("").body(asked, "b"),
    })
    .await;
    let b = away.address.to_string();
    let home = Origin::serve(move |asked| match asked.path() {
        "/master.m3u8" => hls().body(asked, MASTER),
        "/m.mpd" => dash().body(asked, mpd("<ContentSteering>steer</ContentSteering>", TEMPLATE)),
        "/steer" | "/again" => typed("application/json").body(asked, json(&b)),
        _ => typed("").body(asked, "own"),
    })
    .await;
    let setup = Setup::at(home.address).and("b", away.address);
    (Stage::with(home, setup, "").await, away)
}

#[tokio::test]
async fn a_steering_manifest_keeps_the_player_inside() {
    let text = |reload: &str, host: &str, low: &str| {
        format!(
            "{{ \"VERSION\": 1, \"TTL\": 10, \"RELOAD-URI\": \"{reload}\", \"PATHWAY-PRIORITY\": [\"B\", \"A\"],\n\
             \"PATHWAY-CLONES\": [{{\"BASE-ID\": \"A\", \"ID\": \"B\", \"URI-REPLACEMENT\": {{\"HOST\": \"{host}\",\n\
             \"PER-VARIANT-URIS\": {{\"low\": \"{low}\"}}}}}}]}}"
        )
    };
    let (mut stage, _away) =
        steered(move |b| text(&format!("http:\\/\\/{b}/again"), b, &format!("http://{b}/clone/low"))).await;
    stage.get("/master.m3u8").await;
    let answer = stage.get("/steer").await;
    let b = stage.rig.port_to("tv", "b").await;
    assert_eq!(
        answer.text(),
        text(&format!("http://{b}/again"), &b.to_string(), &format!("http://{b}/clone/low"))
    );
    assert_eq!(answer.value("content-length"), Some(answer.body.len().to_string().as_str()));
    let row = stage.row("/steer").await;
    assert_eq!((known(&row), row.remarks), (declared(RequestKind::Other), vec![Remark::UrlsRewritten]));

    // A cloned pathway is the pathway it clones, elsewhere.
    for (target, kind, place) in [
        ("/clone/low", RequestKind::Manifest, Some(0)),
        ("/high.m3u8?k=1", RequestKind::Manifest, Some(1)),
        ("/s1.ts", RequestKind::Segment, Some(1)),
        ("/audio.m3u8", RequestKind::AudioManifest, None),
        ("/again", RequestKind::Other, None),
    ] {
        Wire::fetch(b, &Ask::get(target)).await;
        let row = stage.row(target).await;
        assert_eq!((known(&row), rung(&row)), (declared(kind), place), "{target}");
        assert_eq!(row.origin.map(|it| it.name.to_string()).as_deref(), Some("b"), "{target}");
    }
}

#[tokio::test]
async fn the_parameters_of_a_cloned_pathway_are_part_of_its_urls() {
    let (mut stage, _away) = steered(|b| {
        format!(
            "{{\"VERSION\":1,\"PATHWAY-CLONES\":[{{\"BASE-ID\":\"A\",\"ID\":\"B\",\"URI-REPLACEMENT\":\
             {{\"HOST\":\"{b}\",\"PARAMS\":{{\"t\":\"x/y\",\"a\":\"1\"}}}}}},\
             {{\"BASE-ID\":\"B\",\"ID\":\"C\",\"URI-REPLACEMENT\":{{\"PARAMS\":{{\"c\":\"2\"}}}}}}]}}"
        )
    })
    .await;
    stage.get("/master.m3u8").await;
    stage.get("/steer").await;
    let b = stage.rig.port_to("tv", "b").await;
    for (target, place) in [
        ("/low.m3u8?a=1&t=x/y", 0),
        ("/high.m3u8?k=1&a=1&t=x/y", 1),
        ("/low.m3u8?a=1&t=x%2Fy", 0),
        ("/low.m3u8?a=1&t=x/y&c=2", 0),
    ] {
        Wire::fetch(b, &Ask::get(target)).await;
        let row = stage.row(target).await;
        assert_eq!((known(&row), rung(&row)), (declared(RequestKind::Manifest), Some(place)), "{target}");
    }
}

#[tokio::test]
async fn steering_elsewhere_is_told_and_what_is_no_json_too() {
    let (mut stage, _away) = steered(|_| {
        "{\"VERSION\":1,\"RELOAD-URI\":\"https://steer.invalid/r\",\"PATHWAY-CLONES\":[{\"BASE-ID\":\"A\",\"ID\":\"B\",\
         \"URI-REPLACEMENT\":{\"HOST\":\"cdn.invalid\"}}]}"
            .to_owned()
    })
    .await;
    stage.get("/m.mpd").await;
    stage.get("/steer").await;
    let row = stage.row("/steer").await;
    assert_eq!((known(&row), row.remarks), (declared(RequestKind::Other), vec![Remark::OriginLeft]));
    let mut left = Vec::new();
    for _ in 0..2 {
        let ActionKind::OriginLeft { host, setting } = stage.feed.action("origin_left").await.kind else {
            panic!("another action")
        };
        left.push((host, setting));
    }
    let expected = ["https://steer.invalid", "http://cdn.invalid"]
        .map(|host| (host.to_owned(), format!("--origin-hosts {}", host.split_once("//").expect("a URL").1)));
    assert_eq!(left, expected);

    let (mut stage, _away) = steered(|_| "<html>busy</html>".to_owned()).await;
    stage.get("/master.m3u8").await;
    assert_eq!(stage.get("/steer").await.text(), "<html>busy</html>");
    let row = stage.row("/steer").await;
    assert_eq!(row.remarks, [Remark::PlaylistUnread]);
    let reason = "it is not the JSON that an asset list or a steering manifest is";
    assert_eq!(row.answer.playlist_unread.as_deref(), Some(reason));
}

#[tokio::test]
async fn assets_of_a_list_are_interstitials_with_ladders_of_their_own() {
    let list = |host: &str| {
        format!(
            "{{\"ASSETS\":[{{\"URI\":\"{host}/ad.m3u8\",\"DURATION\":4.0}},{{\"URI\":\"ads\\/2\",\"DURATION\":2}}]}}"
        )
    };
    let away = Origin::serve(|asked| match asked.path() {
        "/ad.m3u8" => hls().body(asked, master(&["one.m3u8"])),
        "/one.m3u8" => hls().body(asked, media(&["ad.ts"])),
        _ => typed("").body(asked, "b"),
    })
    .await;
    let b = away.address;
    let home = Origin::serve(move |asked| match asked.path() {
        "/master.m3u8" => hls().body(asked, master(&["low.m3u8", "high.m3u8"])),
        "/low.m3u8" => hls().body(
            asked,
            "#EXTM3U\n#EXT-X-DATERANGE:ID=\"1\",CLASS=\"com.apple.hls.interstitial\",X-ASSET-LIST=\"list.json?x=1\"\n\
             #EXTINF:2,\ns1.ts\n",
        ),
        "/list.json" => typed("application/json").body(asked, list(&format!("http://{b}"))),
        "/ads/2" => hls().body(asked, media(&["ad2.ts"])),
        _ => typed("").body(asked, "own"),
    })
    .await;
    let setup = Setup::at(home.address).and("b", b);
    let mut stage = Stage::with(home, setup, "").await;
    stage.get("/master.m3u8").await;
    stage.get("/low.m3u8").await;
    let before = stage.rig.api.player("tv").await.ladder;
    let answer = stage.get("/list.json?x=1&_HLS_primary_id=5b0f3e3e").await;
    let port = stage.rig.port_to("tv", "b").await;
    assert_eq!(answer.text(), list(&format!("http://{port}")));
    let row = stage.row("/list.json").await;
    assert_eq!((known(&row), row.remarks), (declared(RequestKind::Other), vec![Remark::UrlsRewritten]));
    for (at, target, kind, place) in [
        (port, "/ad.m3u8", RequestKind::MasterManifest, None),
        (port, "/one.m3u8", RequestKind::Manifest, Some(0)),
        (port, "/ad.ts", RequestKind::Segment, Some(0)),
        (stage.session, "/ads/2", RequestKind::Manifest, None),
        (stage.session, "/ads/ad2.ts", RequestKind::Segment, None),
    ] {
        Wire::fetch(at, &Ask::get(target)).await;
        let row = stage.row(target).await;
        assert_eq!((known(&row), rung(&row)), (declared(kind), place), "{target}");
        if at == port {
            let presentation = row.request.presentation.expect("a presentation");
            assert_eq!(
                (&*presentation.path, presentation.role),
                ("/ad.m3u8", PresentationRole::Interstitial)
            );
        }
    }
    assert_eq!(stage.rig.api.player("tv").await.ladder, before, "the programme's ladder stays");
}
