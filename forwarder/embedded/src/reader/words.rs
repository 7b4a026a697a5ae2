//! The judged names: lists of words under headings, one file per subject in `words/`.
//!
//! Invariant: a name is found in any case, as the engine finds some of its own, and where two names differ in nothing but case the
//! stricter verdict counts. What no list holds has no verdict, and is refused by who asks.

use std::collections::HashMap;

/// What a list says about a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Allowed,
    /// An aggregate function: combinators may follow its name.
    Aggregate,
    /// Its first argument names an aggregate function.
    ByName,
    /// A setting that a request may have, and a statement not.
    WithRequest,
    /// A setting with a bound.
    AtMost(&'static str),
    /// With the reason.
    Refused(&'static str),
}

#[derive(Debug)]
pub(super) struct Words(HashMap<String, Verdict>);

impl Words {
    /// Reads `[verdict: subject]` and the words below it, up to the next heading. Lines that begin with `#` are for people.
    pub(super) fn parse(text: &'static str) -> Words {
        let mut words = HashMap::new();
        let mut heading = "";
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some(title) = line.strip_prefix('[') {
                heading = title.trim_end_matches(']');
                continue;
            }
            for word in line.split_whitespace() {
                let (name, bound) = word.split_once('=').unwrap_or((word, ""));
                let verdict = verdict(heading, bound);
                let strict = words.entry(name.to_ascii_lowercase()).or_insert(verdict);
                if matches!(verdict, Verdict::Refused(_)) {
                    *strict = verdict;
                }
            }
        }
        Words(words)
    }

    pub(super) fn get(&self, name: &str) -> Option<Verdict> {
        self.0.get(&name.to_ascii_lowercase()).copied()
    }

    pub(super) fn allow(&self, name: &str) -> bool {
        self.get(name) == Some(Verdict::Allowed)
    }
}

/// A heading that nobody knows refuses.
fn verdict(heading: &'static str, bound: &'static str) -> Verdict {
    let (kind, subject) = heading.split_once(": ").unwrap_or((heading, heading));
    match kind {
        "allow" => Verdict::Allowed,
        "aggregate" => Verdict::Aggregate,
        "by name" => Verdict::ByName,
        "with the request" => Verdict::WithRequest,
        "at most" => Verdict::AtMost(bound),
        _ => Verdict::Refused(subject),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_judge_the_words_below_them() {
        let words = Words::parse(
            "# about\n[allow: a]\nabs Count\n\n[at most: b]\nx=3\n[refuse: reads files]\nfile COUNT\n",
        );
        assert!(words.allow("ABS") && !words.allow("count"), "of two spellings the stricter counts");
        assert_eq!(words.get("x"), Some(Verdict::AtMost("3")));
        assert_eq!(words.get("File"), Some(Verdict::Refused("reads files")));
        assert_eq!(words.get("about"), None);
    }
}
