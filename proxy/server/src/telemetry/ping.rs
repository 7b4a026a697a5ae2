//! The path to each player, measured by ICMP echo once a second: what the network costs without the session's queue.
//!
//! Invariant: nobody waits for an echo. All addresses are asked at once, each once however many players it has, and one that
//! does not answer concerns no other. Where the system lets us have no socket, nothing is asked, and why is said.
//! Deliberately absent: addresses that need a zone (link-local IPv6), which a player's address does not carry.

mod echo;
mod rounds;

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rebuffer_model::{Conditions, KnobMeans, Millis, Shape};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::UdpSocket;

use self::echo::{Family, Token};
use self::rounds::{MAX_TARGETS, Rounds};
use crate::clock;
use crate::rig::Rig;

const ASK_EVERY: Duration = Duration::from_secs(1);
/// How long an echo may take where no delay is asked for, and at most.
const PATIENCE: Duration = Duration::from_secs(1);
const MOST_PATIENCE: Duration = Duration::from_secs(5);
/// After a socket failed, it is not read for this long.
const PAUSE: Duration = Duration::from_millis(100);
const PACKET: usize = 256;

/// What is known of the paths to players.
#[derive(Debug)]
pub(crate) struct PathPing {
    v4: Result<Opened, String>,
    v6: Result<Opened, String>,
    rounds: Mutex<Rounds>,
}

/// A socket that speaks ICMP.
#[derive(Debug)]
struct Opened {
    socket: Socket,
    /// It needed a privilege, hears everything, and IPv4 comes with its header.
    raw: bool,
}

/// A socket in use.
struct Speaker {
    socket: UdpSocket,
    family: Family,
    headed: bool,
}

impl PathPing {
    /// Takes the sockets, as far as the system gives them.
    pub(crate) fn open() -> Self {
        let open = |family| open(family).map_err(|error| reason(&error));
        Self { v4: open(Family::V4), v6: open(Family::V6), rounds: Mutex::default() }
    }

    /// How it is done here, or why not.
    pub(crate) fn means(&self) -> KnobMeans {
        let kind = |opened: &Opened| if opened.raw { "raw sockets" } else { "datagram sockets" };
        let how = match (&self.v4, &self.v6) {
            (Ok(v4), Ok(_)) => format!("ICMP echo once a second, through {}", kind(v4)),
            (Ok(v4), Err(why)) => {
                format!("ICMP echo once a second, through {}; not for IPv6: {why}", kind(v4))
            }
            (Err(why), Ok(v6)) => {
                format!("ICMP echo once a second, through {}; not for IPv4: {why}", kind(v6))
            }
            (Err(why), Err(_)) => return KnobMeans::nobody(why.clone()),
        };
        KnobMeans::proxy(&how)
    }

    /// The last round trip to an address, ms; none if the last echo got no answer in time.
    pub(crate) fn rtt_ms(&self, address: IpAddr) -> Option<f64> {
        self.rounds.lock().rtt_ms(address)
    }

    fn speaker(&self, family: Family) -> Option<Speaker> {
        let opened = match family {
            Family::V4 => self.v4.as_ref(),
            Family::V6 => self.v6.as_ref(),
        };
        let Opened { socket, raw } = opened.ok()?;
        let speaking = socket.try_clone().and_then(|socket| UdpSocket::from_std(socket.into()));
        match speaking {
            Ok(socket) => Some(Speaker { socket, family, headed: *raw && family == Family::V4 }),
            Err(error) => {
                tracing::warn!(%error, ?family, "a path cannot be measured");
                None
            }
        }
    }
}

/// A datagram socket, which any user may have whose group is let (`net.ipv4.ping_group_range`), or else a raw one.
fn open(family: Family) -> io::Result<Opened> {
    let (domain, protocol, any) = match family {
        Family::V4 => (Domain::IPV4, Protocol::ICMPV4, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        Family::V6 => (Domain::IPV6, Protocol::ICMPV6, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
    };
    let (socket, raw) = match Socket::new(domain, Type::DGRAM, Some(protocol)) {
        Ok(socket) => (socket, false),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            (Socket::new(domain, Type::RAW, Some(protocol))?, true)
        }
        Err(error) => return Err(error),
    };
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::new(any, 0).into())?;
    Ok(Opened { socket, raw })
}

fn reason(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::PermissionDenied {
        "no group of this process is in net.ipv4.ping_group_range, and CAP_NET_RAW is missing".to_owned()
    } else {
        format!("no socket for ICMP: {error}")
    }
}

/// The task: asks every address at which a player is connected, and hears the answers, until the rig closes.
pub(crate) async fn ping_players(rig: Arc<Rig>) {
    let pings = &rig.path_ping;
    let (v4, v6) = (pings.speaker(Family::V4), pings.speaker(Family::V6));
    if v4.is_none() && v6.is_none() {
        return;
    }
    let token = Token::new();
    let asking = async {
        let mut tick = tokio::time::interval(ASK_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            // Looked up first: no lock is taken while another is held.
            let targets = targets(&rig);
            let echos = pings.rounds.lock().begin(now(), &targets);
            for echo in echos {
                let speaker = match Family::of(echo.0) {
                    Family::V4 => v4.as_ref(),
                    Family::V6 => v6.as_ref(),
                };
                if let Some(speaker) = speaker {
                    pings.rounds.lock().sent(echo, now());
                    speaker.ask(&token, echo);
                }
            }
        }
    };
    tokio::select! {
        () = asking => {}
        () = hear(v4.as_ref(), &token, &pings.rounds) => {}
        () = hear(v6.as_ref(), &token, &pings.rounds) => {}
        () = rig.closing.cancelled() => {}
    }
}

impl Speaker {
    /// What does not go out at once gets no answer, which is all there is to say of it.
    fn ask(&self, token: &Token, (address, sequence): (IpAddr, u16)) {
        let packet = token.request(self.family, sequence);
        // Not through tokio, which does not send before it has once waited for the socket.
        let sent = SockRef::from(&self.socket).send_to(&packet, &SocketAddr::new(address, 0).into());
        if let Err(error) = sent {
            tracing::trace!(%error, %address, "an echo could not be sent");
        }
    }
}

/// Hears replies for ever.
async fn hear(speaker: Option<&Speaker>, token: &Token, rounds: &Mutex<Rounds>) {
    let Some(Speaker { socket, family, headed }) = speaker else { return std::future::pending().await };
    let mut packet = [0; PACKET];
    loop {
        match socket.recv_from(&mut packet).await {
            Ok((length, from)) => {
                let reply = packet.get(..length).and_then(|packet| token.reply(*family, packet, *headed));
                if let Some(sequence) = reply {
                    rounds.lock().reply((from.ip(), sequence), now());
                }
            }
            Err(error) => {
                tracing::trace!(%error, ?family, "an echo failed");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn now() -> Duration {
    Duration::from_micros(clock::moment().as_micros())
}

/// The addresses at which players are connected, and how long an echo to each may take.
fn targets(rig: &Rig) -> BTreeMap<IpAddr, Duration> {
    let mut targets = BTreeMap::new();
    for session in rig.players.sessions().iter().filter(|session| session.telemetry.link.is_awake()) {
        let patience = patience(&session.link.in_force().observed);
        let longest = targets.entry(session.client_ip()).or_insert(patience);
        *longest = patience.max(*longest);
    }
    if targets.len() > MAX_TARGETS {
        tracing::debug!(addresses = targets.len(), asked = MAX_TARGETS, "not every path is measured");
    }
    targets
}

/// An echo may meet every delay there and back.
fn patience(link: &Shape) -> Duration {
    let of = |conditions: &Conditions| {
        let longest = [conditions.delay_ms, conditions.jitter_ms].into_iter().flatten();
        longest.map(|Millis(ms)| Duration::from_millis(ms)).sum::<Duration>()
    };
    (PATIENCE + (of(&link.down) + of(&link.uplink)) * 2).min(MOST_PATIENCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_may_take_as_long_as_the_link_delays_it() {
        let link = |json: &str| serde_json::from_str::<Shape>(json).unwrap();
        assert_eq!(patience(&Shape::default()), PATIENCE);
        assert_eq!(
            patience(&link(r#"{"delay_ms":300,"jitter_ms":100,"uplink":{"delay_ms":100}}"#)),
            PATIENCE * 2
        );
        assert_eq!(patience(&link(r#"{"delay_ms":10000}"#)), MOST_PATIENCE);
    }

    #[test]
    fn a_system_that_gives_no_socket_is_told() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        assert!(reason(&denied).contains("ping_group_range"));
        let nothing = PathPing { v4: Err(reason(&denied)), v6: Err("no".into()), rounds: Mutex::default() };
        assert_eq!(nothing.means(), KnobMeans::nobody(reason(&denied)));
    }

    #[tokio::test]
    async fn loopback_answers() {
        let pings = PathPing::open();
        for (family, address) in
            [(Family::V4, IpAddr::from(Ipv4Addr::LOCALHOST)), (Family::V6, Ipv6Addr::LOCALHOST.into())]
        {
            let Some(speaker) = pings.speaker(family) else {
                println!("skipped for {family:?}: {:?}", pings.means());
                continue;
            };
            let (token, rounds) = (Token::new(), Mutex::new(Rounds::default()));
            let echo = rounds.lock().begin(now(), &BTreeMap::from([(address, MOST_PATIENCE)]))[0];
            speaker.ask(&token, echo);
            let answered = async {
                while rounds.lock().rtt_ms(address).is_none() {
                    tokio::task::yield_now().await;
                }
            };
            let heard = async {
                tokio::select! {
                    () = answered => {}
                    () = hear(Some(&speaker), &token, &rounds) => {}
                }
            };
            // A machine may have the family and no address of it.
            let heard = tokio::time::timeout(MOST_PATIENCE, heard).await;
            assert!(heard.is_ok() || family == Family::V6, "loopback does not answer");
        }
    }
}
