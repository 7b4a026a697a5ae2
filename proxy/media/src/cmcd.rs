//! CMCD as it arrives: in headers, in a query, in reports.
//!
//! Invariant: any text may come in; a key that cannot be read is dropped and counted, and costs no other key. What is
//! longer than `MAX_RECORD` is cut there. Deliberately absent: what the keys mean (see `CMCD_KEYS`).

mod dictionary;
mod report;
mod sample;

use percent_encoding::percent_decode_str;
use rebuffer_model::Cmcd;

pub use report::{MAX_REPORT, Report, read_report};
pub use sample::to_metrics;

/// The headers that carry CMCD, in lower case.
pub const HEADERS: &[&str] = &["cmcd-object", "cmcd-request", "cmcd-session", "cmcd-status"];
/// The query parameter that carries CMCD.
pub const PARAMETER: &str = "CMCD";

/// How much of one record is read.
const MAX_RECORD: usize = 16 << 10;

/// What a request says: its headers, then its query, where a key said before is not said again. `None` when it says
/// nothing. `query` is what follows the question mark.
pub fn of_request<'h>(
    headers: impl IntoIterator<Item = (&'h str, &'h str)>,
    query: Option<&str>,
) -> Option<Cmcd> {
    // Most requests say nothing, and a dictionary without a key is long all the same.
    let mut said = None;
    for (name, value) in headers {
        if HEADERS.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            dictionary::read(value, said.get_or_insert_default());
        }
    }
    let parameters = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    for (_, value) in parameters.filter(|(name, _)| *name == PARAMETER) {
        // Some players write a blank as a plus sign.
        let value = value.replace('+', " ");
        dictionary::read(&percent_decode_str(&value).decode_utf8_lossy(), said.get_or_insert_default());
    }
    said.filter(|cmcd: &Cmcd| !cmcd.is_empty())
}

/// A dictionary by itself.
pub fn of_dictionary(text: &str) -> Cmcd {
    let mut cmcd = Cmcd::default();
    dictionary::read(text, &mut cmcd);
    cmcd
}

#[cfg(test)]
mod tests;
