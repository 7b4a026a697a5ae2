//! Attribute lists: `NAME=value,NAME="quoted, with commas"`.
//!
//! Invariant: a value is exactly the bytes of its span, without its quotes. A piece without `=` is passed over; a quote
//! that is never closed ends with the line. Deliberately absent: types of values; the reader of a tag knows them.

use super::line::Text;

/// One attribute of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// As written.
    pub name: &'a str,
    /// Without quotes.
    pub value: Text<'a>,
    /// Whether the value stood in quotes.
    pub quoted: bool,
    /// Where its name begins.
    pub at: usize,
    /// Where the comma after it stands, or the list ends.
    pub end: usize,
}

/// The attributes of a tag, in order.
#[derive(Debug, Clone)]
pub struct Attributes<'a> {
    rest: Text<'a>,
}

impl<'a> Attributes<'a> {
    pub(super) fn new(list: Text<'a>) -> Self {
        Self { rest: list }
    }

    /// The value of the first attribute of this name among those that are left.
    pub fn value(&self, name: &str) -> Option<Text<'a>> {
        self.clone().find(|attribute| attribute.name == name).map(|attribute| attribute.value)
    }

    /// The same, as a number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.value(name)?.text.parse().ok()
    }

    /// The first `length` bytes of what is left, and on to what follows them.
    fn take(&mut self, length: usize) -> Text<'a> {
        let (taken, rest) = self.rest.text.split_at(length);
        let text = Text { text: taken, at: self.rest.at };
        self.rest = Text { text: rest, at: self.rest.at + length };
        text
    }

    fn take_to(&mut self, end: impl Fn(char) -> bool) -> Text<'a> {
        self.take(self.rest.text.find(end).unwrap_or(self.rest.text.len()))
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        loop {
            self.take_to(|c| c != ',' && !c.is_ascii_whitespace());
            if self.rest.text.is_empty() {
                return None;
            }
            let at = self.rest.at;
            let name = self.take_to(|c| matches!(c, '=' | ',')).trimmed().text;
            if !self.rest.text.starts_with('=') {
                continue;
            }
            self.take(1);
            self.take_to(|c| !c.is_ascii_whitespace());
            let quoted = self.rest.text.starts_with('"');
            let value = if quoted {
                self.take(1);
                let value = self.take_to(|c| c == '"');
                self.take_to(|c| c == ',');
                value
            } else {
                self.take_to(|c| c == ',').trimmed()
            };
            return Some(Attribute { name, value, quoted, at, end: self.rest.at });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(list: &str) -> Vec<(&str, &str, bool)> {
        let text = Text { text: list, at: 0 };
        let attributes = Attributes::new(text);
        attributes
            .map(|attribute| {
                assert_eq!(list.get(attribute.value.span()), Some(attribute.value.text));
                assert!(list.get(attribute.at..attribute.end).unwrap().starts_with(attribute.name));
                (attribute.name, attribute.value.text, attribute.quoted)
            })
            .collect()
    }

    #[test]
    fn quoted_values_may_hold_commas_and_equals_signs() {
        assert_eq!(
            read(r#"BANDWIDTH=1000,CODECS="avc1.1,mp4a.2",URI="a?b=c,d""#),
            [("BANDWIDTH", "1000", false), ("CODECS", "avc1.1,mp4a.2", true), ("URI", "a?b=c,d", true)]
        );
    }

    #[test]
    fn junk_is_passed_over() {
        assert_eq!(
            read(r#" , junk ,, A = 1 ,B= "x" y,=z,C="#),
            [("A", "1", false), ("B", "x", true), ("", "z", false), ("C", "", false)]
        );
        assert_eq!(read(r#"A="never closed, B=2"#), [("A", "never closed, B=2", true)]);
        assert_eq!(read("é=ü,ß"), [("é", "ü", false)]);
        assert_eq!(read(""), []);
    }
}
