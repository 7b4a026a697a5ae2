//! The crate through its public face: playlists as they are met in the field, and any bytes.

mod any_bytes;
mod any_edit;
mod corpus;
mod dash;
mod origins;
mod presentations;
mod session;
