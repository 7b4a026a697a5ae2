//! What a player calls itself.
//!
//! Invariant: a name is for people and never identifies: two players may have the same one. A canonical id is no name.
//! Deliberately absent: the label `name`, which an operator sets and which wins where one is shown.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// The longest name, characters.
pub const MAX_NAME: usize = 128;

/// What a player calls itself, as it is written in `player_id`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, max_length = 128)]
pub struct PlayerName(Arc<str>);

impl PlayerName {
    /// The name in a `player_id`; `None` for a UUID, which is an id, and for what cannot be shown.
    pub fn of(raw: &str) -> Option<Self> {
        let is_shown = !raw.trim().is_empty() && !raw.chars().any(char::is_control);
        let is_name = is_shown && raw.chars().count() <= MAX_NAME && Uuid::try_parse(raw).is_err();
        is_name.then(|| Self(raw.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PlayerName {
    type Error = String;
    fn try_from(raw: String) -> Result<Self, String> {
        Self::of(&raw).ok_or_else(|| {
            format!("a player's name has 1 to {MAX_NAME} characters, none of them a control, and is no UUID")
        })
    }
}

impl From<PlayerName> for String {
    fn from(name: PlayerName) -> String {
        name.as_str().to_owned()
    }
}

impl fmt::Display for PlayerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PlayerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlayerName({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_a_person_would_recognise() {
        let name = |raw| PlayerName::of(raw).map(String::from);
        assert_eq!(name("big tv \u{e9}"), Some("big tv \u{e9}".to_owned()));
        let long = "x".repeat(MAX_NAME + 1);
        for none in ["", " ", "a\nb", "A3BB189E-8BF9-3888-9912-ACE4E6543002", &long] {
            assert_eq!(name(none), None, "{none:?}");
        }
    }
}
