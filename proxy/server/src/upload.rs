//! The body of a client's request on its way to the origin, whichever protocol it came by.
//!
//! Invariant: a piece is taken from the client when the origin is ready for it, so an upload is never held here; what is taken is
//! counted. Deliberately absent: any change to it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// The body of a request.
#[derive(Debug)]
pub(crate) struct Upload {
    body: Source,
    uploaded: Option<Uploaded>,
}

#[derive(Debug)]
enum Source {
    /// There is none.
    Nothing,
    Http1(Incoming),
    Http2 {
        stream: h2::RecvStream,
        length: Option<u64>,
    },
}

/// Counts the bytes of a body as they come.
#[derive(Debug, Clone, Default)]
pub(crate) struct Uploaded(Arc<AtomicU64>);

/// Why the body of a request broke off: its client sent what is no body, or went away.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    #[error("the body of the request broke off")]
    Http1(#[from] hyper::Error),
    #[error("the body of the request broke off")]
    Http2(#[from] h2::Error),
}

impl Uploaded {
    pub(crate) fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Upload {
    pub(crate) fn nothing() -> Self {
        Self { body: Source::Nothing, uploaded: None }
    }

    pub(crate) fn http1(body: Incoming) -> Self {
        Self::of(Source::Http1(body))
    }

    pub(crate) fn http2(stream: h2::RecvStream, length: Option<u64>) -> Self {
        Self::of(Source::Http2 { stream, length })
    }

    fn of(body: Source) -> Self {
        let upload = Self { body, uploaded: None };
        let uploaded = (!upload.is_end_stream()).then(Uploaded::default);
        Self { uploaded, ..upload }
    }

    /// What counts its bytes; `None` when there are none.
    pub(crate) fn uploaded(&self) -> Option<Uploaded> {
        self.uploaded.clone()
    }
}

impl Source {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        let stream = match self {
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
}

impl Body for Upload {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        let this = self.get_mut();
        let frame = ready!(this.body.poll_frame(cx));
        if let (Some(Ok(frame)), Some(uploaded)) = (&frame, &this.uploaded)
            && let Some(data) = frame.data_ref()
        {
            uploaded.add(data.len());
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Source::Nothing => true,
            Source::Http1(body) => body.is_end_stream(),
            Source::Http2 { stream, .. } => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Source::Nothing => SizeHint::with_exact(0),
            Source::Http1(body) => body.size_hint(),
            Source::Http2 { stream, .. } if stream.is_end_stream() => SizeHint::with_exact(0),
            Source::Http2 { length, .. } => length.map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}
