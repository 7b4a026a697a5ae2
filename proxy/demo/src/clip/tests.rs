//! The parts of each track against the segments they are cut from, read back box by box.

use std::ops::Range;

use super::*;
use crate::boxes::{children, find, read_u32, read_u64};
use crate::ladder::{AUDIO, TRACKS};
use crate::timeline::SEGMENT_SECONDS;

/// Two loops from zero, and the seam that a live stream crossed in November 2025.
const RUNS: [Range<u64>; 2] = [0..25, 882_000_000..882_000_025];
const NOT_A_SYNC_SAMPLE: u32 = 0x1_0000;

/// A movie fragment as a demuxer reads it.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    sequence: u32,
    decode_time: u64,
    /// Duration, size, flags and composition offset.
    rows: Vec<[u32; 4]>,
    media: Vec<u8>,
}

/// Reads `moof`, `mdat`, `free`, where each row of the run says everything.
fn read_part(bytes: &[u8]) -> Read {
    let boxes = children(bytes, 0..bytes.len()).unwrap();
    let kinds: Vec<_> = boxes.iter().map(|found| &found.kind).collect();
    assert_eq!(kinds, [b"moof", b"mdat", b"free"]);
    assert!(bytes[boxes[2].content.clone()].iter().all(|byte| *byte == 0));
    let place = |path: &[&[u8; 4]]| find(bytes, 0..bytes.len(), path).unwrap().unwrap().content;
    let u32_at = |at| read_u32(bytes, at).unwrap();
    let (tfhd, tfdt, trun) = (
        place(&[b"moof", b"traf", b"tfhd"]),
        place(&[b"moof", b"traf", b"tfdt"]),
        place(&[b"moof", b"traf", b"trun"]),
    );
    assert_eq!((u32_at(tfhd.start), u32_at(tfhd.start + 4)), (0x2_0000, 1), "default-base-is-moof, track 1");
    assert_eq!(u32_at(tfdt.start), 1 << 24, "tfdt has 64 bits");
    assert_eq!(u32_at(trun.start) & 0xff_ffff, 0xf01, "each row says everything");
    let offset = usize::try_from(u32_at(trun.start + 8)).unwrap();
    assert_eq!(offset, boxes[1].content.start, "the run starts at the first byte of mdat");
    let rows: Vec<_> = (trun.start + 12..trun.end)
        .step_by(16)
        .map(|row| [0, 4, 8, 12].map(|field| u32_at(row + field)))
        .collect();
    assert_eq!(rows.len(), usize::try_from(u32_at(trun.start + 4)).unwrap());
    let media = bytes[boxes[1].content.clone()].to_vec();
    assert_eq!(rows.iter().map(|row| u64::from(row[1])).sum::<u64>(), u64::try_from(media.len()).unwrap());
    Read {
        sequence: u32_at(place(&[b"moof", b"mfhd"]).start + 4),
        decode_time: read_u64(bytes, tfdt.start + 4).unwrap(),
        rows,
        media,
    }
}

fn segment_media(clip: &Clip, number: u64) -> Vec<u8> {
    let bytes = clip.segment(number).to_vec();
    let mdat = find(&bytes, 0..bytes.len(), &[b"mdat"]).unwrap().unwrap();
    bytes[mdat.content].to_vec()
}

#[test]
fn the_parts_of_a_segment_hold_its_media_once_and_in_order() {
    for track in TRACKS.iter() {
        for number in RUNS.into_iter().flatten() {
            let parts = Part::of(number).map(|part| read_part(&track.clip.part(part).to_vec()).media);
            let media = parts.collect::<Vec<_>>().concat();
            assert!(media == segment_media(&track.clip, number), "{} {number}", track.name);
        }
    }
}

#[test]
fn decode_times_run_on_from_part_to_part_and_through_the_seam() {
    for track in TRACKS.iter() {
        for run in RUNS {
            let mut expected = track.clip.span(run.start).start;
            for part in run.flat_map(Part::of) {
                let read = read_part(&track.clip.part(part).to_vec());
                let span = track.clip.part_span(part);
                assert_eq!((read.decode_time, span.start), (expected, expected), "{} {part:?}", track.name);
                assert_eq!(read.rows.iter().map(|row| u64::from(row[0])).sum::<u64>(), span.ticks);
                assert_eq!(u64::from(read.sequence), (part.ordinal() + 1) & u64::from(u32::MAX));
                expected += span.ticks;
            }
        }
    }
}

#[test]
fn the_parts_of_a_segment_last_as_long_as_it_does() {
    for track in TRACKS.iter() {
        for number in RUNS.into_iter().flatten() {
            let spans: Vec<_> = Part::of(number).map(|part| track.clip.part_span(part)).collect();
            let whole = track.clip.span(number);
            assert_eq!(spans[0].start, whole.start, "{} {number}", track.name);
            assert_eq!(
                spans.iter().map(|span| span.ticks).sum::<u64>(),
                whole.ticks,
                "{} {number}",
                track.name
            );
        }
    }
}

#[test]
fn a_part_begins_with_the_first_frame_of_its_time() {
    for track in TRACKS.iter() {
        for part in RUNS.into_iter().flatten().flat_map(Part::of) {
            let grid = part.ordinal() * PART_MILLIS * track.clip.ticks_per_second / 1000;
            let late = track.clip.part_span(part).start - grid;
            let frame = if track.name == AUDIO.name { 1024 } else { 1 };
            assert!(late < frame, "{} {part:?} starts {late} ticks late", track.name);
        }
    }
}

#[test]
fn a_video_part_holds_ten_frames_and_an_audio_part_eighteen_or_nineteen() {
    for track in TRACKS.iter() {
        for part in RUNS.into_iter().flatten().flat_map(Part::of) {
            let rows = read_part(&track.clip.part(part).to_vec()).rows.len();
            let audio = track.name == AUDIO.name;
            assert!(
                if audio { rows == 18 || rows == 19 } else { rows == 10 },
                "{} {part:?}: {rows}",
                track.name
            );
        }
    }
}

#[test]
fn decoding_begins_at_the_first_part_of_video_and_anywhere_in_audio() {
    for track in TRACKS.iter() {
        let audio = track.name == AUDIO.name;
        for part in RUNS.into_iter().flatten().flat_map(Part::of) {
            let rows = read_part(&track.clip.part(part).to_vec()).rows;
            for (index, row) in rows.iter().enumerate() {
                let sync = audio || (part.index() == 0 && index == 0);
                assert_eq!(row[2] & NOT_A_SYNC_SAMPLE == 0, sync, "{} {part:?} sample {index}", track.name);
            }
            assert_eq!(
                track.clip.is_independent(part),
                audio || part.index() == 0,
                "{} {part:?}",
                track.name
            );
        }
    }
}

#[test]
fn parts_have_the_rate_of_their_track() {
    for track in TRACKS.iter() {
        for part in RUNS.into_iter().flatten().flat_map(Part::of) {
            let bits = u64::try_from(track.clip.part(part).len()).unwrap() * 8;
            let ticks = track.clip.part_span(part).ticks;
            let rate = track.clip.bits_per_second;
            assert_eq!(bits * track.clip.ticks_per_second, rate * ticks, "{} {part:?}", track.name);
        }
    }
}

#[test]
fn a_segment_is_found_by_the_tick_it_starts_at_and_by_no_other() {
    for track in TRACKS.iter() {
        for number in RUNS.into_iter().flatten() {
            let start = track.clip.span(number).start;
            assert_eq!(track.clip.starting_at(start), Some(number), "{}", track.name);
            assert_eq!(track.clip.starting_at(start + 1), None, "{}", track.name);
        }
        assert_eq!(track.clip.starting_at(SEGMENT_SECONDS * track.clip.ticks_per_second / 2), None);
        // Far beyond any live edge, and still an answer.
        assert_eq!(track.clip.starting_at(u64::MAX), None);
    }
}

#[test]
fn a_clip_whose_fragments_do_not_fill_their_time_is_turned_down() {
    let track = &TRACKS[0];
    let fragment = track.clip.segment(0).to_vec();
    // The same clip on a clock of half the speed: each fragment covers the time of two.
    let mut file = [&track.clip.init[..], &fragment].concat();
    let mdhd = find(&track.clip.init, 0..track.clip.init.len(), &[b"moov", b"trak", b"mdia", b"mdhd"]);
    let timescale = mdhd.unwrap().unwrap().content.start + 12;
    file[timescale..timescale + 4].copy_from_slice(&45_000_u32.to_be_bytes());
    let refused = Clip::read(&Bytes::from(file), track.clip.bits_per_second).unwrap_err();
    assert!(matches!(refused, ClipError::Parts(0)), "{refused}");
}

#[test]
fn a_run_that_does_not_fill_its_mdat_is_turned_down() {
    let track = &TRACKS[0];
    let mut fragment = track.clip.segment(0).to_vec();
    let trun = find(&fragment, 0..fragment.len(), &[b"moof", b"traf", b"trun"]).unwrap().unwrap();
    // The last byte of the last row, which is a size.
    fragment[trun.content.end - 1] ^= 1;
    let file = [&track.clip.init[..], &fragment].concat();
    let refused = Clip::read(&Bytes::from(file), track.clip.bits_per_second).unwrap_err();
    assert!(matches!(refused, ClipError::Media { .. }), "{refused}");
}
