//! What the archive must hold of what players did: each number, and each once.

use std::collections::BTreeMap;

use rebuffer_e2e::{Archive, Rig, Tally, Web};

const EXCHANGES: &str = "SELECT extractURLParameter(url, 'n') AS n FROM network_requests WHERE n != ''";
const REPORTS: &str = "SELECT extras['n'] AS n FROM session_events WHERE n != ''";

/// Numbers no load uses.
const LAST: u64 = 1_000_000;

/// What was asked for and reported, by number.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    pub(crate) exchanges: Vec<u64>,
    pub(crate) reports: Vec<u64>,
}

impl Expected {
    /// Everything that was done.
    pub(crate) fn all(tally: &Tally) -> Self {
        let numbers = |done: &[rebuffer_e2e::Done]| done.iter().map(|done| done.number).collect();
        Self { exchanges: numbers(&tally.exchanges), reports: numbers(&tally.reports) }
    }

    /// Holds when the archive has each of these exactly once, and nothing twice.
    pub(crate) async fn is_in(&self, archive: &Archive) {
        assert!(self.exchanges.len() > 100 && self.reports.len() > 10, "too little was done: {self:?}");
        once("requests", &archive.holds(EXCHANGES, &self.exchanges).await);
        once("reports", &archive.holds(REPORTS, &self.reports).await);
    }
}

/// Asks and reports one last time, and waits until that is in the archive: rows come in order, so what was to come before it did.
pub(crate) async fn at_rest(rig: &Rig, archive: &Archive, turn: u64) {
    let web = Web::default();
    let last = LAST + turn;
    let session = rig.session(&web, "last").await;
    web.get(&format!("{session}/vod/master.m3u8?n={last}")).await.unwrap().text();
    let report = http::Request::post(format!("{}/api/v2/players/last/metrics", rig.api()));
    web.send(report, format!("{{\"n\":{last}}}")).await.unwrap().text();
    archive.holds(EXCHANGES, &[last]).await;
    archive.holds(REPORTS, &[last]).await;
}

fn once(what: &str, held: &BTreeMap<u64, usize>) {
    let twice: Vec<_> = held.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "{what} more than once: {twice:?}");
}
