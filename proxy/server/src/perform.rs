//! The interpreter of scripts: one function per step, none of which asks which fault it serves.
//!
//! Invariant: only this room writes an answer to a client on a session port, and it sends what the script says or says in the
//! record what it did instead. Deliberately absent: deciding (see the engine) and recording (see `record.rs`).

mod answer;
mod before;
mod budget;
mod coding;
mod damage;
mod ending;
mod forward;
mod location;
mod outbound;
mod pace;
mod playlist;
mod pump;
mod reading;
mod revalidation;
mod target;
mod tunnel;

use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, StreamBody};
use rebuffer_engine::{Decision, Script, chance};
use rebuffer_media::Address;
use rebuffer_model::{Delay, Step};

pub(crate) use answer::{loop_of, own_answer, problem};
pub(crate) use before::Before;
pub(crate) use budget::PlaylistBudget;
pub(crate) use ending::Broken;
pub(crate) use forward::Forwarded;
pub(crate) use playlist::ask_for_text;
pub(crate) use target::Target;

use crate::origin::Silence;
use crate::record::Recorder;
use crate::sessions::Carry;
use crate::upload::Upload;

/// A body as it goes to a client.
pub(crate) type ReplyBody = UnsyncBoxBody<Bytes, Broken>;

/// What a request gets: an answer, or an end of its lane without one.
pub(crate) type Reply = Result<Response<ReplyBody>, Broken>;

/// A request on its way to the origin, or what the origin said to it.
pub(crate) enum Asked {
    /// The script will ask, if it asks.
    NotYet(Box<Request<Upload>>),
    /// It was asked before the script was known.
    Already(Box<Forwarded>),
}

/// What the origin said, and the recorder back.
pub(crate) type Heard = (Box<Forwarded>, Recorder);

/// Asks the origin before a script is known; its silence is an answer of its own.
pub(crate) async fn ask_first(
    target: &Target,
    request: Box<Request<Upload>>,
    mut recorder: Recorder,
) -> Result<Heard, Box<Response<ReplyBody>>> {
    let until = recorder.deadlines().and_then(|deadlines| deadlines.active_until());
    let heard = forward::forward(target, request, &mut recorder);
    let heard = match until {
        None => heard.await,
        Some(until) => tokio::time::timeout_at(until, heard).await.unwrap_or(Err(Silence::Expired)),
    };
    recorder.delayed_by_the_link().await;
    match heard {
        Ok(forwarded) => Ok((forwarded, recorder)),
        Err(silence) => Err(Box::new(answer::in_place_of_the_origin(&silence, recorder))),
    }
}

/// Performs what was decided: everything up to the head here, the rest as the body is drawn. `target` is what was asked for.
pub(crate) async fn perform(
    decision: &Decision,
    target: &Target,
    mut asked: Asked,
    mut recorder: Recorder,
) -> Reply {
    let script = &decision.script;
    let mut forwarded = false;
    let was = begin_breaking(script, target, &mut asked, &recorder);
    for (at, step) in script.iter().enumerate() {
        match step {
            Step::Answer(canned) => {
                recorder.delayed_by_the_link().await;
                return Ok(answer::canned(canned, recorder));
            }
            Step::RedirectHere => {
                recorder.delayed_by_the_link().await;
                return Ok(answer::redirect_here(target, decision.rule_id.as_ref(), recorder));
            }
            Step::Before => match before(target, &recorder) {
                Some(mut before) => {
                    recorder.delayed_by_the_link().await;
                    before.is_a_fault();
                    asked = Asked::Already(Box::new(before));
                }
                None => recorder.not_performed("not_performed_no_answer_before"),
            },
            Step::DropDirectives => match &mut asked {
                Asked::NotYet(request) => forward::drop_directives(request),
                Asked::Already(_) => recorder.not_performed("not_performed_asked_already"),
            },
            Step::Delay(delay) => ending::hold(&mut recorder, lasts(delay, decision.nth)).await,
            Step::Forward => {
                let answered = match asked {
                    Asked::Already(answered) => answered,
                    Asked::NotYet(request) => match ask_first(target, request, recorder).await {
                        Ok((answered, told)) => {
                            recorder = told;
                            answered
                        }
                        Err(answer) => return Ok(*answer),
                    },
                };
                if let Some(to) = answered.led.clone() {
                    return Ok(lead_on(to, decision, at, answered, target, recorder));
                }
                remember(target, &answered, &recorder);
                asked = Asked::Already(answered);
                forwarded = true;
            }
            Step::ContentType(wrong) => say_type(&mut asked, wrong),
            Step::BreakRule { rule, extent } => {
                if let Asked::Already(answer) = &mut asked
                    && playlist::break_rule(answer, was.as_ref(), *rule, *extent)
                {
                    remember(target, answer, &recorder);
                    answer.is_a_fault();
                } else {
                    recorder.not_performed("not_performed_nothing_to_break");
                }
            }
            Step::Hold { ms } if !forwarded => ending::hold(&mut recorder, *ms).await,
            Step::Reset(scope) if !forwarded => return Err(ending::reset(&mut recorder, 0, *scope).await),
            Step::Close(scope) if !forwarded => return Err(ending::close(&mut recorder, 0, *scope).await),
            Step::Damage(_)
            | Step::Pace(_)
            | Step::Body
            | Step::BodyPrefix { .. }
            | Step::Hold { .. }
            | Step::Reset(_)
            | Step::Close(_)
            | Step::EndEarly => return Ok(body_from(at, asked, script, target, recorder)),
        }
    }
    Ok(answer::broken_script(recorder))
}

/// What a playlist was when it was asked for before.
fn before(target: &Target, recorder: &Recorder) -> Option<Forwarded> {
    let endpoint = recorder.session();
    endpoint.before.answer_to(&endpoint.address(target.as_str()))
}

/// Keeps a playlist that is about to be sent.
fn remember(target: &Target, answer: &Forwarded, recorder: &Recorder) {
    let endpoint = recorder.session();
    endpoint.before.remember(&endpoint.address(target.as_str()), answer);
}

/// A script that breaks a playlist needs it as text, and what its URL was answered before.
fn begin_breaking(
    script: &Script,
    target: &Target,
    asked: &mut Asked,
    recorder: &Recorder,
) -> Option<Forwarded> {
    if !script.iter().any(|step| matches!(step, Step::BreakRule { .. })) {
        return None;
    }
    if let Asked::NotYet(request) = asked {
        ask_for_text(request.headers_mut());
    }
    before(target, recorder)
}

fn body_from(
    at: usize,
    asked: Asked,
    script: &Script,
    target: &Target,
    recorder: Recorder,
) -> Response<ReplyBody> {
    match asked {
        Asked::Already(mut forwarded) => {
            if forwarded.has_a_body() && script.iter().any(|step| matches!(step, Step::Damage(_))) {
                forwarded.is_a_fault();
            }
            pump::pumped(forwarded, Script::clone(script), at, target.clone(), recorder)
        }
        Asked::NotYet(_) => answer::broken_script(recorder),
    }
}

/// A redirect that stays at the rig passes, and what was decided goes on where it leads: what a playlist declared is one request
/// wherever it is found, so what is still to be done is done there. Of what nobody declared, only the count goes on.
fn lead_on(
    to: Address,
    decision: &Decision,
    at: usize,
    answered: Box<Forwarded>,
    target: &Target,
    mut recorder: Recorder,
) -> Response<ReplyBody> {
    let pass = recorder.session().player.pass();
    let rest = decision.script.get(at + 1..).unwrap_or_default();
    let is_pending = rest.iter().any(|step| !matches!(step, Step::Body));
    let carry = if is_pending {
        recorder.postponed();
        let script = decision.script.get(at..).unwrap_or_default().into();
        Some(Carry::Decided(Decision { script, ..decision.clone() }))
    } else if target.is_declared() {
        Some(Carry::Decided(pass.clone()))
    } else {
        decision.owner.clone().map(Carry::CountedBy)
    };
    if let Some(carry) = carry {
        recorder.session().learned.carried.put(to, carry);
    }
    let body = pass.script.len().saturating_sub(1);
    pump::pumped(answered, pass.script, body, target.clone(), recorder)
}

/// How long this delay lasts the `nth` time, ms: always the same for the same seed.
fn lasts(delay: &Delay, nth: u64) -> u64 {
    let Delay { ms, jitter_ms, seed } = *delay;
    ms.saturating_sub(jitter_ms) + chance(seed, nth) % (jitter_ms * 2 + 1)
}

fn say_type(asked: &mut Asked, wrong: &str) {
    if let (Asked::Already(forwarded), Ok(wrong)) = (asked, HeaderValue::from_str(wrong)) {
        forwarded.head.headers.insert(CONTENT_TYPE, wrong);
        forwarded.is_a_fault();
    }
}

/// No body.
pub(crate) fn empty() -> ReplyBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// No body where there may be none, after a head that speaks of one all the same. A length that is not known lets the HTTP
/// machinery leave a declared one alone; it would take it out of a 304 otherwise.
fn left_out() -> ReplyBody {
    StreamBody::new(stream::empty()).boxed_unsync()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_stays_within_its_jitter_and_is_the_same_again() {
        let delay = Delay { ms: 100, jitter_ms: 30, seed: 5 };
        let times: Vec<u64> = (0..200).map(|nth| lasts(&delay, nth)).collect();
        assert!(times.iter().all(|ms| (70..=130).contains(ms)));
        assert!(times.iter().any(|ms| *ms < 75) && times.iter().any(|ms| *ms > 125));
        assert_eq!(times, (0..200).map(|nth| lasts(&delay, nth)).collect::<Vec<_>>());
        assert_eq!(lasts(&Delay { jitter_ms: 0, ..delay }, 3), 100);
    }
}
