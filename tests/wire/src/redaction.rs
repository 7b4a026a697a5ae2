//! Credentials pass through the rig and are kept nowhere.
//!
//! Invariant: what is searched is every byte the rig wrote to its directory.

use std::path::Path;

use rebuffer_kit::{Ask, Asked, Origin, Rig, Saying, Setup, Wire, json, refused};

const SECRET: &str = "s3cr3t-4711";

fn files(dir: &Path) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(std::fs::read(path).unwrap()) }
    }
    found
}

fn holds(dir: &Path, text: &str) -> bool {
    files(dir).iter().any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
}

#[tokio::test]
async fn a_credential_passes_both_ways_and_is_written_nowhere() {
    let origin = Origin::serve(|asked: &Asked| {
        Saying::new(302, "Found")
            .with("Set-Cookie", &format!("sid={SECRET}; HttpOnly"))
            .with("Location", &format!("http://192.0.2.1/next?hdnts={SECRET}&part=1"))
            .with("X-Refresh-Token", SECRET)
            .body(asked, "")
    })
    .await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    let start = format!("/origin/a?player_id=tv&access_token={SECRET}&plain=visible-1");
    let answer = Wire::fetch(rig.base, &Ask::get(&start)).await;
    assert!(
        answer.value("location").is_some_and(|location| location.contains(SECRET)),
        "the player keeps it"
    );
    let session = rig.session("tv").await;
    let ask = Ask::get(&format!("/a?Signature={SECRET}&Policy={SECRET}&plain=visible-2"))
        .with("Cookie", &format!("sid={SECRET}"))
        .with("Authorization", &format!("Bearer {SECRET}"))
        .with("Referer", &format!("http://192.0.2.1/page?token={SECRET}&plain=visible-3"))
        .with("X-Session-Token", SECRET)
        .with("X-Api-Key", SECRET);
    let answer = Wire::fetch(session, &ask).await;
    assert!(
        answer.value("set-cookie").is_some_and(|cookie| cookie.contains(SECRET)),
        "and the client gets it"
    );
    let asked = origin.take_asked().pop().expect("a request");
    for name in ["cookie", "authorization", "x-api-key", "x-session-token", "referer"] {
        assert!(asked.value(name).is_some_and(|value| value.contains(SECRET)), "{name} reaches the origin");
    }
    assert!(asked.target.contains(&format!("Signature={SECRET}")));

    let row = rig.feed().await.exchange("/a").await;
    assert_eq!(row.request.url, "/a?Signature=[redacted]&Policy=[redacted]&plain=visible-2");
    assert_eq!(row.request.headers.len(), 6, "names stay: {:?}", row.request.headers);
    for seen in ["visible-1", "visible-2", "visible-3", "&part=1"] {
        assert!(holds(rig.data(), seen), "{seen} is not looked for in vain");
    }
    assert!(!holds(rig.data(), SECRET));
}

/// Secrets under telling names, each another one, in every place that a player, an origin or an operator controls.
#[derive(Default)]
struct Planted(std::cell::Cell<u32>);

impl Planted {
    /// The text with a secret in place of each `@`.
    fn in_text(&self, text: &str) -> String {
        let mut pieces = text.split('@');
        let first = pieces.next().unwrap_or_default().to_owned();
        pieces.fold(first, |text, piece| {
            self.0.set(self.0.get() + 1);
            format!("{text}{SECRET}-{}{piece}", self.0.get())
        })
    }
}

const QUERIES: [&str; 22] = [
    "token=@",
    "access_token=@",
    "Signature=@",
    "Policy=@",
    "Key-Pair-Id=@",
    "sig=@",
    "hdnts=@",
    "hdnea=@",
    "apikey=@",
    "auth=@",
    "jwt=@",
    "password=@",
    "client_secret=@",
    "hmac=@",
    "X-Amz-Credential=@",
    "%74oken=@",
    "tok%65n=@",
    "x=1;sig=@",
    "u=https%3A%2F%2F192.0.2.1%2F%3Ftoken%3D@",
    "u=https://me:@%40192.0.2.1/",
    "CMCD=nor%3D%22b.mp4%253Ftoken%253D@%22",
    "j=%7B%22token%22%3A%22@%22%7D",
];

const REQUEST_HEADERS: [(&str, &str); 14] = [
    ("Authorization", "Bearer @"),
    ("Proxy-Authorization", "Basic @"),
    ("Cookie", "sid=@"),
    ("X-Session-Token", "@"),
    ("X-Api-Key", "@"),
    ("X-Amz-Security-Token", "@"),
    ("X-Auth", "@"),
    ("X-Password", "@"),
    ("X-Context", "{\"token\": \"@\"}"),
    ("X-Original-URL", "/a?sig=@"),
    ("X-Proxy", "https://me:@%40192.0.2.1/"),
    ("Referer", "http://192.0.2.1/page?token=@&plain=visible-3"),
    ("CMCD-Request", "nor=\"b.mp4%3Ftoken%3D@\""),
    ("User-Agent", "App/1 (token=@)"),
];

const ANSWER_HEADERS: [(&str, &str); 9] = [
    ("Set-Cookie", "sid=@; HttpOnly"),
    ("Location", "http://me:@%40192.0.2.1/next;token=@?hdnts=@"),
    ("Content-Location", "/a?sig=@"),
    ("Link", "</b?token=@>; rel=preload"),
    ("Refresh", "5; url=/a?token=@"),
    ("X-Refresh-Token", "@"),
    ("X-Signing-Key", "@"),
    ("X-Debug", "secret: @"),
    ("Authentication-Info", "@"),
];

const MASTER: &str = "#EXTM3U\n#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"k?token=@\"\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow/p.m3u8?token=@\n\
    #EXT-X-STREAM-INF:BANDWIDTH=2\nhdntl=exp=1~hmac=@/p.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=3\nhttp://me:@@192.0.2.9/p.m3u8?sig=@\n";

const REPORT: &str = r#"{"error":"403 for https://a/b?sig=@","last_event":"token=@","waiting_reason":"see https://me:@%40a/","source":"web",
    "authToken":"@","pin_key":"@","page":"/watch?token=@"}"#;

#[tokio::test]
async fn secrets_under_telling_names_are_found_nowhere() {
    let planted = Planted::default();
    let answer: Vec<(String, String)> = ANSWER_HEADERS
        .iter()
        .map(|(name, value)| ((*name).to_owned(), planted.in_text(value).replace("%40", "@")))
        .collect();
    // The `@` of an authority stands for itself once the secrets are in.
    let master = planted.in_text(&MASTER.replace(":@@192", ":@%40192")).replace("%40", "@");
    let site_master = master.clone();
    let origin = Origin::serve(move |asked: &Asked| match asked.path() {
        "/m.m3u8" | "/m;token=s.m3u8" => Saying::new(200, "OK").body(asked, site_master.clone()),
        "/headers" => answer
            .iter()
            .fold(Saying::new(200, "OK"), |saying, (name, value)| saying.with(name, value))
            .body(asked, "ok"),
        _ => Saying::new(200, "OK").body(asked, "ok"),
    })
    .await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    let start = planted.in_text("/origin/m.m3u8?player_id=tv&play_id=p&token=@");
    let _led = Wire::fetch(rig.base, &Ask::get(&start)).await;
    let session = rig.session("tv").await;
    let mut asks = vec![Ask::get(&planted.in_text("/m.m3u8?token=@")), Ask::get("/headers")];
    asks.extend(
        QUERIES.iter().map(|query| Ask::get(&planted.in_text(&format!("/q?{query}&plain=visible-1")))),
    );
    asks.extend(["/a;token=@/b.ts", "/hdntl=exp=1~hmac=@/b.ts"].map(|path| Ask::get(&planted.in_text(path))));
    let with_header =
        |(name, value): &(&str, &str)| Ask::get("/h").with(name, &planted.in_text(value).replace("%40", "@"));
    asks.extend(REQUEST_HEADERS.iter().map(with_header));
    for ask in &asks {
        assert!(Wire::fetch(session, ask).await.status < 400, "{ask:?}");
    }
    let report =
        json(Ask::new("POST", "/api/v2/players/tv/metrics"), &planted.in_text(REPORT).replace("%40", "@"));
    assert_eq!(rig.api.ask(&report).await.status, 204);
    let label = planted.in_text(r#"{"labels":{"api-token":"@"}}"#);
    let told = rig.api.player("tv").await.control_revision;
    let refusal = rig.api.try_patch("tv", &told, &label).await;
    refused(&refusal, 400);

    let last = asks.iter().rev().find(|ask| ask.target == "/h").map(|_| "/h").unwrap_or_default();
    let _settled = rig.feed().await.exchange(last).await;
    let mut shown = refusal.text().to_owned();
    for path in ["players", "players/tv", "players/tv/network.har", "info"] {
        shown += rig.api.ask(&Ask::get(&format!("/api/v2/{path}"))).await.text();
    }
    shown += rig.api.ask(&Ask::get("/metrics")).await.text();
    for seen in ["visible-1", "visible-3"] {
        assert!(holds(rig.data(), seen), "{seen} is not looked for in vain");
    }
    assert!(planted.0.get() >= 60, "{} were planted", planted.0.get());
    for number in 1..=planted.0.get() {
        let secret = format!("{SECRET}-{number}");
        let found = |text: &str| {
            text.match_indices(&secret).any(|(at, _)| {
                text.as_bytes().get(at + secret.len()).is_none_or(|next| !next.is_ascii_digit())
            })
        };
        assert!(!found(&shown), "{secret} is shown: {}", around(&shown, &secret));
        let kept = files(rig.data()).into_iter().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        for text in kept {
            assert!(!found(&text), "{secret} is kept: {}", around(&text, &secret));
        }
    }
}

fn around<'t>(text: &'t str, found: &str) -> &'t str {
    let at = text.find(found).unwrap_or_default();
    let (from, to) = (at.saturating_sub(120), (at + 60).min(text.len()));
    text.get(from..to).unwrap_or_default()
}
