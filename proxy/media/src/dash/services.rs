//! URLs in an MPD that a player asks for something else than media: the time, and what is reported or called back.
//!
//! Invariant: learning and rewriting both read this table. Deliberately absent: licences and steering, which have kinds of their own.

use std::borrow::Cow;

use super::xml::Node;
use crate::hls::Text;

/// Time sources that are fetched; their value is a list of URLs.
const HTTP_TIMING: &str = "urn:mpeg:dash:utc:http-";
/// Events by which a player is asked to fetch a URL (ISO/IEC 23009-1 §5.10.4.3).
const CALLBACK: &str = "urn:mpeg:dash:event:callback:";

/// Those that stand in this element, as written and as meant.
pub(crate) fn services<'a>(node: Node<'_, 'a>) -> Vec<(Text<'a>, Cow<'a, str>)> {
    let meant = |text: Text<'a>| (text, node.unescaped(text.text));
    match node.name() {
        "UTCTiming" if has_scheme(node, HTTP_TIMING) => {
            node.raw("value").into_iter().flat_map(words).map(meant).collect()
        }
        // Reports of DVB-DASH (ETSI TS 103 285 §10.12.3).
        "Reporting" => node.raw("reportingUrl").into_iter().map(meant).collect(),
        "Event" if node.parent().is_some_and(|stream| has_scheme(stream, CALLBACK)) => {
            let data = node.raw("messageData").into_iter().map(meant);
            data.chain([(node.raw_text(), node.text())]).filter(|(text, _)| !text.text.is_empty()).collect()
        }
        _ => Vec::new(),
    }
}

fn has_scheme(node: Node<'_, '_>, prefix: &str) -> bool {
    node.value("schemeIdUri").is_some_and(|scheme| scheme.trim_ascii().starts_with(prefix))
}

/// The words of a list, each where it stands.
fn words(list: Text<'_>) -> impl Iterator<Item = Text<'_>> {
    let start = list.text.as_ptr().addr();
    let words = list.text.split_ascii_whitespace();
    words.map(move |word| Text { text: word, at: list.at + (word.as_ptr().addr() - start) })
}
