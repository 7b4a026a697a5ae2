//! Pages of other origins and cookies in a real browser: a page reads through the rig exactly what it reads direct, and each
//! origin gets the cookies of its own for the player that asks.
//!
//! Invariant: what the page reads direct comes from the same origins in the same browser; nothing here knows the rules of CORS.

use std::net::Ipv4Addr;

use rebuffer_e2e::{Place, Rig, RigConfig};
use rebuffer_kit::{Asked, Origin, Said, Saying};
use serde::Deserialize;
use url::Url;

use crate::visit::Visit;

#[derive(Debug, Deserialize)]
struct Seen {
    reads: Vec<Read>,
    /// What the origins got: at home, below, and away for one player; at home and away for another.
    cookies: Vec<String>,
}

/// What the page read of one answer: the text, or `refused`.
#[derive(Debug, Deserialize)]
struct Read {
    name: String,
    direct: String,
    through: String,
}

fn site(asked: &Asked) -> Said {
    let url = Url::parse(&format!("http://site{}", asked.target)).unwrap();
    let query =
        |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let mut saying = match query("to") {
        Some(to) => Saying::new(302, "Found").with("Location", &to),
        None => Saying::new(200, "OK").with("Content-Type", "text/html"),
    };
    if let Some(grant) = query("grant") {
        let page = asked.value("origin").unwrap_or("nobody").to_owned();
        saying = saying.with("Access-Control-Allow-Origin", if grant == "asked" { &page } else { &grant });
    }
    if query("with").is_some() {
        saying = saying.with("Access-Control-Allow-Credentials", "true");
    }
    if let Some(cookie) = query("c") {
        saying = saying.with("Set-Cookie", &cookie);
    }
    match url.path().ends_with("/get") {
        true => saying.body(asked, asked.value("cookie").unwrap_or("none").to_owned()),
        false => saying.body(asked, "read"),
    }
}

async fn seen(visit: &Visit, place: &Place, flags: Vec<&'static str>) -> Seen {
    let home = Origin::serve(site).await;
    let away = Origin::serve_at(Ipv4Addr::new(127, 0, 0, 3), site).await;
    let page = Origin::serve_at(Ipv4Addr::new(127, 0, 0, 4), site).await;
    let [home_url, away_url, page_url] = [&home, &away, &page].map(|it| format!("http://{}", it.address));
    let origins = vec![format!("home={home_url}"), format!("away={away_url}")];
    let config = RigConfig { archive: false, origins, flags, ..RigConfig::default() };
    let rig = Rig::start_with(place, &config).await;
    let base = format!("http://127.0.0.1:{}", rig.base_port());
    visit.to(&rig, "cross-origin.mjs", place, &[&base, &home_url, &away_url, &page_url]).await
}

#[tokio::test]
async fn a_page_reads_what_it_reads_direct_and_each_origin_gets_its_own_cookies() {
    let Some(visit) = Visit::able() else { return };
    let Some(place) = Place::take("cross-origin") else { return };
    let seen = seen(&visit, &place, Vec::new()).await;
    for read in &seen.reads {
        assert_eq!(read.through, read.direct, "{}", read.name);
    }
    let verdicts =
        ["read", "refused"].map(|verdict| seen.reads.iter().filter(|it| it.direct == verdict).count());
    assert!(verdicts.iter().all(|count| *count >= 10), "both verdicts are among them: {verdicts:?}");
    assert_eq!(seen.cookies, ["one=home", "below=1; one=home", "two=away", "three=home", "none"]);
}

#[tokio::test]
async fn with_cors_origin_a_page_is_judged_by_what_its_browser_says() {
    let Some(visit) = Visit::able() else { return };
    let Some(place) = Place::take("cors-origin") else { return };
    let seen = seen(&visit, &place, vec!["--cors", "origin"]).await;
    for read in seen.reads.iter().filter(|read| read.name.ends_with(" home")) {
        // After the redirect of the base port a browser is `null`, which an origin that names the page does not grant.
        let (grant, credentials) = read.name.split_once(' ').unwrap();
        let is_granted = match credentials.starts_with("include") {
            true => grant == "grant=asked&with=1",
            false => grant.starts_with("grant=asked") || grant.starts_with("grant=*"),
        };
        assert_eq!(read.through, if is_granted { "read" } else { "refused" }, "{}", read.name);
    }
}
