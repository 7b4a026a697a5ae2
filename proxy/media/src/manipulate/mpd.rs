//! Edits of MPDs.
//!
//! Invariant: only pictures are restricted, restated and reordered, as only they make up the ladder; a period keeps at
//! least one of the encodings it has. A bandwidth that stands in URLs is left alone, or nothing could be fetched.
//! Deliberately absent: validation against the profile the MPD claims.

use std::collections::HashSet;
use std::ops::Range;

use rebuffer_model::Content;

use super::{Unmet, order, scaled};
use crate::Edits;
use crate::dash::{ContentType, Document, Mpd, Node, Representation};
use crate::graph::{self, Ladder};

/// A document, and its representations in the order in which `Mpd` has them.
struct Reading<'d, 'a> {
    mpd: Mpd<'a>,
    nodes: Vec<Node<'d, 'a>>,
    ladder: Ladder,
}

impl<'d, 'a> Reading<'d, 'a> {
    fn of(document: &'d Document<'a>) -> Self {
        let root = document.root();
        let sets = root.children("Period").flat_map(|period| period.children("AdaptationSet"));
        let nodes = sets.flat_map(|set| set.children("Representation")).collect();
        let mpd = Mpd::of(root);
        let ladder = graph::ladder_of(&mpd);
        Self { mpd, nodes, ladder }
    }

    fn pictures(&self) -> impl Iterator<Item = (&Representation<'a>, Node<'d, 'a>)> {
        let all = self.mpd.representations.iter().zip(self.nodes.iter().copied());
        all.filter(|(representation, _)| representation.content == ContentType::Video)
    }

    fn rung(&self, of: &Representation<'_>) -> Option<u32> {
        graph::rung_of(of, &self.ladder).map(|variant| variant.rung)
    }
}

/// Removes representations that are not allowed, and sets of which nothing is left.
pub(super) fn allow(body: &[u8], content: &Content, unmet: &mut Vec<Unmet>) -> Edits {
    let mut edits = Edits::default();
    let Some(document) = Document::parse(body).filter(|_| content.restricts_variants()) else { return edits };
    let reading = Reading::of(&document);
    let is_named = |it: &Representation<'_>| content.allowed_variants.iter().any(|allowed| *allowed == it.id);
    let is_rung =
        |it: &Representation<'_>| reading.rung(it).is_some_and(|rung| content.allowed_rungs.contains(&rung));
    let stays = |it: &Representation<'_>| is_named(it) || is_rung(it);
    let sizes =
        reading.pictures().filter(|(it, _)| is_rung(it)).map(|(it, _)| it.resolution).collect::<HashSet<_>>();
    let served = reading.pictures().filter(|(it, _)| !it.trick && stays(it)).map(|(it, _)| it.period);
    let served = served.collect::<HashSet<_>>();
    if reading.pictures().any(|(it, _)| !served.contains(&it.period)) {
        let field = if content.allowed_variants.is_empty() { "allowed_rungs" } else { "allowed_variants" };
        unmet.push(Unmet { field, why: "it allows no pictures in some period, so all of them stay there" });
    }
    let goes = |it: &Representation<'_>| {
        let sought = it.trick && sizes.contains(&it.resolution);
        served.contains(&it.period) && !stays(it) && !sought
    };
    let gone = reading.pictures().filter(|(it, _)| goes(it)).map(|(_, node)| node.span().start);
    let gone = gone.collect::<HashSet<_>>();
    let mut emptied = HashSet::new();
    for (_, node) in reading.pictures().filter(|(_, node)| gone.contains(&node.span().start)) {
        let Some(set) = node.parent() else { continue };
        let is_emptied = set.children("Representation").all(|each| gone.contains(&each.span().start));
        if !is_emptied {
            edits.replace(with_indent(body, node.span()), "");
        } else if emptied.insert(set.span().start) {
            edits.replace(with_indent(body, set.span()), "");
        }
    }
    edits
}

/// Removes and changes attributes of pictures, and sets the delay of a live presentation.
pub(super) fn attributes(body: &[u8], content: &Content, unmet: &mut Vec<Unmet>) -> Edits {
    let mut edits = Edits::default();
    let Some(document) = Document::parse(body) else { return edits };
    let reading = Reading::of(&document);
    strip(&mut edits, body, content, &reading);
    restate(&mut edits, content, &reading, unmet);
    if content.live_offset > 0 {
        if reading.mpd.dynamic {
            delay(&mut edits, document.root(), content.live_offset);
        } else {
            unmet.push(Unmet { field: "live_offset", why: "the presentation is not live" });
        }
    }
    edits
}

/// Lets the representations of pictures change places within their set.
pub(super) fn reorder(body: &[u8], content: &Content, _: &mut Vec<Unmet>) -> Edits {
    let mut edits = Edits::default();
    let Some((document, order)) = Document::parse(body).zip(content.variant_order) else { return edits };
    let reading = Reading::of(&document);
    let mut sets = Vec::<(usize, Vec<u64>, Vec<Range<usize>>)>::new();
    for (representation, node) in reading.pictures() {
        let set = node.parent().map_or(0, |set| set.span().start);
        match sets.last_mut().filter(|(known, ..)| *known == set) {
            Some((_, bandwidths, slots)) => {
                bandwidths.push(representation.bandwidth);
                slots.push(node.span());
            }
            None => sets.push((set, vec![representation.bandwidth], vec![node.span()])),
        }
    }
    for (_, bandwidths, slots) in sets {
        let places = order::permutation(order, &bandwidths);
        order::exchange(&mut edits, body, &slots, |slot| places.get(slot).copied().unwrap_or(slot));
    }
    edits
}

fn strip(edits: &mut Edits, body: &[u8], content: &Content, reading: &Reading<'_, '_>) {
    let names = [
        ("codecs", content.strip_codecs),
        ("width", content.strip_resolution),
        ("height", content.strip_resolution),
    ];
    let mut seen = HashSet::new();
    for (_, node) in reading.pictures() {
        for holder in [node.parent(), Some(node)].into_iter().flatten() {
            let spans =
                names.iter().filter(|(_, goes)| *goes).filter_map(|(name, _)| holder.attribute_span(name));
            for span in spans.filter(|span| seen.insert(span.start)) {
                edits.replace(with_indent(body, span), "");
            }
        }
    }
}

fn restate(edits: &mut Edits, content: &Content, reading: &Reading<'_, '_>, unmet: &mut Vec<Unmet>) {
    let pct = content.declared_pct();
    if pct == 0 {
        return;
    }
    for (representation, node) in reading.pictures() {
        let Some(raw) = node.raw("bandwidth") else { continue };
        let Ok(rate) = raw.text.trim_ascii().parse::<u64>() else { continue };
        if representation.names_bandwidth {
            let field = if content.bandwidth_pct.is_some() { "bandwidth_pct" } else { "overstate_bandwidth" };
            let left = Unmet { field, why: "URLs of the presentation hold the bandwidth" };
            if !unmet.contains(&left) {
                unmet.push(left);
            }
        } else if scaled(rate, pct) != rate {
            edits.replace(raw.span(), scaled(rate, pct).to_string());
        }
    }
}

/// The delay of players that go by the MPD alone, and the target of those that go by a service description.
fn delay(edits: &mut Edits, root: Node<'_, '_>, seconds: u32) {
    let value = format!("PT{seconds}S");
    match root.raw("suggestedPresentationDelay") {
        Some(old) if old.text == value => {}
        Some(old) => edits.replace(old.span(), value),
        None => {
            let at = root.name_end();
            edits.replace(at..at, format!(" suggestedPresentationDelay=\"{value}\""));
        }
    }
    let target = u64::from(seconds).saturating_mul(1_000).to_string();
    let latencies = root.descendants().filter(|node| node.name() == "Latency");
    let targets = latencies.filter_map(|node| node.raw("target"));
    for old in targets.filter(|old| old.text != target) {
        edits.replace(old.span(), target.clone());
    }
}

/// A span with the blanks before it, so that no empty line is left.
fn with_indent(body: &[u8], span: Range<usize>) -> Range<usize> {
    let before = body.get(..span.start).unwrap_or_default();
    let blanks = before.iter().rev().take_while(|byte| byte.is_ascii_whitespace()).count();
    span.start - blanks..span.end
}
