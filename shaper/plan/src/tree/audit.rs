//! Looking for what others changed, and setting it right.
//!
//! Invariant: what is compared is what the kernel says, not what we believe; what is not ours is left alone, and then the
//! drift says that it could not be repaired. Deliberately absent: when to look.

use std::collections::BTreeSet;

use super::{Device, FILTER, Kernel, Minor, Role, Root, Tree, TreeError, refused};
use crate::kernel::{Aide, Interface};
use crate::wanted::Installed;

/// Something of ours that somebody else changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// What was found, for people.
    pub found: String,
    /// The sessions it concerns.
    pub sessions: BTreeSet<Minor>,
    /// Whether everything is as wanted again; if not, why.
    pub repaired: Result<(), String>,
}

impl<K: Kernel> Tree<K> {
    /// Compares everything of ours with what the kernel says, repairs what differs, and tells what that was.
    pub fn audit(&mut self) -> Result<Vec<Drift>, TreeError> {
        if self.devices.is_empty() && self.rules.is_none() {
            return Ok(Vec::new());
        }
        let interfaces = self.list()?;
        let mut drifts = Vec::new();
        self.devices.retain(|device| {
            match interfaces.iter().any(|there| there.index == device.interface.index) {
                true => true,
                // A device of the machine may go; one of ours may not.
                false if device.role == Role::Leave => false,
                false => {
                    let found = format!("{} is gone", device.interface.name);
                    drifts.push((found, device.installed.classes.keys().copied().collect()));
                    false
                }
            }
        });
        for at in 0..self.devices.len() {
            let now = interfaces.iter().find(|there| there.index == self.devices[at].interface.index);
            drifts.extend(now.map(|now| self.compare(at, now)).transpose()?.flatten());
        }
        drifts.extend(self.compare_rules()?);
        if !self.unrepaired.is_empty() {
            let found = "what could not be repaired before is tried again".to_owned();
            drifts.push((found, std::mem::take(&mut self.unrepaired)));
        }
        if drifts.is_empty() {
            return Ok(Vec::new());
        }
        let repaired = match self.perform(&mut Vec::new()) {
            Ok(_) => Ok(()),
            Err((name, refusal)) => {
                self.unrepaired = drifts.iter().flat_map(|(_, sessions)| sessions.iter().copied()).collect();
                Err(format!("{name}: {refusal}"))
            }
        };
        let drift = |(found, sessions)| Drift { found, sessions, repaired: repaired.clone() };
        Ok(drifts.into_iter().map(drift).collect())
    }

    /// Whether a device carries what was installed; from now on what was found counts as installed.
    fn compare(
        &mut self,
        at: usize,
        now: &Interface,
    ) -> Result<Option<(String, BTreeSet<Minor>)>, TreeError> {
        let Device { role, installed, .. } = &self.devices[at];
        let (role, known) = (*role, installed.clone());
        if role == Role::Aide(Aide::Sink) {
            return Ok(None);
        }
        let mut found = Installed::untouched(known.own_gso_segs);
        found.gso_segs = now.gso_segs;
        if known.root {
            let root = self.root(now)?;
            found.root = matches!(root, Root::Ours { .. });
        }
        if found.root {
            let classes = self.kernel.classes(now).map_err(|refusal| refused(&now.name, refusal, true))?;
            // What carries what was wanted is what was wanted, whatever the kernel chose where it was let.
            found.classes = classes
                .into_iter()
                .map(|(minor, class)| {
                    let same = known.classes.get(&minor).filter(|wanted| class.params.carries(wanted));
                    (minor, same.copied().unwrap_or(class.params))
                })
                .collect();
        }
        if known.diverted.is_some() {
            found.diverted =
                self.kernel.diverted(now).map_err(|refusal| refused(&now.name, refusal, true))?;
        }
        if found == known {
            return Ok(None);
        }
        let differs = |minor: &&Minor| found.classes.get(minor) != known.classes.get(minor);
        let mut sessions: BTreeSet<Minor> = known.classes.keys().filter(differs).copied().collect();
        if found.diverted != known.diverted || found.gso_segs != known.gso_segs {
            sessions.extend(known.classes.keys());
        }
        let what = describe(&known, &found);
        self.devices[at].installed = found;
        Ok(Some((format!("{}: {what}", now.name), sessions)))
    }

    fn compare_rules(&mut self) -> Result<Option<(String, BTreeSet<Minor>)>, TreeError> {
        let Some(known) = &self.rules else { return Ok(None) };
        let found = self.kernel.rules().map_err(|refusal| refused(FILTER, refusal, true))?;
        if found.as_ref() == Some(known) {
            return Ok(None);
        }
        let of = |minor: &Minor| found.as_ref().and_then(|found| found.sessions.get(minor));
        let mut sessions: BTreeSet<Minor> = known
            .sessions
            .iter()
            .filter(|(minor, rules)| of(minor) != Some(rules))
            .map(|(minor, _)| *minor)
            .collect();
        if sessions.is_empty() {
            sessions.extend(known.sessions.keys());
        }
        // From none the tables are made anew, in one transaction with the end of what is left of them.
        self.rules = None;
        Ok(Some((format!("{FILTER}: rules differ"), sessions)))
    }
}

fn describe(known: &Installed, found: &Installed) -> &'static str {
    match () {
        () if known.root != found.root => "the root queue is not ours any more",
        () if known.classes != found.classes => "classes differ",
        () if known.diverted != found.diverted => "diverted ports differ",
        () => "segments are taken differently",
    }
}
