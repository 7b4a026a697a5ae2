//! Records of players as they are met in the field.

use rebuffer_model::{CmcdObjectType, CmcdState, Extra, NextObject, PerObject};

use super::*;

const V1: &str = include_str!("../../../../tests/fixtures/cmcd/request-v1.txt");
const V2: &str = include_str!("../../../../tests/fixtures/cmcd/request-v2.txt");
const REPORT: &str = include_str!("../../../../tests/fixtures/cmcd/report.txt");
const JSON: &str = include_str!("../../../../tests/fixtures/cmcd/report.json");

fn plain(value: u64) -> Vec<PerObject> {
    vec![PerObject { value, ot: None }]
}

fn encoded(dictionary: &str) -> String {
    dictionary.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn version_1_is_read_from_a_query() {
    let query = format!("a=b&CMCD={}&c", encoded(V1));
    let cmcd = of_request([], Some(&query)).unwrap();
    assert_eq!((cmcd.dropped, cmcd.extras.len()), (0, 0));
    assert_eq!((&cmcd.request.buffer_ms, &cmcd.object.bitrate), (&plain(21_300), &plain(3_200)));
    assert_eq!(cmcd.status.starved, Some(true));
    assert_eq!(cmcd.session.session_id.as_deref(), Some("6e2fb550"));
    assert_eq!(cmcd.request.next_objects[0].path, "..%2F300kbps%2Fsegment35.m4v");
    assert_eq!(cmcd.request.next_range.as_deref(), Some("12323-48763"));
    assert_eq!(cmcd.status.playback_rate, Some(1.08));
    assert_eq!(cmcd, of_dictionary(V1));
}

#[test]
fn version_2_is_read_with_lists_parameters_and_own_keys() {
    let cmcd = of_dictionary(V2);
    assert_eq!(cmcd.dropped, 0);
    let audio = PerObject { value: 18_200, ot: Some(CmcdObjectType::Audio) };
    assert_eq!(cmcd.request.buffer_ms[1], audio);
    assert_eq!(cmcd.session.content_id.as_deref(), Some("film, \"part\" 1"));
    assert_eq!(cmcd.request.state, Some(CmcdState::Playing));
    assert_eq!(cmcd.status.error_codes, ["E1", "E2"]);
    let next = NextObject { path: "../4.m4s".into(), range: Some("0-999".into()) };
    assert_eq!(cmcd.request.next_objects[1], next);
    assert_eq!(cmcd.extras.get("com.example-app"), Some(&Extra::Text("tv".into())));
}

#[test]
fn the_four_headers_and_the_query_are_one_record() {
    let headers = [
        ("CMCD-Object", "br=3200,d=4004,ot=v"),
        ("cmcd-request", "bl=100"),
        ("Cmcd-Session", "sid=\"a\""),
        ("CMCD-Status", "bs"),
        ("CMCD-Other", "rtp=1"),
    ];
    let cmcd = of_request(headers, Some("CMCD=bl%3D200%2Cmtp%3D300")).unwrap();
    assert_eq!((&cmcd.request.buffer_ms, &cmcd.request.measured_throughput), (&plain(100), &plain(300)));
    assert_eq!((cmcd.object.duration_ms, cmcd.status.requested_throughput), (Some(4_004), None));
    assert_eq!(of_request([("accept", "bl=1")], Some("x=CMCD&CMCDX=bl%3D1")), None);
    assert_eq!(of_request([], None), None);
}

#[test]
fn a_bad_key_costs_itself_alone() {
    for (text, dropped) in [
        ("bl=oops,mtp=300", 1),
        ("bl=,mtp=300", 1),
        ("BL=1,mtp=300", 1),
        ("sid=\"open,mtp=300", 1),
        ("br=(1 2,mtp=300", 1),
        ("ot=zz,sta=x,mtp=300", 2),
        ("d=:AAAA:,ts=@5,mtp=300,", 2),
        ("\u{e9}=1,mtp=300", 1),
    ] {
        let cmcd = of_dictionary(text);
        assert_eq!((&cmcd.request.measured_throughput, cmcd.dropped), (&plain(300), dropped), "{text}");
    }
}

#[test]
fn a_report_is_a_record_on_each_line() {
    let report = read_report(REPORT.as_bytes()).unwrap();
    assert_eq!((report.records.len(), report.dropped), (4, 1));
    let events = report.records.iter().map(|record| record.event.event.as_deref()).collect::<Vec<_>>();
    assert_eq!(events, [Some("ps"), Some("t"), Some("rr"), Some("e")]);
    assert_eq!(report.records[2].response.status, Some(404));
}

#[test]
fn a_report_may_be_json() {
    let report = read_report(JSON.as_bytes()).unwrap();
    assert_eq!((report.records.len(), report.dropped), (2, 1));
    let first = &report.records[0];
    assert_eq!((&first.request.buffer_ms, first.dropped), (&plain(12_000), 1));
    assert_eq!(first.object.bitrate[0].ot, Some(CmcdObjectType::Video));
    assert_eq!(report.records[1].request.next_objects.len(), 2);
    assert_eq!(read_report(b"{\"e\":\"t\"}").unwrap().records.len(), 1);
    for bad in [&b"{"[..], b"[1", b"{\"e\":}", b"\xff"] {
        assert_eq!(read_report(bad), None);
    }
    let deep = format!("{{\"e\":\"t\",\"x\":{}1{}}}", "[".repeat(100), "]".repeat(100));
    assert_eq!(read_report(deep.as_bytes()).unwrap().records[0].dropped, 1);
}

#[test]
fn reports_are_bounded() {
    let many = read_report("e=t\n".repeat(1_500).as_bytes()).unwrap();
    assert_eq!((many.records.len(), many.dropped), (1_000, 500));
    assert_eq!(read_report(&vec![b'a'; report::MAX_REPORT + 1]), None);
}

#[test]
fn a_record_becomes_a_sample() {
    let metrics = to_metrics(&of_dictionary(V2));
    assert_eq!(metrics.source.as_deref(), Some("cmcd"));
    assert_eq!((metrics.state.as_deref(), metrics.last_event.as_deref()), (Some("playing"), None));
    assert_eq!(metrics.error.as_deref(), Some("E1, E2"));
    let numbers = [
        (metrics.buffer_depth_s, 21.3),
        (metrics.video_bitrate_mbps, 2.9),
        (metrics.network_bitrate_mbps, 25.4),
        (metrics.live_offset_s, 4.2),
        (metrics.position_s, 123.456),
        (metrics.playback_rate, 1.05),
        (metrics.video_start_time_s, 0.812),
    ];
    for (number, expected) in numbers {
        assert_eq!(number, Some(expected));
    }
    assert_eq!(metrics.dropped_frames, Some(3));
    assert!(metrics.video_quality_pct.is_some_and(|pct| (pct - 48.333).abs() < 0.001));
    assert_eq!(metrics.extras.get("cmcd_su"), Some(&Extra::Flag(true)));
    assert_eq!(metrics.extras.get("com.example-app"), Some(&Extra::Text("tv".into())));
    assert!(serde_json::to_string(&metrics).is_ok());
}

#[test]
fn stalls_and_times_of_a_report_become_metrics() {
    let report = read_report(REPORT.as_bytes()).unwrap();
    let metrics = report.records.iter().map(to_metrics).collect::<Vec<_>>();
    assert_eq!(
        (metrics[0].state.as_deref(), metrics[0].waiting_reason.as_deref()),
        (Some("buffering"), Some("starting"))
    );
    assert_eq!(metrics[0].last_event.as_deref(), Some("state_change"));
    let beat = &metrics[1];
    assert_eq!(beat.event_time.map(|it| it.to_string()).as_deref(), Some("2025-11-25T19:47:10.000000Z"));
    assert_eq!((beat.stalls, beat.stall_time_s, beat.last_stall_time_s), (Some(2), Some(1.2), Some(0.7)));
    assert_eq!((metrics[3].state.as_deref(), metrics[3].error.as_deref()), (Some("error"), Some("3016")));
    assert_eq!(metrics[2].last_event.as_deref(), Some("cmcd_rr"));
}

#[test]
fn what_is_about_sound_says_nothing_about_pictures() {
    let audio = to_metrics(&of_dictionary("ot=a,br=128,bl=9000,tb=192,mtp=5000"));
    assert_eq!((audio.video_bitrate_mbps, audio.buffer_depth_s, audio.video_quality_pct), (None, None, None));
    assert_eq!(audio.network_bitrate_mbps, Some(5.0));
    let unknown = to_metrics(&of_dictionary("br=128,bl=9000"));
    assert_eq!((unknown.video_bitrate_mbps, unknown.buffer_depth_s), (None, Some(9.0)));
    let muxed = to_metrics(&of_dictionary("ot=av,br=2000,tb=4000,pr=0"));
    assert_eq!((muxed.video_bitrate_mbps, muxed.video_quality_pct), (Some(2.0), Some(50.0)));
    assert_eq!(muxed.state.as_deref(), Some("paused"));
    assert_eq!(to_metrics(&of_dictionary("ts=999999999999999,e=t")).event_time, None);
}
