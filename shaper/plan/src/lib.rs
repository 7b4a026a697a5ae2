//! What a link needs of the machine: a shape compiled to parameters, and wanted classes to operations on a kernel.
//!
//! Invariant: pure. No socket, no clock, no thread; the kernel is a trait and time is an argument.
//! A class that exists is changed in place: there is no operation that replaces one.
//! Deliberately absent: how an operation is spoken (netlink) and who performs it (the owner thread of the shaper).

mod bucket;
mod class;
mod kernel;
mod minor;
mod pattern;
mod plan;
mod recorder;
pub mod trace;
mod tree;
mod wanted;

pub use bucket::{Bucket, Grant, PACED_SHARE_PERMILLE};
pub use class::{ClassParams, WIRE_FRAME, gso_segs, ticks};
pub use kernel::{Class, Counters, Interface, Kernel, Op, Refusal, Root};
pub use minor::{Minor, Minors, QUARANTINE};
pub use pattern::{Beat, NoScore, Playing, Score};
pub use plan::{LinkPlan, PlanError};
pub use recorder::Recorder;
pub use tree::{Interfaces, Observed, Tree, TreeError};
pub use wanted::{Installed, Wanted, operations};
