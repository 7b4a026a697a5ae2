//! Every form read, every mistake named, and any bytes survived.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rebuffer_model::{Percent, TraceStep};

use super::*;

fn steps(file: &str) -> Vec<(u64, f64)> {
    let trace = read(file.as_bytes(), None).unwrap_or_else(|error| panic!("{error}: {file}"));
    trace.steps.iter().map(|step| (step.duration_ms, step.bandwidth_kbps)).collect()
}

fn error(file: &str, format: Option<TraceFormat>) -> String {
    read(file.as_bytes(), format).unwrap_err().to_string()
}

#[test]
fn mahimahi_counts_packets_in_buckets_and_keeps_what_is_empty() {
    // 10 packets in 100 ms are 1200 kbit/s.
    let mut file: String = (0..10).map(|ms| format!("{}\n", ms * 10)).collect();
    file += "350\n360\n400\n";
    assert_eq!(steps(&file), [(100, 1_200.0), (200, 0.0), (100, 360.0)]);
    assert_eq!(steps("0\n0\n150\n"), [(150, 240.0)], "what is left belongs to the last bucket");
    assert_eq!(error("5\n4\n", None), "line 2: times do not go back; got 4 after 5");
    assert_eq!(error("5\nx\n", None), "line 2: a line is one whole number of ms; got \"x\"");
    assert_eq!(error("5\n", None), "is shorter than 100 ms");
    assert!(error("0\n99999999999\n", None).contains("line 2: is later than a day"));
}

#[test]
fn a_day_of_mahimahi_fits_into_the_bound() {
    let file: String = (0..86_400).map(|second| format!("{}\n", second * 1_000 + 500)).collect();
    let trace = read(file.as_bytes(), None).unwrap();
    assert!(trace.steps.len() <= MAX_STEPS && trace.steps.iter().all(|step| step.duration_ms >= 100));
    assert_eq!(trace.steps.iter().map(|step| step.duration_ms).sum::<u64>(), 86_399_500);
}

#[test]
fn pensieve_holds_each_rate_until_the_next() {
    assert_eq!(
        steps("0.5 1.5\n1.0 0\n# a remark\n2.2 3\n"),
        [(500, 1_500.0), (1_200, 0.0), (1_200, 3_000.0)]
    );
    assert_eq!(steps("0\t2\n"), [(1_000, 2_000.0)]);
    assert_eq!(error("1 2\n0 2\n", None), "line 2: times do not go back; got 0 s after 1 s");
    assert_eq!(error("1 2\n2 2 2\n", None), "line 2: a line is `seconds Mbit/s`; got 3 words");
    assert_eq!(error("1 2\n\n2 NaN\n", None), "line 3: \"NaN\" is no number");
    assert!(error("1 -2\n", None).starts_with("line 1: a rate down is from 0"));
}

#[test]
fn sabre_is_the_form_traces_are_shown_in() {
    let file = r#"[{"duration_ms":1000,"bandwidth_kbps":500,"latency_ms":40.4},
        {"duration_ms":250.5,"bandwidth_kbps":0,"loss_pct":1.5,"up_kbps":64},{"duration_ms":250.5,"bandwidth_kbps":9}]"#;
    let trace = read(file.as_bytes(), None).unwrap();
    let plain = TraceStep {
        duration_ms: 1_000,
        bandwidth_kbps: 500.0,
        latency_ms: Some(40),
        loss_pct: None,
        up_kbps: None,
    };
    let outage = TraceStep {
        duration_ms: 251,
        bandwidth_kbps: 0.0,
        latency_ms: None,
        loss_pct: Some(Percent::new(1.5).unwrap()),
        up_kbps: Some(64.0),
    };
    assert_eq!(trace.steps[..2], [plain, outage]);
    assert_eq!(trace.steps[2].duration_ms, 250, "fractions of ms do not add up");
    let shown = serde_json::to_vec(&trace.steps).unwrap();
    assert_eq!(read(&shown, None).unwrap(), trace);
    assert!(
        error("[\n{\"duration_ms\":1,\n\"speed\":2}]", None).starts_with("line 3: unknown field `speed`")
    );
    assert!(
        error(r#"[{"duration_ms":0,"bandwidth_kbps":1}]"#, None)
            .starts_with("step 1: a duration is more than 0")
    );
}

#[test]
fn csv_goes_by_the_names_of_its_columns() {
    let timed = "time_s,mbps,delay_ms\n0,1,20\n1,2,20\n3,0,20\n";
    assert_eq!(steps(timed), [(1_000, 1_000.0), (2_000, 2_000.0), (2_000, 0.0)]);
    let trace = read(b"Duration_s, kbps ,loss_pct,up_mbps\n1.5,800,2,0.5\n", None).unwrap();
    let step = trace.steps[0];
    assert_eq!((step.duration_ms, step.bandwidth_kbps, step.up_kbps), (1_500, 800.0, Some(500.0)));
    for (file, want) in [
        ("time_s,speed\n0,1\n", "line 1: no column is called \"speed\"; there are time_s, duration_s, mbps"),
        ("time_s,mbps,mbps\n", "line 1: two columns are called \"mbps\""),
        ("mbps,delay_ms\n1,2\n", "line 1: exactly one of time_s and duration_s is a column"),
        ("time_s,mbps\n0,1\n1\n", "line 3: has 1 cells, the line of names has 2"),
        ("time_s,mbps\n0,fast\n", "line 2: \"fast\" is no number"),
        ("duration_s,mbps\n-1,2\n", "line 2: a duration is more than 0 s; got -1"),
        ("time_s,mbps,loss_pct\n0,1,120\n", "line 2: must be a share from 0 to 100 percent"),
        ("time_s,mbps\n", "is shorter than 100 ms"),
    ] {
        let got = error(file, Some(TraceFormat::Csv));
        assert!(got.starts_with(want), "{file:?}: {got}");
    }
}

#[test]
fn short_pieces_fill_buckets_and_an_outage_behind_them_stays_one() {
    let file = r#"[{"duration_ms":50,"bandwidth_kbps":1000},{"duration_ms":1000,"bandwidth_kbps":0},
        {"duration_ms":30,"bandwidth_kbps":400},{"duration_ms":30,"bandwidth_kbps":800}]"#;
    assert_eq!(steps(file), [(100, 500.0), (1_010, 0.0)]);
}

#[test]
fn neighbours_that_hardly_differ_are_one_step_and_do_not_creep() {
    let row = |kbps: f64| format!(r#"{{"duration_ms":1000,"bandwidth_kbps":{kbps}}}"#);
    let file =
        |rates: &[f64]| format!("[{}]", rates.iter().map(|rate| row(*rate)).collect::<Vec<_>>().join(","));
    assert_eq!(steps(&file(&[1_000.0, 1_040.0, 960.0])), [(3_000, 1_000.0)]);
    assert_eq!(
        steps(&file(&[1_000.0, 1_040.0, 1_081.0])),
        [(2_000, 1_020.0), (1_000, 1_081.0)],
        "compared with the first of the run"
    );
    assert_eq!(steps(&file(&[0.0, 0.0, 1.0])), [(2_000, 0.0), (1_000, 1.0)]);
}

#[test]
fn what_is_too_much_or_nothing_is_refused() {
    assert!(error(&"1 1\n".repeat(MAX_LINES + 1), None).contains("line 50001: at most 50000 lines"));
    assert!(read(&vec![b'1'; MAX_BYTES + 1], None).unwrap_err().message.contains("at most 8388608 bytes"));
    assert!(error("0 1\n90000 1\n", None).contains("longer than a day"));
    for nothing in ["", "hello world again", "{}", "1;2\n"] {
        assert!(error(nothing, None).contains("looks like none"), "{nothing:?}");
    }
    let error = read(b"0 1\n\xff", None).unwrap_err();
    assert_eq!((error.line, error.message.as_str()), (Some(2), "is not text in UTF-8"));
}

#[test]
fn numbers_of_a_trace_are_over_windows_of_a_second() {
    let trace = read(b"0 1\n0.5 3\n1 0\n3 10\n4 10\n", None).unwrap();
    let stats = stats(&trace);
    assert_eq!((stats.length_s, stats.mean_mbps, stats.longest_outage_s), (5.0, 4.4, 2.0));
    assert_eq!((stats.p5_mbps, stats.p50_mbps, stats.p95_mbps, stats.clamped_steps), (0.0, 2.0, 10.0, 0));
}

/// Pieces that traces are made of, so that noise reaches the deep paths.
const PIECES: &[&str] = &[
    "0",
    "100",
    "1e9",
    "-1",
    ".5",
    "NaN",
    " ",
    ",",
    "\n",
    "\r\n",
    "#",
    "[",
    "]",
    "{",
    "}",
    "time_s",
    "duration_s",
    "mbps",
    "kbps",
    "loss_pct",
    "\"duration_ms\":",
    "\"bandwidth_kbps\":",
    "é",
    "18446744073709551616",
    "\t",
];

fn noise() -> impl Strategy<Value = Vec<u8>> {
    let pieces =
        prop::collection::vec(prop::sample::select(PIECES), 0..60).prop_map(|p| p.concat().into_bytes());
    prop_oneof![prop::collection::vec(any::<u8>(), 0..200), pieces]
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_a_trace_or_an_error(
        file in noise(),
        format in prop::option::of(prop::sample::select(TraceFormat::ALL.map(|(format, _)| format).to_vec())),
    ) {
        if let Ok(trace) = read(&file, format) {
            prop_assert!((1..=MAX_STEPS).contains(&trace.steps.len()));
            prop_assert!(trace.steps.iter().all(|step| step.duration_ms >= SHORTEST_MS));
            stats(&trace);
        }
    }

    #[test]
    fn quantising_loses_neither_time_nor_traffic(
        rows in prop::collection::vec((1_u64..400, prop::sample::select(vec![0.0, 300.0, 310.0, 5_000.0])), 1..60),
    ) {
        let pieces: Vec<Piece> = rows.iter().map(|(ms, kbps)| Piece::new(*ms, *kbps)).collect();
        let length: u64 = rows.iter().map(|(ms, _)| ms).sum();
        let Ok(steps) = quantise::steps(&pieces) else {
            prop_assert!(length < SHORTEST_MS);
            return Ok(());
        };
        prop_assert_eq!(steps.iter().map(|step| step.duration_ms).sum::<u64>(), length);
        let bits = |ms: u64, kbps: f64| rebuffer_model::Millis(ms).as_f64() * kbps;
        let before: f64 = rows.iter().map(|(ms, kbps)| bits(*ms, *kbps)).sum();
        let after: f64 = steps.iter().map(|step| bits(step.duration_ms, step.bandwidth_kbps)).sum();
        // The last fraction of a step may pass at another rate than it did, and rates are kept to three places.
        prop_assert!((before - after).abs() <= 2.0 * bits(SHORTEST_MS, 5_000.0) + 1.0, "{} {}", before, after);
        for run in rows.chunk_by(|a, b| (a.1 == 0.0) == (b.1 == 0.0)) {
            let outage: u64 = run.iter().map(|(ms, _)| ms).sum();
            if run[0].1 == 0.0 && outage >= 3 * SHORTEST_MS {
                prop_assert!(steps.iter().any(|step| step.bandwidth_kbps == 0.0 && step.duration_ms >= SHORTEST_MS));
            }
        }
    }
}
