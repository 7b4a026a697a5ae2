//! The body of an answer: draws from the origin, does what the script says, and gives to the connection at the link's pace.
//!
//! Invariant: at most one piece is held at a time, and it is given on before the next is drawn, so a slow client slows the
//! origin and holds nothing here. The steps run in order, once. Deliberately absent: the head, which went out before.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use rebuffer_engine::Script;
use rebuffer_model::{Remark, Step};
use rebuffer_shaper::Link;

use super::coding;
use super::damage::Damaged;
use super::ending::{self, Breach, Broken};
use super::forward::{Forwarded, Source, looks_like_playlist};
use super::pace::Pace;
use super::playlist;
use super::target::Target;
use super::{ReplyBody, empty, left_out};
use crate::origin::OriginBody;
use crate::record::{Recorder, content_length};

/// How much of a body in a content coding is unpacked to see how it begins.
const BEGINNING: usize = 4 << 10;
/// A damaged piece is at most this long, so that zeros need no memory of their own.
const DAMAGED_PIECE: usize = 64 * 1024;

/// The answer with its head as it is, and a body that performs the script from this step on.
pub(super) fn pumped(
    forwarded: Box<Forwarded>,
    script: Script,
    at: usize,
    target: Target,
    mut recorder: Recorder,
) -> Response<ReplyBody> {
    let Forwarded { head, source, may_have_body, edited, playlist, .. } = *forwarded;
    recorder.answers(head.status, &head.headers, edited);
    if matches!(source, Source::Nothing | Source::Tunnel(_)) && script.iter().any(Step::needs_a_body) {
        // Without a body there is nothing to cut and nothing to overwrite.
        recorder.not_performed("not_performed_no_body");
    }
    let (ready, rest, broken) = match source {
        Source::Nothing => {
            recorder.complete();
            return Response::from_parts(head, if may_have_body { empty() } else { left_out() });
        }
        Source::Tunnel(tunnel) => {
            watch_deadlines(&recorder);
            let rig = Arc::clone(recorder.rig());
            rig.spawn("tunnel", tunnel.run(recorder));
            return Response::from_parts(head, empty());
        }
        Source::Origin { read, rest } => (read, rest, None),
        Source::BrokenOff { read, how } => (read, None, Some(how)),
    };
    watch_deadlines(&recorder);
    let expected = content_length(&head.headers);
    recorder.received(ready.len());
    let pump = Pump {
        link: recorder.session().link.clone(),
        stall: recorder.session().origin().stall(),
        recorder,
        ready,
        rest,
        broken,
        trailers: None,
        script,
        at,
        damage: None,
        pace: None,
        sent: 0,
        expected,
        unseen: (!playlist).then(|| Unseen {
            status: head.status,
            coded: coding::is_coded(&head.headers).then(|| head.headers.clone()),
        }),
        target,
    };
    let body = StreamBody::new(stream::unfold(Some(Box::new(pump)), |pump| async { pump?.next().await }));
    Response::from_parts(head, body.boxed_unsync())
}

fn watch_deadlines(recorder: &Recorder) {
    if let Some(deadlines) = recorder.deadlines() {
        let watching = Arc::clone(deadlines).watch(recorder.lane().far());
        recorder.rig().spawn("deadline", watching);
    }
}

/// The body in the making.
struct Pump {
    link: Link,
    stall: Duration,
    recorder: Recorder,
    /// Drawn and not yet given on.
    ready: Bytes,
    rest: Option<OriginBody>,
    /// The origin's body is known to break after `ready`.
    broken: Option<Breach>,
    /// What follows the body.
    trailers: Option<Frame<Bytes>>,
    script: Script,
    at: usize,
    damage: Option<Damaged>,
    pace: Option<Pace>,
    sent: u64,
    target: Target,
    /// The declared length of the body.
    expected: Option<u64>,
    /// Its first bytes are still to be looked at, because nobody has read them.
    unseen: Option<Unseen>,
}

/// Of which head a body is that nobody has read.
struct Unseen {
    status: StatusCode,
    /// The headers, when it is in a content coding.
    coded: Option<HeaderMap>,
}

/// What drawing from the origin gave.
enum Drawn {
    /// `ready` has bytes to give on.
    Data,
    /// The body is over; what is in `ready` is its end.
    End,
    /// It broke off.
    Broken(Breach),
}

type Piece = Result<Frame<Bytes>, Broken>;

impl Pump {
    /// The next piece of the body, with what makes the one after it.
    async fn next(mut self: Box<Self>) -> Option<(Piece, Option<Box<Self>>)> {
        let script = Arc::clone(&self.script);
        loop {
            let (room, keep) = match script.get(self.at) {
                None => return self.end(),
                Some(Step::Damage(how)) => {
                    self.damage = Some(Damaged::new(*how, self.expected));
                    (0, 0)
                }
                Some(Step::Pace(rate)) => {
                    self.pace = Some(Pace::new(*rate));
                    (0, 0)
                }
                Some(Step::Body) => (u64::MAX, self.damage.as_ref().map_or(0, Damaged::keeps)),
                Some(Step::BodyPrefix { bytes }) => self.room_before_the_last_byte(*bytes),
                Some(Step::Hold { ms }) => {
                    ending::hold(&mut self.recorder, *ms).await;
                    (0, 0)
                }
                Some(Step::Reset(scope)) => {
                    return Some((Err(ending::reset(&mut self.recorder, self.sent, *scope).await), None));
                }
                Some(Step::Close(scope)) => {
                    return Some((Err(ending::close(&mut self.recorder, self.sent, *scope).await), None));
                }
                Some(Step::EndEarly) => {
                    return Some((Err(ending::end_early(&mut self.recorder, self.sent).await), None));
                }
                // Of the head, and done.
                Some(
                    Step::Answer(_)
                    | Step::RedirectHere
                    | Step::Before
                    | Step::DropDirectives
                    | Step::Delay(_)
                    | Step::Forward
                    | Step::ContentType(_)
                    | Step::BreakRule { .. },
                ) => (0, 0),
            };
            if room == 0 {
                self.at += 1;
                continue;
            }
            match self.draw(keep).await {
                Drawn::Data => return Some((Ok(self.give(room, keep).await), Some(self))),
                Drawn::End if room == u64::MAX && !self.ready.is_empty() => {
                    return Some((Ok(self.give_the_end().await), Some(self)));
                }
                Drawn::End => self.at += 1,
                Drawn::Broken(how) => return Some((Err(self.break_like_the_origin(how).await), None)),
            }
        }
    }

    fn end(mut self: Box<Self>) -> Option<(Piece, Option<Box<Self>>)> {
        // Nobody draws from a body after its trailers.
        self.recorder.complete();
        let trailers = self.trailers.take()?;
        Some((Ok(trailers), Some(self)))
    }

    /// How much may go before the last byte, and how much must be kept back because any byte may be the last.
    fn room_before_the_last_byte(&self, bytes: u64) -> (u64, usize) {
        let most = self.expected.map_or(bytes, |expected| bytes.min(expected.saturating_sub(1)));
        (most.saturating_sub(self.sent), usize::from(self.expected.is_none()))
    }

    /// A playlist that nobody read, because it was taken for something else or came too late, is told.
    fn look_at_first_bytes(&mut self, unseen: &Unseen) {
        let unpack = |headers| coding::decode_beginning(headers, &self.ready, BEGINNING);
        let unpacked = unseen.coded.as_ref().map(unpack);
        let beginning = unpacked.as_deref().unwrap_or(&self.ready);
        if !looks_like_playlist(beginning) || self.recorder.has_remark(Remark::PlaylistUnread) {
            return;
        }
        let reason = if !unseen.status.is_success() {
            format!("it is the body of a {}, and only a success is read", unseen.status.as_u16())
        } else if self.recorder.caller().method() != Method::GET {
            "only what a GET asks for is read".to_owned()
        } else if self.target.is_declared() {
            "a playlist declared it to be something else".to_owned()
        } else {
            "its body began too long after its head".to_owned()
        };
        playlist::pass_unread(&reason, &self.target, &mut self.recorder);
    }

    /// The client gets what the origin gave, and then the same end.
    async fn break_like_the_origin(&mut self, how: Breach) -> Broken {
        self.recorder.origin_broke();
        ending::end_like_the_origin(self.recorder.lane(), self.sent, how, self.stall).await;
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
                    Err(trailers) => {
                        // What follows a body would make one that is to be cut whole.
                        self.trailers = (!self.script.iter().any(Step::cuts)).then_some(trailers);
                        self.rest = None;
                    }
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
        let count = (self.ready.len() - keep).min(usize::try_from(room).unwrap_or(usize::MAX));
        self.hand_over(count).await
    }

    /// Gives on what was kept back until the end was known.
    async fn give_the_end(&mut self) -> Frame<Bytes> {
        if let Some(damage) = &mut self.damage {
            damage.ends_in(self.ready.len());
        }
        self.hand_over(self.ready.len()).await
    }

    async fn hand_over(&mut self, most: usize) -> Frame<Bytes> {
        if let Some(unseen) = self.unseen.take() {
            self.look_at_first_bytes(&unseen);
        }
        let mut count = most;
        if self.damage.is_some() {
            count = count.min(DAMAGED_PIECE);
        }
        if let Some(pace) = &mut self.pace {
            count = pace.take(count).await;
        }
        if let Some(pacer) = self.link.pacer() {
            count = pacer.take(count).await;
        }
        let mut piece = self.ready.split_to(count);
        self.sent += count as u64;
        self.recorder.sent(count);
        if self.expected == Some(self.sent) {
            // Nobody draws from a body once its declared length is reached.
            self.recorder.complete();
        }
        if let Some(damage) = &mut self.damage {
            piece = damage.piece(piece);
        }
        Frame::data(piece)
    }
}
