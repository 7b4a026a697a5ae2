//! The description of rows in the API document, made from the column catalogue.
//!
//! Invariant: a column is described by its declaration alone, so document, archive and answer cannot disagree.

use std::borrow::Cow;

use rebuffer_tables::{Column, ControlEvent, NetworkRequest, Row, SessionEvent, Table};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::{PartialSchema, ToSchema};

macro_rules! row_schema {
    ($name:ident, $row:ty) => {
        #[doc = concat!("A row of `", stringify!($row), "`; only ever described, never made.")]
        #[derive(Debug)]
        pub(crate) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                row(<$row as Row>::TABLE).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    };
}

row_schema!(EventRow, SessionEvent);
row_schema!(NetworkRow, NetworkRequest);
row_schema!(ControlRow, ControlEvent);

/// Only time and id are always there, because callers may choose columns.
fn row(table: &Table) -> Schema {
    let mut object = ObjectBuilder::new().schema_type(Type::Object).description(Some(table.doc));
    for column in table.columns() {
        object = object.property(column.name, described(column));
    }
    Schema::Object(object.required("ts").required("id").build())
}

fn described(column: &Column) -> Schema {
    let inner = column.sql.strip_prefix("Nullable(").and_then(|rest| rest.strip_suffix(')'));
    let of = |kind: Type| match inner {
        None => SchemaType::Type(kind),
        Some(_) => SchemaType::Array(vec![kind, Type::Null]),
    };
    let plain = |kind: Type| ObjectBuilder::new().schema_type(of(kind)).description(Some(column.doc));
    let text = || ObjectBuilder::new().schema_type(Type::String);
    match inner.unwrap_or(column.sql) {
        "Bool" => plain(Type::Boolean).into(),
        "UInt16" | "UInt32" => plain(Type::Integer).into(),
        "UInt64" | "Int64" => plain(Type::String).pattern(Some("^-?[0-9]+$")).into(),
        "Float32" | "Float64" => plain(Type::Number).into(),
        "DateTime64(3, 'UTC')" => {
            plain(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))).into()
        }
        "Array(LowCardinality(String))" => {
            ArrayBuilder::new().items(text()).description(Some(column.doc)).into()
        }
        "Map(LowCardinality(String), String)" => plain(Type::Object)
            .additional_properties(Some(AdditionalProperties::from(RefOr::from(text()))))
            .into(),
        "Array(Tuple(name LowCardinality(String), value String))" => {
            let field = ObjectBuilder::new()
                .schema_type(Type::Object)
                .property("name", text())
                .property("value", text())
                .required("name")
                .required("value");
            ArrayBuilder::new().items(field).description(Some(column.doc)).into()
        }
        _ => plain(Type::String).into(),
    }
}
