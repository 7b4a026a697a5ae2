//! Whole rigs from outside: the built binary, real sockets, the real archive, a real browser.
//!
//! What a test needs and the machine lacks is said as `skipped: ...`; where CI is set, it is a failure.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on must fail, and says what it measured"
)]

mod blind_spots;
mod browser;
mod cross_origin;
mod dashboard;
mod evidence;
mod ffmpeg;
mod isolation;
mod nothing_lost;
mod readme;
mod stopping;
mod tls;
mod visit;
