//! Lines of a playlist and where they stand.
//!
//! Invariant: a text is exactly the bytes of its span; blanks around it, line ends, a byte order mark, comments, empty
//! lines and lines that are not UTF-8 belong to none. Deliberately absent: what a tag means.

use std::ops::Range;

use super::attribute::Attributes;

/// A piece of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'a> {
    /// What it says.
    pub text: &'a str,
    /// Where it begins, in bytes from the start of the body.
    pub at: usize,
}

/// One line that says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// `#EXT...`
    Tag(Tag<'a>),
    /// A URI on a line of its own.
    Uri(Text<'a>),
}

/// A tag and all that follows its colon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag<'a> {
    /// Without the `#`.
    pub name: &'a str,
    /// Empty when the tag has none.
    pub value: Text<'a>,
    /// Where its `#` stands.
    pub at: usize,
}

/// The lines of a body, in order.
#[derive(Debug, Clone)]
pub struct Lines<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Text<'a> {
    pub fn span(self) -> Range<usize> {
        self.at..self.at + self.text.len()
    }

    /// The text without blanks around it.
    pub(crate) fn trimmed(self) -> Self {
        let front = self.text.trim_ascii_start();
        Self { text: front.trim_ascii_end(), at: self.at + (self.text.len() - front.len()) }
    }
}

impl<'a> Tag<'a> {
    /// From its `#` to the end of its value.
    pub fn span(self) -> Range<usize> {
        self.at..self.value.span().end
    }

    pub fn attributes(self) -> Attributes<'a> {
        Attributes::new(self.value)
    }

    /// The whole value as a number.
    pub fn number(self) -> Option<u64> {
        self.value.text.parse().ok()
    }
}

impl<'a> Lines<'a> {
    pub fn new(body: &'a [u8]) -> Self {
        let rest = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        Self { rest, at: body.len() - rest.len() }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        while !self.rest.is_empty() {
            let length =
                self.rest.iter().position(|byte| *byte == b'\n').map_or(self.rest.len(), |at| at + 1);
            let (line, rest) = self.rest.split_at(length);
            let at = self.at;
            self.rest = rest;
            self.at += length;
            if let Some(line) = std::str::from_utf8(line).ok().and_then(|text| read(Text { text, at })) {
                return Some(line);
            }
        }
        None
    }
}

/// The whole line around this part of it, with its end.
pub(crate) fn line_around(body: &[u8], part: Range<usize>) -> Range<usize> {
    let before = body.get(..part.start).unwrap_or_default();
    let after = body.get(part.end..).unwrap_or_default();
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    // A byte order mark belongs to the file.
    let start = if start == 0 && body.starts_with(b"\xef\xbb\xbf") { 3 } else { start };
    let end = after.iter().position(|byte| *byte == b'\n').map_or(body.len(), |at| part.end + at + 1);
    start..end
}

fn read(line: Text<'_>) -> Option<Line<'_>> {
    let line = line.trimmed();
    if line.text.is_empty() {
        return None;
    }
    let Some(tag) = line.text.strip_prefix('#') else {
        return Some(Line::Uri(line));
    };
    if !tag.starts_with("EXT") {
        return None;
    }
    let end = line.at + line.text.len();
    let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
    let value = Text { text: value, at: end - value.len() };
    Some(Line::Tag(Tag { name, value: value.trimmed(), at: line.at }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_the_bytes_of_its_span() {
        let body =
            b"\xef\xbb\xbf#EXTM3U\r\n\r\n# a comment\n#EXTINF: 4.0 ,a:b\n \tseg 1.ts \t\r\n\xff\xfe\nlast.ts";
        let lines = Lines::new(body).collect::<Vec<_>>();
        let texts = lines.iter().map(|line| match line {
            Line::Tag(tag) => (tag.name, tag.value),
            Line::Uri(uri) => ("", *uri),
        });
        let texts = texts.collect::<Vec<_>>();
        for (_, text) in &texts {
            assert_eq!(&body[text.span()], text.text.as_bytes());
        }
        let said = texts.iter().map(|(name, text)| (*name, text.text)).collect::<Vec<_>>();
        assert_eq!(said, [("EXTM3U", ""), ("EXTINF", "4.0 ,a:b"), ("", "seg 1.ts"), ("", "last.ts")]);
    }
}
