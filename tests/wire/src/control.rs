//! The control API over HTTP: what is refused changes nothing, what is accepted is in force and survives a restart.
//!
//! Invariant: "nothing" is the whole answer to a later GET, byte for byte.

use rebuffer_kit::{
    Answer, Api, Ask, Asked, Gate, Origin, Rig, Said, Saying, Setup, Wire, json, pattern, read, refused,
};
use rebuffer_model::{ActionKind, Mbps, Rule};

const SETTINGS: &str = r#""labels":{"run":"a"},"shape":{"rate_mbps":50},
    "fault_rules":[{"id":"one","type":"404","filter":{"url_match":{"mode":"exact","patterns":["/hit"]}}}]"#;

fn site(asked: &Asked) -> Said {
    Saying::new(200, "OK").body(asked, pattern(4, 2_000))
}

async fn rig() -> (Origin, Rig) {
    let origin = Origin::serve(site).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    (origin, rig)
}

async fn shown(api: Api, id: &str) -> Answer {
    api.ask(&Ask::get(&format!("/api/v2/players/{id}"))).await
}

fn matching(revision: &str, ask: Ask) -> Ask {
    ask.with("If-Match", &format!("\"{revision}\""))
}

#[tokio::test]
async fn a_patch_that_does_not_fit_points_at_its_field_and_changes_nothing() {
    let (_origin, rig) = rig().await;
    rig.api.create("tv", SETTINGS).await;
    let before = shown(rig.api, "tv").await;
    let revision = rig.api.player("tv").await.control_revision;
    for (patch, pointer) in [
        ("5", Some("")),
        ("{", None),
        (r#"{"bogus":1}"#, Some("/bogus")),
        (r#"{"id":"x"}"#, Some("/id")),
        (r#"{"shape":{"rate_mbps":-1}}"#, Some("/shape/rate_mbps")),
        (r#"{"shape":{"rate_mbps":"5"}}"#, Some("/shape/rate_mbps")),
        (r#"{"shape":{"rate_mbps":0.001}}"#, Some("/shape/rate_mbps")),
        (r#"{"shape":{"rate_mbps":1e9}}"#, Some("/shape/rate_mbps")),
        (r#"{"shape":{"colour":1}}"#, Some("/shape/colour")),
        (r#"{"shape":[5]}"#, Some("/shape")),
        (r#"{"shape":5}"#, Some("/shape")),
        (r#"{"labels":{"Run":"x"}}"#, Some("/labels/Run")),
        (r#"{"labels":{"run":5}}"#, Some("/labels/run")),
        (r#"{"labels":{"harness.x":"5"}}"#, Some("/labels/harness.x")),
        (r#"{"fault_rules":{}}"#, Some("/fault_rules")),
        (r#"{"fault_rules":[{}]}"#, Some("/fault_rules/0")),
        (r#"{"fault_rules":[{"type":"nope"}]}"#, Some("/fault_rules/0/type")),
        (r#"{"fault_rules":[{"type":404}]}"#, Some("/fault_rules/0/type")),
        (r#"{"fault_rules":[{"type":"404","colour":1}]}"#, Some("/fault_rules/0/colour")),
        (r#"{"fault_rules":[{"type":"404","consecutive":0}]}"#, Some("/fault_rules/0/consecutive")),
        (r#"{"fault_rules":[{"type":"404","frequency":-1}]}"#, Some("/fault_rules/0/frequency")),
        (r#"{"fault_rules":[{"type":"404","mode":"often"}]}"#, Some("/fault_rules/0/mode")),
        (
            r#"{"fault_rules":[{"type":"404"},{"type":"404","filter":{"request_kind":["film"]}}]}"#,
            Some("/fault_rules/1/filter/request_kind/0"),
        ),
        (
            r#"{"fault_rules":[{"type":"404","filter":{"url_match":{"mode":"regex","patterns":["("]}}}]}"#,
            Some("/fault_rules/0/filter/url_match/patterns/0"),
        ),
        (r#"{"fault_rules":[{"id":"a","type":"404"},{"id":"a","type":"503"}]}"#, Some("/fault_rules/1/id")),
        // The good half of a bad patch is not done either.
        (r#"{"labels":{"run":"b"},"shape":{"rate_mbps":-1}}"#, Some("/shape/rate_mbps")),
    ] {
        let problem = refused(&rig.api.try_patch("tv", &revision, patch).await, 400);
        assert_eq!(problem.pointer.as_deref(), pointer, "{patch}: {}", problem.detail);
        let after = shown(rig.api, "tv").await;
        assert_eq!((after.text(), after.value("etag")), (before.text(), before.value("etag")), "{patch}");
    }
}

/// A rule on paths that match one of these.
fn regexes(patterns: &[&str]) -> String {
    let patterns = serde_json::to_string(patterns).unwrap();
    format!(r#"{{"type":"404","filter":{{"url_match":{{"mode":"regex","patterns":{patterns}}}}}}}"#)
}

#[tokio::test]
async fn a_thousand_patterns_are_too_many() {
    let (_origin, rig) = rig().await;
    let rule = regexes(&[r"/v/[a-z]+_\d{4,8}\.m4s$"; 50]);
    let rules = |count: usize| format!(r#"{{"fault_rules":[{}]}}"#, vec![rule.as_str(); count].join(","));
    let ask = |count| json(Ask::new("PATCH", "/api/v2/players/tv"), &rules(count));
    rig.api.create("tv", "").await;
    let problem = refused(&rig.api.ask(&matching("1", ask(20))).await, 400);
    assert_eq!(problem.pointer.as_deref(), Some("/fault_rules/10/filter"), "{}", problem.detail);
    assert_eq!(rig.api.ask(&matching("1", ask(10))).await.status, 200, "five hundred are not");
}

#[tokio::test]
async fn rules_players_and_reports_that_do_not_fit_are_refused_alike() {
    let (_origin, rig) = rig().await;
    rig.api.create("tv", SETTINGS).await;
    let before = rig.api.ask(&Ask::get("/api/v2/players")).await;
    let rules = "/api/v2/players/tv/fault_rules";
    let add = |body: &str| json(matching("1", Ask::new("POST", rules)), body);
    let edit = |body: &str| json(matching("1", Ask::new("PATCH", &format!("{rules}/one"))), body);
    let make = |body: &str| json(Ask::new("POST", "/api/v2/players"), body);
    let report = |body: &str| json(Ask::new("POST", "/api/v2/players/tv/metrics"), body);
    for (ask, pointer) in [
        (add(r#"{"type":"nope"}"#), "/type"),
        (add(r#"{"type":"404","filter":{"colour":1}}"#), "/filter/colour"),
        (add("[]"), ""),
        (add(&regexes(&["/a", "("])), "/filter/url_match/patterns/1"),
        (add(&regexes(&[r"(\w{200}){200}"])), "/filter/url_match/patterns"),
        (add(&regexes(&["/a"; 65])), "/filter/url_match"),
        (edit(r#"{"type":"700"}"#), "/type"),
        (edit(r#"{"type":null}"#), ""),
        (edit(r#"{"id":"two"}"#), "/id"),
        (edit(r#"{"consecutive":1.5}"#), "/consecutive"),
        (make(r#"{"player_id":"new","colour":1}"#), "/colour"),
        (make(r#"{"player_id":"new","shape":{"rate_mbps":-2}}"#), "/shape/rate_mbps"),
        (make(r#"{"labels":{}}"#), ""),
        (report(r#"{"state":5}"#), "/state"),
        (report("[]"), ""),
    ] {
        let answer = rig.api.ask(&ask).await;
        let problem = refused(&answer, 400);
        assert_eq!(problem.pointer.as_deref(), Some(pointer), "{ask:?}: {}", problem.detail);
        let after = rig.api.ask(&Ask::get("/api/v2/players")).await;
        assert_eq!(after.text(), before.text(), "{ask:?}");
    }
}

#[tokio::test]
async fn a_change_needs_the_revision_it_is_based_on() {
    let (_origin, rig) = rig().await;
    let api = rig.api;
    let first = api.create("tv", SETTINGS).await.control_revision;
    let blind = json(Ask::new("PATCH", "/api/v2/players/tv"), r#"{"labels":{"run":"b"}}"#);
    refused(&api.ask(&blind).await, 428);
    refused(&api.ask(&blind.clone().with("If-Match", "*")).await, 428);
    let blind = json(Ask::new("POST", "/api/v2/players/tv/fault_rules"), r#"{"type":"404"}"#);
    refused(&api.ask(&blind).await, 428);

    let second = api.patch("tv", r#"{"shape":{"rate_mbps":20}}"#).await.control_revision;
    assert_ne!(first, second);
    // Somebody who read before that may still change what was not touched.
    let third = api.try_patch("tv", &first, r#"{"labels":{"run":"c"}}"#).await;
    assert_eq!(third.status, 200);
    let stale = api.try_patch("tv", &first, r#"{"shape":{"rate_mbps":9},"labels":{"new":"x"}}"#).await;
    let problem = refused(&stale, 412);
    assert_eq!(problem.conflicts, ["shape.rate_mbps"]);
    let now = api.player("tv").await;
    assert_eq!(problem.current_revision.as_deref(), Some(&*now.control_revision));
    assert_eq!(third.value("etag"), Some(&*format!("\"{}\"", now.control_revision)));
    assert_eq!((now.shape.shape.down.rate_mbps, now.labels.len()), (Some(Mbps::new(20.0).unwrap()), 1));
}

#[tokio::test]
async fn edits_of_different_rules_do_not_conflict_and_of_one_rule_do() {
    let (_origin, rig) = rig().await;
    let api = rig.api;
    let read_at = api.create("tv", SETTINGS).await.control_revision;
    let rules = "/api/v2/players/tv/fault_rules";
    let add = json(matching(&read_at, Ask::new("POST", rules)), r#"{"type":"503"}"#);
    let added: Rule = read(&api.ask(&add).await, 201);
    assert_eq!(added.id.as_str(), "rule-1");
    let edit = |at: &str, id: &str, body: &str| {
        json(matching(at, Ask::new("PATCH", &format!("{rules}/{id}"))), body)
    };
    assert_eq!(api.ask(&edit(&read_at, "one", r#"{"type":"410"}"#)).await.status, 200);
    let problem = refused(&api.ask(&edit(&read_at, "one", r#"{"type":"411"}"#)).await, 412);
    assert_eq!(problem.conflicts, ["fault_rules.one"]);
    refused(&api.ask(&edit(&read_at, "gone", r#"{"type":"411"}"#)).await, 404);
    let twice = json(matching("99", Ask::new("POST", rules)), r#"{"id":"one","type":"503"}"#);
    assert_eq!(refused(&api.ask(&twice).await, 409).pointer.as_deref(), Some("/id"));
    let faults: Vec<String> =
        api.player("tv").await.fault_rules.iter().map(|rule| rule.fault.to_string()).collect();
    assert_eq!(faults, ["410", "503"]);
}

#[tokio::test]
async fn a_rate_where_nothing_shapes_is_an_error_and_changes_nothing() {
    let origin = Origin::serve(site).await;
    let rig = Rig::start(Setup::at(origin.address).unshaped()).await;
    rig.api.create("tv", r#""labels":{"run":"a"}"#).await;
    for with_session in [false, true] {
        if with_session {
            rig.session("tv").await;
        }
        let before = shown(rig.api, "tv").await;
        let patch = r#"{"labels":{"run":"b"},"shape":{"rate_mbps":5}}"#;
        let problem = refused(&rig.api.try_patch("tv", "9", patch).await, 409);
        assert_eq!(problem.pointer.as_deref(), Some("/shape"));
        assert_eq!(shown(rig.api, "tv").await.text(), before.text());
    }
    let body = r#"{"player_id":"new","shape":{"rate_mbps":5}}"#;
    refused(&rig.api.ask(&json(Ask::new("POST", "/api/v2/players"), body)).await, 409);
    refused(&shown(rig.api, "new").await, 404);
}

#[tokio::test]
async fn what_was_set_and_the_port_survive_a_restart() {
    let (origin, rig) = rig().await;
    rig.api.create("tv", SETTINGS).await;
    let before = rig.api.player("tv").await;
    let session = rig.session("tv").await;
    assert_eq!(Wire::fetch(session, &Ask::get("/pass?n=1")).await.status, 200);
    let rig = rig.restarted().await;

    let after = rig.api.player("tv").await;
    assert_eq!(
        (&after.labels, &after.fault_rules, after.shape),
        (&before.labels, &before.fault_rules, before.shape)
    );
    assert_eq!((after.control_revision, after.display_id), (before.control_revision, before.display_id));
    assert_eq!((after.first_seen_at, after.session), (before.first_seen_at, None));
    // The player does not know of the restart and asks the port it knows.
    let mut wire = Wire::connect(session).await;
    assert_eq!(wire.ask(&Ask::get("/hit")).await.status, 404);
    assert_eq!(wire.ask(&Ask::get("/pass?n=2")).await.body, pattern(4, 2_000));
    assert_eq!(origin.take_asked().len(), 2);
    let again = rig.api.player("tv").await;
    assert_eq!(again.session.map(|session| session.port), Some(session.port()));
    assert_eq!(again.link.and_then(|link| link.rate_mbps), Some(50.0), "the cap is in force again");
    let mut feed = rig.feed().await;
    for url in ["/pass?n=1", "/hit", "/pass?n=2"] {
        feed.exchange(url).await;
    }
}

#[tokio::test]
async fn players_without_settings_keep_their_port_as_well() {
    let (_origin, rig) = rig().await;
    let (one, two) = (rig.session("one").await, rig.session("two").await);
    let rig = rig.restarted().await;
    assert_eq!(rig.session("new").await.ip(), one.ip());
    for (player, session) in [("two", two), ("one", one)] {
        assert_eq!(Wire::fetch(session, &Ask::get("/x")).await.status, 200);
        assert_eq!(rig.api.player(player).await.session.map(|session| session.port), Some(session.port()));
    }
}

#[tokio::test]
async fn a_change_during_a_long_download_is_kept_and_acts_at_once() {
    let gate = Gate::shut();
    let origin = Origin::serve({
        let gate = gate.clone();
        move |asked: &Asked| match asked.path() {
            "/long" => Saying::new(200, "OK")
                .with("Content-Length", "4000")
                .bare()
                .send(pattern(5, 1_000))
                .wait(&gate)
                .send(pattern(6, 3_000)),
            _ => site(asked),
        }
    })
    .await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    let session = rig.session("tv").await;
    let mut download = Wire::connect(session).await;
    download.send(&Ask::get("/long")).await;
    download.head().await;
    assert_eq!(download.bytes(1_000).await, pattern(5, 1_000));

    rig.api.patch("tv", r#"{"labels":{"run":"x"},"fault_rules":[{"id":"a","type":"503"}]}"#).await;
    assert_eq!(Wire::fetch(session, &Ask::get("/other")).await.status, 503);
    gate.open();
    assert_eq!(download.bytes(3_000).await, pattern(6, 3_000), "what had begun goes on as it was");
    let mut feed = rig.feed().await;
    assert_eq!(feed.exchange("/long").await.fault, None);
    let now = rig.api.player("tv").await;
    assert_eq!((now.fault_rules.len(), now.labels.len()), (1, 1));
    let enabled = feed.action("fault_rule_enabled").await;
    assert!(matches!(enabled.kind, ActionKind::FaultRuleEnabled { rule } if rule.id.as_str() == "a"));
}

#[tokio::test]
async fn a_player_that_is_removed_is_forgotten_with_everything() {
    let (_origin, rig) = rig().await;
    rig.api.create("tv", SETTINGS).await;
    let session = rig.session("tv").await;
    assert_eq!(rig.api.ask(&Ask::new("DELETE", "/api/v2/players/tv")).await.status, 204);
    refused(&shown(rig.api, "tv").await, 404);
    let rig = rig.restarted().await;
    refused(&shown(rig.api, "tv").await, 404);
    let _ = session;
}
