//! Looks by hand, and the seconds they make.

use rebuffer_shape::Counters;

use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn tcp(bytes_acked: u64, rtt_ms: f64) -> TcpSnapshot {
    TcpSnapshot {
        rtt_ms,
        min_rtt_ms: Some(rtt_ms / 2.0),
        rto_ms: rtt_ms * 10.0,
        retransmits: 0,
        cwnd: 10,
        delivery_rate_mbps: Some(4.0),
        app_limited: false,
        bytes_acked,
    }
}

fn heard(number: u64, bytes_acked: u64, rtt_ms: f64) -> Heard {
    Heard { number, open: true, tcp: tcp(bytes_acked, rtt_ms), rtt_var_ms: Some(1.0) }
}

fn down(bytes: u64, backlog: u64) -> Option<Traffic> {
    let counters = Counters { bytes, packets: bytes / 1000, drops: bytes / 100_000, backlog };
    Some(Traffic { down: Some(counters), up: None })
}

/// The seconds that looks at the wire make, each a time and what was read.
fn wire(looks: impl IntoIterator<Item = (u64, Option<Traffic>)>) -> Vec<rebuffer_model::WireMetrics> {
    let mut fold = Fold::new(ms(0));
    let take = |(at, traffic)| fold.take(&Look { at: ms(at), traffic, connections: &[] });
    looks.into_iter().filter_map(take).map(|second| second.metrics.wire).collect()
}

/// The seconds that looks at connections make, every 100 ms, after the connections were met with nothing carried.
fn connections(met: &[u64], looks: &[&[Heard]]) -> Vec<Second> {
    let mut fold = Fold::new(ms(0));
    met.iter().for_each(|number| fold.meet(*number, None));
    let times = (1..).map(|tenth| ms(tenth * 100));
    let take = |(at, connections): (Duration, &&[Heard])| fold.take(&Look { at, traffic: None, connections });
    times.zip(looks).filter_map(take).collect()
}

fn close(found: Option<f64>, wanted: f64) -> bool {
    found.is_some_and(|found| (found - wanted).abs() < 1e-9)
}

#[test]
fn ten_looks_make_a_second_in_millions_of_bits() {
    let steady = (0..=10).map(|tenth| (tenth * 100, down(tenth * 125_000, 3_000)));
    let [second] = &wire(steady)[..] else { panic!("one second") };
    let rate = second.wire_down_mbps.unwrap();
    assert!(close(Some(rate.mean), 10.0) && close(Some(rate.min), 10.0) && close(Some(rate.max), 10.0));
    assert!(close(second.mbps_shaper_rate, 10.0) && close(second.mbps_shaper_avg, 10.0), "{second:?}");
    assert_eq!((second.shaper_packets, second.shaper_drops), (Some(1250), Some(12)));
    assert_eq!(second.shaper_backlog_bytes.unwrap().mean, 3_000.0);
    assert_eq!(second.wire_up_mbps, None);
}

#[test]
fn a_late_look_spreads_what_passed_over_all_the_time() {
    // 10 Mbit/s all along, and nobody looked for 700 ms.
    let looks = [0, 100, 200, 900, 1000].map(|at| (at, down(at * 1250, 0)));
    let rate = wire(looks)[0].wire_down_mbps.unwrap();
    assert!(close(Some(rate.mean), 10.0) && close(Some(rate.max), 10.0), "{rate:?}");
    // One look after three seconds ends one second, not three.
    assert_eq!(wire([(0, down(0, 0)), (3000, down(3_750_000, 0))]).len(), 1);
}

#[test]
fn what_could_not_be_read_is_left_out_and_not_zero() {
    let look = |tenth: u64| (tenth * 100, if tenth == 5 { None } else { down(tenth * 125_000, 0) });
    let second = &wire((0..=10).map(look))[0];
    assert!(close(second.wire_down_mbps.map(|rate| rate.mean), 10.0), "{second:?}");
    assert_eq!(second.shaper_packets, Some(1000), "of the eight tenths that are known");
    let unknown = &wire((0..=10).map(|tenth| (tenth * 100, None)))[0];
    assert_eq!(unknown, &rebuffer_model::WireMetrics::default());
    let no_class = &wire((0..=10).map(|tenth| (tenth * 100, Some(Traffic::default()))))[0];
    assert_eq!(no_class, &rebuffer_model::WireMetrics::default());
}

#[test]
fn a_counter_that_begins_anew_makes_no_rate() {
    let bytes = |tenth: u64| if tenth < 5 { 5_000_000 + tenth * 125_000 } else { (tenth - 5) * 125_000 };
    let second = &wire((0..=10).map(|tenth| (tenth * 100, down(bytes(tenth), 0))))[0];
    let rate = second.wire_down_mbps.unwrap();
    assert!(close(Some(rate.mean), 10.0) && close(Some(rate.max), 10.0), "{rate:?}");
}

#[test]
fn a_class_that_was_not_there_counts_from_its_beginning() {
    let look = |tenth: u64| match tenth {
        0..5 => (tenth * 100, Some(Traffic::default())),
        _ => (tenth * 100, down((tenth - 4) * 125_000, 0)),
    };
    let second = &wire((0..=10).map(look))[0];
    assert_eq!(second.shaper_packets, Some(6 * 125));
    assert!(close(second.wire_down_mbps.map(|rate| rate.mean), 10.0));
}

#[test]
fn the_rate_of_the_shaper_is_that_of_the_time_in_which_something_waited() {
    // 20 Mbit/s for the first half, in which something waits, and 2 for the second.
    let look = |tenth: u64| {
        let bytes = tenth.min(5) * 250_000 + tenth.saturating_sub(5) * 25_000;
        (tenth * 100, down(bytes, if tenth <= 5 { 9_000 } else { 0 }))
    };
    let second = &wire((0..=10).map(look))[0];
    assert!(close(second.mbps_shaper_rate, 20.0), "{second:?}");
    assert!(close(second.wire_down_mbps.map(|rate| rate.mean), 11.0), "{second:?}");
    let idle = &wire((0..=10).map(|tenth| (tenth * 100, down(tenth * 25_000, 0))))[0];
    assert_eq!((idle.mbps_shaper_rate, idle.mbps_shaper_avg), (None, None));
}

#[test]
fn the_average_is_over_the_last_six_seconds_in_which_something_waited() {
    // 8 Mbit/s in the first second, 16 in the second; then nothing waits.
    let look = |tenth: u64| {
        let bytes = tenth.min(10) * 100_000 + tenth.saturating_sub(10).min(10) * 200_000;
        (tenth * 100, down(bytes, u64::from(tenth <= 20)))
    };
    let averages: Vec<_> = wire((0..=90).map(look)).iter().map(|second| second.mbps_shaper_avg).collect();
    assert!(close(averages[0], 8.0) && close(averages[1], 12.0), "{averages:?}");
    assert!(close(averages[5], 12.0) && close(averages[6], 16.0), "{averages:?}");
    assert_eq!(averages[7], None);
}

#[test]
fn acknowledged_bytes_count_from_when_the_connection_came() {
    let mut fold = Fold::new(ms(0));
    fold.meet(1, Some(tcp(900_000, 20.0)));
    let look = |tenth: u64| heard(1, 900_000 + tenth * 25_000, 20.0);
    let take =
        |tenth: u64| fold.take(&Look { at: ms(tenth * 100), traffic: None, connections: &[look(tenth)] });
    let second = (1..=10).filter_map(take).next().unwrap();
    assert!(close(second.metrics.tcp.delivered_mbps, 2.0), "{second:?}");
    assert_eq!((second.metrics.tcp.connections, second.quiet), (1, false));
}

#[test]
fn connections_come_and_go_and_their_last_words_count() {
    let gone = Heard { open: false, rtt_var_ms: None, ..heard(1, 60_000, 30.0) };
    let first: &[Heard] = &[heard(1, 50_000, 10.0), heard(2, 0, 50.0)];
    let both: &[Heard] = &[gone, heard(2, 65_000, 50.0)];
    let second: &[Heard] = &[heard(2, 65_000, 50.0)];
    let looks = [first, first, both, second, second, second, second, second, second, second];
    let [second] = &connections(&[1, 2], &looks)[..] else { panic!("one second") };
    let tcp = &second.metrics.tcp;
    assert!(close(tcp.delivered_mbps, 1.0), "{tcp:?}");
    assert_eq!((tcp.connections, tcp.rtt_min_ms, tcp.rtt_max_ms), (1, Some(10.0), Some(50.0)));
    assert!(close(tcp.rtt_ms, 35.0) && close(tcp.rtt_min_lifetime_ms, 25.0), "{tcp:?}");
    assert_eq!(tcp.busiest.rtt_var_ms, Some(1.0), "the second carried most");
}

#[test]
fn a_round_trip_that_nobody_measures_any_more_is_stale_and_ends_with_the_last_connection() {
    let moving: &[Heard] = &[heard(1, 50_000, 10.0)];
    let looks: Vec<&[Heard]> = (0..20).map(|_| moving).chain((0..20).map(|_| &[][..])).collect();
    let seconds = connections(&[1], &looks);
    let said: Vec<_> =
        seconds.iter().map(|second| (second.metrics.tcp.rtt_ms, second.metrics.tcp.rtt_stale)).collect();
    assert_eq!(said, [(Some(10.0), false), (Some(10.0), true), (None, false), (None, false)]);
    assert_eq!(seconds.iter().map(|second| second.quiet).collect::<Vec<_>>(), [false, false, true, true]);
    assert_eq!(seconds[3].metrics, LinkMetrics::default());
}

#[test]
fn segments_sent_again_and_timeouts_are_those_of_the_second() {
    let again = |number, retransmits| {
        let mut heard = heard(number, 1_000 * retransmits, 10.0 * number as f64);
        heard.tcp.retransmits = retransmits;
        heard
    };
    let looks: Vec<Vec<Heard>> = (1..=20).map(|look| vec![again(1, look), again(2, 2 * look)]).collect();
    let looks: Vec<&[Heard]> = looks.iter().map(|look| &look[..]).collect();
    let seconds = connections(&[1, 2], &looks);
    let said = seconds.iter().map(|second| (second.metrics.tcp.retransmits, second.metrics.tcp.rto_ms));
    assert_eq!(said.collect::<Vec<_>>(), [(Some(30), Some(200.0)); 2]);
}

#[test]
fn a_connection_that_never_says_anything_is_forgotten() {
    let seconds = connections(&[7], &[&[][..]; 10]);
    assert_eq!((seconds[0].metrics.tcp.delivered_mbps, seconds[0].quiet), (None, true));
}
