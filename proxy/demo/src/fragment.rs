//! One movie fragment: what its run of samples says, the parts it can be cut into, and its bytes at a given time.
//!
//! Invariant: the parts of a fragment hold its samples, each once and in order, and a part decodes by itself as far as
//! its first sample does: its run starts at the first byte of its `mdat`, its `tfdt` is the first sample's time.
//! Sources: ISO/IEC 14496-12, 8.8.4 to 8.8.8 and 8.8.12; a part is a chunk of ISO/IEC 23000-19, 7.3.2.3.
//! Deliberately absent: `trex`, as the clips declare their defaults in each `tfhd`, and more than one run.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use crate::boxes;
use crate::clip::{ClipError, Span};

#[derive(Clone, Debug)]
pub(crate) struct Fragment {
    /// The whole `moof`, then the header of `mdat`.
    head: Bytes,
    media: Bytes,
    /// Where in `head` the fields to rewrite lie.
    sequence_at: Range<usize>,
    decode_time_at: Range<usize>,
    pub(crate) span: Span,
    /// Whether decoding can begin here.
    pub(crate) independent: bool,
}

/// A fragment as it was read, before it is kept whole or cut.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) fragment: Fragment,
    track: u32,
    run_version: u8,
    samples: Vec<Sample>,
}

/// A row of a track run with the defaults filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sample {
    ticks: u32,
    size: u32,
    flags: u32,
    /// Composition time offset, as its bits stand in the run.
    shift: u32,
}

/// How a run's header and rows are laid out, and what holds where a row says nothing.
struct Run {
    flags: u32,
    count: u32,
    rows_at: usize,
    ticks: Option<u32>,
    size: Option<u32>,
    sample_flags: Option<u32>,
    first_flags: Option<u32>,
}

const BOX_HEADER: usize = 8;
/// In a full box, version and flags take the first four bytes.
const FULL: usize = 4;
const NOT_A_SYNC_SAMPLE: u32 = 0x1_0000;

const DEFAULT_BASE_IS_MOOF: u32 = 0x2_0000;
const DATA_OFFSET: u32 = 0x1;
const FIRST_FLAGS: u32 = 0x4;
const ROW_TICKS: u32 = 0x100;
const ROW_SIZE: u32 = 0x200;
const ROW_FLAGS: u32 = 0x400;
const ROW_SHIFT: u32 = 0x800;

impl Fragment {
    /// Bytes of the fragment, padding not counted.
    pub(crate) fn len(&self) -> usize {
        self.head.len() + self.media.len()
    }

    /// The fragment as number `sequence`, its first sample decoded at `decode_time`: head, then media.
    pub(crate) fn at(&self, sequence: u64, decode_time: u64) -> [Bytes; 2] {
        let mut head = BytesMut::from(&self.head[..]);
        // A 32-bit field that counts on: the low half, as it would wrap.
        let [_, _, _, _, low @ ..] = sequence.to_be_bytes();
        head[self.sequence_at.clone()].copy_from_slice(&low);
        head[self.decode_time_at.clone()].copy_from_slice(&decode_time.to_be_bytes());
        [head.freeze(), self.media.clone()]
    }
}

impl Recording {
    /// Reads a `moof` and the `mdat` behind it, each whole.
    pub(crate) fn read(moof: &Bytes, mdat: &Bytes) -> Result<Self, ClipError> {
        let get =
            |path: &[&[u8; 4]], name| boxes::find(moof, 0..moof.len(), path)?.ok_or(ClipError::Missing(name));
        let mfhd = get(&[b"moof", b"mfhd"], "mfhd")?.content.start;
        let tfhd = get(&[b"moof", b"traf", b"tfhd"], "tfhd")?.content.start;
        let tfdt = get(&[b"moof", b"traf", b"tfdt"], "tfdt")?.content.start;
        let trun = get(&[b"moof", b"traf", b"trun"], "trun")?.content.start;

        let version = moof.get(tfdt).copied().ok_or(ClipError::Missing("tfdt"))?;
        if version != 1 {
            return Err(ClipError::NarrowDecodeTime(version));
        }
        let start = boxes::read_u64(moof, tfdt + FULL).ok_or(ClipError::Missing("tfdt"))?;
        boxes::read_u32(moof, mfhd + FULL).ok_or(ClipError::Missing("mfhd"))?;
        let samples = Run::read(moof, tfhd, trun)?.rows(moof)?;
        let media = mdat.slice(BOX_HEADER..);
        let held = samples.iter().map(|sample| u64::from(sample.size)).sum::<u64>();
        if usize::try_from(held) != Ok(media.len()) {
            return Err(ClipError::Media { held, found: media.len() });
        }
        let fragment = Fragment {
            head: [&moof[..], &mdat[..BOX_HEADER]].concat().into(),
            media,
            sequence_at: mfhd + FULL..mfhd + FULL + 4,
            decode_time_at: tfdt + FULL..tfdt + FULL + 8,
            span: Span { start, ticks: ticks(&samples) },
            independent: samples.first().is_some_and(Sample::is_sync),
        };
        Ok(Self {
            fragment,
            track: boxes::read_u32(moof, tfhd + FULL).ok_or(ClipError::Missing("tfhd"))?,
            run_version: moof[trun],
            samples,
        })
    }

    /// Cuts the fragment wherever its clock passes a multiple of `ticks_per_part`.
    pub(crate) fn parts(&self, ticks_per_part: u64) -> Vec<(u64, Fragment)> {
        let mut parts = Vec::new();
        let (mut first, mut start, mut at) = (0, self.fragment.span.start, 0);
        while first < self.samples.len() {
            let ordinal = start / ticks_per_part;
            let mut next = start;
            let rest = &self.samples[first..];
            let row = rest.iter().take_while(|sample| {
                let inside = next / ticks_per_part == ordinal;
                next += u64::from(sample.ticks);
                inside
            });
            let row = &rest[..row.count()];
            let size = row.iter().map(Sample::bytes).sum::<usize>();
            parts.push((ordinal, self.part(row, start, self.fragment.media.slice(at..at + size))));
            (first, start, at) = (first + row.len(), start + ticks(row), at + size);
        }
        parts
    }

    fn part(&self, samples: &[Sample], start: u64, media: Bytes) -> Fragment {
        let full = |version: u8, flags: u32, content: &[&[u8]]| {
            [&(u32::from(version) << 24 | flags).to_be_bytes()[..], &content.concat()].concat()
        };
        let mfhd = boxes::write(b"mfhd", &full(0, 0, &[&[0; 4]]));
        let tfhd = boxes::write(b"tfhd", &full(0, DEFAULT_BASE_IS_MOOF, &[&self.track.to_be_bytes()]));
        let tfdt = boxes::write(b"tfdt", &full(1, 0, &[&[0; 8]]));
        let trun = |offset: usize| {
            let word = |value: usize| u32::try_from(value).expect("a part is smaller than its clip");
            let mut rows = [word(samples.len()).to_be_bytes(), word(offset).to_be_bytes()].concat();
            for Sample { ticks, size, flags, shift } in samples {
                rows.extend([ticks, size, flags, shift].into_iter().flat_map(|field| field.to_be_bytes()));
            }
            let flags = DATA_OFFSET | ROW_TICKS | ROW_SIZE | ROW_FLAGS | ROW_SHIFT;
            boxes::write(b"trun", &full(self.run_version, flags, &[&rows]))
        };
        let moof = |offset| {
            let traf = boxes::write(b"traf", &[&tfhd[..], &tfdt, &trun(offset)].concat());
            boxes::write(b"moof", &[&mfhd[..], &traf].concat())
        };
        // The offset does not change the size that it depends on.
        let size = moof(0).len();
        let mut head = moof(size + BOX_HEADER);
        head.extend(boxes::header(b"mdat", media.len()));
        let traf_at = BOX_HEADER + mfhd.len();
        let sequence_at = BOX_HEADER * 2 + FULL;
        let decode_time_at = traf_at + BOX_HEADER + tfhd.len() + BOX_HEADER + FULL;
        Fragment {
            head: head.into(),
            media,
            sequence_at: sequence_at..sequence_at + 4,
            decode_time_at: decode_time_at..decode_time_at + 8,
            span: Span { start, ticks: ticks(samples) },
            independent: samples.first().is_some_and(Sample::is_sync),
        }
    }
}

impl Sample {
    fn is_sync(&self) -> bool {
        self.flags & NOT_A_SYNC_SAMPLE == 0
    }

    fn bytes(&self) -> usize {
        usize::try_from(self.size).expect("32 bits fit in a usize")
    }
}

impl Run {
    fn read(moof: &[u8], tfhd: usize, trun: usize) -> Result<Self, ClipError> {
        let missing = || ClipError::Missing("a track run");
        let read = |at: usize| boxes::read_u32(moof, at).ok_or_else(missing);
        let track_flags = read(tfhd)?;
        // The optional fields of `tfhd`, in their order; the third, fourth and fifth are the defaults wanted here.
        let mut at = tfhd + FULL + 4;
        let mut defaults = [None; 5];
        for (field, (flag, width)) in
            defaults.iter_mut().zip([(0x1, 8), (0x2, 4), (0x8, 4), (0x10, 4), (0x20, 4)])
        {
            if track_flags & flag != 0 {
                *field = Some(read(at)?);
                at += width;
            }
        }
        let [_, _, ticks, size, sample_flags] = defaults;

        let flags = read(trun)?;
        let mut rows_at = trun + FULL + 4;
        let mut first_flags = None;
        for flag in [DATA_OFFSET, FIRST_FLAGS] {
            if flags & flag != 0 {
                first_flags = (flag == FIRST_FLAGS).then_some(read(rows_at)?);
                rows_at += 4;
            }
        }
        let count = read(trun + FULL)?;
        Ok(Self { flags, count, rows_at, ticks, size, sample_flags, first_flags })
    }

    fn rows(&self, moof: &[u8]) -> Result<Vec<Sample>, ClipError> {
        let mut samples = Vec::new();
        let mut at = self.rows_at;
        for index in 0..self.count {
            let mut field = |flag: u32, default: Option<u32>, name: &'static str| {
                if self.flags & flag == 0 {
                    return default.ok_or(ClipError::Missing(name));
                }
                let value = boxes::read_u32(moof, at).ok_or(ClipError::Missing(name));
                at += 4;
                value
            };
            let default_flags = self.first_flags.filter(|_| index == 0).or(self.sample_flags);
            samples.push(Sample {
                ticks: field(ROW_TICKS, self.ticks, "sample durations")?,
                size: field(ROW_SIZE, self.size, "sample sizes")?,
                flags: field(ROW_FLAGS, default_flags, "sample flags")?,
                shift: field(ROW_SHIFT, Some(0), "composition times")?,
            });
        }
        Ok(samples)
    }
}

fn ticks(samples: &[Sample]) -> u64 {
    samples.iter().map(|sample| u64::from(sample.ticks)).sum()
}
