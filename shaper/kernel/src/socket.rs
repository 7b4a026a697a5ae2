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

    /// Frees the sockets of a port, and forgets them; returns the first error.
    pub(crate) fn release(&mut self, port: u16) -> io::Result<()> {
        let settings = self.settings;
        let mut result = Ok(());
        self.live.retain(|known| {
            let Some(socket) = known.upgrade() else { return false };
            let at_port = port_of(socket.as_fd());
            if !matches!(at_port, Ok(Some(at)) if at == port) {
                return true;
            }
            let freed = Settings::default().apply(settings, socket.as_fd());
            result = std::mem::replace(&mut result, Ok(())).and(freed);
            false
        });
        result
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

/// The port of this machine that a socket is at; none if it is of another kind.
pub(crate) fn port_of(socket: BorrowedFd<'_>) -> io::Result<Option<u16>> {
    Ok(SockRef::from(&socket).local_addr()?.as_socket().map(|address| address.port()))
}

fn priority(class: Minor) -> u32 {
    u32::from(Minor::ROOT_MAJOR) << 16 | u32::from(class.get())
}

/// A socket keeps the limits of its device (how many segments as one) from when it found its route. Setting
/// `SO_DONTROUTE` to what it is makes it find the route again with its next packet. That had better be no body: the
/// limits count from the packet after it. So the next request is to be acknowledged at once, not with its answer.
fn forget_route(socket: BorrowedFd<'_>) -> io::Result<()> {
    set_int(socket, libc::SOL_SOCKET, libc::SO_DONTROUTE, 0)?;
    SockRef::from(&socket).set_tcp_quickack(true)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use rebuffer_model::{Mbps, Shape};

    use super::*;

    fn lowat(socket: &TcpStream) -> u32 {
        SockRef::from(socket).tcp_notsent_lowat().unwrap()
    }

    fn settings(mbps: f64) -> Settings {
        let shape = Shape::capped(Mbps::new(mbps).unwrap());
        Settings::new(None, &LinkPlan::of(&shape, &rebuffer_shape::Machine::Pacing).unwrap())
    }

    #[test]
    fn sockets_are_told_early_and_late_and_set_free() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connect = || Arc::new(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
        let mut sockets = Sockets::with(Settings::default());
        let early = connect();
        let untold = lowat(&early);
        sockets.adopt(&early).unwrap();
        assert_eq!(lowat(&early), untold);
        sockets.tell(settings(20.0)).unwrap();
        let late = connect();
        sockets.adopt(&late).unwrap();
        assert_eq!([lowat(&early), lowat(&late)], [50_000; 2]);
        drop(late);
        sockets.tell(Settings::default()).unwrap();
        assert_eq!((lowat(&early), sockets.live.len()), (untold, 1), "what has gone is forgotten");
        sockets.look_again().unwrap();
    }

    #[test]
    fn the_sockets_of_a_port_are_set_free_and_the_others_are_not() {
        let [leaving, staying] = [0; 2].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
        let accept = |listener: &TcpListener| {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            (client, Arc::new(listener.accept().unwrap().0))
        };
        let mut sockets = Sockets::with(settings(20.0));
        let [(_one, leaves), (_two, stays)] = [accept(&leaving), accept(&staying)];
        let untold = lowat(&leaves);
        [&leaves, &stays].into_iter().for_each(|socket| sockets.adopt(socket).unwrap());
        sockets.release(leaving.local_addr().unwrap().port()).unwrap();
        assert_eq!([lowat(&leaves), lowat(&stays)], [untold, 50_000]);
        sockets.tell(settings(10.0)).unwrap();
        assert_eq!([lowat(&leaves), lowat(&stays)], [untold, 25_000], "what left is not told");
    }

    #[test]
    fn a_prepared_listener_keeps_segments_to_those_of_ethernet() {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        prepare_listener(&socket).unwrap();
        socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        socket.listen(1).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let client = TcpStream::connect(address).unwrap();
        let (server, _) = socket.accept().unwrap();
        for end in [client.as_fd(), server.as_fd()] {
            assert!(crate::tcp_info(end).unwrap().mss <= SEGMENT);
        }
    }
}
