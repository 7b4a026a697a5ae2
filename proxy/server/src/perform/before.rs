//! What playlists were when they were asked for before, so that one can be as it was.
//!
//! Invariant: of each URL the last answer that went to the client, and at most [`MAX_BYTES`] and [`MAX_URLS`] for a session; what
//! was not asked for longest goes first. Directives of a reload and data of the client do not make another URL.

use std::collections::VecDeque;

use bytes::Bytes;
use http::HeaderMap;
use http::response::Parts;
use parking_lot::Mutex;

use super::forward::{Forwarded, Source};
use super::target::Target;

const MAX_BYTES: usize = 1 << 20;
const MAX_URLS: usize = 32;

/// The last answers of a session's playlists.
#[derive(Debug, Default)]
pub(crate) struct Before(Mutex<VecDeque<Was>>);

#[derive(Debug)]
struct Was {
    url: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Before {
    /// Keeps a playlist that is about to be sent.
    pub(super) fn remember(&self, target: &Target, answer: &Forwarded) {
        let Some(body) = answer.playlist() else { return };
        let was = Was {
            url: url_of(target.path(), target.query()),
            headers: answer.head.headers.clone(),
            body: body.clone(),
        };
        let mut kept = self.0.lock();
        kept.retain(|other| other.url != was.url);
        kept.push_back(was);
        while kept.len() > MAX_URLS || kept.iter().map(|was| was.body.len()).sum::<usize>() > MAX_BYTES {
            kept.pop_front();
        }
    }

    /// What this URL was answered before.
    pub(super) fn answer_to(&self, target: &Target) -> Option<Forwarded> {
        let url = url_of(target.path(), target.query());
        let kept = self.0.lock();
        let was = kept.iter().find(|was| was.url == url)?;
        let (mut head, ()): (Parts, ()) = http::Response::new(()).into_parts();
        head.headers = was.headers.clone();
        let source = Source::read(was.body.clone());
        Some(Forwarded { head, source, may_have_body: true, playlist: true, edited: true, led: None })
    }

    /// How many bytes are kept.
    pub(crate) fn weight(&self) -> usize {
        self.0.lock().iter().map(|was| was.body.len() + was.url.len()).sum()
    }
}

fn url_of(path: &str, query: Option<&str>) -> String {
    let passing = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        name.starts_with("_HLS_") || ["CMCD", "player_id", "play_id", "attempt_id"].contains(&name)
    };
    let query = query.unwrap_or_default().split('&').filter(|pair| !passing(pair));
    format!("{path}?{}", query.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn playlist(body: &[u8]) -> Forwarded {
        let (head, ()) = http::Response::new(()).into_parts();
        let source = Source::read(Bytes::copy_from_slice(body));
        Forwarded { head, source, may_have_body: true, playlist: true, edited: false, led: None }
    }

    fn target(text: &str) -> Target {
        let graph = rebuffer_media::Graph::default();
        let request = rebuffer_media::Request::of(rebuffer_media::OriginId::FIRST, text);
        Target::of(text.parse().unwrap(), &graph.classify(request))
    }

    fn kept(before: &Before, text: &str) -> Option<Bytes> {
        before.answer_to(&target(text)).and_then(|answer| answer.playlist().cloned())
    }

    #[test]
    fn the_last_answer_of_a_url_is_kept_whatever_its_directives() {
        let before = Before::default();
        before.remember(&target("/a?x=1&_HLS_msn=5"), &playlist(b"five"));
        assert_eq!(kept(&before, "/a?CMCD=bl%3D1&x=1&play_id=p").as_deref(), Some(&b"five"[..]));
        before.remember(&target("/a?x=1&_HLS_msn=6&_HLS_part=0"), &playlist(b"six"));
        assert_eq!(kept(&before, "/a?x=1").as_deref(), Some(&b"six"[..]));
        assert_eq!(kept(&before, "/a?x=2"), None);
        let media = Forwarded { playlist: false, ..playlist(b"media") };
        before.remember(&target("/m"), &media);
        assert_eq!(kept(&before, "/m"), None);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let before = Before::default();
        for number in 0..100 {
            before.remember(&target(&format!("/{number}")), &playlist(&vec![b'x'; 100_000]));
        }
        let there = (0..100).filter(|number| kept(&before, &format!("/{number}")).is_some());
        assert_eq!(there.collect::<Vec<_>>(), (90..100).collect::<Vec<_>>());
        before.remember(&target("/huge"), &playlist(&vec![b'x'; MAX_BYTES + 1]));
        assert_eq!(kept(&before, "/huge"), None);
    }
}
