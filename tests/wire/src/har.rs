//! A session as HAR 1.2: what Chrome's importer asks of a file, and that the numbers add up.
//!
//! Invariant: the file of a real session is judged. Deliberately absent: Chrome (see the end-to-end ring).

use rebuffer_api::{Har, HarEntry};
use rebuffer_kit::{Ask, Asked, Http2, Origin, Rig, Said, Saying, Setup, Wire, pattern, read};
use rebuffer_model::Known;
use rebuffer_proxy::Protocol;

const HAR: &str = "/api/v2/players/tv/network.har";

fn site(asked: &Asked) -> Said {
    match asked.path() {
        "/moved" => Saying::new(302, "Found").with("Location", "/a.mp4").body(asked, Vec::new()),
        _ => Saying::new(200, "OK").with("Content-Type", "video/mp4").body(asked, pattern(4, 100_000)),
    }
}

fn adds_up(entry: &HarEntry) {
    let timings = &entry.timings;
    let parts = [timings.blocked, timings.dns, timings.connect, timings.send, timings.wait, timings.receive];
    let sum: f64 = parts.into_iter().filter(|ms| *ms >= 0.0).sum();
    assert!((entry.time - sum).abs() < 1e-6, "{entry:?}");
    assert!(timings.send >= 0.0 && timings.wait >= 0.0 && timings.receive >= 0.0, "{entry:?}");
    assert!(parts.into_iter().all(|ms| ms >= 0.0 || ms == -1.0), "{entry:?}");
}

#[tokio::test]
async fn a_session_is_an_archive_whose_numbers_add_up() {
    let origin = Origin::serve(site).await;
    let setup = Setup::at(origin.address).secure(&[Protocol::Http2, Protocol::Http1]);
    let rig = Rig::start(setup).await;
    let rules = r#""fault_rules":[
        {"id":"gone","type":"404","mode":"requests","frequency":1,"filter":{"url_match":{"mode":"basename","patterns":["gone"]}}},
        {"id":"cut","type":"request_connect_reset","mode":"requests","frequency":1,
         "filter":{"url_match":{"mode":"basename","patterns":["cut"]}}}]"#;
    rig.api.create("tv", rules).await;
    let session = rig.session("tv").await;
    let other = rig.session("other").await;
    let mut feed = rig.feed().await;
    let mut wire = Wire::connect(session).await;
    for target in ["/a.mp4?token=hush&n=1%202", "/moved", "/gone"] {
        wire.ask(&Ask::get(target).with("CMCD-Request", "bl=100")).await;
    }
    wire.ask(&Ask::new("POST", "/up").chunked(b"body")).await;
    Wire::fetch(other, &Ask::get("/others")).await;
    Http2::connect(session).await.ask(&Ask::get("/b.mp4")).await;
    let mut cut = Wire::secure(session).await;
    cut.send(&Ask::get("/cut")).await;
    assert!(cut.answer_or_end("GET").await.is_none());
    for target in ["/a.mp4", "/moved", "/gone", "/up", "/others", "/b.mp4", "/cut"] {
        feed.exchange(target).await;
    }

    let answer = rig.api.ask(&Ask::get(HAR)).await;
    assert!(answer.value("content-disposition").is_some_and(|value| value.ends_with(".har\"")));
    let Har { log } = read(&answer, 200);
    assert_eq!((log.version.as_str(), log.comment), ("1.2", None));
    log.entries.iter().for_each(adds_up);
    let http = format!("http://{session}");
    let seen = log.entries.iter().map(|entry| {
        let url = entry.request.url.strip_prefix(&http).unwrap_or(&entry.request.url);
        (url, entry.response.status, entry.response.body_size, entry.request.http_version.as_str())
    });
    let https = |path: &str| format!("https://{session}{path}");
    let (b, c) = (https("/b.mp4"), https("/cut"));
    let expected = [
        ("/a.mp4?token=[redacted]&n=1%202", 200, 100_000, "HTTP/1.1"),
        ("/moved", 302, 0, "HTTP/1.1"),
        ("/gone", 404, 0, "HTTP/1.1"),
        ("/up", 200, 100_000, "HTTP/1.1"),
        (&b, 200, 100_000, "HTTP/2.0"),
        (&c, 0, -1, "HTTP/1.1"),
    ];
    assert_eq!(seen.collect::<Vec<_>>(), expected);
    let entry = |place: usize| &log.entries[place];
    assert_eq!(entry(1).response.redirect_url, "/a.mp4");
    assert_eq!(
        entry(2).beyond.fault.as_ref().and_then(|fault| fault.rule_id.as_ref()).map(|id| id.as_str()),
        Some("gone")
    );
    assert_eq!((entry(2).response.status_text.as_str(), entry(3).request.body_size), ("Not Found", -1));
    assert_eq!(entry(0).beyond.cmcd.as_ref().map(|said| said.request.buffer_ms[0].value), Some(100));
    assert_eq!(entry(0).beyond.known, Some(Known::Guessed), "no playlist declared it");
    assert!(entry(0).beyond.origin.is_some() && entry(2).beyond.origin.is_none());
    for word in [
        "startedDateTime",
        "cookies",
        "queryString",
        "headersSize",
        "bodySize",
        "mimeType",
        "redirectURL",
        "cache",
    ] {
        assert!(answer.text().contains(&format!("\"{word}\":")), "{word}");
    }
    assert!(!answer.text().contains("hush"));
}

#[tokio::test]
async fn an_archive_is_of_one_session_the_live_or_the_last_one() {
    let origin = Origin::serve(site).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    rig.api.create("tv", r#""labels":{"kept":"yes"}"#).await;
    let urls = async |rig: &Rig| {
        let Har { log } = read(&rig.api.ask(&Ask::get(HAR)).await, 200);
        let path = |url: &str| url.split('/').next_back().unwrap_or_default().to_owned();
        log.entries.iter().map(|entry| path(&entry.request.url)).collect::<Vec<_>>()
    };
    assert_eq!(urls(&rig).await, [""; 0]);
    Wire::fetch(rig.session("tv").await, &Ask::get("/first")).await;
    rig.feed().await.exchange("/first").await;
    let rig = rig.restarted().await;
    assert_eq!(urls(&rig).await, ["first"]);
    Wire::fetch(rig.session("tv").await, &Ask::get("/second")).await;
    rig.feed().await.exchange("/second").await;
    assert_eq!(urls(&rig).await, ["second"]);
}
