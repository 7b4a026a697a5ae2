//! One shaper per network namespace.
//!
//! Invariant: the claim is an abstract Unix socket, whose names belong to the network namespace, and which the kernel
//! releases with the process however that ends.
//! Deliberately absent: any message over that socket.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::error::ShaperError;

const NAME: &str = "rebuffer-shaper";

/// The right to shape in the network namespace of the thread that took it.
#[derive(Debug)]
pub(crate) struct Claim {
    _socket: UnixDatagram,
}

impl Claim {
    /// Whether somebody has it; does not take it.
    pub(crate) fn is_taken() -> bool {
        let connected = SocketAddr::from_abstract_name(NAME)
            .and_then(|name| UnixDatagram::unbound()?.connect_addr(&name));
        connected.is_ok()
    }

    pub(crate) fn take() -> Result<Self, ShaperError> {
        let socket = SocketAddr::from_abstract_name(NAME).and_then(|name| UnixDatagram::bind_addr(&name));
        socket.map(|socket| Self { _socket: socket }).map_err(|error| {
            if error.kind() == io::ErrorKind::AddrInUse {
                ShaperError::Taken
            } else {
                ShaperError::Unsupported(format!("the right to shape could not be claimed: {error}"))
            }
        })
    }
}
