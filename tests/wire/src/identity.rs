//! Whose a request is: names on session ports, playback sessions of Apple's devices, and ports that changed hands.
//!
//! Invariant: a request is served and recorded as its own player's or led to it, never as another's. Deliberately absent: clients
//! that name nobody at the base port (see `first_url.rs`), and how players are called (see `names.rs`).

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use rebuffer_api::{Items, PlayerRecord};
use rebuffer_kit::{Answer, Ask, Asked, Feed, Gate, Origin, Rig, Said, Saying, Setup, Wire, place};
use rebuffer_model::{PlayerId, Remark};

const HEADER: &str = "X-Playback-Session-Id";

fn site(asked: &Asked) -> Said {
    let name = asked.path().trim_start_matches('/').trim_end_matches(".m3u8");
    match asked.path().ends_with(".m3u8") {
        true => Saying::new(200, "OK").with("Content-Type", "application/vnd.apple.mpegurl").body(
            asked,
            format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{name}1.ts\n#EXTINF:2,\n{name}2.ts\n"),
        ),
        false => Saying::new(200, "OK").body(asked, "media"),
    }
}

struct Stage {
    rig: Rig,
    origin: Origin,
    /// Opens the answer to `/gate`.
    gate: Gate,
    feed: Feed,
}

impl Stage {
    async fn with(fit: impl FnOnce(Setup) -> Setup) -> Self {
        let gate = Gate::shut();
        let shut = gate.clone();
        let origin = Origin::serve(move |asked: &Asked| match asked.path() {
            "/gate" => Saying::new(200, "OK").with("Content-Length", "1").bare().wait(&shut).send("x"),
            _ => site(asked),
        })
        .await;
        let rig = Rig::start(fit(Setup::at(origin.address))).await;
        let feed = rig.feed().await;
        Self { rig, origin, gate, feed }
    }

    /// Ports that go to somebody else as soon as their session has nothing to do.
    async fn of_one_port() -> Self {
        Self::with(|setup| setup.session_ports(1).idle(Duration::ZERO)).await
    }

    /// The player begins at the base port and reads `/same.m3u8`; its port, and the connection on which it did.
    async fn begin(&self, player: &str, from: Ipv4Addr) -> (SocketAddr, Wire) {
        let first = Ask::get(&format!("/origin/same.m3u8?player_id={player}"));
        let (at, target) = led(&Wire::connect_from(from, self.rig.base).await.ask(&first).await);
        let mut wire = Wire::connect_from(from, at).await;
        assert_eq!(wire.ask(&Ask::get(&target)).await.status, 200);
        (at, wire)
    }

    async fn players(&self) -> Vec<PlayerId> {
        let found: Items<PlayerRecord> = self.rig.api.get("/api/v2/players").await;
        found.items.into_iter().map(|player| player.id).collect()
    }
}

fn id(name: &str) -> PlayerId {
    PlayerId::canonical(name).expect("a name")
}

fn led(answer: &Answer) -> (SocketAddr, String) {
    place(answer.value("location").unwrap_or_else(|| panic!("no redirect: {answer:?}")))
}

#[tokio::test]
async fn player_id_counts_on_session_ports_as_on_the_base_port() {
    let mut stage = Stage::with(|setup| setup).await;
    let tv = stage.rig.session("tv").await;
    let by_header = Wire::fetch(stage.rig.base, &Ask::get("/origin/x").with("player-id", "phone")).await;
    let (phone, target) = led(&by_header);
    assert_eq!((phone == tv, target.as_str()), (false, "/x"), "the path has no name in it");

    let own = Wire::fetch(tv, &Ask::get("/own").with("Player-ID", "tv")).await;
    assert_eq!((own.status, own.text()), (200, "media"));
    let row = stage.feed.exchange("/own").await;
    assert_eq!((row.who.player_id, row.remarks), (id("tv"), vec![Remark::IdentityRemoved]));
    assert_eq!(stage.origin.take_asked()[0].value("player-id"), None);

    for (method, status) in [("GET", 302), ("POST", 307)] {
        let other = Wire::fetch(tv, &Ask::new(method, "/x?a=1").with("Player-ID", "phone")).await;
        assert_eq!((other.status, led(&other)), (status, (phone, "/x?a=1".to_owned())), "{method}");
        let unknown = Wire::fetch(tv, &Ask::new(method, "/x?a=1").with("Player-ID", "new")).await;
        let base = (stage.rig.base, "/origin/x?a=1".to_owned());
        assert_eq!((unknown.status, led(&unknown)), (status, base), "{method}");
        let in_query = Wire::fetch(tv, &Ask::new(method, "/x?player_id=phone").with("Player-ID", "tv")).await;
        assert_eq!(led(&in_query).0, phone, "{method}: the query wins");
    }
    assert!(stage.origin.take_asked().is_empty(), "nothing was asked as tv's");
    Wire::fetch(tv, &Ask::get("/last")).await;
    stage.feed.exchange("/last").await;
    assert_eq!(stage.rig.api.player("tv").await.session.map(|session| session.requests), Some(2));
}

#[tokio::test]
async fn a_fresh_playback_session_on_every_request_is_one_player_and_one_session() {
    let mut stage = Stage::with(|setup| setup).await;
    let mut fresh = (1..).map(|number| format!("0A6E4A9E-0000-4000-8000-{number:012}"));
    let mut next = |target: &str| Ask::get(target).with(HEADER, &fresh.next().expect("endless"));
    let answer = Wire::fetch(stage.rig.base, &next("/origin/a.m3u8?player_id=tv")).await;
    let (at, first) = led(&answer);
    let mut who = Vec::new();
    for target in [first.as_str(), "/a1.ts", "/a2.ts", "/elsewhere"] {
        let ask = next(target);
        assert_eq!(Wire::fetch(at, &ask).await.status, 200, "{target}");
        let row = stage.feed.exchange(target.split('?').next().unwrap_or_default()).await;
        let sent = ask.fields.iter().find(|field| field.is(HEADER)).map(|field| field.value.clone());
        let kept = row.request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(HEADER));
        assert_eq!(kept.map(|(_, value)| (*value).to_owned()), sent, "{target}: the row keeps it");
        let asked = stage.origin.take_asked();
        assert_eq!(asked[0].value(HEADER), sent.as_deref(), "{target}: the origin gets it");
        who.push(row.who);
    }
    // Also where it comes back to the base port, with what its playlists declared.
    assert_eq!(led(&Wire::fetch(stage.rig.base, &next("/origin/a2.ts")).await).0, at);
    who.dedup();
    assert_eq!((who.len(), who[0].player_id, stage.players().await), (1, id("tv"), vec![id("tv")]));
    stage.feed.action("session_start").await;
    assert_eq!(stage.feed.waiting("session_start"), 0);
}

#[tokio::test]
async fn a_playback_session_names_a_player_where_nothing_else_does() {
    let stage = Stage::with(|setup| setup).await;
    let playback = "0a6e4a9e-0000-4000-8000-000000000001";
    let ask = |target: &str| Ask::get(target).with(HEADER, playback);
    Wire::fetch(stage.rig.base, &ask("/origin/x?player_id=query")).await;
    Wire::fetch(stage.rig.base, &ask("/origin/x").with("Player-ID", "header")).await;
    assert_eq!(stage.players().await, [id("query"), id("header")]);
    let (at, _) = led(&Wire::fetch(stage.rig.base, &ask("/origin/x")).await);
    assert_eq!(stage.players().await[2..], [id(playback)]);
    assert_eq!(led(&Wire::fetch(stage.rig.base, &ask("/origin/y")).await).0, at);
}

#[tokio::test]
async fn a_port_that_changed_hands_leads_its_former_holder_home() {
    let mut stage = Stage::of_one_port().await;
    let at = stage.rig.session("one").await;
    Wire::fetch(at, &Ask::get("/one.m3u8")).await;
    stage.feed.action("session_end").await;
    assert_eq!(stage.rig.session("two").await, at, "the only port there is");
    Wire::fetch(at, &Ask::get("/two.m3u8")).await;
    stage.feed.exchange("/two.m3u8").await;
    stage.origin.take_asked();
    for (method, status) in [("GET", 302), ("POST", 307)] {
        let answer = Wire::fetch(at, &Ask::new(method, "/one1.ts")).await;
        let home = format!("/origin/one1.ts?player_id={}", id("one"));
        assert_eq!((answer.status, led(&answer)), (status, (stage.rig.base, home)), "{method}");
    }
    assert!(stage.origin.take_asked().is_empty(), "nothing was asked as the new holder's");
    assert_eq!(Wire::fetch(at, &Ask::get("/two1.ts")).await.status, 200);
    assert_eq!(stage.feed.exchange("/").await.request.url, "/one.m3u8");
    let row = stage.feed.exchange("/").await;
    assert_eq!(
        (row.request.url.as_str(), row.who.player_id),
        ("/two1.ts", id("two")),
        "and nothing before it"
    );
}

#[tokio::test]
async fn a_port_that_changed_hands_serves_no_client_of_its_former_holder() {
    let mut stage = Stage::of_one_port().await;
    let (old, new) = (Ipv4Addr::new(127, 0, 0, 11), Ipv4Addr::new(127, 0, 0, 12));
    // Both play the same, so only the connection or the address tells whose a request is.
    let (at, mut kept) = stage.begin("one", old).await;
    stage.feed.action("session_end").await;
    assert_eq!(stage.begin("two", new).await.0, at);
    stage.origin.take_asked();
    let home = (stage.rig.base, format!("/origin/same1.ts?player_id={}", id("one")));
    let segment = Ask::get("/same1.ts");
    // While the new holder's session lives; it has something to do until the gate opens.
    let mut busy = Wire::connect_from(new, at).await;
    busy.send(&Ask::get("/gate")).await;
    stage.origin.asked(1).await;
    stage.origin.take_asked();
    assert_eq!(led(&Wire::connect_from(old, at).await.ask(&segment).await), home, "a new connection");
    let kept = kept.ask(&segment).await;
    assert_eq!(kept.status, 302, "a connection of the former holder's time");
    assert!(stage.origin.take_asked().is_empty());
    assert_eq!(Wire::connect_from(new, at).await.ask(&segment).await.status, 200);
    stage.gate.open();
    assert_eq!(busy.answer("GET").await.status, 200);
}

#[tokio::test]
async fn the_port_that_was_unused_for_longest_changes_hands() {
    let mut stage = Stage::with(|setup| setup.session_ports(3)).await;
    let mut ports = Vec::new();
    for player in ["a", "b", "c"] {
        ports.push(stage.rig.session(player).await);
    }
    let full = Wire::fetch(stage.rig.base, &Ask::get("/origin/?player_id=d")).await;
    assert_eq!(full.status, 503, "a live session keeps its port");
    for player in ["b", "c", "a"] {
        let answer = stage.rig.api.ask(&Ask::new("DELETE", &format!("/api/v2/players/{player}"))).await;
        assert_eq!(answer.status, 204);
        stage.feed.action("session_end").await;
    }
    assert_eq!(stage.rig.session("c").await, ports[2], "its own again");
    assert_eq!(stage.rig.session("e").await, ports[1]);
    assert_eq!(stage.rig.session("f").await, ports[0]);
}
