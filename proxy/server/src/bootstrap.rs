//! How a player finds its session: a redirect from the base port, and back to it from a session port that is not its own.
//!
//! Invariant: only configured origins can be reached; a request on a session port is never a bare 404: it is served by the
//! session of the port's holder, begun again if it had ended, or sent to the base port.

use std::sync::Arc;

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE, HOST, HeaderValue,
    LOCATION,
};
use http::{Method, Request, Response, StatusCode, Uri};
use rebuffer_api::{Frame, Problem, ProblemKind};
use rebuffer_model::PlayerId;

use crate::ca;
use crate::connection::Connection;
use crate::identity;
use crate::origin::Origin;
use crate::perform::{ReplyBody, own_answer, problem};
use crate::redact;
use crate::rig::Rig;
use crate::sessions::{self, Holder, OpenError, Session};

/// Answers on the base port.
pub(crate) async fn base<B>(
    rig: &Arc<Rig>,
    connection: &Arc<Connection>,
    request: &Request<B>,
) -> Response<ReplyBody> {
    if request.method() == Method::OPTIONS {
        return preflight();
    }
    let uri = request.uri();
    if uri.path() == ca::PATH {
        return ca::serve_certificate(rig.config.tls.as_ref());
    }
    let Some((origin, rest)) = split_origin(rig, uri.path()) else {
        let names: Vec<&str> = rig.origins.iter().map(|origin| origin.config.name.as_str()).collect();
        let detail = format!("ask for /<origin>/<path>; the origins are: {}", names.join(", "));
        return problem(&Problem::new(ProblemKind::NotFound, detail)).0;
    };
    let path = origin.full_path(rest);
    let id = identity::player_of(uri.query(), request.headers(), connection.peer_ip());
    match begin(rig, connection, request, id, origin, None).await {
        Ok(session) => redirect(request, connection, session.port, &path),
        Err(answer) => *answer,
    }
}

/// The session that answers on this port, or what to answer instead.
pub(crate) async fn session_at<B>(
    rig: &Arc<Rig>,
    connection: &Arc<Connection>,
    port: u16,
    request: &Request<B>,
) -> Result<Arc<Session>, Box<Response<ReplyBody>>> {
    let holder = rig.ports.holder(port);
    let back = || Box::new(back_to_its_own(rig, connection, request, holder.as_ref()));
    let holder = holder.as_ref().ok_or_else(back)?;
    if identity::named_player(request.uri().query()).is_some_and(|named| named != holder.player_id)
        || !connection.is_of(holder.player_id)
    {
        return Err(back());
    }
    let live = rig.players.get(holder.player_id).and_then(|player| player.session());
    let session = match live {
        Some(session) if session.port == port => session,
        Some(session) => {
            return Err(Box::new(redirect(request, connection, session.port, request.uri().path())));
        }
        None => {
            let origin = rig.origin(&holder.origin).ok_or_else(back)?;
            Box::pin(begin(rig, connection, request, holder.player_id, origin, Some(port))).await?
        }
    };
    let adopted = connection.adopt_for(session.id, || {
        session.link.adopt(connection)?;
        session.telemetry.link.follow(connection);
        Ok(())
    });
    match adopted {
        Ok(()) => Ok(session),
        Err(error) => {
            let detail = format!("the connection could not be put on the player's link: {error}");
            Err(Box::new(problem(&Problem::new(ProblemKind::ShaperRefused, detail)).0))
        }
    }
}

async fn begin<B>(
    rig: &Arc<Rig>,
    connection: &Arc<Connection>,
    request: &Request<B>,
    id: PlayerId,
    origin: &Arc<Origin>,
    port: Option<u16>,
) -> Result<Arc<Session>, Box<Response<ReplyBody>>> {
    let start = || sessions::Start {
        origin: Arc::clone(origin),
        ip: connection.peer_ip(),
        user_agent: identity::user_agent(request.headers()).to_owned(),
        url: redact::path_and_query(request.uri()),
        port,
    };
    loop {
        let (player, met) = rig.players.meet(id);
        if met {
            rig.events.publish(&Frame::PlayerCreated(Box::new(player.record())));
        }
        identity::note_play(rig, &player, request.uri().query());
        let error = match sessions::open(rig, &player, start()).await {
            Ok(session) => return Ok(session),
            // Removed between meeting and opening: it is met anew.
            Err(OpenError::Removed) => continue,
            Err(error) => error,
        };
        tracing::error!(player = %player.id, %error, "a session could not begin");
        let kind = match &error {
            OpenError::NoPort(_) => ProblemKind::SessionLimit,
            OpenError::Link(_) => ProblemKind::ShaperRefused,
            OpenError::NotItsPort | OpenError::Removed => ProblemKind::Unavailable,
            OpenError::Store(_) => ProblemKind::Internal,
        };
        return Err(Box::new(problem(&Problem::new(kind, error.to_string())).0));
    }
}

/// The origin a path on the base port names, and the path below it.
fn split_origin<'r, 'p>(rig: &'r Rig, path: &'p str) -> Option<(&'r Arc<Origin>, &'p str)> {
    let trimmed = path.strip_prefix('/').unwrap_or(path);
    let (name, rest) = trimmed.split_once('/').unwrap_or((trimmed, ""));
    let named = rig.origins.iter().find(|origin| origin.config.name.as_str() == name);
    match named {
        Some(origin) => Some((origin, rest)),
        None => rig.origins.first().filter(|_| !trimmed.is_empty()).map(|origin| (origin, trimmed)),
    }
}

fn redirect<B>(request: &Request<B>, connection: &Connection, port: u16, path: &str) -> Response<ReplyBody> {
    let scheme = if connection.is_secure() { "https" } else { "http" };
    let mut location = format!("{scheme}://{}:{port}{path}", host_of(request, connection));
    if let Some(query) = request.uri().query() {
        location.push('?');
        location.push_str(query);
    }
    match HeaderValue::from_str(&location) {
        Ok(location) => {
            let mut response = own_answer(StatusCode::FOUND);
            response.headers_mut().insert(LOCATION, location);
            response.headers_mut().insert(http::header::CONTENT_LENGTH, HeaderValue::from_static("0"));
            response
        }
        Err(_) => problem(&Problem::bad_request("the Host header cannot be used in a redirect")).0,
    }
}

/// Where a request belongs that came to a port which is not its player's: to the player's own session if it has one, else to
/// the base port, under the origin it was asked of.
fn back_to_its_own<B>(
    rig: &Rig,
    connection: &Connection,
    request: &Request<B>,
    holder: Option<&Holder>,
) -> Response<ReplyBody> {
    let path = request.uri().path();
    let named = identity::named_player(request.uri().query());
    let asks = named.unwrap_or_else(|| {
        identity::player_of(request.uri().query(), request.headers(), connection.peer_ip())
    });
    if let Some(session) = rig.players.get(asks).and_then(|player| player.session()) {
        return redirect(request, connection, session.port, path);
    }
    let origin = holder.and_then(|holder| rig.origin(&holder.origin)).or(rig.origins.first());
    let path = origin.map_or_else(|| path.to_owned(), |origin| origin.path_on_base(path));
    redirect(request, connection, rig.base_port, &path)
}

/// The host the client used, without a port, in brackets if need be.
fn host_of<B>(request: &Request<B>, connection: &Connection) -> String {
    let by_header = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .and_then(|host| format!("http://{host}/").parse::<Uri>().ok())
        .and_then(|uri| uri.host().map(str::to_owned))
        .filter(|host| !host.is_empty());
    // HTTP/2 names the host in its target.
    let by_header = by_header.or_else(|| request.uri().host().map(str::to_owned));
    by_header.unwrap_or_else(|| match connection.local.ip() {
        std::net::IpAddr::V4(ip) => ip.to_string(),
        std::net::IpAddr::V6(ip) => format!("[{ip}]"),
    })
}

/// Browsers ask before they send headers of their own.
fn preflight() -> Response<ReplyBody> {
    let mut response = own_answer(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, OPTIONS"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}
