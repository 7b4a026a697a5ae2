//! Echo requests and replies as bytes (RFC 792; RFC 4443 §4).
//!
//! Invariant: bytes from the network never panic, and a reply counts only if it carries the token of this run.
//! Deliberately absent: the checksum of ICMPv6, which the kernel computes because it covers addresses.

use std::net::IpAddr;

/// What makes an echo ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    /// Told apart by raw sockets; a datagram socket puts its own in its place.
    id: [u8; 2],
    payload: [u8; 8],
}

/// A family's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

const LENGTH: usize = 16;

impl Token {
    pub(super) fn new() -> Self {
        let [a, b, payload @ ..] = *uuid::Uuid::new_v4().as_bytes();
        let payload = payload.first_chunk().copied().unwrap_or_default();
        Self { id: [a, b], payload }
    }

    /// A request to be sent.
    pub(super) fn request(&self, family: Family, sequence: u16) -> [u8; LENGTH] {
        let mut packet = [0; LENGTH];
        packet[0] = match family {
            Family::V4 => 8,
            Family::V6 => 128,
        };
        packet[4..6].copy_from_slice(&self.id);
        packet[6..8].copy_from_slice(&sequence.to_be_bytes());
        packet[8..].copy_from_slice(&self.payload);
        if family == Family::V4 {
            let sum = checksum(&packet);
            packet[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        packet
    }

    /// The sequence of a reply to a request of ours; `headed` if the header of IP comes first.
    pub(super) fn reply(&self, family: Family, packet: &[u8], headed: bool) -> Option<u16> {
        let header = if headed { usize::from(packet.first()? & 0x0f) * 4 } else { 0 };
        let packet: &[u8; LENGTH] = packet.get(header..)?.first_chunk()?;
        let kind = match family {
            Family::V4 => 0,
            Family::V6 => 129,
        };
        let ours = packet[0] == kind && packet[1] == 0 && packet[8..] == self.payload;
        ours.then(|| u16::from_be_bytes([packet[6], packet[7]]))
    }
}

impl Family {
    pub(super) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// The Internet checksum (RFC 1071) of an even number of bytes.
fn checksum(bytes: &[u8; LENGTH]) -> u16 {
    let (words, _) = bytes.as_chunks::<2>();
    let sum: u32 = words.iter().map(|word| u32::from(u16::from_be_bytes(*word))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    !u16::try_from(folded).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_a_request_with_another_type() {
        let token = Token::new();
        for (family, kind) in [(Family::V4, 0), (Family::V6, 129)] {
            let mut packet = token.request(family, 0xfffe);
            assert_eq!(token.reply(family, &packet, false), None, "our own request, seen on loopback");
            packet[0] = kind;
            assert_eq!(token.reply(family, &packet, false), Some(0xfffe));
            assert_eq!(Token::new().reply(family, &packet, false), None, "somebody else's");
        }
    }

    #[test]
    fn the_header_of_ip_is_skipped_and_short_packets_are_nothing() {
        let token = Token::new();
        let mut packet = token.request(Family::V4, 7).to_vec();
        packet[0] = 0;
        let headed = [&[0x45; 1][..], &[0; 19], &packet].concat();
        assert_eq!(token.reply(Family::V4, &headed, true), Some(7));
        for length in 0..headed.len() {
            assert_eq!(token.reply(Family::V4, &headed[..length], true), None, "{length}");
        }
    }

    #[test]
    fn a_packet_with_its_checksum_sums_to_nothing() {
        let packet = Token::new().request(Family::V4, 513);
        assert_eq!(checksum(&packet), 0);
    }
}
