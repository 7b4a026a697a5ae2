//! The placeholders of a `SegmentTemplate`: `$RepresentationID$`, `$Number%05d$`, `$Time$` and their like.
//!
//! Invariant: what is known of a representation is filled in, and what differs from segment to segment is replaced by a
//! mark that survives the resolution of the URL. Deliberately absent: enumerating segments.

/// A placeholder that differs from segment to segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder {
    Number,
    Time,
    /// The place of a partial segment within its segment.
    SubNumber,
}

/// Each placeholder, its name, the mark that stands for it, and the mark as a URL spells it. The marks are of the
/// private use area, which no text uses.
pub const PLACEHOLDERS: [(Placeholder, &str, char, &str); 3] = [
    (Placeholder::Number, "Number", '\u{e5a0}', "%EE%96%A0"),
    (Placeholder::Time, "Time", '\u{e5a1}', "%EE%96%A1"),
    (Placeholder::SubNumber, "SubNumber", '\u{e5a2}', "%EE%96%A2"),
];

/// What is known of a representation.
#[derive(Debug, Clone, Copy)]
pub struct Identifiers<'a> {
    pub id: &'a str,
    pub bandwidth: u64,
}

/// The template with what is known filled in; `None` when it is malformed or names something unknown.
pub fn fill(template: &str, known: Identifiers<'_>) -> Option<String> {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        let (name, after) = after.split_once('$')?;
        filled.push_str(before);
        rest = after;
        let (name, width) = match name.split_once('%') {
            Some((name, format)) => (name, width(format)?),
            None => (name, 1),
        };
        match name {
            "" => filled.push('$'),
            "RepresentationID" => filled.push_str(known.id),
            "Bandwidth" => filled.push_str(&format!("{:01$}", known.bandwidth, width)),
            other => filled.push(PLACEHOLDERS.iter().find(|(_, name, ..)| *name == other)?.2),
        }
    }
    filled.push_str(rest);
    Some(filled)
}

/// Of `05d`. More digits than a number can have mean nothing.
fn width(format: &str) -> Option<usize> {
    let digits = format.strip_suffix(['d', 'i', 'u', 'x', 'X', 'o'])?;
    let width = if digits.is_empty() { 1 } else { digits.parse::<usize>().ok()? };
    (width <= 32).then_some(width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_filled_in_and_the_rest_is_marked() {
        let known = Identifiers { id: "v/1", bandwidth: 900 };
        let check = |template: &str, filled: Option<&str>| {
            assert_eq!(fill(template, known).as_deref(), filled, "{template}");
        };
        check("$RepresentationID$/$Bandwidth%06d$.m4s", Some("v/1/000900.m4s"));
        check("a$$b-$Number%05d$.m4s", Some("a$b-\u{e5a0}.m4s"));
        check("$Time$_$SubNumber$", Some("\u{e5a1}_\u{e5a2}"));
        check("plain", Some("plain"));
        for bad in ["$Number", "$Colour$", "$Number%5$", "$Number%99d$", "a$b"] {
            check(bad, None);
        }
    }

    #[test]
    fn marks_are_spelt_as_a_url_spells_them() {
        for (_, _, mark, spelt) in PLACEHOLDERS {
            let mut bytes = [0; 4];
            let expected =
                mark.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
            assert_eq!(spelt, expected);
        }
    }
}
