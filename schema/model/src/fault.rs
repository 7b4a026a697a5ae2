//! The faults: what each is called, what it does, and the script that does it.
//!
//! Invariant: everything about a fault stands in this file; machinery reads the enum, the table and the script, and asks no
//! further questions. Names and byte counts are a contract that tests of players rely on.
//! Deliberately absent: when a fault fires (see `rule.rs`) and how a step is performed (see the proxy).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Step;

/// How much of a body passes before a fault in the middle of it strikes.
pub const MID_BODY_BYTES: u64 = 65_536;

/// What happens on the wire when a rule fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Fault {
    /// Leave the request alone, also from later rules.
    None,
    /// Answer with an HTTP status from 400 to 599 and an empty body; the origin is not asked. Written as the number.
    Status(u16),
    /// Pass the origin's headers and up to 64 KiB of its body, never the last byte, then reset the connection.
    RequestBodyReset,
    /// Pass the answer with every byte of the body replaced by zero; length, ranges and headers stay.
    Corrupted,
}

/// Where on the way a fault strikes; the archive's `fault_category`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultCategory {
    /// A status instead of the answer.
    Http,
    /// The connection breaks.
    Socket,
    /// The bytes are wrong.
    Corruption,
    /// The client went away.
    ClientDisconnect,
}

/// One line of the fault list that users read.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct FaultFact {
    /// The name, as in a rule's `type`.
    #[serde(rename = "type")]
    pub name: &'static str,
    /// Where it strikes.
    pub category: FaultCategory,
    /// What the client sees.
    pub doc: &'static str,
}

/// The faults to offer, for info, documentation and menus. Every status from 400 to 599 is a fault; the usual ones are listed.
pub const FAULTS: &[FaultFact] = &[
    FaultFact {
        name: "none",
        category: FaultCategory::Http,
        doc: "Leave matching requests alone, also from later rules.",
    },
    FaultFact {
        name: "404",
        category: FaultCategory::Http,
        doc: "404 with an empty body; the origin is not asked. Any status from 400 to 599 works the same.",
    },
    FaultFact {
        name: "503",
        category: FaultCategory::Http,
        doc: "503 with an empty body; the origin is not asked.",
    },
    FaultFact {
        name: "request_body_reset",
        category: FaultCategory::Socket,
        doc: "The origin's headers and up to 64 KiB of its body, never the last byte, then a TCP reset.",
    },
    FaultFact {
        name: "corrupted",
        category: FaultCategory::Corruption,
        doc: "The whole answer with every byte of the body replaced by zero; length and headers stay.",
    },
];

const PASS: [Step; 2] = [Step::Forward, Step::Body];

impl Fault {
    /// The steps that perform this fault, in order.
    pub fn script(self) -> Vec<Step> {
        match self {
            Self::None => Self::pass(),
            Self::Status(status) => vec![Step::Answer { status }],
            Self::RequestBodyReset => {
                vec![Step::Forward, Step::BodyPrefix { bytes: MID_BODY_BYTES }, Step::Reset]
            }
            Self::Corrupted => vec![Step::Forward, Step::ZeroFill, Step::Body],
        }
    }

    /// The steps of a request that nothing touches.
    pub fn pass() -> Vec<Step> {
        PASS.to_vec()
    }

    /// Where this fault strikes; `None` for `none`, which strikes nowhere.
    pub fn category(self) -> Option<FaultCategory> {
        match self {
            Self::None => None,
            Self::Status(_) => Some(FaultCategory::Http),
            Self::RequestBodyReset => Some(FaultCategory::Socket),
            Self::Corrupted => Some(FaultCategory::Corruption),
        }
    }

    /// What the row says was done when everything went as named.
    pub fn action(self) -> String {
        match self {
            Self::None => String::new(),
            Self::Status(status) => format!("http_{status}"),
            Self::RequestBodyReset => "request_body_reset".to_owned(),
            Self::Corrupted => "corrupted_zero_fill".to_owned(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Status(status) => write!(f, "{status}"),
            Self::RequestBodyReset => f.write_str("request_body_reset"),
            Self::Corrupted => f.write_str("corrupted"),
        }
    }
}

impl FromStr for Fault {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "request_body_reset" => Ok(Self::RequestBodyReset),
            "corrupted" => Ok(Self::Corrupted),
            other => match other.parse::<u16>() {
                Ok(status @ 400..=599) => Ok(Self::Status(status)),
                Ok(_) | Err(_) => Err(format!(
                    "no fault is called {other:?}; use a status from 400 to 599, or one of: {}",
                    FAULTS.iter().map(|fact| fact.name).collect::<Vec<_>>().join(", ")
                )),
            },
        }
    }
}

impl TryFrom<String> for Fault {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Fault> for String {
    fn from(fault: Fault) -> String {
        fault.to_string()
    }
}

impl utoipa::PartialSchema for Fault {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::schema::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^(none|[45][0-9]{2}|request_body_reset|corrupted)$"))
            .description(Some("What happens on the wire; `info` lists the faults with their meaning."))
            .into()
    }
}

impl ToSchema for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_fault_parses_is_documented_and_named_as_listed() {
        for fact in FAULTS {
            let fault: Fault = fact.name.parse().unwrap();
            assert_eq!(fault.to_string(), fact.name);
            assert!(fact.doc.len() > 20, "{}", fact.name);
            if let Some(category) = fault.category() {
                assert_eq!(category, fact.category, "{}", fact.name);
            }
        }
    }

    #[test]
    fn a_script_begins_with_its_head_and_says_nothing_after_an_answer() {
        for fact in FAULTS {
            let script = fact.name.parse::<Fault>().unwrap().script();
            match script.first() {
                Some(Step::Answer { .. }) => assert_eq!(script.len(), 1, "{}", fact.name),
                first => assert_eq!(first, Some(&Step::Forward), "{}", fact.name),
            }
        }
    }

    #[test]
    fn what_is_no_fault_is_refused_with_the_list() {
        for bad in ["399", "600", "nope", ""] {
            assert!(bad.parse::<Fault>().unwrap_err().contains("request_body_reset"), "{bad}");
        }
    }
}
