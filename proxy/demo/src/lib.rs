//! The demo origin: an endless live ladder in HLS, low-latency HLS and DASH, and a ten-minute VOD of it, out of clips
//! inside the binary.
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
//! The low-latency form cuts each segment into five parts of 400 ms, each with a movie fragment of its own. A part is
//! listed, sent and padded by the same rules as a segment; a segment in progress is sent part by part. In either live
//! form, what is asked for at most 400 ms too early is held until it exists; in this one, so is the segment after the
//! one in progress, which players prefetch.
//!
//! Deliberately absent: faults and rates (the rig's work), and any state.

mod boxes;
mod clip;
mod conditional;
mod directives;
mod fragment;
mod growing;
mod ladder;
mod mpd;
mod payload;
mod playlist;
mod serve;
mod site;
mod timeline;

pub use serve::{router, serve};
pub use timeline::UnixMillis;

/// Path of the live multivariant playlist.
pub const LIVE_PATH: &str = "/live/master.m3u8";

/// Path of the low-latency multivariant playlist.
pub const LOW_LATENCY_PATH: &str = "/ll/master.m3u8";

/// Path of the VOD multivariant playlist.
pub const VOD_PATH: &str = "/vod/master.m3u8";

/// Path of the live DASH description; `timeline.mpd` and `periods.mpd` beside it describe the same in other ways.
pub const LIVE_DASH_PATH: &str = "/live/manifest.mpd";

/// Path of the low-latency DASH description.
pub const LOW_LATENCY_DASH_PATH: &str = "/ll/manifest.mpd";

/// Path of the VOD DASH description; `timeline.mpd` and `periods.mpd` beside it describe the same in other ways.
pub const VOD_DASH_PATH: &str = "/vod/manifest.mpd";

/// Every path that a player may begin at: HLS before DASH, live before VOD.
pub const PATHS: [&str; 10] = [
    LIVE_PATH,
    LOW_LATENCY_PATH,
    VOD_PATH,
    LIVE_DASH_PATH,
    "/live/timeline.mpd",
    "/live/periods.mpd",
    LOW_LATENCY_DASH_PATH,
    VOD_DASH_PATH,
    "/vod/timeline.mpd",
    "/vod/periods.mpd",
];
