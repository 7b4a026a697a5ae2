//! How a player finds its session: a redirect from the base port, and back to it from a session port that is not its own.
//!
//! Invariant: only configured origins can be reached from the base port; a request on a session port is never a bare 404: it is
//! served by the session of the port's holder, begun again if it had ended, or sent to where it belongs. A redirect keeps method
//! and body (307), but for what is read anyway (302).
//! Deliberately absent: what a page may read (see `cors.rs`), and further ports of a session (see `sessions/reach.rs`).

use std::net::IpAddr;
use std::sync::Arc;

use http::header::{CONTENT_LENGTH, HOST, HeaderValue, LOCATION};
use http::uri::PathAndQuery;
use http::{Method, Request, Response, StatusCode, Version};
use rebuffer_api::{Problem, ProblemKind};
use rebuffer_model::ActionKind;

use crate::ca;
use crate::caller::Caller;
use crate::connection::Connection;
use crate::cors;
use crate::identity::{self, Named};
use crate::learning;
use crate::origin::{Origin, target_of};
use crate::perform::{ReplyBody, own_answer, problem};
use crate::redact;
use crate::rig::Rig;
use crate::sessions::{self, Endpoint, Former, Holder, OpenError, Player, ReachError, Session, Topic};

type Answer = Box<Response<ReplyBody>>;

/// A request that is looked at and not yet answered.
struct Asking<'r, B> {
    rig: &'r Arc<Rig>,
    connection: &'r Arc<Connection>,
    request: &'r Request<B>,
    caller: &'r Caller,
}

impl<B> Clone for Asking<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for Asking<'_, B> {}

/// What is refused before anything else is looked at (RFC 9112 §3.2, RFC 9110 §9.3.6).
pub(crate) fn refuse_malformed<B>(request: &Request<B>, caller: &Caller) -> Option<Response<ReplyBody>> {
    let detail = if request.method() == Method::CONNECT {
        "the rig is no proxy that tunnels: ask it for paths of its origins"
    } else if request.version() == Version::HTTP_11 && !request.headers().contains_key(HOST) {
        "a request of HTTP/1.1 has a Host header"
    } else {
        return None;
    };
    Some(problem(&Problem::bad_request(detail), caller).0)
}

/// What came on a session port was no request; its session says so.
pub(crate) fn request_unread(rig: &Rig, port: u16, reason: &str) {
    let player = rig.ports.holder(port).and_then(|holder| rig.players.get(holder.player_id));
    let Some(endpoint) = player.and_then(|player| player.session()?.at(port)) else { return };
    if endpoint.telemetry.told.is_news(Topic::Malformed, reason) {
        learning::tell(rig, &endpoint, ActionKind::RequestUnread { reason: reason.to_owned() });
    }
}

/// Answers on the base port.
pub(crate) async fn base<B>(
    rig: &Arc<Rig>,
    connection: &Arc<Connection>,
    request: &Request<B>,
    caller: &Caller,
) -> Response<ReplyBody> {
    if cors::is_preflight(request.method(), request.headers()) {
        return allowed_preflight(request, caller);
    }
    let asking = Asking { rig, connection, request, caller };
    let target = target_of(request.uri());
    if target.path() == ca::PATH {
        return ca::serve_certificate(rig.config.tls.as_ref(), caller);
    }
    let Some((origin, rest)) = split_origin(rig, target.path()) else {
        let names: Vec<&str> =
            rig.origins.configured().iter().map(|origin| origin.config.name.as_str()).collect();
        let detail = format!("ask for /<origin>/<path>; the origins are: {}", names.join(", "));
        return problem(&Problem::new(ProblemKind::NotFound, detail), caller).0;
    };
    let path = origin.full_path(rest);
    let found = match identity::named(target.query(), request.headers()) {
        Some(named) => begin(asking, named, origin, None).await,
        None => match declared_by(asking, origin, &with_query(&path, target.query())) {
            Declarers::One(session) => at_origin(asking, &session, origin, None).await,
            Declarers::None => begin(asking, nameless(asking), origin, None).await,
            Declarers::Several(sessions) => {
                let begun = begin(asking, nameless(asking), origin, None).await;
                if let Ok(endpoint) = &begun
                    && endpoint.telemetry.told.is_news(Topic::Ambiguous, &path)
                {
                    let kind =
                        ActionKind::ClientAmbiguous { path: redact::path(&path).into_owned(), sessions };
                    learning::tell(rig, endpoint, kind);
                }
                begun
            }
        },
    };
    match found {
        Ok(endpoint) => {
            endpoint.remember_start(&path, target.query(), caller.page());
            redirect(request, caller, endpoint.port(), &path)
        }
        Err(answer) => *answer,
    }
}

/// The session that answers on this port, or what to answer instead.
pub(crate) async fn session_at<B>(
    rig: &Arc<Rig>,
    connection: &Arc<Connection>,
    port: u16,
    request: &Request<B>,
    caller: &Caller,
) -> Result<Endpoint, Answer> {
    let asking = Asking { rig, connection, request, caller };
    let holder = rig.ports.holder(port).ok_or_else(|| back_to_its_own(asking, None))?;
    let back = || back_to_its_own(asking, Some(&holder));
    let player = rig.players.get(holder.player_id);
    if !connection.is_of(holder.player_id) || names_another(asking, &holder, player.as_ref()) {
        return Err(back());
    }
    if let Some(elsewhere) = former_holders_request(asking, port, &holder, player.as_ref()) {
        return Err(elsewhere);
    }
    let live = player.and_then(|player| player.session());
    let endpoint = match live {
        Some(session) => match session.at(port) {
            Some(endpoint) => endpoint,
            None => at_origin(asking, &session, &holder.origin, Some(port)).await?,
        },
        None => {
            let named = Named { id: holder.player_id, name: None };
            Box::pin(begin(asking, named, &holder.origin, Some(port))).await?
        }
    };
    if endpoint.port() != port {
        return Err(Box::new(redirect(request, caller, endpoint.port(), request.uri().path())));
    }
    let adopted = connection.adopt_for(endpoint.id, || {
        endpoint.link.adopt(connection)?;
        endpoint.telemetry.link.follow(connection);
        Ok(())
    });
    match adopted {
        Ok(()) => Ok(endpoint),
        Err(error) => {
            let detail = format!("the connection could not be put on the player's link: {error}");
            Err(Box::new(problem(&Problem::new(ProblemKind::ShaperRefused, detail), caller).0))
        }
    }
}

/// The named player's session at this origin. `port` is the one that is asked at, if it is a session's.
async fn begin<B>(
    asking: Asking<'_, B>,
    named: Named,
    origin: &Arc<Origin>,
    port: Option<u16>,
) -> Result<Endpoint, Answer> {
    let Asking { rig, connection, request, caller } = asking;
    let start = || sessions::Start {
        origin: Arc::clone(origin),
        ip: connection.peer_ip(),
        user_agent: identity::user_agent(request.headers()).into_owned(),
        url: redact::path_and_query(request.uri()),
        port,
    };
    loop {
        let player = identity::meet(rig, &named);
        identity::note_play(rig, &player, request.uri().query());
        let error = match sessions::open(rig, &player, start()).await {
            Ok(session) => return at_origin(asking, &session, origin, port).await,
            // Removed between meeting and opening: it is met anew.
            Err(OpenError::Removed) => continue,
            Err(error) => error,
        };
        tracing::error!(player = %player.shown_name(), %error, "a session could not begin");
        let kind = match &error {
            OpenError::NoPort(_) => ProblemKind::SessionLimit,
            OpenError::Link(_) => ProblemKind::ShaperRefused,
            OpenError::NotItsPort | OpenError::Removed => ProblemKind::Unavailable,
            OpenError::Store(_) => ProblemKind::Internal,
        };
        return Err(Box::new(problem(&Problem::new(kind, error.to_string()), caller).0));
    }
}

/// The session at its port for this origin, opened if it has none.
async fn at_origin<B>(
    asking: Asking<'_, B>,
    session: &Arc<Session>,
    origin: &Arc<Origin>,
    port: Option<u16>,
) -> Result<Endpoint, Answer> {
    let error = match sessions::reach(asking.rig, session, origin, port).await {
        Ok(at) => return Ok(Endpoint::new(Arc::clone(session), at)),
        Err(error) => error,
    };
    tracing::error!(player = %session.player.shown_name(), %error, "a port could not be opened");
    let kind = match &error {
        ReachError::TooMany | ReachError::TooManyOrigins | ReachError::NoPort(_) => ProblemKind::SessionLimit,
        ReachError::Link(_) => ProblemKind::ShaperRefused,
        ReachError::Ended | ReachError::NotItsPort => ProblemKind::Unavailable,
        ReachError::Store(_) => ProblemKind::Internal,
    };
    Err(Box::new(problem(&Problem::new(kind, error.to_string()), asking.caller).0))
}

/// Whether a request names another player than the one whose port it is. What a playlist declared with such a parameter is the
/// origin's own.
fn names_another<B>(asking: Asking<'_, B>, holder: &Holder, player: Option<&Arc<Player>>) -> bool {
    let other = |named: Named| named.id != holder.player_id;
    let target = target_of(asking.request.uri());
    let in_query = identity::named_in_query(target.query()).is_some_and(other);
    let in_header = || identity::named_in_header(asking.request.headers()).is_some_and(other);
    if in_query {
        return !player.is_some_and(|player| player.declares_as(&holder.origin, target.as_str()));
    }
    in_header()
}

/// Where a request belongs that came from a former holder of the port: to that player. It is one that only its playlists declared,
/// or that comes from its machine while the holder is at another.
fn former_holders_request<B>(
    asking: Asking<'_, B>,
    port: u16,
    holder: &Holder,
    player: Option<&Arc<Player>>,
) -> Option<Answer> {
    let former = asking.rig.ports.former_holders(port);
    if former.is_empty() {
        return None;
    }
    let target = target_of(asking.request.uri());
    if identity::named(target.query(), asking.request.headers()).is_some() {
        return None;
    }
    let declares = |player: &Arc<Player>, origin| player.declares(origin, target.as_str());
    let declared = || {
        if player.is_some_and(|player| declares(player, &holder.origin)) {
            return None;
        }
        former.iter().map(|former| &former.holder).find(|former| {
            asking.rig.players.get(former.player_id).is_some_and(|it| declares(&it, &former.origin))
        })
    };
    let Holder { player_id, origin } = from_its_machine(asking, &former, player).or_else(declared)?;
    let owner = asking.rig.players.get(*player_id);
    let session = owner.and_then(|owner| owner.session());
    let at = session.and_then(|session| session.port_to(origin)).map(|at| at.port);
    Some(Box::new(match at {
        Some(port) => redirect(asking.request, asking.caller, port, target.path()),
        None => {
            let path = origin.path_on_base(target.path());
            let query = target.query().map_or_else(String::new, |query| format!("{query}&"));
            let query = format!("{query}player_id={player_id}");
            redirect_to(asking.request, asking.caller, asking.rig.base_port, &path, Some(&query))
        }
    }))
}

/// The former holder whose client this is, when the present one is at another address.
fn from_its_machine<'f, B>(
    asking: Asking<'_, B>,
    former: &'f [Former],
    player: Option<&Arc<Player>>,
) -> Option<&'f Holder> {
    let present = player.and_then(|player| player.session())?;
    let (ip, user_agent) = (asking.connection.peer_ip(), identity::user_agent(asking.request.headers()));
    if present.client_ip() == ip {
        return None;
    }
    former
        .iter()
        .find(|former| former.client.as_ref().is_some_and(|client| client.is(ip, &user_agent)))
        .map(|former| &former.holder)
}

/// The sessions of the same client whose playlists declared what is asked for.
enum Declarers {
    None,
    One(Arc<Session>),
    Several(u32),
}

/// Clients that resolve URLs against the address they asked first come back to the base port without a name.
fn declared_by<B>(asking: Asking<'_, B>, origin: &Origin, target: &str) -> Declarers {
    let (ip, user_agent) = (asking.connection.peer_ip(), identity::user_agent(asking.request.headers()));
    let sessions = asking.rig.players.sessions();
    let mut found = sessions
        .into_iter()
        .filter(|session| session.is_client(ip, &user_agent) && session.player.declares(origin, target));
    let first = found.next();
    match (first, found.count()) {
        (None, _) => Declarers::None,
        (Some(only), 0) => Declarers::One(only),
        (Some(_), others) => Declarers::Several(u32::try_from(others).unwrap_or(u32::MAX).saturating_add(1)),
    }
}

/// The player of a request at the base port that names none where names are given; a playback session's id is the last resort.
fn nameless<B>(asking: Asking<'_, B>) -> Named {
    identity::named_by_playback_session(asking.request.headers()).unwrap_or_else(|| unnamed(asking))
}

fn unnamed<B>(asking: Asking<'_, B>) -> Named {
    let ip: IpAddr = asking.connection.peer_ip();
    identity::unnamed(asking.request.headers(), ip)
}

/// The origin a path on the base port names, and the path below it.
fn split_origin<'r, 'p>(rig: &'r Rig, path: &'p str) -> Option<(&'r Arc<Origin>, &'p str)> {
    let trimmed = path.strip_prefix('/').unwrap_or(path);
    let (name, rest) = trimmed.split_once('/').unwrap_or((trimmed, ""));
    let named = rig.origins.configured().iter().find(|origin| origin.config.name.as_str() == name);
    match named {
        Some(origin) => Some((origin, rest)),
        None => rig.origins.default().filter(|_| !trimmed.is_empty()).map(|origin| (origin, trimmed)),
    }
}

fn with_query(path: &str, query: Option<&str>) -> String {
    query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"))
}

fn redirect<B>(request: &Request<B>, caller: &Caller, port: u16, path: &str) -> Response<ReplyBody> {
    let target = target_of(request.uri());
    redirect_to(request, caller, port, path, target.query())
}

fn redirect_to<B>(
    request: &Request<B>,
    caller: &Caller,
    port: u16,
    path: &str,
    query: Option<&str>,
) -> Response<ReplyBody> {
    // Browsers follow no redirect of a preflight; what is asked after it is redirected.
    if cors::is_preflight(request.method(), request.headers()) {
        return allowed_preflight(request, caller);
    }
    let location = format!("{}{}", caller.address_of(port), with_query(path, query));
    let is_read = request.method() == Method::GET || request.method() == Method::HEAD;
    let status = if is_read { StatusCode::FOUND } else { StatusCode::TEMPORARY_REDIRECT };
    match HeaderValue::from_bytes(location.as_bytes()) {
        Ok(location) => {
            let mut response = own_answer(status, caller);
            response.headers_mut().insert(LOCATION, location);
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            response
        }
        Err(_) => problem(&Problem::bad_request("the Host header cannot be used in a redirect"), caller).0,
    }
}

/// Where a request belongs that came to a port which is not its player's: to the player's own session if it has one, else to
/// the base port, under the origin it was asked of.
fn back_to_its_own<B>(asking: Asking<'_, B>, holder: Option<&Holder>) -> Answer {
    let Asking { rig, request, caller, .. } = asking;
    let target: PathAndQuery = target_of(request.uri());
    let named = identity::named(target.query(), request.headers()).unwrap_or_else(|| unnamed(asking));
    let origin = holder.map(|holder| &holder.origin).or(rig.origins.default());
    let session = rig.players.get(named.id).and_then(|player| player.session());
    let own = session.zip(origin).and_then(|(session, origin)| session.port_to(origin));
    if let Some(own) = own {
        return Box::new(redirect(request, caller, own.port, target.path()));
    }
    let path = origin.map_or_else(|| target.path().to_owned(), |origin| origin.path_on_base(target.path()));
    Box::new(redirect(request, caller, rig.base_port, &path))
}

/// Browsers ask before they send headers of their own. What is asked then is redirected, and judged at the session's port.
fn allowed_preflight<B>(request: &Request<B>, caller: &Caller) -> Response<ReplyBody> {
    let mut response = own_answer(StatusCode::NO_CONTENT, caller);
    cors::allow_what_is_asked(response.headers_mut(), request.headers());
    response
}
