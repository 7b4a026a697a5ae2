//! Connections to origins, with how long resolving and connecting took.
//!
//! Invariant: the phases of a connection are told to the first exchange that uses it and to no other.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpStream;

use super::hosts::Reach;

/// How long the parts of connecting took, ms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Phases {
    pub(crate) dns_ms: f64,
    pub(crate) connect_ms: f64,
}

/// The phases of a connection, until the first exchange takes them.
#[derive(Debug, Clone)]
pub(super) struct FirstUse(Arc<Mutex<Option<Phases>>>);

/// Resolves and connects.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    limit: Duration,
    /// Which addresses the name may lead to.
    reach: Arc<Reach>,
}

/// A connection that knows how it came about.
#[derive(Debug)]
pub(super) struct Stream {
    io: TokioIo<TcpStream>,
    first_use: FirstUse,
}

impl FirstUse {
    pub(super) fn take(&self) -> Option<Phases> {
        self.0.lock().take()
    }
}

impl Connector {
    pub(super) fn new(limit: Duration, reach: Reach) -> Self {
        Self { limit, reach: Arc::new(reach) }
    }

    /// A connection, and how it came about.
    pub(super) async fn connect(self, uri: Uri) -> io::Result<(Stream, Phases)> {
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        let limit = self.limit;
        let all = async {
            let began = Instant::now();
            let found = tokio::net::lookup_host((host.as_str(), port)).await?;
            let addresses: Vec<SocketAddr> = found.filter(|at| self.reach.allows(at.ip())).collect();
            if addresses.is_empty() {
                let text = format!(
                    "{host} is at no address that a pattern may lead to; name it in full with --origin or --origin-hosts, or its network with --origin-networks"
                );
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
            }
            let resolved = Instant::now();
            let stream = TcpStream::connect(addresses.as_slice()).await?;
            stream.set_nodelay(true)?;
            let phases = Phases {
                dns_ms: (resolved - began).as_secs_f64() * 1e3,
                connect_ms: resolved.elapsed().as_secs_f64() * 1e3,
            };
            let first_use = FirstUse(Arc::new(Mutex::new(Some(phases))));
            Ok((Stream { io: TokioIo::new(stream), first_use }, phases))
        };
        tokio::time::timeout(limit, all).await.unwrap_or_else(|_elapsed| {
            let text = format!("no connection within {} ms", limit.as_millis());
            Err(io::Error::new(io::ErrorKind::TimedOut, text))
        })
    }
}

impl tower::Service<Uri> for Connector {
    type Response = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.clone().connect(uri);
        Box::pin(async { Ok(connecting.await?.0) })
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new().extra(self.first_use.clone())
    }
}

impl hyper::rt::Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl hyper::rt::Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }
}
