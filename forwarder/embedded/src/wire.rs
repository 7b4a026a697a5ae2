//! What parent and child say to each other: one start message down stdin, one report up stdout, both a line of JSON.
//!
//! Secrets travel here and nowhere else: not in arguments, not in the environment, not in a log (`Credentials` prints no password).
//! After the start message the pipe stays open; its end tells the child to leave.

use std::fmt;
use std::os::fd::RawFd;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A user of the archive and the password of this run.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    pub user: String,
    pub password: String,
}

/// Everything the child needs to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Start {
    pub(crate) library: PathBuf,
    pub(crate) data_dir: PathBuf,
    /// The listening socket, inherited from the parent.
    pub(crate) listen_fd: RawFd,
    /// Created at start; what a request means when it names no database.
    pub(crate) database: String,
    pub(crate) memory_limit_bytes: u64,
    /// May do everything the grants allow.
    pub(crate) operator: Credentials,
    /// May only read.
    pub(crate) analyst: Credentials,
}

/// How the start went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Report {
    Ready { port: u16, engine: String },
    Failed { reason: String },
}

impl Credentials {
    /// 244 random bits that need no escaping in a URL, a header or a shell.
    pub(crate) fn random(user: &str) -> Credentials {
        let password = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        Credentials { user: user.to_owned(), password }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_printed() {
        let credentials = Credentials::random("operator");
        assert_eq!(credentials.password.len(), 64);
        assert!(!format!("{credentials:?}").contains(&credentials.password));
    }

    #[test]
    fn a_report_is_one_line() {
        let report = Report::Failed { reason: "one\ntwo".into() };
        let line = serde_json::to_string(&report).unwrap();
        assert!(!line.contains('\n'));
        assert_eq!(serde_json::from_str::<Report>(&line).unwrap(), report);
    }
}
