//! What is fuzzed: one function for each parser, in one table that the fuzzer and the replay of the corpus read.
//!
//! Invariant: a target takes any bytes, and fails only when a parser panics or breaks a promise it makes about every
//! input. Deliberately absent: the fuzzer; `make fuzz` has it, and `make test` replays what it found.

mod targets;

use std::path::PathBuf;

/// One parser under test.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The name, also of its folder of findings.
    pub name: &'static str,
    /// Folders of fixtures to begin with.
    pub seeds: &'static [&'static str],
    /// One input.
    pub run: fn(&[u8]),
}

/// Every parser that reads what others wrote.
pub const TARGETS: &[Target] = &[
    Target { name: "hls_master", seeds: &["hls"], run: targets::hls_master },
    Target { name: "hls_media", seeds: &["hls"], run: targets::hls_media },
    Target { name: "mpd", seeds: &["dash"], run: targets::mpd },
    Target { name: "graph", seeds: &["hls", "dash"], run: targets::graph },
    Target { name: "asset_list", seeds: &["asset-list"], run: targets::asset_list },
    Target { name: "steering", seeds: &["steering"], run: targets::steering },
    Target { name: "redirect", seeds: &["redirect"], run: targets::redirect },
    Target { name: "manipulate", seeds: &["hls", "dash"], run: targets::manipulate },
    Target { name: "cmcd", seeds: &["cmcd"], run: targets::cmcd },
    Target { name: "structured_fields", seeds: &["cmcd"], run: targets::structured_fields },
    Target { name: "byte_range", seeds: &["byte-range"], run: targets::byte_range },
];

/// The folder of all fixtures.
pub fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures")
}
