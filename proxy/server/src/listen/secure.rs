//! Clear or encrypted: a client that begins with a TLS handshake gets TLS, on the same port as everybody else.
//!
//! Invariant: the socket beneath stays within reach. A connection that is to be reset is, without a `close_notify`; any other
//! that is dropped says `close_notify` first, as far as the socket takes it.

use std::io::{self, IoSlice, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

use crate::connection::{Connection, ConnectionIo};
use crate::tls::{Protocol, Tls};

/// What the first byte of a TLS handshake is (RFC 8446 §5.1).
const HANDSHAKE: u8 = 22;

/// How a client began.
pub(super) enum Greeted {
    /// Without TLS.
    Clear,
    /// With TLS, for HTTP/1.1.
    Http1(SecureIo),
    /// With TLS, for HTTP/2.
    Http2(SecureIo),
}

/// An encrypted connection.
pub(super) struct SecureIo {
    tls: Box<TlsStream<ConnectionIo>>,
    connection: Arc<Connection>,
}

/// Looks how the client begins, and shakes hands if it is the beginning of TLS.
pub(super) async fn greet(tls: &Tls, connection: &Arc<Connection>) -> io::Result<Greeted> {
    if connection.first_byte().await? != Some(HANDSHAKE) {
        return Ok(Greeted::Clear);
    }
    connection.secured();
    let io = ConnectionIo(Arc::clone(connection));
    let tls = Box::new(tls.acceptor().accept(io).await?);
    let http2 = tls.get_ref().1.alpn_protocol() == Some(Protocol::Http2.name().as_bytes());
    let io = SecureIo { tls, connection: Arc::clone(connection) };
    Ok(if http2 { Greeted::Http2(io) } else { Greeted::Http1(io) })
}

impl Drop for SecureIo {
    fn drop(&mut self) {
        if self.connection.resets_on_close() {
            return;
        }
        let session = self.tls.get_mut().1;
        session.send_close_notify();
        let mut last = LastWords(&self.connection);
        while session.wants_write() {
            // A socket that is full or gone does not take a farewell.
            if session.write_tls(&mut last).is_err() {
                return;
            }
        }
    }
}

/// Writes a farewell.
struct LastWords<'c>(&'c Connection);

impl Write for LastWords<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.say_farewell(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for SecureIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.tls).poll_read(cx, buffer)
    }
}

impl AsyncWrite for SecureIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.tls).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.tls).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.tls).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.tls.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.tls).poll_write_vectored(cx, slices)
    }
}
