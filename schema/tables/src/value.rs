//! What a column can hold: each Rust type knows its ClickHouse type, its codec, and how to hand its value over.
//!
//! Invariant: a value is handed over as exactly the calls its ClickHouse type calls for, so that every [`Sink`] (a wire
//! format, a JSON projection) sees the same thing. Deliberately absent: the formats themselves.

use rebuffer_model::{Headers, Position, Timestamp};

/// A text of which there are few different ones: `LowCardinality(String)`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(pub String);

/// How long a row is kept: `other`, `interesting` or `favourite`. Rows arrive as `other`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tier;

/// Something that takes the values of a row, column by column.
pub trait Sink {
    /// An absent value of a nullable column.
    fn null(&mut self);
    /// A nullable column has a value, which follows.
    fn present(&mut self);
    /// `Bool`.
    fn bool(&mut self, value: bool);
    /// `UInt16`.
    fn u16(&mut self, value: u16);
    /// `UInt32`.
    fn u32(&mut self, value: u32);
    /// `UInt64`.
    fn u64(&mut self, value: u64);
    /// `Int64`.
    fn i64(&mut self, value: i64);
    /// `Float32`.
    fn f32(&mut self, value: f32);
    /// `Float64`.
    fn f64(&mut self, value: f64);
    /// `DateTime64(3, 'UTC')`, milliseconds since 1970.
    fn millis(&mut self, value: i64);
    /// `String`, plain or of low cardinality.
    fn text(&mut self, value: &str);
    /// `Array(LowCardinality(String))`.
    fn names(&mut self, values: &[Name]);
    /// `Map(LowCardinality(String), String)`.
    fn map(&mut self, entries: &[(Name, String)]);
    /// `Array(Tuple(name LowCardinality(String), value String))`.
    fn fields(&mut self, fields: &Headers);
}

/// A type that a column can have.
pub trait Value {
    /// The ClickHouse type.
    const SQL: &'static str;
    /// How the column is compressed.
    const CODEC: &'static str = "ZSTD(1)";
    /// What the archive fills in where a writer says nothing, as SQL; empty for the type's own default.
    const DEFAULT: &'static str = "";
    /// Hands the value over.
    fn write(&self, sink: &mut dyn Sink);
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

macro_rules! value {
    ($type:ty, $sql:literal, $codec:literal, |$value:ident, $sink:ident| $write:expr) => {
        impl Value for $type {
            const SQL: &'static str = $sql;
            const CODEC: &'static str = $codec;
            fn write(&self, $sink: &mut dyn Sink) {
                let $value = self;
                $write
            }
        }
    };
}

macro_rules! nullable {
    ($type:ty, $sql:literal) => {
        impl Value for Option<$type> {
            const SQL: &'static str = concat!("Nullable(", $sql, ")");
            const CODEC: &'static str = <$type as Value>::CODEC;
            fn write(&self, sink: &mut dyn Sink) {
                match self {
                    None => sink.null(),
                    Some(value) => {
                        sink.present();
                        value.write(sink);
                    }
                }
            }
        }
    };
}

value!(bool, "Bool", "ZSTD(1)", |value, sink| sink.bool(*value));
value!(u16, "UInt16", "ZSTD(1)", |value, sink| sink.u16(*value));
value!(u32, "UInt32", "ZSTD(1)", |value, sink| sink.u32(*value));
value!(u64, "UInt64", "ZSTD(1)", |value, sink| sink.u64(*value));
value!(i64, "Int64", "ZSTD(1)", |value, sink| sink.i64(*value));
value!(f32, "Float32", "ZSTD(1)", |value, sink| sink.f32(*value));
value!(f64, "Float64", "ZSTD(1)", |value, sink| sink.f64(*value));
value!(Position, "UInt64", "Delta, ZSTD(1)", |value, sink| sink.u64(value.0));
value!(Timestamp, "DateTime64(3, 'UTC')", "DoubleDelta, ZSTD(1)", |value, sink| sink
    .millis(value.as_millis()));
value!(String, "String", "ZSTD(1)", |value, sink| sink.text(value));
value!(Name, "LowCardinality(String)", "ZSTD(1)", |value, sink| sink.text(&value.0));
value!(Vec<Name>, "Array(LowCardinality(String))", "ZSTD(1)", |value, sink| sink.names(value));
value!(Vec<(Name, String)>, "Map(LowCardinality(String), String)", "ZSTD(1)", |value, sink| sink.map(value));
value!(Headers, "Array(Tuple(name LowCardinality(String), value String))", "ZSTD(3)", |value, sink| sink
    .fields(value));

impl Value for Tier {
    const SQL: &'static str = Name::SQL;
    const DEFAULT: &'static str = "'other'";
    fn write(&self, sink: &mut dyn Sink) {
        sink.text("other");
    }
}

nullable!(bool, "Bool");
nullable!(u16, "UInt16");
nullable!(u32, "UInt32");
nullable!(u64, "UInt64");
nullable!(i64, "Int64");
nullable!(f32, "Float32");
nullable!(f64, "Float64");
nullable!(Timestamp, "DateTime64(3, 'UTC')");

/// A measure in the archive's precision: seven digits are more than any of them has.
#[expect(clippy::cast_possible_truncation, reason = "a float of half the width, not another number")]
pub(crate) fn narrow(value: f64) -> f32 {
    value as f32
}
