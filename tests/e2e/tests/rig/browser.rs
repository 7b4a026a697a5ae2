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

/// A video segment in the waterfall, and in the archive.
#[derive(Debug, PartialEq, Deserialize)]
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
    assert_eq!(seen.in_force, "1");
    assert!(seen.capped_mbps < seen.top_mbps, "{seen:?}");
    let archive = Archive::of(place.data());
    // In tenths of a megabit: the top rung, and the one the cap left.
    archive.holds(&rungs_reported(&seen), &[80, tenths(seen.capped_mbps)]).await;
    one_of_five_is_struck(&seen, &archive).await;
}

/// From the first one struck: five in the order they were asked for, of which one was struck, and the next one again; all of
/// them in the page as in the archive.
async fn one_of_five_is_struck(seen: &Seen, archive: &Archive) {
    let struck = seen.segments.iter().filter(|row| row.rule_id == seen.rule_id);
    let struck: Vec<u64> = struck.map(|row| row.id.parse().unwrap()).collect();
    archive.holds(&labelled(seen), &struck).await;
    let rows = archive.ask(&asked_since_the_first_strike(seen)).await.unwrap();
    let rows: Vec<Row> = rows.iter().map(|row| serde_json::from_str(row).unwrap()).collect();
    let hits: Vec<_> = rows.iter().map(|row| row.status == 404 && row.rule_id == seen.rule_id).collect();
    assert_eq!(hits, [true, false, false, false, false, true], "{rows:?}");
    for row in &rows {
        assert!(row.status == 404 || row.status < 300 && row.rule_id.is_empty(), "{row:?}");
        assert!(seen.segments.contains(row), "the waterfall lacks {row:?}");
    }
}

fn labelled(seen: &Seen) -> String {
    format!(
        "SELECT id FROM network_requests WHERE player_id = '{}' AND rule_id = '{}' AND status = 404 \
         AND request_kind = 'segment' AND cause = 'injected' AND has(labels, 'warning=http_4xx')",
        seen.player_id, seen.rule_id
    )
}

/// Rows are numbered as they end; the rule counts them as they begin.
fn asked_since_the_first_strike(seen: &Seen) -> String {
    let segments =
        format!("network_requests WHERE player_id = '{}' AND request_kind = 'segment'", seen.player_id);
    format!(
        "SELECT toString(id) AS id, status, rule_id FROM {segments} \
         AND started_at >= (SELECT min(started_at) FROM {segments} AND rule_id = '{}') \
         ORDER BY started_at, network_requests.id LIMIT 6 FORMAT JSONEachRow",
        seen.rule_id
    )
}

fn rungs_reported(seen: &Seen) -> String {
    format!(
        "SELECT toUInt64(round(video_bitrate_mbps * 10)) AS rung FROM session_events \
         WHERE player_id = '{}' AND rung > 0",
        seen.player_id
    )
}

fn tenths(mbps: f64) -> u64 {
    format!("{:.0}", mbps * 10.0).parse().unwrap()
}
