//! The primitives a fault is written in.
//!
//! Invariant: a step says what happens on the wire and never which fault it serves; the proxy interprets a script of steps in
//! order and knows nothing else. What stands before the first step of the body concerns the head.
//! Deliberately absent: any effect. See `fault.rs` for the scripts.

use crate::{BitsPerSec, H2Scope};

/// One primitive of a fault's script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Answer with this; the origin is not asked. Nothing may follow.
    Answer(Canned),
    /// Answer with a redirect to the very URL that was asked, and so to every request that follows it. Nothing may follow.
    RedirectHere,
    /// Answer with what this URL was answered before, if anything; else go on.
    Before,
    /// Take the directives of a blocking playlist reload out of the request.
    DropDirectives,
    /// Hold the head of the answer for this long.
    Delay(Delay),
    /// Ask the origin and pass its status and headers on.
    Forward,
    /// Say that the body is of this type.
    ContentType(String),
    /// Change a playlist so that it breaks this rule, as far as there is something to break.
    BreakRule {
        /// Which.
        rule: PlaylistRule,
        /// How far; each rule has its own measure and its own default.
        extent: Option<u64>,
    },
    /// Damage every later byte of the body as told; length and framing stay.
    Damage(Damage),
    /// Pass every later byte of the body at this pace.
    Pace(BitsPerSec),
    /// Pass the rest of the body on as it arrives.
    Body,
    /// Pass on at most this many bytes of the body and never its last one, so that the cut is always seen.
    BodyPrefix {
        /// The most bytes to pass.
        bytes: u64,
    },
    /// Silence for this long, ms: what was sent is with the client, and nothing follows.
    Hold {
        /// How long.
        ms: u64,
    },
    /// Once everything sent so far has been acknowledged, reset the connection (TCP RST).
    Reset(H2Scope),
    /// Once everything sent so far has been acknowledged, close the connection in order (FIN).
    Close(H2Scope),
    /// End the answer as if it were whole, though it is not: close in order, or end the stream.
    EndEarly,
}

/// An answer of the rig's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canned {
    /// The HTTP status.
    pub status: u16,
    /// `Retry-After`, seconds.
    pub retry_after: Option<u32>,
    /// The body, as text/plain.
    pub body: String,
}

/// A delay, the same for the same seed and the same place in the cadence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delay {
    /// Its middle, ms.
    pub ms: u64,
    /// How far it may lie from there, ms.
    pub jitter_ms: u64,
    /// What chance is drawn from.
    pub seed: u64,
}

/// A rule of low-latency HLS that a playlist alone can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlaylistRule {
    /// The media sequence number never goes back.
    MediaSequenceBack,
    /// A part that was listed stays listed until its segment is old.
    VanishedPart,
    /// A delta update skips as many segments as it says.
    WrongSkippedSegments,
}

/// How bytes are damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// Every byte is zero.
    Zero,
    /// One bit of every 1024 bytes is turned.
    BitFlips {
        /// Where.
        seed: u64,
    },
    /// The first bytes of the body are zero.
    First(u32),
    /// The last bytes of the body are zero.
    Last(u32),
}

impl PlaylistRule {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::MediaSequenceBack, Self::VanishedPart, Self::WrongSkippedSegments];

    /// The public name of breaking it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MediaSequenceBack => "media_sequence_back",
            Self::VanishedPart => "vanished_part",
            Self::WrongSkippedSegments => "wrong_skipped_segments",
        }
    }
}

impl Step {
    /// Whether this step ends the answer or the connection before the body does.
    pub fn cuts(&self) -> bool {
        match self {
            Self::Reset(_) | Self::Close(_) | Self::EndEarly => true,
            Self::Answer(_)
            | Self::RedirectHere
            | Self::Before
            | Self::DropDirectives
            | Self::Delay(_)
            | Self::Forward
            | Self::ContentType(_)
            | Self::BreakRule { .. }
            | Self::Damage(_)
            | Self::Pace(_)
            | Self::Body
            | Self::BodyPrefix { .. }
            | Self::Hold { .. } => false,
        }
    }

    /// Whether this step needs a body to work on.
    pub fn needs_a_body(&self) -> bool {
        self.cuts() || matches!(self, Self::Damage(_) | Self::Pace(_) | Self::Hold { .. })
    }
}
