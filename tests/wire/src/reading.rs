//! Playlists as players read them: found out by their bytes, through codings and encodings, wherever their URLs lead, and never
//! left unread in silence.
//!
//! Invariant: each test asserts the bytes that pass and the row that is kept of them. Deliberately absent: parsers, which the media
//! room tests, and what players make of it all (see `tests/players`).

mod codings;
mod first_bytes;
mod from_dash;
mod from_hls;
mod memory;
mod odd_bytes;
mod presentations;
mod redirects;
mod steering;
mod unread;

use std::net::SocketAddr;

use rebuffer_kit::{Answer, Ask, Asked, Feed, Origin, Rig, Said, Saying, Setup, Wire};
use rebuffer_model::{Exchange, Known, RequestKind};

/// A rig with one session, in front of an origin that says what a test makes it say.
struct Stage {
    rig: Rig,
    home: Origin,
    session: SocketAddr,
    feed: Feed,
}

impl Stage {
    async fn new(site: impl Fn(&Asked) -> Said + Send + Sync + 'static) -> Self {
        let home = Origin::serve(site).await;
        let setup = Setup::at(home.address);
        Self::with(home, setup, "").await
    }

    /// The origin is part of the set-up; the player has these settings.
    async fn with(home: Origin, setup: Setup, settings: &str) -> Self {
        let rig = Rig::start(setup).await;
        rig.api.create("tv", settings).await;
        let session = rig.session("tv").await;
        let feed = rig.feed().await;
        Self { rig, home, session, feed }
    }

    async fn get(&self, target: &str) -> Answer {
        Wire::fetch(self.session, &Ask::get(target)).await
    }

    /// The row of a request that was made.
    async fn row(&mut self, target: &str) -> Exchange {
        self.feed.exchange(target).await
    }

    /// What the rig knows of a URL when it is asked for.
    async fn known(&mut self, target: &str) -> (RequestKind, Known) {
        self.get(target).await;
        known(&self.row(target).await)
    }
}

/// The kind of a row, and how it is known.
fn known(row: &Exchange) -> (RequestKind, Known) {
    (row.request.kind, row.request.known.expect("every row says how its kind is known"))
}

fn declared(kind: RequestKind) -> (RequestKind, Known) {
    (kind, Known::Declared)
}

fn rung(row: &Exchange) -> Option<u32> {
    row.request.variant.as_ref().map(|variant| variant.rung)
}

/// A 200 of this type; of none if it is empty.
fn typed(content_type: &str) -> Saying {
    let ok = Saying::new(200, "OK");
    if content_type.is_empty() { ok } else { ok.with("Content-Type", content_type) }
}

fn hls() -> Saying {
    typed("application/vnd.apple.mpegurl")
}

fn dash() -> Saying {
    typed("application/dash+xml")
}

/// A media playlist with these segments.
fn media(segments: &[&str]) -> String {
    let listed = segments.iter().map(|segment| format!("#EXTINF:2,\n{segment}\n")).collect::<String>();
    format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n{listed}#EXT-X-ENDLIST\n")
}

/// A master with a rung at each of these, the lowest first.
fn master(rungs: &[&str]) -> String {
    let rung = |(place, uri)| format!("#EXT-X-STREAM-INF:BANDWIDTH={}00000\n{uri}\n", place + 4_usize);
    format!("#EXTM3U\n{}", rungs.iter().enumerate().map(rung).collect::<String>())
}

/// An MPD around what stands in it before its only period, and before the segments of its only representation.
fn mpd(before: &str, within: &str) -> String {
    format!(
        "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" type=\"static\" \
         mediaPresentationDuration=\"PT4S\">{before}<Period><AdaptationSet contentType=\"video\">\
         <Representation id=\"v\" bandwidth=\"500000\">{within}</Representation></AdaptationSet></Period></MPD>"
    )
}

/// Segments `v-1.m4s` and `v-2.m4s`, and `v-init.mp4`.
const TEMPLATE: &str = "<SegmentTemplate media=\"v-$Number$.m4s\" initialization=\"v-init.mp4\" duration=\"2\" timescale=\"1\"/>";

/// Text in UTF-16.
fn wide(text: &str, little: bool) -> Vec<u8> {
    let bytes = |unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() };
    text.encode_utf16().flat_map(bytes).collect()
}

/// Text in Latin-1.
fn latin(text: &str) -> Vec<u8> {
    text.chars().map(|one| u8::try_from(u32::from(one)).expect("a letter of Latin-1")).collect()
}
