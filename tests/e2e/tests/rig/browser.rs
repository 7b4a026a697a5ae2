//! The page in a real browser: it plays, a rule armed by hand strikes as told, a cap set by hand is felt and shown.
//!
//! The browser is driven by the scripts in `browser/`, which tell what they saw; what that should be is decided here.

use std::path::Path;
use std::time::Duration;

use rebuffer_e2e::{Archive, Place, Rig, Shaper, lacks, tied};
use serde::Deserialize;

const CHROMIUM: &str = "/usr/bin/chromium";
const VISIT: Duration = Duration::from_secs(150);

/// What a visitor saw.
#[derive(Debug, Deserialize)]
struct Seen {
    plays_after_ms: u64,
    player_id: String,
    top_mbps: f64,
    rule_id: String,
    segments: Vec<Row>,
    in_force: String,
    capped_mbps: f64,
    errors: Vec<String>,
}

/// A row of the waterfall.
#[derive(Debug, Deserialize)]
struct Row {
    id: String,
    status: u16,
    rule_id: String,
}

#[tokio::test]
async fn the_page_plays_breaks_and_throttles() {
    if !Path::new(CHROMIUM).is_file() {
        return lacks("Chromium is not installed");
    }
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    let packages = scripts.join("../../../dashboard/node_modules/playwright-core");
    if !packages.is_dir() {
        return lacks("the dashboard's packages are not installed (`npm ci` in dashboard/)");
    }
    let Some(place) = Place::take("page") else { return };
    let rig = Rig::start(&place, Shaper::Pacing).await;
    rig.ready().await;

    let mut visit = tied("node");
    visit.arg(scripts.join("testing-session.mjs")).arg(CHROMIUM).arg(rig.api()).arg(place.keeps("page"));
    let output = tokio::time::timeout(VISIT, visit.output()).await.expect("a visit ends").unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "pictures are in target/e2e: {errors}");
    let seen: Seen = serde_json::from_slice(&output.stdout).unwrap();
    println!(
        "plays after {} ms at {} Mbit/s, capped at {}",
        seen.plays_after_ms, seen.top_mbps, seen.capped_mbps
    );

    assert_eq!(seen.errors, [""; 0], "exceptions in the page");
    let struck: Vec<_> = seen.segments.iter().map(|row| (row.status, row.rule_id.as_str())).collect();
    let (hit, passed) = ((404, seen.rule_id.as_str()), (200, ""));
    assert_eq!(struck, [hit, passed, passed, passed, passed, hit]);
    assert_eq!(seen.in_force, "1");
    assert!(seen.capped_mbps < seen.top_mbps, "{seen:?}");

    let archive = Archive::of(place.data());
    let hits: Vec<u64> =
        [0, 5].iter().map(|place: &usize| seen.segments[*place].id.parse().unwrap()).collect();
    let labelled = format!(
        "SELECT id FROM network_requests WHERE player_id = '{}' AND rule_id = '{}' AND status = 404 \
         AND request_kind = 'segment' AND cause = 'injected' AND has(labels, 'warning=http_4xx')",
        seen.player_id, seen.rule_id
    );
    archive.holds(&labelled, &hits).await;
    let rungs = format!(
        "SELECT toUInt64(round(video_bitrate_mbps * 10)) AS rung FROM session_events \
         WHERE player_id = '{}' AND rung > 0",
        seen.player_id
    );
    // In tenths of a megabit: the top rung, and the one the cap left.
    archive.holds(&rungs, &[80, tenths(seen.capped_mbps)]).await;
}

fn tenths(mbps: f64) -> u64 {
    format!("{:.0}", mbps * 10.0).parse().unwrap()
}
