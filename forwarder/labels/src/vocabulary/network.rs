//! Labels of `network_requests`: how a request ended, and where it hurts. Who is to blame is the row's `cause`.

use rebuffer_model::Severity::{Error, Info, Warning};
use rebuffer_model::{Exchange, FaultCategory, RequestKind};

use super::{Rule, Seen};
use crate::play::{abandoned, failed};

/// A client that waits longer than this for the first byte waits too long, ms.
const SLOW_REQUEST_MS: f64 = 2_000.0;
/// A segment that takes longer than this is slower than players like, ms.
const SLOW_SEGMENT_MS: f64 = 6_000.0;

pub(super) const LABELS: &[Rule] = &[
    Rule::new(Error, "http_5xx", "The client got a status of 500 or above.", |seen| {
        seen.exchange().is_some_and(|exchange| exchange.answer.status >= 500)
    }),
    Rule::new(Warning, "http_4xx", "The client got a status from 400 to 499.", |seen| {
        seen.exchange().is_some_and(|exchange| (400..500).contains(&exchange.answer.status))
    }),
    Rule::new(
        Warning,
        "fault_incomplete",
        "A fault left the client with a body that is short or wrong.",
        |seen| fault(seen).is_some_and(incomplete),
    ),
    Rule::new(Error, "fault_other", "A fault left the client without a usable answer.", |seen| {
        fault(seen).is_some_and(|exchange| !incomplete(exchange))
    }),
    Rule::new(Warning, "slow_request", "The client waited more than 2 s for the first byte.", |seen| {
        sound(seen).is_some_and(|exchange| exchange.timing.client_wait_ms > SLOW_REQUEST_MS)
    }),
    Rule::new(Warning, "slow_segment", "A media segment took more than 6 s.", |seen| {
        sound(seen).is_some_and(|exchange| {
            is_media(exchange.request.kind) && exchange.timing.transfer_ms > SLOW_SEGMENT_MS
        })
    }),
    Rule::new(
        Error,
        "*master_manifest_failure",
        "The client did not get the multivariant playlist.",
        |seen| kind_failed(seen, |kind| kind == RequestKind::MasterManifest),
    ),
    Rule::new(Warning, "*manifest_failure", "The client did not get a media playlist.", |seen| {
        kind_failed(seen, |kind| kind.is_manifest() && kind != RequestKind::MasterManifest)
    }),
    Rule::new(Warning, "*segment_failure", "The client did not get a segment as it is.", |seen| {
        kind_failed(seen, |kind| is_media(kind) || kind == RequestKind::Init)
    }),
    Rule::new(Warning, "*transport_socket", "The connection broke.", |seen| {
        fault_category(seen) == Some(FaultCategory::Socket)
    }),
    Rule::new(
        Info,
        "*transfer_abandoned",
        "The client gave up by itself, as players do when they switch.",
        |seen| seen.exchange().is_some_and(abandoned),
    ),
    Rule::new(
        Info,
        "*request_retry",
        "The player asked again for what failed within the last 4 s.",
        |seen| seen.exchange().is_some_and(|exchange| seen.play.retries(exchange)),
    ),
];

/// The exchange, if a fault touched it.
fn fault<'a>(seen: &Seen<'a>) -> Option<&'a Exchange> {
    seen.exchange().filter(|exchange| exchange.fault.is_some() && !abandoned(exchange))
}

fn fault_category(seen: &Seen<'_>) -> Option<FaultCategory> {
    Some(fault(seen)?.fault.as_ref()?.category)
}

fn incomplete(exchange: &Exchange) -> bool {
    let corrupted = exchange.fault.as_ref().is_some_and(|fault| fault.category == FaultCategory::Corruption);
    corrupted || (200..300).contains(&exchange.answer.status)
}

/// The exchange, if nothing is wrong with it but perhaps its pace.
fn sound<'a>(seen: &Seen<'a>) -> Option<&'a Exchange> {
    seen.exchange().filter(|exchange| exchange.fault.is_none() && exchange.answer.status < 400)
}

fn kind_failed(seen: &Seen<'_>, matches: fn(RequestKind) -> bool) -> bool {
    seen.exchange().is_some_and(|exchange| failed(exchange) && matches(exchange.request.kind))
}

fn is_media(kind: RequestKind) -> bool {
    matches!(
        kind,
        RequestKind::Segment
            | RequestKind::Partial
            | RequestKind::AudioSegment
            | RequestKind::SubtitleSegment
    )
}
