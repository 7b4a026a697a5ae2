//! What the page shows where the rig does not see everything, how it names players and narrows rules, and what it does with keys
//! and while the rig is away.

use std::collections::BTreeMap;

use http::Request;
use rebuffer_e2e::{Place, Rig, RigConfig, Shaper, Web};
use rebuffer_kit::{Asked, Origin, Said, Saying};
use serde::Deserialize;

use crate::visit::Visit;

const ROKU: &str = "Roku/DVP-12.0 (12.0.0.4182-88)";

/// What a visitor saw of a player that the rig does not see everything of.
#[derive(Debug, Deserialize)]
struct Seen {
    listed: Vec<Listed>,
    /// The names that each search left.
    found: Vec<Vec<String>>,
    source: String,
    name: String,
    own_name: String,
    device: String,
    canonical: String,
    ports: Vec<String>,
    notice: Vec<String>,
    setting: String,
    events: Vec<String>,
    /// The last parts of the paths of requests with the mark, and how many marks each has.
    marked: Vec<String>,
    spoken: String,
    details: Vec<String>,
    errors: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Listed {
    name: String,
    unseen: u32,
}

#[derive(Debug, Deserialize)]
struct SeenOfRules {
    sentences: Vec<String>,
    errors: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct SeenOfKeys {
    lists: BTreeMap<String, bool>,
    dialog: bool,
    /// What has the focus after the details of a request were closed.
    detail: String,
    in_view: Vec<String>,
    errors: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct SeenOfReturn {
    /// Before, while the rig was away, after.
    connection: [String; 3],
    notice: String,
    attempt: u32,
    same_play: bool,
    errors: Vec<String>,
}

/// A player as the API shows it.
#[derive(Debug, Deserialize)]
struct Player {
    id: String,
    control_revision: String,
    fault_rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
struct Rule {
    filter: Filter,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Filter {
    request_kind: Vec<String>,
    host: Vec<String>,
    presentation: Presentation,
    variant: Variant,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Presentation {
    roles: Vec<String>,
    paths: Vec<String>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Variant {
    rung_positions: Vec<String>,
}

/// An origin whose master leads to another configured origin, to one that the rig may not reach, and to a playlist in a coding
/// that is not read.
fn odd(edge: &str) -> impl Fn(&Asked) -> Said + Send + Sync + 'static {
    let variants = ["v0.m3u8", &format!("{edge}/v1.m3u8"), "http://other.example/v2.m3u8", "lzw.m3u8"];
    let variants = variants.iter().zip(1..).map(|(uri, megabits)| {
        format!("#EXT-X-STREAM-INF:BANDWIDTH={megabits}000000,RESOLUTION=640x360\n{uri}\n")
    });
    let master = format!("#EXTM3U\n{}", variants.collect::<String>());
    move |asked| {
        let playlist = Saying::new(200, "OK").with("Content-Type", "application/vnd.apple.mpegurl");
        match asked.path() {
            "/master.m3u8" => playlist.body(asked, master.clone()),
            "/lzw.m3u8" => playlist.with("Content-Encoding", "lzw").body(asked, [0x1f, 0x9d, 0x90]),
            "/v0.m3u8" | "/v1.m3u8" => {
                playlist.body(asked, "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\ns0.ts\n#EXT-X-ENDLIST\n")
            }
            _ => Saying::new(200, "OK").with("Content-Type", "video/mp2t").body(asked, "G"),
        }
    }
}

/// A rig with such an origin, and what keeps its origins alive.
async fn start_odd(place: &Place, archive: bool) -> (Rig, [Origin; 2]) {
    let edge = Origin::serve(odd("http://192.0.2.1")).await;
    let edge_url = format!("http://{}", edge.address);
    let origin = Origin::serve(odd(&edge_url)).await;
    let origins = vec![format!("odd=http://{}", origin.address), format!("edge={edge_url}")];
    let rig = Rig::start_with(place, &RigConfig { archive, origins, ..RigConfig::default() }).await;
    rig.ready().await;
    (rig, [origin, edge])
}

/// Plays what the rig does not see everything of; returns how many requests that were.
async fn play_oddly(rig: &Rig) -> usize {
    let web = Web::default();
    let get = async |url: &str| {
        let request = Request::get(url).header("user-agent", ROKU);
        web.send(request, "").await.unwrap()
    };
    let first = format!("{}/master.m3u8?player_id=bigtv", rig.base_of("odd"));
    let first = get(&first).await.location().to_owned();
    let (base, _) = first.split_once("/master.m3u8").unwrap();
    let paths = ["/lzw.m3u8", "/v0.m3u8", "/s0.ts", "/undeclared.ts"];
    get(&first).await.text();
    for path in paths {
        get(&format!("{base}{path}")).await;
    }
    paths.len() + 1
}

/// Names the player as an operator does.
async fn label(rig: &Rig, player: &str, name: &str) {
    let revision = read(rig, player).await.control_revision;
    let request = Request::patch(format!("{}/api/v2/players/{player}", rig.api()))
        .header("content-type", "application/merge-patch+json")
        .header("if-match", format!("\"{revision}\""));
    let body = format!("{{\"labels\":{{\"name\":\"{name}\"}}}}");
    Web::default().send(request, body).await.unwrap().text();
}

async fn read(rig: &Rig, player: &str) -> Player {
    Web::default().get(&format!("{}/api/v2/players/{player}", rig.api())).await.unwrap().json()
}

async fn see_oddly(name: &'static str, archive: bool) -> Option<Seen> {
    let visit = Visit::able()?;
    let place = Place::take(name)?;
    let (rig, _origins) = start_odd(&place, archive).await;
    let requests = play_oddly(&rig).await.to_string();
    rig.session(&Web::default(), "kitchen").await;
    label(&rig, "bigtv", "Living room").await;
    let seen: Seen = visit.to(&rig, "unseen.mjs", &place, &[&requests]).await;
    assert_eq!(seen.errors, [""; 0], "exceptions in the page");
    assert_eq!(seen.canonical, read(&rig, "bigtv").await.id);
    Some(seen)
}

fn is_told(seen: &Seen) {
    let unseen = |name: &str| seen.listed.iter().find(|row| row.name == name).map(|row| row.unseen);
    assert_eq!((unseen("Living room"), unseen("kitchen")), (Some(2), Some(0)), "{:?}", seen.listed);
    assert_eq!(seen.found, [vec!["Living room"], vec!["Living room"], vec!["kitchen"], vec![]]);
    assert_eq!((&*seen.name, &*seen.own_name, &*seen.device), ("Living room", "calls itself bigtv", "Roku"));
    let [odd, edge] = &seen.ports[..] else { panic!("{:?}", seen.ports) };
    assert!(odd.contains("asks\nodd\nhttp://127.0.0.1:"), "{odd:?}");
    assert!(edge.contains("asks\nedge\nhttp://127.0.0.1:"), "{edge:?}");

    let [unread, left] = &seen.notice[..] else { panic!("{:?}", seen.notice) };
    assert!(
        unread.contains("/lzw.m3u8 looks like a playlist and was not read: its content coding \"lzw\""),
        "{unread}"
    );
    assert!(unread.contains("gzip, deflate, br or zstd"), "{unread}");
    assert!(left.contains("Requests to http://other.example go past the rig"), "{left}");
    assert_eq!(seen.setting, "--origin-hosts other.example");
    let [unread, left] = &seen.events[..] else { panic!("{:?}", seen.events) };
    assert!(
        unread.contains("/lzw.m3u8") && left.contains("--origin-hosts other.example"),
        "{:?}",
        seen.events
    );

    assert_eq!(seen.marked, ["master.m3u8 1", "lzw.m3u8 1", "undeclared.ts 1"]);
    assert!(seen.spoken.contains("/lzw.m3u8 looks like a playlist"), "{}", seen.spoken);
    let [master, unread, guessed] = &seen.details[..] else { panic!("{:?}", seen.details) };
    assert!(master.contains("leads the player past the rig"), "{master}");
    assert!(master.contains("were not sent to the origin"), "{master}");
    assert!(master.contains("/master.m3u8 (primary)"), "{master}");
    assert!(unread.contains("not read: its content coding \"lzw\" is none that is read"), "{unread}");
    assert!(guessed.contains("segment, guessed: no playlist declared it"), "{guessed}");
}

#[tokio::test]
async fn what_is_not_seen_is_told_without_an_archive() {
    let Some(seen) = see_oddly("unseen", false).await else { return };
    is_told(&seen);
    assert_eq!(seen.source, "rig");
}

#[tokio::test]
async fn what_is_not_seen_is_told_with_an_archive() {
    let Some(seen) = see_oddly("unseen-archived", true).await else { return };
    is_told(&seen);
    assert_eq!(seen.source, "archive");
}

#[tokio::test]
async fn a_rule_is_narrowed_to_hosts_presentations_rungs_and_preflights() {
    let Some(visit) = Visit::able() else { return };
    let Some(place) = Place::take("narrow") else { return };
    let (rig, _origins) = start_odd(&place, false).await;
    play_oddly(&rig).await;
    let seen: SeenOfRules = visit.to(&rig, "narrow-rule.mjs", &place, &["bigtv"]).await;
    assert_eq!(seen.errors, [""; 0], "exceptions in the page");
    let [narrowed, preflights] = &seen.sentences[..] else { panic!("{seen:?}") };
    let words = "segments of the top rung of primary presentations at /master.m3u8 or /ads/* at edge or *.cdn.example";
    assert!(narrowed.contains(words), "{narrowed}");
    assert!(preflights.contains("1 of every 5 preflights"), "{preflights}");
    let rules = read(&rig, "bigtv").await.fault_rules;
    let filters: Vec<_> = rules.into_iter().map(|rule| rule.filter).collect();
    let all = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    let narrowed = Filter {
        request_kind: all(&["segment"]),
        host: all(&["edge", "*.cdn.example"]),
        presentation: Presentation { roles: all(&["primary"]), paths: all(&["/master.m3u8", "/ads/*"]) },
        variant: Variant { rung_positions: all(&["top"]) },
    };
    assert_eq!(filters, [narrowed, Filter { request_kind: all(&["preflight"]), ..Filter::default() }]);
}

#[tokio::test]
async fn escape_closes_what_is_open_and_the_connection_stays_in_view() {
    let Some(visit) = Visit::able() else { return };
    let Some(place) = Place::take("keys") else { return };
    let config = RigConfig { archive: false, ..RigConfig::default() };
    let rig = Rig::start_with(&place, &config).await;
    rig.ready().await;
    let seen: SeenOfKeys = visit.to(&rig, "keys.mjs", &place, &[]).await;
    assert_eq!(seen.errors, [""; 0], "exceptions in the page");
    assert_eq!(seen.lists.len(), 6, "{seen:?}");
    assert!(seen.dialog && seen.lists.values().all(|closed| *closed), "{seen:?}");
    assert_eq!(seen.detail, "Requests, arrow keys choose");
    assert_eq!(seen.in_view, ["live", "live"]);
}

#[tokio::test]
async fn playback_goes_on_when_the_rig_is_back() {
    let Some(visit) = Visit::able() else { return };
    let Some(place) = Place::take("away") else { return };
    let config = RigConfig { archive: false, ..RigConfig::default() };
    let rig = Rig::start_with(&place, &config).await;
    rig.ready().await;
    let mut going = visit.begin(&rig, "rig-away.mjs", &place, &[]);
    going.says("plays").await;
    let ports = rig.ports();
    rig.kill().await;
    going.says("ended").await;
    let _rig = Rig::start_with(&place, &RigConfig { shaper: Shaper::Pacing, ports, ..config }).await;
    let seen: SeenOfReturn = going.seen().await;
    assert_eq!(seen.errors, [""; 0], "exceptions in the page");
    let [before, away, after] = &seen.connection;
    assert_eq!((&**before, &**after), ("live", "live"));
    assert!(away.starts_with("reconnecting since "), "{away}");
    assert!(seen.notice.contains("goes on by itself"), "{}", seen.notice);
    assert_eq!((seen.attempt, seen.same_play), (2, true));
}
