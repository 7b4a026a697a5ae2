//! What netem does to packets that come in a stream: which are lost, doubled, damaged, overtaken.

use std::time::Duration;

use rebuffer_shape::{ClassParams, Kernel, Loss, Netem, Op};

use crate::path::Path;
use crate::{class, minor, plain, share};

const COUNT: u32 = 20_000;
const SOME: u32 = 5_000;
const SMALL: usize = 100;
const AT_ONCE: Duration = Duration::from_millis(400);
const MS: u64 = 1_000_000;
/// Standard deviations within which 99 of 100 results lie.
const NINETY_NINE: f64 = 2.576;

/// Whether a count of `of` is within the 99 % interval of a share.
#[track_caller]
fn is_near(count: usize, of: u32, share: f64) {
    let (of, count) = (f64::from(of), f64::from(u32::try_from(count).unwrap()));
    let spread = NINETY_NINE * (of * share * (1.0 - share)).sqrt();
    println!("{count} of {of}, expected {} +- {spread:.0}", of * share);
    assert!((count - of * share).abs() <= spread, "{count} of {of}, not {share}");
}

#[test]
fn as_many_are_lost_as_was_asked_and_the_same_with_the_same_seed() {
    let Some(mut path) = Path::new() else { return };
    let lossy = |seed| Netem { loss: Loss::Independent(share(0.02)), seed: Some(seed), ..plain() };
    let mut lost = |seed, count| {
        path.begin(lossy(seed));
        path.send(count, SMALL, AT_ONCE).lost(count)
    };
    let [all, other, again] = [lost(7, COUNT), lost(8, SOME), lost(7, SOME)];
    is_near(all.len(), COUNT, 0.02);
    is_near(other.len(), SOME, 0.02);
    assert_eq!(again, all[..again.len()]);
    assert_ne!(again, other);
    let dropped = path.netlink.class(&path.interface, minor()).unwrap().unwrap().counters.drops;
    assert_eq!(usize::try_from(dropped).unwrap(), all.len() + other.len() + again.len());
}

#[test]
fn a_change_of_rate_goes_on_in_the_sequence() {
    let Some(mut path) = Path::new() else { return };
    let lossy = Netem { loss: Loss::Independent(share(0.1)), seed: Some(7), ..plain() };
    path.begin(lossy);
    let whole = path.send(2000, SMALL, AT_ONCE).lost(2000);
    path.begin(lossy);
    let first = path.send(1000, SMALL, AT_ONCE).lost(1000);
    let slower = ClassParams { rate: 12_500_000, ..class(lossy) };
    path.netlink.apply(&path.interface, &Op::ChangeClass(minor(), slower)).unwrap();
    let second = path.send(1000, SMALL, AT_ONCE).lost(1000);
    let both: Vec<u32> = first.into_iter().chain(second.into_iter().map(|number| number + 1000)).collect();
    assert_eq!(both, whole);
}

#[test]
fn bursts_have_the_share_and_the_length_that_were_asked() {
    let Some(mut path) = Path::new() else { return };
    let (begin, end) = (share(0.0625), share(0.25));
    path.begin(Netem { loss: Loss::Bursts { begin, end }, seed: Some(7), ..plain() });
    let lost = path.send(COUNT, SMALL, AT_ONCE).lost(COUNT);
    let bursts = 1 + lost.windows(2).filter(|pair| pair[1] != pair[0] + 1).count();
    let count = |number: usize| f64::from(u32::try_from(number).unwrap());
    let (share, length) = (count(lost.len()) / f64::from(COUNT), count(lost.len()) / count(bursts));
    println!("share {share:.4}, mean length {length:.3}");
    // Neighbours are alike (0.6875), which widens the interval of the share.
    let spread = NINETY_NINE * (0.2 * 0.8 * (1.6875 / 0.3125) / f64::from(COUNT)).sqrt();
    assert!((share - 0.2).abs() < spread, "{share} +- {spread}");
    let spread = NINETY_NINE * (0.75_f64 / 0.0625 / count(bursts)).sqrt();
    assert!((length - 4.0).abs() < spread, "{length} +- {spread}");
}

#[test]
fn as_many_come_twice_as_was_asked() {
    let Some(mut path) = Path::new() else { return };
    path.begin(Netem { duplicate: share(0.05), seed: Some(7), ..plain() });
    let arrived = path.send(SOME, SMALL, AT_ONCE);
    assert_eq!(arrived.lost(SOME).len(), 0);
    is_near(arrived.numbers.len() - usize::try_from(SOME).unwrap(), SOME, 0.05);
}

/// The kernel flips a bit anywhere in the frame, also where no checksum covers it.
#[test]
fn as_many_are_damaged_as_was_asked() {
    let Some(mut path) = Path::new() else { return };
    let bytes = 1000;
    path.begin(Netem { corrupt: share(0.05), seed: Some(7), ..plain() });
    let failed = || {
        let snmp = path.there.here(|| std::fs::read_to_string("/proc/thread-self/net/snmp")).unwrap();
        let mut udp = snmp.lines().filter(|line| line.starts_with("Udp:")).map(str::split_whitespace);
        let (mut names, mut values) = (udp.next().unwrap(), udp.next().unwrap());
        let at = names.position(|name| name == "InCsumErrors").unwrap();
        values.nth(at).unwrap().parse::<usize>().unwrap()
    };
    let before = failed();
    let gone = path.send(SOME, bytes, AT_ONCE).lost(SOME).len();
    let failed = failed() - before;
    is_near(failed, SOME, 0.05 * (bytes + 8) as f64 / (bytes + 42) as f64);
    // Which packets are damaged follows from the seed, but not where: one in thirty in a header of lower layers.
    assert!(gone >= failed && failed * 10 >= gone * 9, "{gone} gone, {failed} failed");
}

#[test]
fn packets_that_skip_the_delay_come_early() {
    let Some(mut path) = Path::new() else { return };
    path.begin(Netem { delay_ns: 50 * MS, reorder: share(0.25), seed: Some(7), ..plain() });
    let arrived = path.send(SOME, SMALL, AT_ONCE);
    assert_eq!(arrived.lost(SOME).len(), 0);
    is_near(arrived.early(), SOME, 0.25);
}

#[test]
fn jitter_keeps_the_order_unless_it_may_not() {
    let Some(mut path) = Path::new() else { return };
    let jittery = Netem { delay_ns: 40 * MS, jitter_ns: 20 * MS, seed: Some(7), ..plain() };
    for in_order in [true, false] {
        path.begin(Netem { in_order, ..jittery });
        let arrived = path.send(SOME, SMALL, AT_ONCE);
        assert_eq!(arrived.lost(SOME).len(), 0);
        let (early, least) = (arrived.early(), arrived.times.iter().min().unwrap());
        println!("in order {in_order}: {early} early, least {least:?}");
        assert!(if in_order { early == 0 } else { early > 1_000 });
        assert!(*least >= Duration::from_millis(20), "{least:?}");
    }
}
