//! The few calls to the operating system that have no safe form: inheriting a socket, dying with the parent, leaving at once.
//!
//! Invariant: nothing here touches memory the rest of the crate owns. The engine's own bindings are in `library.rs`.
#![expect(
    unsafe_code,
    reason = "fork-time hooks, adopting an inherited descriptor and _exit are unsafe by nature"
)]

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Lets the command inherit `listener` under its present number, and die by SIGKILL when the spawning thread does.
///
/// The kernel watches the *thread* that forks, so the caller must keep that thread as long as the child shall live.
pub(crate) fn tie_to_parent(command: &mut Command, listener: &TcpListener) {
    let fd = listener.as_raw_fd();
    let parent = std::process::id();
    let hook = move || {
        // SAFETY: prctl, getppid and fcntl are async-signal-safe, take only integers, and run in the forked child before exec.
        unsafe {
            check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL))?;
            if u32::try_from(libc::getppid()).ok() != Some(parent) {
                return Err(io::ErrorKind::NotConnected.into());
            }
            check(libc::fcntl(fd, libc::F_SETFD, 0))
        }
    };
    // SAFETY: the hook allocates nothing and takes no lock, as required between fork and exec.
    unsafe { command.pre_exec(hook) };
}

/// Takes over the listening socket the parent left under this number.
pub(crate) fn adopt_listener(fd: RawFd) -> io::Result<TcpListener> {
    let mut listening: libc::c_int = 0;
    let mut size = libc::socklen_t::try_from(size_of::<libc::c_int>()).expect("four fits");
    // SAFETY: the pointers are to locals of the size that is passed; a wrong descriptor is an error, not undefined.
    unsafe {
        let value = (&raw mut listening).cast();
        check(libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_ACCEPTCONN, value, &raw mut size))?;
        check(libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC))?;
    }
    if listening == 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: it is an open listening socket, inherited for this purpose, and nothing else in this process owns it.
    Ok(TcpListener::from(unsafe { OwnedFd::from_raw_fd(fd) }))
}

/// Ends the process without destructors: the engine's threads are still running and would crash in them.
pub(crate) fn leave(code: i32) -> ! {
    // SAFETY: _exit has no precondition.
    unsafe { libc::_exit(code) }
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
