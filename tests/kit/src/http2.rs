//! A client of HTTP/2 over TLS that reports what came on a stream and how it ended.
//!
//! Invariant: nothing is repeated or forgiven. Windows are wide, so that no answer of a test waits for the client.
//! Deliberately absent: bodies of requests, pushes.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{Reason, RecvStream};
use http::HeaderMap;
use rebuffer_proxy::Protocol;
use tokio::task::JoinHandle;

use crate::message::Field;
use crate::tls;
use crate::wire::{Ask, soon};

/// One connection.
#[derive(Debug)]
pub struct Http2 {
    send: SendRequest<Bytes>,
    peer: SocketAddr,
    /// Ends with the reason of a `GOAWAY`, if that is how the connection ended.
    driving: JoinHandle<Option<u32>>,
}

/// An answer on its way.
#[derive(Debug)]
pub struct Answering(ResponseFuture);

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEnding {
    /// With `END_STREAM`.
    Ended,
    /// With `END_STREAM`, though the declared length was not reached.
    TooEarly,
    /// With `RST_STREAM`, for this reason.
    Reset(u32),
    /// With the connection, by `GOAWAY` for this reason.
    GoAway(u32),
    /// With the connection: `ECONNRESET` and the like.
    Gone(io::ErrorKind),
}

/// What came on a stream.
#[derive(Debug)]
pub struct StreamAnswer {
    /// Absent when the stream ended without a head.
    pub status: Option<u16>,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub trailers: Option<HeaderMap>,
    pub ending: StreamEnding,
}

impl Http2 {
    pub async fn connect(peer: SocketAddr) -> Self {
        Self::with_window(peer, 1 << 24).await
    }

    /// A client that takes so much of each answer and no more.
    pub async fn with_window(peer: SocketAddr, bytes: u32) -> Self {
        let io = tls::connect(peer, Protocol::Http2).await;
        let mut builder = Builder::new();
        builder.initial_window_size(bytes).initial_connection_window_size(1 << 26);
        let (send, connection) = soon("an HTTP/2 handshake", builder.handshake(io)).await.expect("HTTP/2");
        let driving = tokio::spawn(async move {
            let ended = connection.await.err().filter(h2::Error::is_go_away);
            ended.and_then(|error| error.reason()).map(u32::from)
        });
        Self { send, peer, driving }
    }

    /// Sends a request and does not wait for anything.
    pub async fn send(&mut self, ask: &Ask) -> Answering {
        let mut request = http::Request::builder()
            .method(ask.method.as_str())
            .uri(format!("https://{}{}", self.peer, ask.target));
        for Field { name, value } in &ask.fields {
            request = request.header(name.as_str(), value.as_str());
        }
        let request = request.body(()).expect("a request");
        let ready = soon("room for a stream", self.send.clone().ready()).await;
        let mut send = ready.expect("the connection lives");
        let (answer, _) = send.send_request(request, true).expect("the connection lives");
        Answering(answer)
    }

    pub async fn ask(&mut self, ask: &Ask) -> StreamAnswer {
        let mut answer = self.send(ask).await.whole().await;
        // A stream that goes with its connection is not told about the farewell.
        if answer.ending == StreamEnding::Gone(io::ErrorKind::BrokenPipe)
            && let Some(reason) = soon("the end", &mut self.driving).await.expect("nobody panics")
        {
            answer.ending = StreamEnding::GoAway(reason);
        }
        answer
    }
}

impl Drop for Http2 {
    fn drop(&mut self) {
        self.driving.abort();
    }
}

impl Answering {
    /// Everything up to the end of the stream.
    pub async fn whole(self) -> StreamAnswer {
        let mut answer = StreamAnswer {
            status: None,
            headers: HeaderMap::new(),
            body: Vec::new(),
            trailers: None,
            ending: StreamEnding::Ended,
        };
        let response = match soon("a head, or the end of the stream", self.0).await {
            Ok(response) => response,
            Err(error) => return StreamAnswer { ending: ending_of(&error), ..answer },
        };
        answer.status = Some(response.status().as_u16());
        answer.headers = response.headers().clone();
        let mut stream = response.into_body();
        if let Err(error) = drain(&mut stream, &mut answer).await {
            answer.ending = ending_of(&error);
        }
        answer
    }

    /// The head and the rest as it comes.
    pub async fn head(self) -> (u16, RecvStream) {
        let response = soon("a head", self.0).await.expect("a head");
        (response.status().as_u16(), response.into_body())
    }
}

async fn drain(stream: &mut RecvStream, answer: &mut StreamAnswer) -> Result<(), h2::Error> {
    while let Some(data) = soon("bytes, or the end of the stream", stream.data()).await {
        let data = data?;
        stream.flow_control().release_capacity(data.len())?;
        answer.body.extend_from_slice(&data);
    }
    answer.trailers = stream.trailers().await?;
    Ok(())
}

fn ending_of(error: &h2::Error) -> StreamEnding {
    let reason = error.reason().unwrap_or(Reason::NO_ERROR);
    if let Some(io) = error.get_io() {
        StreamEnding::Gone(io.kind())
    } else if error.is_go_away() {
        StreamEnding::GoAway(reason.into())
    } else if error.is_library() && reason == Reason::PROTOCOL_ERROR {
        StreamEnding::TooEarly
    } else {
        StreamEnding::Reset(reason.into())
    }
}
