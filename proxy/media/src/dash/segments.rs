//! How the segments of a representation are addressed: `SegmentTemplate`, `SegmentList`, `SegmentBase`, or one file.
//!
//! Invariant: the innermost element that says how decides; what it leaves open is taken from the same element further
//! out. Templates have what is known filled in. Deliberately absent: resolving URLs.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::MAX_ENTRIES;
use super::period::PeriodTime;
use super::placeholder::{Identifiers, fill};
use super::timeline::{Equal, Numbering, Timeline};
use super::xml::Node;
use crate::ByteRange;

/// How segments are addressed.
#[derive(Debug, Clone)]
pub enum Addressing<'a> {
    /// By a pattern.
    Template(Template),
    /// One by one.
    List(List<'a>),
    /// All in one file.
    Single(Single<'a>),
}

/// URLs by pattern; placeholders are marked, see `PLACEHOLDERS`.
#[derive(Debug, Clone, Default)]
pub struct Template {
    pub media: Option<String>,
    pub initialization: Option<String>,
    pub index: Option<String>,
    pub numbering: Numbering,
    /// Shared by all representations that inherit it.
    pub timeline: Option<Arc<Timeline>>,
}

/// URLs one by one.
#[derive(Debug, Clone)]
pub struct List<'a> {
    pub initialization: Option<Piece<'a>>,
    pub segments: Vec<Piece<'a>>,
    /// Indexes of segments.
    pub indexes: Vec<Piece<'a>>,
    /// The number of the first segment.
    pub start: u64,
}

/// One file, and which parts of it are no segments.
#[derive(Debug, Clone, Default)]
pub struct Single<'a> {
    pub initialization: Option<Piece<'a>>,
    pub index: Option<Piece<'a>>,
}

/// A file or a part of one; without a URL it is the representation's own file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece<'a> {
    pub url: Option<Cow<'a, str>>,
    pub range: Option<ByteRange>,
}

/// Reads addressings, and each timeline once.
#[derive(Debug, Default)]
pub(super) struct Reader {
    timelines: HashMap<usize, Arc<Timeline>>,
}

/// The elements of one name around a representation, the innermost first.
struct Levels<'d, 'a>(Vec<Node<'d, 'a>>);

impl<'d, 'a> Levels<'d, 'a> {
    fn of(chain: &[Node<'d, 'a>], name: &str) -> Self {
        Self(chain.iter().filter_map(|node| node.child(name)).collect())
    }

    fn value(&self, name: &str) -> Option<Cow<'a, str>> {
        self.0.iter().find_map(|node| node.value(name))
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.0.iter().find_map(|node| node.number(name))
    }

    fn child(&self, name: &str) -> Option<Node<'d, 'a>> {
        self.0.iter().find_map(|node| node.child(name))
    }

    fn initialization(&self) -> Option<Piece<'a>> {
        self.child("Initialization").map(|node| piece(node, "sourceURL", "range"))
    }
}

impl Reader {
    /// `chain` is the representation, its set and its period; `time` is when the period is.
    pub(super) fn read<'a>(
        &mut self,
        chain: &[Node<'_, 'a>],
        known: Identifiers<'_>,
        time: PeriodTime,
    ) -> Addressing<'a> {
        let names = ["SegmentTemplate", "SegmentList", "SegmentBase"];
        let decisive =
            chain.iter().find_map(|node| names.into_iter().find(|name| node.child(name).is_some()));
        match decisive {
            Some(name @ "SegmentTemplate") => {
                Addressing::Template(self.template(&Levels::of(chain, name), known, time))
            }
            Some(name @ "SegmentList") => Addressing::List(list(&Levels::of(chain, name))),
            Some(name) => Addressing::Single(single(&Levels::of(chain, name))),
            None => Addressing::Single(Single::default()),
        }
    }

    fn template(&mut self, levels: &Levels<'_, '_>, known: Identifiers<'_>, time: PeriodTime) -> Template {
        let filled = |name| levels.value(name).and_then(|template| fill(&template, known));
        let timescale = levels.number("timescale").unwrap_or(1).max(1);
        let timeline =
            levels.child("SegmentTimeline").map(|node| self.timeline(node, timescale, time.length_ms));
        let start = levels.number("startNumber").unwrap_or(1);
        let last = levels.number("endNumber").map(|last| last.saturating_add(1).saturating_sub(start));
        let numbering = match &timeline {
            Some(timeline) => Numbering::of_count(start, last.or(timeline.segments())),
            None => {
                let early = levels.value("availabilityTimeOffset");
                let equal = Equal { duration: levels.number("duration").unwrap_or_default(), timescale };
                Numbering::of_equal(start, last, equal, time, early.as_deref())
            }
        };
        Template {
            media: filled("media"),
            initialization: filled("initialization").or_else(|| {
                let source = levels.child("Initialization")?.value("sourceURL")?;
                Some(source.into_owned())
            }),
            index: filled("index"),
            numbering,
            timeline,
        }
    }

    fn timeline(&mut self, node: Node<'_, '_>, timescale: u64, period_ms: Option<u64>) -> Arc<Timeline> {
        let read = || {
            let end = period_ms
                .and_then(|period| u64::try_from(u128::from(period) * u128::from(timescale) / 1_000).ok());
            let offset = node.parent().and_then(|parent| parent.number("presentationTimeOffset"));
            let end = end.map(|end| end.saturating_add(offset.unwrap_or_default()));
            Arc::new(Timeline::read(node, end))
        };
        Arc::clone(self.timelines.entry(node.start_tag().start).or_insert_with(read))
    }
}

fn list<'a>(levels: &Levels<'_, 'a>) -> List<'a> {
    let holder = levels.0.iter().find(|node| node.child("SegmentURL").is_some());
    let urls = || holder.into_iter().flat_map(|node| node.children("SegmentURL")).take(MAX_ENTRIES);
    let indexes = urls().filter(|node| node.raw("index").is_some() || node.raw("indexRange").is_some());
    List {
        initialization: levels.initialization(),
        segments: urls().map(|node| piece(node, "media", "mediaRange")).collect(),
        indexes: indexes.map(|node| piece_or(node, "index", "media", "indexRange")).collect(),
        start: levels.number("startNumber").unwrap_or(1),
    }
}

fn single<'a>(levels: &Levels<'_, 'a>) -> Single<'a> {
    let range = levels.value("indexRange").and_then(|text| ByteRange::from_span(&text));
    let element = levels.child("RepresentationIndex").map(|node| piece(node, "sourceURL", "range"));
    let attribute = range.map(|range| Piece { url: None, range: Some(range) });
    Single { initialization: levels.initialization(), index: element.or(attribute) }
}

fn piece<'a>(node: Node<'_, 'a>, url: &str, range: &str) -> Piece<'a> {
    let range = node.value(range).and_then(|text| ByteRange::from_span(&text));
    Piece { url: node.value(url), range }
}

fn piece_or<'a>(node: Node<'_, 'a>, url: &str, otherwise: &str, range: &str) -> Piece<'a> {
    let piece = piece(node, url, range);
    Piece { url: piece.url.or_else(|| node.value(otherwise)), ..piece }
}
