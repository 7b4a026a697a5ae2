//! *The* path of a request on a session port, readable from top to bottom: classify, decide, perform, record.
//!
//! Invariant: the request is decided once, from what earlier playlists declared, before the origin is asked. One case needs the
//! answer first: a playlist that nothing declared yet, asked for by a player that has rules, because only its content says
//! whether it is a master, unless it is asked to wait. What a redirect led here was decided where it came from. The record is the
//! recorder's and is written whatever happens. Deliberately absent: sockets (see `listen.rs`).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::header::RANGE;
use http::uri::PathAndQuery;
use http::{HeaderMap, Request, Uri};
use rebuffer_api::{CurrentPlay, Frame, RuleFired};
use rebuffer_engine::{Decision, RequestView, Sequence};
use rebuffer_media::hls::Directives;
use rebuffer_media::{ByteRange, Classified, SegmentPlace, Source};
use rebuffer_model::{ActionKind, Cmcd, Known, PlayId, Presentation, Remark, RequestKind, RuleId, Variant};

use crate::caller::Caller;
use crate::clock;
use crate::cmcd;
use crate::cors;
use crate::identity;
use crate::lane::Lane;
use crate::learning;
use crate::origin::target_of;
use crate::perform::{Asked, Reply, Target, ask_first, ask_for_text, loop_of, perform};
use crate::record::Recorder;
use crate::redact;
use crate::rig::Rig;
use crate::sessions::{Carry, Endpoint, Topic};
use crate::upload::Upload;

/// Answers one request of a player.
pub(crate) async fn exchange(
    rig: &Arc<Rig>,
    endpoint: Endpoint,
    lane: &Lane,
    mut request: Box<Request<Upload>>,
    caller: Caller,
) -> Reply {
    let (said, beside) = note_who(rig, &endpoint, &request);
    let mut recorder = Recorder::begin(rig, endpoint.clone(), lane, &request, caller, beside);
    if let Some(said) = said {
        cmcd::keep(rig, endpoint.session(), &mut recorder, said);
    }
    let (path_and_query, led_here) = asked_for(&endpoint, &mut request);
    let placed = classify(&mut recorder, &path_and_query, &request);
    let presentation = placed.classified.presentation.as_ref();
    let presentation = presentation.map(|(presentation, rungs)| (presentation, *rungs));
    recorder.classified(placed.kind, placed.known(), placed.variant(), presentation);
    recorder.limited(placed.kind);
    if placed.kind.is_manifest() && !endpoint.player.content().is_neutral() {
        ask_for_text(request.headers_mut());
    }
    let target = Target::of(path_and_query, &placed.classified);

    let carried = endpoint.learned.carried.take(&endpoint.address(target.as_str()));
    let counted_by = match &carried {
        Some(Carry::CountedBy(rule_id)) => Some(rule_id.clone()),
        Some(Carry::Decided(_)) | None => None,
    };
    let (asked, decision) = if let Some(decision) = led_here {
        (Asked::NotYet(request), decision)
    } else if let Some(Carry::Decided(decision)) = carried {
        recorder.remark(Remark::CountedBefore);
        recorder.decided(&decision);
        return perform(&decision, &target, Asked::NotYet(request), recorder).await;
    } else if only_the_answer_can_tell(&endpoint, &placed) && !is_blocking(&target) {
        let (forwarded, told) = match Box::pin(ask_first(&target, request, recorder)).await {
            Ok(heard) => heard,
            Err(answer) => return Ok(*answer),
        };
        recorder = told;
        let seen = recorder.seen();
        recorder.limited(seen.kind);
        // What it leads to is what was asked for, and is decided there.
        let decision = match forwarded.leads_on() {
            true => endpoint.player.pass(),
            false => decide(&endpoint, &target, &placed, (&seen).into(), counted_by.as_ref()),
        };
        (Asked::Already(forwarded), decision)
    } else {
        let subject = Subject::of(&placed);
        (Asked::NotYet(request), decide(&endpoint, &target, &placed, subject, counted_by.as_ref()))
    };
    recorder.decided(&decision);
    announce(rig, &endpoint, &decision, recorder.seen().kind);

    perform(&decision, &target, asked, recorder).await
}

/// What is asked for. When a redirect of the rig's led the request here, its mark is taken off, and the rule that led it decides
/// as long as it stands.
fn asked_for(endpoint: &Endpoint, request: &mut Request<Upload>) -> (PathAndQuery, Option<Decision>) {
    let target = target_of(request.uri());
    let Some((rule_id, was)) = loop_of(&target) else { return (target, None) };
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = Some(was.clone());
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    (was, endpoint.player.goes_on(&rule_id))
}

fn only_the_answer_can_tell(endpoint: &Endpoint, placed: &Placed) -> bool {
    placed.classified.source == Source::Guessed && placed.kind.is_manifest() && endpoint.player.has_rules()
}

/// Takes note of the play a request belongs to; returns what it says of its player, and the play when it is not the current one.
fn note_who(
    rig: &Rig,
    endpoint: &Endpoint,
    request: &Request<Upload>,
) -> (Option<Cmcd>, Option<CurrentPlay>) {
    let query = request.uri().query();
    let beside = identity::note_play(rig, &endpoint.player, query);
    let Some(said) = cmcd::of(request) else { return (None, beside) };
    let named_otherwise = identity::query_value(query, "play_id").is_some();
    let by_sid = cmcd::note_play(rig, &endpoint.player, &said, named_otherwise);
    (Some(said), beside.or(by_sid))
}

/// What is asked for, and where it stands.
struct Placed {
    kind: RequestKind,
    sequence: Sequence,
    classified: Classified,
}

impl Placed {
    fn known(&self) -> Known {
        match self.classified.source {
            Source::Declared => Known::Declared,
            Source::Guessed => Known::Guessed,
        }
    }

    fn variant(&self) -> Option<&Variant> {
        self.classified.variant.as_deref()
    }

    fn presentation(&self) -> Option<&Presentation> {
        self.classified.presentation.as_ref().map(|(presentation, _)| presentation)
    }
}

/// What rules are asked about.
#[derive(Clone, Copy)]
struct Subject<'s> {
    kind: RequestKind,
    variant: Option<&'s Variant>,
    presentation: Option<&'s Presentation>,
    ladder_len: usize,
}

impl<'s> Subject<'s> {
    fn of(placed: &'s Placed) -> Self {
        let ladder_len = placed.classified.presentation.as_ref().map_or(0, |(_, rungs)| *rungs);
        let (variant, presentation) = (placed.variant(), placed.presentation());
        Self { kind: placed.kind, variant, presentation, ladder_len }
    }
}

impl<'s> From<&'s crate::record::Seen> for Subject<'s> {
    fn from(seen: &'s crate::record::Seen) -> Self {
        Self {
            kind: seen.kind,
            variant: seen.variant.as_ref(),
            presentation: seen.presentation.as_ref(),
            ladder_len: seen.ladder_len,
        }
    }
}

fn classify(recorder: &mut Recorder, target: &PathAndQuery, request: &Request<Upload>) -> Placed {
    let endpoint = recorder.session().clone();
    let range = range_of(request.headers());
    let play = recorder.play().map_or("", PlayId::as_str);
    let request_of_graph = rebuffer_media::Request {
        origin: endpoint.origin_id(),
        target: target.as_str(),
        range,
        now: Some(clock::now()),
    };
    let mut graph = endpoint.learned.graph.lock();
    let (classified, index_in_play, change) = graph.ask(play, request_of_graph);
    let knows_nothing = !graph.knows_playlists();
    let ladder = change.as_ref().map(|_| graph.ladder().clone());
    drop(graph);
    if let Some((change, ladder)) = change.zip(ladder) {
        learning::ladder_changed(recorder.rig(), &endpoint, change, &ladder);
    }
    let is_preflight = cors::is_preflight(request.method(), request.headers());
    let kind = if is_preflight { RequestKind::Preflight } else { classified.kind };
    if let (RequestKind::Segment, Some(variant)) = (kind, &classified.variant) {
        endpoint.telemetry.rendition.store(variant.bandwidth, Ordering::Relaxed);
    }
    if knows_nothing && kind.is_media() && endpoint.telemetry.told.is_news(Topic::Unknown, "") {
        let path = redact::path(target.path()).into_owned();
        learning::tell(recorder.rig(), &endpoint, ActionKind::PlaylistsUnknown { path });
    }
    let SegmentPlace { media_sequence, from_live_edge, .. } = classified.place;
    Placed { kind, sequence: Sequence { media_sequence, index_in_play, from_live_edge }, classified }
}

fn range_of(headers: &HeaderMap) -> Option<ByteRange> {
    ByteRange::from_header(headers.get(RANGE)?.to_str().ok()?)
}

fn decide(
    endpoint: &Endpoint,
    target: &Target,
    placed: &Placed,
    subject: Subject<'_>,
    counted_by: Option<&RuleId>,
) -> Decision {
    let request = RequestView {
        kind: subject.kind,
        hosts: endpoint.origin().names(),
        presentation: subject.presentation,
        variant: subject.variant,
        path: target.path(),
        ladder_len: subject.ladder_len,
        sequence: placed.sequence,
        blocking_reload: is_blocking(target),
        preload_hint: placed.classified.place.hinted,
    };
    endpoint.player.decide(&request, counted_by)
}

/// Whether a playlist is asked to wait. A master never is.
fn is_blocking(target: &Target) -> bool {
    Directives::of(target.as_str()).is_blocking()
}

fn announce(rig: &Rig, endpoint: &Endpoint, decision: &Decision, request_kind: RequestKind) {
    if let Some(rule_id) = &decision.rule_id {
        rig.events.publish(&Frame::RuleFired(RuleFired {
            player_id: endpoint.player_id(),
            rule_id: rule_id.clone(),
            fault: decision.fault,
            request_kind,
            ts: clock::now(),
        }));
    }
}
