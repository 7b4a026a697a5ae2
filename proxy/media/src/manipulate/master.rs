//! Edits of multivariant playlists.
//!
//! Invariant: a variant is its tag and its URI, which go and change places together; what stands between them stays.
//! Deliberately absent: which URL a variant's URI leads to; it is known as it is written.

use std::collections::HashSet;
use std::ops::Range;

use rebuffer_model::Content;

use super::{Unmet, list, order, scaled};
use crate::Edits;
use crate::hls::{Line, Lines, Tag, Text, line_around};

/// The attributes by which a variant refers to renditions; a rendition's `TYPE` is one of these names.
const GROUPS: &[&str] = &["AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS"];

struct Variant<'a> {
    tag: Tag<'a>,
    uri: Text<'a>,
    /// Tags before it that have no URI of their own; left behind they would take another variant's.
    stray: Vec<Tag<'a>>,
}

/// The tags that matter here, in the order of the playlist.
#[derive(Default)]
struct Entries<'a> {
    variants: Vec<Variant<'a>>,
    i_frames: Vec<Tag<'a>>,
    renditions: Vec<Tag<'a>>,
}

impl<'a> Entries<'a> {
    fn read(body: &'a [u8]) -> Self {
        let mut entries = Self::default();
        let mut pending = Vec::new();
        for line in Lines::new(body) {
            match line {
                Line::Uri(uri) => {
                    let mut stray = std::mem::take(&mut pending);
                    let variant = stray.pop().map(|tag| Variant { tag, uri, stray });
                    entries.variants.extend(variant);
                }
                Line::Tag(tag) => match tag.name {
                    "EXT-X-STREAM-INF" => pending.push(tag),
                    "EXT-X-I-FRAME-STREAM-INF" => entries.i_frames.push(tag),
                    "EXT-X-MEDIA" => entries.renditions.push(tag),
                    _ => {}
                },
            }
        }
        entries
    }

    /// The URIs of the ladder, the lowest bandwidth first, each once.
    fn rungs(&self) -> Vec<&'a str> {
        let mut seen = HashSet::new();
        let mut rungs = self.variants.iter().filter(|it| seen.insert(it.uri.text)).collect::<Vec<_>>();
        rungs.sort_by_key(|variant| bandwidth(variant.tag));
        rungs.iter().map(|variant| variant.uri.text).collect()
    }
}

/// Removes variants that are not allowed, and renditions to which only those referred.
pub(super) fn allow(body: &[u8], content: &Content, unmet: &mut Vec<Unmet>) -> Edits {
    let mut edits = Edits::default();
    if !content.restricts_variants() {
        return edits;
    }
    let entries = Entries::read(body);
    let rungs = entries.rungs();
    let by_rung = content.allowed_rungs.iter().filter_map(|rung| rungs.get(usize::try_from(*rung).ok()?));
    let by_rung = by_rung.copied().collect::<HashSet<_>>();
    let is_named = |uri: &str| content.allowed_variants.iter().any(|allowed| allowed == uri);
    let stays = |variant: &Variant<'_>| is_named(variant.uri.text) || by_rung.contains(variant.uri.text);
    if !entries.variants.iter().any(stays) {
        let field = if content.allowed_variants.is_empty() { "allowed_rungs" } else { "allowed_variants" };
        unmet.push(Unmet { field, why: "it allows no variant of this playlist, so all of them stay" });
        return edits;
    }
    let sizes = entries.variants.iter().filter(|variant| by_rung.contains(variant.uri.text));
    let sizes = sizes.filter_map(|variant| value(variant.tag, "RESOLUTION")).collect::<HashSet<_>>();
    let i_frames_stay = |tag: &Tag<'_>| {
        value(*tag, "URI").is_some_and(is_named)
            || value(*tag, "RESOLUTION").is_some_and(|it| sizes.contains(it))
    };
    let (kept, gone) = entries.variants.iter().partition::<Vec<_>, _>(|variant| stays(variant));
    let (kept_groups, gone_groups) = (groups(&kept), groups(&gone));

    let mut lines = Vec::new();
    for variant in gone {
        let tags = variant.stray.iter().chain([&variant.tag]);
        lines.extend(tags.map(|tag| line_around(body, tag.span())));
        lines.push(line_around(body, variant.uri.span()));
    }
    let i_frames = entries.i_frames.iter().filter(|tag| !i_frames_stay(tag));
    let orphans = entries.renditions.iter().filter(|tag| {
        let group = value(**tag, "TYPE").zip(value(**tag, "GROUP-ID"));
        group.is_some_and(|group| gone_groups.contains(&group) && !kept_groups.contains(&group))
    });
    lines.extend(i_frames.chain(orphans).map(|tag| line_around(body, tag.span())));
    remove(&mut edits, lines);
    edits
}

/// Removes and changes attributes of variants.
pub(super) fn attributes(body: &[u8], content: &Content, _: &mut Vec<Unmet>) -> Edits {
    let mut edits = Edits::default();
    let goes = |name: &str| match name {
        "CODECS" => content.strip_codecs,
        "AVERAGE-BANDWIDTH" => content.strip_average_bandwidth,
        "RESOLUTION" => content.strip_resolution,
        _ => false,
    };
    let pct = content.declared_pct();
    let becomes = |name: &str, value: &str| {
        let is_rate = matches!(name, "BANDWIDTH" | "AVERAGE-BANDWIDTH") && pct != 0;
        let changed = is_rate.then(|| value.parse().ok()).flatten().map(|rate| scaled(rate, pct).to_string());
        changed.filter(|changed| changed != value)
    };
    for line in Lines::new(body) {
        if let Line::Tag(tag) = line
            && matches!(tag.name, "EXT-X-STREAM-INF" | "EXT-X-I-FRAME-STREAM-INF")
        {
            list::edit(&mut edits, tag, goes, becomes);
        }
    }
    edits
}

/// Lets variants change places.
pub(super) fn reorder(body: &[u8], content: &Content, _: &mut Vec<Unmet>) -> Edits {
    let mut edits = Edits::default();
    let Some(order) = content.variant_order else { return edits };
    let variants = Entries::read(body).variants;
    let bandwidths = variants.iter().map(|variant| bandwidth(variant.tag)).collect::<Vec<_>>();
    let places = order::permutation(order, &bandwidths);
    let slots =
        variants.iter().flat_map(|variant| [variant.tag.span(), variant.uri.span()]).collect::<Vec<_>>();
    order::exchange(&mut edits, body, &slots, |slot| {
        places.get(slot / 2).map_or(slot, |place| place * 2 + slot % 2)
    });
    edits
}

/// One `EXT-X-START`, at the offset from the live edge.
pub(super) fn live_offset(body: &[u8], content: &Content, _: &mut Vec<Unmet>) -> Edits {
    let mut edits = Edits::default();
    if content.live_offset > 0 {
        start(&mut edits, body, &format!("#EXT-X-START:TIME-OFFSET=-{},PRECISE=YES", content.live_offset));
    }
    edits
}

/// Puts the line where `EXT-X-START` stands, or else after the version, which players want right behind `EXTM3U`.
pub(super) fn start(edits: &mut Edits, body: &[u8], text: &str) {
    let tags = || {
        Lines::new(body).filter_map(|line| match line {
            Line::Tag(tag) => Some(tag),
            Line::Uri(_) => None,
        })
    };
    let mut known = tags().filter(|tag| tag.name == "EXT-X-START");
    if let Some(first) = known.next() {
        if body.get(first.span()) != Some(text.as_bytes()) {
            edits.replace(first.span(), text);
        }
        for other in known {
            edits.replace(line_around(body, other.span()), "");
        }
    } else if let Some(before) = tags().find(|tag| tag.name == "EXT-X-VERSION").or_else(|| tags().next()) {
        list::insert_after(edits, body, before.span(), text);
    }
}

fn groups<'a>(variants: &[&Variant<'a>]) -> HashSet<(&'static str, &'a str)> {
    variants.iter().flat_map(|variant| referred(variant.tag)).collect()
}

fn referred<'a>(tag: Tag<'a>) -> impl Iterator<Item = (&'static str, &'a str)> {
    GROUPS.iter().filter_map(move |kind| Some((*kind, value(tag, kind)?)))
}

fn value<'a>(tag: Tag<'a>, name: &str) -> Option<&'a str> {
    tag.attributes().value(name).map(|value| value.text)
}

fn bandwidth(tag: Tag<'_>) -> u64 {
    tag.attributes().number("BANDWIDTH").unwrap_or_default()
}

fn remove(edits: &mut Edits, mut lines: Vec<Range<usize>>) {
    lines.sort_by_key(|line| line.start);
    lines.dedup();
    for line in lines {
        edits.replace(line, "");
    }
}
