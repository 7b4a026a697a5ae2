//! What sockets are told, so that a link behaves as it was asked for.
//!
//! Invariant: nothing here changes the bytes of a stream; a socket that has gone is no error.
//! Deliberately absent: ownership. A socket belongs to its connection; here are only weak references.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Weak};

use rebuffer_shape::{LinkPlan, Minor};
use socket2::SockRef;

use crate::sockopt::set_int;

/// The segment size of Ethernet over IPv4. Loopback offers 64 KiB, of which one packet takes seconds on a slow link.
const SEGMENT: u32 = 1460;

/// The sockets of one session, and what each has been told.
#[derive(Default)]
pub(crate) struct Sockets {
    live: Vec<Weak<dyn AsFd + Send + Sync>>,
    settings: Settings,
}

/// What every socket of a session is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    class: Option<Minor>,
    notsent_lowat: Option<u32>,
}

/// Tells a socket, before it listens, to keep its segments to the size they have on Ethernet on every device. Call it
/// for each listener whose connections may be capped.
pub fn prepare_listener(socket: &socket2::Socket) -> io::Result<()> {
    socket.set_tcp_mss(SEGMENT)
}

impl Settings {
    pub(crate) fn new(class: Option<Minor>, plan: &LinkPlan) -> Self {
        Self { class, notsent_lowat: plan.notsent_lowat() }
    }

    fn apply(self, old: Self, socket: BorrowedFd<'_>) -> io::Result<()> {
        let options = SockRef::from(&socket);
        if self.class != old.class {
            options.set_priority(self.class.map_or(0, priority))?;
        }
        if self.notsent_lowat != old.notsent_lowat {
            // 0 is the system's own setting.
            options.set_tcp_notsent_lowat(self.notsent_lowat.unwrap_or(0))?;
        }
        Ok(())
    }
}

impl Sockets {
    /// Settings for sockets to come.
    pub(crate) fn with(settings: Settings) -> Self {
        Self { live: Vec::new(), settings }
    }

    /// Tells a new socket and remembers it for later changes.
    pub(crate) fn adopt<S: AsFd + Send + Sync + 'static>(&mut self, socket: &Arc<S>) -> io::Result<()> {
        self.settings.apply(Settings::default(), socket.as_fd())?;
        self.live.retain(|known| known.strong_count() > 0);
        let socket: Arc<dyn AsFd + Send + Sync> = socket.clone();
        self.live.push(Arc::downgrade(&socket));
        Ok(())
    }

    /// Tells every socket that still lives, and those to come; returns the first error.
    pub(crate) fn tell(&mut self, settings: Settings) -> io::Result<()> {
        let old = std::mem::replace(&mut self.settings, settings);
        self.each(|socket| settings.apply(old, socket))
    }

    /// Lets every socket look anew at the device it sends through.
    pub(crate) fn look_again(&mut self) -> io::Result<()> {
        self.each(forget_route)
    }

    fn each(&mut self, apply: impl Fn(BorrowedFd<'_>) -> io::Result<()>) -> io::Result<()> {
        let mut result = Ok(());
        self.live.retain(|known| match known.upgrade() {
            Some(socket) => {
                result = std::mem::replace(&mut result, Ok(())).and(apply(socket.as_fd()));
                true
            }
            None => false,
        });
        result
    }
}

impl fmt::Debug for Sockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sockets").field("live", &self.live.len()).field("settings", &self.settings).finish()
    }
}

fn priority(class: Minor) -> u32 {
    u32::from(Minor::ROOT_MAJOR) << 16 | u32::from(class.get())
}

/// A socket keeps the limits of its device (how many segments as one) from when it found its route. Setting
/// `SO_DONTROUTE` to what it is makes it find the route again with the next packet.
fn forget_route(socket: BorrowedFd<'_>) -> io::Result<()> {
    set_int(socket, libc::SOL_SOCKET, libc::SO_DONTROUTE, 0)
}
