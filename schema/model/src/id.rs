//! The ids of the rig: who minted them, how they are written, how they compare.
//!
//! Invariant: an id that exists is canonical, so two ids are the same thing exactly when they are equal.
//! 64-bit numbers travel as strings in JSON, because a browser rounds them.
//! Deliberately absent: minting of session ids, which needs a clock and lives with the sessions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Names that are not UUIDs become UUIDv5 in this namespace.
const PLAYER_NAMESPACE: Uuid = Uuid::from_u128(0x4f0a_8c14_2bb5_4a31_a2e1_0b6c_63c8_3e88);
const MAX_TOKEN: usize = 128;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is empty.
    #[error("{what} must not be empty")]
    Empty {
        /// Which id.
        what: &'static str,
    },
    /// The text is too long.
    #[error("{what} is longer than {MAX_TOKEN} characters")]
    TooLong {
        /// Which id.
        what: &'static str,
    },
    /// The text has a character that this id may not have.
    #[error("{what} may hold only {allowed}")]
    BadCharacter {
        /// Which id.
        what: &'static str,
        /// The characters that are allowed.
        allowed: &'static str,
    },
    /// The text is not a number in range.
    #[error("{what} must be a whole number from 0 to {max}")]
    NotANumber {
        /// Which id.
        what: &'static str,
        /// The largest value.
        max: u64,
    },
}

/// A player (a device), named by the client. Canonical: a lower-case UUID; any other name becomes a UUIDv5.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, format = Uuid)]
pub struct PlayerId(Uuid);

/// One playback, minted by the client (query, report, or CMCD `sid`), never by the rig. UUIDs are lower-cased.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, max_length = 128)]
pub struct PlayId(String);

/// The try within a play: 1 on a new play, one more per restart, 0 when unknown.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(transparent)]
pub struct AttemptId(pub u32);

/// The rig's runtime binding of a player: a UUIDv7, never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Uuid)]
pub struct SessionId(pub Uuid);

/// The name of a fault rule, unique within its player: letters, digits, `.`, `_`, `-`. The default is the unnamed rule, which
/// `Control::name_rules` names before anything is stored.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, max_length = 128, pattern = "^[A-Za-z0-9._-]+$")]
pub struct RuleId(String);

/// The configured name of an origin, the first path element on the base port.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, max_length = 128, pattern = "^[A-Za-z0-9._-]+$")]
pub struct OriginName(String);

/// A place in the feed. Grows by one per record, is never used twice, and is a string in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[0-9]+$")]
pub struct Position(pub u64);

impl PlayerId {
    /// The canonical id of whatever a client calls itself.
    pub fn canonical(raw: &str) -> Result<Self, IdError> {
        check_token(raw, "player_id", |_| true, "any characters")?;
        Ok(Self(Uuid::try_parse(raw).unwrap_or_else(|_| Uuid::new_v5(&PLAYER_NAMESPACE, raw.as_bytes()))))
    }

    /// The id of a client that names itself nowhere: derived from its address and its User-Agent.
    pub fn derived(address: &str, user_agent: &str) -> Self {
        Self(Uuid::new_v5(&PLAYER_NAMESPACE, format!("{address}\n{user_agent}").as_bytes()))
    }

    /// The UUID itself.
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl PlayId {
    /// A play id as the client wrote it; a UUID is lower-cased.
    pub fn new(raw: &str) -> Result<Self, IdError> {
        check_token(raw, "play_id", |c| !c.is_control(), "printable characters")?;
        Ok(Self(Uuid::try_parse(raw).map_or_else(|_| raw.to_owned(), |u| u.hyphenated().to_string())))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RuleId {
    /// A rule id; refuses characters that would need escaping in a URL.
    pub fn new(raw: &str) -> Result<Self, IdError> {
        check_token(raw, "rule id", is_name_char, "letters, digits, '.', '_' and '-'")?;
        Ok(Self(raw.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl OriginName {
    /// An origin name; refuses characters that would need escaping in a URL.
    pub fn new(raw: &str) -> Result<Self, IdError> {
        check_token(raw, "origin name", is_name_char, "letters, digits, '.', '_' and '-'")?;
        Ok(Self(raw.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Position {
    /// The place after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

fn check_token(
    raw: &str,
    what: &'static str,
    allowed: impl Fn(char) -> bool,
    allowed_text: &'static str,
) -> Result<(), IdError> {
    if raw.is_empty() {
        return Err(IdError::Empty { what });
    }
    if raw.chars().count() > MAX_TOKEN {
        return Err(IdError::TooLong { what });
    }
    if !raw.chars().all(allowed) {
        return Err(IdError::BadCharacter { what, allowed: allowed_text });
    }
    Ok(())
}

macro_rules! text_id {
    ($name:ident, $parse:expr) => {
        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(raw: String) -> Result<Self, IdError> {
                $parse(&raw)
            }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(raw: &str) -> Result<Self, IdError> {
                $parse(raw)
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}
text_id!(PlayerId, PlayerId::canonical);
text_id!(PlayId, PlayId::new);
text_id!(RuleId, RuleId::new);
text_id!(OriginName, OriginName::new);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({})", self.0)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for Position {
    type Err = IdError;
    fn from_str(raw: &str) -> Result<Self, IdError> {
        raw.parse().map(Self).map_err(|_| IdError::NotANumber { what: "position", max: u64::MAX })
    }
}

impl TryFrom<String> for Position {
    type Error = IdError;
    fn try_from(raw: String) -> Result<Self, IdError> {
        raw.parse()
    }
}

impl From<Position> for String {
    fn from(position: Position) -> String {
        position.0.to_string()
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for AttemptId {
    type Err = IdError;
    fn from_str(raw: &str) -> Result<Self, IdError> {
        raw.parse().map(Self).map_err(|_| IdError::NotANumber { what: "attempt_id", max: u32::MAX.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_lower_cased_and_another_name_is_hashed_into_the_namespace() {
        let upper = PlayerId::canonical("6BA7B810-9DAD-11D1-80B4-00C04FD430C8").unwrap();
        assert_eq!(upper.to_string(), "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
        let named = PlayerId::canonical("living-room").unwrap();
        assert_eq!(named.uuid().get_version_num(), 5);
        assert_eq!(named, PlayerId::canonical("living-room").unwrap());
        assert_ne!(named, PlayerId::canonical("Living-room").unwrap());
    }

    #[test]
    fn what_is_not_an_id_says_why() {
        assert_eq!(PlayerId::canonical(""), Err(IdError::Empty { what: "player_id" }));
        assert_eq!(PlayId::new(&"x".repeat(129)), Err(IdError::TooLong { what: "play_id" }));
        assert!(RuleId::new("a/b").unwrap_err().to_string().contains("letters"));
        assert!("-1".parse::<AttemptId>().is_err());
    }

    #[test]
    fn a_position_is_a_string_in_json() {
        let json = serde_json::to_string(&Position(u64::MAX)).unwrap();
        assert_eq!(json, "\"18446744073709551615\"");
        assert_eq!(serde_json::from_str::<Position>(&json).unwrap(), Position(u64::MAX));
        assert!(serde_json::from_str::<Position>("12").is_err());
    }
}
