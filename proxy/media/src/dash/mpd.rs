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
use super::services::services;
use super::xml::{Document, Node};
use super::{MPD, PERIOD};

/// The most representations of an MPD, over all of its periods.
const MAX_REPRESENTATIONS: usize = 2_048;
/// The most base URLs of one element, and the most licence servers and locations of an MPD.
const MAX_ALTERNATIVES: usize = 8;

/// The most elements that stand in documents of their own.
const MAX_REMOTE: usize = 256;

/// An element that resolves to nothing is not fetched (ISO/IEC 23009-1 §5.5.3).
const XLINK_NOTHING: &str = "urn:mpeg:dash:resolve-to-zero";

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
    /// Where elements of it stand that are documents of their own.
    pub remote: Vec<Cow<'a, str>>,
    /// Steering manifests.
    pub steering: Vec<Cow<'a, str>>,
    /// What is asked for the time, and where something is reported.
    pub services: Vec<Cow<'a, str>>,
    /// The base URLs of the MPD itself.
    pub bases: Bases<'a>,
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
        (root.name() == MPD).then(|| Self::of(root))
    }

    /// Of the root of a document.
    pub(crate) fn of(root: Node<'_, 'a>) -> Self {
        let mut mpd = Self::without_periods(root);
        mpd.bases = bases(&[root]);
        let periods = root.children(PERIOD).zip(period::times(root));
        mpd.read_periods(periods.map(|(period, time)| (period, Some(root), time)));
        mpd
    }

    /// Of the root of a document that holds a period, or several of them in a patch.
    pub(crate) fn of_part(root: Node<'_, 'a>) -> Self {
        let mut part = Self::without_periods(root);
        let periods = root.descendants().filter(|node| node.name() == PERIOD);
        // What a patch adds to a period that is known already.
        let bare =
            root.descendants().filter(|node| node.name() != PERIOD && node.child("AdaptationSet").is_some());
        part.read_periods(periods.chain(bare).map(|period| (period, None, PeriodTime::default())));
        part
    }

    fn without_periods(root: Node<'_, 'a>) -> Self {
        let texts = |names: &[&str]| {
            let nodes = root.descendants().filter(|node| names.contains(&node.name()));
            let texts = nodes.map(Node::text).filter(|text| !text.is_empty());
            texts.take(MAX_ALTERNATIVES).collect::<Vec<_>>()
        };
        let remote = root.descendants().filter_map(|node| node.value("href"));
        let remote = remote.filter(|href| !href.starts_with(XLINK_NOTHING)).take(MAX_REMOTE);
        let services = root.descendants().flat_map(services);
        Self {
            dynamic: root.value("type").is_some_and(|kind| kind == "dynamic"),
            representations: Vec::new(),
            locations: texts(&["Location", "PatchLocation"]),
            licences: texts(&["Laurl", "laurl", "LA_URL"]),
            remote: remote.collect(),
            steering: texts(&["ContentSteering"]),
            services: services.map(|(_, uri)| uri).take(MAX_REMOTE).collect(),
            bases: Bases::default(),
        }
    }

    /// Each with what is around it, and when it is.
    fn read_periods<'d>(
        &mut self,
        periods: impl Iterator<Item = (Node<'d, 'a>, Option<Node<'d, 'a>>, PeriodTime)>,
    ) where
        'a: 'd,
    {
        let mut reader = Reader::default();
        for (number, (period, root, time)) in periods.enumerate() {
            for set in period.children("AdaptationSet") {
                for node in set.children("Representation") {
                    if self.representations.len() >= MAX_REPRESENTATIONS {
                        return;
                    }
                    let around = Around { set, period, root };
                    self.representations.push(Representation::read(node, around, number, time, &mut reader));
                }
            }
        }
    }
}

/// The elements around a representation.
#[derive(Clone, Copy)]
struct Around<'d, 'a> {
    set: Node<'d, 'a>,
    period: Node<'d, 'a>,
    /// Absent in a document of its own.
    root: Option<Node<'d, 'a>>,
}

/// The base URLs of these elements, without levels that have none.
fn bases<'a>(levels: &[Node<'_, 'a>]) -> Bases<'a> {
    let texts = levels
        .iter()
        .map(|level| level.children("BaseURL").map(Node::text).take(MAX_ALTERNATIVES).collect::<Vec<_>>());
    texts.filter(|level| !level.is_empty()).collect()
}

impl<'a> Representation<'a> {
    fn read(
        node: Node<'_, 'a>,
        Around { set, period, root }: Around<'_, 'a>,
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
        let levels = root.into_iter().chain([period, set, node]).collect::<Vec<_>>();
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
            bases: bases(&levels),
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
