//! The page in a real browser: it plays, a rule armed by hand strikes as told, a cap set by hand is felt and shown, and a link
//! with a name applies as far as the machine goes.
//!
//! The browser is driven by the scripts in `browser/`, which tell what they saw; what that should be is decided here.

use rebuffer_e2e::{Archive, Place, Rig, Shaper};
use serde::Deserialize;

use crate::visit::Visit;

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

/// What a visitor saw who chose a link that can be had in part.
#[derive(Debug, Deserialize)]
struct SeenOfPreset {
    player_id: String,
    /// What the list says of the preset, and whether one that cannot be had is out of reach.
    offered: String,
    impossible: bool,
    in_force: String,
    left_out: String,
    /// The row of the uplink's delay.
    uplink: String,
    refused: String,
    /// The switch: at first, with the preset, after it was to be off, after a reset.
    switches: [String; 4],
    errors: Vec<String>,
}

#[tokio::test]
async fn the_page_applies_a_preset_in_part_and_says_what_is_left_out() {
    let Some(visit) = Visit::able() else { return };
    let Some(place) = Place::take("partial") else { return };
    let rig = Rig::start(&place, Shaper::Pacing).await;
    rig.ready().await;
    let seen: SeenOfPreset = visit.to(&rig, "partial-link.mjs", &place, &[]).await;
    assert_eq!(seen.errors, [""; 0], "exceptions in the page");
    assert!(seen.offered.contains("Left out here: uplink rate, uplink delay"), "{seen:?}");
    assert!(seen.impossible, "losses alone cannot be paced");
    assert_eq!(seen.in_force, "1.6384");
    assert!(seen.left_out.contains("uplink rate 0.75 Mbit/s, uplink delay 75 ms"), "{seen:?}");
    assert!(seen.left_out.contains("the proxy paces what it sends"), "{seen:?}");
    assert!(seen.uplink.contains("left out"), "{seen:?}");
    assert!(seen.refused.contains("\"partial\": true"), "{seen:?}");
    assert_eq!(seen.switches, ["unchecked", "checked", "checked", "unchecked"]);
    let archive = Archive::of(place.data());
    archive.holds(&left_out_of(&seen.player_id), &[2]).await;
}

/// How many knobs the row of the preset names as left out.
fn left_out_of(player_id: &str) -> String {
    format!(
        "SELECT toUInt64(JSONLength(info, 'left_out')) FROM control_events WHERE player_id = '{player_id}' \
         AND event = 'shaper_config_change' AND JSONExtractBool(info, 'asked', 'partial')"
    )
}

#[tokio::test]
async fn the_page_plays_breaks_and_throttles() {
    let Some(visit) = Visit::able() else { return };
    let Some(place) = Place::take("page") else { return };
    let rig = Rig::start(&place, Shaper::Pacing).await;
    rig.ready().await;
    let seen: Seen = visit.to(&rig, "testing-session.mjs", &place, &[]).await;
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
