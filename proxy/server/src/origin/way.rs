//! How an origin is reached: clear HTTP/1.1 over connections of the exchanges' own, TLS over connections that may be HTTP/2 and
//! shared.
//!
//! Invariant: whoever asks sees no difference. Deliberately absent: limits of time, what a request says, and asking again (see
//! `again.rs`).

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::response::Parts;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::upgrade::OnUpgrade;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rebuffer_model::OriginName;

use tokio::io::{AsyncRead, AsyncWrite};

use super::again::{Failed, had_served, was_closed, was_upload};
use super::connect::{Connector, FirstUse, Phases};
use super::explain::{OriginContext, explain_tls, root_cause};
use super::pool::{Pool, PoolError, PooledBody};
use super::tls::ClientIdentity;
use super::{MAX_HEADERS, NextProtocol, target_of};
use crate::config::OriginConfig;
use crate::upload::Upload;

/// The way to one origin.
#[derive(Debug)]
pub(super) enum Way {
    Clear(Pool),
    Secure(Box<Secure>),
}

/// Over TLS.
#[derive(Debug)]
pub(super) struct Secure {
    client: Client<HttpsConnector<Connector>, Upload>,
    /// Over HTTP/1.1 alone, where a connection can change its protocol.
    changing: Client<HttpsConnector<Connector>, Upload>,
    name: OriginName,
    identity: Arc<ClientIdentity>,
}

/// The body of an origin's answer.
#[derive(Debug)]
pub(crate) enum OriginBody {
    Clear(PooledBody),
    Secure(Incoming),
}

impl Way {
    pub(super) fn new(
        config: &OriginConfig,
        scheme: &Scheme,
        authority: &Authority,
        connector: Connector,
    ) -> Self {
        if *scheme == Scheme::HTTP {
            return Self::Clear(Pool::new(connector, at(scheme, authority, PathAndQuery::from_static("/"))));
        }
        let (tls, identity) = config.tls.client_config();
        let https = || HttpsConnectorBuilder::new().with_tls_config(tls.clone()).https_only();
        let client = client(https().enable_all_versions().wrap_connector(connector.clone()));
        let changing = self::client(https().enable_http1().wrap_connector(connector));
        Self::Secure(Box::new(Secure { client, changing, name: config.name.clone(), identity }))
    }

    /// Asks, over a connection that waits or a new one; `anew` is over a new one where connections are not shared. With the
    /// phases of the connection when this is its first use.
    pub(super) async fn ask(
        &self,
        scheme: &Scheme,
        authority: &Authority,
        mut request: Box<Request<Upload>>,
        anew: bool,
    ) -> Result<(Response<OriginBody>, Option<Phases>), Failed> {
        match self {
            Self::Clear(pool) => {
                let (response, phases) = pool.ask(request, anew).await.map_err(|error| Failed {
                    reason: root_cause(&error),
                    by_an_old_connection: matches!(&error, PoolError::Reused(error) if was_closed(error)),
                    by_client: was_upload(&error),
                })?;
                Ok((response.map(OriginBody::Clear), phases))
            }
            Self::Secure(secure) => {
                *request.uri_mut() = at(scheme, authority, target_of(request.uri()));
                let changes = NextProtocol::of(request.headers()).is_some();
                let client = if changes { &secure.changing } else { &secure.client };
                let response = client.request(*request).await.map_err(|error| Failed {
                    reason: explain_tls(&error, &secure.context(authority)),
                    by_an_old_connection: had_served(&error) && was_closed(&error),
                    by_client: was_upload(&error),
                })?;
                let phases = response.extensions().get::<FirstUse>().and_then(FirstUse::take);
                Ok((response.map(OriginBody::Secure), phases))
            }
        }
    }

    /// Lets go of connections that waited too long. Once in a while.
    pub(super) fn sweep(&self) {
        match self {
            Self::Clear(pool) => pool.sweep(),
            // It has a timer of its own.
            Self::Secure(_) => {}
        }
    }
}

impl Secure {
    fn context<'o>(&'o self, authority: &'o Authority) -> OriginContext<'o> {
        OriginContext {
            name: &self.name,
            host: authority.host(),
            has_client_certificate: self.identity.has_certificate(),
            requests_certificate: self.identity.is_requested(),
        }
    }
}

fn client(connector: HttpsConnector<Connector>) -> Client<HttpsConnector<Connector>, Upload> {
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(64)
        .http1_preserve_header_case(true)
        .http1_max_headers(MAX_HEADERS)
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .build(connector)
}

fn at(scheme: &Scheme, authority: &Authority, target: PathAndQuery) -> Uri {
    let mut uri = http::uri::Parts::default();
    uri.scheme = Some(scheme.clone());
    uri.authority = Some(authority.clone());
    uri.path_and_query = Some(target);
    // Scheme, authority and path are all there, which is all that can be missing.
    Uri::from_parts(uri).unwrap_or_default()
}

/// A connection to an origin that is about to change its protocol.
#[derive(Debug)]
pub(crate) struct OriginUpgrade {
    change: OnUpgrade,
    body: OriginBody,
}

/// A connection to an origin after it changed its protocol.
pub(crate) struct Changed {
    /// What it has said in the new one already.
    pub(crate) early: Bytes,
    pub(crate) io: Box<dyn Duplex>,
}

/// Bytes both ways.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

impl OriginUpgrade {
    /// Of an answer with the status 101.
    pub(crate) fn of(mut response: Response<OriginBody>) -> (Parts, Self) {
        let change = hyper::upgrade::on(&mut response);
        let (head, body) = response.into_parts();
        (head, Self { change, body })
    }

    /// The connection itself, after the change.
    pub(crate) async fn changed(self) -> Option<Changed> {
        match self.body {
            OriginBody::Clear(body) => {
                let (early, io) = body.changed().await?;
                Some(Changed { early, io: Box::new(TokioIo::new(io)) })
            }
            OriginBody::Secure(_) => {
                let io = self.change.await.ok()?;
                Some(Changed { early: Bytes::new(), io: Box::new(TokioIo::new(io)) })
            }
        }
    }
}

impl Body for OriginBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Clear(body) => Pin::new(body).poll_frame(cx),
            Self::Secure(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Clear(body) => body.is_end_stream(),
            Self::Secure(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Clear(body) => body.size_hint(),
            Self::Secure(body) => body.size_hint(),
        }
    }
}
