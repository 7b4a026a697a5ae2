//! A client's connection: the raw socket, shared by the HTTP machinery that uses it and by those who ask the kernel about it.
//!
//! Invariant: the socket closes when the last of them lets go, so a connection marked for a reset is reset at that moment.
//! Only this type reads from or writes to a client's socket. Deliberately absent: HTTP.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rebuffer_model::{BitsPerSec, PlayerId, SessionId, TcpSnapshot};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::record::Tail;

/// A client's connection.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Counted from 1 over the life of the rig.
    pub(crate) number: u64,
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    stream: TcpStream,
    written: AtomicU64,
    exchanges: AtomicU64,
    /// Whether the rig ended it, and not the client.
    shut: AtomicBool,
    /// Whether the client said that it sends nothing more; what is said to it from then on is a farewell.
    left: AtomicBool,
    /// Whether closing it resets it.
    resets: AtomicBool,
    /// Whether it is encrypted.
    secure: AtomicBool,
    /// Cancelled when its listener is to let go of it, whatever is being written.
    ending: CancellationToken,
    adopted_by: Mutex<Option<SessionId>>,
    /// A port may change hands while a connection to it is idle; the connection does not.
    player: OnceLock<PlayerId>,
    farewell: Farewell,
    /// The exchanges on it that are over, and not yet recorded.
    pub(crate) tail: Arc<Tail>,
}

/// What was known of a connection when it was closed; empty while it is open.
#[derive(Debug, Clone, Default)]
pub(crate) struct Farewell(Arc<Mutex<Option<LastWords>>>);

/// The end of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LastWords {
    pub(crate) outstanding: Outstanding,
    /// Whether the rig ended it; what was outstanding may still arrive then.
    pub(crate) by_the_rig: bool,
}

/// The connection as the HTTP machinery uses it.
#[derive(Debug)]
pub(crate) struct ConnectionIo(pub(crate) Arc<Connection>);

/// What the kernel still holds of what was written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outstanding {
    /// Whether everything written was acknowledged.
    pub(crate) none: bool,
    /// When something was last acknowledged, to the millisecond.
    pub(crate) last_ack: Instant,
    pub(crate) snapshot: TcpSnapshot,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, peer: SocketAddr) -> io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        stream.set_nodelay(true)?;
        Ok(Self {
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            peer: canonical(peer),
            local: canonical(stream.local_addr()?),
            stream,
            written: AtomicU64::new(0),
            exchanges: AtomicU64::new(0),
            shut: AtomicBool::new(false),
            left: AtomicBool::new(false),
            resets: AtomicBool::new(false),
            secure: AtomicBool::new(false),
            ending: CancellationToken::new(),
            adopted_by: Mutex::new(None),
            player: OnceLock::new(),
            farewell: Farewell::default(),
            tail: Arc::default(),
        })
    }

    /// The player's address.
    pub(crate) fn peer_ip(&self) -> IpAddr {
        self.peer.ip()
    }

    /// Bytes given to the kernel so far, bar farewells.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    /// Exchanges begun so far.
    pub(crate) fn exchanges(&self) -> u64 {
        self.exchanges.load(Ordering::Acquire)
    }

    /// Whether this connection is this player's; the first to be served on it has it.
    pub(crate) fn is_of(&self, player: PlayerId) -> bool {
        *self.player.get_or_init(|| player) == player
    }

    /// Counts an exchange; says how many came before it.
    pub(crate) fn begin_exchange(&self) -> u64 {
        self.exchanges.fetch_add(1, Ordering::AcqRel)
    }

    /// Runs `adopt` once per session that serves this connection.
    pub(crate) fn adopt_for(
        &self,
        session: SessionId,
        adopt: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        let mut adopted = self.adopted_by.lock();
        if *adopted != Some(session) {
            adopt()?;
            *adopted = Some(session);
        }
        Ok(())
    }

    /// What will be known of the connection after its end.
    pub(crate) fn farewell(&self) -> Farewell {
        self.farewell.clone()
    }

    /// What the kernel says of the connection; `None` when it says nothing.
    pub(crate) fn outstanding(&self) -> Option<Outstanding> {
        let info = rebuffer_shaper::tcp_info(self.stream.as_fd()).ok()?;
        let none = info.notsent_bytes == 0 && info.bytes_acked >= self.written();
        let now = Instant::now();
        let last_ack = now.checked_sub(info.since_last_ack).unwrap_or(now);
        Some(Outstanding { none, last_ack, snapshot: snapshot(&info) })
    }

    /// From now on, closing this connection resets it.
    pub(crate) fn reset_on_close(&self) -> io::Result<()> {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))?;
        self.resets.store(true, Ordering::Release);
        Ok(())
    }

    /// Whether closing this connection resets it.
    pub(crate) fn resets_on_close(&self) -> bool {
        self.resets.load(Ordering::Acquire)
    }

    /// Asks whoever listens on this connection to let go of it.
    pub(crate) fn end(&self) {
        self.ending.cancel();
    }

    /// Waits until somebody asks for the end of this connection.
    pub(crate) async fn ending(&self) {
        self.ending.cancelled().await;
    }

    /// The first byte the client sent, left where it is; `None` when it sent none and never will.
    pub(crate) async fn first_byte(&self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        let count = self.stream.peek(&mut byte).await?;
        Ok((count > 0).then_some(byte[0]))
    }

    /// Writes a farewell as far as the socket takes it at once. It belongs to no exchange and is not counted.
    pub(crate) fn say_farewell(&self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.try_write(bytes)
    }

    /// From here on, what is said is encrypted.
    pub(crate) fn secured(&self) {
        self.secure.store(true, Ordering::Release);
    }

    /// Whether what is said on it is encrypted.
    pub(crate) fn is_secure(&self) -> bool {
        self.secure.load(Ordering::Acquire)
    }
}

impl Farewell {
    pub(crate) fn said(&self) -> Option<LastWords> {
        *self.0.lock()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let by_the_rig = self.shut.load(Ordering::Acquire);
        *self.farewell.0.lock() = self.outstanding().map(|outstanding| LastWords { outstanding, by_the_rig });
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

pub(crate) fn snapshot(info: &rebuffer_shaper::TcpInfo) -> TcpSnapshot {
    let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
    TcpSnapshot {
        rtt_ms: ms(info.rtt),
        min_rtt_ms: info.min_rtt.map(ms),
        rto_ms: ms(info.rto),
        retransmits: u64::from(info.retransmits),
        cwnd: info.cwnd,
        delivery_rate_mbps: info.delivery_rate.map(BitsPerSec::mbps),
        app_limited: info.app_limited,
        bytes_acked: info.bytes_acked,
    }
}

impl AsyncRead for ConnectionIo {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = &self.0.stream;
        loop {
            ready!(stream.poll_read_ready(cx))?;
            let room = buffer.initialize_unfilled();
            let mut count = 0;
            let read = stream.try_io(Interest::READABLE, || {
                count = (&*SockRef::from(stream)).read(room)?;
                // What leaves room has taken all there was: the next read waits, and does not find out by asking in vain.
                let all = count > 0 && count < room.len();
                if all { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
            });
            match read {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Poll::Ready(Err(error)),
                Err(_) if count == 0 => {}
                Err(_) | Ok(()) => {
                    if count == 0 && !room.is_empty() {
                        self.0.left.store(true, Ordering::Release);
                    }
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

impl ConnectionIo {
    fn poll_written(
        &self,
        cx: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.stream.poll_write_ready(cx))?;
            match write(&self.0.stream) {
                Ok(count) => {
                    if !self.0.left.load(Ordering::Acquire) {
                        self.0.written.fetch_add(count as u64, Ordering::AcqRel);
                    }
                    return Poll::Ready(Ok(count));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for ConnectionIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_written(cx, |stream| stream.try_write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.shut.store(true, Ordering::Release);
        Poll::Ready(SockRef::from(&self.0.stream).shutdown(std::net::Shutdown::Write))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_written(cx, |stream| stream.try_write_vectored(slices))
    }
}
