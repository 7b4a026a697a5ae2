//! Entities that a document declares for itself (XML 1.0 §4.2), as texts to put in place of their references.
//!
//! Invariant: no text grows beyond [`MAX_TEXT`] and there are at most [`MAX_ENTITIES`], so that entities within entities cost
//! no more than others. The first declaration of a name counts. Deliberately absent: entities that stand elsewhere; that there are
//! some is told.

use std::borrow::Cow;
use std::collections::HashMap;

use quick_xml::escape::{resolve_predefined_entity, unescape_with};

const MAX_ENTITIES: usize = 256;
const MAX_TEXT: usize = 8 << 10;

#[derive(Debug, Default)]
pub(super) struct Entities {
    values: HashMap<String, String>,
    external: bool,
    too_long: bool,
}

impl Entities {
    /// Of a document type declaration, without `<!DOCTYPE` and `>`.
    pub(super) fn read(declaration: &str) -> Self {
        let mut entities = Self::default();
        let declared = declaration.split("<!ENTITY").skip(1);
        for (number, declared) in declared.enumerate() {
            if number == MAX_ENTITIES {
                entities.too_long = true;
                break;
            }
            entities.declare(declared.trim_ascii_start());
        }
        entities
    }

    fn declare(&mut self, declared: &str) {
        let Some((name, rest)) = declared.split_once(|c: char| c.is_ascii_whitespace()) else { return };
        let rest = rest.trim_ascii_start();
        if ["SYSTEM", "PUBLIC"].iter().any(|keyword| rest.starts_with(keyword)) || name == "%" {
            self.external = true;
            return;
        }
        let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''));
        let value = quote.and_then(|quote| rest.get(1..)?.split_once(quote)).map(|(value, _)| value);
        let Some(value) = value else { return };
        let (expanded, fits) = self.expand_within(value);
        if !fits || expanded.len() > MAX_TEXT {
            self.too_long = true;
        }
        let expanded = expanded.into_owned();
        self.values.entry(name.to_owned()).or_insert(expanded);
    }

    /// Whether any of them stands elsewhere.
    pub(super) fn has_external(&self) -> bool {
        self.external
    }

    /// Whether there are more of them, or longer ones, than are expanded.
    pub(super) fn are_too_long(&self) -> bool {
        self.too_long
    }

    /// The text with its references replaced; as it is when that cannot be done within bounds.
    pub(super) fn expand<'t>(&self, raw: &'t str) -> Cow<'t, str> {
        self.expand_within(raw).0
    }

    /// The same, and whether the bounds were wide enough.
    fn expand_within<'t>(&self, raw: &'t str) -> (Cow<'t, str>, bool) {
        let (mut room, mut fits) = (MAX_TEXT, true);
        let expanded = unescape_with(raw, |name| {
            let value =
                resolve_predefined_entity(name).or_else(|| self.values.get(name).map(String::as_str))?;
            let left = room.checked_sub(value.len());
            fits &= left.is_some();
            room = left?;
            Some(value)
        });
        (expanded.unwrap_or(Cow::Borrowed(raw)), fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_are_expanded_also_within_each_other() {
        let entities = Entities::read(
            "MPD [ <!ENTITY host \"cdn.example\"> <!ENTITY base 'https://&host;/a'>\n<!ENTITY host 'later'> ]",
        );
        assert_eq!(entities.expand("&base;/1.m4s?a=1&amp;b"), "https://cdn.example/a/1.m4s?a=1&b");
        assert_eq!(entities.expand("&unknown;/1"), "&unknown;/1");
        assert_eq!(entities.expand("a&b"), "a&b");
        assert!(!entities.has_external());
    }

    #[test]
    fn nothing_grows_without_bound() {
        let mut declaration = "MPD [<!ENTITY e0 'xxxxxxxxxx'>".to_owned();
        for depth in 1..20 {
            let before = format!("&e{};", depth - 1).repeat(10);
            declaration.push_str(&format!("<!ENTITY e{depth} '{before}'>"));
        }
        let entities = Entities::read(&declaration);
        assert!(entities.values.values().map(String::len).max() <= Some(MAX_TEXT));
        assert!(entities.expand(&"&e2;".repeat(100)).len() <= MAX_TEXT);
        assert!(entities.are_too_long());
        assert!(!Entities::read("MPD [<!ENTITY a 'b'><!ENTITY c '&a;&amp;&none;'>]").are_too_long());
        let many = "<!ENTITY a 'b'>".repeat(MAX_ENTITIES);
        assert!(!Entities::read(&many).are_too_long());
        assert!(Entities::read(&format!("{many}<!ENTITY c 'd'>")).are_too_long());
    }

    #[test]
    fn what_stands_elsewhere_is_told() {
        for external in
            ["MPD [<!ENTITY a SYSTEM 'file:///etc/passwd'>]", "MPD [<!ENTITY % b SYSTEM 'x'> %b;]"]
        {
            assert!(Entities::read(external).has_external(), "{external}");
        }
        assert!(!Entities::read("MPD").has_external());
    }
}
