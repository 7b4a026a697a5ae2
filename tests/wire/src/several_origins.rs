//! One player, many origins: a port of its session for each, on one link and under one set of rules.
//!
//! Invariant: a playlist or a redirect to an origin that may be reached leads to a port of the session; nothing else is asked, and
//! what leads elsewhere keeps its bytes and is told. Deliberately absent: what redirects do to cadences (see `cadence.rs`).

use std::net::SocketAddr;

use rebuffer_kit::{Answer, Ask, Asked, Feed, Origin, Rig, Saying, Setup, Wire, place, refused};
use rebuffer_model::{ActionKind, Known, Remark, RequestKind};

const SEGMENT: &str = "http://{}/a/s1.ts";

fn hls() -> Saying {
    Saying::new(200, "OK").with("Content-Type", "application/vnd.apple.mpegurl")
}

fn master(other: &str) -> String {
    format!(
        "#EXTM3U\r\n#EXT-X-STREAM-INF:BANDWIDTH=400000\r\nlow.m3u8\r\n#EXT-X-STREAM-INF:BANDWIDTH=900000\r\n{other}/high.m3u8?t=%2f+\r\n"
    )
}

fn media(segments: &[&str]) -> String {
    let listed = segments.iter().map(|segment| format!("#EXTINF:2,\n{segment}\n")).collect::<String>();
    format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n{listed}#EXT-X-ENDLIST\n")
}

/// An origin that has a media playlist with these segments at every `.m3u8`, and says its own name for the rest.
async fn edge(name: &'static str, segments: &'static [&'static str]) -> Origin {
    Origin::serve(move |asked: &Asked| match asked.path().ends_with(".m3u8") {
        true => hls().body(asked, media(segments)),
        false => Saying::new(200, "OK").body(asked, name),
    })
    .await
}

/// An origin whose master has a rung at `other`, and which redirects `/go?to=X` to X.
async fn programme(other: String) -> Origin {
    Origin::serve(move |asked: &Asked| match asked.path() {
        "/master.m3u8" => hls().body(asked, master(&other)),
        "/low.m3u8" => hls().body(asked, media(&["s1.ts", "s2.ts"])),
        "/go" => {
            let to = asked.query("to").unwrap_or_default().replace("%23", "#");
            Saying::new(302, "Found").with("Location", &to).body(asked, "")
        }
        _ => Saying::new(200, "OK").body(asked, "origin"),
    })
    .await
}

struct Stage {
    rig: Rig,
    home: Origin,
    away: Origin,
    session: SocketAddr,
    feed: Feed,
}

impl Stage {
    /// Two configured origins, `origin` and `b`, whose master names both.
    async fn new(settings: &str) -> Self {
        let away = edge("b", &["s1.ts", "/s2.ts?x=1"]).await;
        let home = programme(format!("http://{}", away.address)).await;
        let rig = Rig::start(Setup::at(home.address).and("b", away.address)).await;
        rig.api.create("tv", settings).await;
        let session = rig.session("tv").await;
        let feed = rig.feed().await;
        Self { rig, home, away, session, feed }
    }

    async fn get(&self, at: SocketAddr, target: &str) -> Answer {
        Wire::fetch(at, &Ask::get(target)).await
    }

    /// The session after its master was read: its port for `b`.
    async fn led(&mut self) -> SocketAddr {
        self.get(self.session, "/master.m3u8").await;
        self.rig.port_to("tv", "b").await
    }
}

#[tokio::test]
async fn a_playlist_leads_to_another_port_of_the_same_session() {
    let mut stage = Stage::new("").await;
    let answer = stage.get(stage.session, "/master.m3u8").await;
    let b = stage.rig.port_to("tv", "b").await;
    assert_eq!(answer.text(), master(&format!("http://{b}")), "the host, and no other byte");
    let master_row = stage.feed.exchange("/master.m3u8").await;
    assert_eq!(master_row.remarks, [Remark::UrlsRewritten]);

    let mut home = Wire::connect(stage.session).await;
    let mut away = Wire::connect(b).await;
    assert_eq!(away.ask(&Ask::get("/high.m3u8?t=%2f+")).await.text(), media(&["s1.ts", "/s2.ts?x=1"]));
    assert_eq!(away.ask(&Ask::get("/s1.ts")).await.text(), "b");
    home.ask(&Ask::get("/low.m3u8")).await;
    assert_eq!(home.ask(&Ask::get("/s1.ts")).await.text(), "origin", "the same path of the other origin");
    assert_eq!(away.ask(&Ask::get("/s2.ts?x=1")).await.text(), "b");
    let asked = |origin: &Origin| origin.take_asked().into_iter().map(|it| it.target).collect::<Vec<_>>();
    assert_eq!(asked(&stage.home), ["/master.m3u8", "/low.m3u8", "/s1.ts"]);
    assert_eq!(asked(&stage.away), ["/high.m3u8?t=%2f+", "/s1.ts", "/s2.ts?x=1"]);

    for (url, origin, kind, rung) in [
        ("/high.m3u8", "b", RequestKind::Manifest, 1),
        ("/s1.ts", "b", RequestKind::Segment, 1),
        ("/low.m3u8", "origin", RequestKind::Manifest, 0),
        ("/s1.ts", "origin", RequestKind::Segment, 0),
        ("/s2.ts", "b", RequestKind::Segment, 1),
    ] {
        let row = stage.feed.exchange(url).await;
        assert_eq!(row.origin.map(|origin| origin.name.to_string()).as_deref(), Some(origin), "{url}");
        assert_eq!(row.who, master_row.who, "{url}: one player, one session");
        assert_eq!((row.request.kind, row.request.known), (kind, Some(Known::Declared)), "{url}");
        assert_eq!(row.request.variant.map(|it| it.rung), Some(rung), "{url}");
        assert_eq!(row.remarks, [], "{url}");
    }
    stage.feed.action("session_start").await;
    assert_eq!(["session_start", "session_end"].map(|event| stage.feed.waiting(event)), [0, 0]);
    let ports = stage.rig.api.player("tv").await.session.expect("a session").ports;
    assert_eq!(ports.iter().map(|at| at.origin.as_str()).collect::<Vec<_>>(), ["origin", "b"]);
}

#[tokio::test]
async fn a_redirect_leads_to_another_port_of_the_same_session() {
    let mut stage = Stage::new("").await;
    let b = stage.led().await;
    let away = stage.away.address;
    for (to, expected) in [
        (format!("http://{away}/s1.ts"), format!("http://{b}/s1.ts")),
        (format!("HTTP://{away}/x%20y?"), format!("http://{b}/x%20y?")),
        (format!("//{away}//x%23t=1"), format!("http://{b}//x#t=1")),
        (format!("http://{}/low.m3u8", stage.home.address), "/low.m3u8".to_owned()),
    ] {
        let answer = stage.get(stage.session, &format!("/go?to={to}")).await;
        assert_eq!((answer.status, answer.value("location")), (302, Some(expected.as_str())), "{to}");
        assert_eq!(stage.feed.exchange("/go").await.remarks, [Remark::LocationRewritten], "{to}");
    }
    for kept in ["/low.m3u8", "?to=/", "low.m3u8%23end"] {
        let answer = stage.get(stage.session, &format!("/go?to={kept}")).await;
        assert_eq!(answer.value("location"), Some(kept.replace("%23", "#").as_str()));
        assert_eq!(stage.feed.exchange("/go").await.remarks, [], "{kept}");
    }
}

#[tokio::test]
async fn all_ports_are_one_link_and_count_for_one_set_of_rules() {
    let rule = r#"{"id":"twice","type":"503","mode":"requests","consecutive":2,"frequency":0,
        "filter":{"request_kind":["segment"]}}"#;
    let mut stage = Stage::new(&format!(r#""shape":{{"rate_mbps":50}},"fault_rules":[{rule}]"#)).await;
    let b = stage.led().await;
    stage.get(b, "/high.m3u8?t=%2f+").await;
    stage.get(stage.session, "/low.m3u8").await;
    let mut statuses = Vec::new();
    for (at, target) in
        [(b, "/s1.ts"), (stage.session, "/s1.ts"), (b, "/s2.ts?x=1"), (stage.session, "/s2.ts")]
    {
        statuses.push(stage.get(at, target).await.status);
        assert_eq!(stage.feed.exchange(target).await.link.rate_limit_mbps, Some(50.0), "{target}");
    }
    assert_eq!(statuses, [503, 503, 200, 200], "one window of two, whichever port is asked");
    assert_eq!(stage.rig.api.player("tv").await.rule_counters.len(), 1);
}

#[tokio::test]
async fn a_rule_can_name_a_host() {
    for (host, expected) in [
        ("b", [503, 200]),
        ("origin", [200, 503]),
        ("127.0.0.1:{b}", [503, 200]),
        ("127.0.0.?", [503, 503]),
        ("c", [200, 200]),
    ] {
        let mut stage = Stage::new("").await;
        let b = stage.led().await;
        let host = host.replace("{b}", &stage.away.address.port().to_string());
        let rule = format!(
            r#"{{"fault_rules":[{{"id":"cdn","type":"503","mode":"requests","frequency":1,"filter":{{"host":["{host}"]}}}}]}}"#
        );
        stage.rig.api.patch("tv", &rule).await;
        let statuses = [stage.get(b, "/s1.ts").await.status, stage.get(stage.session, "/s1.ts").await.status];
        assert_eq!(statuses, expected, "{host}");
    }
}

#[tokio::test]
async fn a_session_has_sixteen_ports_and_then_the_origin_is_left() {
    let mut edges = Vec::new();
    for _ in 0..16 {
        edges.push(edge("edge", &[]).await);
    }
    let listed = |hosts: &[SocketAddr]| {
        let segments = hosts.iter().map(|host| SEGMENT.replace("{}", &host.to_string()));
        media(&segments.collect::<Vec<_>>().iter().map(String::as_str).collect::<Vec<_>>())
    };
    let hosts = edges.iter().map(|edge| edge.address).collect::<Vec<_>>();
    let text = listed(&hosts);
    let home = Origin::serve(move |asked: &Asked| hls().body(asked, text.clone())).await;
    let mut setup = Setup::at(home.address);
    for (number, host) in hosts.iter().enumerate() {
        setup = setup.and(&format!("edge{number}"), *host);
    }
    let rig = Rig::start(setup).await;
    let session = rig.session("tv").await;
    let answer = Wire::fetch(session, &Ask::get("/list.m3u8")).await;
    let mut expected = Vec::new();
    for number in 0..15 {
        expected.push(rig.port_to("tv", &format!("edge{number}")).await);
    }
    expected.push(hosts[15]);
    assert_eq!(answer.text(), listed(&expected));
    let mut feed = rig.feed().await;
    assert_eq!(feed.exchange("/list.m3u8").await.remarks, [Remark::OriginLeft, Remark::UrlsRewritten]);
    let ActionKind::OriginLeft { host, setting } = feed.action("origin_left").await.kind else {
        panic!("another action")
    };
    assert_eq!(host, format!("http://{}", hosts[15]));
    assert_eq!(setting, "the session has 16 ports already, one for each origin it uses");
    for at in expected.iter().take(15) {
        assert_eq!(Wire::fetch(*at, &Ask::get("/a/s1.ts")).await.text(), "edge", "{at}");
    }
    assert!(edges[15].take_asked().is_empty());
}

/// What becomes of a playlist that names `url` with these settings: the URL as the player sees it, and the action if there is one.
async fn brought_in(patterns: &[&str], networks: &[&str], url: &str) -> (Rig, String, Option<ActionKind>) {
    let text = media(&[url]);
    let home = Origin::serve(move |asked: &Asked| hls().body(asked, text.clone())).await;
    let rig = Rig::start(Setup::at(home.address).hosts(patterns, networks)).await;
    let answer = Wire::fetch(rig.session("tv").await, &Ask::get("/list.m3u8")).await;
    let line = answer.text().lines().find(|line| line.starts_with("http")).expect("a URL").to_owned();
    let mut feed = rig.feed().await;
    let left = feed.exchange("/list.m3u8").await.remarks.contains(&Remark::OriginLeft);
    let action = if left { Some(feed.action("origin_left").await.kind) } else { None };
    assert_eq!(line == url, left, "it stays as it is, or leads to the rig");
    (rig, line, action)
}

#[tokio::test]
async fn hosts_that_match_a_pattern_are_brought_in() {
    let edge = edge("edge", &[]).await;
    let port = edge.address.port();
    for (pattern, network) in [
        (format!("127.0.0.1:{port}"), None),
        ("127.0.0.1:*".to_owned(), None),
        ("127.*:*".to_owned(), Some("127.0.0.0/8")),
        (format!("127.0.0.?:{port}"), Some("127.0.0.1/32")),
    ] {
        let networks = network.into_iter().collect::<Vec<_>>();
        let url = format!("http://127.0.0.1:{port}/a/s1.ts?k=1");
        let (rig, led, action) = brought_in(&[&pattern], &networks, &url).await;
        let (at, target) = place(&led);
        assert_eq!(
            (at, target.as_str(), action),
            (rig.port_to("tv", &format!("127.0.0.1-{port}")).await, "/a/s1.ts?k=1", None)
        );
        assert_eq!(Wire::fetch(at, &Ask::get(&target)).await.text(), "edge", "{pattern}");
        assert_eq!(edge.take_asked()[0].value("host"), Some(format!("127.0.0.1:{port}").as_str()));
        let row = rig.feed().await.exchange(&target).await;
        assert_eq!(row.origin.map(|it| it.name.to_string()), Some(format!("127.0.0.1-{port}")), "{pattern}");
    }
}

#[tokio::test]
async fn hosts_that_match_nothing_are_left_with_the_setting_that_keeps_them() {
    let edge = edge("edge", &[]).await;
    let port = edge.address.port();
    let here = format!("http://127.0.0.1:{port}/s1.ts");
    for (patterns, url, setting) in [
        (vec![], here.as_str(), format!("--origin-hosts 127.0.0.1:{port}")),
        (vec!["127.0.0.1"], here.as_str(), format!("--origin-hosts 127.0.0.1:{port}")),
        (vec!["127.0.0.1:1"], here.as_str(), format!("--origin-hosts 127.0.0.1:{port}")),
        (vec!["*.cdn.test"], "http://cdn.test/s1.ts", "--origin-hosts cdn.test".to_owned()),
        (vec!["*.cdn.test"], "https://a.cdn.test:8443/s1.ts", "--origin-hosts a.cdn.test:8443".to_owned()),
    ] {
        let (_rig, _url, action) = brought_in(&patterns, &["127.0.0.0/8"], url).await;
        let host = url.strip_suffix("/s1.ts").expect("the path").to_owned();
        assert_eq!(action, Some(ActionKind::OriginLeft { host, setting }), "{patterns:?} {url}");
    }
    assert!(edge.take_asked().is_empty(), "nobody was asked");
}

#[tokio::test]
async fn a_wildcard_reaches_no_private_address_whatever_its_name_resolves_to() {
    let edge = edge("edge", &[]).await;
    let port = edge.address.port();
    for (pattern, networks, url) in [
        ("127.*:*", vec![], format!("http://127.0.0.1:{port}/s1.ts")),
        ("127.*:*", vec!["10.0.0.0/8"], format!("http://127.0.0.1:{port}/s1.ts")),
        ("local*:*", vec![], format!("http://localhost:{port}/s1.ts")),
    ] {
        let (rig, led, _action) = brought_in(&[pattern], &networks, &url).await;
        let (at, target) = place(&led);
        if led != url {
            let detail = refused(&Wire::fetch(at, &Ask::get(&target)).await, 502).detail;
            assert!(detail.contains("--origin-networks"), "{detail}");
            assert_eq!(rig.feed().await.exchange(&target).await.origin, None);
        }
    }
    let (_rig, led, _action) =
        brought_in(&["local*:*"], &["127.0.0.0/8"], &format!("http://localhost:{port}/s1.ts")).await;
    let (at, target) = place(&led);
    assert!(edge.take_asked().is_empty());
    assert_eq!(Wire::fetch(at, &Ask::get(&target)).await.text(), "edge", "its network is named");
}
