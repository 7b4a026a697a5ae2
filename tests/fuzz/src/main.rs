//! The fuzzer: libFuzzer around one row of the table, which the environment names.
//!
//! Deliberately absent: a binary for each target, which would be linked as often.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rebuffer_fuzz::{TARGETS, Target};

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.iter().find(|target| target.name == name);
    *found.unwrap_or_else(|| panic!("FUZZ_TARGET must name a target; got {name:?}"))
});

fuzz_target!(|data: &[u8]| (TARGET.run)(data));
