//! Reading JSON strictly: what does not fit is a 400 that points at the field.
//!
//! Invariant: nothing is guessed, nothing unknown is dropped; the pointer is RFC 6901.

#![expect(clippy::disallowed_types, reason = "a document has no type before it was read")]

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Problem;

/// How many fields are tried when none was named.
const MAX_BLAMED: usize = 64;

/// Reads a whole body as one JSON document.
pub fn from_json<T: DeserializeOwned + Serialize>(body: &[u8]) -> Result<T, Problem> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| Problem::bad_request(format!("the body is not one JSON document: {error}")))?;
    from_value(value)
}

/// Reads a document that was already parsed.
pub fn from_value<T: DeserializeOwned + Serialize>(value: Value) -> Result<T, Problem> {
    let parsed: T = serde_path_to_error::deserialize(&value).map_err(|error| {
        let mut pointer = pointer_of(error.path());
        let text = error.into_inner().to_string();
        // An unknown field is reported at its parent; the message alone has its name.
        if let Some(field) = text.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next())
            && !pointer.ends_with(&format!("/{field}"))
        {
            pointer = format!("{pointer}/{}", escaped(field));
        }
        if pointer.is_empty() {
            pointer = blamed_field::<T>(&value);
        }
        Problem::bad_request(text).pointer(pointer)
    })?;
    // serde reads a struct from an array as well, field by field; here that is a wrong type.
    let written = serde_json::to_value(&parsed).map_err(|error| Problem::bad_request(error.to_string()))?;
    match list_for_object(&value, &written, String::new()) {
        Some(pointer) => Err(Problem::bad_request("a list stands where an object is meant").pointer(pointer)),
        None => Ok(parsed),
    }
}

/// The field without which the document can be read: a flattened map does not say which of its entries is wrong.
fn blamed_field<T: DeserializeOwned>(value: &Value) -> String {
    let Value::Object(object) = value else { return String::new() };
    let without = |key: &String| {
        let mut rest = object.clone();
        rest.remove(key);
        serde_json::from_value::<T>(Value::Object(rest)).is_ok()
    };
    let blamed = object.keys().take(MAX_BLAMED).find(|key| without(key));
    blamed.map(|key| format!("/{}", escaped(key))).unwrap_or_default()
}

fn list_for_object(read: &Value, written: &Value, pointer: String) -> Option<String> {
    match (read, written) {
        (Value::Array(_), Value::Object(_)) => Some(pointer),
        (Value::Array(read), Value::Array(written)) => {
            read.iter().zip(written).enumerate().find_map(|(index, (read, written))| {
                list_for_object(read, written, format!("{pointer}/{index}"))
            })
        }
        (Value::Object(read), Value::Object(written)) => read.iter().find_map(|(key, read)| {
            list_for_object(read, written.get(key)?, format!("{pointer}/{}", escaped(key)))
        }),
        (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_), _)
        | (Value::Array(_) | Value::Object(_), _) => None,
    }
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", escaped(key)),
            Segment::Enum { variant } => format!("/{}", escaped(variant)),
            Segment::Unknown => String::new(),
        })
        .collect()
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use rebuffer_model::{Control, PlayerMetrics};

    use super::*;

    #[test]
    fn an_entry_without_a_field_is_blamed_by_name() {
        let error = from_json::<PlayerMetrics>(br#"{"buffer_depth_s":1,"zoom":[1]}"#).unwrap_err();
        assert_eq!(error.pointer.as_deref(), Some("/zoom"));
    }

    fn pointer(json: &str) -> String {
        from_json::<Control>(json.as_bytes()).unwrap_err().pointer.unwrap_or_default()
    }

    #[test]
    fn the_pointer_is_that_of_the_field() {
        assert_eq!(pointer(r#"{"shape":{"rate_mbps":-1}}"#), "/shape/rate_mbps");
        assert_eq!(pointer(r#"{"shape":{"colour":1}}"#), "/shape/colour");
        assert_eq!(pointer(r#"{"fault_rules":[{"id":"a","type":"nope"}]}"#), "/fault_rules/0/type");
        assert_eq!(
            pointer(r#"{"fault_rules":[{"id":"a","type":"404","consecutive":"x"}]}"#),
            "/fault_rules/0/consecutive"
        );
        assert_eq!(pointer(r#"{"bogus":1}"#), "/bogus");
        assert_eq!(pointer(r#"{"shape":[5]}"#), "/shape");
    }

    #[test]
    fn what_is_not_one_document_is_refused() {
        for bad in ["", "{", "{} {}", "[]", "nul", "7"] {
            assert!(from_json::<Control>(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
