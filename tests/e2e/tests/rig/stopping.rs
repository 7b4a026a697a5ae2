//! A rig that is told to end ends soon, in order, and with everything in the archive.

use std::time::Duration;

use http::Response;
use hyper::body::Incoming;
use rebuffer_e2e::{Archive, Load, Place, Rig, Shaper, Web, program};
use rebuffer_embedded::{Child, SpawnOptions};
use rustix::process::Signal;

use crate::evidence::Expected;

/// What is promised; the test is not the place to find out by how much it could be less.
const WITHIN: Duration = Duration::from_secs(5);
/// The promise is three seconds where nothing else runs.
const READY_WITHIN: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_terminated_rig_ends_in_order_with_everything_archived() {
    ends_in_order("terminated", Signal::TERM).await;
}

#[tokio::test]
async fn an_interrupted_rig_ends_in_order_with_everything_archived() {
    ends_in_order("interrupted", Signal::INT).await;
}

#[tokio::test]
async fn a_rig_nobody_used_ends_without_complaint() {
    let Some(place) = Place::take("unused") else { return };
    let rig = Rig::start(&place, Shaper::Pacing).await;
    rig.ready().await;
    let (status, took) = rig.end(Signal::TERM).await;
    assert!(status.success() && took < WITHIN, "{status} after {took:?}");
    let log = std::fs::read_to_string(place.log()).unwrap();
    let complaints: Vec<_> =
        log.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).collect();
    assert_eq!(complaints, [""; 0]);
}

async fn ends_in_order(name: &'static str, signal: Signal) {
    let Some(place) = Place::take(name) else { return };
    let rig = Rig::start(&place, Shaper::Pacing).await;
    let cold = rig.ready().await;
    let mut load = Load::start(&rig, 0).await;
    load.goes_on(300).await;
    let slow = Slow::begin(&rig).await;
    let (status, took) = rig.end(signal).await;
    let tally = load.stop().await;
    assert!(status.success(), "{status}");
    assert!(took < WITHIN, "it took {took:?}");

    // No rig runs now that could still add to it.
    let options = SpawnOptions::new(
        program(),
        vec!["archive-serve".into()],
        place.data().join("archive"),
        place.library().to_owned(),
    );
    let archive = Child::spawn(options).await.unwrap();
    archive.ready(WITHIN * 4).await.unwrap();
    let rows = Archive::of(place.data());
    Expected::all(&tally).is_in(&rows).await;
    slow.is_in(&rows).await;
    archive.shutdown(WITHIN).await;

    let rig = Rig::start(&place, Shaper::Pacing).await;
    let warm = rig.ready().await;
    println!("{name}: ended after {took:?}; ready {cold:?} after the first start, {warm:?} after the second");
    assert!(warm < READY_WITHIN, "it took {warm:?} to be ready");
}

/// Requests that the end of the rig finds halfway.
struct Slow {
    numbers: Vec<u64>,
    _open: Vec<Response<Incoming>>,
}

impl Slow {
    async fn begin(rig: &Rig) -> Self {
        rig.create("slow", r#""shape":{"rate_mbps":0.5}"#).await;
        let web = Web::default();
        let session = rig.session(&web, "slow").await;
        let numbers: Vec<u64> = (900_000..900_008).collect();
        let mut open = Vec::new();
        for number in &numbers {
            // Two megabytes, which take half a minute.
            open.push(web.open(&format!("{session}/vod/v5/9.m4s?n={number}")).await.unwrap());
        }
        Self { numbers, _open: open }
    }

    /// Each has a row, which blames the one who ended it.
    async fn is_in(&self, archive: &Archive) {
        let cut = "SELECT extractURLParameter(url, 'n') AS n FROM network_requests \
                   WHERE toUInt64OrZero(n) >= 900000 AND NOT complete AND cause = 'rig'";
        archive.holds(cut, &self.numbers).await;
    }
}
