//! Reports of event mode: records in the body of a POST.
//!
//! Invariant: a report yields at most `MAX_RECORDS` records, and a line that is none is counted; a body too large is
//! refused as a whole. Both shapes that players send are read: a dictionary on each line (`application/cmcd`), and a JSON
//! object or an array of them. Deliberately absent: whose the records are; a record says by its `sid`.

use std::collections::BTreeMap;

use rebuffer_model::{Cmcd, CmcdBare, CmcdItem, CmcdValue};
use serde::Deserialize;

use super::dictionary;

/// The largest report.
pub const MAX_REPORT: usize = 1 << 20;
/// The most records of a report.
const MAX_RECORDS: usize = 1_000;

/// What a report held.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// In the order of the report.
    pub records: Vec<Cmcd>,
    /// How many were none, or one too many.
    pub dropped: usize,
}

/// JSON as far as a record may hold it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Json {
    Flag(bool),
    Number(f64),
    Text(String),
    List(Vec<Json>),
    /// A value with parameters.
    Item(JsonItem),
    Null(()),
    Unknown(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct JsonItem {
    value: Box<Json>,
    #[serde(default, alias = "parameters")]
    params: Option<BTreeMap<String, Json>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum JsonReport {
    Many(Vec<JsonRecord>),
    One(BTreeMap<String, Json>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum JsonRecord {
    Record(BTreeMap<String, Json>),
    Unknown(serde::de::IgnoredAny),
}

/// Reads a report. What begins like JSON is JSON, whatever its type says; `None` when it is neither.
pub fn read_report(body: &[u8]) -> Option<Report> {
    let text = std::str::from_utf8(body).ok().filter(|text| text.len() <= MAX_REPORT)?;
    if text.trim_ascii_start().starts_with(['{', '[']) {
        return read_json(text);
    }
    let mut report = Report::default();
    for line in text.lines().map(str::trim_ascii).filter(|line| !line.is_empty()) {
        let mut record = Cmcd::default();
        dictionary::read(line, &mut record);
        report.push(record);
    }
    Some(report)
}

impl Report {
    /// A record in which nothing could be read is none.
    fn push(&mut self, record: Cmcd) {
        let said = record != Cmcd { dropped: record.dropped, ..Cmcd::default() };
        if said && self.records.len() < MAX_RECORDS {
            self.records.push(record);
        } else {
            self.dropped += 1;
        }
    }
}

fn read_json(text: &str) -> Option<Report> {
    let records = match serde_json::from_str(text).ok()? {
        JsonReport::One(record) => vec![JsonRecord::Record(record)],
        JsonReport::Many(records) => records,
    };
    let mut report = Report::default();
    for record in records {
        let mut cmcd = Cmcd::default();
        match record {
            JsonRecord::Record(fields) => put_all(fields, &mut cmcd),
            JsonRecord::Unknown(_) => {}
        }
        report.push(cmcd);
    }
    Some(report)
}

fn put_all(fields: BTreeMap<String, Json>, cmcd: &mut Cmcd) {
    for (key, json) in fields {
        match value(json) {
            Some(value) => cmcd.put(&key, value),
            None => cmcd.drop_one(),
        }
    }
}

fn value(json: Json) -> Option<CmcdValue> {
    match json {
        Json::List(list) => list.into_iter().map(item).collect::<Option<_>>().map(CmcdValue::List),
        one @ (Json::Flag(_)
        | Json::Number(_)
        | Json::Text(_)
        | Json::Item(_)
        | Json::Null(())
        | Json::Unknown(_)) => item(one).map(CmcdValue::Item),
    }
}

fn item(json: Json) -> Option<CmcdItem> {
    let (json, parameters) = match json {
        Json::Item(JsonItem { value, params }) => (*value, params.unwrap_or_default()),
        plain @ (Json::Flag(_)
        | Json::Number(_)
        | Json::Text(_)
        | Json::List(_)
        | Json::Null(())
        | Json::Unknown(_)) => (plain, BTreeMap::new()),
    };
    let parameters = parameters.into_iter().filter_map(|(name, json)| Some((name, bare(json)?))).collect();
    Some(CmcdItem { bare: bare(json)?, parameters })
}

fn bare(json: Json) -> Option<CmcdBare> {
    match json {
        Json::Flag(flag) => Some(CmcdBare::Flag(flag)),
        Json::Number(number) => Some(CmcdBare::Number(number)),
        Json::Text(text) => Some(CmcdBare::Text(text)),
        Json::List(_) | Json::Item(_) | Json::Null(()) | Json::Unknown(_) => None,
    }
}
