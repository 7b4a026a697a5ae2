//! What is asked for, and what is known of it before the origin says anything.
//!
//! Invariant: the path and query as the client sent them, bar a mark of the rig's own.

use http::uri::PathAndQuery;
use rebuffer_media::{Classified, Expected, Source};
use rebuffer_model::RequestKind;

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    path_and_query: PathAndQuery,
    expected: Expected,
    kind: RequestKind,
    is_declared: bool,
    is_read: bool,
}

impl Target {
    pub(crate) fn of(path_and_query: PathAndQuery, classified: &Classified) -> Self {
        Self {
            path_and_query,
            expected: classified.expected,
            kind: classified.kind,
            is_declared: classified.source == Source::Declared,
            is_read: classified.is_read,
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        self.path_and_query.as_str()
    }

    pub(crate) fn path(&self) -> &str {
        self.path_and_query.path()
    }

    pub(crate) fn query(&self) -> Option<&str> {
        self.path_and_query.query()
    }

    /// What playlists declared its body to be.
    pub(super) fn expected(&self) -> Expected {
        self.expected
    }

    /// Whether a playlist declared it.
    pub(super) fn is_declared(&self) -> bool {
        self.is_declared
    }

    /// Whether it is a playlist whose content is known.
    pub(super) fn is_read(&self) -> bool {
        self.is_read
    }

    /// Whether its name is a playlist's, or says nothing.
    pub(super) fn looks_like_playlist(&self) -> bool {
        let name = self.path().rsplit_once('/').map_or(self.path(), |(_, name)| name);
        self.kind.is_manifest() || (self.kind == RequestKind::Other && !name.contains('.'))
    }
}
