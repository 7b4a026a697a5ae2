//! The body of a client's request on its way to the origin, whichever protocol it came by.
//!
//! Invariant: a piece is taken from the client when the origin is ready for it, so an upload is never held here.
//! Deliberately absent: any change to it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// The body of a request.
#[derive(Debug)]
pub(crate) enum Upload {
    /// There is none.
    Nothing,
    Http1(Incoming),
    Http2 {
        stream: h2::RecvStream,
        length: Option<u64>,
    },
}

/// Why the body of a request broke off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    #[error(transparent)]
    Http1(#[from] hyper::Error),
    #[error(transparent)]
    Http2(#[from] h2::Error),
}

impl Body for Upload {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        let stream = match self.get_mut() {
            Self::Nothing => return Poll::Ready(None),
            Self::Http1(body) => {
                return Pin::new(body).poll_frame(cx).map(|frame| frame.map(|frame| Ok(frame?)));
            }
            Self::Http2 { stream, .. } => stream,
        };
        match ready!(stream.poll_data(cx)) {
            Some(Ok(data)) => {
                stream.flow_control().release_capacity(data.len())?;
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            Some(Err(error)) => Poll::Ready(Some(Err(error.into()))),
            None => match ready!(stream.poll_trailers(cx)) {
                Ok(trailers) => Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers)))),
                Err(error) => Poll::Ready(Some(Err(error.into()))),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Http1(body) => body.is_end_stream(),
            Self::Http2 { stream, .. } => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Nothing => SizeHint::with_exact(0),
            Self::Http1(body) => body.size_hint(),
            Self::Http2 { stream, .. } if stream.is_end_stream() => SizeHint::with_exact(0),
            Self::Http2 { length, .. } => length.map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}
