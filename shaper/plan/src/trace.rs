//! Traces read: from a file of whatever form to steps that a kernel can follow.
//!
//! Invariant: bounded in bytes, lines, steps and time; nothing panics on any bytes; what is wrong is named with its line. A step
//! takes at least 100 ms, neighbours that differ by less than 5 % are one, and a time without any rate stays one.
//! Deliberately absent: where the file comes from and where its steps are kept.

mod lines;
mod mahimahi;
mod quantise;
mod sabre;
mod stats;
mod table;

use rebuffer_model::{Percent, Trace, TraceFormat};

pub use stats::stats;

/// The most bytes of a file.
pub const MAX_BYTES: usize = 8 << 20;
/// The most lines of a file; one of mahimahi, where a line is a packet, is bounded by its bytes.
pub const MAX_LINES: usize = 50_000;
/// The most steps of a trace.
pub const MAX_STEPS: usize = 20_000;
/// The longest trace, ms: a day.
pub const MAX_MS: u64 = 86_400_000;
/// The shortest step, ms.
pub const SHORTEST_MS: u64 = 100;

/// Why a file is no trace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", line.map(|line| format!("line {line}: ")).unwrap_or_default())]
pub struct TraceError {
    /// The line that is wrong, from 1, if it is one.
    pub line: Option<usize>,
    /// What is wrong with it and what would be right.
    pub message: String,
}

/// What a file says of a time: the form between reading and quantising.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Piece {
    ms: u64,
    kbps: f64,
    latency_ms: Option<f64>,
    loss_pct: Option<f64>,
    up_kbps: Option<f64>,
}

/// Reads a file; its format is guessed if it is not given.
pub fn read(file: &[u8], format: Option<TraceFormat>) -> Result<Trace, TraceError> {
    if file.len() > MAX_BYTES {
        return Err(whole(format!("a trace has at most {MAX_BYTES} bytes; got {}", file.len())));
    }
    let text = std::str::from_utf8(file).map_err(|error| {
        let before = file.get(..error.valid_up_to()).unwrap_or_default();
        let lines = before.split(|byte| *byte == b'\n').count();
        TraceError { line: Some(lines), message: "is not text in UTF-8".to_owned() }
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let format = match format.or_else(|| guess(text)) {
        Some(format) => format,
        None => {
            let forms = "mahimahi, pensieve, sabre nor csv; name one with ?format= to see what is missing";
            return Err(whole(format!("looks like none of {forms}")));
        }
    };
    let pieces = match format {
        TraceFormat::Mahimahi => mahimahi::pieces(text)?,
        TraceFormat::Pensieve => table::pensieve(text)?,
        TraceFormat::Sabre => sabre::pieces(text)?,
        TraceFormat::Csv => table::csv(text)?,
    };
    let total = pieces.iter().try_fold(0_u64, |sum, piece| sum.checked_add(piece.ms));
    if total.is_none_or(|total| total > MAX_MS) {
        return Err(whole("is longer than a day".to_owned()));
    }
    let steps = quantise::steps(&pieces)?;
    Ok(Trace { format, steps })
}

/// What a file looks like.
fn guess(text: &str) -> Option<TraceFormat> {
    if text.trim_start().starts_with('[') {
        return Some(TraceFormat::Sabre);
    }
    let (_, first) = lines::filled(text).next()?;
    let words: Vec<&str> = first.split_whitespace().take(3).collect();
    let number = |word: &str| word.parse::<f64>().is_ok();
    match words.as_slice() {
        [word] if word.parse::<u64>().is_ok() => Some(TraceFormat::Mahimahi),
        [seconds, rate] if number(seconds) && number(rate) => Some(TraceFormat::Pensieve),
        _ if first.contains(',') && first.chars().any(char::is_alphabetic) => Some(TraceFormat::Csv),
        _ => None,
    }
}

impl Piece {
    fn new(ms: u64, kbps: f64) -> Self {
        Self { ms, kbps, latency_ms: None, loss_pct: None, up_kbps: None }
    }

    /// The piece, if its numbers make sense; else what does not.
    fn checked(self) -> Result<Self, String> {
        let rate = |name: &str, kbps: f64| match (0.0..=1e9).contains(&kbps) {
            true => Ok(()),
            false => Err(format!("a rate {name} is from 0 to 10^9 kbit/s; got {kbps}")),
        };
        rate("down", self.kbps)?;
        rate("up", self.up_kbps.unwrap_or(0.0))?;
        let latency = self.latency_ms.unwrap_or(0.0);
        if !(0.0..=10_000.0).contains(&latency) {
            return Err(format!("a delay is from 0 to 10000 ms; got {latency}"));
        }
        let loss = self.loss_pct.unwrap_or(0.0);
        Percent::new(loss).map_err(|error| error.to_string())?;
        Ok(self)
    }
}

fn whole(message: String) -> TraceError {
    TraceError { line: None, message }
}

fn at(line: usize, message: impl Into<String>) -> TraceError {
    TraceError { line: Some(line), message: message.into() }
}

#[cfg(test)]
mod tests;
