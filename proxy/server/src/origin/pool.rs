//! Connections to an origin over clear HTTP/1.1, each driven by the exchange that uses it.
//!
//! Invariant: a connection serves one exchange at a time, and comes back only when its answer was read to the end and it stands
//! ready for another request. It has no task of its own: an exchange and its connection are woken as one, on one thread, which
//! is what makes small answers cheap. Deliberately absent: TLS and HTTP/2, whose connections are shared (see `origin.rs`).

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::{TrySendError, http1};
use parking_lot::Mutex;
use tokio::runtime::{self, Handle};
use tokio::time::Instant;

use super::MAX_HEADERS;
use super::connect::{Connector, Phases, Stream};
use crate::upload::Upload;

/// Connections that wait for their next request, at most.
const IDLE_CONNECTIONS: usize = 64;
/// How long one waits.
const IDLE_TIME: Duration = Duration::from_secs(90);

/// The connections to one origin on which nothing is under way. Cloning shares them.
#[derive(Debug, Clone)]
pub(super) struct Pool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    connector: Connector,
    /// Where the origin is: its scheme and authority.
    uri: Uri,
    /// The one used last is last.
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    line: Line,
    /// The runtime that is woken when something comes.
    home: runtime::Id,
    since: Instant,
}

/// A connection, and what moves it.
#[derive(Debug)]
struct Line {
    sender: http1::SendRequest<Upload>,
    driver: Driver,
}

/// What moves a connection, until it is over.
#[derive(Debug)]
struct Driver {
    connection: Box<http1::Connection<Stream, Upload>>,
    over: bool,
}

/// The body of an answer, which moves its connection while it is read.
#[derive(Debug)]
pub(crate) struct PooledBody {
    body: Incoming,
    ended: bool,
    line: Option<Line>,
    pool: Pool,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum PoolError {
    #[error(transparent)]
    Connect(#[from] io::Error),
    /// Over a new connection.
    #[error(transparent)]
    Http(#[from] hyper::Error),
    /// Over one that had served before.
    #[error(transparent)]
    Reused(hyper::Error),
}

impl Pool {
    pub(super) fn new(connector: Connector, uri: Uri) -> Self {
        Self(Arc::new(Shared { connector, uri, idle: Mutex::default() }))
    }

    /// Asks over a connection that stands ready, unless `anew`, or a new one, whose phases are told. A request that a connection
    /// did not take, because the origin had closed it meanwhile, goes over another one.
    pub(super) async fn ask(
        &self,
        mut request: Box<Request<Upload>>,
        anew: bool,
    ) -> Result<(Response<PooledBody>, Option<Phases>), PoolError> {
        while !anew && let Some(mut line) = self.take() {
            match line.ask(*request).await {
                Ok(response) => return Ok((self.answered(response, line), None)),
                Err(mut error) => match error.take_message() {
                    Some(untaken) => *request = untaken,
                    None => return Err(PoolError::Reused(error.into_error())),
                },
            }
        }
        // Rare, and kept out of what every request carries along.
        let (mut line, phases) = Box::pin(self.connect()).await?;
        match line.ask(*request).await {
            Ok(response) => Ok((self.answered(response, line), Some(phases))),
            Err(error) => Err(error.into_error().into()),
        }
    }

    async fn connect(&self) -> Result<(Line, Phases), PoolError> {
        let (stream, phases) = self.0.connector.clone().connect(self.0.uri.clone()).await?;
        let (sender, driver) = http1::Builder::new()
            .preserve_header_case(true)
            .max_headers(MAX_HEADERS)
            .allow_spaces_after_header_name_in_responses(true)
            .allow_obsolete_multiline_headers_in_responses(true)
            .handshake::<_, Upload>(stream)
            .await?;
        Ok((Line { sender, driver: Driver { connection: Box::new(driver), over: false } }, phases))
    }

    /// Lets go of connections that waited too long.
    pub(super) fn sweep(&self) {
        self.0.idle.lock().retain(|idle| idle.since.elapsed() < IDLE_TIME);
    }

    /// The connection that was used last on this runtime and stands ready.
    fn take(&self) -> Option<Line> {
        let here = Handle::current().id();
        loop {
            let mut idle = {
                let mut all = self.0.idle.lock();
                let at = all.iter().rposition(|idle| idle.home == here)?;
                all.remove(at)
            };
            if idle.since.elapsed() < IDLE_TIME && idle.line.stands_ready() {
                return Some(idle.line);
            }
        }
    }

    fn give_back(&self, mut line: Line) {
        // When a runtime ends, its connections are of no use any more.
        if let Ok(runtime) = Handle::try_current()
            && line.stands_ready()
        {
            let mut idle = self.0.idle.lock();
            if idle.len() >= IDLE_CONNECTIONS {
                // The one that waits longest; it may be another thread's, and of no use here.
                idle.remove(0);
            }
            idle.push(Idle { line, home: runtime.id(), since: Instant::now() });
        }
    }

    fn answered(&self, response: Response<Incoming>, line: Line) -> Response<PooledBody> {
        response.map(|body| PooledBody { body, ended: false, line: Some(line), pool: self.clone() })
    }
}

impl Line {
    async fn ask(
        &mut self,
        request: Request<Upload>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Upload>>> {
        let Self { sender, driver } = self;
        let mut answer = pin!(sender.try_send_request(request));
        std::future::poll_fn(|cx| match answer.as_mut().poll(cx) {
            Poll::Pending => {
                driver.poll(cx);
                answer.as_mut().poll(cx)
            }
            ready @ Poll::Ready(_) => ready,
        })
        .await
    }

    /// Whether it takes another request, as far as is known here. Whoever takes it next is woken by it from then on.
    fn stands_ready(&mut self) -> bool {
        self.driver.poll(&mut Context::from_waker(Waker::noop()));
        !self.driver.over && self.sender.is_ready()
    }
}

impl Driver {
    fn poll(&mut self, cx: &mut Context<'_>) {
        // How a connection ends is told to its exchange.
        self.over = self.over || Pin::new(&mut self.connection).poll(cx).is_ready();
    }
}

impl PooledBody {
    /// The connection itself, after it changed its protocol, and what it has said in the new one already.
    pub(super) async fn changed(mut self) -> Option<(Bytes, Stream)> {
        let mut driver = self.line.take()?.driver;
        std::future::poll_fn(|cx| {
            driver.poll(cx);
            if driver.over { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        let parts = driver.connection.into_parts();
        Some((parts.read_buf, parts.io))
    }
}

impl Body for PooledBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let mut frame = Pin::new(&mut this.body).poll_frame(cx);
        if let (Poll::Pending, Some(line)) = (&frame, &mut this.line) {
            line.driver.poll(cx);
            frame = Pin::new(&mut this.body).poll_frame(cx);
        }
        this.ended |= matches!(frame, Poll::Ready(None));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for PooledBody {
    /// Nobody draws from a body once its declared length is reached, so its end is seen here.
    fn drop(&mut self) {
        if let (true, Some(line)) = (self.is_end_stream(), self.line.take()) {
            self.pool.give_back(line);
        }
    }
}
