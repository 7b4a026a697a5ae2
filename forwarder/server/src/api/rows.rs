//! `GET /api/v2/events`, `/network_requests`, `/control_events`: rows as they are, filtered and page by page.

mod schema;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use rebuffer_api::Problem;
use rebuffer_api::archive::{
    ControlQuery, Direction, EventsQuery, NetworkQuery, Page, Paging, RowOrder, ScopeQuery,
};
use rebuffer_archive::{Bound, Filter, Order, RowCursor, RowQuery, Test};
use rebuffer_model::{Millis, Position, Timestamp};
use rebuffer_tables::Table;
use serde::Deserialize;

use super::failure::Failure;
use super::page::{self, Limits};
use super::query::{Query, listed};
use crate::core::{Core, Shared};
use crate::row::Stream;
use schema::{ControlRow, EventRow, NetworkRow};

const PAGE: Limits = Limits { usual: 500, most: 5_000 };
const LINES: Limits = Limits { usual: 5_000, most: 200_000 };

/// Reports of players.
#[utoipa::path(
    get,
    path = "/api/v2/events",
    tag = "archive",
    operation_id = "listEvents",
    params(ScopeQuery, Paging, RowOrder, EventsQuery),
    responses(
        (status = 200, description = "Reports; one per line for `Accept: application/x-ndjson`.", body = Page<EventRow>),
        (status = 400, description = "A parameter is not understood.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The archive is down.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn events(
    State(core): State<Shared>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let mut query = Query::new(raw.as_deref());
    let wanted = query.part::<EventsQuery>()?;
    let mut request = Request::read(query, Stream::Events, &headers)?;
    request.stride = read_stride(wanted.stride_ms)?;
    request.text("last_event", wanted.last_event);
    request.answer(&core).await
}

/// Requests of players, with what the origin said and what was sent.
#[utoipa::path(
    get,
    path = "/api/v2/network_requests",
    tag = "archive",
    operation_id = "listNetworkRequests",
    params(ScopeQuery, Paging, RowOrder, NetworkQuery),
    responses(
        (status = 200, description = "Requests; one per line for `Accept: application/x-ndjson`.", body = Page<NetworkRow>),
        (status = 400, description = "A parameter is not understood.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The archive is down.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn network_requests(
    State(core): State<Shared>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let mut query = Query::new(raw.as_deref());
    let wanted = query.part::<NetworkQuery>()?;
    let mut request = Request::read(query, Stream::Network, &headers)?;
    if let Some(status) = wanted.status_min {
        request.and("status", Test::AtLeast, Bound::Number(status.into()));
    }
    if let Some(status) = wanted.status_max {
        request.and("status", Test::Below, Bound::Number(u64::from(status) + 1));
    }
    if let Some(flag) = wanted.faulted {
        request.and("faulted", Test::Is, Bound::Flag(flag.0));
    }
    request.text("request_kind", wanted.request_kind);
    request.text("request_known", wanted.known.map(|known| known.to_string()));
    request.text("presentation", wanted.presentation);
    request.text("presentation_role", wanted.presentation_role.map(|role| role.to_string()));
    for remark in wanted.remark {
        request.and("remarks", Test::Has, Bound::Text(remark.to_string()));
    }
    request.text("method", wanted.method);
    request.text("cause", wanted.cause);
    request.text("rule_id", wanted.rule_id.map(|id| id.to_string()));
    request.text("fault_type", wanted.fault_type);
    request.text("fault_category", wanted.fault_category);
    request.answer(&core).await
}

/// What the rig and its operators did.
#[utoipa::path(
    get,
    path = "/api/v2/control_events",
    tag = "archive",
    operation_id = "listControlEvents",
    params(ScopeQuery, Paging, RowOrder, ControlQuery),
    responses(
        (status = 200, description = "Actions; one per line for `Accept: application/x-ndjson`.", body = Page<ControlRow>),
        (status = 400, description = "A parameter is not understood.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The archive is down.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn control_events(
    State(core): State<Shared>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let mut query = Query::new(raw.as_deref());
    let wanted = query.part::<ControlQuery>()?;
    let mut request = Request::read(query, Stream::Control, &headers)?;
    request.text("event", wanted.event);
    request.text("actor", wanted.actor);
    request.answer(&core).await
}

/// What all three have in common.
#[derive(Debug)]
struct Request {
    table: &'static Table,
    columns: Vec<usize>,
    filter: Filter,
    order: Order,
    limit: u32,
    after: Option<RowCursor>,
    stride: Option<Millis>,
    lines: bool,
}

/// What a cursor is made of.
#[derive(Deserialize)]
struct Last {
    ts: Timestamp,
    id: Position,
}

impl Request {
    fn read(mut query: Query, stream: Stream, headers: &HeaderMap) -> Result<Self, Failure> {
        let table = stream.table();
        let scope = query.part::<ScopeQuery>()?;
        let paging = query.part::<Paging>()?;
        let order = query.part::<RowOrder>()?;
        query.finish()?;
        let lines = page::wants_lines(headers);
        let mut filter = scope_filter(table, &scope);
        labels(&mut filter, table, &paging);
        Ok(Self {
            table,
            columns: columns(table, order.fields.as_deref())?,
            filter,
            order: match order.order {
                Some(Direction::Asc) => Order::Ascending,
                Some(Direction::Desc) | None => Order::Descending,
            },
            limit: if lines { LINES } else { PAGE }.choose(paging.limit)?,
            after: paging.cursor.as_deref().map(page::read_row_cursor).transpose()?,
            stride: None,
            lines,
        })
    }

    fn text(&mut self, column: &str, value: Option<String>) {
        if let Some(value) = value {
            self.and(column, Test::Is, Bound::Text(value));
        }
    }

    fn and(&mut self, column: &str, test: Test, value: Bound) {
        and(&mut self.filter, self.table, column, test, value);
    }

    async fn answer(self, core: &Core) -> Result<Response, Failure> {
        Failure::unless_ready(core)?;
        let Self { table, columns, filter, order, limit, after, stride, lines } = self;
        let query = RowQuery { table, columns, filter, order, limit, after, stride, not_beyond: None };
        let rows = core.archive.rows(&query)?;
        if lines {
            return Ok(page::as_lines(rows));
        }
        let rows = rows.collect().await?;
        let full = rows.len() == usize::try_from(limit).unwrap_or(usize::MAX);
        let last = rows.last().filter(|_| full).and_then(|row| serde_json::from_slice::<Last>(row).ok());
        let next_cursor = last.map(|Last { ts, id }| page::write_row_cursor(RowCursor { ts, id }));
        let items = rows.iter().map(|row| page::raw(row)).collect::<Result<Vec<_>, _>>()?;
        Ok(Json(Page { items, next_cursor }).into_response())
    }
}

/// The conditions of a scope.
pub(super) fn scope_filter(table: &'static Table, scope: &ScopeQuery) -> Filter {
    let mut filter = Filter::default();
    let texts = [
        ("player_id", scope.player_id.map(|id| id.to_string())),
        ("play_id", scope.play_id.as_ref().map(ToString::to_string)),
        ("session_id", scope.session_id.map(|id| id.to_string())),
    ];
    for (column, value) in texts {
        if let Some(value) = value {
            and(&mut filter, table, column, Test::Is, Bound::Text(value));
        }
    }
    if let Some(attempt) = scope.attempt_id {
        and(&mut filter, table, "attempt_id", Test::Is, Bound::Number(attempt.0.into()));
    }
    for (test, instant) in [(Test::AtLeast, scope.from), (Test::Below, scope.to)] {
        if let Some(instant) = instant {
            and(&mut filter, table, "ts", test, Bound::Instant(instant));
        }
    }
    filter
}

/// The conditions on labels of single rows.
fn labels(filter: &mut Filter, table: &'static Table, paging: &Paging) {
    for (test, labels) in [(Test::Has, &paging.label_has), (Test::Lacks, &paging.label_not)] {
        for label in labels {
            and(filter, table, "labels", test, Bound::Text(label.to_string()));
        }
    }
    name_and_tier(filter, table, paging);
}

/// The conditions on who it was by name, and on how long rows are kept.
pub(super) fn name_and_tier(filter: &mut Filter, table: &'static Table, paging: &Paging) {
    if let Some(name) = &paging.player_name {
        and(filter, table, "player_name", Test::Calls, Bound::Text(name.clone()));
    }
    if let Some(tier) = &paging.classification {
        and(filter, table, "classification", Test::Is, Bound::Text(tier.clone()));
    }
}

/// The columns are our own words here; the tests hold that every one of them exists.
pub(super) fn and(filter: &mut Filter, table: &'static Table, column: &str, test: Test, value: Bound) {
    if let Err(column) = filter.and(table, column, test, value) {
        tracing::error!(table = table.name, column, "a filter names a column that does not exist");
        debug_assert!(false, "{} has no {column}", table.name);
    }
}

fn columns(table: &'static Table, fields: Option<&str>) -> Result<Vec<usize>, Failure> {
    let Some(fields) = fields else { return Ok((0..table.columns().count()).collect()) };
    let mut chosen = Vec::new();
    for name in ["ts", "id"].into_iter().chain(listed(Some(fields))) {
        let Some((index, _)) = table.column(name) else {
            let detail = format!("{} has no column {name:?}", table.name);
            return Err(Failure::parameter("fields", detail));
        };
        if !chosen.contains(&index) {
            chosen.push(index);
        }
    }
    Ok(chosen)
}

pub(super) fn read_stride(stride_ms: Option<u64>) -> Result<Option<Millis>, Failure> {
    match stride_ms {
        None => Ok(None),
        Some(stride) if (1..=60_000).contains(&stride) => Ok(Some(Millis(stride))),
        Some(stride) => {
            Err(Failure::parameter("stride_ms", format!("stride_ms is from 1 to 60000; got {stride}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(stream: Stream, raw: &str) -> Result<Request, Failure> {
        Request::read(Query::new(Some(raw)), stream, &HeaderMap::new())
    }

    #[test]
    fn every_filter_of_every_stream_names_a_column() {
        let raw = "player_id=a&play_id=b&session_id=01890a5d-ac96-774b-bcce-b302099a8057&attempt_id=1\
                   &from=2026-03-01T10:00:00Z&to=2026-03-01T11:00:00Z&label_has=info%3Da&label_not=info%3Db&classification=other&player_name=tv";
        for stream in Stream::ALL {
            let mut request = read(stream, raw).unwrap();
            let own: &[&str] = match stream {
                Stream::Events => &["last_event"],
                Stream::Network => &[
                    "request_kind",
                    "request_known",
                    "presentation",
                    "presentation_role",
                    "remarks",
                    "method",
                    "cause",
                    "rule_id",
                    "fault_type",
                    "fault_category",
                    "status",
                    "faulted",
                ],
                Stream::Control => &["event", "actor"],
            };
            for column in own {
                request.text(column, Some("x".into()));
            }
        }
    }

    #[test]
    fn fields_are_columns_and_time_and_id_come_first() {
        let request = read(Stream::Network, "fields=status,%20url,id").unwrap();
        let names: Vec<_> = request.table.columns().map(|column| column.name).collect();
        let chosen: Vec<_> = request.columns.iter().map(|index| names[*index]).collect();
        assert_eq!(chosen, ["ts", "id", "status", "url"]);
        let failure = read(Stream::Network, "fields=status,1;DROP").unwrap_err();
        assert_eq!(failure.problem().parameter.as_deref(), Some("fields"));
    }

    #[test]
    fn limits_are_those_of_the_form_that_was_asked_for() {
        assert_eq!(
            read(Stream::Events, "limit=5001").unwrap_err().problem().parameter.as_deref(),
            Some("limit")
        );
        assert_eq!(read(Stream::Events, "").unwrap().limit, 500);
        assert!(read_stride(Some(0)).is_err() && read_stride(Some(60_001)).is_err());
    }
}
