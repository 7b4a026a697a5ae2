//! The ports of a session: which ones its link holds.
//!
//! Invariant: a port is held when every device and the packet filter say so; else the change failed and is undone.
//! Deliberately absent: whose a port is; who gives ports to sessions gives each to one.

use super::{FILTER, Kernel, Minor, Observed, Role, Tree, TreeError, refused};
use crate::kernel::Refusal;
use crate::ports::Ports;
use crate::wanted::Session;

const EAGAIN: i32 = 11;

impl<K: Kernel> Tree<K> {
    /// Makes these the ports of a session, with everything that is in force for it, and reads it back. A session of which
    /// nothing is wanted yet needs nothing. True as in [`Tree::set`].
    pub fn set_ports(&mut self, minor: Minor, ports: Ports) -> Result<(Observed, bool), TreeError> {
        let Some(known) = self.wanted.sessions.get(&minor).copied() else {
            return Ok((Observed::untouched(), false));
        };
        let told = self.settle(minor, Some(Session { ports, ..known }), false)?;
        let read = self.check_ports(minor, known.ports, ports).and_then(|()| self.read(minor));
        let read = read.map(|observed| (observed, told));
        read.map_err(|unread| self.restore(minor, Some(known), unread))
    }

    /// Fails unless the kernel says of these ports what it was told.
    fn check_ports(&mut self, minor: Minor, before: Ports, after: Ports) -> Result<(), TreeError> {
        let told = self.rules.as_ref().and_then(|rules| rules.sessions.get(&minor).copied());
        if told.is_some() {
            let found = self.kernel.rules().map_err(|refusal| refused(FILTER, refusal, true))?;
            if found.and_then(|found| found.sessions.get(&minor).copied()) != told {
                return Err(not_as_told(FILTER));
            }
        }
        for device in self.devices.iter().filter(|device| device.role == Role::Leave) {
            let Some(told) = &device.installed.diverted else { continue };
            let name = &device.interface.name;
            let found = self.kernel.diverted(&device.interface);
            let found = found.map_err(|refusal| refused(name, refusal, true))?.unwrap_or_default();
            if before.into_iter().chain(after).any(|port| found.contains(&port) != told.contains(&port)) {
                return Err(not_as_told(name));
            }
        }
        Ok(())
    }
}

fn not_as_told(name: &str) -> TreeError {
    let doing = "read the ports of a link back".to_owned();
    let message = "somebody else changed them meanwhile".to_owned();
    refused(name, Refusal { doing, errno: EAGAIN, message }, true)
}
