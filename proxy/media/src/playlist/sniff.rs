//! Whether a body begins like a playlist, whatever its headers say.
//!
//! Invariant: decided by the first bytes alone: `#EXTM3U` after an optional byte order mark and blank lines, or an XML root `MPD`,
//! `Period` or `Patch` after declaration, comments and document type. Deliberately absent: whether the rest can be read.

use crate::dash;

/// What is looked at, at most; long enough for any prologue of an XML document.
pub(super) const ENOUGH: usize = 64 << 10;
const HLS: &[u8] = b"#EXTM3U";

/// What the beginning of a body says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sniffed {
    /// It is a playlist, an MPD or a part of one.
    Playlist,
    /// It is something else.
    Other,
    /// More of it has to be seen.
    Unsure,
}

/// What these first bytes of a body say; with [`ENOUGH`] of them, or with all there are, `Unsure` means no.
pub fn sniff(head: &[u8]) -> Sniffed {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let start = text.iter().position(|byte| !byte.is_ascii_whitespace() && *byte != 0);
    let Some(rest) = start.and_then(|at| text.get(at..)) else {
        return unsure_until(head.len());
    };
    match rest {
        [b'#', ..] => {
            let seen = rest.len().min(HLS.len());
            match (rest.get(..seen) == HLS.get(..seen), seen == HLS.len()) {
                (true, true) => Sniffed::Playlist,
                (true, false) => unsure_until(head.len()),
                (false, _) => Sniffed::Other,
            }
        }
        [b'<', ..] | [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => sniff_xml(head),
        [0xff | 0xfe | 0xef] | [0xef, 0xbb] => unsure_until(head.len()),
        _ => Sniffed::Other,
    }
}

fn sniff_xml(head: &[u8]) -> Sniffed {
    match dash::root_name(&super::encoding::ascii_view(head)) {
        dash::Root::Named(name) if dash::ROOTS.contains(&name.as_str()) => Sniffed::Playlist,
        dash::Root::Named(_) | dash::Root::None => Sniffed::Other,
        dash::Root::NotYet => unsure_until(head.len()),
    }
}

fn unsure_until(seen: usize) -> Sniffed {
    if seen < ENOUGH { Sniffed::Unsure } else { Sniffed::Other }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, little: bool) -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() })
            .collect()
    }

    #[test]
    fn playlists_are_told_by_their_first_bytes() {
        let comment = format!("<!-- {} --><MPD>", "x".repeat(30_000));
        for playlist in [
            &b"#EXTM3U"[..],
            b"\xef\xbb\xbf#EXTM3U8\r\n",
            b"\r\n \t\n#EXTM3U\n",
            b"<MPD>",
            b"\xef\xbb\xbf <?xml version='1.0'?>\n<!-- <x> -->\n<!DOCTYPE MPD [<!ENTITY a \"b>\">]>\n<dash:MPD type='static'>",
            b"<?xml version='1.0' encoding='ISO-8859-1'?><!-- \xe9 --><MPD>",
            b"<Period xmlns='urn:mpeg:dash:schema:mpd:2011'/>",
            b"<Patch>",
            comment.as_bytes(),
            &utf16("\u{feff}<?xml version='1.0'?><MPD>", true),
            &utf16("\u{feff}<MPD/>", false),
            &utf16("<MPD/>", true),
            &utf16("<MPD/>", false),
        ] {
            assert_eq!(sniff(playlist), Sniffed::Playlist, "{:?}", playlist.escape_ascii().to_string());
        }
    }

    #[test]
    fn everything_else_is_told_as_soon_as_it_can_be() {
        for other in [
            &b"\x47\x40"[..],
            b"\0\0\0\x18ftyp",
            b"#EXTINF:4,\na.ts\n",
            b"# a comment\n#EXTM3U\n",
            b"WEBVTT\n",
            b"{\"MPD\":1}",
            b"<html><MPD/></html>",
            b"<!DOCTYPE html><html>",
            b"a<MPD/>",
            &b" ".repeat(ENOUGH),
        ] {
            assert_eq!(sniff(other), Sniffed::Other, "{:?}", other.escape_ascii().to_string());
        }
    }

    #[test]
    fn what_may_still_become_one_is_unsure() {
        for unsure in [
            &b""[..],
            b"\n",
            b"#EXT",
            b"\xef\xbb",
            b"\xff",
            b"<",
            b"<?xml version",
            b"<!-- ",
            b"<MP",
            b"<MPD",
        ] {
            assert_eq!(sniff(unsure), Sniffed::Unsure, "{:?}", unsure.escape_ascii().to_string());
        }
    }
}
