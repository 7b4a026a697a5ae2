//! The ports of one link.
//!
//! Invariant: at least one and at most [`Ports::MAX`], each once, in ascending order, so that equal sets are equal values.
//! Deliberately absent: whose a port is; the shaper keeps a port from belonging to two links.

use std::fmt;

/// The ports of one link. A copy without a heap, because every change compares those of all sessions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    count: u8,
    /// Zeros follow the ports.
    ports: [u16; Self::MAX],
}

impl Ports {
    /// The most that one link may have.
    pub const MAX: usize = 16;

    /// The ports in ascending order.
    pub fn as_slice(&self) -> &[u16] {
        self.ports.get(..usize::from(self.count)).unwrap_or_default()
    }

    /// Whether a port is among them.
    pub fn has(&self, port: u16) -> bool {
        self.as_slice().contains(&port)
    }

    /// These and one more; none if they are [`Ports::MAX`] already.
    pub fn with(self, port: u16) -> Option<Self> {
        let Err(at) = self.as_slice().binary_search(&port) else { return Some(self) };
        let mut more = self;
        *more.ports.get_mut(usize::from(self.count))? = port;
        more.count += 1;
        more.ports.get_mut(at..usize::from(more.count))?.rotate_right(1);
        Some(more)
    }

    /// These without one; none if that is the only one.
    pub fn without(self, port: u16) -> Option<Self> {
        let Ok(at) = self.as_slice().binary_search(&port) else { return Some(self) };
        let mut less = self;
        less.ports.get_mut(at..usize::from(self.count))?.rotate_left(1);
        less.count -= 1;
        *less.ports.get_mut(usize::from(less.count))? = 0;
        (less.count > 0).then_some(less)
    }
}

impl IntoIterator for Ports {
    type Item = u16;
    type IntoIter = std::iter::Take<std::array::IntoIter<u16, { Self::MAX }>>;

    fn into_iter(self) -> Self::IntoIter {
        self.ports.into_iter().take(self.count.into())
    }
}

impl From<u16> for Ports {
    fn from(port: u16) -> Self {
        let mut ports = [0; Self::MAX];
        ports[0] = port;
        Self { count: 1, ports }
    }
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ports_are_a_sorted_set_whatever_the_order() {
        let mut ports = Ports::from(5_000);
        let mut model = BTreeSet::from([5_000]);
        let mut random = 0x5eb0_u64;
        for _ in 0..2_000 {
            // xorshift64
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let port = u16::try_from(random % 24).unwrap();
            let (next, mut wanted) = if random & (1 << 40) == 0 {
                let full = model.len() == Ports::MAX && !model.contains(&port);
                (ports.with(port), (!full).then(|| model.iter().copied().chain([port]).collect()))
            } else {
                let last = model.len() == 1 && model.contains(&port);
                (
                    ports.without(port),
                    (!last).then(|| model.iter().copied().filter(|one| *one != port).collect()),
                )
            };
            assert_eq!(next.map(|next| next.into_iter().collect()), wanted);
            ports = next.unwrap_or(ports);
            model = wanted.take().unwrap_or(model);
            assert!(model.iter().all(|port| ports.has(*port)) && ports.has(port) == model.contains(&port));
        }
    }

    #[test]
    fn equal_sets_are_equal_values() {
        let one = Ports::from(1).with(2).unwrap().with(3).unwrap();
        let other = Ports::from(3).with(9).unwrap().with(2).unwrap().with(1).unwrap().without(9).unwrap();
        assert_eq!(one, other);
        assert_ne!(one, one.without(1).unwrap());
        assert_eq!(format!("{one:?}"), "[1, 2, 3]");
    }
}
