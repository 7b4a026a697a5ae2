//! A rig that is told to end ends soon, in order, and with everything in the archive.

use std::time::Duration;

use rebuffer_e2e::{Archive, Load, Place, Rig, Shaper, program};
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

async fn ends_in_order(name: &'static str, signal: Signal) {
    let Some(place) = Place::take(name) else { return };
    let rig = Rig::start(&place, Shaper::Pacing).await;
    let cold = rig.ready().await;
    let mut load = Load::start(&rig, 0).await;
    load.goes_on(300).await;
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
    Expected::all(&tally).is_in(&Archive::of(place.data())).await;
    archive.shutdown(WITHIN).await;

    let rig = Rig::start(&place, Shaper::Pacing).await;
    let warm = rig.ready().await;
    println!("{name}: ended after {took:?}; ready {cold:?} after the first start, {warm:?} after the second");
    assert!(warm < READY_WITHIN, "it took {warm:?} to be ready");
}
