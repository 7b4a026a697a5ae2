//! One encoded loop of one track, and the segment or part of it that belongs at any place of the endless timeline.
//!
//! Invariant: segment `n + 1` starts on the tick where segment `n` ends, for every `n`, so also across the seam; the
//! parts of a segment last together as long as it does. Each is a fragment with `mfhd` and `tfdt` rewritten, then one
//! `free` box, which every player skips, up to the size that the track's declared rate asks for: media, then padding.
//! Deliberately absent: decoding; the clip is checked once, when it is read, and trusted afterwards.

use std::iter;

use bytes::Bytes;

use crate::boxes::{self, Malformed};
use crate::fragment::{Fragment, Recording};
use crate::payload::Payload;
use crate::timeline::{PART_MILLIS, PARTS_PER_SEGMENT, Part};

#[derive(Debug)]
pub(crate) struct Clip {
    pub(crate) init: Bytes,
    pub(crate) ticks_per_second: u64,
    /// Changes when the clip is encoded anew.
    pub(crate) checksum: u32,
    /// What each segment and each part is padded to.
    bits_per_second: u64,
    loop_ticks: u64,
    segments: Vec<Fragment>,
    /// So many to a segment as the timeline says.
    parts: Vec<Fragment>,
}

/// When a segment or a part starts and how long it lasts, in the clip's ticks.
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
    #[error("{ticks} ticks have {media} bytes of media, which their rate cannot hold exactly")]
    Rate { ticks: u64, media: usize },
    #[error("a run of samples has {held} bytes in an mdat of {found}")]
    Media { held: u64, found: usize },
    #[error("fragment {0} has not one part in each part of its time")]
    Parts(u64),
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
            segments: Vec::new(),
            parts: Vec::new(),
        };
        for pair in top.windows(2).filter(|pair| &pair[0].kind == b"moof") {
            if &pair[1].kind != b"mdat" {
                return Err(ClipError::Missing("mdat"));
            }
            let [moof, mdat] = [&pair[0], &pair[1]].map(|found| file.slice(found.whole.clone()));
            clip.push(&Recording::read(&moof, &mdat)?)?;
        }
        if clip.segments.is_empty() {
            return Err(ClipError::Missing("moof"));
        }
        Ok(clip)
    }

    /// Segments in one loop.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.segments.len()
    }

    #[cfg(test)]
    pub(crate) fn loop_ticks(&self) -> u64 {
        self.loop_ticks
    }

    pub(crate) fn span(&self, number: u64) -> Span {
        self.spanned(self.place(&self.segments, number))
    }

    pub(crate) fn part_span(&self, part: Part) -> Span {
        self.spanned(self.place(&self.parts, part.ordinal()))
    }

    /// Whether a part can be decoded without the one before.
    pub(crate) fn is_independent(&self, part: Part) -> bool {
        self.place(&self.parts, part.ordinal()).1.independent
    }

    /// The bytes of segment `number` in one fragment.
    pub(crate) fn segment(&self, number: u64) -> Payload {
        self.payload(self.place(&self.segments, number), number)
    }

    /// The bytes of a part; those of a segment's parts, one after the other, are that segment in several fragments.
    pub(crate) fn part(&self, part: Part) -> Payload {
        self.payload(self.place(&self.parts, part.ordinal()), part.ordinal())
    }

    /// The number of the segment that starts at this tick, if one does.
    pub(crate) fn starting_at(&self, tick: u64) -> Option<u64> {
        let (lap, within) = (tick / self.loop_ticks, tick % self.loop_ticks);
        let index = self.segments.iter().position(|fragment| fragment.span.start == within)?;
        let count = u64::try_from(self.segments.len()).expect("a count of fragments fits in 64 bits");
        Some(lap * count + u64::try_from(index).expect("an index fits in 64 bits"))
    }

    /// The tick at which the loop holding number `number` starts, and the fragment to use.
    fn place<'f>(&self, fragments: &'f [Fragment], number: u64) -> (u64, &'f Fragment) {
        let count = u64::try_from(fragments.len()).expect("a count of fragments fits in 64 bits");
        let index = usize::try_from(number % count).expect("an index below a usize fits in one");
        (number / count * self.loop_ticks, &fragments[index])
    }

    fn spanned(&self, (offset, fragment): (u64, &Fragment)) -> Span {
        Span { start: offset + fragment.span.start, ticks: fragment.span.ticks }
    }

    fn payload(&self, (offset, fragment): (u64, &Fragment), number: u64) -> Payload {
        let mut payload = Payload::default();
        for piece in fragment.at(number + 1, offset + fragment.span.start) {
            payload.push(piece);
        }
        let padding = self.padding(fragment).expect("push checked that each fragment can be padded");
        payload.push(Bytes::copy_from_slice(&boxes::header(b"free", padding - FREE_HEADER)));
        payload.push_zeros(padding - FREE_HEADER);
        payload
    }

    fn push(&mut self, recording: &Recording) -> Result<(), ClipError> {
        let Span { start, ticks } = recording.fragment.span;
        if start != self.loop_ticks {
            return Err(ClipError::Gap { expected: self.loop_ticks, found: start });
        }
        let number = u64::try_from(self.segments.len()).expect("a count of fragments fits in 64 bits");
        let (ordinals, parts): (Vec<_>, Vec<_>) =
            recording.parts(self.ticks_per_second * PART_MILLIS / 1000).into_iter().unzip();
        if !ordinals.into_iter().eq(number * PARTS_PER_SEGMENT..(number + 1) * PARTS_PER_SEGMENT) {
            return Err(ClipError::Parts(number));
        }
        for fragment in iter::once(&recording.fragment).chain(&parts) {
            self.padding(fragment)
                .ok_or_else(|| ClipError::Rate { ticks: fragment.span.ticks, media: fragment.len() })?;
        }
        self.loop_ticks += ticks;
        self.segments.push(recording.fragment.clone());
        self.parts.extend(parts);
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
        let padding = size.checked_sub(fragment.len())?;
        (padding >= FREE_HEADER && u32::try_from(padding).is_ok()).then_some(padding)
    }
}

#[cfg(test)]
mod tests;
