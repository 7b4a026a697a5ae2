//! What a session learned: kept when it idles away, learned anew after a restart, and until then told.
//!
//! Invariant: one request goes upstream for one of the player, also where the rig has to read what the player has already. How much
//! of a long film is kept is measured beside the code (`proxy/media/tests/media/session.rs`).

use std::time::Duration;

use rebuffer_kit::{Ask, Asked, Origin, Rig, Said, Setup, Wire};
use rebuffer_model::{ActionKind, Known, Remark, RequestKind};

use super::{Stage, declared, hls, known, master, media, rung, typed};

const TAG: &str = "\"v1\"";
const DATE: &str = "Mon, 02 Mar 2026 10:00:00 GMT";

fn site(asked: &Asked) -> Said {
    let playlist = || hls().with("ETag", TAG).with("Last-Modified", DATE);
    let is_known = asked.value("if-none-match").is_some_and(|tag| tag.contains(TAG))
        || (asked.value("if-none-match").is_none() && asked.value("if-modified-since") == Some(DATE));
    match asked.path() {
        _ if is_known => rebuffer_kit::Saying::new(304, "Not Modified").with("ETag", TAG).bare(),
        "/master.m3u8" | "/m/live" => playlist().body(asked, master(&["low.m3u8", "/high.m3u8"])),
        "/low.m3u8" | "/high.m3u8" => playlist().body(asked, media(&["s0.ts", "s1.ts"])),
        "/own.m3u8" => {
            let host = asked.value("host").unwrap_or_default();
            playlist().body(asked, media(&[&format!("http://{host}/own.ts")]))
        }
        _ => typed("").with("ETag", TAG).body(asked, "media"),
    }
}

async fn stage() -> Stage {
    Stage::new(site).await
}

#[tokio::test]
async fn what_was_learned_survives_the_idle_end_and_a_change_of_the_port() {
    let home = Origin::serve(site).await;
    let setup = Setup::at(home.address).idle(Duration::ZERO).session_ports(2);
    let rig = Rig::start(setup).await;
    let mut feed = rig.feed().await;
    let first = rig.session("tv").await;
    let mut wire = Wire::connect(first).await;
    for target in ["/master.m3u8", "/high.m3u8"] {
        wire.ask(&Ask::get(target)).await;
    }
    drop(wire);
    // Others use all ports meanwhile, so that the one that comes back gets another one.
    let mut ports = vec![first];
    for (player, target) in [("phone", "/other.ts"), ("pad", "/more.ts"), ("tv", "/s1.ts")] {
        feed.action("session_end").await;
        let at = rig.session(player).await;
        Wire::fetch(at, &Ask::get(target)).await;
        let row = feed.exchange(target).await;
        let expected = match player {
            "tv" => (declared(RequestKind::Segment), Some(1)),
            _ => ((RequestKind::Segment, Known::Guessed), None),
        };
        assert_eq!((known(&row), rung(&row)), expected, "{player}");
        ports.push(at);
    }
    assert_eq!(ports[2], ports[0]);
    assert_ne!(ports[3], ports[0]);
}

#[tokio::test]
async fn after_a_restart_it_is_told_what_is_not_known_until_it_is() {
    let mut stage = stage().await;
    for target in ["/master.m3u8", "/high.m3u8"] {
        stage.get(target).await;
    }
    assert_eq!(stage.known("/s0.ts").await, declared(RequestKind::Segment));
    assert_eq!(stage.feed.waiting("playlists_unknown"), 0);

    let Stage { rig, home, session, .. } = stage;
    let rig = rig.restarted().await;
    let feed = rig.feed().await;
    let mut stage = Stage { rig, home, session, feed };
    for target in ["/s1.ts?first", "/s0.ts?again"] {
        assert_eq!(stage.known(target).await, (RequestKind::Segment, Known::Guessed), "{target}");
    }
    let path = "/s1.ts".to_owned();
    let unknown = ActionKind::PlaylistsUnknown { path };
    assert_eq!(stage.feed.action("playlists_unknown").await.kind, unknown);
    let unseen = stage.rig.api.player("tv").await.session.expect("a session").unseen;
    assert_eq!(unseen.into_iter().map(|it| it.action).collect::<Vec<_>>(), [unknown]);

    stage.get("/master.m3u8?later").await;
    stage.get("/high.m3u8?later").await;
    assert_eq!(known(&stage.row("/high.m3u8?later").await).1, Known::Declared);
    stage.get("/s1.ts?later").await;
    let row = stage.row("/s1.ts?later").await;
    assert_eq!(row.request.kind, RequestKind::Segment);
    assert_eq!(stage.rig.api.player("tv").await.session.expect("a session").unseen, []);
    assert_eq!(stage.feed.waiting("playlists_unknown"), 0, "told once");
}

#[tokio::test]
async fn a_condition_is_taken_off_a_playlist_that_was_not_read_and_answered_by_the_rig() {
    let conditions: [(&str, &str); 5] = [
        ("If-None-Match", TAG),
        ("If-None-Match", "\"old\", W/\"v1\""),
        ("If-None-Match", "*"),
        ("If-Modified-Since", DATE),
        ("If-Modified-Since", "Tue, 03 Mar 2026 10:00:00 GMT"),
    ];
    for (name, value) in conditions {
        let mut stage = stage().await;
        let ask = |target: &str| Ask::get(target).with(name, value);
        for (target, kind) in
            [("/master.m3u8", RequestKind::MasterManifest), ("/high.m3u8", RequestKind::Manifest)]
        {
            let answer = Wire::fetch(stage.session, &ask(target)).await;
            assert_eq!((answer.status, answer.body.len()), (304, 0), "{target} {value}");
            assert_eq!((answer.value("etag"), answer.value("content-length")), (Some(TAG), None));
            let asked = stage.home.take_asked();
            assert_eq!(asked.len(), 1, "one request for one of the player");
            assert_eq!(["if-none-match", "if-modified-since"].map(|name| asked[0].value(name)), [None; 2]);
            let row = stage.row(target).await;
            assert_eq!((known(&row), row.answer.status), (declared(kind), 304), "{target} {value}");
            assert_eq!(row.origin.expect("an answer").status, 200);
            assert_eq!(row.remarks, [Remark::ConditionRemoved, Remark::NotModifiedByRig], "{target} {value}");
        }
        assert_eq!(stage.known("/s1.ts").await, declared(RequestKind::Segment), "it was read");
        stage.home.take_asked();
        // From now on the origin answers the condition.
        let answer = Wire::fetch(stage.session, &ask("/high.m3u8")).await;
        let asked = stage.home.take_asked();
        assert_eq!(asked[0].value(name), Some(value));
        if value == TAG || value == DATE {
            assert_eq!(answer.status, 304);
        }
        assert_eq!(stage.row("/high.m3u8").await.remarks, [], "{value}");
    }
}

#[tokio::test]
async fn a_condition_that_is_not_met_gets_the_playlist() {
    for (name, value) in [
        ("If-None-Match", "\"v2\""),
        ("If-Modified-Since", "Sun, 01 Mar 2026 10:00:00 GMT"),
        ("If-Modified-Since", "never"),
    ] {
        let mut stage = stage().await;
        for (target, kind) in
            [("/master.m3u8", RequestKind::MasterManifest), ("/m/live", RequestKind::MasterManifest)]
        {
            let answer = Wire::fetch(stage.session, &Ask::get(target).with(name, value)).await;
            assert_eq!((answer.status, answer.text()), (200, master(&["low.m3u8", "/high.m3u8"]).as_str()));
            let row = stage.row(target).await;
            assert_eq!(
                (known(&row), row.remarks),
                (declared(kind), vec![Remark::ConditionRemoved]),
                "{target}"
            );
            assert_eq!(stage.home.take_asked().len(), 1);
        }
    }
}

#[tokio::test]
async fn a_playlist_whose_paths_were_rewritten_is_still_revalidated_and_media_is_left_alone() {
    let mut stage = stage().await;
    let weak = format!("W/{TAG}");
    let answer = Wire::fetch(stage.session, &Ask::get("/own.m3u8").with("If-None-Match", &weak)).await;
    assert_eq!((answer.status, answer.value("etag")), (304, Some(weak.as_str())));
    let remarks = stage.row("/own.m3u8").await.remarks;
    assert_eq!(remarks, [Remark::ConditionRemoved, Remark::UrlsRewritten, Remark::NotModifiedByRig]);
    assert_eq!(stage.known("/own.ts").await, declared(RequestKind::Segment));

    stage.home.take_asked();
    for target in ["/own.ts", "/poster.jpg", "/other.mp4"] {
        let ask = Ask::get(target).with("If-None-Match", TAG).with("Range", "bytes=0-3");
        assert_eq!(Wire::fetch(stage.session, &ask).await.status, 304, "{target}");
        let asked = stage.home.take_asked();
        assert_eq!(
            (asked[0].value("if-none-match"), asked[0].value("range")),
            (Some(TAG), Some("bytes=0-3"))
        );
    }
}
