//! Rows of numbers: Pensieve's two columns, and CSV with names.
//!
//! Invariant: each row holds until the next; the last one, which has none after it, as long as the one before.

use super::quantise::whole_ms;
use super::{MAX_LINES, Piece, TraceError, at, lines, whole};

/// What a column of a CSV file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Time,
    Duration,
    Mbps,
    Kbps,
    Delay,
    Loss,
    UpMbps,
    UpKbps,
}

const COLUMNS: &[(&str, Column)] = &[
    ("time_s", Column::Time),
    ("duration_s", Column::Duration),
    ("mbps", Column::Mbps),
    ("kbps", Column::Kbps),
    ("delay_ms", Column::Delay),
    ("loss_pct", Column::Loss),
    ("up_mbps", Column::UpMbps),
    ("up_kbps", Column::UpKbps),
];

/// A row that begins at a time.
struct Row {
    line: usize,
    seconds: f64,
    piece: Piece,
}

/// `seconds Mbit/s` per line.
pub(super) fn pensieve(text: &str) -> Result<Vec<Piece>, TraceError> {
    let mut rows = Vec::new();
    for (line, words) in bounded(text) {
        let words: Vec<&str> = words?.split_whitespace().collect();
        let [seconds, rate] = words.as_slice() else {
            return Err(at(line, format!("a line is `seconds Mbit/s`; got {} words", words.len())));
        };
        let piece = Piece::new(0, number(line, rate)? * 1_000.0);
        let piece = piece.checked().map_err(|message| at(line, message))?;
        rows.push(Row { line, seconds: number(line, seconds)?, piece });
    }
    held_until_the_next(rows)
}

/// A table with a line of names.
pub(super) fn csv(text: &str) -> Result<Vec<Piece>, TraceError> {
    let mut lines = bounded(text);
    let (line, names) = lines.next().ok_or_else(|| whole("is empty".to_owned()))?;
    let columns = columns(line, names?)?;
    let timed = columns.contains(&Column::Time);
    let (mut rows, mut end) = (Vec::new(), 0.0);
    let mut pieces = Vec::new();
    for (line, cells) in lines {
        let cells: Vec<&str> = cells?.split(',').map(str::trim).collect();
        if cells.len() != columns.len() {
            let (got, want) = (cells.len(), columns.len());
            return Err(at(line, format!("has {got} cells, the line of names has {want}")));
        }
        let (mut piece, mut seconds) = (Piece::new(0, 0.0), 0.0);
        for (column, cell) in columns.iter().zip(cells) {
            let value = number(line, cell)?;
            match column {
                Column::Time | Column::Duration => seconds = value,
                Column::Mbps => piece.kbps = value * 1_000.0,
                Column::Kbps => piece.kbps = value,
                Column::Delay => piece.latency_ms = Some(value),
                Column::Loss => piece.loss_pct = Some(value),
                Column::UpMbps => piece.up_kbps = Some(value * 1_000.0),
                Column::UpKbps => piece.up_kbps = Some(value),
            }
        }
        let piece = piece.checked().map_err(|message| at(line, message))?;
        if timed {
            rows.push(Row { line, seconds, piece });
        } else {
            if !(seconds > 0.0 && seconds <= 1e6) {
                return Err(at(line, format!("a duration is more than 0 s; got {seconds}")));
            }
            let before = whole_ms(end);
            end += seconds * 1_000.0;
            pieces.push(Piece { ms: whole_ms(end) - before, ..piece });
        }
    }
    if timed { held_until_the_next(rows) } else { Ok(pieces) }
}

fn columns(line: usize, names: &str) -> Result<Vec<Column>, TraceError> {
    let known = || COLUMNS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let mut columns = Vec::new();
    for name in names.split(',').map(|name| name.trim().to_lowercase()) {
        let column = COLUMNS.iter().find(|(known, _)| *known == name).map(|(_, column)| *column);
        let column =
            column.ok_or_else(|| at(line, format!("no column is called {name:?}; there are {}", known())))?;
        if columns.contains(&column) {
            return Err(at(line, format!("two columns are called {name:?}")));
        }
        columns.push(column);
    }
    for (one, other, needed, names) in [
        (Column::Time, Column::Duration, true, "time_s and duration_s"),
        (Column::Mbps, Column::Kbps, true, "mbps and kbps"),
        (Column::UpMbps, Column::UpKbps, false, "up_mbps and up_kbps"),
    ] {
        let there = [one, other].iter().filter(|column| columns.contains(column)).count();
        if there > 1 || (needed && there == 0) {
            let how = if needed { "exactly one" } else { "at most one" };
            return Err(at(line, format!("{how} of {names} is a column")));
        }
    }
    Ok(columns)
}

/// Lines that say something, or an error in place of the first that is too many.
fn bounded(text: &str) -> impl Iterator<Item = (usize, Result<&str, TraceError>)> {
    lines::filled(text).zip(0..).map(|((line, text), index)| {
        let fits = index < MAX_LINES;
        let refused = || at(line, format!("at most {MAX_LINES} lines"));
        (line, fits.then_some(text).ok_or_else(refused))
    })
}

fn held_until_the_next(rows: Vec<Row>) -> Result<Vec<Piece>, TraceError> {
    let Some(first) = rows.first().map(|row| row.seconds) else { return Ok(Vec::new()) };
    let mut pieces: Vec<Piece> = Vec::with_capacity(rows.len());
    for pair in rows.windows(2) {
        let [row, next] = pair else { break };
        if next.seconds < row.seconds {
            let message = format!("times do not go back; got {} s after {} s", next.seconds, row.seconds);
            return Err(at(next.line, message));
        }
        let from = |seconds: f64| whole_ms((seconds - first) * 1_000.0);
        pieces.push(Piece { ms: from(next.seconds) - from(row.seconds), ..row.piece });
    }
    if let Some(last) = rows.last() {
        let ms = pieces.iter().rev().map(|piece| piece.ms).find(|ms| *ms > 0).unwrap_or(1_000);
        pieces.push(Piece { ms, ..last.piece });
    }
    Ok(pieces)
}

fn number(line: usize, word: &str) -> Result<f64, TraceError> {
    let number = word.parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| at(line, format!("{word:?} is no number")))
}
