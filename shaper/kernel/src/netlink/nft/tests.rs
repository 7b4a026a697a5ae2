//! The packet filter of the real kernel, in network namespaces of the tests' own.

mod bytes;
mod damage;
mod losses;
#[path = "../../../tests/kernel/netns.rs"]
mod netns;
mod states;
mod strikes;
mod wire;

use std::net::SocketAddr;

use rebuffer_shape::{Minor, PerMillion, Ports, Rules, SessionRules, StrikeRule};

use self::netns::Net;
use super::super::socket::{Failure, Socket};

/// A namespace with the devices that rules send packets to, and a socket there.
struct Place {
    net: Net,
    socket: Socket,
    sink: Option<u32>,
    up: Option<u32>,
}

const PORT: u16 = 20_001;
const OTHER_PORT: u16 = 20_002;
const SECOND_PORT: u16 = 20_003;

impl Place {
    /// None, with the reason printed, where the machine does not allow it.
    fn new() -> Option<Self> {
        let net = Net::new()?;
        let mut socket = net.here(Socket::open_filter).unwrap();
        if let Err(reason) = super::probe(&mut socket) {
            println!("skipped: {reason}");
            return None;
        }
        net.run("ip link add rebuffer-sink type ifb");
        net.run("ip link add rebuffer-up type ifb");
        net.run("ip link set rebuffer-up up");
        net.run("ip link set lo mtu 1500 gso_max_segs 1");
        let (sink, up) = (Some(number(&net, "rebuffer-sink")), Some(number(&net, "rebuffer-up")));
        Some(Self { net, socket, sink, up })
    }

    fn commit(&mut self, from: Option<&Rules>, to: Option<&Rules>) -> Result<(), Failure> {
        super::commit(&mut self.socket, from, to, self.sink, self.up)
    }

    fn read(&mut self) -> Option<Rules> {
        super::read(&mut self.socket, self.sink, self.up).unwrap()
    }

    fn struck(&mut self, minor: Minor) -> Option<u64> {
        super::struck(&mut self.socket).unwrap().get(&minor).copied()
    }
}

fn number(net: &Net, device: &str) -> u32 {
    let line = net.run(&format!("ip -o link show dev {device}"));
    line.split(':').next().and_then(|number| number.parse().ok()).unwrap()
}

fn minor(number: u16) -> Minor {
    Minor::new(number).unwrap()
}

/// The ports of a session that has two.
fn both() -> Ports {
    Ports::from(PORT).with(SECOND_PORT).unwrap()
}

fn share(fraction: f64) -> Option<PerMillion> {
    Some(PerMillion::of(fraction).unwrap())
}

fn strike(reject: bool, packets: Option<u32>, number: u32) -> Option<StrikeRule> {
    Some(StrikeRule { reject, packets, number })
}

/// Rules for loopback.
fn rules<const N: usize>(sessions: [(u16, SessionRules); N]) -> Rules {
    on(["lo"], sessions)
}

fn on<const D: usize, const N: usize>(devices: [&str; D], sessions: [(u16, SessionRules); N]) -> Rules {
    Rules {
        devices: devices.into_iter().map(str::to_owned).collect(),
        sessions: sessions.into_iter().map(|(number, session)| (minor(number), session)).collect(),
    }
}

fn at(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), port)
}
