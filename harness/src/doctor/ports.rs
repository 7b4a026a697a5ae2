//! Whether the ports of the settings are free.
//!
//! Invariant: a port is bound for a moment and never listened at, so a rig that starts at that moment still gets it.
//! Deliberately absent: whose a port in use is; the kernel tells that to its owner alone.

use std::fmt;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};

use serde::Serialize;
use tokio::net::TcpSocket;

/// What was found of the ports of one setting.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct PortsFound {
    setting: &'static str,
    first: u16,
    last: u16,
    in_use: u32,
    /// What else keeps a rig from one of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

impl PortsFound {
    /// Looks at every port from the first to the last, both included; port 0 is chosen by the system.
    pub(super) fn look(setting: &'static str, ip: IpAddr, [first, last]: [u16; 2]) -> std::io::Result<Self> {
        let mut found = Self { setting, first, last, in_use: 0, refused: None };
        for port in first..=last {
            let socket = if ip.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            // As listeners are opened; without it, connections that ended lately would count as use.
            socket.set_reuseaddr(true)?;
            match socket.bind(SocketAddr::new(ip, port)) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::AddrInUse => found.in_use += 1,
                Err(error) => found.refused = Some(error.to_string()),
            }
        }
        Ok(found)
    }
}

impl fmt::Display for PortsFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setting, first, last, in_use, refused } = self;
        write!(f, "{setting} ")?;
        match (first, last) {
            (0, _) => f.write_str("as the system chooses")?,
            (first, last) if first == last => write!(f, "{first}")?,
            (first, last) => write!(f, "{first}-{last}")?,
        }
        match (*in_use, refused) {
            (0, None) => f.write_str(": free"),
            (_, Some(refused)) => write!(f, ": cannot be had: {refused}"),
            (_, None) if first == last => f.write_str(": in use: another rig?"),
            (in_use, None) => write!(f, ": {in_use} in use: another rig?"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    #[test]
    fn a_port_in_use_is_told_as_such_and_a_free_one_as_free() {
        let ip = IpAddr::from(Ipv4Addr::LOCALHOST);
        let listener = TcpListener::bind((ip, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let told = || PortsFound::look("--base", ip, [port, port]).unwrap().to_string();
        assert_eq!(told(), format!("--base {port}: in use: another rig?"));
        drop(listener);
        assert_eq!(told(), format!("--base {port}: free"));
        let chosen = PortsFound::look("--base", ip, [0, 0]).unwrap();
        assert_eq!(chosen.to_string(), "--base as the system chooses: free");
    }

    #[test]
    fn what_the_system_refuses_is_not_another_rig() {
        // An address of documentation (RFC 5737) is no machine's.
        let found = PortsFound::look("--api", Ipv4Addr::new(192, 0, 2, 1).into(), [0, 0]).unwrap();
        assert!(found.to_string().contains("cannot be had: "), "{found}");
    }
}
