//! MPEG-DASH presentations (ISO/IEC 23009-1), read element by element.
//!
//! Invariant: any bytes may come in; what is no well-formed MPD within the bounds is no MPD. Values are what the elements
//! around them hand down, and know where they stand where an edit may replace them.
//! Deliberately absent: putting together what stands in several documents (`xlink:href`, patches); the graph knows all of them.

mod content_type;
mod duration;
mod entities;
mod mpd;
mod period;
mod placeholder;
mod segments;
mod services;
mod timeline;
mod xml;

pub use content_type::ContentType;
pub use mpd::{Bases, Mpd, Representation};
pub use placeholder::{Identifiers, PLACEHOLDERS, Placeholder, fill};
pub use segments::{Addressing, List, Piece, Single, Template};
pub(crate) use services::services;
pub use timeline::{Numbering, Timeline};
pub(crate) use xml::{Document, Node, Root, root_name};

/// The most elements of one sort that are kept of one MPD.
pub const MAX_ENTRIES: usize = 16_384;

/// The root of a presentation.
pub(crate) const MPD: &str = "MPD";
/// The root of a period that stands in a document of its own.
pub(crate) const PERIOD: &str = "Period";
/// The root of the difference between two versions of an MPD.
pub(crate) const PATCH: &str = "Patch";
/// All roots of documents that are read here.
pub(crate) const ROOTS: [&str; 3] = [MPD, PERIOD, PATCH];

/// Whether a body is an XML document whose root is an `MPD`. What is inside is not looked at.
pub fn is_mpd(body: &[u8]) -> bool {
    matches!(root_name(body), Root::Named(name) if name == MPD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_mpd_is_told_by_its_root() {
        for mpd in [
            "<MPD/>",
            "\u{feff}<?xml version=\"1.0\"?>\n<!-- <x> -->\n<MPD type='static'>",
            "<dash:MPD xmlns:dash=\"urn:mpeg:dash:schema:mpd:2011\">",
        ] {
            assert!(is_mpd(mpd.as_bytes()), "{mpd}");
        }
        for none in ["", "#EXTM3U\n", "<html><MPD/></html>", "<Patch/>", "MPD", "<", "<!DOCTYPE MPD>"] {
            assert!(!is_mpd(none.as_bytes()), "{none}");
        }
    }
}
