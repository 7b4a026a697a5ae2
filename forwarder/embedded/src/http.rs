//! ClickHouse's HTTP interface, as far as its clients use it.
//!
//! Read it in the order of a request: `auth` (who) -> `body` (what was sent) -> `params` and `call` (what was meant) -> `run` (on a thread of
//! its own, `statement`, `sessions`, `reading` (may an analyst do this?) and the engine) -> `answer` (headers, pieces, failures). `coding` and `blocks` pack and unpack.
//!
//! Invariants: nothing is read from, or done for, a client that has not named a user; the engine is only called on blocking threads,
//! at most as many as there are places; a client that goes away takes its query with it.
//! Deliberately absent: the Play page, progress headers, external tables, any revision of the Native format but the first.

mod answer;
mod auth;
mod blocks;
mod body;
mod call;
mod coding;
mod params;
mod reading;
mod run;
mod sessions;
mod statement;
mod status;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::ACCEPT_ENCODING;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::engine::{Engine, Exception, code};
use crate::wire::Credentials;
use auth::{Role, Users};
use call::Call;
use coding::Coding;
use params::Params;
use run::Outlet;
use sessions::Sessions;

/// Every request's mark in the engine begins like this.
pub(crate) const TAG_PREFIX: &str = "request-";
/// Queries that run at once; the product's own never wait behind an analyst's.
const OPERATOR_PLACES: usize = 8;
const ANALYST_PLACES: usize = 4;
/// How long a request waits for a place.
const PLACE_TIMEOUT: Duration = Duration::from_secs(30);
/// Pieces of a result between the engine and the socket.
const PIECES_AHEAD: usize = 4;

/// Everything the requests share.
#[derive(Debug)]
pub(crate) struct Facade {
    pub(crate) engine: Arc<Engine>,
    pub(crate) sessions: Sessions,
    users: Users,
    operator_places: Arc<Semaphore>,
    analyst_places: Arc<Semaphore>,
}

impl Facade {
    pub(crate) fn new(engine: Engine, operator: Credentials, analyst: Credentials) -> Arc<Facade> {
        Arc::new(Facade {
            engine: Arc::new(engine),
            sessions: Sessions::default(),
            users: Users { operator, analyst },
            operator_places: Arc::new(Semaphore::new(OPERATOR_PLACES)),
            analyst_places: Arc::new(Semaphore::new(ANALYST_PLACES)),
        })
    }

    pub(crate) fn router(self: &Arc<Facade>) -> Router {
        Router::new()
            .route("/", any(query))
            .route("/ping", any(alive))
            .route("/replicas_status", any(alive))
            .with_state(Arc::clone(self))
    }

    /// Waits until no request is in the engine; none gets there while the answer is held.
    pub(crate) async fn drain(&self) -> impl Sized + '_ {
        let operators = u32::try_from(OPERATOR_PLACES).expect("a small number");
        let analysts = u32::try_from(ANALYST_PLACES).expect("a small number");
        (self.operator_places.acquire_many(operators).await, self.analyst_places.acquire_many(analysts).await)
    }

    async fn place(&self, role: Role) -> Result<OwnedSemaphorePermit, Exception> {
        let places = match role {
            Role::Operator => &self.operator_places,
            Role::Analyst => &self.analyst_places,
        };
        match tokio::time::timeout(PLACE_TIMEOUT, Arc::clone(places).acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => {
                Err(Exception::new(code::TOO_MANY_SIMULTANEOUS_QUERIES, "Too many simultaneous queries"))
            }
        }
    }
}

async fn alive() -> &'static str {
    "Ok.\n"
}

async fn query(State(facade): State<Arc<Facade>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    match serve(&facade, &parts, body).await {
        Ok(response) => response,
        Err(exception) => answer::refusal(&exception, &facade.engine.version),
    }
}

async fn serve(facade: &Arc<Facade>, parts: &Parts, body: Body) -> Result<Response, Exception> {
    if ![Method::GET, Method::HEAD, Method::POST, Method::PUT].contains(&parts.method) {
        return Ok(StatusCode::METHOD_NOT_ALLOWED.into_response());
    }
    let mut params = Params::from_query(parts.uri.query().unwrap_or_default());
    if parts.method != Method::POST && parts.uri.query().unwrap_or_default().is_empty() {
        return Ok(alive().await.into_response());
    }
    let role = facade.users.role(&parts.headers, &params)?;
    let body = body::read(&parts.headers, body, &mut params).await?;
    let call = Call::new(role, parts, params, body, &facade.engine)?;
    let coding = call.coding;
    let query_id = call.query_id.clone();

    let place = facade.place(role).await?;
    let (sender, events) = mpsc::channel(PIECES_AHEAD);
    let (running, over) = oneshot::channel();
    let killer = answer::Killer::new(Arc::clone(&facade.engine), call.tag.clone(), over);
    let outlet = Outlet::new(sender, Handle::current());
    let shared = Arc::clone(facade);
    tokio::task::spawn_blocking(move || {
        run::run(call, &shared, outlet);
        drop((place, running));
    });
    answer::respond(events, killer, coding, &query_id, &facade.engine).await
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
}

/// What the client can unpack; the parameters of ClickHouse come before the header of HTTP.
fn coding(headers: &HeaderMap, params: &Params) -> Coding {
    if params.flag("compress") {
        return Coding::Blocks;
    }
    match params.get("enable_http_compression") {
        Some("0" | "false") => Coding::Plain,
        Some(_) | None => header(headers, ACCEPT_ENCODING.as_str()).map_or(Coding::Plain, Coding::accepted),
    }
}
