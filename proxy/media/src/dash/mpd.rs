//! A media presentation description: its representations, and where its next version is.
//!
//! Invariant: a representation has everything that the elements around it hand down; there are at most
//! `MAX_REPRESENTATIONS` of them. Deliberately absent: the presentation's clock.

use std::borrow::Cow;
use std::sync::Arc;

use rebuffer_model::Resolution;

use super::ContentType;
use super::period::{self, PeriodTime};
use super::placeholder::Identifiers;
use super::segments::{Addressing, Reader};
use super::xml::{Document, Node};

/// The most representations of an MPD, over all of its periods.
const MAX_REPRESENTATIONS: usize = 2_048;
/// The most base URLs of one element, and the most licence servers and locations of an MPD.
const MAX_ALTERNATIVES: usize = 8;

/// Marks pictures that are shown only while seeking.
const TRICK_MODE: &str = "http://dashif.org/guidelines/trickmode";

/// What an MPD declares.
#[derive(Debug)]
pub struct Mpd<'a> {
    /// Whether further versions are to be expected.
    pub dynamic: bool,
    /// In the order of the document.
    pub representations: Vec<Representation<'a>>,
    /// Where the next version is, or its difference to this one.
    pub locations: Vec<Cow<'a, str>>,
    /// Licence servers.
    pub licences: Vec<Cow<'a, str>>,
}

/// One encoding of one thing, in one period.
#[derive(Debug)]
pub struct Representation<'a> {
    pub id: Cow<'a, str>,
    /// Counted from 0.
    pub period: usize,
    pub content: ContentType,
    /// Whether it is only shown while seeking.
    pub trick: bool,
    /// Peak bit/s; 0 when it does not say.
    pub bandwidth: u64,
    pub resolution: Option<Resolution>,
    pub codecs: Option<Cow<'a, str>>,
    /// Whether its bandwidth stands in the URLs of its segments.
    pub names_bandwidth: bool,
    /// The base URLs of the MPD, the period, the set and itself, in this order; each level's are alternatives.
    pub bases: Bases<'a>,
    pub addressing: Addressing<'a>,
}

/// Alternatives of each level, the outermost level first.
pub type Bases<'a> = Arc<[Vec<Cow<'a, str>>]>;

impl<'a> Mpd<'a> {
    /// `None` when it is no well-formed MPD within the bounds.
    pub fn read(body: &'a [u8]) -> Option<Self> {
        let document = Document::parse(body)?;
        let root = document.root();
        (root.name() == "MPD").then(|| Self::of(root))
    }

    /// Of the root of a document.
    pub(crate) fn of(root: Node<'_, 'a>) -> Self {
        let texts = |names: &[&str]| {
            let nodes = root.descendants().filter(|node| names.contains(&node.name()));
            let texts = nodes.map(Node::text).filter(|text| !text.is_empty());
            texts.take(MAX_ALTERNATIVES).collect::<Vec<_>>()
        };
        let mut mpd = Self {
            dynamic: root.value("type").is_some_and(|kind| kind == "dynamic"),
            representations: Vec::new(),
            locations: texts(&["Location", "PatchLocation"]),
            licences: texts(&["Laurl", "laurl", "LA_URL"]),
        };
        let mut reader = Reader::default();
        let periods = root.children("Period").zip(period::times(root));
        for (number, (period, time)) in periods.enumerate() {
            for set in period.children("AdaptationSet") {
                for node in set.children("Representation") {
                    if mpd.representations.len() >= MAX_REPRESENTATIONS {
                        return mpd;
                    }
                    let representation =
                        Representation::read([node, set, period, root], number, time, &mut reader);
                    mpd.representations.push(representation);
                }
            }
        }
        mpd
    }
}

impl<'a> Representation<'a> {
    fn read(
        [node, set, period, root]: [Node<'_, 'a>; 4],
        number: usize,
        time: PeriodTime,
        reader: &mut Reader,
    ) -> Self {
        let own = [node, set];
        let inherited = |name| own.iter().find_map(|node| node.value(name));
        let pixels = |name| own.iter().find_map(|node| node.number(name)).and_then(|n| u32::try_from(n).ok());
        let properties = own
            .iter()
            .flat_map(|node| node.children("EssentialProperty").chain(node.children("SupplementalProperty")));
        let mut properties = properties.filter_map(|node| node.value("schemeIdUri"));
        let id = node.value("id").unwrap_or_default();
        let bandwidth = node.number("bandwidth").unwrap_or_default();
        let known = Identifiers { id: &id, bandwidth };
        let addressing = reader.read(&[node, set, period], known, time);
        let bases = [root, period, set, node].map(|level| {
            level.children("BaseURL").map(Node::text).take(MAX_ALTERNATIVES).collect::<Vec<_>>()
        });
        Self {
            period: number,
            content: ContentType::of(&own),
            trick: properties.any(|scheme| scheme == TRICK_MODE),
            bandwidth,
            resolution: pixels("width")
                .zip(pixels("height"))
                .map(|(width, height)| Resolution { width, height }),
            codecs: inherited("codecs"),
            names_bandwidth: names_bandwidth(&[node, set, period]),
            bases: bases.into_iter().filter(|level| !level.is_empty()).collect(),
            addressing,
            id,
        }
    }
}

fn names_bandwidth(chain: &[Node<'_, '_>]) -> bool {
    let templates = chain.iter().flat_map(|node| node.children("SegmentTemplate"));
    let mut texts = templates.flat_map(|node| {
        ["media", "initialization", "index"].into_iter().filter_map(move |name| node.value(name))
    });
    texts.any(|text| text.contains("$Bandwidth"))
}
