//! A response body as a list of shared pieces: cut to a range and sent without being copied or filled in.
//!
//! Invariant: the length is known before the first byte, so each answer carries `Content-Length`.
//! Padding is one static block of zeros, handed out again and again.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

#[derive(Clone, Debug, Default)]
pub(crate) struct Payload {
    pieces: VecDeque<Bytes>,
}

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

impl Payload {
    pub(crate) fn len(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }

    pub(crate) fn push(&mut self, piece: Bytes) {
        // An empty frame would end an HTTP/2 body early for some clients.
        if !piece.is_empty() {
            self.pieces.push_back(piece);
        }
    }

    pub(crate) fn push_zeros(&mut self, mut count: usize) {
        while count > 0 {
            let step = count.min(ZEROS.len());
            self.push(Bytes::from_static(&ZEROS).slice(..step));
            count -= step;
        }
    }

    /// Takes the next bytes to send; none at the end.
    pub(crate) fn pop(&mut self) -> Option<Bytes> {
        self.pieces.pop_front()
    }

    /// The bytes of `range`, which must lie inside the payload.
    pub(crate) fn slice(&self, range: Range<usize>) -> Self {
        let mut cut = Self::default();
        let mut at = 0;
        for piece in &self.pieces {
            let from = range.start.clamp(at, at + piece.len()) - at;
            let to = range.end.clamp(at, at + piece.len()) - at;
            cut.push(piece.slice(from..to));
            at += piece.len();
        }
        cut
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Self {
        Self::from(Bytes::from(text))
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        let mut payload = Self::default();
        payload.push(bytes);
        payload
    }
}

/// One after the other.
impl FromIterator<Payload> for Payload {
    fn from_iter<I: IntoIterator<Item = Payload>>(payloads: I) -> Self {
        Self { pieces: payloads.into_iter().flat_map(|payload| payload.pieces).collect() }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.pop().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        u64::try_from(self.len()).map_or_else(|_| SizeHint::new(), SizeHint::with_exact)
    }
}

#[cfg(test)]
impl Payload {
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        self.pieces.iter().map(Bytes::as_ref).collect::<Vec<_>>().concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_slice_equals_the_slice_of_the_whole() {
        let mut payload = Payload::default();
        payload.push(Bytes::from_static(b"abc"));
        payload.push(Bytes::new());
        payload.push(Bytes::from_static(b"defgh"));
        payload.push_zeros(3);
        let whole = payload.to_vec();
        assert_eq!(whole, b"abcdefgh\0\0\0");
        for start in 0..=whole.len() {
            for end in start..=whole.len() {
                let cut = payload.slice(start..end);
                assert_eq!(cut.to_vec(), whole[start..end], "{start}..{end}");
                assert_eq!(cut.len(), end - start);
            }
        }
    }

    #[test]
    fn padding_shares_one_block() {
        let mut payload = Payload::default();
        payload.push_zeros(2 * ZEROS.len() + 5);
        assert_eq!(payload.len(), 2 * ZEROS.len() + 5);
        assert!(payload.pieces.iter().all(|piece| piece.as_ptr() == ZEROS.as_ptr()));
    }
}
