//! What a link needs of the machine: a shape compiled to parameters, and wanted classes to operations on a kernel.
//!
//! Invariant: pure. No socket, no clock, no thread; the kernel is a trait and time is an argument.
//! A class that exists is changed in place: there is no operation that replaces one.
//! Deliberately absent: how an operation is spoken (netlink) and who performs it (the owner thread of the shaper).

mod bucket;
mod class;
mod kernel;
mod means;
mod minor;
mod netem;
mod partial;
mod pattern;
mod plan;
mod ports;
mod recorder;
mod rules;
pub mod trace;
mod tree;
mod wanted;

pub use bucket::{Bucket, Grant, PACED_SHARE_PERMILLE};
pub use class::{ClassParams, Leaf, WIRE_FRAME, gso_segs, queue, ticks};
pub use kernel::{Aide, Class, Counters, Features, Interface, Kernel, Op, Refusal, Root};
pub use means::{Machine, means, striking};
pub use minor::{Minor, Minors, QUARANTINE};
pub use netem::{Loss, Netem, Probability};
pub use partial::{Partial, Reach, fault_left_out};
pub use pattern::{Beat, NoScore, Playing, Score};
pub use plan::{Lane, LinkPlan, PlanError};
pub use ports::Ports;
pub use recorder::{Recorder, plain_kernel};
pub use rules::{PerMillion, Rules, SessionRules, StrikeRule, TABLE};
pub use tree::{Drift, Interfaces, Observed, Traffic, Tree, TreeError, candidates};
pub use wanted::{Installed, Load, Open, Role, Session, Wanted, operations};
