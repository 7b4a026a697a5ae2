//! RowBinary, ClickHouse's own row format: columns one after the other, little endian, no framing.

use rebuffer_model::Headers;
use rebuffer_tables::{Name, Row, Sink};

/// Appends every column of a row.
pub(crate) fn append<R: Row>(row: &R, out: &mut Vec<u8>) {
    let mut sink = Binary(out);
    for index in 0..R::TABLE.columns().count() {
        row.write(index, &mut sink);
    }
}

struct Binary<'a>(&'a mut Vec<u8>);

impl Binary<'_> {
    fn length(&mut self, length: usize) {
        let mut rest = length;
        while rest >= 0x80 {
            self.0.push(low_bits(rest) | 0x80);
            rest >>= 7;
        }
        self.0.push(low_bits(rest));
    }
}

#[expect(clippy::cast_possible_truncation, reason = "masked to seven bits")]
fn low_bits(value: usize) -> u8 {
    (value & 0x7f) as u8
}

impl Sink for Binary<'_> {
    fn null(&mut self) {
        self.0.push(1);
    }
    fn present(&mut self) {
        self.0.push(0);
    }
    fn bool(&mut self, value: bool) {
        self.0.push(u8::from(value));
    }
    fn u16(&mut self, value: u16) {
        self.0.extend(value.to_le_bytes());
    }
    fn u32(&mut self, value: u32) {
        self.0.extend(value.to_le_bytes());
    }
    fn u64(&mut self, value: u64) {
        self.0.extend(value.to_le_bytes());
    }
    fn i64(&mut self, value: i64) {
        self.0.extend(value.to_le_bytes());
    }
    fn f32(&mut self, value: f32) {
        self.0.extend(value.to_le_bytes());
    }
    fn f64(&mut self, value: f64) {
        self.0.extend(value.to_le_bytes());
    }
    fn millis(&mut self, value: i64) {
        self.i64(value);
    }
    fn text(&mut self, value: &str) {
        self.length(value.len());
        self.0.extend(value.as_bytes());
    }
    fn names(&mut self, values: &[Name]) {
        self.length(values.len());
        for value in values {
            self.text(&value.0);
        }
    }
    fn map(&mut self, entries: &[(Name, String)]) {
        self.length(entries.len());
        for (key, value) in entries {
            self.text(&key.0);
            self.text(value);
        }
    }
    fn fields(&mut self, fields: &Headers) {
        self.length(fields.len());
        for (name, value) in fields.iter() {
            self.text(name);
            self.text(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(write: impl FnOnce(&mut Binary<'_>)) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut Binary(&mut out));
        out
    }

    #[test]
    fn lengths_are_leb128() {
        assert_eq!(bytes(|sink| sink.length(0)), [0]);
        assert_eq!(bytes(|sink| sink.length(127)), [0x7f]);
        assert_eq!(bytes(|sink| sink.length(300)), [0xac, 0x02]);
    }

    #[test]
    fn values_are_little_endian_and_null_is_one() {
        assert_eq!(bytes(|sink| sink.u16(0x0102)), [2, 1]);
        assert_eq!(bytes(|sink| sink.text("ab")), [2, b'a', b'b']);
        assert_eq!(bytes(|sink| sink.null()), [1]);
        assert_eq!(bytes(|sink| sink.names(&["x".into()])), [1, 1, b'x']);
    }
}
