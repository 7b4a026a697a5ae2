//! One request, understood as far as that is possible before the engine sees it.
//!
//! Invariant: what a user may not do is forbidden by the role and the `readonly` of the session, and, for an analyst, by what `reading`
//! makes of the engine's own parse; never by what is read from the text here.

use std::io::Read;

use axum::http::Method;
use axum::http::request::Parts;
use bytes::Bytes;

use super::auth::Role;
use super::coding::{self, Coding};
use super::params::{Params, Sorted};
use super::sessions::Wanted;
use super::statement::{self, Kind, Statement};
use super::{TAG_PREFIX, header};
use crate::engine::{Engine, Exception, code, quote_text};

/// The most a result may hold that cannot be streamed.
const HELD_RESULT_BYTES: &str = "536870912";
/// The most a statement, with inline data, may unpack to.
const LONGEST_STATEMENT: u64 = 256 << 20;
const ANALYST_SECONDS: &str = "300";

/// A request, understood as far as that is possible without its statement.
pub(super) struct Call {
    pub(super) query_id: String,
    /// Marks the query in the engine, so that it can be killed.
    pub(super) tag: String,
    pub(super) coding: Coding,
    pub(super) role: Role,
    pub(super) reads_only: bool,
    /// The text from the address; the body follows it, or is its data.
    pub(super) query: Vec<u8>,
    pub(super) body: Box<dyn Read + Send>,
    has_body: bool,
    pub(super) format: Option<String>,
    pub(super) database: Option<String>,
    pub(super) sorted: Sorted,
    pub(super) wanted: Option<Wanted>,
    pub(super) wait_for_end: bool,
}

impl Call {
    pub(super) fn new(
        role: Role,
        parts: &Parts,
        params: Params,
        body: Bytes,
        engine: &Engine,
    ) -> Result<Call, Exception> {
        let headers = &parts.headers;
        let unique = uuid::Uuid::new_v4();
        let encoding = header(headers, "content-encoding").unwrap_or_default();
        let has_body = !body.is_empty();
        let body = coding::decode(body, encoding, params.flag("decompress")).ok_or_else(|| {
            Exception::new(
                code::UNKNOWN_COMPRESSION_METHOD,
                &format!("Unknown compression method: {encoding}"),
            )
        })?;
        let text = |name: &str, in_header: &str| {
            params.filled(name).or_else(|| header(headers, in_header)).map(str::to_owned)
        };
        Ok(Call {
            query_id: params.filled("query_id").map_or_else(|| unique.to_string(), str::to_owned),
            tag: format!("{TAG_PREFIX}{}", unique.simple()),
            coding: super::coding(headers, &params),
            role,
            reads_only: parts.method == Method::GET || parts.method == Method::HEAD,
            query: params.get("query").unwrap_or_default().as_bytes().to_vec(),
            body: body.map_err(|error| undecoded(&error))?,
            has_body,
            format: text("default_format", "x-clickhouse-format"),
            database: text("database", "x-clickhouse-database"),
            sorted: params.sort(&engine.setting_names)?,
            wanted: Wanted::from_params(role, &params)?,
            wait_for_end: params.flag("wait_end_of_query"),
        })
    }

    /// Completes the text with the body, unless the body is the data of an INSERT.
    pub(super) fn read_statement(&mut self) -> Result<Statement, Exception> {
        let statement = statement::read(&self.query);
        let data_follows = match statement.kind {
            Kind::InsertData { .. } => !self.query.is_empty(),
            Kind::Select | Kind::InsertFile | Kind::Other => false,
        };
        if data_follows || !self.has_body {
            return Ok(statement);
        }
        if !self.query.is_empty() {
            self.query.push(b'\n');
        }
        let mut limited = self.body.as_mut().take(LONGEST_STATEMENT + 1);
        let count = limited.read_to_end(&mut self.query).map_err(|error| undecoded(&error))?;
        if u64::try_from(count).unwrap_or(u64::MAX) > LONGEST_STATEMENT {
            let text = format!("the statement is longer than {LONGEST_STATEMENT} bytes");
            return Err(Exception::new(code::QUERY_IS_TOO_LARGE, &text));
        }
        Ok(statement::read(&self.query))
    }

    /// The settings of this request as one statement.
    pub(super) fn settings(&self, new_session: bool, streams: bool) -> String {
        let comment = self.sorted.comment.as_deref().unwrap_or_default();
        let mut list = vec![("log_comment".to_owned(), format!("{} {comment}", self.tag))];
        let limit = if streams { "0" } else { HELD_RESULT_BYTES };
        list.push(("max_result_bytes".to_owned(), limit.to_owned()));
        if self.role == Role::Analyst {
            list.push(("max_execution_time".to_owned(), ANALYST_SECONDS.to_owned()));
        }
        list.extend(self.sorted.settings.iter().cloned());
        // Last, because it forbids the others; once, because it cannot be taken back.
        let forced =
            if self.role == Role::Analyst || self.reads_only && self.wanted.is_none() { 2 } else { 0 };
        let readonly = if self.sorted.readonly == 0 { forced } else { self.sorted.readonly };
        if readonly != 0 && new_session {
            list.push(("readonly".to_owned(), readonly.to_string()));
        }
        let list: Vec<String> =
            list.iter().map(|(name, value)| format!("{name} = {}", quote_text(value))).collect();
        format!("SET {}", list.join(", "))
    }
}

pub(super) fn undecoded(error: &std::io::Error) -> Exception {
    Exception::new(code::CANNOT_DECOMPRESS, &format!("Cannot decompress the request: {error}"))
}
