//! What the rig did not see is found in the archive: the row of the request, and the action that tells of it.
//!
//! Invariant: rows are asked for as callers do, through the API. Deliberately absent: the page (see `dashboard`).

use std::time::Duration;

use rebuffer_e2e::{Place, Rig, RigConfig, Web, until};
use rebuffer_kit::{Asked, Origin, Said, Saying};
use serde::Deserialize;
use serde::de::DeserializeOwned;

const CATCH_UP: Duration = Duration::from_secs(30);

#[derive(Debug, Deserialize)]
struct Page<T> {
    items: Vec<T>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Row {
    path: String,
    player_name: String,
    request_known: String,
    remarks: Vec<String>,
    playlist_unread: String,
    labels: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Control {
    event: String,
    player_name: String,
    info: String,
}

#[derive(Debug, Deserialize)]
struct Play {
    play_id: String,
    player_name: String,
}

/// A master that is read, and a playlist of it in a coding that is not.
fn site(asked: &Asked) -> Said {
    let playlist = Saying::new(200, "OK").with("Content-Type", "application/vnd.apple.mpegurl");
    match asked.path() {
        "/lzw.m3u8" => playlist.with("Content-Encoding", "lzw").body(asked, [0x1f, 0x9d, 0x90]),
        _ => playlist.body(asked, "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000000\nlzw.m3u8\n"),
    }
}

/// The rows, once there are some.
async fn found<T: DeserializeOwned>(rig: &Rig, path: &str) -> Vec<T> {
    let (web, url) = (Web::default(), format!("{}/api/v2/{path}", rig.api()));
    until(path, CATCH_UP, async || {
        let page: Page<T> = web.get(&url).await.ok()?.json();
        (!page.items.is_empty()).then_some(page.items)
    })
    .await
}

#[tokio::test]
async fn a_playlist_that_was_not_read_is_found_by_its_remark_and_its_label() {
    let Some(place) = Place::take("blind-spots") else { return };
    let origin = Origin::serve(site).await;
    let origins = vec![format!("odd=http://{}", origin.address)];
    let rig = Rig::start_with(&place, &RigConfig { origins, ..RigConfig::default() }).await;
    rig.ready().await;
    let web = Web::default();
    let first = format!("{}/main.m3u8?player_id=bigtv&play_id=p1", rig.base_of("odd"));
    let first = web.get(&first).await.unwrap().location().to_owned();
    web.get(&first).await.unwrap().text();
    let (base, _) = first.split_once("/main.m3u8").unwrap();
    web.get(&format!("{base}/lzw.m3u8")).await.unwrap();

    let rows = found::<Row>(&rig, "network_requests?remark=playlist_unread&player_name=bigtv").await;
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((row.path.as_str(), row.player_name.as_str()), ("/lzw.m3u8", "bigtv"));
    assert!(row.playlist_unread.contains("its content coding \"lzw\""), "{row:?}");
    let unread = "warning=*playlist_unread".to_owned();
    assert!(row.labels.contains(&unread) && row.remarks.contains(&"playlist_unread".to_owned()), "{row:?}");
    let labelled = found::<Row>(&rig, "network_requests?label_has=warning%3D*playlist_unread").await;
    assert_eq!(labelled, rows);

    let controls =
        found::<Control>(&rig, "control_events?label_has=warning%3D*playlist_unread&player_name=bigtv").await;
    let [control] = &controls[..] else { panic!("{controls:?}") };
    assert_eq!((control.event.as_str(), control.player_name.as_str()), ("playlist_unread", "bigtv"));
    assert!(control.info.contains("/lzw.m3u8"), "{control:?}");

    let both = found::<Row>(&rig, "network_requests?known=declared&presentation=/main.m3u8&order=asc").await;
    assert_eq!(both.iter().map(|row| row.path.as_str()).collect::<Vec<_>>(), ["/main.m3u8", "/lzw.m3u8"]);
    let plays = found::<Play>(&rig, "plays?player_name=bigtv").await;
    assert_eq!((plays[0].play_id.as_str(), plays[0].player_name.as_str()), ("p1", "bigtv"));
}
