//! What a shaper would come to on this machine, found out beside whatever runs there.
//!
//! Invariant: nothing in the caller's network namespace is taken, changed or removed, and what a running rig has there
//! changes nothing in the verdict. What has to be tried is tried in a namespace of its own, which ends with the call; where
//! none can be made, on a device that is made for it, is never up and is removed again.
//! Deliberately absent: removing what a killed run left (see [`Shaper::open`](crate::Shaper::open)).

use rebuffer_shape::{Interfaces, Machine, candidates};

use crate::claim::Claim;
use crate::config::{Backend, Mode, ShaperConfig};
use crate::error::ShaperError;
use crate::isolation::{Isolation, Namespace};
use crate::netlink::Netlink;

/// What [`Shaper::open`](crate::Shaper::open) would come to if no other rig ran here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examination {
    /// How links would be shaped.
    pub backend: Backend,
    /// Why it is this backend, in words for an operator.
    pub reason: String,
    /// The devices whose packets would be shaped.
    pub interfaces: Vec<String>,
    /// What there is to shape with.
    pub machine: Machine,
}

impl Examination {
    /// Examines the network namespace of the calling thread. Fails where opening would, for the same reasons.
    pub fn of(config: &ShaperConfig) -> Result<Self, ShaperError> {
        let mode = config.effective_mode()?;
        let plain = |backend, machine| {
            Ok(Self { backend, reason: mode.reason(false).to_owned(), interfaces: Vec::new(), machine })
        };
        let found = match mode {
            Mode::Off => {
                return plain(Backend::Off, Machine::off(mode.reason(false)));
            }
            Mode::Pacing => return plain(Backend::Pacing, Machine::Pacing),
            Mode::Kernel | Mode::Auto => kernel(&Interfaces::from(config.interfaces.clone()), config.isolate),
        };
        match found {
            Ok((machine, interfaces)) => {
                let reason = mode.reason(config.isolate).to_owned();
                Ok(Self { backend: Backend::Kernel, reason, interfaces, machine })
            }
            Err(error) if mode == Mode::Auto => Ok(Self {
                backend: Backend::Pacing,
                reason: error.kept_from_kernel(),
                interfaces: Vec::new(),
                machine: Machine::Pacing,
            }),
            Err(error) => Err(error),
        }
    }

    /// Whether another rig shapes in the network namespace of the calling thread now, by itself or isolated.
    pub fn is_beside_a_rig(isolated: bool) -> bool {
        if isolated { Isolation::is_taken() } else { Claim::is_taken() }
    }
}

fn kernel(interfaces: &Interfaces, isolate: bool) -> Result<(Machine, Vec<String>), ShaperError> {
    let apart = Namespace::make();
    if isolate {
        // What `--isolate` makes, in a namespace where nobody else has it.
        let inside =
            || Isolation::make()?.run(|| look(interfaces, None)).map_err(ShaperError::from_entering)?;
        return apart?.run(inside).map_err(ShaperError::from_entering)?;
    }
    look(interfaces, apart.ok().as_ref())
}

fn look(interfaces: &Interfaces, apart: Option<&Namespace>) -> Result<(Machine, Vec<String>), ShaperError> {
    let mut here = Netlink::open()?;
    here.probe()?;
    let names = candidates(&mut here, interfaces)?;
    let features = match apart {
        Some(apart) => apart
            .run(|| Netlink::open().map(|mut there| there.examine()))
            .map_err(ShaperError::from_entering)??,
        None => here.examine(),
    };
    Ok((Machine::Kernel(features), names))
}
