//! The parameters of a request: ClickHouse mixes its protocol, the engine's settings and bound values in one list.
//!
//! Invariant: a name is of the protocol, or bound (`param_*`), or a setting the engine knows; anything else is refused, so that
//! a typing error is not a silently different query. `readonly` can be asked for, never taken away.

use std::collections::HashSet;

use crate::engine::{Exception, Param, code};

/// Names that steer the protocol and are no settings. Some are accepted only because clients send them: nothing here
/// depends on the client's protocol version, results are not held back in buffers, and there are no quotas.
const PROTOCOL: &[&str] = &[
    "buffer_size",
    "client_protocol_version",
    "close_session",
    "compress",
    "database",
    "decompress",
    "default_format",
    "password",
    "query",
    "query_id",
    "quota_key",
    "session_check",
    "session_id",
    "session_timeout",
    "stacktrace",
    "user",
    "wait_end_of_query",
];

/// In the order of the request; the last of a name counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Params(Vec<(String, String)>);

/// What is left after the protocol took its part.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sorted {
    pub(super) settings: Vec<(String, String)>,
    pub(super) bound: Vec<Param>,
    /// The user's own `log_comment`.
    pub(super) comment: Option<String>,
    /// 0, 1 or 2, as the engine means it.
    pub(super) readonly: u8,
}

impl Params {
    pub(super) fn from_query(query: &str) -> Params {
        Params(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    pub(super) fn push(&mut self, name: String, value: String) {
        self.0.push((name, value));
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// An empty value counts as none.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), Some("1" | "true"))
    }

    pub(super) fn sort(&self, known_settings: &HashSet<String>) -> Result<Sorted, Exception> {
        let mut sorted = Sorted::default();
        for (name, value) in &self.0 {
            if PROTOCOL.contains(&name.as_str()) {
                continue;
            }
            if let Some(bound) = name.strip_prefix("param_") {
                sorted.bound.push((bound.to_owned(), value.clone()));
            } else if name == "readonly" {
                sorted.readonly = readonly(value)?;
            } else if name == "log_comment" {
                sorted.comment = Some(value.clone());
            } else if name != "profile" && known_settings.contains(name) {
                sorted.settings.push((name.clone(), value.clone()));
            } else {
                let text =
                    format!("Setting {name} is neither a builtin setting nor a parameter of the archive");
                return Err(Exception::new(code::UNKNOWN_SETTING, &text));
            }
        }
        Ok(sorted)
    }
}

fn readonly(value: &str) -> Result<u8, Exception> {
    match value {
        "0" => Ok(0),
        "1" => Ok(1),
        "2" => Ok(2),
        _ => Err(Exception::new(code::BAD_ARGUMENTS, "readonly is 0, 1 or 2")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sort(query: &str) -> Result<Sorted, u32> {
        let known =
            ["max_threads", "profile", "readonly", "log_comment"].map(str::to_owned).into_iter().collect();
        Params::from_query(query).sort(&known).map_err(|exception| exception.code)
    }

    #[test]
    fn names_are_told_apart() {
        let sorted =
            sort("query=SELECT+1&max_threads=2&param_x=a%26b&database=d&log_comment=c&readonly=2").unwrap();
        assert_eq!(sorted.settings, [("max_threads".into(), "2".into())]);
        assert_eq!(sorted.bound, [("x".into(), "a&b".into())]);
        assert_eq!((sorted.comment.as_deref(), sorted.readonly), (Some("c"), 2));
    }

    #[test]
    fn what_nobody_knows_is_refused() {
        assert_eq!(sort("max_threds=2"), Err(code::UNKNOWN_SETTING));
        assert_eq!(sort("profile=x"), Err(code::UNKNOWN_SETTING));
        assert_eq!(sort("a+%3D+1%2C+readonly=0"), Err(code::UNKNOWN_SETTING));
        assert_eq!(sort("readonly=x"), Err(code::BAD_ARGUMENTS));
    }

    #[test]
    fn the_last_of_a_name_counts() {
        let params = Params::from_query("query=a&query=b&compress=1&session_id=");
        assert_eq!(params.get("query"), Some("b"));
        assert!(params.flag("compress") && !params.flag("decompress"));
        assert_eq!(params.filled("session_id"), None);
    }
}
