//! The record of an exchange, from the request's head to the last byte acknowledged.
//!
//! Invariant: every exchange that began is recorded exactly once, however it ends, because the record is written when the
//! recorder is dropped. Numbers are measured: what was not is absent.
//! Deliberately absent: deciding or sending anything.

mod ending;
mod faults;
mod settle;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use http::{HeaderMap, Method, Request, StatusCode};
use rebuffer_api::CurrentPlay;
use rebuffer_model::{
    Answer, Cause, Cmcd, Edits, Exchange, Headers, Known, Link, OriginAnswer, PlayId, Presentation, Remark,
    RequestKind, RequestSeen, Timing, Variant,
};

pub(crate) use settle::{Settler, Tail, settle_finished};

use crate::caller::Caller;
use crate::clock;
use crate::deadline::Deadlines;
use crate::hold::hold_back;
use crate::identity;
use crate::lane::Lane;
use crate::origin::{Heard, Origin};
use crate::redact;
use crate::rig::Rig;
use crate::sessions::{Activity, Endpoint};
use crate::upload::{Upload, Uploaded};

/// How an exchange ended, as far as the rig can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The client went away, unless somebody says otherwise first.
    Open,
    /// Everything that was to be sent was handed to the connection.
    Complete,
    /// Cut on purpose.
    Cut,
    /// The origin stopped in the middle.
    OriginBroke,
}

/// What a request turned out to be.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) kind: RequestKind,
    pub(crate) variant: Option<Variant>,
    pub(crate) presentation: Option<Presentation>,
    /// How many rungs the presentation has.
    pub(crate) ladder_len: usize,
}

/// Collects what happens in one exchange and records it when dropped.
#[derive(Debug)]
pub(crate) struct Recorder {
    rig: Arc<Rig>,
    endpoint: Endpoint,
    lane: Lane,
    exchange: Option<Box<Exchange>>,
    caller: Caller,
    began: Instant,
    first_byte: Option<Instant>,
    holding_since: Option<Instant>,
    /// Absent when the transfer may take as long as it takes.
    deadlines: Option<Arc<Deadlines>>,
    /// Rungs of the presentation it belongs to.
    ladder_len: usize,
    /// Counts what came of the request's body; absent when it has none.
    uploaded: Option<Uploaded>,
    end: End,
    _activity: Activity,
}

impl Recorder {
    /// `beside` is the play it belongs to, when that is not the player's current one.
    pub(crate) fn begin(
        rig: &Arc<Rig>,
        endpoint: Endpoint,
        lane: &Lane,
        request: &Request<Upload>,
        caller: Caller,
        beside: Option<CurrentPlay>,
    ) -> Self {
        let (connection, session) = (lane.connection(), endpoint.session());
        let activity = session.begin(connection, &identity::user_agent(request.headers()));
        let outstanding = connection.outstanding();
        if !lane.is_stream() {
            settle::next_began(rig, connection, outstanding);
        }
        let mut who = session.player.who();
        let mut remarks = Vec::new();
        if let Some(play) = beside {
            who.play_id = Some(play.id);
            who.attempt_id = play.attempt_id;
            remarks.push(Remark::PlayBeside);
        }
        let exchange = Exchange {
            who,
            started_at: clock::now(),
            request: RequestSeen {
                method: request.method().as_str().to_owned(),
                http_version: format!("{:?}", request.version()),
                url: redact::path_and_query(request.uri()),
                kind: RequestKind::Other,
                known: None,
                variant: None,
                presentation: None,
                headers: redact::headers(request.headers()),
                body_bytes: content_length(request.headers()).unwrap_or(0),
                cmcd: None,
            },
            origin: None,
            answer: Answer {
                status: 0,
                headers: Headers::default(),
                content_type: String::new(),
                body_bytes: 0,
                complete: false,
                edits: None,
                playlist_unread: None,
            },
            remarks,
            timing: Timing { client_wait_ms: 0.0, transfer_ms: 0.0, total_ms: 0.0, delivered_mbps: None },
            cause: None,
            fault: None,
            link: Link {
                connection: connection.number,
                earlier_exchanges: connection.begin_exchange(),
                tls: connection.is_secure(),
                rate_limit_mbps: session.link.in_force().rate.map(|rate| rate.mbps()),
                tcp_start: outstanding.map(|outstanding| outstanding.snapshot),
                held_ms: None,
                tcp_end: None,
            },
        };
        Self {
            rig: Arc::clone(rig),
            endpoint,
            lane: lane.clone(),
            exchange: Some(Box::new(exchange)),
            caller,
            began: Instant::now(),
            first_byte: None,
            holding_since: None,
            deadlines: None,
            ladder_len: 0,
            uploaded: request.body().uploaded(),
            end: End::Open,
            _activity: activity,
        }
    }

    /// The session, at the port that was asked.
    pub(crate) fn session(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The client's side of the request.
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(crate) fn lane(&self) -> &Lane {
        &self.lane
    }

    pub(crate) fn rig(&self) -> &Arc<Rig> {
        &self.rig
    }

    fn edit(&mut self, edit: impl FnOnce(&mut Exchange)) {
        if let Some(exchange) = self.exchange.as_deref_mut() {
            edit(exchange);
        }
    }

    /// What the request is for, as far as is known.
    pub(crate) fn classified(
        &mut self,
        kind: RequestKind,
        known: Known,
        variant: Option<&Variant>,
        presentation: Option<(&Presentation, usize)>,
    ) {
        self.ladder_len = presentation.map_or(0, |(_, rungs)| rungs);
        let variant = variant.map(redact::variant);
        let presentation = presentation.map(|(presentation, _)| redact::presentation(presentation));
        self.edit(|exchange| {
            let request = &mut exchange.request;
            request.kind = kind;
            request.known = Some(known);
            request.variant = variant;
            request.presentation = presentation;
        });
    }

    /// What the request turned out to be so far.
    pub(crate) fn seen(&self) -> Seen {
        let exchange = self.exchange.as_ref().map(|exchange| &exchange.request);
        Seen {
            kind: exchange.map_or(RequestKind::Other, |request| request.kind),
            variant: exchange.and_then(|request| request.variant.clone()),
            presentation: exchange.and_then(|request| request.presentation.clone()),
            ladder_len: self.ladder_len,
        }
    }

    /// Something that no rule brought about.
    pub(crate) fn remark(&mut self, remark: Remark) {
        self.edit(|exchange| {
            if !exchange.remarks.contains(&remark) {
                exchange.remarks.push(remark);
            }
        });
    }

    /// Whether this was remarked.
    pub(crate) fn has_remark(&self, remark: Remark) -> bool {
        self.exchange.as_ref().is_some_and(|exchange| exchange.remarks.contains(&remark))
    }

    /// A body that looks like a playlist was not read.
    pub(crate) fn unread(&mut self, reason: &str) {
        self.remark(Remark::PlaylistUnread);
        self.edit(|exchange| exchange.answer.playlist_unread = Some(reason.to_owned()));
    }

    /// The play the request belongs to.
    pub(crate) fn play(&self) -> Option<&PlayId> {
        self.exchange.as_ref().and_then(|exchange| exchange.who.play_id.as_ref())
    }

    /// What the player said of itself with the request; without credentials.
    pub(crate) fn told(&mut self, cmcd: Cmcd) {
        self.edit(|exchange| exchange.request.cmcd = Some(Box::new(cmcd)));
    }

    /// A playlist was edited, or should have been.
    pub(crate) fn edited(&mut self, edits: Edits) {
        self.edit(|exchange| exchange.answer.edits = Some(edits));
    }

    /// The origin answered.
    pub(crate) fn heard(&mut self, origin: &Origin, url: &str, heard: &Heard) {
        self.rig.meters.origin_ttfb.observe(heard.ttfb_ms / 1e3);
        self.rig.meters.origin_swallowed.inc_by(heard.swallowed);
        let response = &heard.response;
        let answer = OriginAnswer {
            name: origin.config.name.clone(),
            url: origin.url_of(url),
            status: response.status().as_u16(),
            headers: redact::headers(response.headers()),
            reused: heard.phases.is_none(),
            dns_ms: heard.phases.map(|phases| phases.dns_ms),
            connect_ms: heard.phases.map(|phases| phases.connect_ms),
            ttfb_ms: heard.ttfb_ms,
            body_bytes: 0,
        };
        if origin.is_verified() == Some(false) {
            self.remark(Remark::CertificateNotVerified);
        }
        let status = response.status();
        self.edit(|exchange| {
            exchange.origin = Some(answer);
            if exchange.cause.is_none() && (status.is_client_error() || status.is_server_error()) {
                exchange.cause = Some(Cause::Origin);
            }
        });
    }

    /// The answer is there: it is held back, once, where the link's delay has to be done on answers.
    pub(crate) async fn delayed_by_the_link(&mut self) {
        if self.exchange.as_ref().is_some_and(|exchange| exchange.link.held_ms.is_some()) {
            return;
        }
        if let Some(held) = hold_back(&self.endpoint.link).await {
            self.edit(|exchange| exchange.link.held_ms = Some(held.as_secs_f64() * 1e3));
        }
    }

    /// Bytes of body came from the origin.
    pub(crate) fn received(&mut self, bytes: usize) {
        self.edit(|exchange| {
            if let Some(origin) = &mut exchange.origin {
                origin.body_bytes += bytes as u64;
            }
        });
    }

    /// The head goes out now.
    pub(crate) fn answers(&mut self, status: StatusCode, headers: &HeaderMap, own_headers: bool) {
        let now = Instant::now();
        self.first_byte = Some(now);
        let wait = (now - self.began).as_secs_f64() * 1e3;
        self.edit(|exchange| {
            exchange.answer.status = status.as_u16();
            exchange.timing.client_wait_ms = wait;
            let content_type = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
            exchange.answer.content_type = content_type.unwrap_or_default().to_owned();
            if own_headers {
                exchange.answer.headers = redact::headers(headers);
            }
        });
    }

    /// Bytes of body were handed to the connection.
    pub(crate) fn sent(&mut self, bytes: usize) {
        if let Some(deadlines) = &self.deadlines {
            deadlines.gave(bytes);
        }
        self.edit(|exchange| exchange.answer.body_bytes += bytes as u64);
    }

    /// Everything that was to be sent was.
    pub(crate) fn complete(&mut self) {
        self.end = End::Complete;
    }

    /// What the client goes on to send is counted here, as the body of its request.
    pub(crate) fn counts_upload(&mut self) -> Uploaded {
        self.uploaded.get_or_insert_default().clone()
    }

    /// The origin's body broke off.
    pub(crate) fn origin_broke(&mut self) {
        self.end = End::OriginBroke;
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // A client that had enough of a silence got what was meant for it.
        if self.holding_since.is_some() && !self.rig.closing.is_cancelled() {
            self.held();
            self.end = End::Cut;
        }
        let passed = self.deadlines.as_ref().and_then(|deadlines| {
            deadlines.over();
            deadlines.passed()
        });
        let Some(mut exchange) = self.exchange.take() else { return };
        if let Some(uploaded) = &self.uploaded {
            exchange.request.body_bytes = uploaded.bytes();
        }
        let now = Instant::now();
        let ms = |since: Instant| (now - since).as_secs_f64() * 1e3;
        exchange.timing.transfer_ms = self.first_byte.map_or(0.0, ms);
        exchange.timing.total_ms = ms(self.began);
        exchange.answer.complete = self.end == End::Complete;
        match self.end {
            End::Complete | End::Cut => {}
            End::Open if passed.is_some() => {
                if let Some(which) = passed {
                    ending::timed_out(&mut exchange, which, "mid_body");
                }
            }
            End::Open if self.rig.closing.is_cancelled() => ending::left_behind(&mut exchange),
            End::Open => ending::never_arrived(&mut exchange),
            End::OriginBroke => ending::truncated(&mut exchange),
        }
        self.endpoint.telemetry.bytes_out.fetch_add(exchange.answer.body_bytes, Ordering::Relaxed);
        let first_byte = self.first_byte.unwrap_or(now);
        let deadlines = self.deadlines.take();
        self.rig.settler.finish(exchange, &self.lane, deadlines, (self.began, first_byte));
    }
}

/// The declared length of a body.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(http::header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Whether an answer to this request has a body at all.
pub(crate) fn has_body(method: &Method, status: StatusCode) -> bool {
    method != Method::HEAD
        && !status.is_informational()
        && status != StatusCode::NO_CONTENT
        && status != StatusCode::NOT_MODIFIED
}
