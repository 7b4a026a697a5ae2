//! What playlists were when they were asked for before, so that one can be as it was.
//!
//! Invariant: of each URL of each origin the last answer that went to the client in this session, and at most [`MAX_BYTES`] and [`MAX_URLS`] for a session; what
//! was not asked for longest goes first. Directives of a reload and data of the client do not make another URL.

use std::collections::VecDeque;

use bytes::Bytes;
use http::HeaderMap;
use http::response::Parts;
use parking_lot::Mutex;
use rebuffer_media::Address;

use super::forward::{Forwarded, Source};

const MAX_BYTES: usize = 1 << 20;
const MAX_URLS: usize = 32;

/// The last answers of a session's playlists.
#[derive(Debug, Default)]
pub(crate) struct Before(Mutex<VecDeque<Was>>);

#[derive(Debug)]
struct Was {
    url: Address,
    headers: HeaderMap,
    body: Bytes,
}

impl Before {
    /// Keeps a playlist that is about to be sent.
    pub(super) fn remember(&self, at: &Address, answer: &Forwarded) {
        let Some(body) = answer.playlist() else { return };
        let was = Was { url: at.own(), headers: answer.head.headers.clone(), body: body.clone() };
        let mut kept = self.0.lock();
        kept.retain(|other| other.url != was.url);
        kept.push_back(was);
        while kept.len() > MAX_URLS || kept.iter().map(|was| was.body.len()).sum::<usize>() > MAX_BYTES {
            kept.pop_front();
        }
    }

    /// What this URL was answered before.
    pub(super) fn answer_to(&self, at: &Address) -> Option<Forwarded> {
        let url = at.own();
        let kept = self.0.lock();
        let was = kept.iter().find(|was| was.url == url)?;
        let (mut head, ()): (Parts, ()) = http::Response::new(()).into_parts();
        head.headers = was.headers.clone();
        let source = Source::read(was.body.clone());
        Some(Forwarded { head, source, may_have_body: true, playlist: true, edited: true, led: None })
    }
}

#[cfg(test)]
mod tests {
    use rebuffer_media::{Origin, OriginId, Origins};

    use super::*;

    fn playlist(body: &[u8]) -> Forwarded {
        let (head, ()) = http::Response::new(()).into_parts();
        let source = Source::read(Bytes::copy_from_slice(body));
        Forwarded { head, source, may_have_body: true, playlist: true, edited: false, led: None }
    }

    fn at(target: &str) -> Address {
        Address { origin: OriginId::FIRST, target: target.to_owned() }
    }

    fn kept(before: &Before, target: &str) -> Option<Bytes> {
        before.answer_to(&at(target)).and_then(|answer| answer.playlist().cloned())
    }

    #[test]
    fn the_last_answer_of_a_url_is_kept_whatever_its_directives() {
        let before = Before::default();
        before.remember(&at("/a?x=1&_HLS_msn=5"), &playlist(b"five"));
        assert_eq!(kept(&before, "/a?CMCD=bl%3D1&x=1&play_id=p").as_deref(), Some(&b"five"[..]));
        before.remember(&at("/a?x=1&_HLS_msn=6&_HLS_part=0"), &playlist(b"six"));
        assert_eq!(kept(&before, "/a?x=1").as_deref(), Some(&b"six"[..]));
        assert_eq!(kept(&before, "/a?x=2"), None);
        let media = Forwarded { playlist: false, ..playlist(b"media") };
        before.remember(&at("/m"), &media);
        assert_eq!(kept(&before, "/m"), None);
        let mut origins = Origins::default();
        let mut number = |host: &str| origins.add(Origin::parse(host).unwrap()).unwrap();
        let _first = number("http://a.example");
        let elsewhere = Address { origin: number("http://b.example"), ..at("/a?x=1") };
        assert!(before.answer_to(&elsewhere).is_none(), "another origin");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let before = Before::default();
        for number in 0..100 {
            before.remember(&at(&format!("/{number}")), &playlist(&vec![b'x'; 100_000]));
        }
        let there = (0..100).filter(|number| kept(&before, &format!("/{number}")).is_some());
        assert_eq!(there.collect::<Vec<_>>(), (90..100).collect::<Vec<_>>());
        before.remember(&at("/huge"), &playlist(&vec![b'x'; MAX_BYTES + 1]));
        assert_eq!(kept(&before, "/huge"), None);
    }
}
