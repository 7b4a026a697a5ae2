//! The analyst's requests before they run: judged by `reader`, on the parse and the text that the engine itself gives.
//!
//! Invariant: the statement is parsed with the parameters it will run with, in a session that has none of the client's settings: a
//! LIMIT or a limit of rows among them would shorten the parse. No setting that a reader may change changes a parse.

use super::call::Call;
use super::run::contains_word;
use super::statement::{Kind, Statement};
use crate::engine::{Engine, Exception, Session, code};
use crate::reader::{self, Bounds, Refusal, Written};

/// What the request itself asks for, beside its statement.
pub(super) fn request(call: &Call, engine: &Engine) -> Result<(), Exception> {
    let bounds = bounds(engine);
    let settings = &call.sorted.settings;
    settings
        .iter()
        .try_for_each(|(name, value)| reader::setting(name, Some(value), bounds))
        .map_err(denied)?;
    call.format.iter().try_for_each(|name| reader::format(name)).map_err(denied)?;
    call.database.iter().try_for_each(|name| reader::database(name)).map_err(denied)
}

/// The statement.
pub(super) fn statement(call: &Call, statement: &Statement, engine: &Engine) -> Result<(), Exception> {
    if matches!(statement.kind, Kind::InsertData { .. } | Kind::InsertFile) {
        return Err(denied(Refusal("send a statement of the kind InsertQuery".to_owned())));
    }
    let session = engine.session()?;
    session.become_reader()?;
    // The engine obeys the settings of a statement while it explains it: they are judged first.
    let mut written =
        contains_word(&call.query, b"SETTINGS").then(|| text(call, &session, engine)).transpose()?;
    let printed = session.parsed(&call.query, &call.sorted.bound)?;
    let parsed = reader::tree(&printed).map_err(denied)?;
    if written.is_none() && parsed.is_more_than_a_tree() {
        written = Some(text(call, &session, engine)?);
    }
    written.iter().try_for_each(|written| parsed.agree(written)).map_err(denied)
}

fn text(call: &Call, session: &Session, engine: &Engine) -> Result<Written, Exception> {
    reader::text(&session.rewritten(&call.query)?, bounds(engine)).map_err(denied)
}

fn bounds(engine: &Engine) -> Bounds {
    Bounds { memory_bytes: engine.query_memory_bytes }
}

fn denied(refusal: Refusal) -> Exception {
    Exception::new(code::ACCESS_DENIED, &format!("the archive's reader may not {}", refusal.0))
}
