//! What an earlier run left behind, taken away.
//!
//! Invariant: only what bears our marks goes. Deliberately absent: adopting it; a new run has other sessions.

use super::{FILTER, Kernel, Root, Tree, TreeError, refused};
use crate::kernel::{Aide, Interface, Op};

impl<K: Kernel> Tree<K> {
    /// Removes what an earlier run left behind on any device, and looks whether the devices can be shaped. Returns the
    /// names of what was cleaned.
    pub fn clean(&mut self) -> Result<Vec<String>, TreeError> {
        let mut cleaned = Vec::new();
        if self.features.filter.is_ok() {
            let left = self.kernel.rules().map_err(|refusal| refused(FILTER, refusal, true))?;
            // What cannot be read may be there all the same.
            let gone = self.kernel.commit(left.as_ref(), None);
            gone.map_err(|refusal| refused(FILTER, refusal, true))?;
            cleaned.extend(left.map(|_| FILTER.to_owned()));
        }
        for interface in self.list()? {
            if let Some(aide) = Aide::ALL.into_iter().find(|aide| aide.name() == interface.name) {
                self.kernel.dismiss(aide).map_err(|refusal| refused(&interface.name, refusal, true))?;
                cleaned.push(interface.name);
                continue;
            }
            let root = self.root(&interface)?;
            let forked = self.diverted(&interface)?;
            if let Root::Ours { own_gso_segs } = root {
                self.reclaim(&interface, own_gso_segs)?;
            }
            if forked {
                self.apply(&interface, &Op::RemoveFork)?;
            }
            if forked || matches!(root, Root::Ours { .. }) {
                cleaned.push(interface.name);
            }
        }
        self.survey(true)?;
        Ok(cleaned)
    }

    /// Takes away a root of ours that this tree does not know of.
    pub(super) fn reclaim(&mut self, interface: &Interface, own_gso_segs: u32) -> Result<(), TreeError> {
        for op in [Op::GsoSegs(own_gso_segs), Op::RemoveRoot] {
            self.apply(interface, &op)?;
        }
        Ok(())
    }
}
