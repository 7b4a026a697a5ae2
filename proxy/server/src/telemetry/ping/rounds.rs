//! Who was asked when, and what the answer said.
//!
//! Invariant: an answer counts once, and only for the address that was asked. When an echo runs out of time, what older ones
//! had said of that address is over. Bounded: at most [`MAX_TARGETS`] addresses, and of each as many echos as its patience has
//! rounds.
//! Deliberately absent: clocks and sockets.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

/// Addresses that are asked; further ones are not.
pub(super) const MAX_TARGETS: usize = 256;

/// Every echo that is under way, and the last answer of each address.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    sequence: u16,
    asked: HashMap<(IpAddr, u16), Asked>,
    answered: HashMap<IpAddr, Answered>,
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    at: Duration,
    until: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Answered {
    /// When the echo was sent that was answered.
    asked_at: Duration,
    rtt_ms: f64,
}

impl Rounds {
    /// Begins a round: the echos to be sent, by address and sequence. What is not among the targets any more is forgotten.
    pub(super) fn begin(&mut self, at: Duration, targets: &BTreeMap<IpAddr, Duration>) -> Vec<(IpAddr, u16)> {
        let Self { asked, answered, .. } = self;
        asked.retain(|(address, _), echo| {
            let in_time = at < echo.until;
            if !in_time && answered.get(address).is_some_and(|last| last.asked_at < echo.at) {
                answered.remove(address);
            }
            in_time && targets.contains_key(address)
        });
        answered.retain(|address, _| targets.contains_key(address));
        let mut echos = Vec::new();
        for (address, patience) in targets.iter().take(MAX_TARGETS) {
            self.sequence = self.sequence.wrapping_add(1);
            self.asked.insert((*address, self.sequence), Asked { at, until: at + *patience });
            echos.push((*address, self.sequence));
        }
        echos
    }

    /// An echo is sent at this moment.
    pub(super) fn sent(&mut self, echo: (IpAddr, u16), at: Duration) {
        if let Some(asked) = self.asked.get_mut(&echo) {
            asked.at = at;
        }
    }

    /// A reply came.
    pub(super) fn reply(&mut self, echo: (IpAddr, u16), at: Duration) {
        let Some(asked) = self.asked.remove(&echo).filter(|asked| at < asked.until) else { return };
        let newer = self.answered.get(&echo.0).is_none_or(|last| last.asked_at < asked.at);
        if newer {
            let rtt_ms = at.saturating_sub(asked.at).as_secs_f64() * 1e3;
            self.answered.insert(echo.0, Answered { asked_at: asked.at, rtt_ms });
        }
    }

    /// The last round trip of an address, ms.
    pub(super) fn rtt_ms(&self, address: IpAddr) -> Option<f64> {
        self.answered.get(&address).map(|last| last.rtt_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn targets(addresses: impl IntoIterator<Item = u8>) -> BTreeMap<IpAddr, Duration> {
        addresses.into_iter().map(|last| (address(last), ms(1500))).collect()
    }

    #[test]
    fn a_reply_gives_the_round_trip_once() {
        let mut rounds = Rounds::default();
        let echos = rounds.begin(ms(1000), &targets([1, 2]));
        rounds.sent(echos[0], ms(1001));
        rounds.reply(echos[0], ms(1021));
        rounds.reply(echos[0], ms(1400));
        rounds.reply((address(2), echos[0].1), ms(1400));
        assert_eq!((rounds.rtt_ms(address(1)), rounds.rtt_ms(address(2))), (Some(20.0), None));
    }

    #[test]
    fn one_that_does_not_answer_delays_nobody_and_leaves_a_gap() {
        let mut rounds = Rounds::default();
        let mut answer = |at: u64, who: &[u8]| {
            for echo in rounds.begin(ms(at), &targets([1, 2])) {
                if who.iter().any(|last| address(*last) == echo.0) {
                    rounds.reply(echo, ms(at + 10));
                }
            }
            [1, 2].map(|last| rounds.rtt_ms(address(last)).is_some())
        };
        assert_eq!(answer(0, &[1, 2]), [true, true]);
        assert_eq!(answer(1000, &[1]), [true, true], "the second may still answer");
        assert_eq!(answer(2000, &[1]), [true, true]);
        assert_eq!(answer(3000, &[1]), [true, false]);
        assert_eq!(answer(4000, &[1, 2]), [true, true]);
    }

    #[test]
    fn a_late_answer_does_not_count_and_an_older_one_does_not_replace_a_newer() {
        let mut rounds = Rounds::default();
        let old = rounds.begin(ms(0), &targets([1]))[0];
        let new = rounds.begin(ms(1000), &targets([1]))[0];
        rounds.reply(new, ms(1005));
        rounds.reply(old, ms(1400));
        assert_eq!(rounds.rtt_ms(address(1)), Some(5.0));
        let late = rounds.begin(ms(2000), &targets([1]))[0];
        rounds.reply(late, ms(3500));
        assert_eq!(rounds.rtt_ms(address(1)), Some(5.0));
    }

    #[test]
    fn who_is_no_target_any_more_is_forgotten_and_targets_are_bounded() {
        let mut rounds = Rounds::default();
        let echo = rounds.begin(ms(0), &targets([1]))[0];
        rounds.reply(echo, ms(1));
        assert_eq!(rounds.begin(ms(1000), &targets([2])).len(), 1);
        assert_eq!(rounds.rtt_ms(address(1)), None);
        let many = (0..2000_u32).map(|last| (IpAddr::from(last.to_be_bytes()), ms(1500))).collect();
        assert_eq!(rounds.begin(ms(2000), &many).len(), MAX_TARGETS);
    }
}
