//! Variables of a playlist (`EXT-X-DEFINE`) and the URIs that use them.
//!
//! Invariant: at most `MAX_DEFINITIONS` variables, and no text grows beyond `MAX_TEXT`; a name that nobody defined stays as
//! it is written. Deliberately absent: variables anywhere but in URIs; no kind and no rung hangs on them.

use std::borrow::Cow;
use std::collections::HashMap;

use percent_encoding::percent_decode_str;

use super::{Line, Lines};

/// The most variables of one playlist.
const MAX_DEFINITIONS: usize = 256;
/// The longest value, and the longest text that holds values.
const MAX_TEXT: usize = 8 << 10;

/// Names and values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Definitions {
    values: HashMap<String, String>,
}

impl Definitions {
    /// `inherited` are the variables of the multivariant playlist, `query` that of the playlist's own URL.
    pub fn read(body: &[u8], inherited: &Self, query: &str) -> Self {
        let mut found = Self::default();
        for line in Lines::new(body) {
            let Line::Tag(tag) = line else { continue };
            if tag.name != "EXT-X-DEFINE" || found.values.len() >= MAX_DEFINITIONS {
                continue;
            }
            let attributes = tag.attributes();
            let value = |name| attributes.value(name).map(|value| value.text);
            let pair = match (value("NAME"), value("IMPORT"), value("QUERYPARAM")) {
                (Some(name), _, _) => value("VALUE").map(|value| (name, Cow::Borrowed(value))),
                (None, Some(name), _) => {
                    inherited.values.get(name).map(|value| (name, Cow::Borrowed(value.as_str())))
                }
                (None, None, Some(name)) => parameter(query, name).map(|value| (name, value)),
                (None, None, None) => None,
            };
            if let Some((name, value)) = pair.filter(|(name, value)| name.len() + value.len() <= MAX_TEXT) {
                found.values.entry(name.to_owned()).or_insert_with(|| value.into_owned());
            }
        }
        found
    }

    /// The text with every known `{$name}` replaced by its value.
    pub fn fill<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.values.is_empty() || !text.contains("{$") {
            return Cow::Borrowed(text);
        }
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{$") {
            filled.push_str(before);
            let known = after.split_once('}').and_then(|(name, rest)| Some((self.values.get(name)?, rest)));
            let (value, left) = known.map_or(("{$", after), |(value, left)| (value.as_str(), left));
            filled.push_str(value);
            rest = left;
            if filled.len() > MAX_TEXT {
                return Cow::Borrowed(text);
            }
        }
        filled.push_str(rest);
        Cow::Owned(filled)
    }
}

/// The value of a query parameter, percent-decoded (RFC 8216bis §4.4.2.3).
fn parameter<'q>(query: &'q str, name: &str) -> Option<Cow<'q, str>> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| *key == name || percent_decode_str(key).eq(name.bytes()))?;
    percent_decode_str(value).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_come_from_the_playlist_its_master_and_its_query() {
        let master = Definitions::read(
            b"#EXTM3U\n#EXT-X-DEFINE:NAME=\"cdn\",VALUE=\"a/b\"\n",
            &Definitions::default(),
            "",
        );
        let media = Definitions::read(
            b"#EXTM3U\n#EXT-X-DEFINE:IMPORT=\"cdn\"\n#EXT-X-DEFINE:QUERYPARAM=\"t\"\n#EXT-X-DEFINE:IMPORT=\"no\"\n",
            &master,
            "x=1&t=9%2B%2f",
        );
        assert_eq!(media.fill("{$cdn}/1.ts?t={$t}{$no}{$"), "a/b/1.ts?t=9+/{$no}{$");
        assert_eq!(media.fill("plain"), "plain");
    }

    #[test]
    fn a_text_does_not_grow_without_bound() {
        let long = "x".repeat(4_000);
        let body = format!("#EXTM3U\n#EXT-X-DEFINE:NAME=\"a\",VALUE=\"{long}\"\n");
        let definitions = Definitions::read(body.as_bytes(), &Definitions::default(), "");
        assert_eq!(definitions.fill("{$a}").len(), 4_000);
        let text = "{$a}".repeat(1_000);
        assert_eq!(definitions.fill(&text), text);
    }
}
