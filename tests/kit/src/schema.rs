//! Whether a JSON document is what a JSON schema says, for the part of JSON Schema 2020-12 that our documents use.
//!
//! Invariant: a keyword this file does not know fails the test, so nothing is let through unread.
//! Deliberately absent: `format`, which only describes, and references out of the document.

#![expect(clippy::disallowed_types, reason = "schemas and the documents they judge are JSON without a type")]

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The schemas of an API document.
#[derive(Debug)]
pub struct Schema {
    document: Value,
}

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Keywords that say nothing about what is allowed.
const SILENT: [&str; 8] =
    ["description", "title", "example", "examples", "default", "format", "deprecated", "discriminator"];

impl Schema {
    /// The schemas of an OpenAPI 3.1 document.
    pub fn of(openapi: &str) -> Self {
        Self { document: serde_json::from_str(openapi).expect("an API document is JSON") }
    }

    /// What is wrong with `body` as `components/schemas/<name>`; nothing when it fits.
    pub fn faults(&self, name: &str, body: &[u8]) -> Vec<String> {
        let body: Value = serde_json::from_slice(body).expect("JSON");
        self.check(&self.component(name), &body, name)
    }

    /// What is wrong with `body` as the answer of this operation with this status.
    pub fn answer_faults(&self, method: &str, path: &str, status: u16, body: &[u8]) -> Vec<String> {
        let answer = &self.document["paths"][path][method]["responses"][status.to_string()];
        if answer.is_null() {
            return vec![format!("{method} {path} is not documented to answer {status}")];
        }
        let content = answer["content"].as_object().and_then(|content| content.values().next());
        match (content, body) {
            (None, []) => Vec::new(),
            (None, _) => vec![format!("{method} {path} {status} has a body that is not documented")],
            (Some(content), body) => {
                let body: Value = serde_json::from_slice(body).expect("JSON");
                self.check(&content["schema"], &body, "")
            }
        }
    }

    /// Method and path of every operation of the document.
    pub fn operations(&self) -> BTreeSet<(String, String)> {
        let paths = self.document["paths"].as_object().into_iter().flatten();
        let operations = paths.flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten().map(|(method, _)| method.clone());
            methods.map(|method| (method, path.clone()))
        });
        operations.filter(|(method, _)| METHODS.contains(&method.as_str())).collect()
    }

    fn component(&self, name: &str) -> Value {
        let schema = &self.document["components"]["schemas"][name];
        assert!(schema.is_object(), "no schema is called {name}");
        schema.clone()
    }

    fn check(&self, schema: &Value, value: &Value, at: &str) -> Vec<String> {
        let Some(rules) = schema.as_object() else { return Vec::new() };
        rules.iter().flat_map(|(keyword, rule)| self.keyword(rules, keyword, rule, value, at)).collect()
    }

    fn keyword(
        &self,
        rules: &Map<String, Value>,
        keyword: &str,
        rule: &Value,
        value: &Value,
        at: &str,
    ) -> Vec<String> {
        let wrong = |holds: bool| {
            if holds { Vec::new() } else { vec![format!("{at}: {value} is against {keyword} {rule}")] }
        };
        let each = |rule: &Value| {
            let schemas = rule.as_array().cloned().unwrap_or_default();
            schemas.iter().map(|schema| self.check(schema, value, at)).collect::<Vec<_>>()
        };
        let number = |holds: fn(f64, f64) -> bool| {
            wrong(value.as_f64().zip(rule.as_f64()).is_none_or(|(value, rule)| holds(value, rule)))
        };
        let counted = |count: Option<usize>, holds: fn(u64, u64) -> bool| {
            let count = count.map(|count| count as u64);
            wrong(count.zip(rule.as_u64()).is_none_or(|(count, rule)| holds(count, rule)))
        };
        match keyword {
            "$ref" => {
                let name = rule.as_str().and_then(|text| text.strip_prefix("#/components/schemas/"));
                self.check(&self.component(name.expect("a reference into the document")), value, at)
            }
            "type" => wrong(match rule.as_array() {
                Some(types) => types.iter().any(|one| is_type(one, value)),
                None => is_type(rule, value),
            }),
            "enum" => wrong(rule.as_array().is_some_and(|values| values.contains(value))),
            "const" => wrong(rule == value),
            "minimum" => number(|value, least| value >= least),
            "maximum" => number(|value, most| value <= most),
            "minLength" => {
                counted(value.as_str().map(|text| text.chars().count()), |count, least| count >= least)
            }
            "maxLength" => {
                counted(value.as_str().map(|text| text.chars().count()), |count, most| count <= most)
            }
            "minItems" => counted(value.as_array().map(Vec::len), |count, least| count >= least),
            "maxItems" => counted(value.as_array().map(Vec::len), |count, most| count <= most),
            "pattern" => wrong(value.as_str().is_none_or(|text| matches(rule, text))),
            "allOf" => each(rule).concat(),
            "anyOf" => wrong(each(rule).iter().any(Vec::is_empty)),
            "oneOf" => wrong(each(rule).iter().filter(|faults| faults.is_empty()).count() == 1),
            "items" => {
                let items = value.as_array().into_iter().flatten().enumerate();
                items.flat_map(|(index, item)| self.check(rule, item, &format!("{at}/{index}"))).collect()
            }
            "required" => {
                let names = rule.as_array().into_iter().flatten().filter_map(Value::as_str);
                wrong(
                    value.as_object().is_none_or(|object| names.into_iter().all(|n| object.contains_key(n))),
                )
            }
            "properties" => {
                let object = value.as_object().into_iter().flatten();
                let known = object.filter_map(|(name, value)| Some((name, value, rule.get(name)?)));
                known
                    .flat_map(|(name, value, schema)| self.check(schema, value, &format!("{at}/{name}")))
                    .collect()
            }
            "additionalProperties" => {
                let declared = |name: &String| rules.get("properties").is_some_and(|p| p.get(name).is_some());
                let object = value.as_object().into_iter().flatten();
                let others = object.filter(|(name, _)| !declared(name));
                let faults = |(name, value): (&String, &Value)| {
                    let at = format!("{at}/{name}");
                    if *rule == Value::Bool(false) {
                        return vec![format!("{at} is not declared")];
                    }
                    self.check(rule, value, &at)
                };
                others.flat_map(faults).collect()
            }
            "propertyNames" => {
                let names =
                    value.as_object().into_iter().flatten().map(|(name, _)| Value::from(name.as_str()));
                names.flat_map(|name| self.check(rule, &name, at)).collect()
            }
            silent if SILENT.contains(&silent) => Vec::new(),
            other => panic!("{at}: the keyword {other} is not known here"),
        }
    }
}

fn is_type(name: &Value, value: &Value) -> bool {
    match name.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        Some(_) | None => false,
    }
}

fn matches(pattern: &Value, text: &str) -> bool {
    let pattern = pattern.as_str().expect("a pattern is text");
    regex::Regex::new(pattern).expect("a pattern is a regular expression").is_match(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r##"{
        "components": {"schemas": {
            "Name": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 3},
            "Thing": {"type": "object", "required": ["id"], "additionalProperties": false, "properties": {
                "id": {"$ref": "#/components/schemas/Name"},
                "size": {"type": ["integer", "null"], "minimum": 1},
                "kind": {"enum": ["a", "b"]},
                "list": {"type": "array", "items": {"oneOf": [{"type": "null"}, {"type": "string"}]}, "minItems": 1}
            }},
            "Odd": {"if": {}}
        }},
        "paths": {"/x": {"get": {"responses": {"200": {"content": {"a/b": {"schema": {"type": "array"}}}}, "204": {}}}}}
    }"##;

    #[test]
    fn what_fits_fits_and_every_fault_is_found() {
        let schema = Schema::of(DOCUMENT);
        let faults = |body: &str| schema.faults("Thing", body.as_bytes()).len();
        assert_eq!(faults(r#"{"id":"ab","size":null,"kind":"b","list":["x",null]}"#), 0);
        for bad in [
            "5",
            "{}",
            r#"{"id":7}"#,
            r#"{"id":"AB"}"#,
            r#"{"id":"abcd"}"#,
            r#"{"id":"a","size":0}"#,
            r#"{"id":"a","size":1.5}"#,
            r#"{"id":"a","kind":"c"}"#,
            r#"{"id":"a","list":[]}"#,
            r#"{"id":"a","list":[1]}"#,
            r#"{"id":"a","more":1}"#,
        ] {
            assert!(faults(bad) > 0, "{bad}");
        }
    }

    #[test]
    fn an_answer_is_held_to_its_operation() {
        let schema = Schema::of(DOCUMENT);
        let faults = |status, body: &str| schema.answer_faults("get", "/x", status, body.as_bytes()).len();
        assert_eq!((faults(200, "[]"), faults(204, "")), (0, 0));
        assert_eq!((faults(200, "{}"), faults(204, "[]"), faults(404, "")), (1, 1, 1));
    }

    #[test]
    #[should_panic(expected = "the keyword if is not known")]
    fn what_is_not_known_is_not_passed_over() {
        Schema::of(DOCUMENT).faults("Odd", b"{}");
    }
}
