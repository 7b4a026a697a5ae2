//! What can go wrong at the edge of the crate, by what the caller can do about it.
//!
//! Errors of a query are not here: they are ClickHouse's own and travel to the client over HTTP.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fetch the library, or use a server, or go without an archive.
    #[error(
        "the archive library libchdb.so was not found (looked at {}): `make archive` fetches it; or use a ClickHouse server \
         (--archive URL) or no archive (--archive off)",
        list(.looked_at)
    )]
    LibraryMissing { looked_at: Vec<PathBuf> },

    /// The file is there but is not the engine this crate was written for: fetch it again.
    #[error("{} is not a usable archive library; `make archive` fetches the right one", .path.display())]
    LibraryUnusable { path: PathBuf, source: libloading::Error },

    /// Choose another data directory or mend its permissions.
    #[error("the archive directory {} cannot be used", .path.display())]
    Directory { path: PathBuf, source: io::Error },

    /// The archive has no business on a network: choose 127.0.0.1 or ::1.
    #[error("the archive listens on loopback only, not on {0}")]
    NotLoopback(SocketAddr),

    /// Choose another port.
    #[error("the archive cannot listen on {addr}")]
    Listen { addr: SocketAddr, source: io::Error },

    /// The engine refused to open its data: the reason is its own.
    #[error("the archive engine did not start: {0}")]
    Engine(String),

    /// The archive is still trying; look at its state, or wait longer.
    #[error("the archive was not ready within {waited:?}: {reason}")]
    NotReady { waited: Duration, reason: String },

    /// The child half was started by something else than [`crate::Child`].
    #[error("the archive process is started by the product, not by hand: {0}")]
    NotOurParent(String),

    /// The operating system refused a thread, a process or a runtime.
    #[error("the archive process could not be {what}")]
    System { what: &'static str, source: io::Error },
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
