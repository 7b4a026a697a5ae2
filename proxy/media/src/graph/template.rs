//! URLs by pattern: literal text, and numbers where a `SegmentTemplate` has its placeholders.
//!
//! Invariant: matching costs no more than the text is long, save where numbers stand side by side, and of those there are
//! at most `MAX_HOLES`. Deliberately absent: how many digits a number is written with; a longer one is another number.

use crate::dash::{PLACEHOLDERS, Placeholder};

/// The most placeholders of one pattern.
const MAX_HOLES: usize = 3;
/// The most digits of a number.
const MAX_DIGITS: usize = 20;

#[derive(Debug)]
pub(super) struct Pattern {
    whole: Vec<Piece>,
    /// Without its query, if every number stands before it.
    path: Option<Vec<Piece>>,
}

#[derive(Debug)]
enum Piece {
    Literal(Box<str>),
    Hole(Placeholder),
}

/// The numbers that stand in a URL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) number: Option<u64>,
    pub(super) time: Option<u64>,
    pub(super) sub: Option<u64>,
}

impl Pattern {
    /// Of a resolved URL in which marks stand for placeholders.
    pub(super) fn new(marked: &str) -> Option<Self> {
        let whole = pieces(marked)?;
        let (path, query) = marked.split_once('?').unwrap_or((marked, ""));
        let path = (path.len() < marked.len() && holes(&pieces(query)?) == 0).then(|| pieces(path)).flatten();
        Some(Self { whole, path })
    }

    pub(super) fn has_sub_numbers(&self) -> bool {
        self.whole.iter().any(|piece| matches!(piece, Piece::Hole(Placeholder::SubNumber)))
    }

    /// The numbers of a URL that fits.
    pub(super) fn read(&self, url: &str) -> Option<Numbers> {
        let mut numbers = Numbers::default();
        fits(&self.whole, url, &mut numbers).then_some(numbers)
    }

    /// The same for a path alone, when this is a pattern with a query.
    pub(super) fn read_path(&self, path: &str) -> Option<Numbers> {
        let mut numbers = Numbers::default();
        fits(self.path.as_ref()?, path, &mut numbers).then_some(numbers)
    }

    /// About how many bytes it takes.
    pub(super) fn weight(&self) -> usize {
        let weigh = |pieces: &Vec<Piece>| {
            let text = |piece: &Piece| match piece {
                Piece::Literal(text) => text.len(),
                Piece::Hole(_) => 0,
            };
            pieces.iter().map(|piece| size_of::<Piece>() + text(piece)).sum::<usize>()
        };
        weigh(&self.whole) + self.path.as_ref().map_or(0, weigh)
    }
}

fn pieces(marked: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = marked;
    loop {
        let next = PLACEHOLDERS.iter().filter_map(|(placeholder, _, _, spelt)| {
            rest.find(spelt).map(|at| (at, *placeholder, spelt.len()))
        });
        let Some((at, placeholder, length)) = next.min_by_key(|(at, ..)| *at) else { break };
        let (literal, after) = rest.split_at(at);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal.into()));
        }
        pieces.push(Piece::Hole(placeholder));
        rest = after.split_at(length).1;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest.into()));
    }
    (holes(&pieces) <= MAX_HOLES).then_some(pieces)
}

fn holes(pieces: &[Piece]) -> usize {
    pieces.iter().filter(|piece| matches!(piece, Piece::Hole(_))).count()
}

fn fits(pieces: &[Piece], text: &str, numbers: &mut Numbers) -> bool {
    let Some((piece, others)) = pieces.split_first() else {
        return text.is_empty();
    };
    match piece {
        Piece::Literal(literal) => {
            text.strip_prefix(&**literal).is_some_and(|rest| fits(others, rest, numbers))
        }
        Piece::Hole(placeholder) => {
            let digits = text.bytes().take(MAX_DIGITS).take_while(u8::is_ascii_digit).count();
            let ends_with_digits = match others.first() {
                Some(Piece::Literal(next)) => !next.starts_with(|c: char| c.is_ascii_digit()),
                Some(Piece::Hole(_)) => false,
                None => true,
            };
            let shortest = if ends_with_digits { digits.max(1) } else { 1 };
            let length =
                (shortest..=digits).rev().find(|length| fits(others, text.split_at(*length).1, numbers));
            if let Some(length) = length {
                let number = text.split_at(length).0.parse().ok();
                match placeholder {
                    Placeholder::Number => numbers.number = number,
                    Placeholder::Time => numbers.time = number,
                    Placeholder::SubNumber => numbers.sub = number,
                }
            }
            length.is_some()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(template: &str) -> Pattern {
        let marked = PLACEHOLDERS
            .iter()
            .fold(template.to_owned(), |text, (_, name, _, spelt)| text.replace(&format!("${name}$"), spelt));
        Pattern::new(&marked).unwrap()
    }

    #[test]
    fn numbers_are_read_where_the_template_has_them() {
        let check = |template: &str, url: &str, expected: Option<(Option<u64>, Option<u64>, Option<u64>)>| {
            let read = pattern(template).read(url).map(|read| (read.number, read.time, read.sub));
            assert_eq!(read, expected, "{template} {url}");
        };
        check("/v/$Number$.m4s", "/v/00042.m4s", Some((Some(42), None, None)));
        check("/v/$Time$", "/v/18446744073709551615", Some((None, Some(u64::MAX), None)));
        check("/v/$Number$-$SubNumber$.m4s", "/v/7-3.m4s", Some((Some(7), None, Some(3))));
        check("/v/$Number$0.m4s", "/v/1200.m4s", Some((Some(120), None, None)));
        check("/v/$Number$$Time$", "/v/12", Some((Some(1), Some(2), None)));
        check("/v/init.mp4", "/v/init.mp4", Some((None, None, None)));
        for other in [
            "/v/.m4s",
            "/v/x.m4s",
            "/v/1.m4s?a=1",
            "/v/1.m4sx",
            "/w/1.m4s",
            "/v/123456789012345678901.m4s",
            "",
        ] {
            check("/v/$Number$.m4s", other, None);
        }
    }

    #[test]
    fn another_query_is_forgiven_when_the_numbers_stand_before_it() {
        let tokened = pattern("/v/$Number$.m4s?token=abc");
        assert!(tokened.read("/v/3.m4s?token=abc").is_some() && tokened.read("/v/3.m4s?token=d").is_none());
        assert_eq!(tokened.read_path("/v/3.m4s").and_then(|read| read.number), Some(3));
        assert!(pattern("/get?n=$Number$").read_path("/get").is_none());
        assert!(pattern("/v/$Number$").read_path("/v/3").is_none());
    }

    #[test]
    fn a_pattern_of_too_many_numbers_is_none() {
        let (_, _, _, spelt) = PLACEHOLDERS[0];
        assert!(Pattern::new(&format!("/{}", spelt.repeat(MAX_HOLES + 1))).is_none());
        let many = Pattern::new(&format!("/{}x", spelt.repeat(MAX_HOLES))).unwrap();
        assert!(many.read(&format!("/{}", "1".repeat(5_000))).is_none());
    }
}
