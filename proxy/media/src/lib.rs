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
mod origin;
mod playlist;

pub use address::{Address, Foreign, IDENTITY_PARAMETERS, without_identity};
pub use byte_range::ByteRange;
pub use edit::Edits;
pub use fallback::classify_fallback;
pub use graph::{Absorbed, Classified, Graph, Ladder, LadderChange, Request, SegmentPlace, Source};
pub use localise::{Context, Leads, Led, Localised, MAX_FOREIGN, localise};
pub use manipulate::{Manipulated, Unmet, manipulate};
pub use misbehave::{
    MISBEHAVIOURS, Misbehaviour, media_sequence_back, vanished_part, wrong_skipped_segments,
};
pub use origin::{MAX_ORIGINS, Origin, OriginError, OriginId, Origins};
pub use playlist::{Expected, Form, Playlist, Sniffed, Unreadable, sniff};

/// How long a playlist may be to be read, decoded; a longer one passes as it is.
pub const MAX_PLAYLIST_BYTES: usize = 32 << 20;
