//! The faults: what each is called, what it does, and the script that does it.
//!
//! Invariant: everything about a fault stands in this file: its variant, its row and its script; machinery reads the enum, the
//! table and the script, and asks no further questions. Names, byte counts and times are a contract that tests of players rely
//! on. Deliberately absent: when a fault fires (see `rule.rs`) and how a step is performed (see the proxy).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

mod text;

use crate::{BitsPerSec, Canned, Corruption, Damage, Delay, FaultParams, PlaylistRule, Step};

/// How much of a body passes before a fault in the middle of it strikes.
pub const MID_BODY_BYTES: u64 = 65_536;
/// How long a `*_hang` holds before it closes.
pub const HANG_MS: u64 = 90_000;
/// How long a `*_delayed` holds before it closes.
pub const DELAYED_MS: u64 = 12_000;
/// How long `latency` delays.
pub const LATENCY_MS: u64 = 1_000;
/// The pace of `slow_body`.
pub const SLOW_BODY: BitsPerSec = BitsPerSec(500_000);
/// How many bytes `corrupted` damages at the beginning or the end.
pub const CORRUPT_BYTES: u32 = 1_024;
/// What `wrong_content_type` says.
pub const WRONG_CONTENT_TYPE: &str = "text/html";

/// What happens on the wire when a rule fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Fault {
    /// Leave the request alone, also from later rules.
    None,
    /// Answer with an HTTP status from 400 to 599; the origin is not asked. Written as the number.
    Status(u16),
    /// 504, as of a gateway that waited.
    Timeout,
    /// 503, as of a gateway that was refused.
    ConnectionRefused,
    /// 502, as of a gateway that found no address.
    DnsFailure,
    /// 429.
    RateLimiting,
    /// Nothing is written; held, then closed.
    RequestConnectHang,
    /// Nothing is written; reset.
    RequestConnectReset,
    /// Nothing is written; held for less long, then closed.
    RequestConnectDelayed,
    /// Headers; held, then closed.
    RequestFirstByteHang,
    /// Headers; reset.
    RequestFirstByteReset,
    /// Headers; held for less long, then closed.
    RequestFirstByteDelayed,
    /// Headers and the beginning of the body; held, then closed.
    RequestBodyHang,
    /// Headers and the beginning of the body; reset.
    RequestBodyReset,
    /// Headers and the beginning of the body; held for less long, then closed.
    RequestBodyDelayed,
    /// Headers and the beginning of the body; then the end, as if it were whole.
    Truncated,
    /// The whole answer at a slow pace.
    SlowBody,
    /// The whole answer, later.
    Latency,
    /// The whole answer with a damaged body; length, ranges and headers stay.
    Corrupted,
    /// The whole answer with another Content-Type.
    WrongContentType,
    /// A playlist as it was before.
    StaleManifest,
    /// A redirect to itself.
    RedirectLoop,
    /// A blocking playlist reload does not block.
    BlockingReloadEarly,
    /// A blocking playlist reload is answered later than the origin did.
    BlockingReloadLate,
    /// A blocking playlist reload is never answered.
    BlockingReloadNever,
    /// What a playlist hints at is not there.
    PreloadHintMissing,
    /// The media sequence number of a playlist goes back.
    MediaSequenceBack,
    /// Parts that a playlist listed before are gone.
    VanishedPart,
    /// A delta update says that it skips more than it does.
    WrongSkippedSegments,
}

/// Where on the way a fault strikes; the archive's `fault_category`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultCategory {
    /// A status instead of the answer.
    Http,
    /// The connection breaks.
    Socket,
    /// The bytes are wrong, or what is said of them.
    Corruption,
    /// The answer is whole, but late or slow.
    Delay,
    /// A playlist is not what it should be by now.
    Manifest,
    /// The answer took longer than the player's transfer timeouts allow.
    TransferTimeout,
    /// The client went away.
    ClientDisconnect,
}

/// Which requests a fault can strike at all; a rule owns no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultScope {
    /// Every one.
    Any,
    /// Playlists and MPDs.
    Manifest,
    /// Blocking reloads of a playlist, told by `_HLS_msn`.
    BlockingReload,
    /// What a playlist hints at before it is there.
    PreloadHint,
}

/// One line of the fault list that users read.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct FaultFact {
    /// The fault.
    #[serde(skip)]
    pub fault: Fault,
    /// The name, as in a rule's `type`.
    #[serde(rename = "type")]
    pub name: &'static str,
    /// The status it answers with of its own; absent when it breaks or passes the origin's answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Where it strikes.
    pub category: FaultCategory,
    /// Which requests it can strike.
    pub scope: FaultScope,
    /// The fields of a rule that it takes beside cadence and filter.
    pub params: &'static [&'static str],
    /// Older names, accepted in a rule's `type` and read as this one.
    pub aliases: &'static [&'static str],
    /// What the client sees.
    pub doc: &'static str,
}

const NOTHING: &[&str] = &[];
const ANSWER: &[&str] = &["retry_after", "body"];
const NAMED: &[&str] = &["status", "retry_after", "body"];
const SOCKET: &[&str] = &["h2_scope"];
const HELD: &[&str] = &["hold_ms", "h2_scope"];
const CUT: &[&str] = &["after_bytes", "h2_scope"];
const CUT_AND_HELD: &[&str] = &["after_bytes", "hold_ms", "h2_scope"];

const fn status(status: u16, name: &'static str, doc: &'static str) -> FaultFact {
    let (fault, category, scope) = (Fault::Status(status), FaultCategory::Http, FaultScope::Any);
    FaultFact { fault, name, status: Some(status), category, scope, params: ANSWER, aliases: &[], doc }
}

/// A playlist that breaks a rule of low-latency HLS.
const fn broken(fault: Fault, name: &'static str, doc: &'static str) -> FaultFact {
    let (category, scope) = (FaultCategory::Manifest, FaultScope::Manifest);
    FaultFact { fault, name, status: None, category, scope, params: &["extent"], aliases: &[], doc }
}

/// The faults, for info, documentation and menus. Every status from 400 to 599 is a fault; the usual ones are listed.
pub const FAULTS: &[FaultFact] = &[
    FaultFact {
        fault: Fault::None,
        name: "none",
        status: None,
        category: FaultCategory::Http,
        scope: FaultScope::Any,
        params: NOTHING,
        aliases: &[],
        doc: "Leave matching requests alone, also from later rules.",
    },
    status(403, "403", "403 with an empty body, or with `body`; the origin is not asked."),
    status(
        404,
        "404",
        "404 with an empty body, or with `body`; the origin is not asked. Any status from 400 to 599 works the same.",
    ),
    status(500, "500", "500 with an empty body, or with `body`; the origin is not asked."),
    status(503, "503", "503 with an empty body, or with `body`; the origin is not asked."),
    FaultFact {
        fault: Fault::Timeout,
        name: "timeout",
        status: Some(504),
        category: FaultCategory::Http,
        scope: FaultScope::Any,
        params: NAMED,
        aliases: &[],
        doc: "504 at once, as a gateway says whose origin was too slow; the origin is not asked.",
    },
    FaultFact {
        fault: Fault::ConnectionRefused,
        name: "connection_refused",
        status: Some(503),
        category: FaultCategory::Http,
        scope: FaultScope::Any,
        params: NAMED,
        aliases: &[],
        doc: "503 at once, as a gateway says whose origin does not listen; the origin is not asked.",
    },
    FaultFact {
        fault: Fault::DnsFailure,
        name: "dns_failure",
        status: Some(502),
        category: FaultCategory::Http,
        scope: FaultScope::Any,
        params: NAMED,
        aliases: &[],
        doc: "502 at once, as a gateway says whose origin has no address; the origin is not asked.",
    },
    FaultFact {
        fault: Fault::RateLimiting,
        name: "rate_limiting",
        status: Some(429),
        category: FaultCategory::Http,
        scope: FaultScope::Any,
        params: NAMED,
        aliases: &[],
        doc: "429, with `Retry-After` when `retry_after` is given; the origin is not asked.",
    },
    FaultFact {
        fault: Fault::RequestConnectHang,
        name: "request_connect_hang",
        status: None,
        category: FaultCategory::Socket,
        scope: FaultScope::Any,
        params: HELD,
        aliases: &["hung", "socket_timeout", "socket_drop", "socket_drop_before_headers"],
        doc: "Not one byte: the connection is held for 90 s, then closed.",
    },
    FaultFact {
        fault: Fault::RequestConnectReset,
        name: "request_connect_reset",
        status: None,
        category: FaultCategory::Socket,
        scope: FaultScope::Any,
        params: SOCKET,
        aliases: &["socket_reject", "socket_reject_before_headers"],
        doc: "Not one byte: the connection is reset (TCP RST).",
    },
    FaultFact {
        fault: Fault::RequestConnectDelayed,
        name: "request_connect_delayed",
        status: None,
        category: FaultCategory::Socket,
        scope: FaultScope::Any,
        params: HELD,
        aliases: &[],
        doc: "Not one byte: the connection is held for 12 s, then closed.",
    },
    FaultFact {
        fault: Fault::RequestFirstByteHang,
        name: "request_first_byte_hang",
        status: None,
        category: FaultCategory::Socket,
        scope: FaultScope::Any,
        params: HELD,
        aliases: &["socket_drop_after_headers"],
        doc: "The origin's headers and no body: the connection is held for 90 s, then closed.",
    },
    FaultFact {
        fault: Fault::RequestFirstByteReset,
        name: "request_first_byte_reset",
        status: None,
        category: FaultCategory::Socket,
        scope: FaultScope::Any,
        params: SOCKET,
        aliases: &["socket_reject_after_headers"],
        doc: "The origin's headers and no body, then a TCP reset.",
    },
    FaultFact {
        fault: Fault::RequestFirstByteDelayed,
        name: "request_first_byte_delayed",
        status: None,
        category: FaultCategory::Socket,
        scope: FaultScope::Any,
        params: HELD,
        aliases: &[],
        doc: "The origin's headers and no body: the connection is held for 12 s, then closed.",
    },
    FaultFact {
        fault: Fault::RequestBodyHang,
        name: "request_body_hang",
        status: None,
        category: FaultCategory::Socket,
        scope: FaultScope::Any,
        params: CUT_AND_HELD,
        aliases: &["socket_drop_mid_body"],
        doc: "The origin's headers and up to 64 KiB of its body, never the last byte; held for 90 s, then closed.",
    },
    FaultFact {
        fault: Fault::RequestBodyReset,
        name: "request_body_reset",
        status: None,
        category: FaultCategory::Socket,
        scope: FaultScope::Any,
        params: CUT,
        aliases: &["socket_reject_mid_body"],
        doc: "The origin's headers and up to 64 KiB of its body, never the last byte, then a TCP reset.",
    },
    FaultFact {
        fault: Fault::RequestBodyDelayed,
        name: "request_body_delayed",
        status: None,
        category: FaultCategory::Socket,
        scope: FaultScope::Any,
        params: CUT_AND_HELD,
        aliases: &[],
        doc: "The origin's headers and up to 64 KiB of its body, never the last byte; held for 12 s, then closed.",
    },
    FaultFact {
        fault: Fault::Truncated,
        name: "truncated",
        status: None,
        category: FaultCategory::Socket,
        scope: FaultScope::Any,
        params: &["after_bytes"],
        aliases: &[],
        doc: "The origin's headers with their honest length and up to 64 KiB of its body, never the last byte, then an end in order.",
    },
    FaultFact {
        fault: Fault::SlowBody,
        name: "slow_body",
        status: None,
        category: FaultCategory::Delay,
        scope: FaultScope::Any,
        params: &["rate_mbps"],
        aliases: &[],
        doc: "The whole answer, its body at 0.5 Mbit/s or `rate_mbps`, whatever the link could carry.",
    },
    FaultFact {
        fault: Fault::Latency,
        name: "latency",
        status: None,
        category: FaultCategory::Delay,
        scope: FaultScope::Any,
        params: &["hold_ms", "jitter_ms", "seed"],
        aliases: &[],
        doc: "The whole answer, asked for and given 1 s later, or `hold_ms` give or take `jitter_ms`.",
    },
    FaultFact {
        fault: Fault::Corrupted,
        name: "corrupted",
        status: None,
        category: FaultCategory::Corruption,
        scope: FaultScope::Any,
        params: &["corruption", "corrupt_bytes", "seed"],
        aliases: &[],
        doc: "The whole answer with every byte of the body replaced by zero, or as `corruption` says; its length and its headers stay, but caches are told not to keep it.",
    },
    FaultFact {
        fault: Fault::WrongContentType,
        name: "wrong_content_type",
        status: None,
        category: FaultCategory::Corruption,
        scope: FaultScope::Any,
        params: &["content_type"],
        aliases: &[],
        doc: "The whole answer, said to be text/html or `content_type`.",
    },
    FaultFact {
        fault: Fault::StaleManifest,
        name: "stale_manifest",
        status: None,
        category: FaultCategory::Manifest,
        scope: FaultScope::Manifest,
        params: NOTHING,
        aliases: &[],
        doc: "A playlist as it was when this URL was asked before; the origin is not asked.",
    },
    FaultFact {
        fault: Fault::RedirectLoop,
        name: "redirect_loop",
        status: None,
        category: FaultCategory::Http,
        scope: FaultScope::Any,
        params: NOTHING,
        aliases: &[],
        doc: "302 to the same URL, and to every request that follows it, as long as the rule stands; the origin is not asked.",
    },
    FaultFact {
        fault: Fault::BlockingReloadEarly,
        name: "blocking_reload_early",
        status: None,
        category: FaultCategory::Manifest,
        scope: FaultScope::BlockingReload,
        params: NOTHING,
        aliases: &[],
        doc: "A blocking playlist reload (`_HLS_msn`) is answered at once, with the playlist as it is.",
    },
    FaultFact {
        fault: Fault::BlockingReloadLate,
        name: "blocking_reload_late",
        status: None,
        category: FaultCategory::Manifest,
        scope: FaultScope::BlockingReload,
        params: &["hold_ms", "jitter_ms", "seed"],
        aliases: &[],
        doc: "A blocking playlist reload (`_HLS_msn`) is answered 12 s, or `hold_ms`, after the origin did.",
    },
    FaultFact {
        fault: Fault::BlockingReloadNever,
        name: "blocking_reload_never",
        status: None,
        category: FaultCategory::Manifest,
        scope: FaultScope::BlockingReload,
        params: HELD,
        aliases: &[],
        doc: "A blocking playlist reload (`_HLS_msn`) is not answered: held for 90 s, then closed.",
    },
    FaultFact {
        fault: Fault::PreloadHintMissing,
        name: "preload_hint_missing",
        status: Some(404),
        category: FaultCategory::Manifest,
        scope: FaultScope::PreloadHint,
        params: ANSWER,
        aliases: &[],
        doc: "404 for what the playlist hints at (`EXT-X-PRELOAD-HINT`) before it is there; the origin is not asked.",
    },
    broken(
        Fault::MediaSequenceBack,
        "media_sequence_back",
        "A playlist whose `EXT-X-MEDIA-SEQUENCE` is 5, or `extent`, lower than it was.",
    ),
    broken(
        Fault::VanishedPart,
        "vanished_part",
        "A playlist without the last part, or the last `extent` parts, that it listed before.",
    ),
    broken(
        Fault::WrongSkippedSegments,
        "wrong_skipped_segments",
        "A delta update (`EXT-X-SKIP`) that says it skips 1 segment, or `extent` segments, more than it does.",
    ),
];

const PASS: [Step; 2] = [Step::Forward, Step::Body];

impl Fault {
    /// The steps that perform this fault, in order.
    pub fn script(self, params: &FaultParams) -> Vec<Step> {
        let scope = params.h2_scope.unwrap_or_default();
        let prefix = Step::BodyPrefix { bytes: params.after_bytes.unwrap_or(MID_BODY_BYTES) };
        let hold = |ms| Step::Hold { ms: params.hold_ms.unwrap_or(ms) };
        let delay = |ms| {
            let (ms, jitter_ms) = (params.hold_ms.unwrap_or(ms), params.jitter_ms.unwrap_or(0));
            Step::Delay(Delay { ms, jitter_ms, seed: params.seed.unwrap_or(0) })
        };
        let break_rule = |rule| {
            let extent = params.extent.map(u64::from);
            vec![Step::Forward, Step::BreakRule { rule, extent }, Step::Body]
        };
        let (reset, close) = (Step::Reset(scope), Step::Close(scope));
        match self {
            Self::None => Self::pass(),
            Self::Status(_)
            | Self::Timeout
            | Self::ConnectionRefused
            | Self::DnsFailure
            | Self::RateLimiting
            | Self::PreloadHintMissing => vec![Step::Answer(self.canned(params))],
            Self::RequestConnectHang | Self::BlockingReloadNever => vec![hold(HANG_MS), close],
            Self::RequestConnectReset => vec![reset],
            Self::RequestConnectDelayed => vec![hold(DELAYED_MS), close],
            Self::RequestFirstByteHang => vec![Step::Forward, hold(HANG_MS), close],
            Self::RequestFirstByteReset => vec![Step::Forward, reset],
            Self::RequestFirstByteDelayed => vec![Step::Forward, hold(DELAYED_MS), close],
            Self::RequestBodyHang => vec![Step::Forward, prefix, hold(HANG_MS), close],
            Self::RequestBodyReset => vec![Step::Forward, prefix, reset],
            Self::RequestBodyDelayed => vec![Step::Forward, prefix, hold(DELAYED_MS), close],
            Self::Truncated => vec![Step::Forward, prefix, Step::EndEarly],
            Self::SlowBody => {
                let rate = params.rate_mbps.map_or(SLOW_BODY, |rate| rate.bits_per_sec());
                vec![Step::Forward, Step::Pace(rate), Step::Body]
            }
            Self::Latency => vec![delay(LATENCY_MS), Step::Forward, Step::Body],
            Self::Corrupted => vec![Step::Forward, Step::Damage(damage(params)), Step::Body],
            Self::WrongContentType => {
                let wrong = params.content_type.clone().unwrap_or_else(|| WRONG_CONTENT_TYPE.to_owned());
                vec![Step::Forward, Step::ContentType(wrong), Step::Body]
            }
            Self::StaleManifest => vec![Step::Before, Step::Forward, Step::Body],
            Self::RedirectLoop => vec![Step::RedirectHere],
            Self::BlockingReloadEarly => vec![Step::DropDirectives, Step::Forward, Step::Body],
            Self::BlockingReloadLate => vec![Step::Forward, delay(DELAYED_MS), Step::Body],
            Self::MediaSequenceBack => break_rule(PlaylistRule::MediaSequenceBack),
            Self::VanishedPart => break_rule(PlaylistRule::VanishedPart),
            Self::WrongSkippedSegments => break_rule(PlaylistRule::WrongSkippedSegments),
        }
    }

    /// The steps of a request that nothing touches.
    pub fn pass() -> Vec<Step> {
        PASS.to_vec()
    }

    /// The row of this fault; that of `404` for every status.
    pub fn fact(self) -> &'static FaultFact {
        let listed = if matches!(self, Self::Status(_)) { Self::Status(404) } else { self };
        // A test makes sure that every fault has its row.
        FAULTS.iter().find(|fact| fact.fault == listed).unwrap_or(&FAULTS[0])
    }

    /// Where this fault strikes; `None` for `none`, which strikes nowhere.
    pub fn category(self) -> Option<FaultCategory> {
        (self != Self::None).then(|| self.fact().category)
    }

    /// What the row says was done when everything went as named.
    pub fn action(self, params: &FaultParams) -> String {
        let fact = self.fact();
        if self == Self::None {
            String::new()
        } else if self == Self::Corrupted {
            format!("corrupted_{}", params.corruption.unwrap_or_default().as_str())
        } else if fact.status.is_none() {
            fact.name.to_owned()
        } else {
            let status = self.canned(params).status;
            if matches!(self, Self::Status(_)) {
                format!("http_{status}")
            } else if self == Self::RateLimiting {
                format!("http_{status}_rate_limited")
            } else {
                format!("http_{status}_{self}")
            }
        }
    }

    fn canned(self, params: &FaultParams) -> Canned {
        let fact = self.fact();
        // Only a fault with a name of its own may answer with another status than the one it stands for.
        let told = params.status.filter(|_| fact.params.contains(&"status"));
        let status =
            if let Self::Status(status) = self { status } else { told.or(fact.status).unwrap_or(404) };
        Canned { status, retry_after: params.retry_after, body: params.body.clone().unwrap_or_default() }
    }
}

fn damage(params: &FaultParams) -> Damage {
    let count = params.corrupt_bytes.unwrap_or(CORRUPT_BYTES);
    match params.corruption.unwrap_or_default() {
        Corruption::ZeroFill => Damage::Zero,
        Corruption::BitFlips => Damage::BitFlips { seed: params.seed.unwrap_or(0) },
        Corruption::FirstBytes => Damage::First(count),
        Corruption::LastBytes => Damage::Last(count),
    }
}

#[cfg(test)]
mod tests;
