//! Never silent: what was not read and what leads away is told once, and marked on each of its rows.
//!
//! Invariant: an action once per reason and path, or per host; a mark each time; and the player says what is not seen of it.

use rebuffer_kit::{Origin, Setup};
use rebuffer_model::{ActionKind, Remark};

use super::{Stage, dash, hls, master, media, typed};

#[tokio::test]
async fn an_unread_playlist_is_told_once_per_reason_and_path() {
    let mut stage = Stage::new(|asked| match (asked.path(), asked.query("as")) {
        ("/a.m3u8" | "/b.m3u8", None) => hls().with("Content-Encoding", "lzma").body(asked, media(&["s.ts"])),
        ("/a.m3u8", Some(_)) => hls().with("Content-Encoding", "gzip").body(asked, media(&["s.ts"])),
        ("/torn.mpd", _) => dash().body(asked, "<MPD><Period>"),
        _ => typed("").body(asked, "media"),
    })
    .await;
    let mut told = Vec::new();
    for target in [
        "/a.m3u8",
        "/a.m3u8",
        "/a.m3u8?session=2",
        "/b.m3u8",
        "/a.m3u8?as=gzip",
        "/b.m3u8",
        "/torn.mpd",
        "/torn.mpd",
    ] {
        stage.get(target).await;
        let row = stage.row(target).await;
        let reason = row.answer.playlist_unread.expect("a reason");
        assert_eq!(row.remarks, [Remark::PlaylistUnread], "{target}");
        let path = target.split('?').next().unwrap_or_default().to_owned();
        let action = ActionKind::PlaylistUnread { path, reason };
        if !told.contains(&action) {
            told.push(action);
        }
    }
    assert_eq!(told.len(), 4);
    for expected in &told {
        assert_eq!(&stage.feed.action("playlist_unread").await.kind, expected);
    }
    stage.rig.api.patch("tv", r#"{"labels":{"run":"1"}}"#).await;
    stage.feed.action("label_changed").await;
    assert_eq!(stage.feed.waiting("playlist_unread"), 0);
    let unseen = stage.rig.api.player("tv").await.session.expect("a session").unseen;
    assert_eq!(unseen.into_iter().map(|it| it.action).collect::<Vec<_>>(), told);
}

#[tokio::test]
async fn a_host_that_is_left_is_told_once_with_the_setting_that_keeps_it() {
    let left = "https://cdn.invalid";
    let home = Origin::serve(move |asked| match asked.path() {
        "/master.m3u8" => {
            hls().body(asked, master(&[&format!("{left}/low.m3u8"), "http://[fd00::1]:81/high.m3u8"]))
        }
        "/user.m3u8" => hls().body(asked, media(&["http://me:secret@home.invalid/s.ts"])),
        _ => typed("").body(asked, "media"),
    })
    .await;
    let setup = Setup::at(home.address).hosts(&["other.invalid"], &[]);
    let mut stage = Stage::with(home, setup, "").await;
    for _ in 0..2 {
        stage.get("/master.m3u8").await;
        assert_eq!(stage.row("/master.m3u8").await.remarks, [Remark::OriginLeft]);
    }
    stage.get("/user.m3u8").await;
    assert_eq!(stage.row("/user.m3u8").await.remarks, [Remark::OriginLeft]);
    let expected = [
        (left, "--origin-hosts cdn.invalid"),
        ("http://[fd00::1]:81", "--origin-hosts [fd00::1]:81"),
        ("home.invalid", ""),
    ]
    .map(|(host, setting)| ActionKind::OriginLeft { host: host.to_owned(), setting: setting.to_owned() });
    for expected in &expected {
        assert_eq!(&stage.feed.action("origin_left").await.kind, expected);
    }
    let player = stage.rig.api.player("tv").await;
    let unseen = player.session.expect("a session").unseen;
    assert_eq!(unseen.into_iter().map(|it| it.action).collect::<Vec<_>>(), expected);
}
