//! The two macros tables are declared with: `columns!` for a part of a row, `table!` for a table made of parts.
//!
//! Invariant: what a declaration says appears in row type, catalogue and DDL alike, because all three are expanded from it.

/// A struct whose fields are columns: the doc comment is the column's comment, the type is the column's type. A column that
/// is called otherwise than its field gets `as "name"`.
macro_rules! columns {
    (
        $(#[doc = $doc:literal])+
        $part:ident {
            $( $(#[doc = $about:literal])+ $field:ident: $type:ty $(as $name:literal)?, )+
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $part {
            $( $(#[doc = $about])+ pub $field: $type, )+
        }

        impl crate::Columns for $part {
            const COLUMNS: &'static [crate::Column] = &[$(
                crate::Column {
                    name: crate::declare::named!($field $($name)?),
                    sql: <$type as crate::Value>::SQL,
                    default: <$type as crate::Value>::DEFAULT,
                    codec: <$type as crate::Value>::CODEC,
                    doc: concat!($($about),+).trim_ascii(),
                },
            )+];

            fn write(&self, index: usize, sink: &mut dyn crate::Sink) {
                let mut at = 0;
                $(
                    if index == at {
                        return crate::Value::write(&self.$field, sink);
                    }
                    at += 1;
                )+
                debug_assert!(index < at, "no column {index}");
            }
        }
    };
}

macro_rules! named {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $name:literal) => {
        $name
    };
}

/// A table made of parts, the first of which is the [`crate::Head`].
macro_rules! table {
    (
        $(#[doc = $doc:literal])+
        $row:ident is $name:literal { $( $(#[doc = $about:literal])+ $part:ident: $type:ty, )+ }
        engine $engine:literal,
        partition by $partition:literal,
        order by $order:literal,
        indexes [ $( $index:ident on $column:ident: $kind:literal, )* ]
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $row {
            $( $(#[doc = $about])+ pub $part: $type, )+
        }

        impl crate::Row for $row {
            const TABLE: &'static crate::Table = &crate::Table {
                name: $name,
                doc: concat!($($doc),+).trim_ascii(),
                parts: &[$( <$type as crate::Columns>::COLUMNS, )+],
                engine: $engine,
                partition_by: $partition,
                order_by: $order,
                indexes: &[$(
                    crate::Index { name: stringify!($index), column: stringify!($column), kind: $kind },
                )*],
            };

            fn write(&self, index: usize, sink: &mut dyn crate::Sink) {
                let mut index = index;
                $(
                    let width = <$type as crate::Columns>::COLUMNS.len();
                    if index < width {
                        return crate::Columns::write(&self.$part, index, sink);
                    }
                    index -= width;
                )+
                debug_assert!(false, "{index} columns past the end");
            }
        }
    };
}

pub(crate) use {columns, named, table};
