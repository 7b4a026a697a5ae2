//! Whether a rule is meant for a request.
//!
//! Invariant: every named predicate must hold, within a list any; a predicate on the variant never holds for a request
//! that belongs to none. Patterns are compiled when rules are set, so a request only compares.
//! Deliberately absent: decoding of the path. It is compared as the client sent it.

use rebuffer_model::{
    FaultScope, Filter, RequestKind, RungPosition, SequencePredicate, Span, UrlMatch, UrlMatchMode, Variant,
    VariantPredicate,
};
use regex::Regex;

/// What the rules may know of a request.
#[derive(Debug, Clone, Copy)]
pub struct RequestView<'a> {
    /// What it asks for.
    pub kind: RequestKind,
    /// The rung it belongs to.
    pub variant: Option<&'a Variant>,
    /// The path as it was sent; a query is not looked at.
    pub path: &'a str,
    /// How many rungs the current ladder has.
    pub ladder_len: usize,
    /// Where it stands among the segments of its playlist.
    pub sequence: Sequence,
    /// Whether it asks a playlist to wait for what is not there yet.
    pub blocking_reload: bool,
    /// Whether a playlist hints at it and does not have it yet.
    pub preload_hint: bool,
}

/// Where a segment or part stands; what is not known is absent, and then no predicate on it holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sequence {
    /// Its media sequence number.
    pub media_sequence: Option<u64>,
    /// How many others of its kind the play asked for before it.
    pub index_in_play: Option<u64>,
    /// How many segments its playlist has after it.
    pub from_live_edge: Option<u64>,
}

/// A filter with its patterns compiled. The default matches everything.
#[derive(Debug, Default)]
pub(crate) struct Matcher {
    kinds: Vec<RequestKind>,
    variant: Option<VariantPredicate>,
    url: Option<UrlPattern>,
    sequence: Option<SequencePredicate>,
}

#[derive(Debug)]
enum UrlPattern {
    Exact(Vec<String>),
    Basename(Vec<String>),
    Substring(Vec<String>),
    Regex(Vec<Regex>),
}

impl<'a> RequestView<'a> {
    /// A request of this kind and path of which nothing else is known.
    pub fn of(kind: RequestKind, path: &'a str) -> Self {
        Self {
            kind,
            variant: None,
            path,
            ladder_len: 0,
            sequence: Sequence::default(),
            blocking_reload: false,
            preload_hint: false,
        }
    }
}

impl Matcher {
    pub(crate) fn compile(filter: &Filter) -> Result<Self, regex::Error> {
        Ok(Self {
            kinds: filter.request_kind.clone(),
            variant: filter.variant.clone(),
            url: filter.url_match.as_ref().map(UrlPattern::compile).transpose()?,
            sequence: filter.sequence.clone(),
        })
    }

    pub(crate) fn matches(&self, request: &RequestView<'_>) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&request.kind))
            && self.variant.as_ref().is_none_or(|predicate| variant_matches(predicate, request))
            && self.url.as_ref().is_none_or(|url| url.matches(request.path))
            && self.sequence.as_ref().is_none_or(|predicate| stands_there(predicate, request.sequence))
    }
}

impl UrlPattern {
    fn compile(url: &UrlMatch) -> Result<Self, regex::Error> {
        let patterns = url.patterns.clone();
        Ok(match url.mode {
            UrlMatchMode::Exact => Self::Exact(patterns),
            UrlMatchMode::Basename => Self::Basename(patterns),
            UrlMatchMode::Substring => Self::Substring(patterns),
            UrlMatchMode::Regex => {
                Self::Regex(patterns.iter().map(|pattern| Regex::new(pattern)).collect::<Result<_, _>>()?)
            }
        })
    }

    fn matches(&self, path: &str) -> bool {
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        match self {
            Self::Exact(patterns) => patterns.iter().any(|pattern| pattern == path),
            Self::Basename(patterns) => {
                let basename = path.rsplit_once('/').map_or(path, |(_, last)| last);
                patterns.iter().any(|pattern| pattern == basename)
            }
            Self::Substring(patterns) => patterns.iter().any(|pattern| path.contains(pattern.as_str())),
            Self::Regex(patterns) => patterns.iter().any(|pattern| pattern.is_match(path)),
        }
    }
}

/// Whether a fault of this scope can strike the request at all.
pub(crate) fn is_in_scope(scope: FaultScope, request: &RequestView<'_>) -> bool {
    match scope {
        FaultScope::Any => true,
        FaultScope::Manifest => request.kind.is_manifest(),
        FaultScope::BlockingReload => request.blocking_reload,
        FaultScope::PreloadHint => request.preload_hint,
    }
}

fn stands_there(predicate: &SequencePredicate, stands: Sequence) -> bool {
    let holds = |span: Option<Span>, place: Option<u64>| match (span, place) {
        (None, _) => true,
        (Some(span), Some(place)) => span.holds(place),
        (Some(_), None) => false,
    };
    let SequencePredicate { media_sequence, index_in_play, from_live_edge } = predicate;
    holds(*media_sequence, stands.media_sequence)
        && holds(*index_in_play, stands.index_in_play)
        && holds(*from_live_edge, stands.from_live_edge)
}

fn variant_matches(predicate: &VariantPredicate, request: &RequestView<'_>) -> bool {
    let VariantPredicate {
        rung_indexes,
        rung_positions,
        resolutions,
        bandwidth_above,
        bandwidth_below,
        codec_prefix,
    } = predicate;
    let Some(variant) = request.variant else {
        return *predicate == VariantPredicate::default();
    };
    let codec_begins = |prefix: &String| {
        let codecs = variant.codecs.as_deref().unwrap_or_default();
        codecs.split(',').any(|codec| codec.trim_ascii().starts_with(prefix.as_str()))
    };
    (rung_indexes.is_empty() || rung_indexes.contains(&variant.rung))
        && (rung_positions.is_empty()
            || rung_positions.iter().any(|place| stands_at(*place, variant.rung, request.ladder_len)))
        && (resolutions.is_empty()
            || variant.resolution.is_some_and(|resolution| resolutions.contains(&resolution)))
        && bandwidth_above.is_none_or(|limit| variant.bandwidth > limit)
        && bandwidth_below.is_none_or(|limit| variant.bandwidth < limit)
        && codec_prefix.as_ref().is_none_or(codec_begins)
}

/// A ladder of one rung has a top and a bottom, but nothing beside them.
fn stands_at(place: RungPosition, rung: u32, ladder_len: usize) -> bool {
    let from_bottom = usize::try_from(rung).ok().filter(|rung| *rung < ladder_len);
    let Some(from_bottom) = from_bottom else {
        return false;
    };
    let from_top = ladder_len - 1 - from_bottom;
    match place {
        RungPosition::Top => from_top == 0,
        RungPosition::SecondFromTop => from_top == 1,
        RungPosition::Bottom => from_bottom == 0,
        RungPosition::SecondFromBottom => from_bottom == 1,
    }
}

#[cfg(test)]
mod tests;
