//! How an exchange that did not go to its end is put into words: who ended it, and what became of its fault.
//!
//! Invariant: a rule's fault keeps its name; what happened instead is its action. Deliberately absent: finding out.

use rebuffer_model::{Cause, Exchange, FaultCategory, FaultSeen};

use crate::deadline::Passed;

/// A limit of the player's transfers was passed.
pub(super) fn timed_out(exchange: &mut Exchange, which: Passed, place: &str) {
    let mut fault = observed(which.name(), FaultCategory::TransferTimeout);
    fault.action = format!("{}_{place}", which.name());
    exchange.cause = Some(Cause::Injected);
    exchange.fault = Some(fault);
}

/// The client went away before it had everything.
pub(super) fn never_arrived(exchange: &mut Exchange) {
    exchange.answer.complete = false;
    match &mut exchange.fault {
        Some(fault) if fault.rule_id.is_some() => fault.action = "client_disconnect".to_owned(),
        Some(_) | None => {
            exchange.cause = Some(Cause::Client);
            exchange.fault = Some(observed("client_disconnect", FaultCategory::ClientDisconnect));
        }
    }
}

/// The rig ended before the answer did.
pub(super) fn left_behind(exchange: &mut Exchange) {
    match &mut exchange.fault {
        Some(fault) => fault.action = "not_performed_rig_stopped".to_owned(),
        None => exchange.cause = Some(Cause::Rig),
    }
}

/// The origin's body broke off.
pub(super) fn truncated(exchange: &mut Exchange) {
    exchange.cause = Some(Cause::Origin);
    match &mut exchange.fault {
        Some(fault) => fault.action = "not_performed_origin_truncated".to_owned(),
        None => exchange.fault = Some(observed("origin_truncated", FaultCategory::Socket)),
    }
}

/// A fault that nobody injected.
fn observed(name: &str, category: FaultCategory) -> FaultSeen {
    FaultSeen { rule_id: None, name: name.to_owned(), action: name.to_owned(), category, held_ms: None }
}
