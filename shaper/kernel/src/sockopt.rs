//! Socket options that no crate wraps.
//!
//! Invariant: the descriptor is borrowed, so it is open, and the kernel is told the true size of what it reads.
//! Deliberately absent: options with a safe wrapper; `socket2` has those.

#![expect(unsafe_code, reason = "a system call")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

const INT_BYTES: libc::socklen_t = 4;

/// Sets an option that is an integer.
pub(crate) fn set_int(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    option: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let pointer = (&raw const value).cast();
    // SAFETY: the descriptor is open; the pointer is that of `value`, which is an integer of this length and lives on.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, pointer, INT_BYTES) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
