//! Runs one request in the engine, on a blocking thread, and tells `answer` what comes of it.
//!
//! Invariants: the engine's own parser has counted and classified the statement before it runs, and an analyst's is judged; the events end
//! with `End` or `Failed`, or the thread has panicked. A SELECT is streamed in the formats whose pieces can be put together,
//! everything else is held in memory up to a limit.

use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::Facade;
use super::auth::Role;
use super::call::{Call, undecoded};
use super::coding::{Coding, Encoder};
use super::reading;
use super::sessions::Taken;
use super::statement::{Kind, Statement};
use crate::engine::{Class, Engine, Exception, Output, Session, code, quote_name, quote_text};

/// What an INSERT hands to the engine at a time.
const INSERT_PIECE: usize = 1 << 20;
/// A client that takes nothing for this long has gone.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);
/// Formats whose pieces follow each other without more ado. See `header_length` for the one that needs it.
const STREAMED: &[&str] = &["TSV", "TabSeparated", "CSV", "JSONEachRow", "RowBinary", "Native", WITH_HEADER];
const WITH_HEADER: &str = "RowBinaryWithNamesAndTypes";

/// What comes of a request, in this order: `Begin`, any number of `Data`, `End`; or `Failed` anywhere.
#[derive(Debug)]
pub(super) enum Event {
    Begin { format: String, exception_tag: String, summary: Option<Box<Output>> },
    Data(Bytes),
    End,
    Failed(Exception),
}

/// Where the events go; they wait when the client is slow.
pub(super) struct Outlet {
    events: mpsc::Sender<Event>,
    runtime: Handle,
}

/// Nobody reads the answer any more.
struct Gone;

/// Why a run stops early.
enum Stop {
    Failed(Exception),
    Gone,
}

impl Outlet {
    pub(super) fn new(events: mpsc::Sender<Event>, runtime: Handle) -> Outlet {
        Outlet { events, runtime }
    }

    fn send(&self, event: Event) -> Result<(), Gone> {
        let sent = self.runtime.block_on(self.events.send_timeout(event, STALL_TIMEOUT));
        sent.map_err(|_| Gone)
    }

    fn data(&self, data: Vec<u8>) -> Result<(), Gone> {
        if data.is_empty() { Ok(()) } else { self.send(Event::Data(data.into())) }
    }
}

impl From<Exception> for Stop {
    fn from(exception: Exception) -> Stop {
        Stop::Failed(exception)
    }
}

impl From<Gone> for Stop {
    fn from(_: Gone) -> Stop {
        Stop::Gone
    }
}

/// The whole of a request's time in the engine.
pub(super) fn run(mut call: Call, facade: &Facade, outlet: Outlet) {
    let done = call.read_statement().and_then(|statement| {
        let taken = facade.sessions.take(&facade.engine, call.wanted.clone())?;
        Ok((statement, taken))
    });
    let outcome = match done {
        Err(exception) => Err(Stop::Failed(exception)),
        Ok((statement, taken)) => {
            let outcome = in_session(&mut call, &statement, &taken, &facade.engine, &outlet);
            facade.sessions.give_back(taken);
            outcome
        }
    };
    // Whether anybody still hears it is of no consequence now.
    let _ = match outcome {
        Ok(()) => outlet.send(Event::End),
        Err(Stop::Failed(exception)) => outlet.send(Event::Failed(exception)),
        Err(Stop::Gone) => Ok(()),
    };
}

fn in_session(
    call: &mut Call,
    statement: &Statement,
    taken: &Taken,
    engine: &Engine,
    outlet: &Outlet,
) -> Result<(), Stop> {
    let session = &taken.session;
    let named = call.format.clone();
    let format =
        statement.format.clone().or_else(|| named.clone()).unwrap_or_else(|| "TabSeparated".to_owned());
    let streams = statement.kind == Kind::Select && STREAMED.contains(&format.as_str()) && !call.wait_for_end;
    let analyst = call.role == Role::Analyst;
    if analyst {
        reading::request(call, engine)?;
        if taken.new {
            session.become_reader()?;
        }
    }
    if let Some(database) = call.database.as_deref().or(taken.new.then_some(engine.database.as_str())) {
        session.run(&format!("USE {}", quote_name(database)))?;
    }
    session.run(&call.settings(taken.new, streams))?;
    let class = guard(call, statement, session)?;
    if analyst {
        reading::statement(call, statement, engine)?;
    }
    match &statement.kind {
        Kind::InsertData { format: own, statement_end, data_start } => {
            let own = own.clone().or(named).unwrap_or_else(|| "Values".to_owned());
            let output = insert(call, session, *statement_end, *data_start, &own)?;
            whole(output, format, call.coding, outlet)
        }
        Kind::Select if streams && class == Class::Read => {
            stream(call, session, format, outlet, &engine.version)
        }
        Kind::Select | Kind::Other | Kind::InsertFile => {
            let output = session.query(&call.query, &format, &call.sorted.bound)?;
            whole(output, format, call.coding, outlet)
        }
    }
}

/// What the engine itself would let pass: two statements in one text, and files written or read by the client's side of it.
fn guard(call: &Call, statement: &Statement, session: &Session) -> Result<Class, Exception> {
    let text = match statement.kind {
        Kind::InsertData { statement_end, .. } => &call.query[..statement_end],
        Kind::Select | Kind::InsertFile | Kind::Other => &call.query[..],
    };
    let (count, class) = session.classify(text).unwrap_or((0, Class::Unknown));
    if count > 1 {
        return Err(Exception::new(code::SYNTAX_ERROR, "Syntax error (Multi-statements are not allowed)"));
    }
    let writes_file = class == Class::Control && contains_word(text, b"OUTFILE");
    if writes_file || statement.kind == Kind::InsertFile {
        return Err(Exception::new(
            code::ACCESS_DENIED,
            "INTO OUTFILE and FROM INFILE are not available over HTTP",
        ));
    }
    if call.reads_only && call.wanted.is_some() && class != Class::Read {
        return Err(Exception::new(code::READONLY, "Cannot execute query in readonly mode, use POST"));
    }
    Ok(class)
}

pub(super) fn contains_word(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

fn insert(
    call: &mut Call,
    session: &Session,
    statement_end: usize,
    data_start: usize,
    format: &str,
) -> Result<Output, Exception> {
    for (name, value) in &call.sorted.bound {
        session.run(&format!("SET param_{} = {}", plain_name(name)?, quote_text(value)))?;
    }
    let (text, inline) = (&call.query[..statement_end], &call.query[data_start..]);
    let mut insert = session.insert(text.trim_ascii_end(), format)?;
    let failed = |text| Exception::from_engine(text);
    for piece in inline.chunks(INSERT_PIECE) {
        insert.append(piece).map_err(failed)?;
    }
    let mut piece = vec![0; INSERT_PIECE];
    loop {
        let count = call.body.read(&mut piece).map_err(|error| undecoded(&error))?;
        if count == 0 {
            return insert.finish().map_err(failed);
        }
        insert.append(&piece[..count]).map_err(failed)?;
    }
}

/// A bound parameter's name goes into a statement of ours.
fn plain_name(name: &str) -> Result<&str, Exception> {
    let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain {
        Ok(name)
    } else {
        Err(Exception::new(code::BAD_ARGUMENTS, "a parameter's name is letters, digits and _"))
    }
}

/// A result that is complete.
fn whole(mut output: Output, format: String, coding: Coding, outlet: &Outlet) -> Result<(), Stop> {
    let data = std::mem::take(&mut output.data);
    begin(format, String::new(), Some(Box::new(output)), outlet)?;
    if data.is_empty() && coding.name().is_none() {
        return Ok(());
    }
    let mut encoder = coding.encoder().map_err(|error| unencoded(&error))?;
    outlet.data(encoder.push(data).map_err(|error| unencoded(&error))?)?;
    outlet.data(encoder.finish().map_err(|error| unencoded(&error))?)?;
    Ok(())
}

fn begin(
    format: String,
    exception_tag: String,
    summary: Option<Box<Output>>,
    outlet: &Outlet,
) -> Result<(), Gone> {
    outlet.send(Event::Begin { format, exception_tag, summary })
}

fn stream(
    call: &Call,
    session: &Session,
    format: String,
    outlet: &Outlet,
    version: &str,
) -> Result<(), Stop> {
    let mut encoder = call.coding.encoder().map_err(|error| unencoded(&error))?;
    let mut pieces = session.stream(&call.query, &format, &call.sorted.bound)?;
    // Nothing is promised to the client before the first piece: until then a failure is an ordinary error.
    let mut next = pieces.next().map_err(Exception::from_engine)?;
    let with_header = format == WITH_HEADER;
    let header = next.as_deref().filter(|_| with_header).map_or(0, header_length);
    let exception_tag = uuid::Uuid::new_v4().simple().to_string().split_off(16);
    begin(format, exception_tag.clone(), None, outlet)?;
    let mut skip = 0;
    while let Some(mut piece) = next {
        piece.drain(..skip.min(piece.len()));
        skip = header;
        outlet.data(encoder.push(piece).map_err(|error| unencoded(&error))?)?;
        next = match pieces.next() {
            Ok(next) => next,
            Err(text) => {
                let exception = Exception::from_engine(text);
                tell_in_band(&exception, &exception_tag, version, encoder, outlet)?;
                return Err(Stop::Failed(exception));
            }
        };
    }
    outlet.data(encoder.finish().map_err(|error| unencoded(&error))?)?;
    Ok(())
}

/// The status has long been sent: the failure goes into the body, marked as servers since 25.11 mark it.
fn tell_in_band(
    exception: &Exception,
    tag: &str,
    version: &str,
    mut encoder: Encoder,
    outlet: &Outlet,
) -> Result<(), Stop> {
    let text = exception.for_client(version);
    let block = format!("\r\n__exception__\r\n{tag}\r\n{text}{} {tag}\r\n__exception__\r\n", text.len());
    outlet.data(encoder.push(block.into_bytes()).map_err(|error| unencoded(&error))?)?;
    outlet.data(encoder.finish().map_err(|error| unencoded(&error))?)?;
    Ok(())
}

/// The length of the names and types in front of the first piece, which every later piece repeats.
fn header_length(piece: &[u8]) -> usize {
    let mut at = 0;
    let columns = varint(piece, &mut at);
    for _ in 0..columns.saturating_mul(2) {
        if at >= piece.len() {
            break;
        }
        let length = varint(piece, &mut at);
        at = at.saturating_add(length);
    }
    at.min(piece.len())
}

fn varint(bytes: &[u8], at: &mut usize) -> usize {
    let mut value = 0;
    for shift in (0..usize::BITS).step_by(7) {
        let Some(&byte) = bytes.get(*at) else { break };
        *at += 1;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

fn unencoded(error: &std::io::Error) -> Exception {
    Exception::new(code::LOGICAL_ERROR, &format!("Cannot compress the answer: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_names_and_types_is_measured() {
        let piece = [&[2, 1][..], b"a", &[2], b"bc", &[5], b"UInt8", &[6], b"String", &[9, 9]].concat();
        assert_eq!(header_length(&piece), piece.len() - 2);
        let long_name = "n".repeat(200);
        let piece = [&[1, 200, 1][..], long_name.as_bytes(), &[5], b"UInt8", &[7]].concat();
        assert_eq!(header_length(&piece), piece.len() - 1);
        assert_eq!(header_length(&[255, 255, 255, 255]), 4, "a damaged header must not panic");
    }

    #[test]
    fn words_are_found_in_any_case() {
        assert!(contains_word(b"select 1 into OutFile 'x'", b"OUTFILE"));
        assert!(!contains_word(b"OUTFIL", b"OUTFILE"));
    }
}
