//! A fault as text: read, written, and described to who reads the API document.
//!
//! Invariant: what is written is read as the same fault; older names are read and never written.

use std::fmt;
use std::str::FromStr;

use utoipa::ToSchema;

use super::{FAULTS, Fault, FaultFact};

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Status(status) = self {
            return write!(f, "{status}");
        }
        f.write_str(self.fact().name)
    }
}

impl FromStr for Fault {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let named = |fact: &&FaultFact| fact.name == text || fact.aliases.contains(&text);
        if let Some(fact) = FAULTS.iter().find(named) {
            return Ok(fact.fault);
        }
        match text.parse::<u16>() {
            Ok(status @ 400..=599) => Ok(Self::Status(status)),
            Ok(_) | Err(_) => Err(format!(
                "no fault is called {text:?}; use a status from 400 to 599, or one of: {}",
                FAULTS.iter().map(|fact| fact.name).collect::<Vec<_>>().join(", ")
            )),
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
        let words = FAULTS.iter().filter(|fact| !matches!(fact.fault, Self::Status(_)));
        let words = words.flat_map(|fact| std::iter::once(&fact.name).chain(fact.aliases)).copied();
        let words = words.collect::<Vec<_>>().join("|");
        utoipa::openapi::schema::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some(format!("^([45][0-9]{{2}}|{words})$")))
            .description(Some("What happens on the wire; `info` lists the faults with their meaning."))
            .into()
    }
}

impl ToSchema for Fault {}
