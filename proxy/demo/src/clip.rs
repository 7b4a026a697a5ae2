//! One encoded loop of one track, and the segment of it that belongs at any number of the endless timeline.
//!
//! Invariant: segment `n + 1` starts on the tick where segment `n` ends, for every `n`, so also across the seam.
//! Each segment is the clip's fragment with `mfhd` and `tfdt` rewritten, then one `free` box, which every player
//! skips, up to the size that the track's declared rate asks for. The media comes before the padding.
//! Deliberately absent: decoding; the clip is checked once, when it is read, and trusted afterwards.

use std::ops::Range;

use bytes::Bytes;

use crate::boxes::{self, Malformed};
use crate::payload::Payload;

#[derive(Debug)]
pub(crate) struct Clip {
    pub(crate) init: Bytes,
    pub(crate) ticks_per_second: u64,
    /// Changes when the clip is encoded anew.
    pub(crate) checksum: u32,
    /// What each segment is padded to.
    bits_per_second: u64,
    loop_ticks: u64,
    fragments: Vec<Fragment>,
}

/// When a segment starts and how long it lasts, in the clip's ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u64,
    pub(crate) ticks: u64,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ClipError {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("{0} is missing or cut short")]
    Missing(&'static str),
    #[error("tfdt has version {0}; the loop outgrows 32 bits, so it must be 1")]
    NarrowDecodeTime(u8),
    #[error("the fragment at tick {found} should start at tick {expected}")]
    Gap { expected: u64, found: u64 },
    #[error("a segment of {ticks} ticks has {media} bytes of media, which its rate cannot hold exactly")]
    Rate { ticks: u64, media: usize },
}

#[derive(Debug)]
struct Fragment {
    moof: Bytes,
    mdat: Bytes,
    /// Where in `moof` the fields to rewrite lie.
    sequence_at: Range<usize>,
    decode_time_at: Range<usize>,
    span: Span,
}

const FREE_HEADER: usize = 8;

impl Clip {
    /// Reads a fragmented MP4 file of one track whose segments shall each last at `bits_per_second`.
    pub(crate) fn read(file: &Bytes, bits_per_second: u64) -> Result<Self, ClipError> {
        let top = boxes::children(file, 0..file.len())?;
        let moov = top.iter().find(|found| &found.kind == b"moov").ok_or(ClipError::Missing("moov"))?;
        let mdhd = boxes::find(file, moov.content.clone(), &[b"trak", b"mdia", b"mdhd"])?
            .ok_or(ClipError::Missing("mdhd"))?;
        let version = file.get(mdhd.content.start).copied().unwrap_or_default();
        let timescale_at = mdhd.content.start + if version == 1 { 20 } else { 12 };
        let ticks_per_second = boxes::read_u32(file, timescale_at).ok_or(ClipError::Missing("timescale"))?;

        let mut clip = Self {
            init: file.slice(..moov.whole.end),
            ticks_per_second: u64::from(ticks_per_second),
            checksum: crc32fast::hash(file),
            bits_per_second,
            loop_ticks: 0,
            fragments: Vec::new(),
        };
        for pair in top.windows(2).filter(|pair| &pair[0].kind == b"moof") {
            if &pair[1].kind != b"mdat" {
                return Err(ClipError::Missing("mdat"));
            }
            let moof = file.slice(pair[0].whole.clone());
            clip.push(Fragment::read(moof, file.slice(pair[1].whole.clone()))?)?;
        }
        if clip.fragments.is_empty() {
            return Err(ClipError::Missing("moof"));
        }
        Ok(clip)
    }

    /// Segments in one loop.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.fragments.len()
    }

    #[cfg(test)]
    pub(crate) fn loop_ticks(&self) -> u64 {
        self.loop_ticks
    }

    pub(crate) fn span(&self, number: u64) -> Span {
        let (offset, fragment) = self.place(number);
        Span { start: offset + fragment.span.start, ticks: fragment.span.ticks }
    }

    /// The bytes of segment `number`.
    pub(crate) fn segment(&self, number: u64) -> Payload {
        let (offset, fragment) = self.place(number);
        let mut moof = fragment.moof.to_vec();
        // A 32-bit field that counts on: the low half, as it would wrap.
        let [_, _, _, _, sequence @ ..] = (number + 1).to_be_bytes();
        moof[fragment.sequence_at.clone()].copy_from_slice(&sequence);
        let decode_time = offset + fragment.span.start;
        moof[fragment.decode_time_at.clone()].copy_from_slice(&decode_time.to_be_bytes());

        let mut payload = Payload::default();
        payload.push(Bytes::from(moof));
        payload.push(fragment.mdat.clone());
        let padding = self.padding(fragment).expect("push checked that each fragment can be padded");
        payload.push(free_header(padding));
        payload.push_zeros(padding - FREE_HEADER);
        payload
    }

    /// The tick at which the loop holding segment `number` starts, and the fragment to use.
    fn place(&self, number: u64) -> (u64, &Fragment) {
        let count = u64::try_from(self.fragments.len()).expect("a count of fragments fits in 64 bits");
        let index = usize::try_from(number % count).expect("an index below a usize fits in one");
        (number / count * self.loop_ticks, &self.fragments[index])
    }

    fn push(&mut self, fragment: Fragment) -> Result<(), ClipError> {
        if fragment.span.start != self.loop_ticks {
            return Err(ClipError::Gap { expected: self.loop_ticks, found: fragment.span.start });
        }
        self.padding(&fragment).ok_or_else(|| ClipError::Rate {
            ticks: fragment.span.ticks,
            media: fragment.moof.len() + fragment.mdat.len(),
        })?;
        self.loop_ticks += fragment.span.ticks;
        self.fragments.push(fragment);
        Ok(())
    }

    /// Bytes of the `free` box that brings a fragment to its exact size; none if that cannot be.
    fn padding(&self, fragment: &Fragment) -> Option<usize> {
        let bits = self.bits_per_second.checked_mul(fragment.span.ticks)?;
        let ticks_per_byte = self.ticks_per_second.checked_mul(8)?;
        if ticks_per_byte == 0 || !bits.is_multiple_of(ticks_per_byte) {
            return None;
        }
        let size = usize::try_from(bits / ticks_per_byte).ok()?;
        let padding = size.checked_sub(fragment.moof.len() + fragment.mdat.len())?;
        (padding >= FREE_HEADER && u32::try_from(padding).is_ok()).then_some(padding)
    }
}

impl Fragment {
    fn read(moof: Bytes, mdat: Bytes) -> Result<Self, ClipError> {
        let get = |path: &[&[u8; 4]], name| {
            boxes::find(&moof, 0..moof.len(), path)?.ok_or(ClipError::Missing(name))
        };
        let mfhd = get(&[b"moof", b"mfhd"], "mfhd")?.content.start;
        let tfhd = get(&[b"moof", b"traf", b"tfhd"], "tfhd")?.content.start;
        let tfdt = get(&[b"moof", b"traf", b"tfdt"], "tfdt")?.content.start;
        let trun = get(&[b"moof", b"traf", b"trun"], "trun")?.content.start;

        let version = moof.get(tfdt).copied().ok_or(ClipError::Missing("tfdt"))?;
        if version != 1 {
            return Err(ClipError::NarrowDecodeTime(version));
        }
        // In a full box, version and flags take the first four bytes.
        let start = boxes::read_u64(&moof, tfdt + 4).ok_or(ClipError::Missing("tfdt"))?;
        boxes::read_u32(&moof, mfhd + 4).ok_or(ClipError::Missing("mfhd"))?;
        let ticks = duration(&moof, tfhd, trun)?;
        Ok(Self {
            sequence_at: mfhd + 4..mfhd + 8,
            decode_time_at: tfdt + 4..tfdt + 12,
            span: Span { start, ticks },
            moof,
            mdat,
        })
    }
}

/// Sum of the sample durations of a track run (ISO/IEC 14496-12, 8.8.7 and 8.8.8).
fn duration(moof: &[u8], tfhd: usize, trun: usize) -> Result<u64, ClipError> {
    const DESCRIPTION_AND_OFFSET: [(u32, usize); 2] = [(0x1, 8), (0x2, 4)];
    const DEFAULT_DURATION: u32 = 0x8;
    const RUN_HEADER: [(u32, usize); 2] = [(0x1, 4), (0x4, 4)];
    const SAMPLE_DURATION: u32 = 0x100;
    const SAMPLE_FIELDS: [(u32, usize); 4] = [(SAMPLE_DURATION, 4), (0x200, 4), (0x400, 4), (0x800, 4)];
    let width = |flags: u32, fields: &[(u32, usize)]| -> usize {
        fields.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, bytes)| bytes).sum()
    };

    let missing = || ClipError::Missing("sample durations");
    let track_flags = boxes::read_u32(moof, tfhd).ok_or_else(missing)?;
    let run_flags = boxes::read_u32(moof, trun).ok_or_else(missing)?;
    let count = boxes::read_u32(moof, trun + 4).ok_or_else(missing)?;
    if run_flags & SAMPLE_DURATION != 0 {
        let mut at = trun + 8 + width(run_flags, &RUN_HEADER);
        let mut sum = 0;
        for _ in 0..count {
            sum += u64::from(boxes::read_u32(moof, at).ok_or_else(missing)?);
            at += width(run_flags, &SAMPLE_FIELDS);
        }
        return Ok(sum);
    }
    if track_flags & DEFAULT_DURATION == 0 {
        return Err(missing());
    }
    let at = tfhd + 8 + width(track_flags, &DESCRIPTION_AND_OFFSET);
    let each = boxes::read_u32(moof, at).ok_or_else(missing)?;
    Ok(u64::from(count) * u64::from(each))
}

fn free_header(size: usize) -> Bytes {
    let size = u32::try_from(size).expect("padding checked that the size fits in the box header");
    let [a, b, c, d] = size.to_be_bytes();
    Bytes::copy_from_slice(&[a, b, c, d, b'f', b'r', b'e', b'e'])
}
