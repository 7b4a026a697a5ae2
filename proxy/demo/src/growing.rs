//! A response body whose pieces come into being while it is sent: each goes out whole, at its moment.
//!
//! Invariant: no byte of a piece is sent before all of it exists (draft-pantos-hls-rfc8216bis, 6.2.6).
//! The length is not announced, so HTTP/1.1 sends it chunked.
//! Deliberately absent: ranges, which would need that length.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::payload::Payload;

#[derive(Debug)]
pub(crate) struct Growing {
    /// What is left of the piece under way.
    piece: Payload,
    rest: VecDeque<(Instant, Payload)>,
    alarm: Pin<Box<Sleep>>,
}

impl Growing {
    /// Pieces in the order of their moments; without one the body is empty.
    pub(crate) fn new(pieces: impl IntoIterator<Item = (Instant, Payload)>) -> Self {
        let rest: VecDeque<_> = pieces.into_iter().collect();
        let first = rest.front().map_or_else(Instant::now, |(at, _)| *at);
        Self { piece: Payload::default(), rest, alarm: Box::pin(sleep_until(first)) }
    }
}

impl Body for Growing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        loop {
            if let Some(bytes) = self.piece.pop() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if self.rest.is_empty() {
                return Poll::Ready(None);
            }
            ready!(self.alarm.as_mut().poll(context));
            if let Some((_, piece)) = self.rest.pop_front() {
                self.piece = piece;
            }
            if let Some((at, _)) = self.rest.front() {
                let at = *at;
                self.alarm.as_mut().reset(at);
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.piece.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::BodyExt;

    use super::*;

    fn piece(text: &'static str) -> Payload {
        Payload::from(Bytes::from_static(text.as_bytes()))
    }

    #[tokio::test(start_paused = true)]
    async fn each_piece_goes_out_at_its_moment_and_not_before() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut body = Growing::new([
            (at(0), piece("a")),
            (at(0), piece("b")),
            (at(400), piece("c")),
            (at(900), piece("d")),
        ]);
        assert_eq!(body.size_hint().exact(), None);
        let mut seen = Vec::new();
        while let Some(frame) = body.frame().await {
            seen.push((frame.unwrap().into_data().unwrap(), start.elapsed().as_millis()));
        }
        let expected = [("a", 0), ("b", 0), ("c", 400), ("d", 900)];
        assert_eq!(seen, expected.map(|(text, at)| (Bytes::from(text), at)));
        assert!(body.is_end_stream());
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_piece_the_body_is_empty() {
        assert!(Growing::new([]).frame().await.is_none());
    }
}
