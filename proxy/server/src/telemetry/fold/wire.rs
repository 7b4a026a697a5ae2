//! What passes a session's classes.
//!
//! Invariant: see `fold`. What could not be read makes the stretch around it unknown, and later stretches are known again.

use std::collections::VecDeque;
use std::time::Duration;

use rebuffer_model::WireMetrics;
use rebuffer_shape::{Counters, Traffic};

use super::spread::{Rates, Values};

/// How far [`WireMetrics::mbps_shaper_avg`] looks back.
const AVERAGED: Duration = Duration::from_secs(6);

/// The classes of one session.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    /// When the last look was, and what it saw if it saw something.
    last: (Duration, Option<Traffic>),
    window: Window,
    /// The rates of the last seconds in which something waited, with their ends.
    rates: VecDeque<(Duration, f64)>,
}

#[derive(Debug, Clone, Default)]
struct Window {
    down: Rates,
    up: Rates,
    /// The stretches at both ends of which something waited.
    asked_for: Rates,
    packets: Option<u64>,
    drops: Option<u64>,
    backlog: Values,
}

impl Wire {
    pub(super) fn new(at: Duration) -> Self {
        Self { last: (at, None), window: Window::default(), rates: VecDeque::new() }
    }

    pub(super) fn take(&mut self, at: Duration, traffic: Option<Traffic>) {
        let (before, seen) = std::mem::replace(&mut self.last, (at, traffic));
        let time = at.saturating_sub(before);
        let window = &mut self.window;
        if let Some(Counters { backlog, .. }) = traffic.and_then(|now| now.down) {
            #[expect(clippy::cast_precision_loss, reason = "a queue has megabytes at most")]
            window.backlog.add(backlog as f64);
        }
        let (Some(seen), Some(now)) = (seen, traffic) else { return };
        if let Some((passed, waited)) = passed(seen.down, now.down) {
            window.down.add(passed.bytes, time);
            *window.packets.get_or_insert(0) += passed.packets;
            *window.drops.get_or_insert(0) += passed.drops;
            if waited {
                window.asked_for.add(passed.bytes, time);
            }
        }
        if let Some((passed, _)) = passed(seen.up, now.up) {
            window.up.add(passed.bytes, time);
        }
    }

    /// Whether anything passed or waited in this window.
    pub(super) fn moved(&self) -> bool {
        let Window { down, up, backlog, .. } = &self.window;
        down.moved() || up.moved() || backlog.spread().is_some_and(|bytes| bytes.max > 0.0)
    }

    /// Ends the window.
    pub(super) fn end(&mut self, at: Duration) -> WireMetrics {
        let window = std::mem::take(&mut self.window);
        let rate = window.asked_for.mean();
        self.rates.extend(rate.map(|rate| (at, rate)));
        // A second that ends 6 s ago lies before the last 6.
        while self.rates.front().is_some_and(|(then, _)| at.saturating_sub(*then) >= AVERAGED) {
            self.rates.pop_front();
        }
        let mut average = Values::default();
        self.rates.iter().for_each(|(_, rate)| average.add(*rate));
        WireMetrics {
            mbps_shaper_rate: rate,
            mbps_shaper_avg: average.spread().map(|rates| rates.mean),
            wire_down_mbps: window.down.spread(),
            wire_up_mbps: window.up.spread(),
            shaper_packets: window.packets,
            shaper_drops: window.drops,
            shaper_backlog_bytes: window.backlog.spread(),
        }
    }
}

/// What passed a class between two looks, and whether something waited at both.
fn passed(before: Option<Counters>, now: Option<Counters>) -> Option<(Counters, bool)> {
    let now = now?;
    // A class that was not there counts from its beginning.
    let before = before.unwrap_or_default();
    let passed = Counters {
        bytes: now.bytes.checked_sub(before.bytes)?,
        packets: now.packets.checked_sub(before.packets)?,
        drops: now.drops.checked_sub(before.drops)?,
        backlog: now.backlog,
    };
    Some((passed, before.backlog > 0 && now.backlog > 0))
}
