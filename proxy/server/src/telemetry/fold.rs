//! From looks at a link, about ten a second, to its seconds.
//!
//! Invariant: a rate is what was counted over the time that was counted, however late a look comes. A counter that went
//! back began anew, and so does the count: what passed meanwhile is not known and is not made up. The first look at a
//! connection that was not watched before counts from what was known when it came.
//! Deliberately absent: clocks, sockets and the kernel; `at` is a time since anything, the same for every look.

mod spread;
mod tcp;
mod wire;

use std::time::Duration;

use rebuffer_model::{LinkMetrics, TcpSnapshot};
use rebuffer_shape::Traffic;

use self::tcp::Tcp;
use self::wire::Wire;

/// What one look at a session's link saw.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look<'a> {
    /// When.
    pub(super) at: Duration,
    /// What had passed the session's classes; none if that could not be read.
    pub(super) traffic: Option<Traffic>,
    /// Every connection that is open, and once the last words of each that is not any more.
    pub(super) connections: &'a [Heard],
}

/// What a connection said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heard {
    /// Which.
    pub(super) number: u64,
    /// Whether it may say more.
    pub(super) open: bool,
    /// Everything but the deviation of the round trip.
    pub(super) tcp: TcpSnapshot,
    /// The deviation, ms; not among last words.
    pub(super) rtt_var_ms: Option<f64>,
}

/// A window is over a look earlier rather than a look later.
const WINDOW: Duration = Duration::from_millis(950);

/// The second of a session's link that is being looked at, and what has to be remembered of those before.
#[derive(Debug, Clone)]
pub(super) struct Fold {
    began: Duration,
    wire: Wire,
    tcp: Tcp,
}

/// A second that is over.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Second {
    /// What was seen; the cap and the ping are for others to say.
    pub(super) metrics: LinkMetrics,
    /// Whether there was neither an open connection nor any traffic.
    pub(super) quiet: bool,
}

impl Fold {
    /// Nothing is known before `at`.
    pub(super) fn new(at: Duration) -> Self {
        Self { began: at, wire: Wire::new(at), tcp: Tcp::default() }
    }

    /// A connection is watched from now on; what it carried before is somebody else's.
    pub(super) fn meet(&mut self, number: u64, before: Option<TcpSnapshot>) {
        self.tcp.meet(number, before);
    }

    /// Takes a look in; returns the second that it ends.
    pub(super) fn take(&mut self, look: &Look<'_>) -> Option<Second> {
        self.wire.take(look.at, look.traffic);
        self.tcp.take(look.connections);
        let length = look.at.saturating_sub(self.began);
        if length < WINDOW {
            return None;
        }
        self.began = look.at;
        let moved = self.wire.moved();
        let tcp = self.tcp.end(length);
        let quiet = tcp.connections == 0 && !moved && tcp.delivered_mbps.is_none_or(|rate| rate == 0.0);
        let metrics = LinkMetrics { wire: self.wire.end(look.at), tcp, ..LinkMetrics::default() };
        Some(Second { metrics, quiet })
    }
}

#[cfg(test)]
mod tests;
