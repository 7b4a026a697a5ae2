//! The numbers that tell classes of a device apart, and who has which.
//!
//! Invariant: a number has one holder, and returns only after everybody else's turn and a quarantine: sockets outlive
//! their session inside the kernel, and must not find themselves in a stranger's class.
//! Deliberately absent: the clock; the caller says how late it is.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// How long a number rests after its holder left. The kernel gives up on a socket that nobody owns well before.
pub const QUARANTINE: Duration = Duration::from_secs(20 * 60);

/// The number of a class below our root, the same on every device. Also the major of its queue, so it is none of those
/// that the kernel hands out itself (0x8000 and up) nor that of the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minor(u16);

/// Hands out numbers.
#[derive(Debug)]
pub struct Minors {
    next: u16,
    resting: VecDeque<(Minor, Duration)>,
}

impl Minor {
    /// The major of our root queue on every device.
    pub const ROOT_MAJOR: u16 = 0x5eb0;
    const LAST: u16 = 0x7fff;

    /// A number from 1 to 0x7fff that is not the root's.
    pub fn new(number: u16) -> Option<Self> {
        (1..=Self::LAST).contains(&number).then_some(Self(number)).filter(|minor| minor.0 != Self::ROOT_MAJOR)
    }

    /// The number.
    pub fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}:{:x}", Self::ROOT_MAJOR, self.0)
    }
}

impl Default for Minors {
    fn default() -> Self {
        Self { next: 1, resting: VecDeque::new() }
    }
}

impl Minors {
    /// A number that nobody has had within the quarantine; none if all are taken or resting.
    pub fn take(&mut self, now: Duration) -> Option<Minor> {
        while self.next <= Minor::LAST {
            let number = self.next;
            self.next += 1;
            if let Some(minor) = Minor::new(number) {
                return Some(minor);
            }
        }
        let (_, since) = self.resting.front()?;
        if now.saturating_sub(*since) < QUARANTINE {
            return None;
        }
        self.resting.pop_front().map(|(minor, _)| minor)
    }

    /// Takes a number back from its holder.
    pub fn give_back(&mut self, minor: Minor, now: Duration) {
        self.resting.push_back((minor, now));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn numbers_are_distinct_and_never_the_roots() {
        let mut minors = Minors::default();
        let all: BTreeSet<u16> = std::iter::from_fn(|| minors.take(Duration::ZERO)).map(Minor::get).collect();
        assert_eq!((all.len(), all.first(), all.last()), (0x7ffe, Some(&1), Some(&0x7fff)));
        assert!(!all.contains(&Minor::ROOT_MAJOR));
    }

    #[test]
    fn a_number_returns_last_and_after_its_quarantine() {
        let mut minors = Minors::default();
        let first = minors.take(Duration::ZERO).unwrap();
        minors.give_back(first, Duration::ZERO);
        assert_ne!(minors.take(QUARANTINE * 2), Some(first), "others have not had their turn");
        while minors.take(Duration::ZERO).is_some() {}
        assert_eq!(minors.take(QUARANTINE - Duration::from_nanos(1)), None);
        assert_eq!(minors.take(QUARANTINE), Some(first));
    }

    #[test]
    fn numbers_read_as_the_kernels_tools_print_them() {
        assert_eq!(Minor::new(0x1f).unwrap().to_string(), "5eb0:1f");
        assert_eq!((Minor::new(0), Minor::new(0x8000), Minor::new(0x5eb0)), (None, None, None));
    }
}
