//! Nothing is lost and nothing doubled, whoever is killed.

use std::time::{Duration, Instant};

use rebuffer_e2e::{Archive, Load, Place, Rig, Shaper, Tally, until};

use crate::evidence::{Expected, at_rest};

/// What ended so long before a kill is safe.
const SAFE_AFTER: Duration = Duration::from_millis(100);
const RECOVERY: Duration = Duration::from_secs(20);

#[tokio::test]
async fn everything_is_archived_once_though_the_archive_is_killed_under_load() {
    let Some(place) = Place::take("archive-killed") else { return };
    let rig = Rig::start(&place, Shaper::Pacing).await;
    rig.ready().await;
    let mut load = Load::start(&rig, 0).await;
    for _ in 0..2 {
        load.goes_on(150).await;
        let killed = rig.kill_archive();
        load.goes_on(100).await;
        until("another archive runs", RECOVERY, async || rig.archive().filter(|archive| *archive != killed))
            .await;
        rig.ready().await;
    }
    load.goes_on(150).await;
    let tally = load.stop().await;
    assert_eq!(tally.broken, 0, "players do not notice");
    let archive = Archive::of(place.data());
    at_rest(&rig, &archive, 0).await;
    Expected::all(&tally).is_in(&archive).await;
}

#[tokio::test]
async fn everything_is_archived_once_though_the_rig_is_killed_under_load() {
    let Some(place) = Place::take("rig-killed") else { return };
    let mut expected = Expected::default();
    for round in 0..2 {
        let rig = Rig::start(&place, Shaper::Pacing).await;
        rig.ready().await;
        let mut load = Load::start(&rig, round * 10_000).await;
        load.goes_on(400).await;
        let killed = Instant::now();
        rig.kill().await;
        let tally = load.stop().await;
        assert!(tally.broken > 0, "it was killed in the middle");
        expected.exchanges.extend(Tally::before(&tally.exchanges, killed - SAFE_AFTER));
        // A report is answered when it is on disk.
        expected.reports.extend(tally.reports.iter().map(|done| done.number));
    }
    let rig = Rig::start(&place, Shaper::Pacing).await;
    rig.ready().await;
    let archive = Archive::of(place.data());
    at_rest(&rig, &archive, 0).await;
    expected.is_in(&archive).await;
}
