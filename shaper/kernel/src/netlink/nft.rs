//! The packet filter (`nf_tables`): classes by port, losses, the way through the uplink's device, struck packets.
//!
//! Invariant: a change is one transaction of the kernel, so there is no moment between two states, and a failure
//! changes nothing. Only tables named [`TABLE`] are written, one of family `inet` and one of family `netdev`. What is
//! read is exactly what is there, or it is none.
//! Deliberately absent: rules of handles that have to be remembered. A chain has the rules of one purpose, and they are
//! replaced together.

mod batch;
mod expression;
mod layout;
mod reading;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use rebuffer_shape::{Minor, PerMillion, Rules, SessionRules, StrikeRule, TABLE};

use self::batch::Batch;
use self::layout::{Aides, Layout};
use self::reading::Reader;
use super::socket::{Failure, Socket};

/// The name of the tables that are tried and never made.
const TRIED: &str = "rebuffer-probe";
/// So often are tables read before they are called damaged: a map that grows may be told with gaps.
const READINGS: usize = 3;
/// Every network namespace has it.
const LOOPBACK: &str = "lo";

/// Changes our tables from one state to another, as a whole or not at all.
///
/// From none, tables of our name are replaced, whatever is in them; to none, they are removed. What is the same in both
/// states is not touched, so counters and numbers go on.
///
/// `from` must be what was committed last or what [`read`] has just said; what it holds and the kernel does not is a
/// failure (`ENOENT`), and so is what the kernel holds and it does not (`EEXIST`); a commit from none mends both. But the
/// devices of `from` may have vanished. Those of `to` must be there: older kernels refuse what concerns a device that is
/// not (`ENOENT`).
///
/// The numbers of the devices of ours are those of `from` too: a device that was made anew needs a commit from none, which
/// is what follows from reading with its new number.
pub(super) fn commit(
    socket: &mut Socket,
    from: Option<&Rules>,
    to: Option<&Rules>,
    sink: Option<u32>,
    up: Option<u32>,
) -> Result<(), Failure> {
    let aides = Aides { sink, up };
    let Some(to) = to else {
        let mut batch = Batch::new(socket, TABLE);
        batch.remove();
        return batch.commit();
    };
    for session in to.sessions.values() {
        aides.serve(session).map_err(|aide| Failure {
            errno: libc::ENODEV,
            message: format!("the device {} is missing", aide.name()),
        })?;
    }
    let mut batch = Batch::new(socket, TABLE);
    let Some(from) = from else {
        batch.begin_anew();
        change(&mut batch, &Layout::default(), &Layout::of(to, &to.sessions, aides));
        return batch.commit();
    };
    let changed = |one: &Rules, other: &Rules| {
        let differs = |(minor, session): &(&Minor, &SessionRules)| other.sessions.get(minor) != Some(session);
        Layout::of(one, one.sessions.iter().filter(differs), aides)
    };
    change(&mut batch, &changed(from, to), &changed(to, from));
    batch.commit()
}

/// What our tables do, given the numbers of the devices of ours; none if there are no such tables, and also if anything in
/// them is missing, is not as it was made, or is not ours. A commit from none mends that; one to none clears it away.
pub(super) fn read(
    socket: &mut Socket,
    sink: Option<u32>,
    up: Option<u32>,
) -> Result<Option<Rules>, Failure> {
    let mut reader = Reader { socket, table: TABLE };
    for _ in 0..READINGS {
        if let Some(rules) = reader.layout()?.and_then(|layout| layout.rules(Aides { sink, up })) {
            return Ok(Some(rules));
        }
        if !reader.anything()? {
            break;
        }
    }
    Ok(None)
}

/// How many packets the strike of each session has met.
pub(super) fn struck(socket: &mut Socket) -> Result<BTreeMap<Minor, u64>, Failure> {
    Reader { socket, table: TABLE }.struck()
}

/// Whether the kernel has everything that we need of it and lets us use it; if not, why. Everything is tried, in a
/// transaction that fails at its end, so nothing is changed.
pub(super) fn probe(socket: &mut Socket) -> Result<(), String> {
    let mut batch = Batch::new(socket, TRIED);
    batch.begin_anew();
    let rules = everything();
    let aides = Aides { sink: Some(1), up: Some(1) };
    change(&mut batch, &Layout::default(), &Layout::of(&rules, &rules.sessions, aides));
    let failing = batch.fail();
    match batch.send() {
        Ok(()) => Err("the kernel did what cannot be done".to_owned()),
        Err((Some(what), _)) if what == failing => Ok(()),
        Err((_, failure)) if failure.errno == libc::EPERM => {
            Err("CAP_NET_ADMIN is missing in this network namespace".to_owned())
        }
        Err((Some(what), failure)) => Err(format!("nf_tables cannot {what}: {}", failure.message)),
        Err((None, failure)) => Err(format!("the kernel has no nf_tables: {}", failure.message)),
    }
}

/// Leads from one layout to another.
fn change(batch: &mut Batch<'_>, from: &Layout, to: &Layout) {
    batch.remove_elements(from.elements.difference(&to.elements));
    for (place @ (family, name), chain) in &from.chains {
        match to.chains.get(place) {
            None => batch.remove_chain(*family, name, chain),
            Some(new) if new != chain => batch.change_chain(*family, name, new),
            Some(_) => {}
        }
    }
    let added = to.chains.iter().filter(|(place, _)| !from.chains.contains_key(place));
    for ((family, name), chain) in added {
        batch.new_chain(*family, name, chain);
    }
    batch.new_elements(to.elements.difference(&from.elements));
}

/// Rules that need all that rules can need.
fn everything() -> Rules {
    let half = PerMillion::of(0.5);
    let session = |number: u16, reject| {
        let strike = Some(StrikeRule { reject, packets: Some(1), number: 0 });
        let all = SessionRules {
            lost_down: half,
            lost_up: half,
            through_up: true,
            strike,
            ..SessionRules::at(number)
        };
        Minor::new(number).map(|minor| (minor, all))
    };
    let sessions = [session(1, true), session(2, false)];
    Rules { devices: [LOOPBACK.to_owned()].into(), sessions: sessions.into_iter().flatten().collect() }
}
