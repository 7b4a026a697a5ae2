//! The lines of a file that say something.
//!
//! Invariant: numbered from 1 as an editor does; empty lines and those that begin with `#` say nothing.

/// The lines that say something, trimmed, with their numbers.
pub(super) fn filled(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = (1..).zip(text.lines()).map(|(number, line)| (number, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}
