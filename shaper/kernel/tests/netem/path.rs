//! A path of two namespaces on which every packet is the test's own.
//!
//! Invariant: nothing else takes a number of netem's random sequence: IPv6 is off and neighbours are known.
//! Deliberately absent: retries; a datagram that does not come is a result.

#![expect(unsafe_code, reason = "a receive buffer beyond the system's limit has no safe wrapper")]

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use rebuffer_shape::{Interface, Kernel, Netem, Op};
use rebuffer_shaper::Netlink;
use socket2::SockRef;

use crate::netns::Net;
use crate::{CLASS, class, kernel, minor, plain, shaped};

const HERE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const THERE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
/// Room for every datagram of a test, however late they are read.
const ROOM: libc::c_int = 128 << 20;
const PORT: u16 = 9_000;

/// A path whose packets from here go through one netem queue.
#[derive(Debug)]
pub(crate) struct Path {
    pub(crate) here: Net,
    pub(crate) there: Net,
    pub(crate) netlink: Netlink,
    pub(crate) interface: Interface,
}

/// Sent numbers as they arrived, and how long each was on its way.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    pub(crate) numbers: Vec<u32>,
    pub(crate) times: Vec<Duration>,
}

impl Path {
    /// A path; none, with the reason printed, where there cannot be one.
    pub(crate) fn new() -> Option<Self> {
        let (here, there) = (Net::new()?, Net::new()?);
        let mut netlink = kernel(&here)?;
        for net in [&here, &there] {
            net.here(|| std::fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1").unwrap());
            net.here(|| std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").unwrap());
        }
        here.join(HERE, &there, THERE);
        for (net, other, address) in [(&here, &there, THERE), (&there, &here, HERE)] {
            let link = other.run("ip -brief link show dev veth0");
            let lladdr = link.split_whitespace().nth(2).unwrap();
            net.run(&format!("ip neighbour replace {address} lladdr {lladdr} dev veth0 nud permanent"));
        }
        let interface = shaped(&mut netlink, "veth0", plain());
        Some(Self { here, there, netlink, interface })
    }

    /// Makes the queue one with this seed, from the beginning of its sequence.
    pub(crate) fn begin(&mut self, netem: Netem) {
        let other = netem.seed.map(|seed| !seed);
        self.change(Netem { seed: other, ..netem });
        self.change(netem);
    }

    /// Makes the queue this one.
    pub(crate) fn change(&mut self, netem: Netem) {
        self.netlink.apply(&self.interface, &Op::ChangeClass(minor(), class(netem))).unwrap();
    }

    /// Sends so many numbered datagrams of so many bytes, and waits for them as long as one may be late.
    pub(crate) fn send(&self, count: u32, bytes: usize, late: Duration) -> Arrived {
        let receiver = self.there.here(|| UdpSocket::bind((THERE, PORT)).unwrap());
        widen(&receiver).unwrap();
        receiver.set_read_timeout(Some(late)).unwrap();
        let sender = self.here.here(|| UdpSocket::bind((HERE, PORT)).unwrap());
        SockRef::from(&sender).set_priority(CLASS).unwrap();
        sender.connect((THERE, PORT)).unwrap();
        let begun = Instant::now();
        let now = || u64::try_from(begun.elapsed().as_nanos()).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut datagram = vec![0; bytes];
                for number in 0..count {
                    datagram[..4].copy_from_slice(&number.to_ne_bytes());
                    datagram[4..12].copy_from_slice(&now().to_ne_bytes());
                    sender.send(&datagram).unwrap();
                }
            });
            let mut arrived = Arrived::default();
            let mut datagram = vec![0; bytes];
            while receiver.recv(&mut datagram).is_ok() {
                let sent = u64::from_ne_bytes(datagram[4..12].try_into().unwrap());
                arrived.numbers.push(u32::from_ne_bytes(datagram[..4].try_into().unwrap()));
                arrived.times.push(Duration::from_nanos(now() - sent));
            }
            arrived
        })
    }

    /// The median of so many round trips, one after the other.
    pub(crate) fn round_trip(&self, count: usize) -> Duration {
        let server = self.there.here(|| UdpSocket::bind((THERE, PORT)).unwrap());
        let client = self.here.here(|| UdpSocket::bind((HERE, PORT)).unwrap());
        SockRef::from(&client).set_priority(CLASS).unwrap();
        client.connect((THERE, PORT)).unwrap();
        for socket in [&server, &client] {
            socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        }
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut datagram = [0; 64];
                for _ in 0..count {
                    let (length, from) = server.recv_from(&mut datagram).unwrap();
                    server.send_to(&datagram[..length], from).unwrap();
                }
            });
            let trip = |_| {
                let sent = Instant::now();
                client.send(&[0; 64]).unwrap();
                client.recv(&mut [0; 64]).unwrap();
                sent.elapsed()
            };
            median((0..count).map(trip).collect())
        })
    }
}

impl Arrived {
    /// The numbers below `count` that never came.
    pub(crate) fn lost(&self, count: u32) -> Vec<u32> {
        let came: std::collections::BTreeSet<u32> = self.numbers.iter().copied().collect();
        (0..count).filter(|number| !came.contains(number)).collect()
    }

    /// How many came before one that was sent earlier.
    pub(crate) fn early(&self) -> usize {
        let mut least = u32::MAX;
        let later = self.numbers.iter().rev().filter(|number| {
            let early = **number > least;
            least = least.min(**number);
            early
        });
        later.count()
    }
}

pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn widen(socket: &UdpSocket) -> io::Result<()> {
    let size = libc::socklen_t::try_from(size_of::<libc::c_int>()).unwrap();
    let room = ROOM;
    // SAFETY: the descriptor is that of an open socket; the pointer and the length are those of a number that outlives the
    // call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVBUFFORCE,
            (&raw const room).cast(),
            size,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
