//! `network_requests`: one request and its answer, as the rig saw both sides.

use rebuffer_model::{
    Cause, Exchange, FaultCategory, Headers, Known, Label, Link, OriginAnswer, RequestSeen, Resolution,
    Timestamp, Timing, UnmetEdit,
};

use crate::declare::{columns, table};
use crate::head::{Head, Origin};
use crate::value::narrow;
use crate::{Event, Name};

columns! {
    /// What the client asked.
    RequestColumns {
        /// The rig's clock when the request's head had arrived.
        started_at: Timestamp,
        /// The method.
        method: Name,
        /// HTTP/1.1 and the like, as the client spoke it.
        http_version: Name,
        /// Path and query as the client sent them, credentials redacted.
        url: String,
        /// The path alone.
        path: String,
        /// master_manifest, manifest, segment, partial, init, audio_manifest, audio_segment, key, other and the like.
        request_kind: Name,
        /// How that is known: declared by a playlist or guessed. Empty in rows from before it was recorded.
        request_known: Name,
        /// Path of the master playlist or MPD of the presentation it belongs to. Empty when it belongs to none.
        presentation: Name,
        /// What that presentation is to the player: primary, interstitial or other. Empty when it belongs to none.
        presentation_role: Name,
        /// Place of the variant in the ladder, 0 is the lowest bandwidth.
        variant_rung: Option<u32>,
        /// Declared peak bandwidth of the variant, bit/s.
        variant_bandwidth: Option<u64>,
        /// Declared resolution of the variant, WxH.
        variant_resolution: Name,
        /// The Range the client asked for.
        request_range: String,
        /// The request's headers, credentials redacted.
        request_headers: Headers,
        /// Bytes of the request's body.
        bytes_in: u64,
        /// What the player said of itself with the request, CMCD keys as a JSON object. Empty when it said nothing.
        cmcd: String,
    }
}

columns! {
    /// What the origin said.
    OriginColumns {
        /// The configured name of the origin. Empty when it was not asked or did not answer.
        origin: Name,
        /// The absolute URL that was asked, credentials redacted.
        upstream_url: String,
        /// The origin's status.
        origin_status: Option<u16>,
        /// The origin's headers, credentials redacted.
        origin_headers: Headers,
        /// Bytes of body that came from the origin.
        origin_bytes: Option<u64>,
        /// Whether a pooled connection to the origin was used.
        origin_reused: Option<bool>,
        /// Name resolution, ms; absent on a reused connection.
        dns_ms: Option<f32>,
        /// TCP connect to the origin, ms; absent on a reused connection.
        connect_ms: Option<f32>,
        /// From asking the origin to its status line, ms.
        ttfb_ms: Option<f32>,
    }
}

columns! {
    /// What was sent to the client.
    AnswerColumns {
        /// The status that was sent; 0 when none was.
        status: u16,
        /// The Content-Type that was sent.
        content_type: Name,
        /// The Content-Range that was sent.
        response_content_range: String,
        /// The headers that were sent, credentials redacted.
        response_headers: Headers,
        /// Bytes of body handed to the connection.
        bytes_out: u64,
        /// Whether the whole answer was sent.
        complete: bool,
        /// Places of the playlist that were edited as the player's content asks; absent when nothing was asked.
        edited_places: Option<u64>,
        /// Fields of the player's content that could not be met, * for all of them.
        edits_unmet: Vec<Name>,
        /// What the rig changed by itself or did not see: urls_rewritten, condition_removed, playlist_unread and the like.
        remarks: Vec<Name>,
        /// Why a body that looks like a playlist was not read. Empty when there was none, or it was read.
        playlist_unread: String,
    }
}

columns! {
    /// How long the parts took.
    TimingColumns {
        /// From the request's head to the first byte of the answer, ms.
        client_wait_ms: f32,
        /// From the first byte of the answer to the last handed to the connection, ms.
        transfer_ms: f32,
        /// From the request's head to the last byte acknowledged, or sent where that cannot be known, ms.
        total_ms: f32,
        /// How fast the body was acknowledged, 10^6 bit/s; absent when nothing can be said.
        delivered_mbps: Option<f32>,
    }
}

columns! {
    /// Whether it went as the client wanted, and why not.
    VerdictColumns {
        /// Whether a fault was injected or observed.
        faulted: bool,
        /// Why it did not go as the client wanted: injected, origin, client or rig. Empty when it did.
        cause: Name,
        /// The rule that fired. Empty when nothing was injected.
        rule_id: Name,
        /// The fault: a rule's type, or client_disconnect, origin_truncated.
        fault_type: Name,
        /// What was done; differs from the fault's usual action when it could not be performed as named.
        fault_action: Name,
        /// Where it struck: http, socket, corruption, client_disconnect.
        fault_category: Name,
        /// How long the fault was silent on purpose, ms; absent when it was not.
        fault_held_ms: Option<f32>,
    }
}

columns! {
    /// The client's connection, around the exchange.
    LinkColumns {
        /// Which connection of the session, counted from 1.
        connection: u64,
        /// How many exchanges that connection had carried before.
        earlier_exchanges: u64,
        /// The cap in force when the request came, 10^6 bit/s; 0 is uncapped.
        effective_rate_limit_mbps: f32,
        /// Smoothed round trip at the end, ms.
        client_rtt_ms: Option<f32>,
        /// Smallest round trip of the connection, ms.
        client_rtt_min_lifetime_ms: Option<f32>,
        /// Retransmission timeout at the end, ms.
        client_rto_ms: Option<f32>,
        /// Segments sent again during the exchange.
        retransmits: Option<u64>,
        /// Congestion window at the end, segments.
        cwnd: Option<u32>,
        /// The kernel's delivery rate estimate at the end, 10^6 bit/s.
        delivery_rate_mbps: Option<f32>,
        /// Whether that estimate was limited by the rig having nothing to send.
        app_limited: Option<bool>,
        /// Whether the connection was encrypted.
        tls: bool,
        /// How long the answer was held back because the link's delay had to be done on answers, ms; absent when it was not.
        link_held_ms: Option<f32>,
    }
}

table! {
    /// One request and its answer, as the rig saw both sides.
    NetworkRequest is "network_requests" {
        /// When, whose, from where.
        head: Head,
        /// What the client asked.
        request: RequestColumns,
        /// What the origin said.
        origin: OriginColumns,
        /// What was sent.
        answer: AnswerColumns,
        /// How long it took.
        timing: TimingColumns,
        /// Why it did not go as wanted.
        verdict: VerdictColumns,
        /// The client's connection.
        link: LinkColumns,
    }
    engine "MergeTree",
    partition by "toYYYYMMDD(ts)",
    order by "(player_id, ts, id)",
    indexes [
        idx_id on id: "minmax GRANULARITY 1",
        idx_play_id on play_id: "bloom_filter(0.01) GRANULARITY 4",
        idx_session_id on session_id: "bloom_filter(0.01) GRANULARITY 4",
        idx_labels on labels: "bloom_filter(0.01) GRANULARITY 4",
        idx_status on status: "minmax GRANULARITY 4",
        idx_remarks on remarks: "bloom_filter(0.01) GRANULARITY 4",
    ]
}

impl NetworkRequest {
    /// The row of an exchange.
    pub fn new(origin: Origin<'_>, exchange: &Exchange, labels: &[Label]) -> Self {
        Self {
            head: Head::new(origin, Some(&exchange.who), labels),
            request: request(exchange.started_at, &exchange.request),
            origin: asked(exchange.origin.as_ref()),
            answer: answer(exchange),
            timing: timing(&exchange.timing),
            verdict: verdict(exchange),
            link: link(&exchange.link),
        }
    }
}

impl Event for NetworkRequest {
    fn head(&self) -> &Head {
        &self.head
    }
}

fn request(started_at: Timestamp, seen: &RequestSeen) -> RequestColumns {
    let variant = seen.variant.as_ref();
    let resolution = variant.and_then(|variant| variant.resolution);
    let presentation = seen.presentation.as_ref();
    RequestColumns {
        started_at,
        method: Name(seen.method.clone()),
        http_version: Name(seen.http_version.clone()),
        url: seen.url.clone(),
        path: seen.url.split('?').next().unwrap_or_default().to_owned(),
        request_kind: seen.kind.as_str().into(),
        request_known: seen.known.map_or("", Known::as_str).into(),
        presentation: presentation.map_or("", |presentation| &*presentation.path).into(),
        presentation_role: presentation.map_or("", |presentation| presentation.role.as_str()).into(),
        variant_rung: variant.map(|variant| variant.rung),
        variant_bandwidth: variant.map(|variant| variant.bandwidth),
        variant_resolution: Name(resolution.as_ref().map(Resolution::to_string).unwrap_or_default()),
        request_range: header(&seen.headers, "range"),
        request_headers: seen.headers.clone(),
        bytes_in: seen.body_bytes,
        cmcd: seen.cmcd.as_ref().and_then(|cmcd| serde_json::to_string(cmcd).ok()).unwrap_or_default(),
    }
}

fn asked(said: Option<&OriginAnswer>) -> OriginColumns {
    OriginColumns {
        origin: Name(said.map(|said| said.name.to_string()).unwrap_or_default()),
        upstream_url: said.map(|said| said.url.clone()).unwrap_or_default(),
        origin_status: said.map(|said| said.status),
        origin_headers: said.map(|said| said.headers.clone()).unwrap_or_default(),
        origin_bytes: said.map(|said| said.body_bytes),
        origin_reused: said.map(|said| said.reused),
        dns_ms: said.and_then(|said| said.dns_ms).map(narrow),
        connect_ms: said.and_then(|said| said.connect_ms).map(narrow),
        ttfb_ms: said.map(|said| narrow(said.ttfb_ms)),
    }
}

/// Headers that were passed on unchanged are recorded once, with the origin; here they are what was sent.
fn answer(exchange: &Exchange) -> AnswerColumns {
    let sent = &exchange.answer;
    let headers = match &exchange.origin {
        Some(origin) if sent.headers.is_empty() => &origin.headers,
        Some(_) | None => &sent.headers,
    };
    AnswerColumns {
        status: sent.status,
        content_type: Name(sent.content_type.clone()),
        response_content_range: header(headers, "content-range"),
        response_headers: headers.clone(),
        bytes_out: sent.body_bytes,
        complete: sent.complete,
        edited_places: sent.edits.as_ref().map(|edits| edits.changed),
        edits_unmet: sent.edits.iter().flat_map(|edits| &edits.unmet).map(unmet).collect(),
        remarks: exchange.remarks.iter().map(|remark| remark.as_str().into()).collect(),
        playlist_unread: sent.playlist_unread.clone().unwrap_or_default(),
    }
}

fn unmet(edit: &UnmetEdit) -> Name {
    Name::from(if edit.field.is_empty() { "*" } else { edit.field.as_str() })
}

fn timing(took: &Timing) -> TimingColumns {
    TimingColumns {
        client_wait_ms: narrow(took.client_wait_ms),
        transfer_ms: narrow(took.transfer_ms),
        total_ms: narrow(took.total_ms),
        delivered_mbps: took.delivered_mbps.map(narrow),
    }
}

fn verdict(exchange: &Exchange) -> VerdictColumns {
    let fault = exchange.fault.as_ref();
    let cause = match exchange.cause {
        None => "",
        Some(Cause::Injected) => "injected",
        Some(Cause::Origin) => "origin",
        Some(Cause::Client) => "client",
        Some(Cause::Rig) => "rig",
    };
    let category = match fault.map(|fault| fault.category) {
        None => "",
        Some(FaultCategory::Http) => "http",
        Some(FaultCategory::Socket) => "socket",
        Some(FaultCategory::Corruption) => "corruption",
        Some(FaultCategory::Delay) => "delay",
        Some(FaultCategory::Manifest) => "manifest",
        Some(FaultCategory::TransferTimeout) => "transfer_timeout",
        Some(FaultCategory::ClientDisconnect) => "client_disconnect",
    };
    let rule_id = fault.and_then(|fault| fault.rule_id.as_ref());
    VerdictColumns {
        faulted: fault.is_some(),
        cause: cause.into(),
        rule_id: Name(rule_id.map(ToString::to_string).unwrap_or_default()),
        fault_type: Name(fault.map(|fault| fault.name.clone()).unwrap_or_default()),
        fault_action: Name(fault.map(|fault| fault.action.clone()).unwrap_or_default()),
        fault_category: category.into(),
        fault_held_ms: fault.and_then(|fault| fault.held_ms).map(narrow),
    }
}

fn link(link: &Link) -> LinkColumns {
    let end = link.tcp_end.as_ref();
    let sent_again = end.map(|end| {
        let before = link.tcp_start.as_ref().map_or(0, |start| start.retransmits);
        end.retransmits.saturating_sub(before)
    });
    LinkColumns {
        connection: link.connection,
        earlier_exchanges: link.earlier_exchanges,
        effective_rate_limit_mbps: link.rate_limit_mbps.map_or(0.0, narrow),
        client_rtt_ms: end.map(|end| narrow(end.rtt_ms)),
        client_rtt_min_lifetime_ms: end.and_then(|end| end.min_rtt_ms).map(narrow),
        client_rto_ms: end.map(|end| narrow(end.rto_ms)),
        retransmits: sent_again,
        cwnd: end.map(|end| end.cwnd),
        delivery_rate_mbps: end.and_then(|end| end.delivery_rate_mbps).map(narrow),
        app_limited: end.map(|end| end.app_limited),
        tls: link.tls,
        link_held_ms: link.held_ms.map(narrow),
    }
}

fn header(headers: &Headers, name: &str) -> String {
    headers.get(name).unwrap_or_default().to_owned()
}
