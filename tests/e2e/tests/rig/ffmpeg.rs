//! A player nobody here wrote: ffmpeg finds nothing to complain about in the live stream through the rig.

use std::process::Stdio;
use std::time::Duration;

use rebuffer_e2e::{Place, Rig, Shaper, lacks, tied};

const WATCH: Duration = Duration::from_secs(90);

#[tokio::test]
async fn ffmpeg_reads_twenty_seconds_without_a_word() {
    let known = tied("ffmpeg").arg("-version").stdout(Stdio::null()).status().await;
    if !known.is_ok_and(|status| status.success()) {
        return lacks("ffmpeg is not installed");
    }
    let Some(place) = Place::take("ffmpeg") else { return };
    let rig = Rig::start(&place, Shaper::Pacing).await;
    let mut ffmpeg = tied("ffmpeg");
    ffmpeg.args([
        "-nostdin",
        "-v",
        "error",
        "-i",
        &format!("{}/live/master.m3u8?player_id=ffmpeg", rig.base()),
    ]);
    // Every packet is read and decoded; the clock of the stream says when twenty seconds are over.
    ffmpeg.args(["-map", "0:v:5", "-map", "0:a:0", "-t", "20", "-f", "null", "-"]);
    let output = tokio::time::timeout(WATCH, ffmpeg.output()).await.expect("ffmpeg ends").unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success(), "{}", output.status);
}
