//! The fork of a device: TCP packets that leave it from certain ports go through another device first.
//!
//! Invariant: filters of ours stand at priorities and in hash tables of our own; a port's two entries (IPv4 and IPv6) have
//! handles that follow from the port, so removing one can reach no other. Whether the hook was made by us is remembered in
//! the hook itself, and one that somebody else made or uses stays.
//! Deliberately absent: IPv4 packets with options, fragments after the first, IPv6 packets with extension headers; they
//! go straight. TCP sends none of them, but for pieces of more than 64 KiB over IPv6, which a device is kept from taking.

mod family;

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use self::family::{BUCKETS, FAMILIES, Family, goes_to, looks_into, table};
use super::gone;
use super::socket::{Failure, Socket};
use super::tc::{
    self, DEL_FILTER, DEL_QDISC, GET_FILTER, GET_QDISC, KIND, NEW_FILTER, NEW_QDISC, OPTIONS, Target,
};
use super::wire::{CREATE, DUMP, ECHO, EXCL, attribute};

const CLSACT: &str = "clsact";
const U32: &str = "u32";

/// Where a hook hangs, its handle, and its two sides.
const HOOK: u32 = 0xffff_fff1;
const HOOK_HANDLE: u32 = 0xffff_0000;
const ARRIVING: u32 = 0xffff_fff2;
const LEAVING: u32 = 0xffff_fff3;

/// A table nobody looks into: that it is there says that the hook is ours.
const MARK: u32 = 0x5ed0_0000;

/// How often, and how far apart, the removal of a table is tried: the kernel forgets the link to it only after every
/// processor has passed a point of rest.
const TRIES: u32 = 100;
const APART: Duration = Duration::from_millis(5);

/// What stands on one side of a hook.
#[derive(Debug, Default)]
struct Side {
    /// Tables of ours, and links to them, with their families.
    tables: Vec<(&'static Family, u32)>,
    links: Vec<(&'static Family, u32)>,
    /// Ports whose packets of each family go where they should.
    ports: [BTreeSet<u16>; 2],
    /// Whether something stands where ours would.
    taken: bool,
    /// Whether somebody else has filters here.
    others: bool,
}

/// Makes the fork, through which nothing goes yet.
pub(super) fn install(socket: &mut Socket, device: u32) -> Result<(), Failure> {
    let present = hook(socket, device)?;
    match present.as_deref() {
        None | Some(CLSACT) => {}
        Some(other) => {
            return Err(Failure {
                errno: libc::EEXIST,
                message: format!(
                    "the device carries {other} of somebody else, which leaves no room for clsact"
                ),
            });
        }
    }
    let leaving = look(socket, device, LEAVING, None)?;
    if leaving.taken {
        let whose = if leaving.tables.is_empty() { "filters of somebody else stand" } else { "the fork is" };
        return Err(Failure { errno: libc::EEXIST, message: format!("{whose} there already") });
    }
    let result = make(socket, device, present.is_none());
    if result.is_err() {
        // The first failure is the one to tell.
        let _ = remove(socket, device);
    }
    result
}

fn make(socket: &mut Socket, device: u32, hook: bool) -> Result<(), Failure> {
    if hook {
        hook_up(socket, device)?;
        let ask = FAMILIES[0].ask(socket, device, NEW_FILTER, CREATE | EXCL, MARK);
        let marked = socket.exchange(1, &table(ask, 1).finish(), |_| {});
        // Without its mark nobody would ever know that it is ours.
        marked.inspect_err(|_| drop(unhook(socket, device)))?;
    }
    for family in &FAMILIES {
        let ask = family.ask(socket, device, NEW_FILTER, CREATE | EXCL, family.table);
        let mut bytes = table(ask, BUCKETS).finish();
        let ask = family.ask(socket, device, NEW_FILTER, CREATE | EXCL, 1);
        bytes.extend(family.link(ask).finish());
        socket.exchange(2, &bytes, |_| {})?;
    }
    Ok(())
}

/// Takes away what is ours: the hook with everything if we made it and nobody else uses it, else our filters.
pub(super) fn remove(socket: &mut Socket, device: u32) -> Result<(), Failure> {
    let leaving = look(socket, device, LEAVING, None)?;
    if leaving.tables.is_empty() {
        return Ok(());
    }
    let made = leaving.tables.iter().any(|(_, handle)| *handle == MARK);
    if made && !leaving.others && !look(socket, device, ARRIVING, None)?.others {
        return unhook(socket, device);
    }
    // Links go first, so that no packet finds half of a table. Tables take their entries along.
    for (family, handle) in leaving.links {
        drop_filter(socket, device, family, handle)?;
    }
    for (family, handle) in &leaving.tables {
        drop_table(socket, device, family, *handle)?;
    }
    // What is left of a priority is its root table.
    leaving.tables.iter().try_for_each(|(family, _)| drop_filter(socket, device, family, 0))
}

/// Sends what leaves a device from a port to another device, whatever stood there for that port.
pub(super) fn divert(socket: &mut Socket, device: u32, port: u16, to: u32) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    for family in &FAMILIES {
        let ask = family.ask(socket, device, NEW_FILTER, CREATE, family.entry(port));
        bytes.extend(family.redirect(ask, port, to).finish());
    }
    let result = socket.exchange(2, &bytes, |_| {});
    if result.is_err() {
        let _ = undivert(socket, device, port);
    }
    result
}

/// Ends that.
pub(super) fn undivert(socket: &mut Socket, device: u32, port: u16) -> Result<(), Failure> {
    FAMILIES.iter().try_for_each(|family| drop_filter(socket, device, family, family.entry(port)))
}

/// The ports that go to a device; none if nothing of ours is there.
pub(super) fn diverted(
    socket: &mut Socket,
    device: u32,
    to: Option<u32>,
) -> Result<Option<BTreeSet<u16>>, Failure> {
    let Side { tables, ports: [one, other], .. } = look(socket, device, LEAVING, to)?;
    Ok((!tables.is_empty()).then(|| one.intersection(&other).copied().collect()))
}

/// The kind of hook that a device carries.
fn hook(socket: &mut Socket, device: u32) -> Result<Option<String>, Failure> {
    let target = Target { device, handle: 0, parent: HOOK, info: 0 };
    let ask = target.message(socket, GET_QDISC, ECHO).finish();
    let mut kind = None;
    let result = socket.exchange(1, &ask, |payload| {
        kind = tc::described(payload).and_then(|(_, attributes)| tc::kind(attributes));
    });
    gone(result).map(|()| kind)
}

/// Makes a hook that nothing hangs on.
pub(super) fn hook_up(socket: &mut Socket, device: u32) -> Result<(), Failure> {
    let target = Target { device, handle: HOOK_HANDLE, parent: HOOK, info: 0 };
    let ask = target.message(socket, NEW_QDISC, CREATE | EXCL).text(KIND, CLSACT).finish();
    socket.exchange(1, &ask, |_| {})
}

fn unhook(socket: &mut Socket, device: u32) -> Result<(), Failure> {
    let target = Target { device, handle: HOOK_HANDLE, parent: HOOK, info: 0 };
    let ask = target.message(socket, DEL_QDISC, 0).finish();
    gone(socket.exchange(1, &ask, |_| {}))
}

fn look(socket: &mut Socket, device: u32, parent: u32, to: Option<u32>) -> Result<Side, Failure> {
    let ask = Target { device, handle: 0, parent, info: 0 }.message(socket, GET_FILTER, DUMP).finish();
    let mut found = Vec::new();
    gone(socket.exchange(1, &ask, |payload| found.push(payload.to_vec())))?;
    let mut side = Side::default();
    found.iter().for_each(|payload| side.see(payload, to));
    Ok(side)
}

/// With handle 0 it is everything of that priority.
fn drop_filter(socket: &mut Socket, device: u32, family: &Family, handle: u32) -> Result<(), Failure> {
    let ask = family.ask(socket, device, DEL_FILTER, 0, handle).text(KIND, U32).finish();
    match gone(socket.exchange(1, &ask, |_| {})) {
        // So says the kernel also when there is no hook at all.
        Err(failure) if failure.errno == libc::EINVAL && hook(socket, device)?.is_none() => Ok(()),
        result => result,
    }
}

fn drop_table(socket: &mut Socket, device: u32, family: &Family, table: u32) -> Result<(), Failure> {
    let mut result = drop_filter(socket, device, family, table);
    for _ in 0..TRIES {
        if !result.as_ref().is_err_and(|failure| failure.errno == libc::EBUSY) {
            break;
        }
        thread::sleep(APART);
        result = drop_filter(socket, device, family, table);
    }
    result
}

impl Side {
    /// Takes in the description of a filter.
    fn see(&mut self, payload: &[u8], to: Option<u32>) {
        let Some((Target { handle, info, .. }, attributes)) = tc::described(payload) else { return };
        self.taken |= FAMILIES.iter().any(|family| family.priority == info >> 16);
        let ours = |family: &&Family| family.info() == info && tc::kind(attributes).as_deref() == Some(U32);
        let Some((family, ports)) = FAMILIES.iter().zip(&mut self.ports).find(|(family, _)| ours(family))
        else {
            self.others = true;
            return;
        };
        let options = attribute(attributes, OPTIONS).unwrap_or_default();
        if handle == family.table || handle == MARK {
            self.tables.push((family, handle));
        } else if looks_into(options) == Some(family.table) {
            self.links.push((family, handle));
        } else if let Some(port) = family.port(handle).filter(|_| to.is_some() && goes_to(options) == to) {
            ports.insert(port);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tc::tests::payload;
    use super::*;

    const DEVICE: u32 = 3;
    const DOWN: u32 = 9;

    #[test]
    fn a_port_is_diverted_when_both_families_go_to_the_device() {
        let mut socket = Socket::open().unwrap();
        let mut side = Side::default();
        let mut see = |family: &Family, port, to| {
            let ask = family.ask(&mut socket, DEVICE, NEW_FILTER, 0, family.entry(port));
            side.see(&payload(family.redirect(ask, port, to)), Some(DOWN));
        };
        for (family, port, to) in
            [(0, 30_100, DOWN), (1, 30_100, DOWN), (0, 30_101, DOWN), (0, 30_102, DOWN), (1, 30_102, 1)]
        {
            see(&FAMILIES[family], port, to);
        }
        assert_eq!(side.ports, [BTreeSet::from([30_100, 30_101, 30_102]), BTreeSet::from([30_100])]);
        assert!(side.taken && !side.others && side.tables.is_empty());
    }

    #[test]
    fn filters_of_somebody_else_are_told_from_ours() {
        let mut socket = Socket::open().unwrap();
        let [ours, other] = &FAMILIES;
        let mut look = |info: u32, handle: u32, kind: &str| {
            let target = Target { device: DEVICE, handle, parent: LEAVING, info };
            let mut side = Side::default();
            side.see(&payload(target.message(&mut socket, NEW_FILTER, 0).text(KIND, kind)), None);
            (side.tables.len(), side.taken, side.others)
        };
        assert_eq!(look(ours.info(), ours.table, U32), (1, true, false));
        assert_eq!(look(ours.info(), MARK, U32), (1, true, false));
        assert_eq!(look(ours.info(), other.table, U32), (0, true, false));
        assert_eq!(look(ours.info(), ours.table, "bpf"), (0, true, true));
        assert_eq!(look(1 << 16, ours.table, U32), (0, false, true));
    }
}
