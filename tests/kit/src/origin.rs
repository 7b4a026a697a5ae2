//! An origin that does exactly what its script says, byte for byte, and remembers what it was asked.
//!
//! Invariant: what a script sends is what goes on the wire; no header is added. A pause is a [`Gate`] that the test opens,
//! never a time. Deliberately absent: anything an origin ought to do by itself.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

use crate::message::{Field, Framing, Head, put, put_chunk, put_fields, take_chunk};
use crate::wire::soon;

/// A running origin; it stops when dropped.
#[derive(Debug)]
pub struct Origin {
    pub address: SocketAddr,
    log: Arc<Log>,
    _serving: JoinSet<()>,
}

/// A request as the origin saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    pub target: String,
    pub fields: Vec<Field>,
    pub body: Vec<u8>,
}

/// An answer as a script.
#[derive(Debug, Clone)]
pub struct Said {
    acts: Vec<Act>,
}

/// A door in a script that the test opens.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Semaphore>);

/// The head of an answer in the making.
#[derive(Debug, Clone)]
pub struct Saying {
    version: &'static str,
    status: u16,
    reason: String,
    fields: Vec<Field>,
}

#[derive(Debug, Clone)]
enum Act {
    Send(Vec<u8>),
    Repeat(Vec<u8>, usize),
    Wait(Gate),
    Echo,
    Close,
    Reset,
}

#[derive(Debug, Default)]
struct Log {
    asked: Mutex<Vec<Asked>>,
    came: Notify,
}

type Site = dyn Fn(&Asked) -> Said + Send + Sync;

impl Origin {
    /// Serves what `site` says to each request.
    pub async fn serve(site: impl Fn(&Asked) -> Said + Send + Sync + 'static) -> Self {
        Self::serve_at(Ipv4Addr::LOCALHOST, site).await
    }

    /// The same on another host: an address in 127.0.0.0/8.
    pub async fn serve_at(ip: Ipv4Addr, site: impl Fn(&Asked) -> Said + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((ip, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let log = Arc::new(Log::default());
        let mut serving = JoinSet::new();
        serving.spawn({
            let (log, site) = (Arc::clone(&log), Arc::new(site) as Arc<Site>);
            async move {
                let mut connections = JoinSet::new();
                while let Ok((stream, _)) = listener.accept().await {
                    connections.spawn(connection(stream, Arc::clone(&site), Arc::clone(&log)));
                }
            }
        });
        Self { address, log, _serving: serving }
    }

    /// What was asked so far, and forgotten with this.
    pub fn take_asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.log.asked.lock())
    }

    /// Waits until so many requests have come.
    pub async fn asked(&self, count: usize) {
        let come = async {
            loop {
                let came = self.log.came.notified();
                if self.log.asked.lock().len() >= count {
                    return;
                }
                came.await;
            }
        };
        soon("requests at the origin", come).await;
    }
}

impl Asked {
    /// The path, without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The value of a query parameter, as it stands.
    pub fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name)).map(|(_, v)| v)
    }

    /// The value of the first header of this name.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.is(name)).map(|field| field.value.as_str())
    }
}

impl Gate {
    pub fn shut() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets everybody through, now and later.
    pub fn open(&self) {
        self.0.close();
    }

    async fn passed(&self) {
        // Nobody gives permits: waiting ends when the semaphore is closed.
        let _closed = self.0.acquire().await;
    }
}

impl Saying {
    /// A status line with a reason of its own.
    pub fn new(status: u16, reason: &str) -> Self {
        Self { version: "HTTP/1.1", status, reason: reason.to_owned(), fields: Vec::new() }
    }

    /// As an origin of the last century would.
    #[must_use]
    pub fn http10(mut self) -> Self {
        self.version = "HTTP/1.0";
        self
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push(Field::new(name, value));
        self
    }

    /// The head alone: nothing follows, and nothing says that nothing does.
    pub fn bare(self) -> Said {
        let mut head = Vec::new();
        put(&mut head, &format!("{} {} {}\r\n", self.version, self.status, self.reason));
        put_fields(&mut head, &self.fields);
        Said { acts: vec![Act::Send(head)] }
    }

    /// A body of declared length, left out for HEAD.
    pub fn body(self, asked: &Asked, body: impl Into<Vec<u8>>) -> Said {
        let body = body.into();
        let said = self.with("Content-Length", &body.len().to_string()).bare();
        if asked.method == "HEAD" { said } else { said.send(body) }
    }

    /// A body in these chunks.
    pub fn chunked(self, asked: &Asked, chunks: &[&[u8]]) -> Said {
        let said = self.with("Transfer-Encoding", "chunked").bare();
        if asked.method == "HEAD" {
            return said;
        }
        let mut body = Vec::new();
        for chunk in chunks.iter().chain([&&b""[..]]) {
            put_chunk(&mut body, chunk);
        }
        said.send(body)
    }
}

impl Said {
    /// Something that is no answer.
    pub fn noise(text: &str) -> Self {
        Self { acts: vec![Act::Send(text.as_bytes().to_vec())] }
    }

    #[must_use]
    pub fn send(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.acts.push(Act::Send(bytes.into()));
        self
    }

    /// The same bytes over and over.
    #[must_use]
    pub fn repeat(mut self, bytes: impl Into<Vec<u8>>, times: usize) -> Self {
        self.acts.push(Act::Repeat(bytes.into(), times));
        self
    }

    /// One chunk of a chunked body.
    #[must_use]
    pub fn chunk(self, data: &[u8]) -> Self {
        let mut bytes = Vec::new();
        put_chunk(&mut bytes, data);
        self.send(bytes)
    }

    #[must_use]
    pub fn wait(mut self, gate: &Gate) -> Self {
        self.acts.push(Act::Wait(gate.clone()));
        self
    }

    /// Whatever the other side sends from now on, until it ends; then the end.
    #[must_use]
    pub fn echo(mut self) -> Self {
        self.acts.push(Act::Echo);
        self
    }

    /// Another answer behind this one.
    #[must_use]
    pub fn then(mut self, next: Self) -> Self {
        self.acts.extend(next.acts);
        self
    }

    /// Closes in order, whatever was promised.
    #[must_use]
    pub fn close(mut self) -> Self {
        self.acts.push(Act::Close);
        self
    }

    /// Resets, once the other side has everything.
    #[must_use]
    pub fn reset(mut self) -> Self {
        self.acts.push(Act::Reset);
        self
    }
}

async fn connection(mut stream: TcpStream, site: Arc<Site>, log: Arc<Log>) {
    stream.set_nodelay(true).expect("a fresh socket");
    let mut buffer = Vec::new();
    while let Some(asked) = request(&mut stream, &mut buffer).await {
        let said = site(&asked);
        log.asked.lock().push(asked);
        log.came.notify_waiters();
        for act in said.acts {
            match act {
                Act::Send(bytes) => {
                    if stream.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
                Act::Repeat(bytes, times) => {
                    for _ in 0..times {
                        if stream.write_all(&bytes).await.is_err() {
                            return;
                        }
                    }
                }
                Act::Wait(gate) => gate.passed().await,
                Act::Echo => return echo(&mut stream, &mut buffer).await,
                Act::Close => return,
                Act::Reset => {
                    // Without linger the close is a reset, and what was not taken yet is lost: the script waits first.
                    let _gone = stream.set_zero_linger();
                    return;
                }
            }
        }
    }
}

async fn echo(stream: &mut TcpStream, buffer: &mut Vec<u8>) {
    loop {
        if stream.write_all(buffer).await.is_err() {
            return;
        }
        buffer.clear();
        if more(stream, buffer).await.is_none() {
            return;
        }
    }
}

async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Asked> {
    let head = loop {
        if let Some(head) = Head::take(buffer) {
            break head;
        }
        more(stream, buffer).await?;
    };
    let mut line = head.start.split(' ').map(str::to_owned);
    let (method, target) = (line.next()?, line.next()?);
    let mut body = Vec::new();
    match head.framing_of_request() {
        Framing::Nothing | Framing::UntilClose => {}
        Framing::Length(length) => {
            while buffer.len() < length {
                more(stream, buffer).await?;
            }
            body.extend(buffer.drain(..length));
        }
        Framing::Chunked => loop {
            let chunk = chunk(stream, buffer).await?;
            if chunk.is_empty() {
                break;
            }
            body.extend(chunk);
        },
    }
    Some(Asked { method, target, fields: head.fields, body })
}

async fn chunk(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    loop {
        if let Some(chunk) = take_chunk(buffer) {
            return Some(chunk);
        }
        more(stream, buffer).await?;
    }
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    stream.read_buf(buffer).await.ok().filter(|count| *count > 0).map(|_| ())
}
