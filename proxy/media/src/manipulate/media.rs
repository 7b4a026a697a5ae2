//! Edits of HLS media playlists: how far behind the live edge a player stays.
//!
//! Invariant: a playlist that has ended is left alone, as an offset from its end would skip nearly all of it. Players that
//! ignore the multivariant playlist's start read this one. Deliberately absent: `PART-HOLD-BACK`, which low-latency
//! playback depends on.

use rebuffer_model::Content;

use super::{Unmet, master};
use crate::Edits;
use crate::hls::{Line, Lines, Tag};

/// `EXT-X-START`, and `HOLD-BACK` where the server controls.
pub(super) fn live_offset(body: &[u8], content: &Content, unmet: &mut Vec<Unmet>) -> Edits {
    let mut edits = Edits::default();
    if content.live_offset == 0 {
        return edits;
    }
    let tags = Lines::new(body).filter_map(|line| match line {
        Line::Tag(tag) => Some(tag),
        Line::Uri(_) => None,
    });
    let tags = tags.collect::<Vec<_>>();
    if tags.iter().any(|tag| tag.name == "EXT-X-ENDLIST") {
        unmet.push(Unmet { field: "live_offset", why: "the playlist has ended" });
        return edits;
    }
    let named = |name: &str| tags.iter().find(|tag| tag.name == name);
    let offset = format!("-{}.000", content.live_offset);
    match named("EXT-X-START") {
        Some(start) => set(&mut edits, *start, "TIME-OFFSET", &offset),
        None => master::start(&mut edits, body, &format!("#EXT-X-START:TIME-OFFSET={offset}")),
    }
    if let Some(control) = named("EXT-X-SERVER-CONTROL") {
        set(&mut edits, *control, "HOLD-BACK", &format!("{}.000", content.live_offset));
    }
    edits
}

/// Gives an attribute this value, at the end of the list when there is none.
fn set(edits: &mut Edits, tag: Tag<'_>, name: &str, value: &str) {
    match tag.attributes().value(name) {
        Some(old) if old.text == value => {}
        Some(old) => edits.replace(old.span(), value),
        None => {
            let separator = if tag.value.text.is_empty() { "" } else { "," };
            let end = tag.value.span().end;
            edits.replace(end..end, format!("{separator}{name}={value}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn edited(body: &str) -> String {
        let content = Content { live_offset: 18, ..Content::default() };
        let edits = live_offset(body.as_bytes(), &content, &mut Vec::new());
        String::from_utf8(edits.apply(&Bytes::copy_from_slice(body.as_bytes())).to_vec()).unwrap()
    }

    #[test]
    fn start_and_hold_back_are_set_and_nothing_else() {
        for (before, after) in [
            (
                "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-SERVER-CONTROL:HOLD-BACK=6.0,PART-HOLD-BACK=1\n#EXTINF:2,\n1\n",
                "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-START:TIME-OFFSET=-18.000\n#EXT-X-SERVER-CONTROL:HOLD-BACK=18.000,PART-HOLD-BACK=1\n#EXTINF:2,\n1\n",
            ),
            (
                "#EXTM3U\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES\n#EXT-X-VERSION:9\n#EXTINF:2,\n1\n",
                "#EXTM3U\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,HOLD-BACK=18.000\n#EXT-X-VERSION:9\n#EXT-X-START:TIME-OFFSET=-18.000\n#EXTINF:2,\n1\n",
            ),
            (
                "#EXTM3U\r\n#EXT-X-START:PRECISE=YES,TIME-OFFSET=-3\r\n#EXTINF:2,\r\n1\r\n",
                "#EXTM3U\r\n#EXT-X-START:PRECISE=YES,TIME-OFFSET=-18.000\r\n#EXTINF:2,\r\n1\r\n",
            ),
            ("#EXTM3U\n#EXTINF:2,\n1", "#EXTM3U\n#EXT-X-START:TIME-OFFSET=-18.000\n#EXTINF:2,\n1"),
        ] {
            assert_eq!(edited(before), after);
            assert_eq!(edited(after), after, "once is enough");
        }
    }

    #[test]
    fn a_playlist_that_has_ended_is_left_alone() {
        let ended = "#EXTM3U\n#EXTINF:2,\n1\n#EXT-X-ENDLIST\n";
        assert_eq!(edited(ended), ended);
    }
}
