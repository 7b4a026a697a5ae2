//! Structs whose fields stand flat inside another's JSON object, read strictly.
//!
//! Invariant: a field that nobody knows is an error that names those there are, and an error inside a field is reported at
//! that field. serde's own `flatten` promises neither.
//! Deliberately absent: writing, for which `flatten` does.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserializer;
use serde::de::{Error, MapAccess, Visitor};

/// A struct that is read field by field.
pub(crate) trait Flat: Default {
    /// What it is, for errors.
    const WHAT: &'static str;

    /// The names of its fields, those of inner structs included.
    fn names() -> Vec<&'static str>;

    /// Reads the value of a field of this name from the map; false if there is no such field.
    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error>;
}

/// Reads the whole struct from an object.
pub(crate) fn deserialize<'de, T: Flat, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_map(Fields(PhantomData))
}

struct Fields<T>(PhantomData<T>);

impl<'de, T: Flat> Visitor<'de> for Fields<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WHAT)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut value = T::default();
        let mut seen: Vec<String> = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if seen.contains(&name) {
                return Err(A::Error::custom(format_args!("field `{name}` stands twice")));
            }
            if !value.read(&name, &mut map)? {
                let names = T::names().join("`, `");
                return Err(A::Error::custom(format_args!(
                    "unknown field `{name}`, expected one of `{names}`"
                )));
            }
            seen.push(name);
        }
        Ok(value)
    }
}

/// Implements `Deserialize` through [`Flat`].
macro_rules! read_flat {
    ($($type:ty),+) => {$(
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::flat::deserialize(deserializer)
            }
        }
    )+};
}

/// Reads the value of one of these fields, null being what an absent one is, or leaves the name to somebody else.
macro_rules! fields {
    ($self:ident, $name:ident, $map:ident: $($field:ident),+ else $rest:expr) => {
        match $name {
            $(stringify!($field) => $self.$field = $map.next_value::<Option<_>>()?.unwrap_or_default(),)+
            _ => return $rest,
        }
    };
}

pub(crate) use {fields, read_flat};
