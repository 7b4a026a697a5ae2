//! One broken rule at one place, worded so that whoever reads it knows what to do next.
//!
//! A finding is data: it never decides whether it is forgiven, that is up to [`crate::exceptions`].

use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The short name exceptions refer to.
    pub rule: &'static str,
    /// A path from the root of the tree, or the name of a crate or package.
    pub place: String,
    /// Counted from one; none when the whole of `place` is meant.
    pub line: Option<usize>,
    /// What is wrong and what to do instead.
    pub why: String,
}

impl Finding {
    pub fn new(rule: &'static str, place: &str, why: impl Into<String>) -> Self {
        Self { rule, place: place.to_owned(), line: None, why: why.into() }
    }

    #[must_use]
    pub fn at(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {} [{}]", self.place, self.why, self.rule),
            None => write!(f, "{}: {} [{}]", self.place, self.why, self.rule),
        }
    }
}
