//! The child half.
use std::convert::Infallible;

use crate::Error;

/// Runs the archive in this process, which [`crate::Child`] must have started, and never returns once it serves.
///
/// Call it from the subcommand named in `SpawnOptions::args`, after a tracing subscriber that writes to stderr is set.
///
/// # Errors
/// What kept the archive from starting; the parent has already been told. Leave with a status other than 0.
pub fn serve() -> Result<Infallible, Error> {
    Err(Error::NotOurParent("not built yet".into()))
}
