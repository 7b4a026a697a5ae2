//! The views of the archive API.
