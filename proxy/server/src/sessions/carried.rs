//! What was decided of requests that a redirect led on: what it leads to is the same request, and no rule counts it twice.
//!
//! Invariant: it is carried once, to the address the redirect names, and for [`LASTS`]; at most [`MAX_CARRIED`] are kept.
//! Deliberately absent: redirects that rules make.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;
use rebuffer_engine::Decision;
use rebuffer_media::Address;
use rebuffer_model::RuleId;
use tokio::time::Instant;

const LASTS: Duration = Duration::from_secs(30);
const MAX_CARRIED: usize = 256;

/// What a redirect carries on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Carry {
    /// A playlist had said what is asked for, and this was decided; what of it is still to be done.
    Decided(Decision),
    /// Nobody had said what is asked for; this rule counted it, if one did.
    CountedBy(RuleId),
}

/// What is on its way.
#[derive(Debug, Default)]
pub(crate) struct Carried(Mutex<VecDeque<(Address, Carry, Instant)>>);

impl Carried {
    /// A redirect led to here, after this had been decided.
    pub(crate) fn put(&self, to: Address, carry: Carry) {
        let mut all = self.0.lock();
        if all.len() >= MAX_CARRIED {
            all.pop_front();
        }
        all.push_back((to, carry, Instant::now()));
    }

    /// What was decided of the request that was led to here.
    pub(crate) fn take(&self, at: &Address) -> Option<Carry> {
        let mut all = self.0.lock();
        if all.is_empty() {
            return None;
        }
        all.retain(|(_, _, since)| since.elapsed() < LASTS);
        let found = all.iter().position(|(to, ..)| to == at)?;
        all.remove(found).map(|(_, carry, _)| carry)
    }
}

#[cfg(test)]
mod tests {
    use rebuffer_engine::RuleBook;
    use rebuffer_media::OriginId;

    use super::*;

    fn at(target: &str) -> Address {
        Address { origin: OriginId::FIRST, target: target.to_owned() }
    }

    fn decision() -> Carry {
        Carry::Decided(RuleBook::default().pass())
    }

    #[tokio::test(start_paused = true)]
    async fn a_decision_is_carried_once_and_for_a_while() {
        let carried = Carried::default();
        carried.put(at("/a"), decision());
        assert!(carried.take(&at("/b")).is_none());
        assert!(carried.take(&at("/a")).is_some());
        assert!(carried.take(&at("/a")).is_none());
        carried.put(at("/a"), decision());
        tokio::time::advance(LASTS).await;
        assert!(carried.take(&at("/a")).is_none());
    }

    #[tokio::test]
    async fn what_is_kept_is_bounded() {
        let carried = Carried::default();
        for number in 0..MAX_CARRIED + 5 {
            carried.put(at(&format!("/{number}")), decision());
        }
        assert!(carried.take(&at("/4")).is_none() && carried.take(&at("/5")).is_some());
    }
}
