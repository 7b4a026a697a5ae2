//! The body of an answer: draws from the origin, does what the script says, and gives to the connection at the link's pace.
//!
//! Invariant: at most one piece is held at a time, and it is given on before the next is drawn, so a slow client slows the
//! origin and holds nothing here. The steps run in order, once. Deliberately absent: the head, which went out before.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::Response;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use rebuffer_engine::Script;
use rebuffer_model::Step;
use rebuffer_shaper::Link;

use super::forward::{Forwarded, Source};
use super::{ReplyBody, empty, left_out, reset};
use crate::record::{Recorder, content_length};

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// Why a body ends before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    /// The origin's body broke off, or paused for too long.
    #[error("the origin's body broke off")]
    Origin,
    /// A script says so.
    #[error("cut by a fault")]
    Cut,
}

/// The answer with its head as it is, and a body that performs the rest of the script.
pub(super) fn pumped(forwarded: Forwarded, script: Script, mut recorder: Recorder) -> Response<ReplyBody> {
    let Forwarded { head, source, may_have_body } = forwarded;
    recorder.answers(head.status, &head.headers, false);
    let bodiless = matches!(source, Source::Nothing);
    // Without a body there is nothing to cut; what remains of a script may still break the connection.
    let remaining = script.iter().any(|step| matches!(step, Step::Reset));
    if bodiless && (!remaining || !may_have_body) {
        recorder.complete();
        if remaining {
            recorder.cut("not_performed_no_body");
        }
        return Response::from_parts(head, if may_have_body { empty() } else { left_out() });
    }
    let expected = content_length(&head.headers);
    let (ready, rest, broken) = match source {
        Source::Nothing => (Bytes::new(), None, false),
        Source::Origin { read, rest } => (read, rest, false),
        Source::BrokenOff { read } => (read, None, true),
    };
    recorder.received(ready.len());
    let pump = Pump {
        link: recorder.session().link.clone(),
        stall: recorder.session().origin.stall(),
        recorder,
        ready,
        rest,
        broken,
        script,
        at: 0,
        zero_fill: false,
        sent: 0,
        expected,
    };
    let body = StreamBody::new(stream::unfold(Some(pump), |pump| async { pump?.next().await }));
    Response::from_parts(head, body.boxed_unsync())
}

/// The body in the making.
struct Pump {
    link: Link,
    stall: Duration,
    recorder: Recorder,
    /// Drawn and not yet given on.
    ready: Bytes,
    rest: Option<Incoming>,
    /// The origin's body is known to break after `ready`.
    broken: bool,
    script: Script,
    at: usize,
    zero_fill: bool,
    sent: u64,
    /// The declared length of the body.
    expected: Option<u64>,
}

/// What drawing from the origin gave.
enum Drawn {
    /// `ready` has bytes.
    Data,
    /// The body is over.
    End,
    /// Trailers.
    Trailers(Frame<Bytes>),
    /// It broke off.
    Broken,
}

type Piece = Result<Frame<Bytes>, Broken>;

impl Pump {
    /// The next piece of the body, with what makes the one after it.
    async fn next(mut self) -> Option<(Piece, Option<Self>)> {
        loop {
            let step = self.script.get(self.at).cloned();
            let room = match step {
                None => {
                    self.recorder.complete();
                    return None;
                }
                Some(Step::Answer { .. } | Step::Forward) => 0,
                Some(Step::ZeroFill) => {
                    self.zero_fill = true;
                    0
                }
                Some(Step::Body) => u64::MAX,
                Some(Step::BodyPrefix { bytes }) => self.room_before_the_last_byte(bytes),
                Some(Step::Reset) => {
                    let action = reset::reset(self.recorder.connection(), self.sent).await;
                    if let Some(action) = action {
                        self.recorder.cut(action);
                    } else {
                        self.recorder.cut_as_named();
                    }
                    return Some((Err(Broken::Cut), None));
                }
            };
            if room == 0 {
                self.at += 1;
                continue;
            }
            match self.draw().await {
                Drawn::Data => return Some((Ok(self.give(room).await), Some(self))),
                Drawn::Trailers(trailers) => return Some((Ok(trailers), Some(self))),
                Drawn::End => self.at += 1,
                Drawn::Broken => {
                    self.recorder.origin_broke();
                    return Some((Err(Broken::Origin), None));
                }
            }
        }
    }

    fn room_before_the_last_byte(&self, bytes: u64) -> u64 {
        let most = self.expected.map_or(bytes, |expected| bytes.min(expected.saturating_sub(1)));
        most.saturating_sub(self.sent)
    }

    async fn draw(&mut self) -> Drawn {
        while self.ready.is_empty() {
            let Some(rest) = self.rest.as_mut() else {
                return if self.broken { Drawn::Broken } else { Drawn::End };
            };
            match tokio::time::timeout(self.stall, rest.frame()).await {
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => {
                        self.recorder.received(data.len());
                        self.ready = data;
                    }
                    Err(trailers) => return Drawn::Trailers(trailers),
                },
                Ok(None) => self.rest = None,
                Ok(Some(Err(_))) | Err(_) => return Drawn::Broken,
            }
        }
        Drawn::Data
    }

    /// Gives on as much of `ready` as room and link allow.
    async fn give(&mut self, room: u64) -> Frame<Bytes> {
        let mut count = self.ready.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        if self.zero_fill {
            count = count.min(ZEROS.len());
        }
        if let Some(pacer) = self.link.pacer() {
            count = pacer.take(count).await;
        }
        let piece = self.ready.split_to(count);
        self.sent += count as u64;
        self.recorder.sent(count);
        if self.expected == Some(self.sent) {
            // Nobody draws from a body once its declared length is reached.
            self.recorder.complete();
        }
        Frame::data(if self.zero_fill { Bytes::from_static(&ZEROS[..count]) } else { piece })
    }
}
