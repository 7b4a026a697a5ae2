//! The interpreter of scripts: one function per step, none of which asks which fault it serves.
//!
//! Invariant: only this room writes an answer to a client on a session port, and it sends what the script says or says in the
//! record what it did instead. Deliberately absent: deciding (see the engine) and recording (see `record.rs`).

mod answer;
mod forward;
mod pump;
mod reset;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::Incoming;
use rebuffer_engine::Script;
use rebuffer_model::Step;

pub(crate) use answer::{own_answer, problem};
pub(crate) use forward::Forwarded;
pub(crate) use pump::Broken;

use crate::record::Recorder;

/// A body as it goes to a client.
pub(crate) type ReplyBody = UnsyncBoxBody<Bytes, Broken>;

/// A request on its way to the origin, or what the origin said to it.
pub(crate) enum Asked {
    /// The script will ask, if it asks.
    NotYet(Request<Incoming>),
    /// It was asked before the script was known.
    Already(Forwarded),
}

/// What the origin said, and the recorder back.
pub(crate) type Heard = (Forwarded, Recorder);

/// Asks the origin before a script is known; its silence is an answer of its own.
pub(crate) async fn ask_first(
    request: Request<Incoming>,
    mut recorder: Recorder,
) -> Result<Heard, Box<Response<ReplyBody>>> {
    let heard = forward::forward(request, &mut recorder).await;
    recorder.delayed_by_the_link().await;
    match heard {
        Ok(forwarded) => Ok((forwarded, recorder)),
        Err(silence) => Err(Box::new(answer::in_place_of_the_origin(&silence, recorder))),
    }
}

/// Performs a script: everything up to the head here, the rest as the body is drawn.
pub(crate) async fn perform(script: Script, asked: Asked, mut recorder: Recorder) -> Response<ReplyBody> {
    match script.first() {
        Some(Step::Answer { status }) => {
            recorder.delayed_by_the_link().await;
            answer::answer(*status, recorder)
        }
        Some(Step::Forward) => {
            let (forwarded, recorder) = match asked {
                Asked::Already(forwarded) => (forwarded, recorder),
                Asked::NotYet(request) => match ask_first(request, recorder).await {
                    Ok(heard) => heard,
                    Err(answer) => return *answer,
                },
            };
            pump::pumped(forwarded, script, recorder)
        }
        Some(Step::ZeroFill | Step::Body | Step::BodyPrefix { .. } | Step::Reset) | None => {
            answer::broken_script(recorder)
        }
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
