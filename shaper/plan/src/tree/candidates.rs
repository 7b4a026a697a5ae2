//! Which devices a tree would shape, for who only wants to know.
//!
//! Invariant: it reads; a queue of ours, be it of a running tree or left behind, is no obstacle and stays.
//! Deliberately absent: what the kernel can do to them (see `Features`).

use super::{Interfaces, Kernel, Root, TreeError, refused, selected};

/// The names of the devices that a tree would shape, or why it could not.
pub fn candidates(kernel: &mut impl Kernel, interfaces: &Interfaces) -> Result<Vec<String>, TreeError> {
    let found = kernel.interfaces().map_err(|refusal| refused("the list of devices", refusal, true))?;
    let name = |interface: super::Interface| {
        let root = kernel.root(&interface).map_err(|refusal| refused(&interface.name, refusal, true))?;
        match root {
            Root::Default | Root::Ours { .. } => Ok(interface.name),
            Root::Foreign { name } => Err(TreeError::Foreign { interface: interface.name, queue: name }),
        }
    };
    selected(found, interfaces)?.into_iter().map(name).collect()
}
