//! The elements of an XML document, and where they and their attributes stand.
//!
//! Invariant: a text is exactly the bytes of its span, raw; `Node` gives it unescaped. Documents that are not well-formed,
//! deeper than `MAX_DEPTH` or with more than `MAX_ELEMENTS` elements are refused as a whole, because half a presentation
//! would be taken for all of it. Deliberately absent: namespaces; elements and attributes go by their local names.

use std::borrow::Cow;
use std::ops::Range;

use quick_xml::Reader;
use quick_xml::errors::SyntaxError;
use quick_xml::events::{BytesStart, Event};

use super::entities::Entities;
use crate::hls::Text;

/// Begins character data.
const DATA: &str = "<![CDATA[";
/// The most elements of a document.
const MAX_ELEMENTS: usize = 131_072;
/// The deepest nesting.
const MAX_DEPTH: usize = 32;
/// The most attributes of one element that are read.
const MAX_ATTRIBUTES: usize = 64;

const MARK: &str = "\u{feff}";

#[derive(Debug)]
pub(crate) struct Document<'a> {
    elements: Vec<Element<'a>>,
    attributes: Vec<Attribute<'a>>,
    entities: Entities,
    /// Whether elements stand in its entities, and not here.
    has_missing_elements: bool,
}

#[derive(Debug)]
struct Element<'a> {
    name: &'a str,
    parent: Option<usize>,
    children: Vec<usize>,
    attributes: Range<usize>,
    /// What stands before the first child.
    text: Text<'a>,
    start_tag: Range<usize>,
    name_end: usize,
    end: usize,
}

#[derive(Debug)]
struct Attribute<'a> {
    name: &'a str,
    /// From the name's first byte to the closing quote.
    whole: Range<usize>,
    value: Text<'a>,
}

/// An element of a document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<'d, 'a> {
    document: &'d Document<'a>,
    id: usize,
}

/// The document while it is being read.
struct Builder<'a> {
    text: &'a str,
    /// How many bytes stand before `text`.
    shift: usize,
    document: Document<'a>,
    open: Vec<usize>,
}

/// What the beginning of a body says of its root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Root {
    /// Its local name.
    Named(String),
    /// More has to be seen.
    NotYet,
    /// It is no XML document.
    None,
}

/// The root element of a body, of which this is all or only the beginning.
pub(crate) fn root_name(head: &[u8]) -> Root {
    // Long enough for any prologue, short enough not to read a film.
    let head = String::from_utf8_lossy(head.get(..65_536).unwrap_or(head));
    let mut reader = Reader::from_str(head.strip_prefix(MARK).unwrap_or(&head).trim_ascii_start());
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag) | Event::Empty(tag)) => {
                return Root::Named(tag.local_name().into_inner().to_owned());
            }
            Ok(Event::Text(text)) if !text.trim_ascii().is_empty() => return Root::None,
            Ok(Event::End(_) | Event::CData(_) | Event::GeneralRef(_)) => return Root::None,
            Ok(Event::Text(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_)) => {}
            // Not one of the five kinds of markup that begin so.
            Err(quick_xml::Error::Syntax(SyntaxError::InvalidBangMarkup)) if !ends_in_markup(&head) => {
                return Root::None;
            }
            Ok(Event::Eof) | Err(quick_xml::Error::Syntax(_)) => return Root::NotYet,
            Err(_) => return Root::None,
        }
    }
}

/// Whether the last markup has only just begun.
fn ends_in_markup(head: &str) -> bool {
    head.rsplit_once("<!").is_some_and(|(_, rest)| rest.len() < "[CDATA[".len())
}

impl<'a> Text<'a> {
    /// What stands in it when all of it is one section of character data, which has no references.
    pub(crate) fn character_data(self) -> Option<Self> {
        let inside = self.text.strip_prefix(DATA)?.strip_suffix("]]>")?;
        Some(Self { text: inside, at: self.at + DATA.len() })
    }
}

impl<'a> Document<'a> {
    pub(crate) fn parse(body: &'a [u8]) -> Option<Self> {
        let whole = std::str::from_utf8(body).ok()?;
        let text = whole.strip_prefix(MARK).unwrap_or(whole);
        let document = Self {
            elements: Vec::new(),
            attributes: Vec::new(),
            entities: Entities::default(),
            has_missing_elements: false,
        };
        let mut builder = Builder { text, shift: whole.len() - text.len(), document, open: Vec::new() };
        let mut reader = Reader::from_str(text);
        loop {
            let before = position(&reader)?;
            let event = reader.read_event().ok()?;
            let span = before..position(&reader)?;
            match event {
                Event::Start(tag) => builder.begin(&tag, span)?,
                Event::Empty(tag) => {
                    builder.begin(&tag, span.clone())?;
                    builder.end(&span);
                }
                Event::End(_) => builder.end(&span),
                Event::GeneralRef(name) => {
                    builder.document.has_missing_elements |= builder.document.entities.has_elements(&name);
                    builder.text(&span)?;
                }
                Event::Text(_) | Event::CData(_) => builder.text(&span)?,
                Event::DocType(declaration) => builder.document.entities = Entities::read(&declaration),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::Eof => break,
            }
        }
        let is_whole = builder.open.is_empty() && !builder.document.elements.is_empty();
        is_whole.then_some(builder.document)
    }

    pub(crate) fn root(&self) -> Node<'_, 'a> {
        Node { document: self, id: 0 }
    }

    /// Whether a part of it stands elsewhere.
    pub(crate) fn has_external_entities(&self) -> bool {
        self.entities.has_external()
    }

    /// Whether some of its entities are not expanded.
    pub(crate) fn has_unexpanded_entities(&self) -> bool {
        self.has_missing_elements || self.entities.is_beyond_bounds()
    }

    /// A raw text with its references replaced. What cannot be replaced means itself, as a URL with a bare ampersand does.
    pub(crate) fn unescaped<'t>(&self, raw: &'t str) -> Cow<'t, str> {
        self.entities.expand(raw)
    }
}

impl<'a> Builder<'a> {
    fn begin(&mut self, tag: &BytesStart<'_>, span: Range<usize>) -> Option<()> {
        let parent = self.open.last().copied();
        let id = self.document.elements.len();
        let is_second_root = parent.is_none() && id > 0;
        if is_second_root || id >= MAX_ELEMENTS || self.open.len() >= MAX_DEPTH {
            return None;
        }
        let first = self.document.attributes.len();
        for attribute in tag.attributes().take(MAX_ATTRIBUTES) {
            let attribute = attribute.ok()?;
            let name = self.slice(tag, span.start, attribute.key.local_name().into_inner())?;
            let whole_name = self.slice(tag, span.start, attribute.key.into_inner())?;
            let value = self.slice(tag, span.start, &attribute.value)?;
            let whole = whole_name.at..value.span().end + 1;
            self.document.attributes.push(Attribute { name: name.text, whole, value });
        }
        let name = self.slice(tag, span.start, tag.local_name().into_inner())?;
        if let Some(parent) = parent {
            self.document.elements[parent].children.push(id);
        }
        self.document.elements.push(Element {
            name: name.text,
            parent,
            children: Vec::new(),
            attributes: first..self.document.attributes.len(),
            text: Text { text: "", at: span.end + self.shift },
            start_tag: span.start + self.shift..span.end + self.shift,
            name_end: name.span().end,
            end: span.end + self.shift,
        });
        self.open.push(id);
        Some(())
    }

    fn end(&mut self, span: &Range<usize>) {
        if let Some(id) = self.open.pop() {
            self.document.elements[id].end = span.end + self.shift;
        }
    }

    /// Text, character data and references before the first child are one text. Outside the root only blanks may stand.
    fn text(&mut self, span: &Range<usize>) -> Option<()> {
        let Some(element) = self.open.last().and_then(|id| self.document.elements.get_mut(*id)) else {
            let outside = self.text.get(span.clone())?;
            return outside.trim_ascii().is_empty().then_some(());
        };
        let begin = element.text.at - self.shift;
        if element.children.is_empty()
            && let Some(text) = self.text.get(begin..span.end)
        {
            element.text.text = text;
        }
        Some(())
    }

    /// A part of a tag, as the part of the body that it is.
    fn slice(&self, tag: &str, tag_at: usize, part: &str) -> Option<Text<'a>> {
        let offset = part.as_ptr().addr().checked_sub(tag.as_ptr().addr())?;
        let at = tag_at + 1 + offset;
        let text = self.text.get(at..at + part.len())?;
        Some(Text { text, at: at + self.shift })
    }
}

impl<'d, 'a> Node<'d, 'a> {
    fn element(self) -> &'d Element<'a> {
        &self.document.elements[self.id]
    }

    pub(crate) fn name(self) -> &'a str {
        self.element().name
    }

    pub(crate) fn parent(self) -> Option<Self> {
        self.element().parent.map(|id| Self { id, ..self })
    }

    /// Every element, parents before their children.
    pub(crate) fn descendants(self) -> impl Iterator<Item = Self> + use<'d, 'a> {
        let document = self.document;
        (self.id..document.elements.len())
            .map(move |id| Self { document, id })
            .take_while(move |node| node.id == self.id || node.element().start_tag.start < self.element().end)
    }

    pub(crate) fn children(self, name: &str) -> impl Iterator<Item = Self> + use<'d, 'a, '_> {
        let document = self.document;
        let nodes = self.element().children.iter().map(move |id| Self { document, id: *id });
        nodes.filter(move |node| node.name() == name)
    }

    pub(crate) fn child(self, name: &str) -> Option<Self> {
        self.children(name).next()
    }

    /// The attribute's value as written.
    pub(crate) fn raw(self, name: &str) -> Option<Text<'a>> {
        self.attribute(name).map(|attribute| attribute.value)
    }

    /// Where its name ends, and attributes may begin.
    pub(crate) fn name_end(self) -> usize {
        self.element().name_end
    }

    /// Where the whole attribute stands.
    pub(crate) fn attribute_span(self, name: &str) -> Option<Range<usize>> {
        self.attribute(name).map(|attribute| attribute.whole.clone())
    }

    /// A part of a raw text of it, with its references replaced.
    pub(crate) fn unescaped<'t>(self, raw: &'t str) -> Cow<'t, str> {
        self.document.unescaped(raw)
    }

    pub(crate) fn value(self, name: &str) -> Option<Cow<'a, str>> {
        self.raw(name).map(|raw| self.document.unescaped(raw.text))
    }

    pub(crate) fn number(self, name: &str) -> Option<u64> {
        self.raw(name)?.text.trim_ascii().parse().ok()
    }

    /// The text before the first child, without blanks around it, as written.
    pub(crate) fn raw_text(self) -> Text<'a> {
        self.element().text.trimmed()
    }

    pub(crate) fn text(self) -> Cow<'a, str> {
        let raw = self.raw_text();
        let data = raw.character_data().map(|data| Cow::Borrowed(data.text));
        data.unwrap_or_else(|| self.document.unescaped(raw.text))
    }

    /// From the start of its start tag to the end of its end tag.
    pub(crate) fn span(self) -> Range<usize> {
        self.start_tag().start..self.element().end
    }

    pub(crate) fn start_tag(self) -> Range<usize> {
        self.element().start_tag.clone()
    }

    fn attribute(self, name: &str) -> Option<&'d Attribute<'a>> {
        let attributes = self.document.attributes.get(self.element().attributes.clone())?;
        attributes.iter().find(|attribute| attribute.name == name)
    }
}

fn position(reader: &Reader<&[u8]>) -> Option<usize> {
    usize::try_from(reader.buffer_position()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_attributes_are_the_bytes_of_their_spans() {
        let body = "\u{feff}<?xml version='1.0'?><a x = \"1&amp;2\"  n:y='z'>\n <b>t?a=1&amp;b</b> <!-- --><c/></a>\n";
        let document = Document::parse(body.as_bytes()).unwrap();
        let root = document.root();
        assert_eq!(
            (root.name(), root.value("x").as_deref(), root.value("y").as_deref()),
            ("a", Some("1&2"), Some("z"))
        );
        assert_eq!(body.get(root.raw("x").unwrap().span()), Some("1&amp;2"));
        assert_eq!(body.get(root.attribute_span("x").unwrap()), Some("x = \"1&amp;2\""));
        assert_eq!(body.get(root.attribute_span("y").unwrap()), Some("n:y='z'"));
        let b = root.child("b").unwrap();
        assert_eq!((b.text().as_ref(), body.get(b.raw_text().span())), ("t?a=1&b", Some("t?a=1&amp;b")));
        assert_eq!(body.get(b.span()), Some("<b>t?a=1&amp;b</b>"));
        assert_eq!(body.get(root.child("c").unwrap().span()), Some("<c/>"));
        assert_eq!(root.descendants().map(Node::name).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(b.descendants().count(), 1);
        assert_eq!(b.parent().map(Node::name), Some("a"));
    }

    #[test]
    fn character_data_is_text() {
        let document = Document::parse(b"<a> <![CDATA[x?a&b]]> </a>").unwrap();
        assert_eq!(document.root().text(), "x?a&b");
    }

    #[test]
    fn what_is_not_well_formed_or_beyond_the_bounds_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(33), "</a>".repeat(33));
        let fits = format!("{}{}", "<a>".repeat(32), "</a>".repeat(32));
        let many = format!("<a>{}</a>", "<b/>".repeat(MAX_ELEMENTS));
        assert!(Document::parse(fits.as_bytes()).is_some());
        for bad in [
            "",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a x=1/>",
            "<a x='1' x='2'/>",
            "a",
            "x<a/>",
            "<a/>x",
            &deep,
            &many,
        ] {
            assert!(Document::parse(bad.as_bytes()).is_none(), "{}", bad.get(..20).unwrap_or(bad));
        }
        assert!(Document::parse(b"<a>\xff</a>").is_none());
    }
}
