//! The demo origin: an endless live HLS ladder, and a ten-minute VOD of it, out of clips inside the binary.
//!
//! Invariant: an answer is a function of the request and the clock alone. Nothing is counted or remembered, so a
//! restart cannot move the position and two origins agree to the byte.
//!
//! Time zero of the live timeline is the Unix epoch: segment `n` holds the media of `[2n, 2n + 2)` seconds, is
//! listed once that span has passed, and has media sequence number `n`. The clip loops every 24 s, yet there is no
//! `EXT-X-DISCONTINUITY`: `tfdt` is rewritten and runs on through the seam, each segment opens with a closed GOP,
//! the init segment stays the same and the audio was cut to overlap itself. Nothing that tag announces happens, and
//! with it each player would flush and realign twice a minute for no reason.
//!
//! Deliberately absent: faults and rates (the rig's work), partial segments, DASH, and any state.

mod boxes;
mod clip;
mod conditional;
mod ladder;
mod payload;
mod playlist;
mod serve;
mod site;
mod timeline;

pub use serve::{router, serve};
pub use timeline::UnixMillis;

/// Path of the live multivariant playlist.
pub const LIVE_PATH: &str = "/live/master.m3u8";

/// Path of the VOD multivariant playlist.
pub const VOD_PATH: &str = "/vod/master.m3u8";
