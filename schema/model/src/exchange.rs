//! One request and its answer, as the rig saw both sides: a `network_requests` row and the source of a HAR entry.
//!
//! Invariant: what was *sent* and what the origin *said* are kept apart; credentials were redacted before a value of this type
//! was made; a number that was not measured is absent, never zero.
//! Deliberately absent: how any of it is measured.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Cmcd, FaultCategory, HeaderField, Headers, Known, OriginName, Presentation, Remark, RequestKind, RuleId,
    Timestamp, Variant, Who,
};

/// One request and its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Exchange {
    /// Whose it is.
    pub who: Who,
    /// When the request's head had arrived.
    pub started_at: Timestamp,
    /// What the client asked.
    pub request: RequestSeen,
    /// What the origin said; absent when it was not asked or did not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<OriginAnswer>,
    /// What was sent to the client.
    pub answer: Answer,
    /// What else is worth knowing of it, each once: above all what the rig changed by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<Remark>,
    /// How long the parts took.
    pub timing: Timing,
    /// Why it did not go as the client wanted; absent when it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The fault, injected or observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<FaultSeen>,
    /// The client's connection.
    pub link: Link,
}

/// What the client asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RequestSeen {
    /// The method.
    pub method: String,
    /// `HTTP/1.1` and the like.
    pub http_version: String,
    /// Path and query as the client sent them, redacted.
    pub url: String,
    /// What it asked for.
    pub kind: RequestKind,
    /// How that is known; absent in records from before it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Known>,
    /// The rung it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<Variant>,
    /// The presentation it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presentation: Option<Presentation>,
    /// The headers, redacted.
    #[schema(value_type = Vec<HeaderField<'_>>)]
    pub headers: Headers,
    /// Bytes of the request's body.
    pub body_bytes: u64,
    /// What the player said of itself with the request (CMCD), redacted; absent when it said nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cmcd: Option<Box<Cmcd>>,
}

/// What the origin said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OriginAnswer {
    /// The configured name; of an origin that `--origin-hosts` let in, its host.
    pub name: OriginName,
    /// The absolute URL that was asked, redacted.
    pub url: String,
    /// Its status.
    pub status: u16,
    /// Its headers, redacted.
    #[schema(value_type = Vec<HeaderField<'_>>)]
    pub headers: Headers,
    /// Whether a pooled connection was used.
    pub reused: bool,
    /// Name resolution, ms; absent on a reused connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_ms: Option<f64>,
    /// TCP connect, ms; absent on a reused connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_ms: Option<f64>,
    /// From asking the origin to its status line, ms.
    pub ttfb_ms: f64,
    /// Bytes of body that arrived.
    pub body_bytes: u64,
}

/// What was sent to the client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Answer {
    /// The status that was sent; 0 when none was.
    pub status: u16,
    /// The headers that were sent, redacted; empty when they are the origin's.
    #[schema(value_type = Vec<HeaderField<'_>>)]
    pub headers: Headers,
    /// The Content-Type that was sent.
    pub content_type: String,
    /// Bytes of body handed to the connection.
    pub body_bytes: u64,
    /// Whether the whole answer was sent.
    pub complete: bool,
    /// What was edited of a playlist; absent when no edit was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edits: Option<Edits>,
    /// Why a body that looks like a playlist was not read; absent when there was none, or it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playlist_unread: Option<String>,
}

/// What was edited of a playlist, as `content` asks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Edits {
    /// How many places were edited.
    pub changed: u64,
    /// What was asked and could not be done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmet: Vec<UnmetEdit>,
}

/// An edit that was asked for and could not be made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct UnmetEdit {
    /// The field of `content`; empty for all of them.
    pub field: String,
    /// Why.
    pub why: String,
}

/// How long the parts of an exchange took, ms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Timing {
    /// From the request's head to the first byte of the answer's head.
    pub client_wait_ms: f64,
    /// From the first byte of the answer to the last handed to the connection.
    pub transfer_ms: f64,
    /// From the request's head to the last byte acknowledged, or sent where that cannot be known.
    pub total_ms: f64,
    /// How fast the body was acknowledged, 10^6 bit/s; absent when the body fits the send buffer and nothing can be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_mbps: Option<f64>,
}

/// Why an exchange did not go as the client wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A rule.
    Injected,
    /// The origin.
    Origin,
    /// The client.
    Client,
    /// The rig itself.
    Rig,
}

/// A fault as it happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FaultSeen {
    /// The rule that fired; absent when nothing was injected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule_id: Option<RuleId>,
    /// The fault's name: a rule's `type`, or `client_disconnect`, `origin_truncated`.
    #[serde(rename = "type")]
    pub name: String,
    /// What was done; differs from the fault's usual action when it could not be performed as named.
    pub action: String,
    /// Where it struck.
    pub category: FaultCategory,
    /// How long it held the answer or the connection, ms; absent when it held nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_ms: Option<f64>,
}

/// The client's connection, around the exchange.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Link {
    /// Which connection of the session, counted from 1.
    pub connection: u64,
    /// How many exchanges the connection had carried before.
    pub earlier_exchanges: u64,
    /// Whether it is encrypted.
    #[serde(default)]
    pub tls: bool,
    /// The cap in force when the request came, 10^6 bit/s; absent is unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit_mbps: Option<f64>,
    /// TCP at the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp_start: Option<TcpSnapshot>,
    /// How long the answer was held back where the link's delay cannot be done on packets, ms; part of `client_wait_ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_ms: Option<f64>,
    /// TCP at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp_end: Option<TcpSnapshot>,
}

/// What the kernel says of a connection (`TCP_INFO`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TcpSnapshot {
    /// Smoothed round trip, ms.
    pub rtt_ms: f64,
    /// Smallest round trip of the connection, ms; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_rtt_ms: Option<f64>,
    /// Retransmission timeout, ms.
    pub rto_ms: f64,
    /// Segments sent again so far.
    pub retransmits: u64,
    /// Congestion window, segments.
    pub cwnd: u32,
    /// Delivery rate estimate, 10^6 bit/s; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_rate_mbps: Option<f64>,
    /// Whether the estimate was limited by the sender having nothing to send.
    pub app_limited: bool,
    /// Bytes acknowledged so far.
    pub bytes_acked: u64,
}
