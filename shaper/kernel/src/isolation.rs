//! A network namespace of the rig's own, with one pair of devices to the machine's: what is shaped there is nobody else's.
//!
//! Invariant: the namespace has no name, so it and the pair end with the process, however that ends. Nothing of the
//! machine's own devices is changed.
//! Deliberately absent: address translation and forwarding. From other machines the namespace is reached by a route.

#![expect(unsafe_code, reason = "unshare and setns have no safe wrapper here")]

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd};
use std::thread;

use crate::error::ShaperError;
use crate::netlink::{Failure, Socket, veth};

/// The end of the pair in the machine's namespace, and that in ours.
pub(crate) const OUTSIDE: &str = "rebuffer0";
const INSIDE: &str = "veth0";
/// Benchmarking addresses (RFC 2544), which are no host's in any network.
const OUTSIDE_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 18, 94, 1));
const INSIDE_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 18, 94, 2));
/// Unique local addresses (RFC 4193).
const OUTSIDE_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd5e, 0xb0ff, 0xe2, 0, 0, 0, 0, 1));
const INSIDE_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd5e, 0xb0ff, 0xe2, 0, 0, 0, 0, 2));
const PREFIX_V4: u8 = 30;
const PREFIX_V6: u8 = 126;

/// A network namespace of the rig's own.
#[derive(Debug)]
pub struct Isolation {
    namespace: Namespace,
}

/// A network namespace without a name, joined with no other.
#[derive(Debug)]
pub(crate) struct Namespace(File);

impl Isolation {
    /// Makes the namespace and joins it with that of the calling thread.
    pub fn make() -> Result<Self, ShaperError> {
        Self::join(Namespace::make()?).map_err(|failure| match failure.errno {
            libc::EPERM => {
                ShaperError::NotPermitted("CAP_NET_ADMIN is missing in this network namespace".to_owned())
            }
            libc::EEXIST => {
                ShaperError::Unsupported(format!("{OUTSIDE} is there already: another rig is isolated"))
            }
            _ => ShaperError::Unsupported(format!("{OUTSIDE} cannot be made: {}", failure.message)),
        })
    }

    /// The addresses at which this machine reaches the namespace.
    pub fn addresses(&self) -> [IpAddr; 2] {
        [INSIDE_V4, INSIDE_V6]
    }

    /// Runs something on a thread of its own in the namespace; sockets it makes stay there.
    pub fn run<T: Send>(&self, run: impl FnOnce() -> T + Send) -> io::Result<T> {
        self.namespace.run(run)
    }

    /// Whether the calling thread's namespace is joined with one already.
    pub(crate) fn is_taken() -> bool {
        let found = Socket::open().map_err(Failure::from);
        found
            .and_then(|mut socket| veth::number_of(&mut socket, OUTSIDE))
            .is_ok_and(|device| device.is_some())
    }

    /// Joins a namespace with that of the calling thread; a pair that is there already is somebody else's.
    fn join(namespace: Namespace) -> Result<Self, Failure> {
        let mut out = Socket::open()?;
        veth::make_pair(&mut out, OUTSIDE, INSIDE, namespace.0.as_fd())?;
        // From here on the pair is ours, and goes with this value.
        let isolation = Self { namespace };
        prepare(&mut out, OUTSIDE, &[(OUTSIDE_V4, PREFIX_V4), (OUTSIDE_V6, PREFIX_V6)])?;
        let inside = isolation.run(|| {
            let mut socket = Socket::open()?;
            prepare(&mut socket, "lo", &[])?;
            prepare(&mut socket, INSIDE, &[(INSIDE_V4, PREFIX_V4), (INSIDE_V6, PREFIX_V6)])?;
            [OUTSIDE_V4, OUTSIDE_V6].into_iter().try_for_each(|gateway| veth::route_all(&mut socket, gateway))
        });
        inside.map_err(Failure::from)??;
        Ok(isolation)
    }
}

impl Namespace {
    /// Makes one; only loopback is in it, and it is down.
    pub(crate) fn make() -> Result<Self, ShaperError> {
        unshared().map(Self).map_err(|error| refused("no namespace can be made", &error))
    }

    /// Runs something on a thread of its own in the namespace.
    pub(crate) fn run<T: Send>(&self, run: impl FnOnce() -> T + Send) -> io::Result<T> {
        let enter = || {
            enter(&self.0)?;
            Ok(run())
        };
        thread::scope(|scope| match scope.spawn(enter).join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }
}

impl Drop for Isolation {
    fn drop(&mut self) {
        // Sockets may keep the namespace alive for a while; its way out goes now.
        let gone = Socket::open().map_err(Failure::from).and_then(|mut socket| {
            veth::number_of(&mut socket, OUTSIDE)?.map_or(Ok(()), |device| veth::remove(&mut socket, device))
        });
        if let Err(failure) = gone {
            tracing::warn!(error = failure.message, "{OUTSIDE} stays until the process ends");
        }
    }
}

fn prepare(socket: &mut Socket, name: &str, addresses: &[(IpAddr, u8)]) -> Result<(), Failure> {
    let device = veth::number_of(socket, name)?.ok_or(io::Error::from_raw_os_error(libc::ENODEV))?;
    for (address, prefix) in addresses {
        veth::give_address(socket, device, *address, *prefix)?;
    }
    veth::bring_up(socket, device)
}

fn unshared() -> io::Result<File> {
    let leave = || {
        // SAFETY: no pointer is passed; the thread is its own and ends here.
        match unsafe { libc::unshare(libc::CLONE_NEWNET) } {
            0 => File::open("/proc/thread-self/ns/net"),
            _ => Err(io::Error::last_os_error()),
        }
    };
    thread::spawn(leave).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn enter(namespace: &File) -> io::Result<()> {
    // SAFETY: the descriptor is that of an open file; the thread is its own.
    match unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn refused(what: &str, error: &io::Error) -> ShaperError {
    match error.raw_os_error() {
        Some(libc::EPERM) => ShaperError::NotPermitted(format!("{what}: CAP_SYS_ADMIN is missing")),
        _ => ShaperError::Unsupported(format!("{what}: {error}")),
    }
}
