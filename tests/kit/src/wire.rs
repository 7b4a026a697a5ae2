//! A client of HTTP/1.1 on a bare socket or on TLS, which reports the bytes that came and how the connection ended.
//!
//! Invariant: nothing is followed, repeated, decoded or forgiven; chunks alone are put together. Every wait ends after
//! [`PATIENCE`], by failing the test. Deliberately absent: pools, and HTTP/2 (see `http2.rs`).

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use std::{fmt, io};

use rebuffer_proxy::Protocol;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::message::{Field, Framing, Head, put, put_chunk, put_fields, take_chunk};
use crate::tls;

/// Nothing on loopback takes this long, unless it hangs.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A request in the making.
#[derive(Debug, Clone)]
pub struct Ask {
    pub method: String,
    pub target: String,
    pub fields: Vec<Field>,
    body: Option<Vec<u8>>,
    chunked: bool,
}

/// How a connection stands after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Open for the next request, as far as can be seen.
    Open,
    /// Closed in order; over TLS after `close_notify`.
    Fin,
    /// Over TLS: closed without `close_notify`.
    Torn,
    /// Reset: `ECONNRESET`.
    Reset,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub head: Head,
    pub status: u16,
    pub body: Vec<u8>,
    /// Whether the body came to the end its framing promised.
    pub whole: bool,
    pub ending: Ending,
}

/// One connection.
#[derive(Debug)]
pub struct Wire {
    stream: Box<dyn Stream>,
    peer: SocketAddr,
    buffer: Vec<u8>,
    ended: Option<Ending>,
}

/// A socket, or TLS on one.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send + fmt::Debug {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + fmt::Debug> Stream for T {}

/// Where a URL over clear text leads: the address, and what to ask for there.
pub fn place(url: &str) -> (SocketAddr, String) {
    let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("another scheme: {url}"));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    (host.parse().unwrap_or_else(|error| panic!("{url}: {error}")), format!("/{path}"))
}

/// Waits for something that has to come.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_elapsed) => panic!("waited {} s in vain: {what}", PATIENCE.as_secs()),
    }
}

impl Ask {
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            fields: Vec::new(),
            body: None,
            chunked: false,
        }
    }

    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push(Field::new(name, value));
        self
    }

    /// A body of declared length.
    #[must_use]
    pub fn body(mut self, body: &[u8]) -> Self {
        self.body = Some(body.to_vec());
        self
    }

    /// A body in two chunks.
    #[must_use]
    pub fn chunked(mut self, body: &[u8]) -> Self {
        self.chunked = true;
        self.body(body)
    }

    pub fn has_body(&self) -> bool {
        self.body.is_some()
    }

    fn bytes(&self, host: SocketAddr) -> Vec<u8> {
        let mut bytes = Vec::new();
        put(&mut bytes, &format!("{} {} HTTP/1.1\r\nHost: {host}\r\n", self.method, self.target));
        let mut fields = self.fields.clone();
        match &self.body {
            Some(_) if self.chunked => fields.push(Field::new("Transfer-Encoding", "chunked")),
            Some(body) => fields.push(Field::new("Content-Length", &body.len().to_string())),
            None => {}
        }
        put_fields(&mut bytes, &fields);
        let body = self.body.as_deref().unwrap_or_default();
        if self.chunked {
            let (one, two) = body.split_at(body.len() / 2);
            for part in [one, two].into_iter().filter(|part| !part.is_empty()) {
                put_chunk(&mut bytes, part);
            }
            put_chunk(&mut bytes, b"");
        } else {
            bytes.extend_from_slice(body);
        }
        bytes
    }
}

impl Answer {
    /// The words after the status.
    pub fn reason(&self) -> &str {
        self.head.start.splitn(3, ' ').nth(2).unwrap_or_default()
    }

    /// The value of the first header of this name.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.head.value(name)
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }
}

impl Wire {
    pub async fn connect(peer: SocketAddr) -> Self {
        Self::over(soon("a connection", TcpStream::connect(peer)).await, peer)
    }

    /// A connection from another machine, as far as addresses say: one in 127.0.0.0/8.
    pub async fn connect_from(ip: Ipv4Addr, peer: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((ip, 0).into()).expect("an address of this machine");
        Self::over(soon("a connection", socket.connect(peer)).await, peer)
    }

    fn over(connected: io::Result<TcpStream>, peer: SocketAddr) -> Self {
        let stream = connected.expect("somebody listens");
        stream.set_nodelay(true).expect("a fresh socket");
        Self { stream: Box::new(stream), peer, buffer: Vec::new(), ended: None }
    }

    /// A connection with TLS on it.
    pub async fn secure(peer: SocketAddr) -> Self {
        let stream = tls::connect(peer, Protocol::Http1).await;
        Self { stream: Box::new(stream), peer, buffer: Vec::new(), ended: None }
    }

    /// A connection with TLS on it, to a server whose certificate is of this CA and for this name.
    pub async fn secure_with(peer: SocketAddr, ca: &str, name: &str) -> Self {
        let stream = tls::handshake(peer, ca, name, Protocol::Http1).await;
        Self { stream: Box::new(stream), peer, buffer: Vec::new(), ended: None }
    }

    /// One request on a connection of its own.
    pub async fn fetch(peer: SocketAddr, ask: &Ask) -> Answer {
        Self::connect(peer).await.ask(ask).await
    }

    pub async fn ask(&mut self, ask: &Ask) -> Answer {
        self.send(ask).await;
        self.answer(&ask.method).await
    }

    /// Sends a request and does not wait for anything.
    pub async fn send(&mut self, ask: &Ask) {
        let bytes = ask.bytes(self.peer);
        // A server that answers early may close before everything was written; what it said can still be read.
        let _early = soon("the request to be taken", self.stream.write_all(&bytes)).await;
    }

    /// Sends bytes as they are.
    pub async fn send_raw(&mut self, bytes: &[u8]) {
        soon("bytes to be taken", self.stream.write_all(bytes)).await.expect("the connection lives");
    }

    /// Says that nothing more will be sent.
    pub async fn shut_down(&mut self) {
        soon("the end to be taken", self.stream.shutdown()).await.expect("the connection lives");
    }

    /// The whole answer to a request that was sent, or nothing when the connection ended without a byte of one.
    pub async fn answer_or_end(&mut self, method: &str) -> Option<Answer> {
        if self.buffer.is_empty() && !self.more().await {
            return None;
        }
        Some(self.answer(method).await)
    }

    /// How the connection stands, as far as can be seen.
    pub fn ended(&self) -> Ending {
        self.ended.unwrap_or(Ending::Open)
    }

    /// The whole answer to a request that was sent; what the server says on the way (1xx) is passed over.
    pub async fn answer(&mut self, method: &str) -> Answer {
        let (head, status) = loop {
            let (head, status) = self.head().await;
            if status >= 200 {
                break (head, status);
            }
        };
        let mut body = Vec::new();
        let whole = match head.framing_of_answer(status, method) {
            Framing::Nothing => true,
            Framing::Length(length) => {
                while self.buffer.len() < length && self.more().await {}
                body.extend(self.buffer.drain(..length.min(self.buffer.len())));
                body.len() == length
            }
            Framing::Chunked => loop {
                match self.chunk().await {
                    Some(chunk) if chunk.is_empty() => break true,
                    Some(chunk) => body.extend(chunk),
                    None => break false,
                }
            },
            Framing::UntilClose => {
                while self.more().await {}
                body.append(&mut self.buffer);
                self.ended == Some(Ending::Fin)
            }
        };
        if head.value("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            while self.more().await {}
        }
        Answer { head, status, body, whole, ending: self.ended.unwrap_or(Ending::Open) }
    }

    /// The head of the next answer and its status.
    pub async fn head(&mut self) -> (Head, u16) {
        loop {
            if let Some(head) = Head::take(&mut self.buffer) {
                let status = head.start.split(' ').nth(1).and_then(|status| status.parse().ok());
                return (head, status.expect("a status line"));
            }
            assert!(
                self.more().await,
                "the connection ended before a head: {:?} {:?}",
                self.ended,
                self.buffer
            );
        }
    }

    /// The next chunk of a chunked body; an empty one is its end, `None` the end of the connection before it.
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(chunk) = take_chunk(&mut self.buffer) {
                return Some(chunk);
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// Exactly so many bytes of whatever comes next.
    pub async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count && self.more().await {}
        self.buffer.drain(..count.min(self.buffer.len())).collect()
    }

    /// Everything up to the end of the connection, and how it ended.
    pub async fn end(&mut self) -> (Vec<u8>, Ending) {
        while self.more().await {}
        (std::mem::take(&mut self.buffer), self.ended.unwrap_or(Ending::Open))
    }

    async fn more(&mut self) -> bool {
        if self.ended.is_some() {
            return false;
        }
        match soon("bytes, or the end of the connection", self.stream.read_buf(&mut self.buffer)).await {
            Ok(0) => self.ended = Some(Ending::Fin),
            Ok(_) => return true,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => self.ended = Some(Ending::Reset),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => self.ended = Some(Ending::Torn),
            Err(error) => panic!("the socket failed: {error}"),
        }
        false
    }
}
