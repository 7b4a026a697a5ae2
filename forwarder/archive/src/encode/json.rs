//! A row as the JSON object the archive would answer with (`JSONEachRow` with our settings).
//!
//! Invariant: 64-bit integers are strings, instants RFC 3339 with `Z` and milliseconds, numbers that are no numbers null.

use std::fmt::Write as _;

use rebuffer_model::{Headers, Timestamp};
use rebuffer_tables::{Name, Row, Sink, Table};

/// The columns at these places of the row's table, as one JSON object.
pub fn object<R: Row>(row: &R, columns: &[usize]) -> String {
    let mut out = String::with_capacity(64 + 32 * columns.len());
    out.push('{');
    for (position, index) in columns.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        text(&mut out, name(R::TABLE, *index));
        out.push(':');
        row.write(*index, &mut Json(&mut out));
    }
    out.push('}');
    out
}

fn name(table: &Table, index: usize) -> &'static str {
    table.columns().nth(index).map_or("", |column| column.name)
}

fn text(out: &mut String, value: &str) {
    // Serializing a text cannot fail.
    out.push_str(&serde_json::to_string(value).unwrap_or_default());
}

struct Json<'a>(&'a mut String);

impl Json<'_> {
    fn number(&mut self, finite: bool, value: impl std::fmt::Display) {
        if finite {
            let _ = write!(self.0, "{value}");
        } else {
            self.null();
        }
    }

    fn list<T>(
        &mut self,
        (open, close): (char, char),
        items: impl IntoIterator<Item = T>,
        mut item: impl FnMut(&mut String, T),
    ) {
        self.0.push(open);
        for (position, value) in items.into_iter().enumerate() {
            if position > 0 {
                self.0.push(',');
            }
            item(self.0, value);
        }
        self.0.push(close);
    }
}

impl Sink for Json<'_> {
    fn null(&mut self) {
        self.0.push_str("null");
    }
    fn present(&mut self) {}
    fn bool(&mut self, value: bool) {
        self.number(true, value);
    }
    fn u16(&mut self, value: u16) {
        self.number(true, value);
    }
    fn u32(&mut self, value: u32) {
        self.number(true, value);
    }
    fn u64(&mut self, value: u64) {
        let _ = write!(self.0, "\"{value}\"");
    }
    fn i64(&mut self, value: i64) {
        let _ = write!(self.0, "\"{value}\"");
    }
    fn f32(&mut self, value: f32) {
        self.number(value.is_finite(), value);
    }
    fn f64(&mut self, value: f64) {
        self.number(value.is_finite(), value);
    }
    fn millis(&mut self, value: i64) {
        let micros = Timestamp::from_millis(value).to_string();
        let millis = micros.strip_suffix("000Z").unwrap_or(&micros);
        let _ = write!(self.0, "\"{millis}Z\"");
    }
    fn text(&mut self, value: &str) {
        text(self.0, value);
    }
    fn names(&mut self, values: &[Name]) {
        self.list(('[', ']'), values, |out, value| text(out, &value.0));
    }
    fn map(&mut self, entries: &[(Name, String)]) {
        self.list(('{', '}'), entries, |out, (key, value)| {
            text(out, &key.0);
            out.push(':');
            text(out, value);
        });
    }
    fn fields(&mut self, fields: &Headers) {
        self.list(('[', ']'), fields.iter(), |out, (name, value)| {
            out.push_str("{\"name\":");
            text(out, name);
            out.push_str(",\"value\":");
            text(out, value);
            out.push('}');
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(write: impl FnOnce(&mut Json<'_>)) -> String {
        let mut out = String::new();
        write(&mut Json(&mut out));
        out
    }

    #[test]
    fn values_look_as_the_api_promises() {
        assert_eq!(json(|sink| sink.u64(u64::MAX)), "\"18446744073709551615\"");
        assert_eq!(json(|sink| sink.millis(1_500)), "\"1970-01-01T00:00:01.500Z\"");
        assert_eq!(json(|sink| sink.f32(1.1)), "1.1");
        assert_eq!(json(|sink| sink.f64(f64::NAN)), "null");
        assert_eq!(json(|sink| sink.text("a\"b")), r#""a\"b""#);
        assert_eq!(json(|sink| sink.map(&[("k".into(), "v".into())])), r#"{"k":"v"}"#);
    }
}
