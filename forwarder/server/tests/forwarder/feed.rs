//! A feed as the proxy serves it, on a port of its own, that breaks when told to.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use futures_util::{StreamExt, stream};
use http::StatusCode;
use parking_lot::Mutex;
use rebuffer_model::{Position, Record};
use tokio::sync::watch;

#[derive(Debug, Clone)]
pub(crate) struct Feed {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    records: Mutex<Vec<(Position, String)>>,
    length: watch::Sender<usize>,
    cuts: watch::Sender<u64>,
    /// Where every connection began.
    asked: Mutex<Vec<Position>>,
}

#[derive(serde::Deserialize)]
struct Ask {
    after: Position,
}

#[derive(Debug, thiserror::Error)]
#[error("cut")]
struct Cut;

impl Feed {
    pub(crate) async fn start() -> Feed {
        let shared = Arc::new(Shared {
            records: Mutex::default(),
            length: watch::Sender::new(0),
            cuts: watch::Sender::new(0),
            asked: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().route("/api/v2/feed", routing::get(serve)).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Feed { url, shared }
    }

    pub(crate) fn append(&self, records: impl IntoIterator<Item = Record>) {
        let mut held = self.shared.records.lock();
        held.extend(
            records.into_iter().map(|record| (record.position, serde_json::to_string(&record).unwrap())),
        );
        self.shared.length.send_replace(held.len());
    }

    pub(crate) fn append_text(&self, position: u64, json: &str) {
        let mut held = self.shared.records.lock();
        held.push((Position(position), json.to_owned()));
        self.shared.length.send_replace(held.len());
    }

    /// Breaks every connection.
    pub(crate) fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    pub(crate) fn asked(&self) -> Vec<u64> {
        self.shared.asked.lock().iter().map(|position| position.0).collect()
    }
}

async fn serve(State(shared): State<Arc<Shared>>, Query(Ask { after }): Query<Ask>) -> Response {
    shared.asked.lock().push(after);
    if after == Position(u64::MAX) {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let bounds = {
        let held = shared.records.lock();
        let end = |record: Option<&(Position, String)>| record.map_or(Position(0), |(position, _)| *position);
        (end(held.first()), end(held.last()))
    };
    let meta = format!(r#"{{"source":"proxy","oldest":"{}","newest":"{}"}}"#, bounds.0, bounds.1);
    let meta = stream::iter([Ok(Event::default().event("meta").data(meta))]);
    let mut cuts = shared.cuts.subscribe();
    cuts.mark_unchanged();
    // A little too much, as a careless feed would.
    let start = shared.records.lock().partition_point(|(position, _)| *position <= after).saturating_sub(3);
    let records = stream::try_unfold((shared, start, cuts), async |(shared, at, mut cuts)| {
        let mut length = shared.length.subscribe();
        tokio::select! {
            biased;
            _ = cuts.changed() => return Err(Cut),
            grown = length.wait_for(|length| *length > at) => drop(grown),
        }
        let batch: Vec<_> = shared.records.lock()[at..].iter().take(100).cloned().collect();
        let events = batch.len();
        let events = (
            batch
                .into_iter()
                .map(|(position, json)| Event::default().event("record").id(position.to_string()).data(json))
                .collect::<Vec<_>>(),
            events,
        );
        Ok::<_, Cut>(Some((events.0, (shared, at + events.1, cuts))))
    });
    let records = records.flat_map(|batch| match batch {
        Ok(events) => stream::iter(events.into_iter().map(Ok).collect::<Vec<_>>()),
        Err(cut) => stream::iter(vec![Err(cut)]),
    });
    Sse::new(meta.chain(records)).into_response()
}
