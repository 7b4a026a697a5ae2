//! MPEG-DASH presentations (ISO/IEC 23009-1), read element by element.
//!
//! Invariant: any bytes may come in; what is no well-formed MPD within the bounds is no MPD. Values are what the elements
//! around them hand down, and know where they stand where an edit may replace them.
//! Deliberately absent: elements that have to be fetched first (`xlink:href`) and patches of an MPD.

mod content_type;
mod duration;
mod mpd;
mod period;
mod placeholder;
mod segments;
mod timeline;
mod xml;

pub use content_type::ContentType;
pub use mpd::{Bases, Mpd, Representation};
pub use placeholder::{Identifiers, PLACEHOLDERS, Placeholder, fill};
pub use segments::{Addressing, List, Piece, Single, Template};
pub use timeline::{Numbering, Timeline};
pub(crate) use xml::{Document, Node};

/// The most elements of one sort that are kept of one MPD.
pub const MAX_ENTRIES: usize = 16_384;

/// Whether a body is an XML document whose root is an `MPD`. What is inside is not looked at.
pub fn is_mpd(body: &[u8]) -> bool {
    xml::root_name(body).is_some_and(|name| name == "MPD")
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
