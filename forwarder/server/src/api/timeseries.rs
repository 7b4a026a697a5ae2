//! `GET /api/v2/timeseries`: a series as server-sent events. What comes in which order stands in `series.rs`.

use axum::extract::{RawQuery, State};
use axum::response::sse::Sse;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use rebuffer_api::Problem;
use rebuffer_api::archive::{ScopeQuery, SeriesQuery};
use rebuffer_archive::Filter;
use rebuffer_model::{Millis, Position};
use rebuffer_tables::{BUNDLES, IDENTITY};
use tokio_stream::wrappers::ReceiverStream;

use super::failure::Failure;
use super::query::{Query, listed};
use super::rows::{read_stride, scope_filter};
use crate::clock;
use crate::core::Shared;
use crate::ledger::Interest;
use crate::row::Stream;
use crate::series::{self, Part, Plan};

/// What happened and what happens, as a stream.
///
/// Frames: `meta`; the rows of the past in time order (`event`, `network`, `control`); `backfill_complete`; rows as they
/// happen; `complete` or `stream_error` at the end; `heartbeat` every 15 s and `lag` when the client is too slow.
#[utoipa::path(
    get,
    path = "/api/v2/timeseries",
    tag = "archive",
    operation_id = "streamTimeseries",
    params(
        ScopeQuery,
        SeriesQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "Take up behind this position."),
    ),
    responses(
        (status = 200, description = "The stream.", body = String, content_type = "text/event-stream"),
        (status = 400, description = "A parameter is not understood.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The archive is not ready.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn get(
    State(core): State<Shared>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let mut query = Query::new(raw.as_deref());
    let scope = query.part::<ScopeQuery>()?;
    let wanted = query.part::<SeriesQuery>()?;
    query.finish()?;
    let plan = plan(&scope, &wanted, resume(&headers)?)?;
    Failure::unless_ready(&core)?;
    let frames = series::start(core, plan);
    let mut response = Sse::new(ReceiverStream::new(frames)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

fn plan(scope: &ScopeQuery, wanted: &SeriesQuery, resume: Option<Position>) -> Result<Plan, Failure> {
    if scope.player_id.is_none() && scope.play_id.is_none() && scope.session_id.is_none() {
        return Err(Failure::parameter("player_id", "name a player_id, a play_id or a session_id"));
    }
    let streams = streams(wanted.streams.as_deref())?;
    let parts = parts(&streams, scope, wanted)?;
    let stride = [read_stride(wanted.stride_ms)?, read_rate(wanted.max_hz)?].into_iter().flatten().max();
    Ok(Plan {
        parts,
        interest: Interest {
            streams,
            player_id: scope.player_id.map(|id| id.to_string()),
            play_id: scope.play_id.as_ref().map(ToString::to_string),
            session_id: scope.session_id.map(|id| id.to_string()),
            attempt_id: scope.attempt_id.map(|id| id.0),
        },
        from: scope.from,
        to: scope.to,
        live: scope.to.is_none_or(|to| to > clock::now()),
        stride,
        resume,
    })
}

fn streams(names: Option<&str>) -> Result<Vec<Stream>, Failure> {
    if names.is_none() {
        return Ok(Stream::ALL.to_vec());
    }
    let mut streams = Vec::new();
    for name in listed(names) {
        let Some(stream) = Stream::ALL.into_iter().find(|stream| stream.name() == name) else {
            return Err(Failure::parameter(
                "streams",
                format!("streams are events, network and control; got {name:?}"),
            ));
        };
        if !streams.contains(&stream) {
            streams.push(stream);
        }
    }
    if streams.is_empty() {
        return Err(Failure::parameter("streams", "name at least one stream, or leave the parameter out"));
    }
    Ok(streams)
}

/// The columns and conditions of each stream.
fn parts(streams: &[Stream], scope: &ScopeQuery, wanted: &SeriesQuery) -> Result<Vec<Part>, Failure> {
    let all = wanted.bundles.is_none() && wanted.fields.is_none();
    let mut parts = Vec::new();
    for stream in streams {
        let table = stream.table();
        let width = table.columns().count();
        let mut columns: Vec<usize> =
            IDENTITY.iter().filter_map(|name| Some(table.column(name)?.0)).collect();
        let named = listed(wanted.bundles.as_deref())
            .flat_map(|name| BUNDLES.iter().filter(move |bundle| bundle.name == name))
            .filter(|bundle| bundle.table.name == table.name)
            .flat_map(|bundle| bundle.columns.iter().copied())
            .chain(listed(wanted.fields.as_deref()))
            .filter_map(|name| Some(table.column(name)?.0));
        for index in named.chain(if all { 0..width } else { 0..0 }) {
            if !columns.contains(&index) {
                columns.push(index);
            }
        }
        let filter: Filter = scope_filter(table, scope);
        parts.push(Part { stream: *stream, columns, filter });
    }
    let mine = |table: &str| streams.iter().any(|stream| stream.table().name == table);
    for name in listed(wanted.bundles.as_deref()) {
        if !BUNDLES.iter().any(|bundle| bundle.name == name && mine(bundle.table.name)) {
            let known: Vec<_> = BUNDLES.iter().map(|bundle| bundle.name).collect();
            let detail =
                format!("no bundle of these streams is called {name:?}; there are: {}", known.join(", "));
            return Err(Failure::parameter("bundles", detail));
        }
    }
    for name in listed(wanted.fields.as_deref()) {
        if !streams.iter().any(|stream| stream.table().column(name).is_some()) {
            return Err(Failure::parameter("fields", format!("none of these streams has a column {name:?}")));
        }
    }
    Ok(parts)
}

fn read_rate(max_hz: Option<u64>) -> Result<Option<Millis>, Failure> {
    match max_hz {
        None => Ok(None),
        Some(rate) if (1..=1_000).contains(&rate) => Ok(Some(Millis(1_000_u64.div_ceil(rate)))),
        Some(rate) => Err(Failure::parameter("max_hz", format!("max_hz is from 1 to 1000; got {rate}"))),
    }
}

fn resume(headers: &HeaderMap) -> Result<Option<Position>, Failure> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let position = value.to_str().ok().and_then(|text| text.parse().ok());
    let refused = || Failure::parameter("Last-Event-ID", "Last-Event-ID is the id of a frame of this stream");
    position.map(Some).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Result<Plan, Failure> {
        let mut query = Query::new(Some(raw));
        let (scope, wanted) = (query.part::<ScopeQuery>()?, query.part::<SeriesQuery>()?);
        query.finish()?;
        plan(&scope, &wanted, None)
    }

    fn names(part: &Part) -> Vec<&'static str> {
        let all: Vec<_> = part.stream.table().columns().collect();
        part.columns.iter().map(|index| all[*index].name).collect()
    }

    #[test]
    fn columns_are_identity_then_bundles_then_fields() {
        let plan =
            read("player_id=a&streams=events,control&bundles=control,panel_v1&fields=user_agent").unwrap();
        assert_eq!(plan.parts.len(), 2);
        let events = names(&plan.parts[0]);
        assert_eq!(&events[..IDENTITY.len()], IDENTITY);
        assert_eq!(events[IDENTITY.len()], "position_s");
        assert_eq!(events.last(), Some(&"user_agent"));
        assert_eq!(&names(&plan.parts[1])[IDENTITY.len()..], ["actor", "event", "info"]);
    }

    #[test]
    fn without_a_choice_everything_comes_once() {
        let plan = read("play_id=a").unwrap();
        for part in &plan.parts {
            let mut columns = part.columns.clone();
            columns.sort_unstable();
            assert_eq!(columns, (0..part.stream.table().columns().count()).collect::<Vec<_>>());
        }
        assert!(plan.live);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (raw, name) in [
            ("", "player_id"),
            ("player_id=a&streams=film", "streams"),
            ("player_id=a&streams=,", "streams"),
            ("player_id=a&bundles=nope", "bundles"),
            ("player_id=a&streams=events&bundles=network", "bundles"),
            ("player_id=a&streams=control&fields=status", "fields"),
            ("player_id=a&fields=ts)%20FROM", "fields"),
            ("player_id=a&max_hz=0", "max_hz"),
            ("player_id=a&stride_ms=0", "stride_ms"),
            ("player_id=a&limit=5", "limit"),
        ] {
            assert_eq!(read(raw).unwrap_err().problem().parameter.as_deref(), Some(name), "{raw}");
        }
    }

    #[test]
    fn the_slower_of_stride_and_rate_counts() {
        let stride = |raw: &str| read(&format!("player_id=a&{raw}")).unwrap().stride;
        assert_eq!(stride("max_hz=4"), Some(Millis(250)));
        assert_eq!(stride("max_hz=4&stride_ms=1000"), Some(Millis(1_000)));
        assert_eq!(stride("max_hz=1000&stride_ms=1"), Some(Millis(1)));
    }

    #[test]
    fn a_window_of_the_past_is_not_live() {
        assert!(!read("player_id=a&to=2020-01-01T00:00:00Z").unwrap().live);
    }
}
