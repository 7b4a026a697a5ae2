//! Changes to a text by position, so that every byte that is not named stays as it is.
//!
//! Invariant: without an edit the very same buffer comes back; edits are made from front to back in whatever order they
//! were named, and one that does not fit the text or overlaps its predecessor is left out. Deliberately absent: what to
//! change.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

/// Replacements of spans of one body.
#[derive(Debug, Clone, Default)]
pub struct Edits {
    list: Vec<(Range<usize>, String)>,
}

impl Edits {
    /// Puts `text` where `span` was; an empty span inserts, an empty text removes.
    pub fn replace(&mut self, span: Range<usize>, text: impl Into<String>) {
        self.list.push((span, text.into()));
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The body with all edits made; the same buffer when there are none.
    pub fn apply(&self, body: &Bytes) -> Bytes {
        if self.list.is_empty() {
            return body.clone();
        }
        let mut edited = BytesMut::with_capacity(body.len());
        let mut done = 0;
        let mut ordered = self.list.iter().collect::<Vec<_>>();
        ordered.sort_by_key(|(span, _)| (span.start, span.end));
        for (span, text) in ordered {
            let Some(kept) = body.get(done..span.start).filter(|_| body.get(span.clone()).is_some()) else {
                continue;
            };
            edited.extend_from_slice(kept);
            edited.extend_from_slice(text.as_bytes());
            done = span.end;
        }
        edited.extend_from_slice(body.get(done..).unwrap_or_default());
        edited.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_bytes_change_and_all_others_stay() {
        let body = Bytes::from_static(b"abc\xffdef\r\n");
        let mut edits = Edits::default();
        edits.replace(0..1, "AAA");
        edits.replace(4..6, "");
        edits.replace(3..3, "+");
        assert_eq!(edits.apply(&body), Bytes::from_static(b"AAAbc+\xfff\r\n"));
    }

    #[test]
    fn no_edit_is_no_copy() {
        let body = Bytes::from(vec![b'a'; 100]);
        assert_eq!(Edits::default().apply(&body).as_ptr(), body.as_ptr());
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let mut edits = Edits::default();
        edits.replace(1..3, "x");
        edits.replace(2..4, "overlaps");
        edits.replace(4..99, "beyond");
        assert_eq!(edits.apply(&Bytes::from_static(b"abcde")), Bytes::from_static(b"axde"));
    }
}
