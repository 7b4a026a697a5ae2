//! The interpreter of scripts: one function per step, none of which asks which fault it serves.
//!
//! Invariant: only this room writes an answer to a client on a session port, and it sends what the script says or says in the
//! record what it did instead. Deliberately absent: deciding (see the engine) and recording (see `record.rs`).

mod answer;
mod forward;
mod pump;
mod reset;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use rebuffer_engine::Script;
use rebuffer_model::Step;

pub(crate) use answer::{own_answer, problem};
pub(crate) use pump::Broken;

use crate::record::Recorder;

/// A body as it goes to a client.
pub(crate) type ReplyBody = UnsyncBoxBody<Bytes, Broken>;

/// Performs a script: everything up to the head here, the rest as the body is drawn.
pub(crate) async fn perform(
    script: Script,
    request: Request<Incoming>,
    mut recorder: Recorder,
) -> Response<ReplyBody> {
    match script.first() {
        Some(Step::Answer { status }) => answer::answer(*status, &request, recorder),
        Some(Step::Forward) => {
            let method = request.method().clone();
            match forward::forward(request, &mut recorder).await {
                Ok(forwarded) => pump::pumped(method, forwarded, script, recorder),
                Err(silence) => answer::in_place_of_the_origin(&silence, recorder),
            }
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
