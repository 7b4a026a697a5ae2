//! What the list of players is searched by.
//!
//! Invariant: a parameter that is not known, or comes twice, is refused; a search that found nobody is an empty list.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use rebuffer_api::{PlayerRecord, Problem};
use wildmatch::WildMatch;

/// A search; nobody is left out by an empty one.
#[derive(Debug, Default)]
pub(super) struct Search {
    name: Option<WildMatch>,
}

impl Search {
    pub(super) fn read(query: Option<&str>) -> Result<Self, Problem> {
        let mut search = Self::default();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let refuse = |why: &str| Err(Problem::bad_request(why).parameter(decoded(key)));
            if decoded(key) != "name" {
                return refuse("the list of players is searched by `name`, and by nothing else");
            }
            if search.name.is_some() {
                return refuse("`name` is given twice");
            }
            search.name = Some(pattern(&decoded(value)));
        }
        Ok(search)
    }

    pub(super) fn finds(&self, player: &PlayerRecord) -> bool {
        let Some(name) = &self.name else { return true };
        let label = player.labels.iter().find(|(key, _)| key.as_str() == "name");
        let label = label.map(|(_, value)| value.as_str().to_lowercase());
        let own = player.player_name.as_ref().map(|own| own.as_str().to_lowercase());
        let mut names = label.into_iter().chain(own).chain([player.id.to_string()]);
        names.any(|it| name.matches(&it))
    }
}

/// A text anywhere in a name, or with wildcards a pattern of all of it.
fn pattern(text: &str) -> WildMatch {
    let text = text.to_lowercase();
    match text.contains(['*', '?']) {
        true => WildMatch::new(&text),
        false => WildMatch::new(&format!("*{text}*")),
    }
}

/// As forms encode it.
fn decoded(text: &str) -> Cow<'_, str> {
    let spaced = text.replace('+', " ");
    Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_text_within_or_a_pattern_of_the_whole() {
        for (searched, name, expected) in [
            ("tv", "Big TV 2", true),
            ("BIG TV", "big tv", true),
            ("gr\u{d6}\u{df}e", "Gr\u{f6}\u{df}e", true),
            ("big*2", "Big TV 2", true),
            ("big", "Bi TV", false),
            ("tv*", "Big TV", false),
            ("?ig tv", "Big TV", true),
            ("", "anybody", true),
        ] {
            assert_eq!(pattern(searched).matches(&name.to_lowercase()), expected, "{searched} {name}");
        }
    }

    #[test]
    fn only_name_is_known_and_only_once() {
        for (query, parameter) in
            [("nam=a", "nam"), ("name=a&x", "x"), ("name=a&name=b", "name"), ("a%20b=1", "a b")]
        {
            let problem = Search::read(Some(query)).unwrap_err();
            assert_eq!((problem.status, problem.parameter.as_deref()), (400, Some(parameter)), "{query}");
        }
        assert!(Search::read(None).unwrap().name.is_none());
        assert!(Search::read(Some("name=big+tv&")).unwrap().name.unwrap().matches("a big tv"));
    }
}
