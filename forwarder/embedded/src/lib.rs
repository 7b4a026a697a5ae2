//! The embedded archive: the ClickHouse engine as a child process that speaks ClickHouse's own HTTP interface.
//!
//! Two halves in one crate. The parent half ([`find_library`], [`Child`]) starts, supervises and stops the process and never
//! loads the engine; the child half ([`serve`]) is the only code that does. Between them: one start message on the child's
//! stdin, one report line on its stdout, and an inherited listening socket, so that the address outlives a restart.
//!
//! Invariant: whoever talks to the archive does so over HTTP and cannot tell it from a server. This crate knows no table
//! of the product. Layers, each using only the one below: `http` -> `engine` -> `library` (the raw ABI); `http` asks `reader`, which
//! is pure, what an analyst may do.
//! Deliberately absent: the native TCP protocol, users other than the two of [`Child`], anything but loopback.

mod child;
mod engine;
mod error;
mod http;
mod library;
mod os;
mod reader;
mod search;
mod serve;
mod wire;

pub use child::{Child, SpawnOptions, State, Status};
pub use error::Error;
pub use search::{LIBRARY_NAME, Search, find_library};
pub use serve::serve;
pub use wire::Credentials;
