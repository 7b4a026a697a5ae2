//! Header fields as a record holds them: redacted, in the order they were sent.
//!
//! Invariant: a field has no line break, so all of them are one text. An exchange has dozens, and waits with them for its last
//! acknowledgement: one allocation, not one per name and value.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Header fields in the order they were sent, redacted where a name says it holds a credential.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// Each field is a line with its name and a line with its value.
    lines: String,
}

/// A header field, redacted where its name says it holds a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeaderField<'h> {
    /// The name, in lower case.
    #[serde(borrow)]
    pub name: Cow<'h, str>,
    /// The value.
    #[serde(borrow)]
    pub value: Cow<'h, str>,
}

impl Headers {
    /// None yet; there is room for this many bytes of names and values.
    pub fn with_room_for(bytes: usize) -> Self {
        Self { lines: String::with_capacity(bytes) }
    }

    /// Adds a field. A line break, which no header can have, becomes a space.
    pub fn push(&mut self, name: &str, value: &str) {
        for part in [name, value] {
            if part.contains('\n') {
                self.lines.push_str(&part.replace('\n', " "));
            } else {
                self.lines.push_str(part);
            }
            self.lines.push('\n');
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Name and value of each.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut lines = self.lines.split_terminator('\n');
        std::iter::from_fn(move || Some((lines.next()?, lines.next()?)))
    }

    /// The value of the first field of this name, in whatever case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<'h> FromIterator<(&'h str, &'h str)> for Headers {
    fn from_iter<I: IntoIterator<Item = (&'h str, &'h str)>>(fields: I) -> Self {
        let mut headers = Self::default();
        for (name, value) in fields {
            headers.push(name, value);
        }
        headers
    }
}

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(
            self.iter().map(|(name, value)| HeaderField { name: name.into(), value: value.into() }),
        )
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Headers;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of header fields")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut fields: A) -> Result<Headers, A::Error> {
                let mut headers = Headers::default();
                while let Some(HeaderField { name, value }) = fields.next_element()? {
                    headers.push(&name, &value);
                }
                Ok(headers)
            }
        }
        deserializer.deserialize_seq(Fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_back_as_they_went_and_look_like_a_list() {
        let fields = [("host", "a"), ("x-empty", ""), ("x-quoted", "say \"hi\"\t\\"), ("x-last", "")];
        let headers: Headers = fields.into_iter().collect();
        assert_eq!(headers.iter().collect::<Vec<_>>(), fields);
        assert_eq!((headers.len(), headers.get("X-Quoted")), (4, Some(fields[2].1)));
        let json = serde_json::to_string(&headers).unwrap();
        assert!(json.starts_with(r#"[{"name":"host","value":"a"},{"name":"x-empty","value":""},"#), "{json}");
        assert_eq!(serde_json::from_str::<Headers>(&json).unwrap(), headers);
        assert_eq!(serde_json::from_str::<Headers>("[]").unwrap(), Headers::default());
    }

    #[test]
    fn a_line_break_cannot_make_a_field() {
        let headers: Headers = [("a", "1\nb\n2")].into_iter().collect();
        assert_eq!(headers.iter().collect::<Vec<_>>(), [("a", "1 b 2")]);
    }
}
