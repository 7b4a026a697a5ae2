//! What can go wrong, by what the caller can do about it.
//!
//! Invariant: the message of each error tells what the kernel said and what is in force now.
//! Deliberately absent: mapping to an HTTP status; the control API does that.

use rebuffer_shape::{PlanError, Ports, Refusal, TreeError};

/// Why a link is not as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShaperError {
    /// The process may not shape here: grant CAP_NET_ADMIN or choose pacing.
    #[error("not permitted: {0}")]
    NotPermitted(String),
    /// The machine cannot do it, or shaping was switched off.
    #[error("not available: {0}")]
    Unsupported(String),
    /// A device carries somebody else's queue: remove that, or name the devices to shape.
    #[error("interface {interface} carries {queue}, which is not ours and stays untouched")]
    ForeignQdisc {
        /// The device.
        interface: String,
        /// What it carries.
        queue: String,
    },
    /// A device that was named is not there, or there is none at all.
    #[error("no usable interface {0}")]
    NoInterface(String),
    /// Another shaper works in this network namespace: end it or choose pacing.
    #[error("another rebuffer shapes in this network namespace")]
    Taken,
    /// A knob lies outside its bounds.
    #[error("{knob} {message}")]
    OutOfRange {
        /// The knob.
        knob: String,
        /// What is wrong with it.
        message: String,
    },
    /// Nobody can turn the knob on this machine.
    #[error("{knob} cannot be set here: {reason}")]
    NotHere {
        /// The knob.
        knob: String,
        /// Why.
        reason: String,
    },
    /// The kernel refused, which is nobody's mistake here.
    #[error("{source}")]
    Kernel {
        /// The number of the error.
        errno: i32,
        /// What was being done and what the kernel said.
        #[source]
        source: TreeError,
    },
    /// The port belongs to another link, which has to let it go first.
    #[error("port {port} belongs to the link of another session, which it has to leave first")]
    PortTaken {
        /// The port.
        port: u16,
    },
    /// The link has as many ports as a link may have.
    #[error(
        "port {port} cannot join: a link has at most {} ports, and one of them has to leave first",
        Ports::MAX
    )]
    TooManyPorts {
        /// The port.
        port: u16,
    },
    /// The port is the only one of its link, which has to be detached instead.
    #[error("port {port} cannot leave: it is the only one of its link; detach the link instead")]
    LastPort {
        /// The port.
        port: u16,
    },
    /// A socket is at a port that the link does not have.
    #[error("the link does not have port {port}, which has to join it first")]
    NotItsPort {
        /// The port.
        port: u16,
    },
    /// Every class is in use or rests from an earlier session.
    #[error("no class is left for another session")]
    Exhausted,
    /// The session has left its link.
    #[error("the link is detached")]
    Detached,
    /// The shaper was closed.
    #[error("the shaper is closed")]
    Closed,
}

impl ShaperError {
    /// A namespace of ours that cannot be entered.
    pub(crate) fn from_entering(error: std::io::Error) -> Self {
        Self::Unsupported(format!("the namespace cannot be entered: {error}"))
    }

    /// The reason of pacing, where the kernel was not to be had for this.
    pub(crate) fn kept_from_kernel(&self) -> String {
        format!("the kernel cannot shape: {self}")
    }
}

impl From<PlanError> for ShaperError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::OutOfRange { knob, message } => Self::OutOfRange { knob, message },
            PlanError::NotHere { knob, reason } => Self::NotHere { knob, reason },
        }
    }
}

impl From<TreeError> for ShaperError {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::Foreign { interface, queue } => Self::ForeignQdisc { interface, queue },
            TreeError::NoInterface(name) => Self::NoInterface(name),
            TreeError::Refused { refusal: Refusal { errno, .. }, .. } => match errno {
                libc::EPERM | libc::EACCES => Self::NotPermitted(error.to_string()),
                libc::EOPNOTSUPP => Self::Unsupported(error.to_string()),
                _ => Self::Kernel { errno, source: error },
            },
        }
    }
}
