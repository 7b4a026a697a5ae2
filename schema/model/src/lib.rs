//! What the rig means: players, plays, rules, faults, shapes, exchanges, samples, actions and labels.
//!
//! Every room speaks in these types. Invariant: pure data and pure functions; no I/O, no clock, no randomness.
//! Values are checked where they are made, so a value that exists is a value that is allowed.
//! Deliberately absent: anything about sockets, SQL or HTTP handlers.

mod action;
mod closed_set;
mod cmcd;
mod content;
mod control;

mod device;
mod exchange;
mod fault;
mod flat;
mod headers;
mod id;
mod kind;
mod label;
mod link_metrics;
mod means;
mod name;
mod params;
mod pattern;
mod preset;
mod record;
pub mod redact;
mod remark;
mod rule;
mod sample;
mod shape;
mod step;
mod time;
mod timeouts;
mod trace;
mod transport;
mod unit;
mod who;

pub use action::{Action, ActionKind, ActionSource, EndReason};
pub use cmcd::{
    CMCD_KEYS, Cmcd, CmcdBare, CmcdEvent, CmcdItem, CmcdKey, CmcdObject, CmcdObjectType, CmcdRequest,
    CmcdResponse, CmcdSession, CmcdShard, CmcdState, CmcdStatus, CmcdValue, NextObject, PerObject,
};
pub use content::{BANDWIDTH_PCT, Content, MAX_LIVE_OFFSET, OVERSTATE_PCT, VariantOrder};
pub use control::{Control, ControlError, LabelKey, LabelValue, MAX_LABELS, MAX_RULES, ShapeControl};

pub use device::{COMPUTER_FAMILIES, DEVICE_FAMILIES, device_family, names_device};
pub use exchange::{
    Answer, Cause, Edits, Exchange, FaultSeen, Link, OriginAnswer, RequestSeen, TcpSnapshot, Timing,
    UnmetEdit,
};
pub use fault::{
    CORRUPT_BYTES, DELAYED_MS, FAULTS, Fault, FaultCategory, FaultFact, FaultScope, HANG_MS, LATENCY_MS,
    MID_BODY_BYTES, SLOW_BODY, WRONG_CONTENT_TYPE,
};
pub use headers::{HeaderField, Headers};
pub use id::{AttemptId, IdError, OriginName, PlayId, PlayerId, Position, RuleId, SessionId};
pub use kind::{Known, Presentation, PresentationRole, RequestKind, Resolution, Variant};
pub use label::{Label, Severity};
pub use link_metrics::{BusiestMetrics, LinkMetrics, Spread, TcpMetrics, WireMetrics};
pub use means::{AskedValue, Extent, KnobMeans, LeftOut, TurnedBy};
pub use name::{MAX_NAME, PlayerName};
pub use params::{
    Corruption, FaultParams, H2Scope, MAX_BODY_BYTES, MAX_CORRUPT_BYTES, MAX_EXTENT, MAX_HOLD_MS,
};
pub use pattern::{MAX_STEPS, Pattern, PatternStep, PatternTemplate, TraceName};
pub use preset::{Certainty, PRESETS, Preset, PresetName, SOURCES, Way};
pub use record::{Record, RecordBody};
pub use remark::Remark;
pub use rule::{
    Cadence, Filter, Mode, PresentationPredicate, Rule, RungPosition, SequencePredicate, Span, UrlMatch,
    UrlMatchMode, VariantPredicate,
};
pub use sample::{Extra, PlayerMetrics, RigMetrics, Sample};
pub use shape::{Conditions, Direction, KNOBS, Knob, KnobKind, Shape};
pub use step::{Canned, Damage, Delay, PlaylistRule, Step};
pub use time::Timestamp;
pub use timeouts::{MAX_TIMEOUT_SECONDS, MIN_TIMEOUT_SECONDS, TransferTimeouts};
pub use trace::{Trace, TraceFormat, TraceStats, TraceStep};
pub use transport::{TransportAction, TransportFault, TransportMode};
pub use unit::{BitsPerSec, Mbps, Millis, Percent, UnitError};
pub use who::Who;
