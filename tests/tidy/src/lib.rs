//! The rules of the house as tests: what ARCHITECTURE.md promises and no compiler checks.
//!
//! Each rule is a pure function from what was read to [`Finding`]s, and each has a test beside it that shows it finding
//! the fault. Only [`tree`] and [`workspace`] touch the machine. Where a rule must bend, [`exceptions`] says where and
//! why, and an exception nobody needs any more is itself a finding. Generated files are compared by `make check`, not here.

pub mod arrows;
pub mod exceptions;
mod finding;
pub mod layout;
pub mod packages;
pub mod reserved;
pub mod steady;
pub mod tree;
pub mod words;
pub mod workspace;

pub use finding::Finding;

fn pattern(constant: &str) -> regex::Regex {
    regex::Regex::new(constant).expect("every pattern is a constant that a test beside it uses")
}
