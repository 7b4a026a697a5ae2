//! The primitives a fault is written in.
//!
//! Invariant: a step says what happens on the wire and never which fault it serves; the proxy interprets a script of steps in
//! order and knows nothing else. Deliberately absent: any effect. See `fault.rs` for the scripts.

/// One primitive of a fault's script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Answer with this status and an empty body; the origin is not asked. Nothing may follow.
    Answer {
        /// The HTTP status to send.
        status: u16,
    },
    /// Ask the origin and pass its status and headers on.
    Forward,
    /// Replace every later byte of the body by zero; length and framing stay.
    ZeroFill,
    /// Pass the rest of the body on as it arrives.
    Body,
    /// Pass on at most this many bytes of the body and never its last one, so that the cut is always seen.
    BodyPrefix {
        /// The most bytes to pass.
        bytes: u64,
    },
    /// Once everything sent so far has been acknowledged, reset the connection (TCP RST).
    Reset,
}
