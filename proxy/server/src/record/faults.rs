//! What becomes of a decision in the record: what fired, what was performed, how long it held, what cut in instead.
//!
//! Invariant: a fault in the record was performed as it is named there, or its action says what happened instead.
//! Deliberately absent: what the exchange was (see `record.rs`) and how it ended (see `ending.rs`).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use rebuffer_engine::Decision;
use rebuffer_model::{Cause, FaultSeen, H2Scope, RequestKind};

use super::{End, Recorder, ending};
use crate::deadline::{Deadlines, Passed};

impl Recorder {
    /// What was decided is to be done where a redirect leads; here nothing is injected.
    pub(crate) fn postponed(&mut self) {
        self.endpoint.telemetry.faults.fetch_sub(1, Ordering::Relaxed);
        self.edit(|exchange| {
            exchange.fault = None;
            exchange.cause = None;
        });
    }

    /// A rule fired: what it is going to do, as it is named. Nothing else limits it.
    pub(crate) fn decided(&mut self, decision: &Decision) {
        let (Some(rule_id), Some(category)) = (&decision.rule_id, decision.fault.category()) else { return };
        self.deadlines = None;
        self.endpoint.telemetry.faults.fetch_add(1, Ordering::Relaxed);
        let fault = decision.fault;
        self.edit(|exchange| {
            exchange.cause = Some(Cause::Injected);
            exchange.fault = Some(FaultSeen {
                rule_id: Some(rule_id.clone()),
                name: fault.to_string(),
                action: decision.action.to_string(),
                category,
                held_ms: None,
            });
        });
    }

    /// The head was not there when the active limit was passed.
    pub(crate) fn expired(&mut self) {
        if let Some(deadlines) = &self.deadlines {
            deadlines.pass(Passed::Active);
        }
        self.edit(|exchange| ending::timed_out(exchange, Passed::Active, "pre_headers"));
    }

    /// The origin gave no answer; the rig answers in its place.
    pub(crate) fn silent(&mut self) {
        self.edit(|exchange| exchange.cause = Some(Cause::Origin));
        self.not_performed("not_performed_origin_silent");
    }

    /// The fault that was decided could not be performed; this happened instead.
    pub(crate) fn not_performed(&mut self, action: &str) {
        self.edit(|exchange| {
            if let Some(fault) = &mut exchange.fault {
                fault.action = action.to_owned();
            }
        });
    }

    /// The fault was performed as named; over HTTP/2, where a name that speaks of connections cannot be taken at its word, the row
    /// says what ended.
    pub(crate) fn performed_on(&mut self, scope: H2Scope) {
        if !self.lane.is_stream() {
            return;
        }
        let what = match scope {
            H2Scope::Stream => "h2_stream",
            H2Scope::Connection => "h2_connection",
        };
        self.edit(|exchange| {
            if let Some(fault) = &mut exchange.fault {
                fault.action = format!("{}_{what}", fault.action);
            }
        });
    }

    /// Silence begins, on purpose.
    pub(crate) fn holds(&mut self) {
        self.holding_since = Some(Instant::now());
    }

    /// Silence is over.
    pub(crate) fn held(&mut self) {
        let Some(since) = self.holding_since.take() else { return };
        let ms = since.elapsed().as_secs_f64() * 1e3;
        self.edit(|exchange| {
            if let Some(fault) = &mut exchange.fault {
                fault.held_ms = Some(fault.held_ms.unwrap_or(0.0) + ms);
            }
        });
    }

    /// The answer was cut on purpose; as the fault is named, unless [`Recorder::not_performed`] said otherwise.
    pub(crate) fn cut(&mut self) {
        self.end = End::Cut;
    }

    /// The client broke off in the body of its request, or sent what is none.
    pub(crate) fn client_broke(&mut self) {
        self.edit(|exchange| exchange.cause = Some(Cause::Client));
        self.not_performed("not_performed_client_broke");
    }

    /// The limits of the player's transfers are in force, as they are for this kind.
    pub(crate) fn limited(&mut self, kind: RequestKind) {
        let timeouts = self.endpoint.player.transfer_timeouts();
        self.deadlines = Deadlines::of(&timeouts, kind, self.began.elapsed());
    }

    pub(crate) fn deadlines(&self) -> Option<&Arc<Deadlines>> {
        self.deadlines.as_ref()
    }
}
