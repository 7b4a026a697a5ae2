//! Clients that resolve URLs against the address they asked first, and so come back to the base port without a name.
//!
//! Invariant: exactly one live session of the same address and User-Agent that declared the URL is led to; with several, or none,
//! the client is a player of its own. Deliberately absent: clients that name themselves (see `identity.rs`).

use std::net::{Ipv4Addr, SocketAddr};

use rebuffer_kit::{Answer, Ask, Asked, Feed, Origin, Rig, Said, Saying, Setup, Wire, place};
use rebuffer_model::{ActionKind, Known, RequestKind};

const MPD: &str = concat!(
    r#"<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT4S">"#,
    r#"<Period><AdaptationSet mimeType="video/mp4"><Representation id="v" bandwidth="500000">"#,
    r#"<SegmentTemplate media="s$Number$.m4s?k=1" initialization="i.mp4" duration="2" startNumber="1"/>"#,
    r#"</Representation></AdaptationSet></Period></MPD>"#,
);
const LAVF: &str = "Lavf/61.7.100";

fn site(asked: &Asked) -> Said {
    match asked.path().ends_with(".mpd") {
        true => Saying::new(200, "OK").with("Content-Type", "application/dash+xml").body(asked, MPD),
        false => Saying::new(200, "OK").body(asked, "media"),
    }
}

struct Stage {
    rig: Rig,
    origin: Origin,
    feed: Feed,
}

impl Stage {
    /// These players have read the MPD, each at its own port.
    async fn with(players: &[&str]) -> (Self, Vec<SocketAddr>) {
        let origin = Origin::serve(site).await;
        let rig = Rig::start(Setup::at(origin.address)).await;
        let feed = rig.feed().await;
        let stage = Self { rig, origin, feed };
        let mut ports = Vec::new();
        for player in players {
            let answer = stage.base(&ask("GET", &format!("/origin/v/a.mpd?player_id={player}"))).await;
            let (at, target) = led(&answer);
            assert_eq!(Wire::fetch(at, &ask("GET", &target)).await.text(), MPD);
            ports.push(at);
        }
        stage.origin.take_asked();
        (stage, ports)
    }

    async fn base(&self, ask: &Ask) -> Answer {
        Wire::fetch(self.rig.base, ask).await
    }

    async fn players(&self) -> usize {
        let found: rebuffer_api::Items<rebuffer_api::PlayerRecord> =
            self.rig.api.get("/api/v2/players").await;
        found.items.len()
    }
}

fn ask(method: &str, target: &str) -> Ask {
    Ask::new(method, target).with("User-Agent", LAVF)
}

fn led(answer: &Answer) -> (SocketAddr, String) {
    place(answer.value("location").unwrap_or_else(|| panic!("no redirect: {answer:?}")))
}

#[tokio::test]
async fn the_only_session_that_declared_the_url_is_led_to() {
    let (mut stage, ports) = Stage::with(&["tv"]).await;
    for (method, status) in [("GET", 302), ("HEAD", 302), ("POST", 307), ("PUT", 307)] {
        let answer = stage.base(&ask(method, "/origin/v/s1.m4s?k=1")).await;
        assert_eq!(
            (answer.status, led(&answer)),
            (status, (ports[0], "/v/s1.m4s?k=1".to_owned())),
            "{method}"
        );
    }
    // Apple's devices name each playback, and no player with it.
    let fresh = "0a6e4a9e-0000-4000-8000-000000000001";
    let answer = stage.base(&ask("GET", "/origin/v/i.mp4").with("X-Playback-Session-Id", fresh)).await;
    assert_eq!(led(&answer), (ports[0], "/v/i.mp4".to_owned()));
    Wire::fetch(ports[0], &ask("GET", "/v/s1.m4s?k=1")).await;
    let row = stage.feed.exchange("/v/s1.m4s").await;
    assert_eq!((row.request.kind, row.request.known), (RequestKind::Segment, Some(Known::Declared)));
    let start = stage.feed.exchange("/v/a.mpd").await;
    assert_eq!((row.who, stage.players().await), (start.who, 1), "one player, one session");
    assert_eq!(stage.origin.take_asked().len(), 1, "the base port asks nobody");
}

#[tokio::test]
async fn what_the_session_did_not_declare_or_another_client_asks_is_a_players_of_its_own() {
    let (stage, ports) = Stage::with(&["tv"]).await;
    let declared = "/origin/v/s1.m4s?k=1";
    let others = [
        ask("GET", "/origin/v/s1.mp4"),
        ask("GET", "/origin/elsewhere"),
        Ask::get(declared).with("User-Agent", "Lavf/60.0.0"),
        Ask::get(declared),
    ];
    for other in &others {
        assert_ne!(led(&stage.base(other).await).0, ports[0], "{other:?}");
    }
    let mut elsewhere = Wire::connect_from(Ipv4Addr::new(127, 0, 0, 9), stage.rig.base).await;
    assert_ne!(led(&elsewhere.ask(&ask("GET", declared)).await).0, ports[0], "another address");
    assert_eq!(stage.players().await, 5, "tv, and one for each client");
    // A name is a name, also where a session declared the URL.
    assert_ne!(led(&stage.base(&ask("GET", &format!("{declared}&player_id=other"))).await).0, ports[0]);
    assert_ne!(led(&stage.base(&ask("GET", declared).with("Player-ID", "other")).await).0, ports[0]);
}

#[tokio::test]
async fn with_several_sessions_it_is_a_player_of_its_own_and_told() {
    let (mut stage, ports) = Stage::with(&["one", "two"]).await;
    let (at, target) = led(&stage.base(&ask("GET", "/origin/v/s1.m4s?k=1")).await);
    assert!(!ports.contains(&at) && target == "/v/s1.m4s?k=1");
    let action = stage.feed.action("client_ambiguous").await;
    assert_eq!(action.kind, ActionKind::ClientAmbiguous { path: "/v/s1.m4s".to_owned(), sessions: 2 });
    Wire::fetch(at, &ask("GET", &target)).await;
    assert_eq!(stage.feed.exchange("/v/s1.m4s").await.who, action.who, "told of the player of its own");
    let again = led(&stage.base(&ask("GET", "/origin/v/s2.m4s?k=1")).await).0;
    assert_eq!((again, stage.players().await), (at, 3), "the same player again");
    assert!(stage.rig.api.player("one").await.session.is_some_and(|session| session.requests == 1));
}

#[tokio::test]
async fn a_session_that_ended_leaves_the_one_that_lives() {
    let (stage, ports) = Stage::with(&["one", "two"]).await;
    let gone = stage.rig.api.ask(&Ask::new("DELETE", "/api/v2/players/one")).await;
    assert_eq!(gone.status, 204);
    assert_eq!(led(&stage.base(&ask("GET", "/origin/v/s1.m4s?k=1")).await).0, ports[1]);
}
