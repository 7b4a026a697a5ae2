//! The session ports: which are bound, and whose each of them is.
//!
//! Invariant: a port has one holder at a time; a port once bound stays bound until the rig stops, so that a player that comes
//! back after its session ended meets the rig and not a refused connection. When none is free, the port whose session ended
//! longest ago changes hands; a port with a live session never does.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use rebuffer_model::PlayerId;
use rebuffer_shaper::Shaper;
use socket2::{Domain, Protocol, Type};
use tokio::net::TcpListener;

use super::session::Client;
use crate::config::PortRange;
use crate::origin::Origin;

/// Those who held a port before, as far as they are remembered.
const FORMER: usize = 8;

/// Whose a port is, and where it leads.
#[derive(Debug, Clone)]
pub(crate) struct Holder {
    pub(crate) player_id: PlayerId,
    pub(crate) origin: Arc<Origin>,
}

/// Whose a port was before.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Former {
    pub(crate) holder: Holder,
    /// Who was at the other end when its session ended.
    pub(crate) client: Option<Client>,
}

/// The session ports.
#[derive(Debug)]
pub(crate) struct Ports {
    shaper: Shaper,
    ip: IpAddr,
    range: PortRange,
    held: Mutex<HashMap<u16, Slot>>,
}

/// A port for a player: freshly bound, with the listener to serve, or one that is being served already.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) port: u16,
    pub(crate) listener: Option<TcpListener>,
}

#[derive(Debug)]
struct Slot {
    holder: Holder,
    /// Counts up with every release; 0 while a session is live.
    released: u64,
    /// Who was at the other end when its session ended.
    client: Option<Client>,
    /// Whose it was before, the last first.
    former: VecDeque<Former>,
}

/// Why there is no port.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoPort {
    #[error(
        "all {count} session ports ({first}-{last}) have live sessions; widen --session-ports or remove players"
    )]
    AllLive { count: usize, first: u16, last: u16 },
    #[error("no session port could be bound: {0}")]
    Bind(#[source] std::io::Error),
}

impl Ports {
    pub(crate) fn new(shaper: Shaper, ip: IpAddr, range: PortRange) -> Self {
        Self { shaper, ip, range, held: Mutex::default() }
    }

    pub(crate) fn range(&self) -> PortRange {
        self.range
    }

    /// Whose this port is.
    pub(crate) fn holder(&self, port: u16) -> Option<Holder> {
        self.held.lock().get(&port).map(|slot| slot.holder.clone())
    }

    /// Whose this port was before, the last first. Clients of theirs may still know it.
    pub(crate) fn former_holders(&self, port: u16) -> Vec<Former> {
        self.held.lock().get(&port).map(|slot| slot.former.iter().cloned().collect()).unwrap_or_default()
    }

    /// A port for this player: its own again, a free one, or the one that was released longest ago.
    pub(crate) fn take(&self, holder: Holder) -> Result<Taken, NoPort> {
        let mut held = self.held.lock();
        let own =
            held.iter().find(|(_, slot)| slot.released > 0 && slot.holder == holder).map(|(port, _)| *port);
        if let Some(port) = own {
            hand_over(&mut held, port, holder);
            return Ok(Taken { port, listener: None });
        }
        let mut refused = None;
        let free = (self.range.first..=self.range.last).filter(|port| *port == 0 || !held.contains_key(port));
        for port in free {
            match bind(&self.shaper, self.ip, port) {
                Ok((port, listener)) => {
                    hand_over(&mut held, port, holder);
                    return Ok(Taken { port, listener: Some(listener) });
                }
                Err(error) => refused = Some(error),
            }
        }
        let oldest = held.iter().filter(|(_, slot)| slot.released > 0).min_by_key(|(_, slot)| slot.released);
        match (oldest.map(|(port, _)| *port), refused) {
            (Some(port), _) => {
                hand_over(&mut held, port, holder);
                Ok(Taken { port, listener: None })
            }
            (None, Some(error)) if held.is_empty() => Err(NoPort::Bind(error)),
            (None, _) => Err(NoPort::AllLive {
                count: self.range.count(),
                first: self.range.first,
                last: self.range.last,
            }),
        }
    }

    /// Takes this very port back into use for its holder; `None` when it went to another meanwhile, or is live.
    pub(crate) fn retake(&self, port: u16, holder: Holder) -> std::io::Result<Option<Taken>> {
        let mut held = self.held.lock();
        let listener = match held.get(&port) {
            None => Some(bind(&self.shaper, self.ip, port)?.1),
            Some(slot) if slot.released > 0 && slot.holder == holder => None,
            Some(_) => return Ok(None),
        };
        hand_over(&mut held, port, holder);
        Ok(Some(Taken { port, listener }))
    }

    /// The session of this port ended and its link was taken down; `client` was at the other end, if there was one.
    pub(crate) fn release(&self, port: u16, client: Option<Client>) {
        let mut held = self.held.lock();
        let next = held.values().map(|slot| slot.released).max().unwrap_or(0) + 1;
        if let Some(slot) = held.get_mut(&port) {
            slot.released = next;
            slot.client = client.or(slot.client.take());
        }
    }
}

impl PartialEq for Holder {
    fn eq(&self, other: &Self) -> bool {
        (self.player_id, &self.origin.address) == (other.player_id, &other.origin.address)
    }
}

/// Gives a port to a holder, and remembers whose it was.
fn hand_over(held: &mut HashMap<u16, Slot>, port: u16, holder: Holder) {
    let (mut former, mut client) = (VecDeque::new(), None);
    if let Some(slot) = held.remove(&port) {
        former = slot.former;
        if slot.holder == holder {
            client = slot.client;
        } else {
            former.push_front(Former { holder: slot.holder, client: slot.client });
        }
    }
    former.retain(|other| other.holder != holder);
    former.truncate(FORMER);
    held.insert(port, Slot { holder, released: 0, client, former });
}

fn bind(shaper: &Shaper, ip: IpAddr, port: u16) -> std::io::Result<(u16, TcpListener)> {
    let listener = listen(shaper, (ip, port).into(), true)?;
    Ok((listener.local_addr()?.port(), listener))
}

/// A listener where sessions live; `::` also takes IPv4. `shaped` prepares it for sessions.
pub(crate) fn listen(
    shaper: &Shaper,
    address: std::net::SocketAddr,
    shaped: bool,
) -> std::io::Result<TcpListener> {
    let socket = shaper.socket(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    if shaped {
        rebuffer_shaper::prepare_listener(&socket)?;
    }
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use rebuffer_shaper::{Mode, ShaperConfig};

    use super::*;

    fn holder(player: &str) -> Holder {
        Holder { player_id: PlayerId::canonical(player).unwrap(), origin: Origin::for_test() }
    }

    #[tokio::test]
    async fn a_player_gets_its_own_port_again_and_a_live_one_never_changes_hands() {
        let off = ShaperConfig { mode: Mode::Off, ..ShaperConfig::default() };
        let shaper = Shaper::open(off).await.unwrap();
        let probe = bind(&shaper, Ipv4Addr::LOCALHOST.into(), 0).unwrap();
        let range = PortRange::new(probe.0, probe.0).unwrap();
        drop(probe);
        let ports = Ports::new(shaper, Ipv4Addr::LOCALHOST.into(), range);
        let first = ports.take(holder("a")).unwrap();
        assert!(first.listener.is_some());
        assert!(matches!(ports.take(holder("b")), Err(NoPort::AllLive { count: 1, .. })));
        ports.release(first.port, None);
        assert!(ports.take(holder("a")).unwrap().listener.is_none());
        let client = Client::told(Ipv4Addr::LOCALHOST.into(), "a", "");
        ports.release(first.port, Some(client.clone()));
        assert_eq!(ports.take(holder("b")).unwrap().port, first.port);
        assert_eq!(ports.holder(first.port), Some(holder("b")));
        assert_eq!(ports.former_holders(first.port), [Former { holder: holder("a"), client: Some(client) }]);
        ports.release(first.port, None);
        assert!(ports.retake(first.port, holder("a")).unwrap().is_none(), "it is b's by now");
        assert!(ports.retake(first.port, holder("b")).unwrap().is_some());
        assert!(ports.retake(first.port, holder("b")).unwrap().is_none(), "it is live");
    }
}
