//! A netlink socket: requests go out, answers come back.
//!
//! Invariant: an answer is taken for the request of its number, so one that comes too late is never taken for another's.
//! Waiting ends after [`PATIENCE`]. The socket stays in the network namespace it was opened in.
//! A batch is one piece for the kernel: it is carried out as a whole or not at all.
//! Deliberately absent: notifications; the socket belongs to no group.

#![expect(unsafe_code, reason = "netlink sockets have no safe wrapper")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use socket2::SockRef;

use super::wire::{Answer, Body, Message, answers};
use crate::sockopt::set_int;

/// How long the kernel may take. It answers in microseconds, unless somebody changes the network on a large scale.
const PATIENCE: Duration = Duration::from_secs(5);
/// Room for the largest datagram of a dump.
const ROOM: usize = 128 << 10;
/// The longest batch: some 30,000 sessions with everything. Only a limit; nothing of it is taken in advance.
const BATCH_ROOM: libc::c_int = 48 << 20;

/// A netlink socket: for routes, links and traffic control, or for the packet filter.
#[derive(Debug)]
pub(crate) struct Socket {
    fd: OwnedFd,
    sequence: u32,
    room: Vec<u8>,
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) errno: i32,
    pub(crate) message: String,
}

impl Socket {
    /// Opens a socket for routes, links and traffic control in the network namespace of the calling thread.
    pub(crate) fn open() -> io::Result<Self> {
        Self::speak(libc::NETLINK_ROUTE)
    }

    /// Opens a socket for the packet filter in the network namespace of the calling thread.
    pub(crate) fn open_filter() -> io::Result<Self> {
        let socket = Self::speak(libc::NETLINK_NETFILTER)?;
        // Without the right to this nothing is written anyway; what is read fits.
        let _ = set_int(socket.fd.as_fd(), libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, BATCH_ROOM);
        // A batch in which everything is wrong complains more than fits. The first complaint, which counts, does.
        set_int(socket.fd.as_fd(), libc::SOL_NETLINK, libc::NETLINK_NO_ENOBUFS, 1)?;
        Ok(socket)
    }

    fn speak(protocol: libc::c_int) -> io::Result<Self> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
        // SAFETY: no pointer is passed.
        let fd = unsafe { libc::socket(libc::AF_NETLINK, kind, protocol) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just opened and has no other owner.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        for option in [libc::NETLINK_EXT_ACK, libc::NETLINK_CAP_ACK] {
            set_int(fd.as_fd(), libc::SOL_NETLINK, option, 1)?;
        }
        SockRef::from(&fd).set_read_timeout(Some(PATIENCE))?;
        SockRef::from(&fd).set_write_timeout(Some(PATIENCE))?;
        Ok(Self { fd, sequence: 0, room: vec![0; ROOM] })
    }

    /// A message with the next number.
    pub(crate) fn message(&mut self, kind: u16, flags: u16) -> Message {
        self.sequence = self.sequence.wrapping_add(1);
        Message::new(kind, flags, self.sequence)
    }

    /// Sends the `count` messages that were begun last, in one piece, and hands over what they bring. Each is carried
    /// out by itself, so all are waited for; the first failure is returned.
    pub(crate) fn exchange(
        &mut self,
        count: u32,
        bytes: &[u8],
        data: impl FnMut(&[u8]),
    ) -> Result<(), Failure> {
        self.converse(count, bytes, data).map(|_| ())
    }

    /// The same for one question whose answer comes in parts; whether the parts belong together, as they do unless
    /// somebody changed things in between.
    pub(crate) fn dump(&mut self, bytes: &[u8], data: impl FnMut(&[u8])) -> Result<bool, Failure> {
        self.converse(1, bytes, data)
    }

    /// Sends a batch, of which only the last message asks for an acknowledgement. The first complaint, with the number
    /// of the message it is about, is returned, and then nothing was done.
    pub(crate) fn batch(&mut self, first: u32, last: u32, bytes: &[u8]) -> Result<(), (u32, Failure)> {
        let broken = |error| (first, Failure::from(error));
        SockRef::from(&self.fd).send(bytes).map_err(broken)?;
        let mut end = None;
        while end.is_none() {
            let length = receive(self.fd.as_fd(), &mut self.room, 0).map_err(broken)?;
            end = answers(&self.room[..length]).find_map(|Answer { sequence, body, .. }| match body {
                Body::End { .. } if sequence.wrapping_sub(first) > last.wrapping_sub(first) => None,
                Body::End { errno: 0, .. } => (sequence == last).then_some(Ok(())),
                Body::End { errno, text } => Some(Err((sequence, Failure::new(errno, text)))),
                Body::Data(_) => None,
            });
        }
        if let Some(Err(_)) = end {
            // All complaints are there when the sending returns, and would stand before the next answers.
            while receive(self.fd.as_fd(), &mut self.room, libc::MSG_DONTWAIT).is_ok() {}
        }
        end.unwrap_or(Ok(()))
    }

    fn converse(&mut self, count: u32, bytes: &[u8], mut data: impl FnMut(&[u8])) -> Result<bool, Failure> {
        SockRef::from(&self.fd).send(bytes)?;
        let mut open: Vec<u32> = (0..count).map(|back| self.sequence.wrapping_sub(back)).collect();
        let (mut result, mut whole) = (Ok(()), true);
        while !open.is_empty() {
            let length = receive(self.fd.as_fd(), &mut self.room, 0)?;
            for Answer { sequence, interrupted, body } in answers(&self.room[..length]) {
                let Some(at) = open.iter().position(|number| *number == sequence) else { continue };
                whole &= !interrupted;
                match body {
                    Body::Data(payload) => data(payload),
                    Body::End { errno, text } => {
                        open.swap_remove(at);
                        if errno != 0 && result.is_ok() {
                            result = Err(Failure::new(errno, text));
                        }
                    }
                }
            }
        }
        result.map(|()| whole)
    }
}

impl Failure {
    fn new(errno: i32, text: Option<String>) -> Self {
        let plain = io::Error::from_raw_os_error(errno).to_string();
        Self { errno, message: text.map_or(plain.clone(), |text| format!("{text} ({plain})")) }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let message = if error.kind() == io::ErrorKind::WouldBlock {
            format!("the kernel did not answer within {PATIENCE:?}")
        } else {
            error.to_string()
        };
        Self { errno: error.raw_os_error().unwrap_or(libc::EIO), message }
    }
}

fn receive(fd: BorrowedFd<'_>, room: &mut [u8], flags: libc::c_int) -> io::Result<usize> {
    let flags = flags | libc::MSG_TRUNC;
    loop {
        // SAFETY: the descriptor is borrowed, so it is open; the pointer and the length are those of `room`.
        let length = unsafe { libc::recv(fd.as_raw_fd(), room.as_mut_ptr().cast(), room.len(), flags) };
        match usize::try_from(length) {
            Ok(length) if length <= room.len() => return Ok(length),
            Ok(_) => return Err(io::Error::from_raw_os_error(libc::EMSGSIZE)),
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
}
