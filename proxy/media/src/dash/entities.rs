//! Entities that a document declares for itself (XML 1.0 §4.2), as texts to put in place of their references.
//!
//! Invariant: no text grows beyond [`MAX_TEXT`] and there are at most [`MAX_ENTITIES`], so that entities within entities cost
//! no more than others. The first declaration of a name counts. Deliberately absent: entities that stand elsewhere; that there are
//! some is told.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use quick_xml::escape::{EscapeError, resolve_predefined_entity, unescape_with};

const MAX_ENTITIES: usize = 256;
const MAX_TEXT: usize = 8 << 10;
/// How deep entities may stand within each other.
const MAX_DEPTH: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Entities {
    values: HashMap<String, String>,
    with_elements: HashSet<String>,
    external: bool,
    beyond_bounds: bool,
}

/// What a document type declares, as it is written there. References within it may be to what is declared later.
type Written<'d> = HashMap<&'d str, &'d str>;

impl Entities {
    /// Of a document type declaration, without `<!DOCTYPE` and `>`.
    pub(super) fn read(declaration: &str) -> Self {
        let mut entities = Self::default();
        let mut written = Written::new();
        let declaration = without_comments(declaration);
        for declared in declaration.split("<!ENTITY").skip(1) {
            entities.declare(declared.trim_ascii_start(), &mut written);
        }
        let is_expanded = written.len() <= MAX_ENTITIES
            && written.keys().all(|name| entities.resolve(name, &written, MAX_DEPTH).is_some());
        entities.beyond_bounds = !is_expanded;
        entities
    }

    fn declare<'d>(&mut self, declared: &'d str, written: &mut Written<'d>) {
        let Some((name, rest)) = declared.split_once(|c: char| c.is_ascii_whitespace()) else { return };
        let rest = rest.trim_ascii_start();
        if ["SYSTEM", "PUBLIC"].iter().any(|keyword| rest.starts_with(keyword)) || name == "%" {
            self.external = true;
            return;
        }
        let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''));
        if let Some((value, _)) = quote.and_then(|quote| rest.get(1..)?.split_once(quote)) {
            written.entry(name).or_insert(value);
        }
    }

    /// Expands an entity, and first those within it; `None` when that cannot be done, or takes too much.
    fn resolve(&mut self, name: &str, written: &Written<'_>, depth: usize) -> Option<()> {
        if self.values.contains_key(name) {
            return Some(());
        }
        let text = *written.get(name)?;
        let depth = depth.checked_sub(1)?;
        let mut has_elements = text.contains('<');
        let mut is_known = true;
        for inner in references(text) {
            if written.contains_key(inner) {
                self.resolve(inner, written, depth)?;
            } else {
                is_known = false;
            }
            has_elements |= self.has_elements(inner);
        }
        // What nobody declared means itself.
        let value = if is_known { self.replaced(text).ok()? } else { Cow::Borrowed(text) };
        let value = Some(value.into_owned()).filter(|value| value.len() <= MAX_TEXT)?;
        self.values.insert(name.to_owned(), value);
        if has_elements {
            self.with_elements.insert(name.to_owned());
        }
        Some(())
    }

    /// Whether any of them stands elsewhere.
    pub(super) fn has_external(&self) -> bool {
        self.external
    }

    /// Whether there are some that were not expanded.
    pub(super) fn is_beyond_bounds(&self) -> bool {
        self.beyond_bounds
    }

    /// Whether an entity holds elements, and not only text.
    pub(super) fn has_elements(&self, name: &str) -> bool {
        self.with_elements.contains(name)
    }

    /// The text with its references replaced; as it is when that cannot be done within bounds.
    pub(super) fn expand<'t>(&self, raw: &'t str) -> Cow<'t, str> {
        self.replaced(raw).unwrap_or(Cow::Borrowed(raw))
    }

    fn replaced<'t>(&self, raw: &'t str) -> Result<Cow<'t, str>, EscapeError> {
        let mut room = MAX_TEXT;
        unescape_with(raw, |name| {
            let value =
                resolve_predefined_entity(name).or_else(|| self.values.get(name).map(String::as_str))?;
            room = room.checked_sub(value.len())?;
            Some(value)
        })
    }
}

/// The entities a text refers to, but for those of XML itself and for characters by their number.
fn references(text: &str) -> impl Iterator<Item = &str> {
    let names = text.split('&').skip(1).filter_map(|rest| Some(rest.split_once(';')?.0));
    names.filter(|name| !name.starts_with('#') && resolve_predefined_entity(name).is_none())
}

fn without_comments(declaration: &str) -> String {
    let mut left = String::new();
    let mut rest = declaration;
    while let Some((before, comment)) = rest.split_once("<!--") {
        left.push_str(before);
        rest = comment.split_once("-->").map_or("", |(_, after)| after);
    }
    left.push_str(rest);
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_are_expanded_also_within_each_other() {
        let entities = Entities::read(
            "MPD [ <!-- <!ENTITY host 'comment'> --> <!ENTITY base 'https://&host;/a'>
              <!ENTITY host \"cdn.example\"> <!ENTITY host 'later'> <!ENTITY x '<B>&base;</B>'> <!ENTITY y '&x;'> ]",
        );
        assert_eq!(entities.expand("&base;/1.m4s?a=1&amp;b"), "https://cdn.example/a/1.m4s?a=1&b");
        assert_eq!(entities.expand("&unknown;/1"), "&unknown;/1");
        assert_eq!(entities.expand("a&b"), "a&b");
        assert!(!entities.has_external() && !entities.is_beyond_bounds());
        let with_elements = ["host", "base", "x", "y", "z"].map(|name| entities.has_elements(name));
        assert_eq!(with_elements, [false, false, true, true, false]);
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
        assert!(entities.is_beyond_bounds());
        let many = (0..=MAX_ENTITIES).map(|n| format!("<!ENTITY e{n} ''>")).collect::<String>();
        let long = format!("<!ENTITY a '{}'>", "x".repeat(MAX_TEXT + 1));
        for more in ["<!ENTITY a '&b;'><!ENTITY b '&a;'>", &long, &many] {
            assert!(Entities::read(more).is_beyond_bounds(), "{more}");
        }
        let again = "<!ENTITY a 'b'>".repeat(MAX_ENTITIES + 1);
        for fits in ["<!ENTITY a 'b'><!ENTITY c '&a;&amp;&none;'>", &again] {
            assert!(!Entities::read(fits).is_beyond_bounds(), "{fits}");
        }
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
