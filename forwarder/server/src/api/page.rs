//! Pages: how many entries, where the next begins, and whether they come as one document or as lines.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, header};
use rebuffer_archive::{Lines, PlayCursor, PlayKey, RowCursor};
use rebuffer_model::{Position, Timestamp};
use serde_json::value::RawValue;

use super::failure::Failure;

const NDJSON: &str = "application/x-ndjson";

/// How many entries an answer may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) usual: u32,
    pub(super) most: u32,
}

impl Limits {
    pub(super) fn choose(self, wanted: Option<u32>) -> Result<u32, Failure> {
        let Self { usual, most } = self;
        match wanted {
            None => Ok(usual),
            Some(wanted) if (1..=most).contains(&wanted) => Ok(wanted),
            Some(wanted) => {
                Err(Failure::parameter("limit", format!("limit is from 1 to {most} here; got {wanted}")))
            }
        }
    }
}

/// Whether the caller wants one line per entry.
pub(super) fn wants_lines(headers: &HeaderMap) -> bool {
    let accepts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepts
        .flat_map(|value| value.split(','))
        .any(|kind| kind.split(';').next().unwrap_or_default().trim() == NDJSON)
}

/// Rows as lines, while they come. An answer that breaks off breaks the connection, so that a part does not pass for the whole.
pub(super) fn as_lines(lines: Lines) -> Response {
    let rows = stream::try_unfold(lines, async |mut lines| {
        let next = lines.next().await.inspect_err(|error| {
            tracing::warn!(error = error.in_full(), "rows broke off");
        })?;
        let line = |row: Bytes| Bytes::from([&row[..], b"\n"].concat());
        Ok::<_, rebuffer_archive::Error>(next.map(|row| (line(row), lines)))
    });
    let mut response = Body::from_stream(rows).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(NDJSON));
    response
}

/// A row as the archive wrote it.
pub(super) fn raw(row: &[u8]) -> Result<Box<RawValue>, Failure> {
    serde_json::from_slice(row).map_err(|error| {
        tracing::error!(%error, "the archive sent something that is no JSON");
        rebuffer_api::Problem::new(rebuffer_api::ProblemKind::Internal, "the archive sent something odd")
            .into()
    })
}

pub(super) fn write_row_cursor(cursor: RowCursor) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}~{}", cursor.ts.as_millis(), cursor.id))
}

pub(super) fn read_row_cursor(text: &str) -> Result<RowCursor, Failure> {
    let read = || {
        let text = decoded(text)?;
        let (ts, id) = text.split_once('~')?;
        Some(RowCursor { ts: Timestamp::from_millis(ts.parse().ok()?), id: Position(id.parse().ok()?) })
    };
    read().ok_or_else(not_ours)
}

pub(super) fn write_play_cursor(PlayCursor { began, key }: &PlayCursor) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}~{}~{}", began.as_millis(), key.player_id, key.play_id))
}

pub(super) fn read_play_cursor(text: &str) -> Result<PlayCursor, Failure> {
    let read = || {
        let text = decoded(text)?;
        let mut parts = text.splitn(3, '~');
        let began = Timestamp::from_millis(parts.next()?.parse().ok()?);
        let (player_id, play_id) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        Some(PlayCursor { began, key: PlayKey { play_id, player_id } })
    };
    read().ok_or_else(not_ours)
}

fn decoded(text: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

fn not_ours() -> Failure {
    Failure::parameter("cursor", "cursor is next_cursor of the answer before, and this is none")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_read_as_written_and_nothing_else_does() {
        let row = RowCursor { ts: Timestamp::from_millis(-5), id: Position(u64::MAX) };
        assert_eq!(read_row_cursor(&write_row_cursor(row)).unwrap(), row);
        let key = PlayKey { play_id: "a~b ü".into(), player_id: "p".into() };
        let play = PlayCursor { began: Timestamp::from_millis(7), key };
        assert_eq!(read_play_cursor(&write_play_cursor(&play)).unwrap(), play);
        for bad in ["", "x", "!!", "MTIz"] {
            assert!(read_row_cursor(bad).is_err() && read_play_cursor(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_limit_is_in_range_or_refused() {
        let limits = Limits { usual: 5, most: 10 };
        assert_eq!(limits.choose(None).unwrap(), 5);
        assert_eq!(limits.choose(Some(10)).unwrap(), 10);
        assert!(limits.choose(Some(0)).is_err() && limits.choose(Some(11)).is_err());
    }

    #[test]
    fn lines_are_asked_for_by_name() {
        let accept =
            |value: &'static str| HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(value))]);
        assert!(wants_lines(&accept("text/html, application/x-ndjson;q=0.9")));
        assert!(!wants_lines(&accept("application/json")) && !wants_lines(&HeaderMap::new()));
    }
}
