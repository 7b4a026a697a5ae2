//! One file of the feed: lines of `<position> <crc32> <json>`, named after the first position in it.
//!
//! Invariant: a line counts only when it is whole and its checksum holds; whatever follows the last such line was torn by a
//! crash and is cut off before anything is appended.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use rebuffer_model::{Position, RecordBody, Timestamp};
use serde::Serialize;

/// Bytes of most records.
const USUAL_LINE: usize = 4 * 1024;

/// A line of a segment, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) position: Position,
    pub(super) json: &'a str,
}

/// The segments of a directory, oldest first.
pub(super) fn list(dir: &Path) -> io::Result<Vec<(Position, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let first = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        if let (Some(first), Some("feed")) = (first, path.extension().and_then(|e| e.to_str())) {
            found.push((Position(first), path));
        }
    }
    found.sort();
    Ok(found)
}

/// The file of the segment that begins at `first`.
pub(super) fn path_of(dir: &Path, first: Position) -> PathBuf {
    dir.join(format!("{:020}.feed", first.0))
}

/// Opens a segment for appending, made if need be.
pub(super) fn open_for_append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// A record as a line that has no number yet; see [`encode`].
pub(super) fn unnumbered(ts: Timestamp, body: &RecordBody) -> serde_json::Result<Vec<u8>> {
    /// A record's fields after its position.
    #[derive(Serialize)]
    struct Rest<'r> {
        ts: Timestamp,
        body: &'r RecordBody,
    }
    let mut line = Vec::with_capacity(USUAL_LINE);
    serde_json::to_writer(&mut line, &Rest { ts, body })?;
    line.push(b'\n');
    Ok(line)
}

/// Writes an unnumbered line into a buffer, with its number.
pub(super) fn encode(buffer: &mut Vec<u8>, position: Position, line: &[u8]) {
    let (opening, rest) = line.split_at(1);
    debug_assert_eq!(opening, b"{");
    let numbered = format!("{{\"position\":\"{position}\",");
    let json = rest.strip_suffix(b"\n").unwrap_or(rest);
    let mut sum = crc32fast::Hasher::new();
    sum.update(numbered.as_bytes());
    sum.update(json);
    // Writing to memory does not fail.
    let _infallible = write!(buffer, "{position} {:08x} {numbered}", sum.finalize());
    buffer.extend_from_slice(json);
    buffer.push(b'\n');
}

/// Takes a line apart; `None` when it is not whole.
pub(super) fn decode(line: &[u8]) -> Option<Line<'_>> {
    let text = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    let (position, rest) = text.split_once(' ')?;
    let (sum, json) = rest.split_once(' ')?;
    let position = position.parse().ok()?;
    (u32::from_str_radix(sum, 16).ok()? == crc32fast::hash(json.as_bytes()))
        .then_some(Line { position, json })
}

/// Reads a segment to its end: the last good position, if any, and the length up to there. What follows is cut off.
pub(super) fn recover(path: &Path) -> io::Result<(Option<Position>, u64)> {
    let mut reader = BufReader::new(File::open(path)?);
    let (mut last, mut good, mut line) = (None, 0_u64, Vec::new());
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let Some(decoded) = decode(&line) else { break };
        last = Some(decoded.position);
        good += line.len() as u64;
    }
    if fs::metadata(path)?.len() > good {
        OpenOptions::new().write(true).open(path)?.set_len(good)?;
    }
    Ok((last, good))
}
