//! Pages of other origins: what they may read through the rig, and what preflights are.
//!
//! Invariant: with `--cors page` a page is granted what the origin grants it and refused what the origin refuses it, whatever
//! `Origin` its browser sends after a redirect; with `--cors origin` nothing is changed. Deliberately absent: what a browser makes
//! of it (see the end-to-end ring).

use std::net::{Ipv4Addr, SocketAddr};

use rebuffer_kit::{Answer, Ask, Asked, Feed, Field, Origin, Rig, Said, Saying, Setup, Wire, place};
use rebuffer_model::{Remark, RequestKind};
use rebuffer_proxy::Cors;

const APP: &str = "https://app.example";
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
const GRANTS: [&str; 4] = [
    "Access-Control-Allow-Origin",
    "Access-Control-Allow-Credentials",
    "Access-Control-Expose-Headers",
    "Vary",
];

/// Grants the page that `grant` names (`asked`: whoever asks), with credentials where `with` is there; `to` is a redirect.
fn site(asked: &Asked) -> Said {
    let mut saying = match asked.query("to") {
        Some(to) => Saying::new(302, "Found").with("Location", to),
        None => Saying::new(200, "OK"),
    };
    let page = asked.value("origin").unwrap_or("nobody");
    if let Some(grant) = asked.query("grant") {
        saying = saying.with(GRANTS[0], if grant == "asked" { page } else { grant });
    }
    if asked.query("with").is_some() {
        saying = saying.with(GRANTS[1], "true").with("Vary", "Origin");
    }
    saying.body(asked, "of the origin")
}

struct Stage {
    rig: Rig,
    home: Origin,
    away: Origin,
    session: SocketAddr,
    feed: Feed,
}

impl Stage {
    async fn with(cors: Cors, settings: &str) -> Self {
        let (home, away) = (Origin::serve(site).await, Origin::serve_at(ELSEWHERE, site).await);
        let rig = Rig::start(Setup::at(home.address).and("b", away.address).cors(cors)).await;
        rig.api.create("tv", settings).await;
        let session = rig.session("tv").await;
        let feed = rig.feed().await;
        Self { rig, home, away, session, feed }
    }

    /// What a page gets for `target` at the base port, after the redirect that its browser follows and the `Origin` it then says.
    async fn led(&self, page: &str, target: &str, then: &str) -> Answer {
        let sign = if target.contains('?') { '&' } else { '?' };
        let first = Ask::get(&format!("/origin{target}{sign}player_id=tv")).with("Origin", page);
        let answer = Wire::fetch(self.rig.base, &first).await;
        assert_eq!(answer.status, 302, "{answer:?}");
        let (at, target) = place(answer.value("location").expect("a redirect"));
        Wire::fetch(at, &Ask::get(&target).with("Origin", then)).await
    }

    /// The `Origin` that the last request at an origin had.
    fn told(&self) -> Option<String> {
        let asked = [&self.home, &self.away].map(|origin| origin.take_asked().pop());
        asked.into_iter().flatten().next_back().and_then(|asked| asked.value("origin").map(str::to_owned))
    }

    async fn remarks(&mut self, url: &str) -> Vec<Remark> {
        let mut remarks = self.feed.exchange(url).await.remarks;
        // The player's name is in the first URL of each case, and is not what this is about.
        remarks.retain(|remark| *remark != Remark::IdentityRemoved);
        remarks
    }
}

fn grants(answer: &Answer) -> Vec<&str> {
    GRANTS[..2].iter().map(|name| answer.value(name).unwrap_or("-")).collect()
}

fn preflight(target: &str, page: &str, names: &str) -> Ask {
    let ask = Ask::new("OPTIONS", target).with("Origin", page).with("Access-Control-Request-Method", "GET");
    ask.with("Access-Control-Request-Headers", names)
}

/// What lets a page with credentials read an answer.
fn assert_is_open(answer: &Answer, page: &str) {
    let exposed = "*, Content-Length, Date, Location, Retry-After";
    let expected = [page, "true", exposed, "Origin"];
    assert_eq!(GRANTS.map(|name| answer.value(name).unwrap_or("-")), expected, "{answer:?}");
}

#[tokio::test]
async fn answers_of_the_rig_are_readable_for_a_page_with_credentials() {
    let rules = r#""fault_rules":[
        {"id":"a","type":"404","mode":"requests","frequency":1,"filter":{"url_match":{"mode":"exact","patterns":["/404"]}}},
        {"id":"b","type":"redirect_loop","mode":"requests","frequency":1,"filter":{"url_match":{"mode":"exact","patterns":["/loop"]}}}]"#;
    let mut stage = Stage::with(Cors::Page, rules).await;
    let (base, session) = (stage.rig.base, stage.session);
    for page in [APP, "null"] {
        for (at, target, status) in [
            (base, "/origin/x?player_id=tv", 302),
            (base, "/", 404),
            (session, "/x?player_id=other", 302),
            (session, "/404", 404),
            (session, "/loop", 302),
        ] {
            let ask = |method| Ask::new(method, target).with("Origin", page).with("Cookie", "a=1");
            for method in ["GET", "HEAD"] {
                let answer = Wire::fetch(at, &ask(method)).await;
                assert_eq!(answer.status, status, "{method} {target}");
                assert_is_open(&answer, page);
            }
        }
        let asked = Ask::new("POST", "/origin/x?player_id=tv").with("Origin", page).body(b"x");
        let answer = Wire::fetch(base, &asked).await;
        assert_eq!(answer.status, 307);
        assert_is_open(&answer, page);
    }
    drop(stage.home);
    let answer = Wire::fetch(session, &Ask::get("/gone").with("Origin", APP)).await;
    assert_eq!(answer.status, 502);
    assert_is_open(&answer, APP);
    let row = stage.feed.exchange("/gone").await;
    assert_eq!(row.remarks, []);

    let nobody = Wire::fetch(session, &Ask::get("/404")).await;
    let open = GRANTS.map(|name| nobody.value(name).unwrap_or("-"));
    assert_eq!(open, ["*", "-", "*", "-"], "what is no page's is anybody's");
}

#[tokio::test]
async fn a_preflight_is_only_matched_by_a_rule_that_names_it() {
    let rule = |kinds: &str| {
        format!(
            r#""fault_rules":[{{"id":"r","type":"503","mode":"requests","frequency":1,"filter":{{{kinds}}}}}]"#
        )
    };
    for (kinds, preflighted, asked) in [
        (String::new(), 200, 503),
        (r#""request_kind":["other"]"#.to_owned(), 200, 503),
        (r#""request_kind":["preflight"]"#.to_owned(), 503, 200),
        (r#""request_kind":["preflight","other"]"#.to_owned(), 503, 503),
    ] {
        let mut stage = Stage::with(Cors::Page, &rule(&kinds)).await;
        let target = "/x?grant=asked";
        let answer = Wire::fetch(stage.session, &preflight(target, APP, "range")).await;
        assert_eq!(answer.status, preflighted, "{kinds}");
        let row = stage.feed.exchange(target).await;
        assert_eq!((row.request.kind, row.remarks), (RequestKind::Preflight, vec![]), "{kinds}");
        for plain in [Ask::get(target).with("Origin", APP), Ask::new("OPTIONS", target)] {
            assert_eq!(Wire::fetch(stage.session, &plain).await.status, asked, "{kinds}");
            assert_eq!(stage.feed.exchange(target).await.request.kind, RequestKind::Other);
        }
    }
}

#[tokio::test]
async fn a_preflight_of_the_rigs_own_header_is_answered_by_the_rig() {
    let mut stage = Stage::with(Cors::Page, "").await;
    for (at, target) in [
        (stage.rig.base, "/origin/x?player_id=tv"),
        (stage.session, "/x"),
        (stage.session, "/x?player_id=other"),
    ] {
        let answer = Wire::fetch(at, &preflight(target, APP, "player-id")).await;
        assert_eq!(
            (answer.status, stage.told()),
            (204, None),
            "{target}: a browser follows no redirect here"
        );
        assert_eq!(grants(&answer), [APP, "true"], "{target}");
        let allowed = ["Access-Control-Allow-Methods", "Access-Control-Allow-Headers"];
        assert_eq!(allowed.map(|name| answer.value(name)), [Some("GET"), Some("player-id")], "{target}");
    }
    assert_eq!(stage.remarks("/x").await, [Remark::PreflightAnswered]);
    // What the page asks direct as well is the origin's to answer.
    Wire::fetch(stage.session, &preflight("/y?grant=asked", APP, "player-id, range")).await;
    assert_eq!(stage.told().as_deref(), Some(APP));
    assert_eq!(stage.remarks("/y").await, []);
}

#[tokio::test]
async fn after_a_redirect_the_origin_is_asked_in_the_name_of_the_real_page() {
    use Remark::{CorsRefused, CorsRewritten, OriginRestored};
    let mut stage = Stage::with(Cors::Page, "").await;
    for (target, expected, remarks) in [
        ("/x?grant=asked", ["null", "-"], vec![OriginRestored, CorsRewritten]),
        ("/x?grant=asked&with=1", ["null", "true"], vec![OriginRestored, CorsRewritten]),
        ("/x?grant=*", ["*", "-"], vec![OriginRestored]),
        (
            "/x?grant=https://other.example&with=1",
            ["https://other.example", "true"],
            vec![OriginRestored, CorsRefused],
        ),
        ("/x?grant=null", ["-", "-"], vec![OriginRestored, CorsRefused]),
        ("/x", ["-", "-"], vec![OriginRestored, CorsRefused]),
    ] {
        let answer = stage.led(APP, target, "null").await;
        assert_eq!((answer.status, answer.text()), (200, "of the origin"));
        assert_eq!(stage.told().as_deref(), Some(APP), "{target}");
        assert_eq!(grants(&answer), expected, "{target}");
        assert_eq!(stage.remarks("/x").await, remarks, "{target}");
        let rewritten = remarks.contains(&CorsRewritten);
        assert_eq!(
            answer.head.values("vary"),
            if rewritten || target.contains("with") { vec!["Origin"] } else { vec![] }
        );
    }
}

#[tokio::test]
async fn a_page_that_asks_a_session_port_reads_what_the_origin_grants_it() {
    use Remark::CorsRefused;
    let mut stage = Stage::with(Cors::Page, "").await;
    for (target, cookie, expected, remarks) in [
        ("/x?grant=asked", "", [APP, "-"], vec![]),
        ("/x?grant=asked&with=1", "a=1", [APP, "true"], vec![]),
        ("/x?grant=*", "", ["*", "-"], vec![]),
        ("/x?grant=*", "a=1", ["*", "-"], vec![CorsRefused]),
        ("/x?grant=asked", "a=1", [APP, "-"], vec![CorsRefused]),
        ("/x?grant=https://other.example", "", ["https://other.example", "-"], vec![CorsRefused]),
        ("/x", "", ["-", "-"], vec![CorsRefused]),
    ] {
        let mut ask = Ask::get(target).with("Origin", APP);
        if !cookie.is_empty() {
            ask = ask.with("Cookie", cookie);
        }
        let through = Wire::fetch(stage.session, &ask).await;
        let direct = Wire::fetch(stage.home.address, &ask).await;
        let fields = |answer: &Answer| {
            let mut fields = answer.head.fields.clone();
            fields.retain(|field| !field.is("date"));
            fields
        };
        assert_eq!(fields(&through), fields(&direct), "{target} {cookie}: no header is another");
        assert_eq!(grants(&through), expected);
        assert_eq!(stage.remarks("/x").await, remarks, "{target} {cookie}");
    }
}

#[tokio::test]
async fn the_origins_own_page_asks_and_reads_as_it_does_direct() {
    let mut stage = Stage::with(Cors::Page, "").await;
    let own = format!("http://{}", stage.home.address);
    let restored = [Remark::OriginRestored, Remark::CorsRewritten];
    let answer = stage.led(&own, "/x", "null").await;
    assert_eq!(stage.told(), None, "a browser does not name the page that reads its own origin");
    assert_eq!(grants(&answer), ["null", "true"]);
    assert_eq!(answer.value("access-control-expose-headers"), Some("content-length"));
    assert_eq!(stage.remarks("/x").await, restored);
    // The page itself came through the session's port.
    let loaded = format!("http://{}", stage.session);
    let answer = Wire::fetch(stage.session, &Ask::new("POST", "/y").with("Origin", &loaded).body(b"1")).await;
    assert_eq!((stage.told(), grants(&answer)), (Some(own), vec![loaded.as_str(), "true"]));
    assert_eq!(stage.remarks("/y").await, restored);
}

#[tokio::test]
async fn a_redirect_between_origins_makes_a_page_as_nameless_as_it_does_direct() {
    let mut stage = Stage::with(Cors::Page, "").await;
    let own = format!("http://{}", stage.home.address);
    for (page, to, told) in [
        (APP, "/x?grant=asked".to_owned(), APP),
        (APP, format!("http://{}/x?grant=asked", stage.away.address), "null"),
        (own.as_str(), format!("http://{}/x?grant=asked", stage.away.address), own.as_str()),
    ] {
        let answer = stage.led(page, &format!("/go?grant=asked&to={to}"), "null").await;
        assert_eq!(answer.status, 302);
        let location = answer.value("location").expect("a redirect");
        let (at, target) =
            if location.starts_with('/') { (stage.session, location.to_owned()) } else { place(location) };
        stage.told();
        let answer = Wire::fetch(at, &Ask::get(&target).with("Origin", "null")).await;
        assert_eq!(stage.told().as_deref(), Some(told), "{page} {to}");
        assert_eq!(grants(&answer)[0], "null", "{page} {to}");
        let expected =
            if told == "null" { vec![] } else { vec![Remark::OriginRestored, Remark::CorsRewritten] };
        assert_eq!(stage.remarks("/x").await, expected, "{page} {to}");
    }
}

#[tokio::test]
async fn with_cors_origin_no_header_is_changed() {
    let mut stage = Stage::with(Cors::Origin, "").await;
    for (target, granted) in [
        ("/x?grant=asked&with=1", ["null", "true"]),
        ("/x?grant=https://app.example", [APP, "-"]),
        ("/x?grant=*", ["*", "-"]),
        ("/x", ["-", "-"]),
    ] {
        let answer = stage.led(APP, target, "null").await;
        assert_eq!(stage.told().as_deref(), Some("null"), "{target}");
        assert_eq!(grants(&answer), granted, "{target}");
        assert_eq!(stage.remarks("/x").await, [], "{target}");
    }
    let own = format!("http://{}", stage.home.address);
    let answer = Wire::fetch(stage.session, &Ask::get("/y").with("Origin", &own)).await;
    assert_eq!((stage.told(), grants(&answer)), (Some(own), vec!["-", "-"]));
    let answer = Wire::fetch(stage.session, &preflight("/y", APP, "player-id")).await;
    assert_eq!((answer.status, stage.told().as_deref()), (200, Some(APP)), "the origin answers");
    assert!(answer.head.fields.contains(&Field::new("Content-Length", "13")));
}
