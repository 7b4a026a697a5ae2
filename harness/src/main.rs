//! `rebuffer`: the one binary.
//!
//! `rebuffer up` runs the whole rig; the other verbs are small. Invariant: this crate only wires; what the parts do is theirs.
//! The only crate that speaks to a terminal and the only one that reads flags, files and the environment.

mod doctor;
mod document;
mod settings;
mod up;

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{Parser, Subcommand};
use rebuffer_model::redact;

/// A request of a player is hundreds of small allocations; the system's allocator took a sixth of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Puts trouble between a video player and its origin, on purpose, per player, and keeps the evidence.
#[derive(Debug, Parser)]
#[command(name = "rebuffer", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the rig: proxy, shaper, archive, dashboard.
    Up(Box<settings::Settings>),
    /// Tell what this machine can do to links, knob by knob, and what is missing.
    ///
    /// Takes the settings of `up`, looks and ends. It changes nothing, and a rig that runs beside it changes nothing in what it says
    /// of the machine.
    Doctor(Box<doctor::Doctor>),
    /// Print an OpenAPI document.
    Openapi {
        /// Whose.
        which: document::Which,
    },
    /// Serve an embedded archive; started by `up`, not by hand.
    #[command(hide = true)]
    ArchiveServe,
}

fn main() -> ExitCode {
    let done = match parse().verb {
        Verb::Up(settings) => up::run(*settings),
        Verb::Doctor(doctor) => doctor::run(*doctor),
        Verb::Openapi { which } => document::print(which),
        Verb::ArchiveServe => archive_serve(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// What does not fit is repeated without credentials.
fn parse() -> Cli {
    Cli::try_parse().unwrap_or_else(|mut error| {
        if let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) {
            let seen = ContextValue::String(redact::said(value).into_owned());
            let _whole = error.insert(ContextKind::InvalidValue, seen);
        }
        error.exit()
    })
}

#[expect(clippy::print_stderr, reason = "the last word of the program")]
fn complain(error: &anyhow::Error) {
    eprintln!("rebuffer: {error:#}");
}

fn archive_serve() -> anyhow::Result<()> {
    // Plain lines, because the parent reads the level from them.
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    match rebuffer_embedded::serve()? {}
}
