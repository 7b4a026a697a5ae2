//! What the kernel says of a session: its link knob by knob, and what has passed.
//!
//! Invariant: what is shown was read back; where devices differ, the loosest is shown.
//! Deliberately absent: what was asked.

use std::collections::BTreeMap;

use rebuffer_model::{Conditions, Shape};

use super::{BitsPerSec, Device, FILTER, Kernel, Minor, Role, Tree, TreeError, refused};
use crate::class::{ClassParams, Leaf};
use crate::kernel::{Aide, Class, Counters};
use crate::netem::Netem;
use crate::rules::PerMillion;
use crate::wanted::Session;

/// What was read back for one session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observed {
    /// Every knob as it is in force.
    pub shape: Shape,
    /// Whether every device carries what was asked.
    pub in_sync: bool,
    /// What has passed.
    pub traffic: Traffic,
}

/// What has passed through the classes of one session, over all devices; none where it has no class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// To the player.
    pub down: Option<Counters>,
    /// From the player.
    pub up: Option<Counters>,
}

impl Observed {
    /// A session of which nothing is wanted.
    pub fn untouched() -> Self {
        Self { shape: Shape::default(), in_sync: true, traffic: Traffic::default() }
    }

    /// The cap of the downlink; none if anything lets everything pass.
    pub fn rate(&self) -> Option<BitsPerSec> {
        self.shape.down.rate_mbps.map(rebuffer_model::Mbps::bits_per_sec)
    }
}

impl<K: Kernel> Tree<K> {
    /// What the kernel says of one session now.
    pub fn read(&mut self, minor: Minor) -> Result<Observed, TreeError> {
        let Some(session) = self.wanted.sessions.get(&minor).copied() else {
            return Ok(Observed::untouched());
        };
        let mut seen = Observed::untouched();
        let mut found = Found::default();
        let netem = self.features.netem.is_ok();
        for Device { interface, role, .. } in &self.devices {
            let wanted = session.class(*role, netem);
            if wanted.is_none() {
                continue;
            }
            let class = self.kernel.class(interface, minor);
            let class = class.map_err(|refusal| refused(&interface.name, refusal, true))?;
            seen.in_sync &= class.zip(wanted).is_some_and(|(class, wanted)| class.params.carries(&wanted));
            found.add(*role, class);
        }
        seen.traffic = found.traffic();
        seen.shape = found.shape(&session);
        let has_rules = session.plan.down.lost.is_some() || session.plan.up.lost.is_some();
        if has_rules {
            let rules = self.kernel.rules().map_err(|refusal| refused(FILTER, refusal, true))?;
            let rules = rules.and_then(|rules| rules.sessions.get(&minor).copied());
            seen.in_sync &=
                rules == self.rules.as_ref().and_then(|rules| rules.sessions.get(&minor).copied());
            lost(&mut seen.shape.down, rules.and_then(|rules| rules.lost_down), session.plan.down.stalled);
            lost(&mut seen.shape.uplink, rules.and_then(|rules| rules.lost_up), session.plan.up.stalled);
        }
        Ok(seen)
    }

    /// What has passed for every session that has classes: one question per device, whatever the number of sessions.
    pub fn traffic(&mut self) -> Result<BTreeMap<Minor, Traffic>, TreeError> {
        let mut found: BTreeMap<Minor, Found> = BTreeMap::new();
        for Device { interface, role, installed } in &self.devices {
            if !installed.root {
                continue;
            }
            let classes = self.kernel.classes(interface);
            for (minor, class) in classes.map_err(|refusal| refused(&interface.name, refusal, true))? {
                found.entry(minor).or_default().add(*role, Some(class));
            }
        }
        Ok(found.into_iter().map(|(minor, found)| (minor, found.traffic())).collect())
    }
}

/// The classes of one session, as they were found on the devices.
#[derive(Debug, Default)]
struct Found {
    leave: Summed,
    down: Summed,
    up: Summed,
}

#[derive(Debug, Default)]
struct Summed {
    /// The loosest; none before the first.
    params: Option<ClassParams>,
    counters: Option<Counters>,
    /// Whether a device has no such class.
    missing: bool,
}

impl Found {
    fn add(&mut self, role: Role, class: Option<Class>) {
        match role {
            Role::Leave => self.leave.add(class),
            Role::Aide(Aide::Down) => self.down.add(class),
            Role::Aide(Aide::Up) => self.up.add(class),
            Role::Aide(Aide::Sink) => {}
        }
    }

    /// The hop where the rate is enforced is the wire; without a rate, the hop before it is all there is.
    fn traffic(&self) -> Traffic {
        Traffic { down: self.leave.counters.or(self.down.counters), up: self.up.counters }
    }

    fn shape(&self, session: &Session) -> Shape {
        let asked = (session.plan.down.queue, session.plan.up.queue);
        let netem = self.down.netem().map(|netem| netem.conditions()).unwrap_or_default();
        let down =
            Conditions { rate_mbps: self.leave.rate(), queue_bytes: self.leave.queue(asked.0), ..netem };
        let netem = self.up.netem().map(|netem| netem.conditions()).unwrap_or_default();
        let uplink = Conditions { rate_mbps: self.up.rate(), queue_bytes: self.up.queue(asked.1), ..netem };
        let seed = [&self.down, &self.up].into_iter().filter_map(Summed::netem).find_map(|netem| netem.seed);
        let asked = session.plan.down.netem.or(session.plan.up.netem).and_then(|netem| netem.seed);
        let seed = seed.filter(|_| asked.is_some()).and_then(|seed| u32::try_from(seed).ok());
        Shape { down, uplink, seed }
    }
}

impl Summed {
    fn add(&mut self, class: Option<Class>) {
        let Some(Class { params, counters }) = class else {
            self.missing = true;
            return;
        };
        if self.params.is_none_or(|known| params.rate > known.rate) {
            self.params = Some(params);
        }
        *self.counters.get_or_insert_default() += counters;
    }

    fn rate(&self) -> Option<rebuffer_model::Mbps> {
        self.params.filter(|_| !self.missing).and_then(|params| params.cap()).map(Into::into)
    }

    /// The queue of a cap, where one was asked for; what follows from the rate says nothing new.
    fn queue(&self, asked: Option<u32>) -> Option<u32> {
        self.rate()?;
        match (asked?, self.params?.leaf) {
            (_, Leaf::Fifo(bytes)) => Some(bytes),
            // A netem queue counts packets, so it is compared with what those bytes are in packets.
            (asked, Leaf::Netem(netem)) if netem.limit >= Netem::waiting_room(asked).limit => Some(asked),
            (_, Leaf::Netem(_)) => None,
        }
    }

    fn netem(&self) -> Option<Netem> {
        match self.params.filter(|_| !self.missing)?.leaf {
            Leaf::Netem(netem) => Some(netem),
            Leaf::Fifo(_) => None,
        }
    }
}

/// Says what the packet filter loses: a share, or everything.
fn lost(conditions: &mut Conditions, lost: Option<PerMillion>, stalled: bool) {
    match lost {
        Some(PerMillion::ALL) if stalled => conditions.stall = Some(true),
        Some(share) => conditions.loss_pct = rebuffer_model::Percent::new(share.percent()).ok(),
        None => {}
    }
}
