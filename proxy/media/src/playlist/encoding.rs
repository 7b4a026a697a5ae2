//! Bodies in other encodings than UTF-8, read as UTF-8 and edited in their own.
//!
//! Invariant: an edit changes what it names and no other character. Of a body that claims to be UTF-8 and is not, each odd byte
//! stands as one [`STAND_IN`] in the text, so that places in both are the same and the bytes stay.
//! Deliberately absent: guessing. An encoding is told by a byte order mark, by the pattern of an XML document's first bytes, or by
//! its declaration (XML 1.0, appendix F).

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use percent_encoding::percent_encode_byte;

use crate::Edits;

/// Stands for a byte that is not UTF-8. It means nothing in a playlist and is allowed in XML.
const STAND_IN: u8 = 0x7f;
/// How much of a document is searched for its declaration.
const DECLARATION: usize = 256;

/// A body and its text.
#[derive(Debug, Clone)]
pub(super) struct Decoded {
    text: Bytes,
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    /// The text is the body.
    Text,
    /// The body has odd bytes where the text has stand-ins.
    Odd(Bytes),
    /// The body has another encoding; it is absent once the text was edited.
    Other { encoding: &'static Encoding, mark: bool, body: Option<Bytes> },
}

impl Decoded {
    /// `None` when the encoding is not known.
    pub(super) fn of(body: &Bytes) -> Option<Self> {
        let encoding = encoding_of(body)?;
        if encoding == UTF_8 {
            return Some(Self::of_utf8(body));
        }
        let (text, _) = encoding.decode_with_bom_removal(body);
        let mark = Encoding::for_bom(body).is_some();
        let source = Source::Other { encoding, mark, body: Some(body.clone()) };
        Some(Self { text: text.into_owned().into(), source })
    }

    fn of_utf8(body: &Bytes) -> Self {
        if std::str::from_utf8(body).is_ok() {
            return Self { text: body.clone(), source: Source::Text };
        }
        let mut text = Vec::with_capacity(body.len());
        for chunk in body.utf8_chunks() {
            text.extend_from_slice(chunk.valid().as_bytes());
            text.resize(text.len() + chunk.invalid().len(), STAND_IN);
        }
        Self { text: text.into(), source: Source::Odd(body.clone()) }
    }

    pub(super) fn text(&self) -> &Bytes {
        &self.text
    }

    pub(super) fn body(&self) -> Bytes {
        match &self.source {
            Source::Text => self.text.clone(),
            Source::Odd(body) => body.clone(),
            Source::Other { encoding, mark, body } => {
                body.clone().unwrap_or_else(|| encode(&String::from_utf8_lossy(&self.text), encoding, *mark))
            }
        }
    }

    pub(super) fn edited(&self, edits: &Edits) -> Self {
        if edits.is_empty() {
            return self.clone();
        }
        let source = match &self.source {
            Source::Text => Source::Text,
            Source::Odd(body) => Source::Odd(edits.apply(body)),
            Source::Other { encoding, mark, .. } => Source::Other { encoding, mark: *mark, body: None },
        };
        Self { text: edits.apply(&self.text), source }
    }

    /// The odd bytes of a piece of the text percent-encoded as they are, and as replacement characters.
    pub(super) fn odd_spellings(&self, span: Range<usize>) -> Option<[String; 2]> {
        let Source::Odd(body) = &self.source else { return None };
        let piece = body.get(span)?;
        if std::str::from_utf8(piece).is_ok() {
            return None;
        }
        let (mut kept, mut replaced) = (String::new(), String::new());
        for chunk in piece.utf8_chunks() {
            kept.push_str(chunk.valid());
            replaced.push_str(chunk.valid());
            chunk.invalid().iter().for_each(|byte| kept.push_str(percent_encode_byte(*byte)));
            if !chunk.invalid().is_empty() {
                replaced.push(char::REPLACEMENT_CHARACTER);
            }
        }
        Some([kept, replaced])
    }
}

/// The encoding a body claims to have; UTF-8 when it claims nothing.
fn encoding_of(body: &[u8]) -> Option<&'static Encoding> {
    if let Some((encoding, _)) = Encoding::for_bom(body) {
        return Some(encoding);
    }
    match body {
        [b'<', 0, ..] => return Some(UTF_16LE),
        [0, b'<', ..] => return Some(UTF_16BE),
        _ => {}
    }
    let head = String::from_utf8_lossy(body.get(..DECLARATION).unwrap_or(body));
    let declaration = head.trim_ascii_start().strip_prefix("<?xml").and_then(|rest| rest.split_once("?>"));
    let Some(label) = declaration.and_then(|(declaration, _)| declared_encoding(declaration)) else {
        return Some(UTF_8);
    };
    let declared = Encoding::for_label(label.as_bytes())?;
    // Written in single bytes, it cannot be what it says.
    let is_contradicted = declared == UTF_16LE || declared == UTF_16BE;
    Some(if is_contradicted { UTF_8 } else { declared })
}

fn declared_encoding(declaration: &str) -> Option<&str> {
    let (_, after) = declaration.split_once("encoding")?;
    let value = after.trim_ascii_start().strip_prefix('=')?.trim_ascii_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    value.get(1..)?.split(quote).next()
}

/// XML says what an encoding does not have by number.
fn encode(text: &str, encoding: &'static Encoding, mark: bool) -> Bytes {
    let is_little = encoding == UTF_16LE;
    if !is_little && encoding != UTF_16BE {
        return encoding.encode(text).0.into_owned().into();
    }
    let bytes = |unit: u16| if is_little { unit.to_le_bytes() } else { unit.to_be_bytes() };
    let mark = mark.then_some(0xfeff);
    mark.into_iter().chain(text.encode_utf16()).flat_map(bytes).collect::<Vec<_>>().into()
}

/// The beginning of a body as far as it is ASCII, in whichever encoding, to tell its root by.
pub(super) fn ascii_view(head: &[u8]) -> Cow<'_, [u8]> {
    let is_wide = matches!(head, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'<', 0, ..] | [0, b'<', ..]);
    if !is_wide {
        return Cow::Borrowed(head);
    }
    let is_ascii = |byte: &u8| *byte != 0 && byte.is_ascii();
    Cow::Owned(head.iter().copied().filter(is_ascii).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(body: &[u8]) -> Decoded {
        Decoded::of(&Bytes::copy_from_slice(body)).expect("a known encoding")
    }

    fn text(decoded: &Decoded) -> &str {
        std::str::from_utf8(decoded.text()).unwrap()
    }

    /// Puts `+` in place of the first `a`.
    fn edited(decoded: &Decoded) -> Bytes {
        let at = text(decoded).find('a').unwrap();
        let mut edits = Edits::default();
        edits.replace(at..at + 1, "+");
        decoded.edited(&edits).body()
    }

    fn wide(text: &str, little: bool) -> Vec<u8> {
        let bytes = |unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() };
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn each_encoding_is_read_and_edited_as_itself() {
        let latin = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><x>\xe9a</x>";
        let read = decoded(latin);
        assert!(text(&read).ends_with("<x>\u{e9}a</x>"));
        assert_eq!(edited(&read).as_ref(), b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><x>\xe9+</x>");
        for little in [true, false] {
            for mark in ["\u{feff}", ""] {
                let body = wide(&format!("{mark}<x>\u{e9}a\u{1f600}</x>"), little);
                let read = decoded(&body);
                assert_eq!(text(&read), "<x>\u{e9}a\u{1f600}</x>");
                assert_eq!(edited(&read), wide(&format!("{mark}<x>\u{e9}+\u{1f600}</x>"), little));
            }
        }
        assert_eq!(text(&decoded(b"<?xml encoding='UTF-16'?><x/>")), "<?xml encoding='UTF-16'?><x/>");
        assert!(Decoded::of(&Bytes::from_static(b"<?xml encoding='klingon'?><x/>")).is_none());
    }

    #[test]
    fn odd_bytes_stay_where_they_are() {
        let body = b"#EXTM3U\nfilm\xe9\xff/a.ts\n\xc3\xa9.ts\n";
        let read = decoded(body);
        assert_eq!(text(&read), "#EXTM3U\nfilm\u{7f}\u{7f}/a.ts\n\u{e9}.ts\n");
        assert_eq!(edited(&read).as_ref(), b"#EXTM3U\nfilm\xe9\xff/+.ts\n\xc3\xa9.ts\n");
        assert_eq!(
            read.odd_spellings(8..19),
            Some(["film%E9%FF/a.ts".to_owned(), "film\u{fffd}\u{fffd}/a.ts".to_owned()])
        );
        assert_eq!(read.odd_spellings(20..25), None);
    }

    #[test]
    fn without_an_edit_the_body_is_the_same_buffer() {
        for body in [&b"plain"[..], b"odd\xff", &wide("\u{feff}wide", true)] {
            let body = Bytes::copy_from_slice(body);
            assert_eq!(Decoded::of(&body).unwrap().edited(&Edits::default()).body().as_ptr(), body.as_ptr());
        }
    }
}
