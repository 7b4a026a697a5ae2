//! Whether a rule is meant for a request.
//!
//! Invariant: every named predicate must hold, within a list any; a predicate on the variant never holds for a request
//! that belongs to none. Patterns are compiled when rules are set, so a request only compares.
//! Deliberately absent: decoding of the path. It is compared as the client sent it.

use rebuffer_model::{
    FaultScope, Filter, Presentation, PresentationPredicate, PresentationRole, RequestKind, RungPosition,
    SequencePredicate, Span, UrlMatch, UrlMatchMode, Variant, VariantPredicate,
};
use regex_automata::meta::Regex;
use regex_automata::nfa::thompson::WhichCaptures;
use regex_automata::util::syntax;
use wildmatch::WildMatch;

/// What the rules may know of a request.
#[derive(Debug, Clone, Copy)]
pub struct RequestView<'a> {
    /// What it asks for.
    pub kind: RequestKind,
    /// The names of the host it is asked of: the origin's, the host, and host and port.
    pub hosts: [&'a str; 3],
    /// The presentation it belongs to.
    pub presentation: Option<&'a Presentation>,
    /// The rung it belongs to.
    pub variant: Option<&'a Variant>,
    /// The path as it was sent; a query is not looked at.
    pub path: &'a str,
    /// How many rungs the ladder of its presentation has.
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
    /// What it was compiled from.
    filter: Option<Filter>,
    kinds: Vec<RequestKind>,
    hosts: Vec<WildMatch>,
    presentation: Option<PresentationMatcher>,
    variant: Option<VariantPredicate>,
    url: Option<UrlPattern>,
    sequence: Option<SequencePredicate>,
}

#[derive(Debug)]
struct PresentationMatcher {
    roles: Vec<PresentationRole>,
    paths: Vec<WildMatch>,
}

#[derive(Debug)]
enum UrlPattern {
    Exact(Vec<String>),
    Basename(Vec<String>),
    Substring(Vec<String>),
    Regex(Regex),
}

/// Why patterns cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PatternError {
    /// Which one; absent when it is all of them.
    pub index: Option<usize>,
    /// What is wrong with it.
    pub message: String,
}

/// What the regular expressions of one filter may compile to, bytes.
const MAX_COMPILED_BYTES: usize = 1 << 20;

impl<'a> RequestView<'a> {
    /// A request of this kind and path of which nothing else is known.
    pub fn of(kind: RequestKind, path: &'a str) -> Self {
        Self {
            kind,
            hosts: [""; 3],
            presentation: None,
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
    pub(crate) fn compile(filter: &Filter) -> Result<Self, PatternError> {
        Ok(Self {
            filter: Some(filter.clone()),
            kinds: filter.request_kind.clone(),
            hosts: filter.host.iter().map(|host| WildMatch::new(&host.to_ascii_lowercase())).collect(),
            presentation: filter.presentation.as_ref().map(PresentationMatcher::compile),
            variant: filter.variant.clone(),
            url: filter.url_match.as_ref().map(UrlPattern::compile).transpose()?,
            sequence: filter.sequence.clone(),
        })
    }

    /// Whether it is the one of this filter.
    pub(crate) fn is_of(&self, filter: Option<&Filter>) -> bool {
        self.filter.as_ref() == filter
    }

    /// What its patterns compiled to, bytes.
    pub(crate) fn cost(&self) -> usize {
        match &self.url {
            Some(UrlPattern::Regex(regex)) => regex.memory_usage(),
            Some(UrlPattern::Exact(_) | UrlPattern::Basename(_) | UrlPattern::Substring(_)) | None => 0,
        }
    }

    pub(crate) fn matches(&self, request: &RequestView<'_>) -> bool {
        self.is_of_kind(request.kind)
            && (self.hosts.is_empty() || self.hosts.iter().any(|host| is_named(host, request.hosts)))
            && self.presentation.as_ref().is_none_or(|it| it.matches(request.presentation))
            && self.variant.as_ref().is_none_or(|predicate| {
                let asks_nothing = *predicate == VariantPredicate::default();
                asks_nothing || (self.means_presentation_of(request) && variant_matches(predicate, request))
            })
            && self.url.as_ref().is_none_or(|url| url.matches(request.path))
            && self.sequence.as_ref().is_none_or(|predicate| stands_there(predicate, request.sequence))
    }
}

impl Matcher {
    /// A preflight is only matched by a rule that names it.
    fn is_of_kind(&self, kind: RequestKind) -> bool {
        self.kinds.contains(&kind) || (self.kinds.is_empty() && kind != RequestKind::Preflight)
    }

    /// A variant is one of the primary presentation, unless the filter says of which.
    fn means_presentation_of(&self, request: &RequestView<'_>) -> bool {
        let is_primary = |it: &Presentation| it.role == PresentationRole::Primary;
        self.presentation.is_some() || request.presentation.is_none_or(is_primary)
    }
}

impl PresentationMatcher {
    fn compile(predicate: &PresentationPredicate) -> Self {
        let PresentationPredicate { roles, paths } = predicate;
        Self { roles: roles.clone(), paths: paths.iter().map(|path| WildMatch::new(path)).collect() }
    }

    fn matches(&self, presentation: Option<&Presentation>) -> bool {
        presentation.is_some_and(|it| {
            (self.roles.is_empty() || self.roles.contains(&it.role))
                && (self.paths.is_empty() || self.paths.iter().any(|path| path.matches(&it.path)))
        })
    }
}

fn is_named(pattern: &WildMatch, names: [&str; 3]) -> bool {
    names.iter().any(|name| pattern.matches(name))
}

impl UrlPattern {
    fn compile(url: &UrlMatch) -> Result<Self, PatternError> {
        let patterns = url.patterns.clone();
        Ok(match url.mode {
            UrlMatchMode::Exact => Self::Exact(patterns),
            UrlMatchMode::Basename => Self::Basename(patterns),
            UrlMatchMode::Substring => Self::Substring(patterns),
            UrlMatchMode::Regex => Self::Regex(regex(&patterns)?),
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
            Self::Regex(patterns) => patterns.is_match(path),
        }
    }
}

/// All of them as one automaton, which only says whether any matches.
fn regex(patterns: &[String]) -> Result<Regex, PatternError> {
    let config = Regex::config()
        .which_captures(WhichCaptures::None)
        .nfa_size_limit(Some(MAX_COMPILED_BYTES))
        .hybrid_cache_capacity(MAX_COMPILED_BYTES);
    // Bytes, because a path is ASCII, and the classes of Unicode compile to a hundred times as much.
    let syntax = syntax::Config::new().unicode(false).utf8(false).nest_limit(64);
    Regex::builder().configure(config).syntax(syntax).build_many(patterns).map_err(|error| {
        let index = error.pattern().map(|pattern| pattern.as_usize());
        let pattern = index.and_then(|index| patterns.get(index));
        let message = match (error.syntax_error(), pattern) {
            (Some(wrong), Some(pattern)) => format!("{pattern:?} is not a regular expression: {wrong}"),
            _ => format!("the patterns compile to more than {MAX_COMPILED_BYTES} bytes; repeat less"),
        };
        PatternError { index, message }
    })
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
    let Some(variant) = request.variant else { return false };
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
