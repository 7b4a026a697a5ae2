//! A session as these tests see it: playlists that were fetched, and what was learned and rewritten.
//!
//! Deliberately absent: assertions.

use bytes::Bytes;
use rebuffer_media::{
    Absorbed, Address, ByteRange, Classified, Expected, Foreign, Graph, Localised, Origin, OriginId,
    Playlist, Request, Unreadable, localise,
};
use rebuffer_model::Timestamp;

/// The first origin of a session.
pub(crate) const FIRST: OriginId = OriginId::FIRST;

pub(crate) struct Session {
    pub(crate) graph: Graph,
}

/// What came of a playlist.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) absorbed: Absorbed,
    pub(crate) foreign: Vec<String>,
    pub(crate) body: Bytes,
    pub(crate) changed: usize,
}

impl Session {
    pub(crate) fn at(origins: &[&str]) -> Self {
        let origins = origins.iter().map(|url| Origin::parse(url).expect("the URL of an origin"));
        Self { graph: Graph::new(origins) }
    }

    pub(crate) fn origin(&self, url: &str) -> OriginId {
        let origin = Origin::parse(url).expect("the URL of an origin");
        self.graph.origins().find(&origin).expect("an origin of the session")
    }

    /// A playlist passed, as whatever the graph expects there; `None` when it is none.
    pub(crate) fn fetch_at(
        &mut self,
        origin: OriginId,
        target: &str,
        body: &[u8],
        now: Option<Timestamp>,
    ) -> Result<Option<Read>, Unreadable> {
        let body = Bytes::copy_from_slice(body);
        let expected = self.graph.classify(Request::of(origin, target)).expected;
        let Some(playlist) = Playlist::read(&body, expected)? else { return Ok(None) };
        let at = Address { origin, target: target.to_owned() };
        let context = self.graph.context(&at, &playlist);
        let foreign = context.leads(&playlist).foreign.iter().map(Foreign::to_string).collect();
        let absorbed = self.graph.absorb(&playlist, &context, now);
        let Localised { playlist: localised, changed, .. } = localise(&playlist, &context, |other| {
            self.graph
                .origins()
                .get(other)
                .map(|origin| format!("http://rig:{}", u32::from(origin.port()) + 10_000))
        });
        let sent = localised.body();
        assert!(changed > 0 || sent.as_ptr() == body.as_ptr(), "without a change it is the very same buffer");
        Ok(Some(Read { absorbed, foreign, body: sent, changed }))
    }

    pub(crate) fn fetch(&mut self, target: &str, body: &[u8]) -> Read {
        let read = self.fetch_at(FIRST, target, body, None);
        read.expect("it can be read").unwrap_or_else(|| panic!("{target} is no playlist"))
    }

    pub(crate) fn classify(&self, target: &str) -> Classified {
        self.graph.classify(Request::of(FIRST, target))
    }

    pub(crate) fn classify_range(&self, target: &str, range: Option<&str>) -> Classified {
        let range = range.and_then(ByteRange::from_header);
        self.graph.classify(Request { range, ..Request::of(FIRST, target) })
    }
}

/// What is rewritten of a playlist at `/vod/a` on the first of these origins.
pub(crate) fn rewritten(origins: &[&str], body: &[u8]) -> Read {
    Session::at(origins).fetch("/vod/a", body)
}

/// A body as a playlist, if it is one.
pub(crate) fn playlist(body: &[u8]) -> Option<Playlist> {
    Playlist::read(&Bytes::copy_from_slice(body), Expected::Unknown).ok().flatten()
}
