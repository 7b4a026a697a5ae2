//! What the kernel knows of a TCP connection.
//!
//! Invariant: reading changes nothing. The layout is the kernel's own (`struct tcp_info`), which only ever grows.
//! Deliberately absent: fields that nobody reads, and kernels too old to count acknowledged bytes (before 4.9).

#![expect(unsafe_code, reason = "TCP_INFO has no safe wrapper")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use rebuffer_model::BitsPerSec;

/// The state of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpInfo {
    /// Smoothed round trip time.
    pub rtt: Duration,
    /// Its mean deviation.
    pub rtt_var: Duration,
    /// The smallest round trip of the last seconds; none before the first.
    pub min_rtt: Option<Duration>,
    /// Retransmission timeout.
    pub rto: Duration,
    /// Segments sent again, in all.
    pub retransmits: u32,
    /// Congestion window in segments.
    pub cwnd: u32,
    /// Size of a segment.
    pub mss: u32,
    /// The rate at which the latest bytes were acknowledged, body and nothing else; none before the first.
    pub delivery_rate: Option<BitsPerSec>,
    /// Whether that rate was limited by what the application wrote and not by the path.
    pub app_limited: bool,
    /// Bytes the peer has acknowledged, in all.
    pub bytes_acked: u64,
    /// Bytes that were written and have never been sent.
    pub notsent_bytes: u32,
    /// Segments sent and not acknowledged.
    pub unacked: u32,
    /// How long ago the peer last acknowledged anything, to the millisecond.
    pub since_last_ack: Duration,
}

/// Bytes of `struct tcp_info` up to and including `tcpi_delivery_rate`.
const NEEDED: usize = 168;
/// Longer than the struct of any kernel.
const ROOM: libc::socklen_t = 512;

/// Reads the state of a TCP connection.
pub fn tcp_info(socket: BorrowedFd<'_>) -> io::Result<TcpInfo> {
    let mut raw = [0u8; ROOM as usize];
    let mut length = ROOM;
    // SAFETY: the descriptor is borrowed, so it is open; the pointer and the length are those of `raw`, which any
    // bytes make valid.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            raw.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    let filled = usize::try_from(length).ok().and_then(|length| raw.get(..length));
    filled.and_then(TcpInfo::parse).ok_or_else(|| io::ErrorKind::Unsupported.into())
}

impl TcpInfo {
    fn parse(raw: &[u8]) -> Option<Self> {
        let raw: &[u8; NEEDED] = raw.first_chunk()?;
        let micros = |at| Duration::from_micros(u64::from(word(raw, at)));
        let (min_rtt, delivery_rate) = (word(raw, 148), long(raw, 160));
        Some(Self {
            rtt: micros(68),
            rtt_var: micros(72),
            min_rtt: (min_rtt != u32::MAX && min_rtt != 0).then(|| micros(148)),
            rto: micros(8),
            retransmits: word(raw, 100),
            cwnd: word(raw, 80),
            mss: word(raw, 16),
            delivery_rate: (delivery_rate != 0).then(|| BitsPerSec(delivery_rate.saturating_mul(8))),
            app_limited: raw[7] & 1 != 0,
            bytes_acked: long(raw, 120),
            notsent_bytes: word(raw, 144),
            unacked: word(raw, 24),
            since_last_ack: Duration::from_millis(u64::from(word(raw, 56))),
        })
    }
}

fn word(raw: &[u8; NEEDED], at: usize) -> u32 {
    raw.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_ne_bytes(*bytes))
}

fn long(raw: &[u8; NEEDED], at: usize) -> u64 {
    raw.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u64::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::mem::offset_of;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn offsets_are_those_of_the_system_header() {
        use libc::tcp_info as c;
        let ours = [8, 16, 24, 68, 72, 80, 100, 120, 144, 148, 160];
        let theirs = [
            offset_of!(c, tcpi_rto),
            offset_of!(c, tcpi_snd_mss),
            offset_of!(c, tcpi_unacked),
            offset_of!(c, tcpi_rtt),
            offset_of!(c, tcpi_rttvar),
            offset_of!(c, tcpi_snd_cwnd),
            offset_of!(c, tcpi_total_retrans),
            offset_of!(c, tcpi_bytes_acked),
            offset_of!(c, tcpi_notsent_bytes),
            offset_of!(c, tcpi_min_rtt),
            offset_of!(c, tcpi_delivery_rate),
        ];
        assert_eq!(ours, theirs);
    }

    #[test]
    fn acknowledged_bytes_are_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        server.write_all(&[7; 1000]).unwrap();
        client.read_exact(&mut [0; 1000]).unwrap();
        client.write_all(b"!").unwrap();
        server.read_exact(&mut [0]).unwrap();
        let info = tcp_info(server.as_fd()).unwrap();
        assert_eq!((info.bytes_acked, info.notsent_bytes, info.retransmits), (1000, 0, 0));
        assert!(
            info.mss > 500 && info.cwnd > 0 && info.rto > Duration::ZERO && info.min_rtt.is_some(),
            "{info:?}"
        );
    }

    #[test]
    fn what_is_no_tcp_socket_is_an_error_and_a_short_answer_is_none() {
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(tcp_info(udp.as_fd()).is_err());
        assert_eq!(TcpInfo::parse(&[0; NEEDED - 1]), None);
    }
}
