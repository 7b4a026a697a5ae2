//! Damage to the bytes of a body.
//!
//! Invariant: not one byte more or less; what is damaged depends on the place in the body alone, so the pieces in which a body
//! comes make no difference. Deliberately absent: headers, which stay.

use bytes::{Bytes, BytesMut};
use rebuffer_engine::chance;
use rebuffer_model::Damage;

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
/// One bit is turned in each block of this many bytes.
const BLOCK: u64 = 1_024;

/// The damage to one body.
#[derive(Debug)]
pub(super) struct Damaged {
    how: Damage,
    at: u64,
    /// The length of the body, once it is known.
    length: Option<u64>,
}

impl Damaged {
    pub(super) fn new(how: Damage, length: Option<u64>) -> Self {
        Self { how, at: 0, length }
    }

    /// How many bytes must be kept back, because any of them may be among the last.
    pub(super) fn keeps(&self) -> usize {
        match (self.how, self.length) {
            (Damage::Last(count), None) => usize::try_from(count).unwrap_or(usize::MAX),
            (Damage::Last(_) | Damage::Zero | Damage::BitFlips { .. } | Damage::First(_), _) => 0,
        }
    }

    /// The body is known to end after so many more bytes.
    pub(super) fn ends_in(&mut self, bytes: usize) {
        self.length = Some(self.at + bytes as u64);
    }

    /// The next piece, damaged.
    pub(super) fn piece(&mut self, piece: Bytes) -> Bytes {
        let (from, length) = (self.at, piece.len() as u64);
        self.at += length;
        match self.how {
            Damage::Zero => zeroed(piece, 0, length),
            Damage::First(count) => zeroed(piece, 0, u64::from(count).saturating_sub(from)),
            Damage::Last(count) => {
                let end = self.length.unwrap_or(u64::MAX);
                zeroed(piece, end.saturating_sub(u64::from(count)).saturating_sub(from), length)
            }
            Damage::BitFlips { seed } => turned(piece, from, seed),
        }
    }
}

/// The piece with the bytes from `from` up to `to` replaced by zero.
fn zeroed(piece: Bytes, from: u64, to: u64) -> Bytes {
    let within = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(piece.len());
    let (from, to) = (within(from), within(to));
    if from >= to {
        return piece;
    }
    if from == 0 && to == piece.len() && to <= ZEROS.len() {
        return Bytes::from_static(&ZEROS[..to]);
    }
    let mut damaged = BytesMut::from(piece);
    damaged[from..to].fill(0);
    damaged.freeze()
}

fn turned(piece: Bytes, from: u64, seed: u64) -> Bytes {
    let end = from + piece.len() as u64;
    let mut damaged = BytesMut::from(piece);
    for block in from / BLOCK..end.div_ceil(BLOCK) {
        let drawn = chance(seed, block);
        let place = block * BLOCK + drawn % BLOCK;
        if (from..end).contains(&place)
            && let Ok(place) = usize::try_from(place - from)
        {
            damaged[place] ^= 1 << (drawn >> 32 & 7);
        }
    }
    damaged.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: u64 = 10_000;

    fn body() -> Bytes {
        (0..LENGTH).map(|place| u8::try_from(place % 255).unwrap() | 1).collect::<Vec<_>>().into()
    }

    /// The body after damage, come in pieces of this size, of a length that was declared or not.
    fn damaged(how: Damage, size: usize, declared: bool) -> Vec<u8> {
        let mut damage = Damaged::new(how, declared.then_some(LENGTH));
        let (mut rest, mut out) = (body(), Vec::new());
        let kept = damage.keeps();
        while rest.len() > kept {
            let piece = rest.split_to(size.min(rest.len() - kept));
            out.extend(damage.piece(piece));
        }
        damage.ends_in(rest.len());
        out.extend(damage.piece(rest));
        out
    }

    #[test]
    fn what_is_damaged_does_not_depend_on_the_pieces() {
        let all = [Damage::Zero, Damage::BitFlips { seed: 3 }, Damage::First(1_500), Damage::Last(1_500)];
        for how in all {
            let whole = damaged(how, 100_000, true);
            assert_eq!(whole.len() as u64, LENGTH);
            for (size, declared) in [(1, true), (7, false), (1_024, true), (999, false)] {
                assert_eq!(damaged(how, size, declared), whole, "{how:?} in pieces of {size}");
            }
        }
    }

    #[test]
    fn damage_is_where_it_is_said_to_be() {
        let places = |how| {
            let (damaged, body) = (damaged(how, 1_000, true), body());
            let differ = damaged.iter().zip(&body).enumerate().filter(|(_, (one, other))| one != other);
            differ.map(|(place, _)| place as u64).collect::<Vec<_>>()
        };
        assert_eq!(places(Damage::Zero), (0..LENGTH).collect::<Vec<_>>());
        assert_eq!(places(Damage::First(10)), (0..10).collect::<Vec<_>>());
        assert_eq!(places(Damage::Last(10)), (LENGTH - 10..LENGTH).collect::<Vec<_>>());
        assert_eq!(places(Damage::First(60_000)).len() as u64, LENGTH);
        let flips = places(Damage::BitFlips { seed: 1 });
        assert!((9..=10).contains(&flips.len()), "one in each block: {flips:?}");
        assert_ne!(flips, places(Damage::BitFlips { seed: 2 }));
    }
}
