//! Redirects of playlists and segments: what they lead to is what was asked for, and counts once.
//!
//! Invariant: a path never becomes a host. Deliberately absent: redirects between origins (see `several_origins.rs`).

use rebuffer_kit::{Origin, Saying, Setup, place};
use rebuffer_model::{ActionKind, Remark, RequestKind};

use super::{Stage, declared, hls, known, master, media, rung, typed};

/// `Location` as the origin writes it, with its own host as `{}`; as the player gets it; where it leads then, and where its
/// segments are; whether it was rewritten.
const FORMS: [(&str, &str, &str, &str); 11] = [
    ("deep/list", "deep/list", "/deep/list", "/deep/s1.ts"),
    ("/abs/list?a=b", "/abs/list?a=b", "/abs/list?a=b", "/abs/s1.ts"),
    ("?t=1", "?t=1", "/high.m3u8?t=1", "/s1.ts"),
    ("./x/../y/list#part", "./x/../y/list#part", "/y/list", "/y/s1.ts"),
    ("http://{}/one/list", "/one/list", "/one/list", "/one/s1.ts"),
    ("HtTp://{}/two/list?x=%2f", "/two/list?x=%2f", "/two/list?x=%2f", "/two/s1.ts"),
    ("//{}/three/list", "/three/list", "/three/list", "/three/s1.ts"),
    ("http://{}?four", "/?four", "/?four", "/s1.ts"),
    ("http://{}//evil.invalid/list", "/.//evil.invalid/list", "//evil.invalid/list", "//evil.invalid/s1.ts"),
    ("//{}//evil.invalid/list", "/.//evil.invalid/list", "//evil.invalid/list", "//evil.invalid/s1.ts"),
    ("/.//evil.invalid/list", "/.//evil.invalid/list", "//evil.invalid/list", "//evil.invalid/s1.ts"),
];

/// A master whose rung `high.m3u8` is redirected to this.
async fn redirected(location: &'static str, status: u16) -> Stage {
    Stage::new(move |asked| match asked.target.as_str() {
        "/master.m3u8" => hls().body(asked, master(&["low.m3u8", "high.m3u8"])),
        "/high.m3u8" => {
            let location = location.replace("{}", asked.value("host").unwrap_or_default());
            Saying::new(status, "Elsewhere").with("Location", &location).body(asked, "moved")
        }
        target if target.contains("list") || target.contains('?') => {
            hls().body(asked, media(&["s1.ts", "s2.ts"]))
        }
        _ => typed("").body(asked, "media"),
    })
    .await
}

#[tokio::test]
async fn a_redirected_playlist_keeps_kind_and_rung_in_every_form() {
    for (number, (written, seen, leads, segment)) in FORMS.into_iter().enumerate() {
        let status = [301, 302, 303, 307, 308][number % 5];
        let mut stage = redirected(written, status).await;
        stage.get("/master.m3u8").await;
        let answer = stage.get("/high.m3u8").await;
        assert_eq!((answer.status, answer.value("location"), answer.text()), (status, Some(seen), "moved"));
        let row = stage.row("/high.m3u8").await;
        assert_eq!((known(&row), rung(&row)), (declared(RequestKind::Manifest), Some(1)), "{written}");
        let remarks = if written == seen { vec![] } else { vec![Remark::LocationRewritten] };
        assert_eq!(row.remarks, remarks, "{written}");
        stage.home.take_asked();
        for (target, kind) in [(leads, RequestKind::Manifest), (segment, RequestKind::Segment)] {
            stage.get(target).await;
            assert_eq!(
                stage.home.take_asked()[0].target,
                target,
                "the origin is asked for what the player asked"
            );
            let row = stage.row(target).await;
            assert_eq!((known(&row), rung(&row)), (declared(kind), Some(1)), "{written}: {target}");
        }
        assert_eq!(stage.feed.waiting("origin_left"), 0, "{written}");
    }
}

#[tokio::test]
async fn a_redirect_to_an_unknown_host_stays_as_it_is_and_is_told() {
    for (written, host, setting) in [
        ("//evil.invalid/list", "http://evil.invalid", "--origin-hosts evil.invalid"),
        ("http://evil.invalid:8080/list", "http://evil.invalid:8080", "--origin-hosts evil.invalid:8080"),
        ("HTTPS://EVIL.invalid", "https://evil.invalid", "--origin-hosts evil.invalid"),
    ] {
        let mut stage = redirected(written, 302).await;
        let answer = stage.get("/high.m3u8").await;
        assert_eq!((answer.status, answer.value("location")), (302, Some(written)));
        assert_eq!(stage.row("/high.m3u8").await.remarks, [Remark::OriginLeft], "{written}");
        let (host, setting) = (host.to_owned(), setting.to_owned());
        assert_eq!(stage.feed.action("origin_left").await.kind, ActionKind::OriginLeft { host, setting });
    }
}

#[tokio::test]
async fn a_path_with_two_slashes_is_asked_of_the_origin_at_the_base_port_too() {
    let mut stage = redirected("/", 302).await;
    for target in ["//evil.invalid/x.ts", "//evil.invalid//", "///x"] {
        stage.home.take_asked();
        stage.get(target).await;
        assert_eq!(stage.home.take_asked()[0].target, target);
        stage.row(target).await;
        let ask = rebuffer_kit::Ask::get(&format!("/origin{target}?player_id=tv"));
        let answer = rebuffer_kit::Wire::fetch(stage.rig.base, &ask).await;
        let (at, led) = place(answer.value("location").expect("a redirect"));
        assert_eq!((at, led.split('?').next()), (stage.session, Some(target)));
    }
}

#[tokio::test]
async fn a_chain_of_redirects_is_one_request_of_its_segment() {
    let rule = r#""fault_rules":[{"id":"second","type":"404","mode":"requests","frequency":0,"consecutive":1,
        "filter":{"request_kind":["segment"],"sequence":{"media_sequence":{"from":1,"to":1}}}}]"#;
    let home = Origin::serve(|asked| {
        let to = |location: &str| Saying::new(302, "Found").with("Location", location).body(asked, "");
        match asked.path() {
            "/master.m3u8" => hls().body(asked, master(&["low.m3u8", "high.m3u8"])),
            "/high.m3u8" => hls().body(asked, media(&["s0.ts", "s1.ts"])),
            "/s0.ts" => to("/edge/0?t=1"),
            "/s1.ts" => to("/edge/1?t=1"),
            "/edge/0" if asked.query("t") == Some("1") => to("?t=2"),
            _ => typed("video/mp2t").body(asked, "media"),
        }
    })
    .await;
    let setup = Setup::at(home.address);
    let mut stage = Stage::with(home, setup, rule).await;
    stage.get("/master.m3u8").await;
    stage.get("/high.m3u8").await;
    for (target, status, counted) in
        [("/s0.ts", 302, false), ("/edge/0?t=1", 302, true), ("/edge/0?t=2", 200, true)]
    {
        assert_eq!(stage.get(target).await.status, status, "{target}");
        let row = stage.row(target).await;
        assert_eq!((known(&row), rung(&row)), (declared(RequestKind::Segment), Some(1)), "{target}");
        assert_eq!(row.remarks.contains(&Remark::CountedBefore), counted, "{target}");
    }
    assert_eq!(
        stage.get("/s1.ts").await.status,
        404,
        "what is redirected is where it stands in the playlist"
    );
    let counters = stage.rig.api.player("tv").await.rule_counters;
    let counters = counters.values().map(|one| (one.matched, one.fired)).collect::<Vec<_>>();
    assert_eq!(counters, [(1, 1)]);
}
