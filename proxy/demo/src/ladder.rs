//! The rungs and the audio rendition: what is declared, and the clip that keeps the promise.
//!
//! Invariant: a rung's `bandwidth` is what its `BANDWIDTH` attribute says, and what a player that plays it asks of
//! the link to the byte: HLS counts the renditions in, so its video segments have that rate less the audio's.
//! The clips come from `clips/encode.sh`; tests compare what is declared here with what they hold.

use bytes::Bytes;

use crate::clip::Clip;

/// A video variant as the multivariant playlist declares it.
#[derive(Debug)]
pub(crate) struct Rung {
    pub(crate) name: &'static str,
    /// Bits per second of video and audio together.
    pub(crate) bandwidth: u64,
    pub(crate) width: u16,
    pub(crate) height: u16,
    pub(crate) codec: &'static str,
    file: &'static [u8],
}

/// The one audio rendition.
#[derive(Debug)]
pub(crate) struct Audio {
    pub(crate) name: &'static str,
    pub(crate) bandwidth: u64,
    pub(crate) channels: u8,
    pub(crate) codec: &'static str,
    file: &'static [u8],
}

/// A track that can be asked for, by the name in its path.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) name: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) clip: Clip,
}

pub(crate) const FRAMES_PER_SECOND: u8 = 25;

/// From the lowest rate to the highest.
pub(crate) static RUNGS: [Rung; 6] = [
    rung("v0", 400_000, (416, 234), "avc1.42c015", include_bytes!("../clips/v0.mp4")),
    rung("v1", 800_000, (640, 360), "avc1.4d401e", include_bytes!("../clips/v1.mp4")),
    rung("v2", 1_600_000, (768, 432), "avc1.4d401e", include_bytes!("../clips/v2.mp4")),
    rung("v3", 3_200_000, (1280, 720), "avc1.64001f", include_bytes!("../clips/v3.mp4")),
    rung("v4", 5_000_000, (1920, 1080), "avc1.640028", include_bytes!("../clips/v4.mp4")),
    rung("v5", 8_000_000, (1920, 1080), "avc1.640028", include_bytes!("../clips/v5.mp4")),
];

/// At 96 kbit/s a frame of 1024 samples is 256 bytes, so segments of any number of frames can have that rate.
pub(crate) static AUDIO: Audio = Audio {
    name: "a1",
    bandwidth: 96_000,
    channels: 2,
    codec: "mp4a.40.2",
    file: include_bytes!("../clips/a1.mp4"),
};

impl Rung {
    /// Bits per second of the video alone.
    pub(crate) fn video_bandwidth(&self) -> u64 {
        self.bandwidth - AUDIO.bandwidth
    }
}

/// Reads each clip.
pub(crate) fn tracks() -> Vec<Track> {
    let read = |name, content_type, file: &'static [u8], rate| {
        let clip = Clip::read(&Bytes::from_static(file), rate);
        let clip = clip.unwrap_or_else(|error| panic!("clip {name} in this binary is unfit: {error}"));
        Track { name, content_type, clip }
    };
    let video = RUNGS.iter().map(|rung| read(rung.name, "video/mp4", rung.file, rung.video_bandwidth()));
    video.chain([read(AUDIO.name, "audio/mp4", AUDIO.file, AUDIO.bandwidth)]).collect()
}

const fn rung(
    name: &'static str,
    bandwidth: u64,
    (width, height): (u16, u16),
    codec: &'static str,
    file: &'static [u8],
) -> Rung {
    Rung { name, bandwidth, width, height, codec, file }
}

/// Read once for all tests of a process.
#[cfg(test)]
pub(crate) static TRACKS: std::sync::LazyLock<Vec<Track>> = std::sync::LazyLock::new(tracks);

#[cfg(test)]
mod tests;
