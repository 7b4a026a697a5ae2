//! What the bytes of a stream say: playlists are read, URLs are classified, addresses are kept on the session.
//!
//! Invariant: any bytes may come in; nothing panics, and what is remembered is bounded. An edit replaces exactly the bytes
//! it names and keeps every other one. Deliberately absent: fetching, clocks, and what is done with a classification.
//!
//! `hls` reads lines and `dash` elements, and both say where each URI stands; `Graph` remembers what the playlists of one
//! session declared; `manipulate`, `localise` and `MISBEHAVIOURS` change playlists by `Edits`; `cmcd` reads what players
//! say of themselves. A further format reads its own bytes and fills the same graph.

mod address;
mod byte_range;
pub mod cmcd;
pub mod dash;
mod edit;
mod fallback;
mod graph;
pub mod hls;
mod localise;
mod manipulate;
mod misbehave;

pub use address::{Origin, OriginError};
pub use byte_range::ByteRange;
pub use edit::Edits;
pub use fallback::classify_fallback;
pub use graph::{Absorbed, Classified, Graph, Ladder, SegmentPlace, Source};
pub use localise::{Localised, localise};
pub use manipulate::{Manipulated, Unmet, manipulate};
pub use misbehave::{
    MISBEHAVIOURS, Misbehaviour, media_sequence_back, vanished_part, wrong_skipped_segments,
};

/// How much of a playlist is read; what lies beyond is passed on and not understood.
pub const MAX_PLAYLIST_BYTES: usize = 16 << 20;
