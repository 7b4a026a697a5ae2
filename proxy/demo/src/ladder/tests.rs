//! The declared ladder against the clips, and the segments cut out of them against the timeline.

use std::ops::Range;

use super::*;
use crate::boxes::{children, find, read_u32, read_u64};
use crate::clip::Span;
use crate::timeline::SEGMENT_SECONDS;

/// Two loops from zero, and the seam that a live stream crossed in November 2025.
const RUNS: [Range<u64>; 2] = [0..25, 882_000_000..882_000_025];

fn u32_field(data: &[u8], path: &[&[u8; 4]], skip: usize) -> u32 {
    let found = find(data, 0..data.len(), path).unwrap().unwrap();
    read_u32(data, found.content.start + skip).unwrap()
}

fn decode_time(segment: &[u8]) -> u64 {
    let tfdt = find(segment, 0..segment.len(), &[b"moof", b"traf", b"tfdt"]).unwrap().unwrap();
    assert_eq!(segment[tfdt.content.start], 1, "tfdt has 64 bits");
    read_u64(segment, tfdt.content.start + 4).unwrap()
}

#[test]
fn every_clip_is_a_whole_number_of_segments_long() {
    for track in tracks() {
        let clip = &track.clip;
        let segments = u64::try_from(clip.len()).unwrap();
        assert_eq!(clip.loop_ticks(), segments * SEGMENT_SECONDS * clip.ticks_per_second, "{}", track.name);
        assert_eq!(segments * SEGMENT_SECONDS % 8, 0, "{} holds no whole number of AAC frames", track.name);
    }
}

#[test]
fn every_segment_has_exactly_its_declared_rate() {
    let tracks = tracks();
    let (audio, video) = tracks.split_last().unwrap();
    for (rung, track) in RUNGS.iter().zip(video) {
        let bytes = (rung.bandwidth - AUDIO.bandwidth) * SEGMENT_SECONDS / 8;
        for number in RUNS.into_iter().flatten() {
            let segment = track.clip.segment(number);
            assert_eq!(u64::try_from(segment.len()).unwrap(), bytes, "{} {number}", rung.name);
        }
    }
    for number in RUNS.into_iter().flatten() {
        let bits = u64::try_from(audio.clip.segment(number).len()).unwrap() * 8;
        let Span { ticks, .. } = audio.clip.span(number);
        assert_eq!(bits * audio.clip.ticks_per_second, AUDIO.bandwidth * ticks, "audio {number}");
    }
}

#[test]
fn declared_rates_hold_over_a_loop_with_audio_included() {
    let tracks = tracks();
    let (audio, video) = tracks.split_last().unwrap();
    let bytes = |track: &Track| (24..36).map(|number| track.clip.segment(number).len()).sum::<usize>();
    for (rung, track) in RUNGS.iter().zip(video) {
        let bits = u64::try_from(8 * (bytes(track) + bytes(audio))).unwrap();
        assert_eq!(bits, rung.bandwidth * 24, "{}", rung.name);
    }
}

#[test]
fn decode_times_and_sequence_numbers_run_on_through_the_seam() {
    for track in tracks() {
        for run in RUNS {
            let mut expected = track.clip.span(run.start).start;
            for number in run {
                let segment = track.clip.segment(number).to_vec();
                assert_eq!(decode_time(&segment), expected, "{} {number}", track.name);
                assert_eq!(track.clip.span(number).start, expected);
                let sequence = u32_field(&segment, &[b"moof", b"mfhd"], 4);
                assert_eq!(u64::from(sequence), number + 1, "{}", track.name);
                expected += track.clip.span(number).ticks;
            }
        }
    }
}

#[test]
fn audio_never_strays_a_frame_from_the_video() {
    let tracks = tracks();
    for track in &tracks {
        for number in RUNS.into_iter().flatten() {
            let grid = number * SEGMENT_SECONDS * track.clip.ticks_per_second;
            let late = track.clip.span(number).start - grid;
            let frame = if track.name == AUDIO.name { 1024 } else { 1 };
            assert!(late < frame, "{} {number} starts {late} ticks late", track.name);
        }
    }
}

#[test]
fn a_segment_is_its_fragment_and_then_padding() {
    for track in tracks() {
        let segment = track.clip.segment(13).to_vec();
        let boxes = children(&segment, 0..segment.len()).unwrap();
        let kinds: Vec<_> = boxes.iter().map(|found| &found.kind).collect();
        assert_eq!(kinds, [b"moof", b"mdat", b"free"], "{}", track.name);
        assert!(segment[boxes[2].content.clone()].iter().all(|byte| *byte == 0));
        // The first sample lies where the run says: at the first byte of mdat.
        let offset = u32_field(&segment, &[b"moof", b"traf", b"trun"], 8);
        assert_eq!(usize::try_from(offset).unwrap(), boxes[1].content.start);
    }
}

#[test]
fn only_the_two_fields_of_time_are_rewritten() {
    for track in tracks() {
        let lap = u64::try_from(track.clip.len()).unwrap();
        let (first, later) = (track.clip.segment(3).to_vec(), track.clip.segment(3 + 1000 * lap).to_vec());
        let place = |path: &[&[u8; 4]]| find(&first, 0..first.len(), path).unwrap().unwrap().content;
        let (mfhd, tfdt) = (place(&[b"moof", b"mfhd"]), place(&[b"moof", b"traf", b"tfdt"]));
        for at in (0..first.len()).filter(|at| first[*at] != later[*at]) {
            assert!(mfhd.contains(&at) || tfdt.contains(&at), "{}: byte {at} differs", track.name);
        }
    }
}

#[test]
fn declared_codecs_and_sizes_are_those_of_the_clips() {
    let tracks = tracks();
    for (rung, track) in RUNGS.iter().zip(&tracks) {
        let init = &track.clip.init;
        let stsd = [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"];
        let stsd = find(init, 0..init.len(), &stsd).unwrap().unwrap();
        // The entries follow version, flags and count; a visual entry has 78 bytes before its boxes.
        let entry = find(init, stsd.content.start + 8..stsd.content.end, &[b"avc1"]).unwrap().unwrap();
        let size = read_u32(init, entry.content.start + 24).unwrap();
        assert_eq!(size, u32::from(rung.width) << 16 | u32::from(rung.height), "{}", rung.name);
        let config = find(init, entry.content.start + 78..entry.content.end, &[b"avcC"]).unwrap().unwrap();
        let [profile, constraints, level] = [1, 2, 3].map(|at| init[config.content.start + at]);
        assert_eq!(format!("avc1.{profile:02x}{constraints:02x}{level:02x}"), rung.codec, "{}", rung.name);
    }
}

#[test]
fn no_clip_shifts_its_samples_with_an_edit_list() {
    for track in tracks() {
        let init = &track.clip.init;
        let edits = find(init, 0..init.len(), &[b"moov", b"trak", b"edts"]).unwrap();
        assert_eq!(edits, None, "{}", track.name);
    }
}

mod unfit {
    //! Clips that must be turned down when they are read, each made from a good one.

    use super::*;
    use crate::clip::ClipError;

    const GOOD: &[u8] = RUNGS[0].file;

    fn read(file: Vec<u8>, rate: u64) -> ClipError {
        Clip::read(&Bytes::from(file), rate).unwrap_err()
    }

    fn tfdt() -> usize {
        let path: [&[u8; 4]; 3] = [b"moof", b"traf", b"tfdt"];
        find(GOOD, 0..GOOD.len(), &path).unwrap().unwrap().content.start
    }

    #[test]
    fn a_decode_time_of_32_bits() {
        let mut file = GOOD.to_vec();
        file[tfdt()] = 0;
        assert!(matches!(read(file, 400_000), ClipError::NarrowDecodeTime(0)));
    }

    #[test]
    fn a_gap_between_fragments() {
        let mut file = GOOD.to_vec();
        file[tfdt() + 11] = 1;
        assert!(matches!(read(file, 400_000), ClipError::Gap { expected: 0, found: 1 }));
    }

    #[test]
    fn more_media_than_the_rate_holds() {
        assert!(matches!(read(GOOD.to_vec(), 8_000), ClipError::Rate { ticks: 180_000, .. }));
    }

    #[test]
    fn a_rate_that_is_no_whole_number_of_bytes() {
        assert!(matches!(read(GOOD.to_vec(), 400_001), ClipError::Rate { .. }));
    }

    #[test]
    fn a_file_cut_short() {
        assert!(matches!(read(GOOD[..GOOD.len() - 1].to_vec(), 400_000), ClipError::Malformed(_)));
        assert!(matches!(read(Vec::new(), 400_000), ClipError::Missing("moov")));
    }
}
