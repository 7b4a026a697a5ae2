//! Connections whose packets meet the rules.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef, Type};

use super::netns::Net;

/// Nothing here takes as long, but on a machine that hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Both ends of a connection.
pub(super) struct Pair {
    pub(super) server: TcpStream,
    pub(super) client: TcpStream,
}

pub(super) fn listen(net: &Net, address: SocketAddr) -> TcpListener {
    net.here(|| TcpListener::bind(address)).unwrap()
}

/// Begins to connect, and does not wait for an answer.
pub(super) fn begin(net: &Net, address: SocketAddr) -> socket2::Socket {
    let socket = net.here(|| socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)).unwrap();
    socket.set_nonblocking(true).unwrap();
    if let Err(error) = socket.connect(&address.into()) {
        assert!(matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::ECONNREFUSED)), "{error}");
    }
    socket
}

/// How a connection stands that was begun: open, failed, or neither.
pub(super) fn outcome(socket: &socket2::Socket) -> Option<Result<(), ErrorKind>> {
    if let Some(error) = socket.take_error().unwrap() {
        return Some(Err(error.kind()));
    }
    socket.peer_addr().is_ok().then_some(Ok(()))
}

/// Looks until something is so.
pub(super) fn wait(mut until: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !until() {
        assert!(begun.elapsed() < PATIENCE, "it never happens");
        std::thread::yield_now();
    }
}

impl Pair {
    /// Connects from one namespace to another, or within one.
    pub(super) fn open(from: &Net, to: &Net, address: SocketAddr) -> Self {
        let listener = listen(to, address);
        let client = from.here(|| TcpStream::connect_timeout(&address, PATIENCE)).unwrap();
        let (server, _) = listener.accept().unwrap();
        for socket in [&server, &client] {
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            socket.set_write_timeout(Some(PATIENCE)).unwrap();
            socket.set_nodelay(true).unwrap();
            // It sends again what is lost and next to nothing else, and floods no queue of the machine's.
            SockRef::from(socket).set_tcp_congestion(b"cubic").unwrap();
            SockRef::from(socket).set_send_buffer_size(100_000).unwrap();
        }
        Self { server, client }
    }

    /// Moves so many bytes to the player; the share of segments that were sent again.
    pub(super) fn carry_down(&self, bytes: usize) -> f64 {
        carry(&self.server, &self.client, bytes)
    }

    /// The same from the player.
    pub(super) fn carry_up(&self, bytes: usize) -> f64 {
        carry(&self.client, &self.server, bytes)
    }
}

fn carry(mut from: &TcpStream, mut to: &TcpStream, bytes: usize) -> f64 {
    let retransmits = || {
        let info = crate::tcp_info::tcp_info(from.as_fd()).unwrap();
        (f64::from(info.retransmits), f64::from(info.mss))
    };
    let (before, mss) = retransmits();
    std::thread::scope(|scope| {
        scope.spawn(|| (&mut from).write_all(&vec![7; bytes]).unwrap());
        to.read_exact(&mut vec![0; bytes]).unwrap();
    });
    (retransmits().0 - before) * mss / bytes as f64
}
