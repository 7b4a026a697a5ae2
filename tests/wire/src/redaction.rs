//! Credentials pass through the rig and are kept nowhere.
//!
//! Invariant: what is searched is every byte the rig wrote to its directory.

use std::path::Path;

use rebuffer_kit::{Ask, Asked, Origin, Rig, Saying, Setup, Wire};

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
