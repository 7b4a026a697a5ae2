//! HAR 1.2: what a session did, as tools that read archives of HTTP want it.
//!
//! Invariant: `time` is the sum of the timings that are not -1; what was not measured is -1, as the format says, and never 0.
//! What HAR has no field for begins with `_`. Deliberately absent: pages and bodies; the rig keeps neither.

use http::StatusCode;
use percent_encoding::percent_decode_str;
use rebuffer_model::{
    Cause, Cmcd, Exchange, FaultSeen, Headers, Known, OriginAnswer, Presentation, Remark, RequestKind,
    Variant,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Not measured.
const UNKNOWN: f64 = -1.0;

/// An archive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Har {
    /// All of it.
    pub log: HarLog,
}

/// The exchanges of one session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HarLog {
    /// `1.2`.
    pub version: String,
    /// Who wrote it.
    pub creator: HarCreator,
    /// The exchanges, in the order in which they began.
    pub entries: Vec<HarEntry>,
    /// What is missing, if anything is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// Who wrote an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HarCreator {
    /// The program.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// One exchange.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HarEntry {
    /// When the request's head had arrived, RFC 3339.
    pub started_date_time: String,
    /// The sum of the timings, ms.
    pub time: f64,
    /// What the client asked.
    pub request: HarRequest,
    /// What was sent to the client.
    pub response: HarResponse,
    /// Nothing is cached here.
    pub cache: HarCache,
    /// How long the parts took.
    pub timings: HarTimings,
    /// Which connection of the rig it came by.
    pub connection: String,
    /// What the rig knows beyond that.
    #[serde(flatten)]
    pub beyond: HarBeyond,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HarRequest {
    /// The method.
    pub method: String,
    /// The absolute URL, redacted.
    pub url: String,
    /// `HTTP/1.1` and the like.
    pub http_version: String,
    /// Cookies are not kept.
    pub cookies: Vec<HarPair>,
    /// The headers, redacted.
    pub headers: Vec<HarPair>,
    /// The query, decoded.
    pub query_string: Vec<HarPair>,
    /// -1: not counted.
    pub headers_size: i64,
    /// Bytes of body; -1 when they were not declared.
    pub body_size: i64,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HarResponse {
    /// The status; 0 when none was sent.
    pub status: u16,
    /// What the status is called.
    pub status_text: String,
    /// `HTTP/1.1` and the like.
    pub http_version: String,
    /// Cookies are not kept.
    pub cookies: Vec<HarPair>,
    /// The headers, redacted.
    pub headers: Vec<HarPair>,
    /// The body, without its bytes.
    pub content: HarContent,
    /// Where a redirect leads; empty when it is none.
    #[serde(rename = "redirectURL")]
    pub redirect_url: String,
    /// -1: not counted.
    pub headers_size: i64,
    /// Bytes of body that were sent; -1 when there was no answer.
    pub body_size: i64,
    /// The same for Chrome, which otherwise shows the sum of both sizes, and so one byte less; 0 when there was no answer.
    #[serde(rename = "_transferSize")]
    pub transfer_size: i64,
}

/// A name and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HarPair {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

/// A body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HarContent {
    /// Bytes as they were sent, -1 when they are encoded and their number after decoding is not known.
    pub size: i64,
    /// The Content-Type that was sent.
    pub mime_type: String,
}

/// Nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HarCache {}

/// How long the parts took, ms; -1 for what is the client's to know.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HarTimings {
    /// In the client's queue: -1.
    pub blocked: f64,
    /// The client's name resolution: -1.
    pub dns: f64,
    /// The client's TCP connect: -1.
    pub connect: f64,
    /// The client's TLS handshake: -1.
    pub ssl: f64,
    /// 0: a request is there when its head is.
    pub send: f64,
    /// From the request's head to the first byte of the answer.
    pub wait: f64,
    /// From there to the last byte acknowledged, or sent where that cannot be known.
    pub receive: f64,
}

/// What HAR has no field for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HarBeyond {
    /// What was asked for.
    #[serde(rename = "_kind")]
    pub kind: RequestKind,
    /// How that is known.
    #[serde(rename = "_known", default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Known>,
    /// The presentation it belongs to.
    #[serde(rename = "_presentation", default, skip_serializing_if = "Option::is_none")]
    pub presentation: Option<Presentation>,
    /// What the rig changed by itself or did not see.
    #[serde(rename = "_remarks", default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<Remark>,
    /// Why a body that looks like a playlist was not read.
    #[serde(rename = "_playlist_unread", default, skip_serializing_if = "Option::is_none")]
    pub playlist_unread: Option<String>,
    /// The rung it belongs to.
    #[serde(rename = "_variant", default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<Variant>,
    /// Why it did not go as the client wanted.
    #[serde(rename = "_cause", default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The fault, injected or observed.
    #[serde(rename = "_fault", default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<FaultSeen>,
    /// Whether the whole answer was sent.
    #[serde(rename = "_complete")]
    pub complete: bool,
    /// What the origin said.
    #[serde(rename = "_origin", default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<OriginAnswer>,
    /// What the player said of itself (CMCD).
    #[serde(rename = "_cmcd", default, skip_serializing_if = "Option::is_none")]
    pub cmcd: Option<Box<Cmcd>>,
    /// How fast the body was acknowledged, 10^6 bit/s.
    #[serde(rename = "_delivered_mbps", default, skip_serializing_if = "Option::is_none")]
    pub delivered_mbps: Option<f64>,
}

impl HarEntry {
    /// The entry of an exchange. `host` is where its client asked when it did not say so itself, with a port.
    pub fn of(exchange: Exchange, host: &str) -> Self {
        let timings = timings(&exchange);
        let Exchange { started_at, request, origin, answer, remarks, timing, cause, fault, link, .. } =
            exchange;
        let scheme = if link.tls { "https" } else { "http" };
        let host = request.headers.get("host").unwrap_or(host);
        let sent =
            if answer.headers.is_empty() { origin.as_ref().map(|origin| &origin.headers) } else { None };
        let sent = sent.unwrap_or(&answer.headers);
        let response = HarResponse {
            status: answer.status,
            status_text: reason(answer.status),
            http_version: request.http_version.clone(),
            cookies: Vec::new(),
            headers: pairs(sent),
            content: HarContent {
                size: if sent.get("content-encoding").is_some() { -1 } else { size(answer.body_bytes) },
                mime_type: answer.content_type,
            },
            redirect_url: sent.get("location").unwrap_or_default().to_owned(),
            headers_size: -1,
            body_size: if answer.status == 0 { -1 } else { size(answer.body_bytes) },
            transfer_size: size(answer.body_bytes),
        };
        let chunked = request.headers.get("transfer-encoding").is_some();
        let asked = HarRequest {
            method: request.method,
            url: format!("{scheme}://{host}{}", request.url),
            http_version: request.http_version,
            cookies: Vec::new(),
            headers: pairs(&request.headers),
            query_string: query(&request.url),
            headers_size: -1,
            body_size: if chunked { -1 } else { size(request.body_bytes) },
        };
        Self {
            started_date_time: started_at.to_string(),
            time: timings.sum(),
            request: asked,
            response,
            cache: HarCache {},
            timings,
            connection: link.connection.to_string(),
            beyond: HarBeyond {
                kind: request.kind,
                known: request.known,
                presentation: request.presentation,
                remarks,
                playlist_unread: answer.playlist_unread,
                variant: request.variant,
                cause,
                fault,
                complete: answer.complete,
                origin,
                cmcd: request.cmcd,
                delivered_mbps: timing.delivered_mbps,
            },
        }
    }
}

impl HarTimings {
    /// The timings that are not -1, without `ssl`, which is part of `connect`.
    pub fn sum(&self) -> f64 {
        let all = [self.blocked, self.dns, self.connect, self.send, self.wait, self.receive];
        all.into_iter().filter(|ms| *ms >= 0.0).sum()
    }
}

fn timings(exchange: &Exchange) -> HarTimings {
    let timing = &exchange.timing;
    // Without an answer, all of it was waiting.
    let wait = if exchange.answer.status == 0 { timing.total_ms } else { timing.client_wait_ms };
    let receive = (timing.total_ms - wait).max(0.0);
    HarTimings { blocked: UNKNOWN, dns: UNKNOWN, connect: UNKNOWN, ssl: UNKNOWN, send: 0.0, wait, receive }
}

fn pairs(headers: &Headers) -> Vec<HarPair> {
    headers.iter().map(|(name, value)| HarPair { name: name.to_owned(), value: value.to_owned() }).collect()
}

fn query(url: &str) -> Vec<HarPair> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let parameters = query.split('&').filter(|parameter| !parameter.is_empty());
    let split = parameters.map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")));
    split.map(|(name, value)| HarPair { name: decoded(name), value: decoded(value) }).collect()
}

fn reason(status: u16) -> String {
    let status = StatusCode::from_u16(status).ok();
    status.and_then(|status| status.canonical_reason()).unwrap_or_default().to_owned()
}

fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use rebuffer_model::PresentationRole;

    use super::*;

    fn exchange(edit: &str) -> Exchange {
        let text = format!(
            r#"{{"who":{{"player_id":"4f0a8c14-2bb5-4a31-a2e1-0b6c63c83e88"}},"started_at":"2026-03-01T10:00:00.5Z",
            "request":{{"method":"GET","http_version":"HTTP/1.1","url":"/a%20b.m4s?x=1%262&y","kind":"segment",
              "headers":[{{"name":"Host","value":"rig:30100"}}],"body_bytes":0}},
            "timing":{{"client_wait_ms":10.25,"transfer_ms":5.0,"total_ms":17.75}},
            "link":{{"connection":3,"earlier_exchanges":0}},{edit}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn numbers_add_up_and_what_is_unknown_is_said_so() {
        let answer = r#""answer":{"status":206,"headers":[{"name":"content-encoding","value":"br"}],
            "content_type":"video/mp4","body_bytes":70,"complete":true}"#;
        let entry = HarEntry::of(exchange(answer), "elsewhere");
        assert_eq!((entry.timings.wait, entry.timings.receive), (10.25, 7.5));
        assert_eq!(entry.time, 17.75);
        let HarResponse { content, body_size, transfer_size, .. } = &entry.response;
        assert_eq!((content.size, *body_size, *transfer_size), (-1, 70, 70));
        assert_eq!(entry.response.status_text, "Partial Content");
        assert_eq!(entry.request.url, "http://rig:30100/a%20b.m4s?x=1%262&y");
        let pair = |name: &str, value: &str| HarPair { name: name.to_owned(), value: value.to_owned() };
        assert_eq!(entry.request.query_string, [pair("x", "1&2"), pair("y", "")]);
        let json = serde_json::to_string(&entry).unwrap();
        assert!(json.contains(r#""startedDateTime":"2026-03-01T10:00:00.5"#), "{json}");
        assert!(json.contains(r#""_kind":"segment""#) && json.contains(r#""redirectURL":"""#), "{json}");
        assert_eq!(serde_json::from_str::<HarEntry>(&json).unwrap(), entry);
    }

    #[test]
    fn what_is_known_and_remarked_is_said_beside_it() {
        let answer = r#""remarks":["playlist_unread"],"answer":{"status":200,"headers":[],"content_type":"",
            "body_bytes":7,"complete":true,"playlist_unread":"it broke off"}"#;
        let mut exchange = exchange(answer);
        exchange.request.known = Some(Known::Guessed);
        exchange.request.presentation =
            Some(Presentation { path: "/ad.m3u8".into(), role: PresentationRole::Interstitial });
        let json = serde_json::to_string(&HarEntry::of(exchange, "elsewhere")).unwrap();
        let said = r#""_known":"guessed","_presentation":{"path":"/ad.m3u8","role":"interstitial"},"_remarks":["playlist_unread"],"_playlist_unread":"it broke off""#;
        assert!(json.contains(said), "{json}");
    }

    #[test]
    fn without_an_answer_all_of_it_was_waiting() {
        let answer =
            r#""answer":{"status":0,"headers":[],"content_type":"","body_bytes":0,"complete":false}"#;
        let entry = HarEntry::of(exchange(answer), "elsewhere");
        assert_eq!((entry.timings.wait, entry.timings.receive, entry.time), (17.75, 0.0, 17.75));
        let HarResponse { status, body_size, transfer_size, .. } = entry.response;
        assert_eq!((status, body_size, transfer_size), (0, -1, 0));
    }
}
