//! The views of both APIs and the one shape of their errors.
//!
//! Invariant: everything that crosses HTTP as JSON has its type here or in the model; the documents under `openapi/` and the
//! dashboard's types are generated from these. Deliberately absent: handlers, sockets, clocks.

pub mod archive;
mod event;
mod har;
mod info;
mod link;
mod merge;
mod page;
mod player;
mod problem;
mod strict;

pub use event::{Frame, PlayEnded, PlayStarted, PlayerDeleted, PlayerLink, ReplayGap, RuleFired};
pub use har::{
    Har, HarBeyond, HarCache, HarContent, HarCreator, HarEntry, HarLog, HarPair, HarRequest, HarResponse,
    HarTimings,
};
pub use info::{
    Capability, Info, KnobView, ListenView, MachineView, OriginTlsView, OriginView, PartView, PlayerTlsView,
    PresetCounts, Readiness,
};
pub use link::{PresetView, TraceDetail, TraceView};
pub use merge::MergePatch;
pub use page::Items;
pub use player::{
    CurrentPlay, LinkBackend, LinkView, PatternView, PlayerCreate, PlayerRecord, RuleCounters,
    SessionPortView, SessionView, TransportView, UnseenView,
};
pub use problem::{Problem, ProblemKind};
pub use strict::{from_json, from_value};
