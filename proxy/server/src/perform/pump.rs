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
use super::reset::Breach;
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
    let (ready, rest, broken) = match source {
        Source::Nothing => {
            recorder.complete();
            // Without a body there is nothing to cut and nothing to overwrite.
            if script.iter().any(|step| matches!(step, Step::Reset | Step::ZeroFill)) {
                recorder.not_performed("not_performed_no_body");
            }
            return Response::from_parts(head, if may_have_body { empty() } else { left_out() });
        }
        Source::Origin { read, rest } => (read, rest, None),
        Source::BrokenOff { read, how } => (read, None, Some(how)),
    };
    let expected = content_length(&head.headers);
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
    broken: Option<Breach>,
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
    Broken(Breach),
}

type Piece = Result<Frame<Bytes>, Broken>;

impl Pump {
    /// The next piece of the body, with what makes the one after it.
    async fn next(mut self) -> Option<(Piece, Option<Self>)> {
        loop {
            let step = self.script.get(self.at).cloned();
            let (room, keep) = match step {
                None => {
                    self.recorder.complete();
                    return None;
                }
                Some(Step::Answer { .. } | Step::Forward) => (0, 0),
                Some(Step::ZeroFill) => {
                    self.zero_fill = true;
                    (0, 0)
                }
                Some(Step::Body) => (u64::MAX, 0),
                Some(Step::BodyPrefix { bytes }) => self.room_before_the_last_byte(bytes),
                Some(Step::Reset) => return Some((Err(self.reset().await), None)),
            };
            if room == 0 {
                self.at += 1;
                continue;
            }
            match self.draw(keep).await {
                Drawn::Data => return Some((Ok(self.give(room, keep).await), Some(self))),
                // The end of a body that is to be cut: what follows it would make it whole.
                Drawn::Trailers(_) if self.script.contains(&Step::Reset) => {}
                Drawn::Trailers(trailers) => {
                    // Nobody draws from a body after its trailers.
                    self.recorder.complete();
                    return Some((Ok(trailers), Some(self)));
                }
                Drawn::End => self.at += 1,
                Drawn::Broken(how) => return Some((Err(self.break_like_the_origin(how).await), None)),
            }
        }
    }

    /// How much may go before the last byte, and how much must be kept back because any byte may be the last.
    fn room_before_the_last_byte(&self, bytes: u64) -> (u64, usize) {
        let most = self.expected.map_or(bytes, |expected| bytes.min(expected.saturating_sub(1)));
        (most.saturating_sub(self.sent), usize::from(self.expected.is_none()))
    }

    async fn reset(&mut self) -> Broken {
        if let Some(instead) = reset::reset(self.recorder.connection(), self.sent).await {
            self.recorder.not_performed(&instead);
        }
        self.recorder.cut();
        Broken::Cut
    }

    /// The client gets what the origin gave, and then the same end.
    async fn break_like_the_origin(&mut self, how: Breach) -> Broken {
        self.recorder.origin_broke();
        reset::end_like_the_origin(self.recorder.connection(), self.sent, how, self.stall).await;
        Broken::Origin
    }

    /// Draws until `ready` has more than it must keep.
    async fn draw(&mut self, keep: usize) -> Drawn {
        while self.ready.len() <= keep {
            let Some(rest) = self.rest.as_mut() else {
                return self.broken.map_or(Drawn::End, Drawn::Broken);
            };
            match tokio::time::timeout(self.stall, rest.frame()).await {
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => {
                        self.recorder.received(data.len());
                        self.ready = if self.ready.is_empty() {
                            data
                        } else {
                            [&self.ready[..], &data].concat().into()
                        };
                    }
                    Err(trailers) => return Drawn::Trailers(trailers),
                },
                Ok(None) => self.rest = None,
                Ok(Some(Err(error))) => return Drawn::Broken(Breach::of(&error)),
                Err(_elapsed) => return Drawn::Broken(Breach::Ended),
            }
        }
        Drawn::Data
    }

    /// Gives on as much of `ready` as room and link allow, and keeps what must be kept.
    async fn give(&mut self, room: u64, keep: usize) -> Frame<Bytes> {
        let mut count = (self.ready.len() - keep).min(usize::try_from(room).unwrap_or(usize::MAX));
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
