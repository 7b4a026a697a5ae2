//! A small HTTP client: keeps connections, follows nothing, never waits for ever.
//!
//! Invariant: an [`Answer`] arrived whole; whatever else happened is a [`Broken`].

use std::time::Duration;

use bytes::Bytes;
use http::header::LOCATION;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;

const PATIENCE: Duration = Duration::from_secs(60);

/// A client with connections of its own, as one player has them.
#[derive(Debug, Clone)]
pub struct Web {
    client: Client<HttpConnector, Full<Bytes>>,
}

/// An answer that arrived whole.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// The connection was refused or broke.
#[derive(Debug)]
pub struct Broken(
    #[expect(dead_code, reason = "shown when a test fails")] Box<dyn std::error::Error + Send + Sync>,
);

impl Default for Web {
    fn default() -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http() }
    }
}

impl Web {
    /// GET.
    pub async fn get(&self, url: &str) -> Result<Answer, Broken> {
        self.send(Request::get(url), Bytes::new()).await
    }

    /// GET, up to the head of the answer; the body comes while the answer is held.
    pub async fn open(&self, url: &str) -> Result<Response<Incoming>, Broken> {
        let request = Request::get(url).body(Full::default()).expect("the tests write sound requests");
        let head = tokio::time::timeout(PATIENCE, self.client.request(request)).await;
        Ok(head.expect("a head within a minute")?)
    }

    /// Any request; the body is what it is.
    pub async fn send(
        &self,
        request: http::request::Builder,
        body: impl Into<Bytes>,
    ) -> Result<Answer, Broken> {
        let request = request.body(Full::new(body.into())).expect("the tests write sound requests");
        let exchange = async {
            let (head, body) = self.client.request(request).await.map_err(Broken::from)?.into_parts();
            let body = body.collect().await.map_err(Broken::from)?.to_bytes();
            Ok(Answer { status: head.status, headers: head.headers, body })
        };
        tokio::time::timeout(PATIENCE, exchange).await.expect("an answer or an end within a minute")
    }
}

impl Answer {
    /// The text of a success.
    pub fn text(&self) -> &str {
        let text = std::str::from_utf8(&self.body).expect("text");
        assert!(self.status.is_success(), "{}: {text}", self.status);
        text
    }

    /// The JSON of a success.
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_str(self.text()).expect("JSON of the form that was expected")
    }

    /// Where a redirect points.
    pub fn location(&self) -> &str {
        assert!(self.status.is_redirection(), "{} is no redirect", self.status);
        self.headers.get(LOCATION).and_then(|to| to.to_str().ok()).expect("a redirect says where to")
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Broken {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}
