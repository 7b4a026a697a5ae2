//! A follower of the rig's feed, which waits for what must come.
//!
//! Invariant: records are read over `GET /api/v2/feed`, each exactly once and in order; what was passed over while waiting is
//! kept, so that the order in which a test asks does not matter. Deliberately absent: labels and rows, which others make.

use std::net::SocketAddr;

use rebuffer_model::{Action, ActionKind, Exchange, Record, RecordBody};

use crate::sse::{Event, Sse};
use crate::wire::PATIENCE;

/// A follower.
#[derive(Debug)]
pub struct Feed {
    events: Sse,
    passed: Vec<Record>,
}

impl Feed {
    /// Follows from the oldest record on.
    pub async fn follow(api: SocketAddr) -> Self {
        Self { events: Sse::open(api, "/api/v2/feed?after=0", None).await, passed: Vec::new() }
    }

    /// The first record, seen or to come, of which `pick` makes something; it is taken.
    pub async fn next<T>(&mut self, pick: impl Fn(&Record) -> Option<T>) -> T {
        if let Some((place, picked)) =
            self.passed.iter().enumerate().find_map(|(place, record)| Some((place, pick(record)?)))
        {
            self.passed.remove(place);
            return picked;
        }
        let coming = async {
            loop {
                let record = self.record().await;
                match pick(&record) {
                    Some(picked) => return picked,
                    None => self.passed.push(record),
                }
            }
        };
        match tokio::time::timeout(PATIENCE, coming).await {
            Ok(picked) => picked,
            Err(_elapsed) => panic!("no such record came; these did: {:#?}", self.passed),
        }
    }

    /// The first exchange whose URL is or begins with `url`.
    pub async fn exchange(&mut self, url: &str) -> Exchange {
        self.next(|record| match &record.body {
            RecordBody::Exchange(exchange) if exchange.request.url.starts_with(url) => {
                Some((**exchange).clone())
            }
            RecordBody::Exchange(_)
            | RecordBody::Sample(_)
            | RecordBody::Action(_)
            | RecordBody::Gap { .. } => None,
        })
        .await
    }

    /// The first action of this name.
    pub async fn action(&mut self, event: &str) -> Action {
        self.next(|record| match &record.body {
            RecordBody::Action(action) if ActionKind::event(&action.kind) == event => {
                Some((**action).clone())
            }
            RecordBody::Exchange(_)
            | RecordBody::Sample(_)
            | RecordBody::Action(_)
            | RecordBody::Gap { .. } => None,
        })
        .await
    }

    /// How many actions of this name have come and were not asked for.
    pub fn waiting(&self, event: &str) -> usize {
        let is_one = |record: &&Record| matches!(&record.body, RecordBody::Action(action) if ActionKind::event(&action.kind) == event);
        self.passed.iter().filter(is_one).count()
    }

    async fn record(&mut self) -> Record {
        loop {
            let Event { name, data, .. } = self.events.next().await.expect("the feed goes on");
            if name == "record" {
                return serde_json::from_str(&data).expect("a record");
            }
        }
    }
}
