//! Media playlists.
//!
//! Invariant: every item has the media sequence number of its segment, counted on from `MEDIA-SEQUENCE` over skipped
//! segments; of a playlist longer than the bound the newest items are kept, as a live player is at the end.
//! Deliberately absent: durations and dates, which classify nothing.

use std::collections::VecDeque;

use super::{Attributes, Line, Lines, MAX_ENTRIES, Tag, Text};
use crate::ByteRange;

/// The most reports of siblings that are kept.
const MAX_REPORTS: usize = 64;
/// The most interstitials that are kept, the newest.
const MAX_ASSETS: usize = 256;

/// What a media playlist declares.
#[derive(Debug, Default)]
pub struct Media<'a> {
    /// Seconds.
    pub target_duration: Option<u64>,
    /// The number of the first segment, whether it is listed or skipped.
    pub media_sequence: u64,
    /// The number after that of the last whole segment.
    pub next_sequence: u64,
    /// Whether segments that an earlier version had are left out (a delta update).
    pub delta: bool,
    /// Whether nothing more will come.
    pub ended: bool,
    /// Whether its segments are single frames.
    pub i_frames_only: bool,
    /// In the order of the playlist.
    pub items: VecDeque<Item<'a>>,
    /// Where sibling playlists are, and how far.
    pub reports: Vec<Report<'a>>,
    /// The masters of interstitials.
    pub assets: VecDeque<Text<'a>>,
    /// Where lists of interstitials are.
    pub asset_lists: VecDeque<Text<'a>>,
}

/// What a playlist says of a sibling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report<'a> {
    /// The sibling's playlist.
    pub uri: Text<'a>,
    /// The number of its last segment.
    pub last_msn: Option<u64>,
    /// The number of its last part in that segment.
    pub last_part: Option<u64>,
}

/// Something to fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    /// What it is.
    pub kind: ItemKind,
    /// Where it is.
    pub uri: Text<'a>,
    /// Which bytes of it; absent means all.
    pub range: Option<ByteRange>,
    /// The segment it belongs to, or stands before.
    pub sequence: u64,
    /// Whether it is only hinted at.
    pub hinted: bool,
}

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemKind {
    Segment,
    /// A partial segment, also one that is only hinted at.
    Part,
    /// An initialisation segment.
    Map,
    Key,
}

/// Where the reader stands between two lines.
#[derive(Debug, Default)]
struct Cursor<'a> {
    byte_range: Option<&'a str>,
    next_segment_byte: u64,
    next_part_byte: u64,
    counted: bool,
    prefetched: u64,
}

impl<'a> Media<'a> {
    /// Reads what is there; anything is a playlist, if only an empty one.
    pub fn read(body: &'a [u8]) -> Self {
        let mut media = Self::default();
        let mut cursor = Cursor::default();
        for line in Lines::new(body) {
            match line {
                Line::Uri(uri) => media.read_segment(uri, &mut cursor),
                Line::Tag(tag) => media.read_tag(tag, &mut cursor),
            }
        }
        media
    }

    fn read_segment(&mut self, uri: Text<'a>, cursor: &mut Cursor<'a>) {
        let declared = cursor.byte_range.take();
        let range = declared.and_then(|text| ByteRange::from_playlist(text, cursor.next_segment_byte));
        cursor.next_segment_byte = range.map_or(0, ByteRange::end);
        self.push(self.item(ItemKind::Segment, uri, range));
        self.next_sequence = self.next_sequence.saturating_add(1);
        cursor.counted = true;
    }

    fn read_tag(&mut self, tag: Tag<'a>, cursor: &mut Cursor<'a>) {
        match tag.name {
            "EXT-X-TARGETDURATION" => self.target_duration = tag.number(),
            "EXT-X-ENDLIST" => self.ended = true,
            "EXT-X-I-FRAMES-ONLY" => self.i_frames_only = true,
            "EXT-X-BYTERANGE" => cursor.byte_range = Some(tag.value.text),
            // Once a segment was counted, or numbered before, it comes too late to mean anything.
            "EXT-X-MEDIA-SEQUENCE" if !cursor.counted => {
                self.media_sequence = tag.number().unwrap_or_default();
                self.next_sequence = self.media_sequence;
                cursor.counted = true;
                for item in &mut self.items {
                    item.sequence = self.media_sequence;
                }
            }
            "EXT-X-SKIP" => {
                let skipped = tag.attributes().number("SKIPPED-SEGMENTS").unwrap_or_default();
                self.next_sequence = self.next_sequence.saturating_add(skipped);
                self.delta = true;
                cursor.counted = true;
            }
            "EXT-X-MAP" => self.read_resource(ItemKind::Map, tag.attributes(), &mut 0),
            "EXT-X-KEY" => self.read_resource(ItemKind::Key, tag.attributes(), &mut 0),
            "EXT-X-PART" => {
                self.read_resource(ItemKind::Part, tag.attributes(), &mut cursor.next_part_byte);
            }
            "EXT-X-PRELOAD-HINT" => self.read_hint(tag.attributes()),
            "EXT-X-RENDITION-REPORT" => self.read_report(tag.attributes()),
            "EXT-X-DATERANGE" => self.read_date_range(&tag.attributes()),
            // Segments that are still being made, told before they are listed.
            "EXT-X-PREFETCH" | "EXT-X-TWITCH-PREFETCH" => {
                let sequence = self.next_sequence.saturating_add(cursor.prefetched);
                cursor.prefetched += 1;
                self.push(Item {
                    kind: ItemKind::Segment,
                    uri: tag.value,
                    range: None,
                    sequence,
                    hinted: true,
                });
            }
            _ => {}
        }
    }

    /// A range without a start begins at `next`, which then is its end.
    fn read_resource(&mut self, kind: ItemKind, attributes: Attributes<'a>, next: &mut u64) {
        let range = attributes.value("BYTERANGE").and_then(|text| ByteRange::from_playlist(text.text, *next));
        *next = range.map_or(0, ByteRange::end);
        if let Some(uri) = attributes.value("URI") {
            self.push(self.item(kind, uri, range));
        }
    }

    fn read_date_range(&mut self, attributes: &Attributes<'a>) {
        let lists = [("X-ASSET-URI", &mut self.assets), ("X-ASSET-LIST", &mut self.asset_lists)];
        for (name, list) in lists {
            if let Some(uri) = attributes.value(name) {
                if list.len() == MAX_ASSETS {
                    list.pop_front();
                }
                list.push_back(uri);
            }
        }
    }

    fn read_report(&mut self, attributes: Attributes<'a>) {
        if let Some(uri) = attributes.value("URI")
            && self.reports.len() < MAX_REPORTS
        {
            let (last_msn, last_part) = (attributes.number("LAST-MSN"), attributes.number("LAST-PART"));
            self.reports.push(Report { uri, last_msn, last_part });
        }
    }

    fn read_hint(&mut self, attributes: Attributes<'a>) {
        let kind = match attributes.value("TYPE").map(|kind| kind.text) {
            Some("PART") => ItemKind::Part,
            Some("MAP") => ItemKind::Map,
            Some(_) | None => return,
        };
        let (start, length) = (attributes.number("BYTERANGE-START"), attributes.number("BYTERANGE-LENGTH"));
        let ranged = start.is_some() || length.is_some();
        let range = ranged.then(|| ByteRange { start: start.unwrap_or_default(), length });
        if let Some(uri) = attributes.value("URI") {
            self.push(Item { hinted: true, ..self.item(kind, uri, range) });
        }
    }

    /// An item of the segment that comes next.
    fn item(&self, kind: ItemKind, uri: Text<'a>, range: Option<ByteRange>) -> Item<'a> {
        Item { kind, uri, range, sequence: self.next_sequence, hinted: false }
    }

    fn push(&mut self, item: Item<'a>) {
        if self.items.len() == MAX_ENTRIES {
            self.items.pop_front();
        }
        self.items.push_back(item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items<'a>(media: &Media<'a>) -> Vec<(ItemKind, &'a str, u64)> {
        media.items.iter().map(|item| (item.kind, item.uri.text, item.sequence)).collect()
    }

    #[test]
    fn parts_belong_to_the_segment_that_is_being_made() {
        let media = Media::read(
            b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:100\n#EXT-X-SKIP:SKIPPED-SEGMENTS=8\n\
              #EXT-X-MAP:URI=\"i.mp4\"\n#EXT-X-PART:DURATION=1,URI=\"108.0\"\n#EXTINF:4,\n108\n\
              #EXT-X-PART:DURATION=1,URI=\"109.0\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"109.1\"\n",
        );
        assert!(media.delta && !media.ended);
        assert_eq!((media.target_duration, media.media_sequence, media.next_sequence), (Some(4), 100, 109));
        assert_eq!(
            items(&media),
            [
                (ItemKind::Map, "i.mp4", 108),
                (ItemKind::Part, "108.0", 108),
                (ItemKind::Segment, "108", 108),
                (ItemKind::Part, "109.0", 109),
                (ItemKind::Part, "109.1", 109),
            ]
        );
    }

    #[test]
    fn byte_ranges_go_on_where_the_last_one_ended() {
        let media = Media::read(
            b"#EXTM3U\n#EXT-X-MAP:URI=\"a.mp4\",BYTERANGE=\"100@0\"\n#EXT-X-BYTERANGE:50@100\n#EXTINF:4,\na.mp4\n\
              #EXTINF:4,\n#EXT-X-BYTERANGE:60\na.mp4\n#EXTINF:4,\nb.mp4\n#EXT-X-ENDLIST\n",
        );
        let ranges = media.items.iter().map(|item| item.range.map(|range| (range.start, range.length)));
        assert_eq!(
            ranges.collect::<Vec<_>>(),
            [Some((0, Some(100))), Some((100, Some(50))), Some((150, Some(60))), None]
        );
        assert!(media.ended);
    }

    #[test]
    fn what_stands_before_the_number_belongs_to_the_first_segment() {
        let media = Media::read(
            b"#EXTM3U\n#EXT-X-MAP:URI=\"i\"\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-MEDIA-SEQUENCE:x\n#EXTINF:1,\ns\n",
        );
        assert_eq!(items(&media), [(ItemKind::Map, "i", 7), (ItemKind::Segment, "s", 7)]);
    }

    #[test]
    fn of_too_many_items_the_newest_are_kept() {
        let body = "#EXTINF:1,\na.ts\n".repeat(MAX_ENTRIES + 5);
        let media = Media::read(body.as_bytes());
        assert_eq!((media.items.len(), media.items[0].sequence), (MAX_ENTRIES, 5));
    }
}
