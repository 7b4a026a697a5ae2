//! Where redirects led: what is found there is what was asked for.
//!
//! Invariant: a chain leads back to its beginning; the last [`MAX_REDIRECTS`] are known. Deliberately absent: redirects that lead
//! past the rig.

use std::collections::VecDeque;

use super::shelf::{ByKey, Key, Keys};
use crate::address::{self, Address};
use crate::origin::OriginId;

const MAX_REDIRECTS: usize = 4_096;

#[derive(Debug, Default)]
pub(super) struct Redirects {
    sources: ByKey<Address>,
    order: VecDeque<Key>,
}

impl Redirects {
    pub(super) fn lead(&mut self, keys: &Keys, from: &Address, to: &Address) {
        let source = self.source(keys, from.origin, &from.target).unwrap_or(from).clone();
        if source == *to {
            return;
        }
        let key = keys.of(to.origin, &to.target);
        if self.sources.insert(key, source).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > MAX_REDIRECTS
            && let Some(oldest) = self.order.pop_front()
        {
            self.sources.remove(&oldest);
        }
    }

    /// What was asked for by whoever asks here now.
    pub(super) fn source(&self, keys: &Keys, origin: OriginId, target: &str) -> Option<&Address> {
        if self.sources.is_empty() {
            return None;
        }
        let exact = self.sources.get(&keys.of(origin, target));
        exact.or_else(|| self.sources.get(&keys.of(origin, &address::own_name(target))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(target: &str) -> Address {
        Address { origin: OriginId::default(), target: target.to_owned() }
    }

    #[test]
    fn a_chain_leads_back_to_its_beginning() {
        let (keys, mut redirects) = (Keys::default(), Redirects::default());
        redirects.lead(&keys, &at("/a"), &at("/b"));
        redirects.lead(&keys, &at("/b"), &at("/c?x=1"));
        redirects.lead(&keys, &at("/c?x=1"), &at("/a"));
        let source =
            |target| redirects.source(&keys, OriginId::default(), target).map(|it| it.target.as_str());
        assert_eq!([source("/b"), source("/c?x=1"), source("/c?x=1&CMCD=a")], [Some("/a"); 3]);
        assert_eq!([source("/a"), source("/c")], [None; 2]);
    }

    #[test]
    fn the_newest_are_known() {
        let (keys, mut redirects) = (Keys::default(), Redirects::default());
        for number in 0..MAX_REDIRECTS + 10 {
            redirects.lead(&keys, &at("/a"), &at(&format!("/{number}")));
        }
        assert_eq!(redirects.sources.len(), MAX_REDIRECTS);
        assert!(redirects.source(&keys, OriginId::default(), "/9").is_none());
        assert!(redirects.source(&keys, OriginId::default(), "/10").is_some());
    }
}
