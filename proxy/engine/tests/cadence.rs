//! Cadences and ownership against a model that keeps whole histories and counts them anew for each request.
//!
//! Deliberately absent: filters beyond kinds; they stand beside their code.

#![expect(clippy::disallowed_types, reason = "a lock of the test's own")]

use std::num::NonZeroU32;
use std::sync::Mutex;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rebuffer_engine::{Moment, RequestView, RuleBook};
use rebuffer_model::{Fault, FaultParams, Filter, Mode, RequestKind, Rule, RuleId};

const KINDS: [RequestKind; 3] = [RequestKind::Segment, RequestKind::Manifest, RequestKind::Key];
const SECOND: u64 = 1_000_000;

/// What the model knows of a rule: when it owned a request, and whether it fired.
type History = Vec<(u64, bool)>;

/// Whether a rule fires on its next request; `None` when it is exhausted.
fn model(rule: &Rule, history: &History, now: u64) -> Option<bool> {
    let (c, f) = (u64::from(rule.consecutive.get()), u64::from(rule.frequency));
    let nth = history.len() as u64;
    let since_first = now - history.first().map_or(now, |(first, _)| *first);
    let fired_since = |start: u64| history.iter().filter(|(at, fired)| *fired && *at >= start).count() as u64;
    match rule.mode {
        Mode::Requests if f == 0 => (nth < c).then_some(true),
        Mode::Requests => Some(f <= c || nth % f < c),
        Mode::Seconds if f == 0 => (since_first < c * SECOND).then_some(true),
        Mode::Seconds => Some(f <= c || since_first % (f * SECOND) < c * SECOND),
        Mode::FailuresPerSeconds if f == 0 => (fired_since(0) < c).then_some(true),
        Mode::FailuresPerSeconds => {
            let starts = |start: u64, at: u64| if at >= start + f * SECOND { at } else { start };
            let times = history.iter().map(|(at, _)| *at).chain([now]);
            let start = times.reduce(starts).expect("now is one of them");
            Some(fired_since(start) < c)
        }
    }
}

fn rule(number: usize) -> impl Strategy<Value = Rule> {
    let mode = prop::sample::select(vec![Mode::Requests, Mode::Seconds, Mode::FailuresPerSeconds]);
    let kinds = prop::sample::subsequence(KINDS.to_vec(), 0..=2);
    (mode, 1_u32..6, 0_u32..9, kinds).prop_map(move |(mode, consecutive, frequency, kinds)| Rule {
        id: RuleId::new(&format!("r{number}")).expect("a plain name"),
        fault: Fault::Status(400 + u16::try_from(number).expect("few rules")),
        frequency,
        consecutive: NonZeroU32::new(consecutive).expect("at least 1"),
        mode,
        filter: Some(Filter { request_kind: kinds, ..Filter::default() }),
        params: FaultParams::default(),
    })
}

/// Gaps from nothing to several windows, and often exactly a whole number of seconds.
fn gap() -> impl Strategy<Value = u64> {
    prop_oneof![0..3 * SECOND / 2, (0_u64..10).prop_map(|seconds| seconds * SECOND), Just(0), Just(1)]
}

fn requests() -> impl Strategy<Value = Vec<(u64, RequestKind)>> {
    prop::collection::vec((gap(), prop::sample::select(KINDS.to_vec())), 1..120)
}

fn matches(rule: &Rule, kind: RequestKind) -> bool {
    let kinds = rule.filter.as_ref().map_or(&[][..], |filter| filter.request_kind.as_slice());
    kinds.is_empty() || kinds.contains(&kind)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_000,
        rng_seed: RngSeed::Fixed(11),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_decision_is_the_models(
        rules in (rule(0), rule(1), rule(2), rule(3)),
        requests in requests(),
        start in 0_u64..1_000_000_000_000,
        edits in prop::collection::vec(any::<bool>(), 120),
    ) {
        let rules = <[Rule; 4]>::from(rules);
        let mut book = RuleBook::default();
        book.set_rules(&rules).expect("no patterns");
        let mut histories = vec![History::new(); rules.len()];
        let mut now = start;
        for ((gap, kind), edited) in requests.into_iter().zip(edits) {
            now += gap;
            if edited {
                book.set_rules(&rules).expect("no patterns");
            }
            let view = RequestView::of(kind, "/");
            let decision = book.decide(&view, Moment::from_micros(now));

            let mut expected = None;
            for (rule, history) in rules.iter().zip(&mut histories) {
                if !matches(rule, kind) {
                    continue;
                }
                if let Some(fires) = model(rule, history, now) {
                    history.push((now, fires));
                    expected = fires.then_some(&rule.id);
                    break;
                }
            }
            prop_assert_eq!(decision.rule_id.as_ref(), expected);
        }
        for (counters, history) in book.counters(Moment::from_micros(now)).zip(&histories) {
            let fired = history.iter().filter(|(_, fired)| *fired).count() as u64;
            prop_assert_eq!((counters.matched, counters.fired), (history.len() as u64, fired));
        }
    }

    /// In no window that a failure opens are there more than C of them.
    #[test]
    fn failures_per_seconds_never_exceeds_its_count(
        consecutive in 1_u32..5,
        frequency in 1_u32..9,
        gaps in prop::collection::vec(gap(), 1..120),
    ) {
        let mut book = RuleBook::default();
        book.set_rules(&[Rule {
            id: RuleId::new("r").expect("a plain name"),
            fault: Fault::Status(404),
            frequency,
            consecutive: NonZeroU32::new(consecutive).expect("at least 1"),
            mode: Mode::FailuresPerSeconds,
            filter: None,
            params: FaultParams::default(),
        }]).expect("no patterns");
        let (mut now, mut opened, mut fired) = (0, None, 0);
        for gap in gaps {
            now += gap;
            let view = RequestView::of(RequestKind::Segment, "/");
            let fires = book.decide(&view, Moment::from_micros(now)).rule_id.is_some();
            if opened.is_none_or(|start| now - start >= u64::from(frequency) * SECOND) {
                prop_assert!(fires, "a new window begins with a failure");
                (opened, fired) = (Some(now), 0);
            }
            fired += u32::from(fires);
            prop_assert!(fired <= consecutive);
        }
    }

    /// Requests that come at once are counted one by one: whatever their order, each rule owns and fires on as many as the
    /// model says.
    #[test]
    fn requests_at_once_are_counted_like_a_row_of_them(
        rules in (rule(0), rule(1), rule(2), rule(3)),
        kind in prop::sample::select(KINDS.to_vec()),
        each in 1_usize..60,
    ) {
        let rules = <[Rule; 4]>::from(rules).map(|rule| Rule { mode: Mode::Requests, ..rule });
        let mut book = RuleBook::default();
        book.set_rules(&rules).expect("no patterns");
        let book = Mutex::new(book);
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    for _ in 0..each {
                        let mut book = book.lock().expect("nobody panics");
                        book.decide(&RequestView::of(kind, "/"), Moment::default());
                    }
                });
            }
        });
        let mut histories = vec![History::new(); rules.len()];
        for _ in 0..4 * each {
            let ours = rules.iter().zip(&mut histories).filter(|(rule, _)| matches(rule, kind));
            for (rule, history) in ours {
                if let Some(fires) = model(rule, history, 0) {
                    history.push((0, fires));
                    break;
                }
            }
        }
        let book = book.into_inner().expect("nobody panics");
        for (counters, history) in book.counters(Moment::default()).zip(&histories) {
            let fired = history.iter().filter(|(_, fired)| *fired).count() as u64;
            prop_assert_eq!((counters.matched, counters.fired), (history.len() as u64, fired));
        }
    }
}

/// Ten thousand decisions for several players, each with a rule per kind: what each rule counts is what a rule alone would have
/// counted, whatever the others do in between.
#[test]
fn nothing_leaks_from_one_kind_or_one_player_into_another() {
    const PLAYERS: usize = 5;
    const DECISIONS: u64 = 10_000;
    let rules = |player: usize| {
        KINDS.iter().enumerate().map(move |(number, kind)| Rule {
            id: RuleId::new(&format!("p{player}-{number}")).expect("a plain name"),
            fault: Fault::Status(404),
            frequency: u32::try_from(3 + player + 2 * number).expect("small"),
            consecutive: NonZeroU32::new(u32::try_from(1 + (player + number) % 3).expect("small"))
                .expect("1"),
            mode: Mode::Requests,
            filter: Some(Filter { request_kind: vec![*kind], ..Filter::default() }),
            params: FaultParams::default(),
        })
    };
    let book = |player| {
        let mut book = RuleBook::default();
        book.set_rules(&rules(player).collect::<Vec<_>>()).expect("no patterns");
        book
    };
    let mut books = (0..PLAYERS).map(book).collect::<Vec<_>>();
    let mut asked = [[0_u64; KINDS.len()]; PLAYERS];
    for nth in 0..DECISIONS {
        let drawn = usize::try_from(rebuffer_engine::chance(7, nth) % 1_000).expect("small");
        let (player, number) = (drawn % PLAYERS, drawn / PLAYERS % KINDS.len());
        let view = RequestView::of(KINDS[number], "/");
        let decision = books[player].decide(&view, Moment::from_micros(nth));
        let rule = rules(player).nth(number).expect("one per kind");
        let (c, f) = (u64::from(rule.consecutive.get()), u64::from(rule.frequency));
        let fires = asked[player][number] % f < c;
        assert_eq!(decision.rule_id, fires.then_some(rule.id), "decision {nth}");
        asked[player][number] += 1;
    }
    for (book, asked) in books.iter().zip(asked) {
        let matched = book.counters(Moment::default()).map(|counters| counters.matched);
        assert_eq!(matched.collect::<Vec<_>>(), asked);
    }
}
