//! ClickHouse's errors: a number, a text, and the form in which clients expect them.

use std::fmt;

/// The numbers this crate raises or looks at itself.
pub(crate) mod code {
    pub(crate) const CANNOT_PARSE_TEXT: u32 = 6;
    pub(crate) const BAD_ARGUMENTS: u32 = 36;
    pub(crate) const UNKNOWN_SETTING: u32 = 115;
    pub(crate) const SYNTAX_ERROR: u32 = 62;
    pub(crate) const CANNOT_OPEN_FILE: u32 = 76;
    pub(crate) const READONLY: u32 = 164;
    pub(crate) const REQUIRED_PASSWORD: u32 = 194;
    pub(crate) const TOO_MANY_SIMULTANEOUS_QUERIES: u32 = 202;
    pub(crate) const SOCKET_TIMEOUT: u32 = 209;
    pub(crate) const NETWORK_ERROR: u32 = 210;
    pub(crate) const ABORTED: u32 = 236;
    pub(crate) const CANNOT_DECOMPRESS: u32 = 271;
    pub(crate) const UNKNOWN_COMPRESSION_METHOD: u32 = 89;
    pub(crate) const SESSION_NOT_FOUND: u32 = 372;
    pub(crate) const SESSION_IS_LOCKED: u32 = 373;
    pub(crate) const QUERY_IS_TOO_LARGE: u32 = 341;
    pub(crate) const ACCESS_DENIED: u32 = 497;
    pub(crate) const AUTHENTICATION_FAILED: u32 = 516;
    pub(crate) const LOGICAL_ERROR: u32 = 49;
}

/// An error in ClickHouse's own words: `Code: N. DB::Exception: ... (NAME)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exception {
    pub(crate) code: u32,
    text: String,
}

impl Exception {
    /// One of our own; the engine's list of names is completed for the numbers of [`code`].
    pub(crate) fn new(code: u32, message: &str) -> Exception {
        Exception { code, text: format!("Code: {code}. DB::Exception: {message}. ({})", name(code)) }
    }

    /// From what the engine reports.
    pub(crate) fn from_engine(text: String) -> Exception {
        let digits = text.strip_prefix("Code: ").and_then(|rest| rest.split('.').next());
        let code = digits.and_then(|digits| digits.parse().ok()).unwrap_or(code::LOGICAL_ERROR);
        Exception { code, text: text.trim_end().to_owned() }
    }

    /// As a server of this version writes it, with the newline at its end.
    pub(crate) fn for_client(&self, version: &str) -> String {
        format!("{} (version {version} (official build))\n", self.text)
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn name(number: u32) -> &'static str {
    match number {
        code::CANNOT_PARSE_TEXT => "CANNOT_PARSE_TEXT",
        code::BAD_ARGUMENTS => "BAD_ARGUMENTS",
        code::UNKNOWN_SETTING => "UNKNOWN_SETTING",
        code::SYNTAX_ERROR => "SYNTAX_ERROR",
        code::CANNOT_OPEN_FILE => "CANNOT_OPEN_FILE",
        code::READONLY => "READONLY",
        code::REQUIRED_PASSWORD => "REQUIRED_PASSWORD",
        code::TOO_MANY_SIMULTANEOUS_QUERIES => "TOO_MANY_SIMULTANEOUS_QUERIES",
        code::SOCKET_TIMEOUT => "SOCKET_TIMEOUT",
        code::NETWORK_ERROR => "NETWORK_ERROR",
        code::ABORTED => "ABORTED",
        code::CANNOT_DECOMPRESS => "CANNOT_DECOMPRESS",
        code::UNKNOWN_COMPRESSION_METHOD => "UNKNOWN_COMPRESSION_METHOD",
        code::SESSION_NOT_FOUND => "SESSION_NOT_FOUND",
        code::SESSION_IS_LOCKED => "SESSION_IS_LOCKED",
        code::QUERY_IS_TOO_LARGE => "QUERY_IS_TOO_LARGE",
        code::ACCESS_DENIED => "ACCESS_DENIED",
        code::AUTHENTICATION_FAILED => "AUTHENTICATION_FAILED",
        _ => "LOGICAL_ERROR",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_read_from_the_engines_text() {
        let exception =
            Exception::from_engine("Code: 60. DB::Exception: Unknown table. (UNKNOWN_TABLE)\n".into());
        assert_eq!(exception.code, 60);
        assert!(exception.for_client("26.7").ends_with("(UNKNOWN_TABLE) (version 26.7 (official build))\n"));
        assert_eq!(Exception::from_engine("no answer".into()).code, code::LOGICAL_ERROR);
    }
}
