//! Playlists in content codings: read within a bound, passed as they came, sent as identity once they are changed.
//!
//! Invariant: what is not changed keeps every byte of its coding; what cannot be unpacked passes whole and is told.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use rebuffer_kit::{Ask, Asked, Gate, Said, Wire};
use rebuffer_model::{Known, Remark, RequestKind};

use super::{Stage, declared, hls, known, media, typed};

/// The most text that is read of a playlist.
const BOUND: usize = 32 << 20;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

fn deflate(text: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

/// One meta-block that is not compressed, and the empty last one (RFC 7932 §9.2).
fn brotli(text: &[u8]) -> Vec<u8> {
    let length = u32::try_from(text.len() - 1).expect("a short text");
    let [a, b, c, _] = (length << 4 | 1 << 20).to_le_bytes();
    [&[a, b, c], text, &[3]].concat()
}

/// One frame with one raw block (RFC 8878 §3.1.1).
fn zstd(text: &[u8]) -> Vec<u8> {
    let length = u32::try_from(text.len()).expect("a short text");
    let [a, b, c, _] = (length << 3 | 1).to_le_bytes();
    [&[0x28, 0xb5, 0x2f, 0xfd, 0xa0][..], &length.to_le_bytes(), &[a, b, c], text].concat()
}

/// Each coding by its path, its name and what it makes of a text.
type Coding = (&'static str, &'static str, fn(&[u8]) -> Vec<u8>);
const CODINGS: [Coding; 11] = [
    ("/identity", "identity", <[u8]>::to_vec),
    ("/gzip", "gzip", gzip),
    ("/x-gzip", "X-GZip", gzip),
    ("/members", "gzip", |text| {
        let (one, two) = text.split_at(text.len() / 2);
        [gzip(one), gzip(two)].concat()
    }),
    ("/zlib", "deflate", zlib),
    ("/deflate", "deflate", deflate),
    ("/br", "br", brotli),
    ("/zstd", "zstd", zstd),
    ("/two", "gzip, br", |text| brotli(&gzip(text))),
    ("/raw-within", "deflate, gzip", |text| gzip(&deflate(text))),
    ("/three", "br,zstd,gzip", |text| gzip(&zstd(&brotli(text)))),
];

/// A playlist in the coding of its path; under `/led` it names its segment by the origin's own host.
fn site(asked: &Asked) -> Said {
    let host = asked.value("host").unwrap_or_default();
    let (path, text) = match asked.path().strip_prefix("/led") {
        Some(path) => (path, media(&[&format!("http://{host}/led/s.ts")])),
        None => (asked.path(), media(&[&format!("{}.ts", asked.path())])),
    };
    match CODINGS.iter().find(|(name, ..)| *name == path) {
        Some((_, coding, encode)) => {
            let saying = typed("text/plain").with("Content-Encoding", coding).with("ETag", "\"v1\"");
            saying.with("Vary", "Accept-Encoding").body(asked, encode(text.as_bytes()))
        }
        None => typed("").body(asked, "media"),
    }
}

#[tokio::test]
async fn a_playlist_in_any_coding_is_read_and_keeps_its_bytes() {
    let mut stage = Stage::new(site).await;
    for (target, coding, encode) in CODINGS {
        let segment = format!("{target}.ts");
        let answer = stage.get(target).await;
        assert_eq!(answer.body, encode(media(&[&segment]).as_bytes()), "{target}");
        let fields = ["content-encoding", "etag", "vary"].map(|name| answer.value(name));
        assert_eq!(fields, [Some(coding), Some("\"v1\""), Some("Accept-Encoding")], "{target}");
        let row = stage.row(target).await;
        assert_eq!((known(&row), row.remarks), (declared(RequestKind::Manifest), vec![]), "{target}");
        assert_eq!(stage.known(&segment).await, declared(RequestKind::Segment), "{target}");
    }
}

#[tokio::test]
async fn a_playlist_that_is_changed_goes_out_without_its_coding() {
    let mut stage = Stage::new(site).await;
    for (target, ..) in CODINGS {
        let target = format!("/led{target}");
        let answer = stage.get(&target).await;
        let expected = media(&["/led/s.ts"]);
        assert_eq!(answer.text(), expected, "{target}");
        let fields = ["content-encoding", "content-length", "etag", "vary"].map(|name| answer.value(name));
        let length = expected.len().to_string();
        assert_eq!(
            fields,
            [None, Some(length.as_str()), Some("W/\"v1\""), Some("Accept-Encoding")],
            "{target}"
        );
        let row = stage.row(&target).await;
        let mut remarks = vec![Remark::UrlsRewritten];
        if target != "/led/identity" {
            remarks.push(Remark::CodingRemoved);
        }
        assert_eq!((known(&row), row.remarks), (declared(RequestKind::Manifest), remarks), "{target}");
    }
}

#[tokio::test]
async fn beyond_the_bound_it_passes_whole_and_unchanged() {
    let long = || format!("{}#{}\n", media(&["s.ts"]), "x".repeat(BOUND)).into_bytes();
    let mut stage = Stage::new(move |asked| match asked.path() {
        "/packed" | "/packed.m3u8" => {
            hls().with("Content-Encoding", "gzip").with("ETag", "\"v1\"").body(asked, gzip(&long()))
        }
        "/plain" => hls().body(asked, long()),
        _ => hls().body(asked, super::master(&["packed"])),
    })
    .await;
    let told = [
        ("/packed", "it unpacks to more than the 32 MiB that are read"),
        ("/packed.m3u8", "it unpacks to more than the 32 MiB that are read"),
        ("/plain", "it is longer than the 32 MiB that are read"),
    ];
    for (target, reason) in told {
        let answer = stage.get(target).await;
        let expected = if target == "/plain" { long() } else { gzip(&long()) };
        assert!(answer.whole && answer.body == expected, "{target}: {} bytes", answer.body.len());
        let row = stage.row(target).await;
        assert_eq!(row.answer.playlist_unread.as_deref(), Some(reason), "{target}");
        assert_eq!(row.remarks, [Remark::PlaylistUnread], "{target}");
        assert_eq!((row.answer.complete, row.answer.body_bytes), (true, expected.len() as u64), "{target}");
    }
    // The same when a playlist declared it.
    stage.get("/master").await;
    assert_eq!(stage.get("/packed").await.value("etag"), Some("\"v1\""));
    assert_eq!(stage.row("/packed").await.answer.playlist_unread.as_deref(), Some(told[0].1));
}

/// What is no playlist for want of its coding: path, coding, body, and how the reason begins.
fn unreadable() -> Vec<(&'static str, &'static str, Vec<u8>, &'static str)> {
    let list = media(&["s.ts"]).repeat(40).into_bytes();
    let mut torn = gzip(&list);
    torn.truncate(torn.len() - 12);
    let mut wrong = gzip(&list);
    let at = wrong.len() - 6;
    wrong[at] ^= 0xff;
    vec![
        ("/torn.m3u8", "gzip", torn.clone(), "it does not unpack: "),
        ("/torn", "gzip", torn, "it does not unpack: "),
        ("/sum", "gzip", wrong, "it does not unpack: "),
        ("/noise.m3u8", "br", vec![0xff; 64], "it does not unpack: "),
        ("/not-at-all.m3u8", "zstd", list.clone(), "it does not unpack: "),
        ("/unknown.m3u8", "compress", list.clone(), "its content coding \"compress\" is none that is read"),
        (
            "/deep.m3u8",
            "gzip, gzip, gzip, gzip",
            list,
            "its content coding \"4 codings on top of each other\"",
        ),
    ]
}

#[tokio::test]
async fn what_cannot_be_unpacked_passes_as_it_is_and_is_told() {
    let mut stage =
        Stage::new(|asked| match unreadable().into_iter().find(|(path, ..)| *path == asked.path()) {
            Some((_, coding, body, _)) => hls().with("Content-Encoding", coding).body(asked, body),
            None => typed("").body(asked, "media"),
        })
        .await;
    for (target, coding, body, reason) in unreadable() {
        let answer = stage.get(target).await;
        assert_eq!((&answer.body, answer.value("content-encoding")), (&body, Some(coding)), "{target}");
        let row = stage.row(target).await;
        let told = row.answer.playlist_unread.unwrap_or_default();
        assert!(told.starts_with(reason), "{target}: {told:?}");
        assert_eq!(row.remarks, [Remark::PlaylistUnread], "{target}");
    }
}

#[tokio::test]
async fn coded_bodies_that_nothing_calls_a_playlist_are_left_alone() {
    let bodies = || {
        vec![
            ("/a.json", "gzip", gzip(b"{}")),
            ("/a.html", "br", brotli(b"<html>")),
            ("/a.bin", "compress", b"\x1f\x9d".to_vec()),
            ("/a.jpg", "gzip", b"no gzip".to_vec()),
        ]
    };
    let mut stage = Stage::new(move |asked| match bodies().into_iter().find(|it| it.0 == asked.path()) {
        Some((_, coding, body)) => typed("").with("Content-Encoding", coding).body(asked, body),
        None => typed("").body(asked, "media"),
    })
    .await;
    for (target, _, body) in bodies() {
        assert_eq!(stage.get(target).await.body, body, "{target}");
        let row = stage.row(target).await;
        assert_eq!((row.remarks, row.answer.playlist_unread), (vec![], None), "{target}");
    }
}

#[tokio::test]
async fn a_body_that_is_late_is_waited_for_by_its_name_and_else_told() {
    let gate = Gate::shut();
    let body = || gzip(media(&["s.ts"]).as_bytes());
    let mut stage = Stage::new({
        let gate = gate.clone();
        move |asked| match asked.path().starts_with("/late") {
            true => {
                let head = typed("").with("Content-Encoding", "gzip");
                head.with("Content-Length", &body().len().to_string()).bare().wait(&gate).send(body())
            }
            false => typed("").body(asked, "media"),
        }
    })
    .await;
    let (mut named, mut other) = (Wire::connect(stage.session).await, Wire::connect(stage.session).await);
    named.send(&Ask::get("/late.m3u8")).await;
    stage.home.asked(1).await;
    other.send(&Ask::get("/late")).await;
    // It comes without its body once the rig waits no longer; the other one, asked for before it, is waited for.
    assert_eq!(other.head().await.1, 200);
    gate.open();
    let body = body();
    assert_eq!(other.bytes(body.len()).await, body);
    assert_eq!(named.answer("GET").await.body, body);
    let rows = [stage.row("/late").await, stage.row("/late").await];
    let (named, other) = rows.into_iter().partition::<Vec<_>, _>(|row| row.request.url == "/late.m3u8");
    let ([named], [other]) = (&named[..], &other[..]) else { panic!("one row of each") };
    assert_eq!((known(named), &named.remarks[..]), (declared(RequestKind::Manifest), &[][..]));
    assert_eq!(known(other).1, Known::Guessed);
    let reason = other.answer.playlist_unread.as_deref();
    assert_eq!(reason, Some("its body began too long after its head"));
    assert_eq!(stage.known("/s.ts").await, declared(RequestKind::Segment));
}
