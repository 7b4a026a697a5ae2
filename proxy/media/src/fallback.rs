//! What a URL probably is when no playlist said so: by Content-Type, else by the name of the file.
//!
//! Invariant: a specific Content-Type outweighs the name; a generic one says nothing. Nothing is ever guessed to be a
//! master, a partial segment or an audio or subtitle playlist, because only playlists can tell those.
//! Deliberately absent: what a session has seen (see `graph.rs`).

use rebuffer_model::RequestKind;

/// The kind of a path without a declaration; a query is not looked at.
pub fn classify_fallback(path: &str, content_type: Option<&str>) -> RequestKind {
    let path = path.split_once(['?', '#']).map_or(path, |(path, _)| path);
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name).to_ascii_lowercase();
    let by_name = || by_extension(name.rsplit_once('.').map_or("", |(_, extension)| extension));
    let kind = content_type.and_then(by_content_type).unwrap_or_else(by_name);
    let is_media = matches!(kind, RequestKind::Segment | RequestKind::AudioSegment);
    if is_media && is_named_init(&name) { RequestKind::Init } else { kind }
}

/// `None` when the type is generic or unknown.
fn by_content_type(content_type: &str) -> Option<RequestKind> {
    let essence = content_type.split(';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
    let (kind, subtype) = essence.split_once('/')?;
    match (kind, subtype) {
        (_, "vnd.apple.mpegurl" | "x-mpegurl" | "mpegurl" | "dash+xml") => Some(RequestKind::Manifest),
        ("video", _) => Some(RequestKind::Segment),
        ("audio", _) => Some(RequestKind::AudioSegment),
        ("text", "vtt") | ("application", "ttml+xml") => Some(RequestKind::SubtitleSegment),
        ("text", "html" | "css" | "javascript") | ("image", _) => Some(RequestKind::Other),
        ("application", "json" | "javascript" | "xml" | "problem+json") => Some(RequestKind::Other),
        (_, _) => None,
    }
}

fn by_extension(extension: &str) -> RequestKind {
    match extension {
        "m3u8" | "m3u" | "mpd" => RequestKind::Manifest,
        "ts" | "m2ts" | "m4s" | "m4v" | "mp4" | "cmfv" | "webm" | "mov" => RequestKind::Segment,
        "m4a" | "aac" | "mp3" | "ac3" | "ec3" | "cmfa" => RequestKind::AudioSegment,
        "vtt" | "webvtt" | "ttml" | "cmft" | "stpp" => RequestKind::SubtitleSegment,
        "key" => RequestKind::Key,
        _ => RequestKind::Other,
    }
}

/// `init.mp4`, `video_init.m4s`, `init-3.mp4`: `init` as a word of the name.
fn is_named_init(name: &str) -> bool {
    name.split(|c: char| !c.is_ascii_alphabetic()).any(|word| word == "init")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_specific_type_outweighs_the_name_and_a_generic_one_does_not() {
        let check = |path, content_type, kind| {
            assert_eq!(classify_fallback(path, content_type), kind, "{path} {content_type:?}");
        };
        check("/a/b.m3u8?x=1.ts", None, RequestKind::Manifest);
        check("/a/list", Some("Application/Vnd.Apple.MPEGURL; charset=utf-8"), RequestKind::Manifest);
        check("/a/b", Some("audio/mpegurl"), RequestKind::Manifest);
        check("/a/b.mpd", None, RequestKind::Manifest);
        check("/a/b.m4s", Some("application/octet-stream"), RequestKind::Segment);
        check("/a/b.m4s", Some("text/html"), RequestKind::Other);
        check("/a/b.m4s", Some("audio/mp4"), RequestKind::AudioSegment);
        check("/a/INIT-3.mp4", Some("video/mp4"), RequestKind::Init);
        check("/a/initial.mp4", None, RequestKind::Segment);
        check("/a/b.vtt", Some(""), RequestKind::SubtitleSegment);
        check("/a/b.key", None, RequestKind::Key);
        check("/init", None, RequestKind::Other);
        check("", None, RequestKind::Other);
    }
}
