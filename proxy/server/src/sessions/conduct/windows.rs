//! The windows of a transport fault: when packets are struck, and when not.
//!
//! Invariant: windows in seconds follow the clock from the moment the fault was armed, however late somebody looks; those in
//! packets end when the kernel has counted enough. What the kernel refuses is tried again and said.

use std::time::Duration;

use rebuffer_api::TransportView;
use rebuffer_model::{ActionKind, TransportFault, TransportMode};
use rebuffer_shaper::Strike;
use tokio::time::Instant;

use super::Carrier;

/// How often the kernel is asked what it has struck.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How soon what was refused is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// The windows of one fault.
#[derive(Debug, Clone)]
pub(super) struct Windows {
    fault: TransportFault,
    phase: Phase,
    /// Packets of the windows that are over.
    packets_before: u64,
    /// Packets of the window that is open.
    packets_now: u64,
    begun: u64,
    refused: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Packets are struck until then; without a time until enough were, or for good.
    Open { until: Option<Instant> },
    /// Packets pass until then.
    Pause { until: Instant },
    /// The only window is over.
    Spent,
}

impl Windows {
    /// A fault that begins its first window now.
    pub(super) fn new(fault: TransportFault, now: Instant) -> Self {
        let phase = Phase::Open { until: window(fault).map(|window| now + window) };
        Self { fault, phase, packets_before: 0, packets_now: 0, begun: 1, refused: None }
    }

    /// Its only window was over before.
    pub(super) fn spend(&mut self) {
        (self.phase, self.begun) = (Phase::Spent, 0);
    }

    /// What the kernel is told to begin a window.
    pub(super) fn strike(&mut self) -> Strike {
        self.packets_now = 0;
        let counted = self.fault.mode == TransportMode::Packets && !self.fault.is_held();
        Strike { action: self.fault.action, packets: counted.then_some(self.fault.consecutive) }
    }

    pub(super) fn opened(&self) -> ActionKind {
        ActionKind::FaultOn { action: self.fault.action }
    }

    pub(super) fn closed(&self, packets: u64, finished: bool) -> ActionKind {
        ActionKind::FaultOff { action: self.fault.action, packets, finished }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open { .. })
    }

    pub(super) fn is_spent(&self) -> bool {
        self.phase == Phase::Spent
    }

    /// Whether something will become due.
    pub(super) fn is_busy(&self) -> bool {
        !self.is_spent()
    }

    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        match self.phase {
            Phase::Spent => None,
            Phase::Open { .. } | Phase::Pause { .. } if self.refused.is_some() => Some(now + TRY_AGAIN),
            Phase::Open { until } => {
                Some(until.map_or(now + LOOK_EVERY, |until| until.min(now + LOOK_EVERY)))
            }
            Phase::Pause { until } => Some(until),
        }
    }

    /// Does what is due; what is to be told of it.
    pub(super) async fn advance(&mut self, carrier: &impl Carrier) -> Option<ActionKind> {
        let now = Instant::now();
        match self.phase {
            Phase::Open { until } => {
                match carrier.struck().await {
                    Ok(packets) => self.packets_now = packets,
                    Err(error) => tracing::debug!(%error, "packets that met a fault cannot be counted"),
                }
                let enough = match (self.fault.mode, until) {
                    (_, Some(until)) => now >= until,
                    (TransportMode::Packets, None) if !self.fault.is_held() => {
                        self.packets_now >= u64::from(self.fault.consecutive)
                    }
                    (TransportMode::Packets | TransportMode::Seconds, None) => false,
                };
                if enough { self.close(carrier, until.unwrap_or(now)).await } else { None }
            }
            Phase::Pause { until } if now >= until => self.open(carrier, until, now).await,
            Phase::Pause { .. } | Phase::Spent => None,
        }
    }

    async fn close(&mut self, carrier: &impl Carrier, ended: Instant) -> Option<ActionKind> {
        match carrier.strike(None).await {
            Ok(packets) => {
                self.refused = None;
                self.packets_before += packets;
                self.packets_now = 0;
                let pause = Duration::from_secs(self.fault.frequency.into());
                let finished = pause == Duration::ZERO;
                self.phase = if finished { Phase::Spent } else { Phase::Pause { until: ended + pause } };
                Some(self.closed(packets, finished))
            }
            Err(error) => {
                tracing::warn!(%error, "the window of a fault cannot be ended; it is tried again");
                self.refused = Some(error.to_string());
                None
            }
        }
    }

    /// Begins the window that was due at `due`, or waits for the next one when it has been over since.
    async fn open(&mut self, carrier: &impl Carrier, due: Instant, now: Instant) -> Option<ActionKind> {
        let begins = match window(self.fault) {
            Some(window) => {
                let cycle = window + Duration::from_secs(self.fault.frequency.into());
                let late = now.saturating_duration_since(due).as_nanos() % cycle.as_nanos();
                let begins = now - Duration::from_nanos(u64::try_from(late).unwrap_or(0));
                if now >= begins + window {
                    self.phase = Phase::Pause { until: begins + cycle };
                    return None;
                }
                begins
            }
            None => now,
        };
        let strike = self.strike();
        match carrier.strike(Some(strike)).await {
            Ok(_none) => {
                self.refused = None;
                self.begun += 1;
                self.phase = Phase::Open { until: window(self.fault).map(|window| begins + window) };
                Some(self.opened())
            }
            Err(error) => {
                tracing::warn!(%error, "the window of a fault cannot be begun; it is tried again");
                self.refused = Some(error.to_string());
                None
            }
        }
    }

    pub(super) fn view(&self) -> TransportView {
        TransportView {
            action: self.fault.action,
            active: self.is_open(),
            packets: self.packets_before + self.packets_now,
            windows: self.begun,
            exhausted: self.is_spent(),
            refused: self.refused.clone(),
        }
    }
}

/// How long a window is, if that is a time.
fn window(fault: TransportFault) -> Option<Duration> {
    let timed = fault.mode == TransportMode::Seconds && !fault.is_held();
    timed.then(|| Duration::from_secs(fault.consecutive.into()))
}
