//! The origin as FFmpeg meets it: no complaint, and time that only moves forward, across the seam of the loop.
//!
//! The clock starts where the live window holds a seam, and FFmpeg starts at the front of the window, so most of
//! what it reads is there at once; the last seconds need reloads of a playlist that moves on.

#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::process::Stdio;
use std::time::{Duration, Instant};

use rebuffer_demo::{LIVE_PATH, UnixMillis, VOD_PATH, router, serve};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::oneshot;

/// When segment 882,000,000 opens a loop, in seconds.
const START_OF_LOOP: i64 = 1_764_000_000;
/// Fourteen seconds later it stands in the middle of the window.
const START: u64 = 1_764_000_014_000;
const PATIENCE: Duration = Duration::from_secs(60);

struct Running {
    base: String,
    _stop: oneshot::Sender<()>,
}

async fn origin() -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let started = Instant::now();
    let clock = move || UnixMillis(START + u64::try_from(started.elapsed().as_millis()).unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(serve(listener, router(clock), async {
        let _ = stopped.await;
    }));
    Running { base, _stop: stop }
}

/// Runs a tool to its end and gives its output, or nothing where the tool is not installed.
async fn run(tool: &str, arguments: &[&str]) -> Option<String> {
    let child = Command::new(tool)
        .args(["-v", "error"])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let child = match child {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("skipped: {tool} is not installed");
            return None;
        }
        spawned => spawned.unwrap(),
    };
    let output =
        tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("the tool hangs").unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert_eq!(complaints, "", "{tool} {arguments:?}");
    assert!(output.status.success(), "{tool} {arguments:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// The decode times, in ticks, of the packets of one media playlist.
async fn decode_times(url: &str, arguments: &[&str]) -> Option<Vec<i64>> {
    let listing = ["-show_entries", "packet=dts", "-of", "default=nk=1:nw=1", url];
    let listing = run("ffprobe", &[arguments, &listing[..]].concat()).await?;
    Some(listing.lines().map(|line| line.parse().unwrap()).collect())
}

/// Each track with its ticks per second and per frame.
const TRACKS: [(&str, i64, i64); 7] = [
    ("v0", 90_000, 3600),
    ("v1", 90_000, 3600),
    ("v2", 90_000, 3600),
    ("v3", 90_000, 3600),
    ("v4", 90_000, 3600),
    ("v5", 90_000, 3600),
    ("a1", 48_000, 1024),
];

#[tokio::test]
async fn every_live_packet_follows_the_one_before() {
    let origin = origin().await;
    for (track, second, frame) in TRACKS {
        let url = format!("{}/live/{track}/index.m3u8", origin.base);
        // From the front of the window, up to 24 s of media.
        let window = ["-live_start_index", "0", "-read_intervals", "%+24"];
        let Some(times) = decode_times(&url, &window).await else { return };
        assert!(times.windows(2).all(|pair| pair[1] == pair[0] + frame), "{track}: {times:?}");
        let seam = START_OF_LOOP * second;
        assert!(times[0] < seam && times.contains(&seam), "{track} did not cross the seam");
    }
}

#[tokio::test]
async fn the_whole_vod_form_is_ten_minutes_without_a_gap() {
    let origin = origin().await;
    for (track, second, frame) in [TRACKS[0], TRACKS[6]] {
        let url = format!("{}/vod/{track}/index.m3u8", origin.base);
        let Some(times) = decode_times(&url, &[]).await else { return };
        assert!(
            times.iter().copied().eq((0..600 * second).step_by(usize::try_from(frame).unwrap())),
            "{track}"
        );
    }
}

#[tokio::test]
async fn the_live_stream_decodes_across_a_seam_and_reloads() {
    let origin = origin().await;
    let url = format!("{}{LIVE_PATH}", origin.base);
    let input = ["-live_start_index", "0", "-i", &url, "-map", "0:v:0", "-map", "0:a:0", "-t", "34"];
    let Some(hashes) = run("ffmpeg", &[&input[..], &["-f", "framehash", "-"]].concat()).await else { return };
    let frames = |stream: &str| hashes.lines().filter(|line| line.starts_with(stream)).count();
    assert_eq!(frames("0,"), 34 * 25);
    // 34 s hold 1593.75 frames, and the window may begin a frame early or late.
    assert!((1593..=1595).contains(&frames("1,")), "{} audio frames in 34 s", frames("1,"));
}

#[tokio::test]
async fn the_vod_form_decodes_across_a_seam() {
    let origin = origin().await;
    let url = format!("{}{VOD_PATH}", origin.base);
    let input = ["-i", &url, "-map", "0:v:0", "-map", "0:a:0", "-t", "32", "-f", "framehash", "-"];
    let Some(hashes) = run("ffmpeg", &input).await else { return };
    let frames = |stream: &str| hashes.lines().filter(|line| line.starts_with(stream)).count();
    assert_eq!((frames("0,"), frames("1,")), (32 * 25, 32 * 48_000 / 1024));
}
