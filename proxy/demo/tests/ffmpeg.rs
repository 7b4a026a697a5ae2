//! The origin as FFmpeg meets it: no complaint, and time that only moves forward, across the seam of the loop.
//!
//! The clock starts where the live window holds a seam, and FFmpeg starts at the front of the window, so most of
//! what it reads is there at once; the last seconds need reloads of a playlist that moves on. A description that
//! lists nothing is read by the system's clock, as FFmpeg knows no other.

#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::process::Stdio;
use std::time::{Duration, Instant};

use rebuffer_demo::{
    LIVE_DASH_PATH, LIVE_PATH, LOW_LATENCY_DASH_PATH, LOW_LATENCY_PATH, UnixMillis, VOD_DASH_PATH, VOD_PATH,
    router, serve,
};
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
    let started = Instant::now();
    origin_at(move || UnixMillis(START + u64::try_from(started.elapsed().as_millis()).unwrap())).await
}

async fn origin_at(clock: impl Fn() -> UnixMillis + Send + Sync + 'static) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
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
    let forms = ["live", "ll"].into_iter().flat_map(|form| TRACKS.map(|track| (form, track)));
    for (form, (track, second, frame)) in forms {
        let url = format!("{}/{form}/{track}/index.m3u8", origin.base);
        // From the front of the window, up to 24 s of media.
        let window = ["-live_start_index", "0", "-read_intervals", "%+24"];
        let Some(times) = decode_times(&url, &window).await else { return };
        assert!(times.windows(2).all(|pair| pair[1] == pair[0] + frame), "{form} {track}: {times:?}");
        let seam = START_OF_LOOP * second;
        assert!(times[0] < seam && times.contains(&seam), "{form} {track} did not cross the seam");
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

/// Decodes so many seconds of the first video and the first audio; the hashes of their frames in two lists.
async fn decoded(url: &str, arguments: &[&str], seconds: &str) -> Option<[Vec<String>; 2]> {
    let rest = ["-i", url, "-map", "0:v:0", "-map", "0:a:0", "-t", seconds, "-f", "framehash", "-"];
    let listing = run("ffmpeg", &[arguments, &rest[..]].concat()).await?;
    let hashes = |stream: &str| {
        let frames = listing.lines().filter(|line| line.starts_with(stream));
        frames.filter_map(|line| line.rsplit_once(' ')).map(|(_, hash)| hash.to_owned()).collect()
    };
    Some(["0,", "1,"].map(hashes))
}

#[tokio::test]
async fn each_live_form_decodes_across_a_seam_and_reloads() {
    let origin = origin().await;
    let read = |path| {
        let url = format!("{}{path}", origin.base);
        async move { decoded(&url, &["-live_start_index", "0"], "34").await }
    };
    let (live, low_latency) = tokio::join!(read(LIVE_PATH), read(LOW_LATENCY_PATH));
    for decoded in [live, low_latency] {
        let Some([video, audio]) = decoded else { return };
        assert_eq!(video.len(), 34 * 25);
        // 34 s hold 1593.75 frames, and the window may begin a frame early or late.
        assert!((1593..=1595).contains(&audio.len()), "{} audio frames in 34 s", audio.len());
    }
}

#[tokio::test]
async fn every_vod_form_decodes_to_the_same_frames_across_a_seam() {
    let origin = origin().await;
    let url = format!("{}{VOD_PATH}", origin.base);
    let Some(expected) = decoded(&url, &[], "32").await else { return };
    assert_eq!(expected.each_ref().map(Vec::len), [32 * 25, 32 * 48_000 / 1024]);
    // FFmpeg knows one period only, so it is not asked for `periods.mpd`.
    for path in [VOD_DASH_PATH, "/vod/timeline.mpd"] {
        let frames = decoded(&format!("{}{path}", origin.base), &[], "32").await;
        assert!(frames.as_ref() == Some(&expected), "{path}");
    }
}

#[tokio::test]
async fn every_packet_of_a_live_timeline_follows_the_one_before() {
    let origin = origin().await;
    let url = format!("{}/live/timeline.mpd", origin.base);
    for (stream, frame, count) in [("v:0", 3600, 12 * 25), ("a:0", 1024, 12 * 48_000 / 1024)] {
        let arguments = ["-select_streams", stream, "-read_intervals", "%+12"];
        let Some(times) = decode_times(&url, &arguments).await else { return };
        assert!(times.windows(2).all(|pair| pair[1] == pair[0] + frame), "{stream}: {times:?}");
        assert!(times.len() >= count, "{stream}: {} packets", times.len());
    }
}

#[tokio::test]
async fn descriptions_that_only_count_decode_at_the_pace_of_the_stream() {
    let origin = origin_at(UnixMillis::now).await;
    // Unpaced, FFmpeg takes a segment that is not there yet for one that is lost, and runs ahead of the stream.
    let read = |path| {
        let url = format!("{}{path}", origin.base);
        async move { decoded(&url, &["-re"], "7").await }
    };
    let (live, low_latency) = tokio::join!(read(LIVE_DASH_PATH), read(LOW_LATENCY_DASH_PATH));
    for decoded in [live, low_latency] {
        let Some([video, audio]) = decoded else { return };
        assert_eq!(video.len(), 7 * 25);
        assert!((326..=330).contains(&audio.len()), "{} audio frames in 7 s", audio.len());
    }
}
