//! One connection to the feed.
//!
//! Invariant: a peer that says nothing for longer than its heartbeat allows is given up.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rebuffer_model::{Position, Record, Timestamp};
use serde::Deserialize;

use super::events::{Event, NotEvents, Parser};
use crate::clock;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// The feed breathes every 15 s; twice is one time too often.
const SILENCE: Duration = Duration::from_secs(40);

/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("the feed cannot be reached: {0}")]
    Unreachable(#[source] hyper_util::client::legacy::Error),
    #[error("the address of the feed is not one: {0}")]
    Address(#[source] http::Error),
    #[error("the feed did not answer in time")]
    NoAnswer,
    #[error("the feed answered with {0}")]
    Status(StatusCode),
    #[error("the feed went silent")]
    Silent,
    #[error("the feed broke off: {0}")]
    Broken(#[source] hyper::Error),
    #[error("the feed ended")]
    Ended,
    #[error("the feed is not understood: {0}")]
    NotEvents(#[from] NotEvents),
    #[error("the feed sent {name:?} with an id that is no position: {id:?}")]
    NoPosition { name: String, id: String },
    #[error("the feed did not say what it holds: {0}")]
    NoMeta(#[source] serde_json::Error),
}

/// What the feed holds.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Meta {
    pub(crate) oldest: Position,
    pub(crate) newest: Position,
}

/// What comes from a feed.
#[derive(Debug)]
pub(super) enum Frame {
    Meta(Meta),
    Record {
        record: Box<Record>,
        /// Its length as it came.
        bytes: usize,
    },
    /// A record of a kind that is not known here.
    Unreadable {
        position: Position,
        ts: Timestamp,
        error: String,
    },
}

/// An open feed.
#[derive(Debug)]
pub(super) struct Connection {
    body: Incoming,
    parser: Parser,
    ready: VecDeque<Event>,
}

/// Asks a feed for the newest position it holds behind `after`; that itself when there is none.
pub(crate) async fn newest(proxy_url: &str, after: Position) -> Result<Position, Trouble> {
    let mut connection = Connection::open(proxy_url, after).await?;
    loop {
        if let Frame::Meta(meta) = connection.next().await? {
            let empty = meta.newest < meta.oldest;
            return Ok(if empty { after } else { meta.newest });
        }
    }
}

impl Connection {
    /// Opens the feed behind this position.
    pub(super) async fn open(proxy_url: &str, after: Position) -> Result<Self, Trouble> {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
        let request = Request::get(format!("{}/api/v2/feed?after={after}", proxy_url.trim_end_matches('/')))
            .header(header::ACCEPT, "text/event-stream")
            .body(Empty::new())
            .map_err(Trouble::Address)?;
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, client.request(request))
            .await
            .map_err(|_| Trouble::NoAnswer)?
            .map_err(Trouble::Unreachable)?;
        if answer.status() != StatusCode::OK {
            return Err(Trouble::Status(answer.status()));
        }
        Ok(Self { body: answer.into_body(), parser: Parser::default(), ready: VecDeque::new() })
    }

    /// The next thing the feed says; waits through heartbeats.
    pub(super) async fn next(&mut self) -> Result<Frame, Trouble> {
        loop {
            while let Some(event) = self.ready.pop_front() {
                if let Some(frame) = read(event)? {
                    return Ok(frame);
                }
            }
            let piece =
                tokio::time::timeout(SILENCE, self.body.frame()).await.map_err(|_| Trouble::Silent)?;
            let piece = piece.ok_or(Trouble::Ended)?.map_err(Trouble::Broken)?;
            if let Ok(data) = piece.into_data() {
                self.parser.feed(&data, |event| self.ready.push_back(event))?;
            }
        }
    }
}

fn read(event: Event) -> Result<Option<Frame>, Trouble> {
    match event.name.as_str() {
        "meta" => {
            serde_json::from_str(&event.data).map(|meta| Some(Frame::Meta(meta))).map_err(Trouble::NoMeta)
        }
        "record" => match serde_json::from_str::<Record>(&event.data) {
            Ok(record) => Ok(Some(Frame::Record { record: Box::new(record), bytes: event.data.len() })),
            Err(error) => {
                let position =
                    event.id.parse().map_err(|_| Trouble::NoPosition { name: event.name, id: event.id })?;
                Ok(Some(Frame::Unreadable { position, ts: clock::now(), error: error.to_string() }))
            }
        },
        _ => Ok(None),
    }
}
