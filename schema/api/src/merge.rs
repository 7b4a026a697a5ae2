//! JSON merge patch (RFC 7396): what it changes, and the document after it.
//!
//! Invariant: applying touches exactly the leaves that `leaves` names. Null removes, an object recurses, anything else replaces.
//! The one place where JSON has no type, because a patch may say anything until it is applied.

#![expect(clippy::disallowed_types, reason = "a merge patch is JSON without a type by definition")]

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Problem, from_json, from_value};

/// A merge patch whose top level is an object.
#[derive(Debug, Clone, PartialEq)]
pub struct MergePatch(Map<String, Value>);

impl MergePatch {
    /// Reads a patch; a top level that is not an object is refused.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        match from_json(body)? {
            Value::Object(map) => Ok(Self(map)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(Problem::bad_request("a merge patch is a JSON object").pointer(""))
            }
        }
    }

    /// The dotted paths this patch sets: arrays, nulls and empty objects are leaves.
    pub fn leaves(&self) -> Vec<String> {
        let mut leaves = Vec::new();
        collect(&self.0, "", &mut leaves);
        leaves
    }

    /// The document after the patch, checked against its type.
    pub fn apply<T: Serialize + DeserializeOwned>(&self, document: &T) -> Result<T, Problem> {
        let mut value = serde_json::to_value(document)
            .map_err(|error| Problem::bad_request(format!("cannot be edited: {error}")))?;
        merge(&mut value, &self.0);
        from_value(value)
    }
}

fn collect(map: &Map<String, Value>, prefix: &str, leaves: &mut Vec<String>) {
    for (key, value) in map {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Value::Object(inner) if !inner.is_empty() => collect(inner, &path, leaves),
            Value::Object(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => {
                leaves.push(path);
            }
        }
    }
}

fn merge(target: &mut Value, patch: &Map<String, Value>) {
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(object) = target else { return };
    for (key, value) in patch {
        match value {
            Value::Null => {
                object.remove(key);
            }
            Value::Object(inner) => merge(object.entry(key.clone()).or_insert(Value::Null), inner),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                object.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rebuffer_model::Control;

    use super::*;

    fn patch(json: &str) -> MergePatch {
        MergePatch::parse(json.as_bytes()).unwrap()
    }

    #[test]
    fn null_removes_an_object_recurses_and_anything_else_replaces() {
        let control: Control =
            serde_json::from_str(r#"{"labels":{"a":"1","b":"2"},"shape":{"rate_mbps":5}}"#).unwrap();
        let after = patch(r#"{"labels":{"a":null,"c":"3"},"shape":null}"#).apply(&control).unwrap();
        let keys: Vec<_> = after.labels.keys().map(|key| key.as_str()).collect();
        assert_eq!(keys, ["b", "c"]);
        assert!(after.shape.is_neutral());
    }

    #[test]
    fn leaves_are_dotted_paths() {
        let mut leaves = patch(r#"{"shape":{"rate_mbps":null},"labels":{},"fault_rules":[]}"#).leaves();
        leaves.sort();
        assert_eq!(leaves, ["fault_rules", "labels", "shape.rate_mbps"]);
    }

    #[test]
    fn an_unknown_field_is_refused_with_its_pointer() {
        let error = patch(r#"{"shape":{"speed":1}}"#).apply(&Control::default()).unwrap_err();
        assert_eq!(error.pointer.as_deref(), Some("/shape/speed"));
        assert!(MergePatch::parse(b"[1]").is_err());
    }
}
