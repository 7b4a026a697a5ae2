//! How players are called: as they call themselves, beside the canonical id, wherever a player is shown or recorded.
//!
//! Invariant: a name keeps its letters; an id is no name. Deliberately absent: how the page shows it.

use std::net::Ipv4Addr;
use std::time::Duration;

use rebuffer_api::{Items, PlayerRecord};
use rebuffer_kit::{Ask, Asked, Origin, Rig, Saying, Setup, Wire, json, refused};
use rebuffer_model::{PlayerId, PlayerName, Record, RecordBody, Who};

const APPLE_TV: &str = "AppleCoreMedia/1.0.0.21K69 (Apple TV; U; CPU OS 17_1 like Mac OS X; en_us)";

async fn of(fit: impl FnOnce(Setup) -> Setup) -> (Origin, Rig) {
    let origin = Origin::serve(|asked: &Asked| Saying::new(200, "OK").body(asked, "x")).await;
    let rig = Rig::start(fit(Setup::at(origin.address))).await;
    (origin, rig)
}

async fn rig() -> (Origin, Rig) {
    of(|setup| setup).await
}

fn name(player: &PlayerRecord) -> Option<&str> {
    player.player_name.as_ref().map(PlayerName::as_str)
}

fn who(record: &Record) -> Option<Who> {
    match &record.body {
        RecordBody::Exchange(it) => Some(it.who.clone()),
        RecordBody::Sample(it) => Some(it.who.clone()),
        RecordBody::Action(it) => Some(it.who.clone()),
        RecordBody::Gap { .. } => None,
    }
}

async fn metrics(rig: &Rig, player: &str, body: &str, user_agent: &str) -> u16 {
    let ask = Ask::new("POST", &format!("/api/v2/players/{player}/metrics")).with("User-Agent", user_agent);
    rig.api.ask(&json(ask, body)).await.status
}

async fn found(rig: &Rig, query: &str) -> Vec<String> {
    let found: Items<PlayerRecord> = rig.api.get(&format!("/api/v2/players{query}")).await;
    found.items.iter().map(|player| name(player).unwrap_or("-").to_owned()).collect()
}

#[tokio::test]
async fn a_name_is_kept_as_it_was_given_in_players_and_records() {
    let (_origin, rig) = rig().await;
    let mut feed = rig.feed().await;
    for (written, given) in [
        ("bigtv", "bigtv"),
        ("BigTV", "BigTV"),
        ("Gr%C3%B6%C3%9Fe%20%F0%9F%93%BA", "Größe 📺"),
        ("a%2Bb", "a+b"),
    ] {
        let session = rig.session(written).await;
        Wire::fetch(session, &Ask::get("/x")).await;
        assert_eq!(metrics(&rig, written, r#"{"player_state":"playing"}"#, "curl/8").await, 204);
        let player = rig.api.player(written).await;
        assert_eq!((name(&player), player.id), (Some(given), PlayerId::canonical(given).expect("a name")));
        for _ in ["session_start", "an exchange", "a sample"] {
            let who = feed.next(who).await;
            assert_eq!(who.player_name.as_ref().map(PlayerName::as_str), Some(given), "{written}");
            assert_eq!(who.player_id, player.id, "{written}");
        }
    }
    // What is an id already is no name, in whichever case it comes.
    let id = "A3BB189E-8BF9-3888-9912-ACE4E6543002";
    rig.session(id).await;
    let player = rig.api.player(id).await;
    assert_eq!((name(&player), player.id.to_string()), (None, id.to_lowercase()));
}

#[tokio::test]
async fn a_name_comes_with_whatever_comes_first_and_survives_a_restart() {
    let (_origin, rig) = rig().await;
    assert_eq!(metrics(&rig, "By%20Report", r#"{"player_state":"playing"}"#, "curl/8").await, 204);
    assert_eq!(name(&rig.api.player("By%20Report").await), Some("By Report"));
    let header = Ask::get("/origin/x").with("Player-ID", "By Header");
    assert_eq!(Wire::fetch(rig.base, &header).await.status, 302);
    assert_eq!(name(&rig.api.player("By%20Header").await), Some("By Header"));
    let made = rig.api.create("By Hand", r#""labels":{"room":"lab"}"#).await;
    assert_eq!(name(&made), Some("By Hand"));
    let cmcd = Ask::new("POST", "/cmcd?player_id=By%20CMCD").with("Content-Type", "application/cmcd");
    assert_eq!(rig.api.ask(&cmcd.body(b"e=ps,sta=p,sid=\"s\",ts=1")).await.status, 204);
    assert_eq!(name(&rig.api.player("By%20CMCD").await), Some("By CMCD"));
    let rig = rig.restarted().await;
    assert_eq!(name(&rig.api.player("By%20Hand").await), Some("By Hand"));
}

#[tokio::test]
async fn a_list_is_searched_by_any_of_a_players_names() {
    let (_origin, rig) = rig().await;
    for player in ["Big TV 1", "big tv 2", "Telefon"] {
        rig.api.create(player, "").await;
    }
    rig.api.create("nr4", r#""labels":{"name":"Kitchen TV"}"#).await;
    let all = ["Big TV 1", "big tv 2", "Telefon", "nr4"];
    for (query, expected) in [
        ("", all.to_vec()),
        ("?name=", all.to_vec()),
        ("?name=BIG%20tv", vec![all[0], all[1]]),
        ("?name=big+tv+2", vec![all[1]]),
        ("?name=kitchen", vec![all[3]]),
        ("?name=NR4", vec![all[3]]),
        ("?name=tv", vec![all[0], all[1], all[3]]),
        ("?name=*tv", vec![all[3]]),
        ("?name=big*%3F", vec![all[0], all[1]]),
        ("?name=nobody", vec![]),
    ] {
        assert_eq!(found(&rig, query).await, expected, "{query}");
    }
    let id = PlayerId::canonical("Telefon").expect("a name").to_string();
    assert_eq!(found(&rig, &format!("?name={id}")).await, ["Telefon"]);
    for (query, parameter) in
        [("?nam=a", "nam"), ("?name=a&player_name=b", "player_name"), ("?name=a&name=b", "name")]
    {
        let problem = refused(&rig.api.ask(&Ask::get(&format!("/api/v2/players{query}"))).await, 400);
        assert_eq!(problem.parameter.as_deref(), Some(parameter), "{query}");
    }
}

#[tokio::test]
async fn a_report_changes_no_user_agent_and_a_vaguer_one_no_device() {
    let (_origin, rig) = rig().await;
    let first = Ask::get("/origin/x?player_id=tv").with("User-Agent", APPLE_TV);
    Wire::fetch(rig.base, &first).await;
    let shown = || async {
        let player = rig.api.player("tv").await;
        (player.session.map(|session| session.user_agent), player.device_family)
    };
    let apple = (Some(APPLE_TV.to_owned()), Some("Apple TV".to_owned()));
    assert_eq!(shown().await, apple);
    let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X)";
    for user_agent in ["curl/8.0", iphone] {
        assert_eq!(metrics(&rig, "tv", r#"{"player_state":"playing"}"#, user_agent).await, 204);
        let cmcd = Ask::new("POST", "/cmcd?player_id=tv").with("User-Agent", user_agent);
        assert_eq!(rig.api.ask(&cmcd.body(b"e=ps,sta=p,sid=\"s\",ts=1")).await.status, 204);
        assert_eq!(shown().await, apple, "{user_agent}");
    }
    let session = rig.session("tv").await;
    for vaguer in ["Lavf/61.7.100", "", "Mozilla/5.0 (X11; Linux x86_64)"] {
        Wire::fetch(session, &Ask::get("/x").with("User-Agent", vaguer)).await;
        assert_eq!(shown().await, apple, "{vaguer}");
    }
    let mut elsewhere = Wire::connect_from(Ipv4Addr::new(127, 0, 0, 9), session).await;
    elsewhere.ask(&Ask::get("/x").with("User-Agent", "Lavf/61.7.100")).await;
    assert_eq!(shown().await, apple, "from another address");
    Wire::fetch(session, &Ask::get("/x").with("User-Agent", iphone)).await;
    assert_eq!(shown().await.0.as_deref(), Some(iphone), "another device");

    let (_origin, rig) = of(|setup| setup.idle(Duration::ZERO)).await;
    let mut feed = rig.feed().await;
    Wire::fetch(rig.base, &first).await;
    feed.action("session_end").await;
    Wire::fetch(rig.base, &Ask::get("/origin/x?player_id=tv").with("User-Agent", "curl/8.0")).await;
    assert_eq!(rig.api.player("tv").await.device_family.as_deref(), Some("Apple TV"), "in another session");
    let fresh = rig.session("vague").await;
    Wire::fetch(fresh, &Ask::get("/x").with("User-Agent", APPLE_TV)).await;
    let player = rig.api.player("vague").await;
    assert_eq!(player.device_family.as_deref(), Some("Apple TV"), "a telling one replaces a vague one");
}
