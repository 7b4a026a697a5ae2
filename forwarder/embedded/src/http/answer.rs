//! Turns what `run` reports into an HTTP answer.
//!
//! Invariants: an error before the first byte has its status and its number; an error after it is told in the body, and the body is then
//! broken off, so that no client can take a part for the whole; an answer nobody reads any more kills its query.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::{mpsc, oneshot};

use super::coding::Coding;
use super::run::Event;
use super::status::status;
use crate::engine::{Engine, Exception, Output, code};

const EXCEPTION_CODE: HeaderName = HeaderName::from_static("x-clickhouse-exception-code");
/// Between two attempts to kill a query.
const STRIKE_AGAIN: Duration = Duration::from_millis(100);
/// For the failure's text to reach the socket before the connection is broken off.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// Kills the query of a request whose client has gone; dropped before [`Killer::release`], it strikes.
#[derive(Debug)]
pub(super) struct Killer(Option<Target>);

#[derive(Debug)]
struct Target {
    engine: Arc<Engine>,
    tag: String,
    /// Resolves when the engine has let go of the request.
    over: oneshot::Receiver<()>,
}

/// The rest of an answer.
struct Rest {
    events: mpsc::Receiver<Event>,
    killer: Killer,
}

impl Killer {
    /// The other end of `over` is dropped when the run is over.
    pub(super) fn new(engine: Arc<Engine>, tag: String, over: oneshot::Receiver<()>) -> Killer {
        Killer(Some(Target { engine, tag, over }))
    }

    fn release(&mut self) {
        self.0 = None;
    }
}

impl Drop for Killer {
    fn drop(&mut self) {
        let Some(target) = self.0.take() else { return };
        // Outside a runtime the process is already ending, and every query with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(target.strike());
        }
    }
}

impl Target {
    /// Again and again, because a query that has not begun yet cannot be killed.
    #[tracing::instrument(name = "archive query killer", skip_all)]
    async fn strike(mut self) {
        loop {
            let (engine, tag) = (Arc::clone(&self.engine), self.tag.clone());
            match tokio::task::spawn_blocking(move || engine.kill(&tag)).await {
                Ok(Ok(())) => {}
                Ok(Err(exception)) => {
                    tracing::warn!(%exception, "the query of a client that went away could not be stopped");
                }
                Err(error) => return tracing::error!(%error, "stopping a query panicked"),
            }
            if tokio::time::timeout(STRIKE_AGAIN, &mut self.over).await.is_ok() {
                return;
            }
        }
    }
}

pub(super) async fn respond(
    mut events: mpsc::Receiver<Event>,
    mut killer: Killer,
    coding: Coding,
    query_id: &str,
    engine: &Engine,
) -> Result<Response, Exception> {
    let (format, exception_tag, summary) = match events.recv().await {
        Some(Event::Begin { format, exception_tag, summary }) => (format, exception_tag, summary),
        Some(Event::Failed(exception)) => {
            killer.release();
            return Err(exception);
        }
        Some(Event::Data(_) | Event::End) | None => {
            return Err(Exception::new(code::LOGICAL_ERROR, "the request ended without an answer"));
        }
    };
    let mut response = Response::new(Body::from_stream(stream::unfold(Some(Rest { events, killer }), next)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(&format)));
    if let Some(name) = coding.name() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    let mut tell = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    tell("x-clickhouse-query-id", query_id);
    tell("x-clickhouse-format", &format);
    tell("x-clickhouse-timezone", &engine.timezone);
    tell("x-clickhouse-server-display-name", "rebuffer embedded archive");
    if !exception_tag.is_empty() {
        tell("x-clickhouse-exception-tag", &exception_tag);
    }
    if let Some(output) = summary {
        tell("x-clickhouse-summary", &summary_of(&output));
    }
    Ok(response)
}

async fn next(rest: Option<Rest>) -> Option<(Result<Bytes, std::io::Error>, Option<Rest>)> {
    let mut rest = rest?;
    match rest.events.recv().await {
        Some(Event::Data(data)) => Some((Ok(data), Some(rest))),
        Some(Event::End) => {
            rest.killer.release();
            None
        }
        Some(Event::Failed(exception)) => {
            rest.killer.release();
            tokio::time::sleep(LAST_WORDS).await;
            Some((Err(std::io::Error::other(exception.to_string())), None))
        }
        Some(Event::Begin { .. }) | None => Some((Err(std::io::ErrorKind::BrokenPipe.into()), None)),
    }
}

/// An answer that is nothing but an error.
pub(super) fn refusal(exception: &Exception, version: &str) -> Response {
    let mut response = Response::new(Body::from(exception.for_client(version)));
    *response.status_mut() = status(exception.code);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=UTF-8"));
    headers.insert(EXCEPTION_CODE, exception.code.into());
    if response.status() == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Basic realm=\"ClickHouse server HTTP API\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

fn summary_of(output: &Output) -> String {
    let nanoseconds = Duration::try_from_secs_f64(output.elapsed_s).unwrap_or_default().as_nanos();
    format!(
        r#"{{"read_rows":"{}","read_bytes":"{}","written_rows":"{}","written_bytes":"{}","total_rows_to_read":"0","result_rows":"{}","result_bytes":"0","elapsed_ns":"{nanoseconds}"}}"#,
        output.read_rows, output.read_bytes, output.written_rows, output.written_bytes, output.result_rows,
    )
}

fn content_type(format: &str) -> &'static str {
    match format {
        "JSONEachRow" | "JSONLines" | "NDJSON" | "JSONCompactEachRow" | "JSONStringsEachRow" => {
            "application/x-ndjson; charset=UTF-8"
        }
        "CSV" => "text/csv; charset=UTF-8; header=absent",
        "CSVWithNames" | "CSVWithNamesAndTypes" => "text/csv; charset=UTF-8; header=present",
        "Markdown" => "text/markdown; charset=UTF-8",
        "XML" => "application/xml; charset=UTF-8",
        _ if format.starts_with("JSON") => "application/json; charset=UTF-8",
        _ if format.starts_with("TSV") || format.starts_with("TabSeparated") => {
            "text/tab-separated-values; charset=UTF-8"
        }
        _ if format.starts_with("Pretty") || format.starts_with("Vertical") => "text/plain; charset=UTF-8",
        _ => "application/octet-stream",
    }
}
