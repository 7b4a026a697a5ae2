//! Lines and attributes of HLS playlists, as things to remove, replace and insert.
//!
//! Invariant: what is removed takes its separator with it, so that a list stays a list and lines stay lines.
//! Deliberately absent: what to remove.

use std::ops::Range;

use crate::Edits;
use crate::hls::{Tag, line_around};

/// Removes the attributes that `goes` names, and replaces the values for which `becomes` has another one.
pub(super) fn edit(
    edits: &mut Edits,
    tag: Tag<'_>,
    goes: impl Fn(&str) -> bool,
    becomes: impl Fn(&str, &str) -> Option<String>,
) {
    let attributes = tag.attributes().collect::<Vec<_>>();
    let mut index = 0;
    while let Some(attribute) = attributes.get(index) {
        index += 1;
        if !goes(attribute.name) {
            if let Some(value) = becomes(attribute.name, attribute.value.text) {
                edits.replace(attribute.value.span(), value);
            }
            continue;
        }
        let first = index - 1;
        while attributes.get(index).is_some_and(|next| goes(next.name)) {
            index += 1;
        }
        let last = attributes.get(index - 1).map_or(attribute.end, |last| last.end);
        let before = first.checked_sub(1).and_then(|before| attributes.get(before));
        let span = match (attributes.get(index), before) {
            (Some(next), _) => attribute.at..next.at,
            (None, Some(before)) => before.end..last,
            (None, None) => attribute.at..last,
        };
        edits.replace(span, "");
    }
}

/// Puts a line after the one around this part of the body, with the same end.
pub(super) fn insert_after(edits: &mut Edits, body: &[u8], part: Range<usize>, text: &str) {
    let line = line_around(body, part);
    let own = body.get(line.clone()).unwrap_or_default();
    let text = match own {
        [.., b'\r', b'\n'] => format!("{text}\r\n"),
        [.., b'\n'] => format!("{text}\n"),
        _ => format!("\n{text}"),
    };
    edits.replace(line.end..line.end, text);
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::hls::{Line, Lines};

    fn edited(text: &str) -> String {
        let mut edits = Edits::default();
        for line in Lines::new(text.as_bytes()) {
            if let Line::Tag(tag) = line {
                let becomes = |name: &str, value: &str| (name == "B").then(|| format!("{value}0"));
                edit(&mut edits, tag, |name| name.starts_with('X'), becomes);
            }
        }
        String::from_utf8(edits.apply(&Bytes::copy_from_slice(text.as_bytes())).to_vec()).unwrap()
    }

    #[test]
    fn what_is_removed_takes_its_comma_with_it() {
        for (before, after) in [
            ("#EXT:X=\"a,b\",B=1,C=2", "#EXT:B=10,C=2"),
            ("#EXT:A=1,X=2,C=3", "#EXT:A=1,C=3"),
            ("#EXT:A=1 , X=2 , X3=4 , C=3", "#EXT:A=1 , C=3"),
            ("#EXT:A=1,X=2", "#EXT:A=1"),
            ("#EXT:A=1,X=2,X=3\r\n", "#EXT:A=1\r\n"),
            ("#EXT:X=1", "#EXT:"),
            ("#EXT:X=1,X=2", "#EXT:"),
            ("#EXT:A=\"X=1\",B=2", "#EXT:A=\"X=1\",B=20"),
            ("#EXT:A", "#EXT:A"),
        ] {
            assert_eq!(edited(before), after);
        }
    }

    #[test]
    fn a_line_is_inserted_with_the_end_of_its_neighbour() {
        for (body, expected) in [("a\r\nb\r\n", "a\r\n+\r\nb\r\n"), ("a\nb", "a\n+\nb"), ("a", "a\n+")] {
            let mut edits = Edits::default();
            insert_after(&mut edits, body.as_bytes(), 0..1, "+");
            assert_eq!(edits.apply(&Bytes::copy_from_slice(body.as_bytes())), expected);
        }
    }
}
