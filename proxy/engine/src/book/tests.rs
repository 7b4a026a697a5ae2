//! Rules beside each other: who owns a request, what an edit keeps, what runs out.

use std::num::NonZeroU32;

use rebuffer_model::{Canned, FaultParams, Filter, RequestKind, UrlMatch, UrlMatchMode};

use super::*;
use crate::Sequence;

const SEGMENT: RequestView<'static> = RequestView {
    kind: RequestKind::Segment,
    hosts: [""; 3],
    presentation: None,
    variant: None,
    path: "/v/1.m4s",
    ladder_len: 0,
    sequence: Sequence { media_sequence: None, index_in_play: None, from_live_edge: None },
    blocking_reload: false,
    preload_hint: false,
};
const KEY: RequestView<'static> = RequestView { kind: RequestKind::Key, ..SEGMENT };

fn rule(id: &str, fault: &str, mode: Mode, consecutive: u32, frequency: u32) -> Rule {
    Rule {
        id: RuleId::new(id).unwrap(),
        fault: fault.parse().unwrap(),
        frequency,
        consecutive: NonZeroU32::new(consecutive).unwrap(),
        mode,
        filter: None,
        params: FaultParams::default(),
    }
}

fn on(kind: RequestKind, rule: Rule) -> Rule {
    Rule { filter: Some(Filter { request_kind: vec![kind], ..Filter::default() }), ..rule }
}

fn book(rules: &[Rule]) -> RuleBook {
    let mut book = RuleBook::default();
    book.set_rules(rules).unwrap();
    book
}

/// What happens at each of these seconds: the statuses, `.` for a pass.
fn faults(book: &mut RuleBook, request: RequestView<'_>, seconds: impl IntoIterator<Item = u32>) -> String {
    let decide = |second| {
        let fault = book.decide(&request, Moment::from_secs(second)).fault;
        if fault == Fault::None { ".".to_owned() } else { fault.to_string() }
    };
    seconds.into_iter().map(decide).collect::<Vec<_>>().join(" ")
}

fn counted(book: &RuleBook, second: u32) -> Vec<(u64, u64, bool)> {
    let counters = book.counters(Moment::from_secs(second));
    counters.map(|counters| (counters.matched, counters.fired, counters.exhausted)).collect()
}

#[test]
fn a_decision_names_the_rule_the_fault_and_its_script() {
    let mut book = book(&[rule("r1", "404", Mode::Requests, 1, 2)]);
    let fired = book.decide(&SEGMENT, Moment::default());
    assert_eq!(fired.rule_id.as_ref().map(RuleId::as_str), Some("r1"));
    let answer = Step::Answer(Canned { status: 404, retry_after: None, body: String::new() });
    assert_eq!(
        (fired.fault, &*fired.script, &*fired.action),
        (Fault::Status(404), &[answer][..], "http_404")
    );
    let passed = book.decide(&SEGMENT, Moment::default());
    assert_eq!((passed.rule_id, passed.fault), (None, Fault::None));
    assert_eq!(&*passed.script, Fault::pass());
}

#[test]
fn the_owner_lets_pass_and_later_rules_do_not_see_it() {
    let mut book = book(&[rule("a", "404", Mode::Requests, 1, 3), rule("b", "503", Mode::Requests, 1, 1)]);
    assert_eq!(faults(&mut book, SEGMENT, 0..6), "404 . . 404 . .");
    assert_eq!(counted(&book, 6), [(6, 2, false), (0, 0, false)]);
}

#[test]
fn an_exhausted_rule_makes_way_for_the_next() {
    for (mode, expected) in [
        (Mode::Requests, "404 404 503 503 503 503"),
        (Mode::Seconds, "404 404 503 503 503 503"),
        (Mode::FailuresPerSeconds, "404 404 503 503 503 503"),
    ] {
        let mut book = book(&[rule("a", "404", mode, 2, 0), rule("b", "503", Mode::Requests, 1, 1)]);
        assert_eq!(faults(&mut book, SEGMENT, 0..6), expected, "{mode:?}");
        assert_eq!(counted(&book, 6), [(2, 2, true), (4, 4, false)], "{mode:?}");
    }
}

#[test]
fn exhaustion_shows_without_another_request() {
    let mut book = book(&[rule("a", "404", Mode::Seconds, 5, 0)]);
    assert_eq!(counted(&book, 9), [(0, 0, false)], "its window begins with the first match");
    faults(&mut book, SEGMENT, [10]);
    assert_eq!(counted(&book, 14), [(1, 1, false)]);
    assert_eq!(counted(&book, 15), [(1, 1, true)]);
}

#[test]
fn none_keeps_requests_from_later_rules_and_is_no_injection() {
    let every = rule("b", "503", Mode::Requests, 1, 1);
    for (mode, consecutive, frequency, expected) in [
        (Mode::FailuresPerSeconds, 1, 0, ". . . ."),
        (Mode::FailuresPerSeconds, 1, 9, ". . . ."),
        (Mode::Requests, 2, 3, ". . . ."),
        (Mode::Requests, 2, 0, ". . 503 503"),
        (Mode::Seconds, 3, 0, ". . . 503"),
    ] {
        let mut book = book(&[rule("a", "none", mode, consecutive, frequency), every.clone()]);
        assert_eq!(faults(&mut book, SEGMENT, 0..4), expected, "{mode:?} {consecutive} of {frequency}");
        let exhausted = book.counters(Moment::from_secs(4)).next().unwrap().exhausted;
        assert_eq!(exhausted, expected.contains("503"));
    }
    let mut exempted = book(&[rule("a", "none", Mode::Requests, 1, 1)]);
    assert_eq!(exempted.decide(&SEGMENT, Moment::default()).rule_id, None);
    assert_eq!(counted(&exempted, 0), [(1, 1, false)]);
}

#[test]
fn a_rule_counts_its_own_kind_alone() {
    let mut book = book(&[
        on(RequestKind::Key, rule("k", "503", Mode::Requests, 1, 2)),
        on(RequestKind::Segment, rule("s", "404", Mode::Requests, 1, 3)),
    ]);
    for _ in 0..50 {
        assert_eq!(faults(&mut book, SEGMENT, [0, 0, 0]), "404 . .");
        assert_eq!(faults(&mut book, KEY, [0, 0]), "503 .");
    }
    assert_eq!(counted(&book, 0), [(100, 50, false), (150, 50, false)]);
}

#[test]
fn an_edit_elsewhere_keeps_where_a_rule_stands() {
    let (a, b) = (rule("a", "404", Mode::Requests, 1, 5), rule("b", "503", Mode::Requests, 1, 1));
    let mut book = book(std::slice::from_ref(&a));
    assert_eq!(faults(&mut book, SEGMENT, 0..3), "404 . .");
    let b = on(RequestKind::Key, b);
    book.set_rules(&[b.clone(), a.clone()]).unwrap();
    assert_eq!(faults(&mut book, SEGMENT, 3..6), ". . 404");
    book.set_rules(std::slice::from_ref(&b)).unwrap();
    book.set_rules(&[b, a]).unwrap();
    assert_eq!(faults(&mut book, SEGMENT, 6..7), "404", "a removed rule is forgotten");
}

#[test]
fn a_change_of_fault_cadence_or_filter_begins_anew() {
    let a = rule("a", "404", Mode::Requests, 2, 5);
    let changed = [
        Rule { fault: Fault::Status(503), ..a.clone() },
        Rule { frequency: 6, ..a.clone() },
        Rule { consecutive: NonZeroU32::MIN, ..a.clone() },
        Rule { mode: Mode::FailuresPerSeconds, ..a.clone() },
        on(RequestKind::Segment, a.clone()),
        Rule { id: RuleId::new("b").unwrap(), ..a.clone() },
    ];
    for changed in changed {
        let mut book = book(std::slice::from_ref(&a));
        faults(&mut book, SEGMENT, 0..3);
        book.set_rules(std::slice::from_ref(&changed)).unwrap();
        assert_eq!(counted(&book, 3), [(0, 0, false)], "{changed:?}");
        assert_ne!(faults(&mut book, SEGMENT, [3]), ".", "{changed:?}");
    }
}

#[test]
fn rearming_begins_the_cadence_and_goes_on_counting() {
    let mut book = book(&[rule("a", "404", Mode::Requests, 1, 0)]);
    assert_eq!(faults(&mut book, SEGMENT, 0..3), "404 . .");
    assert!(book.rearm(&RuleId::new("a").unwrap()));
    assert_eq!(counted(&book, 3), [(1, 1, false)]);
    assert_eq!(faults(&mut book, SEGMENT, 3..6), "404 . .");
    assert_eq!(counted(&book, 6), [(2, 2, true)]);
    assert!(!book.rearm(&RuleId::new("b").unwrap()));
}

#[test]
fn what_cannot_be_compiled_changes_nothing() {
    let mut book = book(&[rule("a", "404", Mode::Requests, 1, 1)]);
    let url_match = UrlMatch { mode: UrlMatchMode::Regex, patterns: vec!["(".to_owned()] };
    let filter = Some(Filter { url_match: Some(url_match), ..Filter::default() });
    let rules =
        [rule("a", "404", Mode::Requests, 1, 1), Rule { filter, ..rule("b", "503", Mode::Requests, 1, 1) }];
    let RuleError { rule_id, index, source } = book.set_rules(&rules).unwrap_err();
    assert_eq!((rule_id.as_str(), index, source.index), ("b", 1, Some(0)));
    assert_eq!(faults(&mut book, SEGMENT, [0]), "404");
}

#[test]
fn what_a_fault_is_told_may_change_under_way() {
    let mut book = book(&[rule("a", "timeout", Mode::Requests, 1, 3)]);
    assert_eq!(faults(&mut book, SEGMENT, 0..2), "timeout .");
    let params = FaultParams { status: Some(599), ..FaultParams::default() };
    book.set_rules(&[Rule { params, ..rule("a", "timeout", Mode::Requests, 1, 3) }]).unwrap();
    assert_eq!(faults(&mut book, SEGMENT, 2..3), ".", "its place in the cadence is kept");
    let fired = book.decide(&SEGMENT, Moment::from_secs(3));
    assert_eq!((&*fired.action, fired.nth), ("http_599_timeout", 1));
}

#[test]
fn a_rule_does_not_own_what_its_fault_cannot_strike() {
    let every = |fault| rule("a", fault, Mode::Requests, 1, 0);
    let playlist = RequestView { kind: RequestKind::AudioManifest, ..SEGMENT };
    let blocking = RequestView { blocking_reload: true, ..playlist };
    let hinted = RequestView { kind: RequestKind::Partial, preload_hint: true, ..SEGMENT };
    for (fault, strikes, passes) in [
        ("stale_manifest", playlist, SEGMENT),
        ("blocking_reload_early", blocking, playlist),
        ("preload_hint_missing", hinted, SEGMENT),
    ] {
        let mut book = book(&[every(fault)]);
        assert_eq!(faults(&mut book, passes, 0..3), ". . .", "{fault}");
        assert_eq!(counted(&book, 3), [(0, 0, false)], "{fault}");
        assert_eq!(faults(&mut book, strikes, 3..5), format!("{fault} ."), "{fault}");
    }
}

#[test]
fn a_fault_that_goes_on_counts_nothing() {
    let mut book =
        book(&[rule("a", "redirect_loop", Mode::Requests, 1, 0), rule("b", "timeout", Mode::Requests, 1, 0)]);
    faults(&mut book, SEGMENT, 0..3);
    let goes_on = |id| book.goes_on(&RuleId::new(id).unwrap()).map(|decision| decision.fault);
    assert_eq!([goes_on("a"), goes_on("b"), goes_on("c")], [Some(Fault::RedirectLoop), None, None]);
    assert_eq!(counted(&book, 2), [(1, 1, true), (1, 1, true)]);
}

#[test]
fn a_request_that_a_redirect_leads_on_is_counted_once() {
    let mut book = book(&[rule("a", "404", Mode::Requests, 1, 3)]);
    let hop = book.decide(&SEGMENT, Moment::default());
    assert_eq!(
        (hop.rule_id.clone(), hop.owner.clone()),
        (hop.owner.clone(), Some(RuleId::new("a").unwrap()))
    );
    let led = book.decide_once(&SEGMENT, Moment::default(), hop.owner.as_ref());
    assert_eq!((led.rule_id, led.owner), (None, None));
    let next = book.decide(&SEGMENT, Moment::default());
    assert_eq!((next.rule_id, next.owner.is_some()), (None, true), "passed, and counted");
    assert_eq!(book.counters(Moment::default()).next().map(|it| it.matched), Some(2));
}

fn with_patterns(id: &str, patterns: &[&str]) -> Rule {
    let patterns = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
    let url_match = Some(UrlMatch { mode: UrlMatchMode::Regex, patterns });
    Rule { filter: Some(Filter { url_match, ..Filter::default() }), ..rule(id, "404", Mode::Requests, 1, 1) }
}

#[test]
fn patterns_that_cost_too_much_are_refused() {
    let refused = |rules: &[Rule]| RuleBook::default().set_rules(rules).unwrap_err();
    for dear in [r"(\w{200}){200}", "((a{50}){50}){50}", r"(?i)(.{500}){90}x", "(?:[a-z]{2000}){20}"] {
        let error = refused(&[with_patterns("dear", &["/cheap", dear])]);
        assert!(error.source.message.contains("compile to more than"), "{dear}: {error}");
    }
    let each = r"[a-z]{100}\d{100}";
    let many = (0..200)
        .map(|n| with_patterns(&format!("r{n}"), &[format!("{each}{n}").as_str(); 12]))
        .collect::<Vec<_>>();
    let error = refused(&many);
    assert!((10..199).contains(&error.index), "all together: {error}");
    assert_eq!(refused(&[with_patterns("u", &[r"\p{L}"])]).source.index, Some(0), "paths are ASCII");
}

#[test]
fn what_was_compiled_is_not_compiled_again() {
    let (old, new) = (with_patterns("a", &["/a"]), with_patterns("b", &["/b"]));
    let mut book = book(std::slice::from_ref(&old));
    let before = book.known();
    book.set_rules(&[new, Rule { id: RuleId::new("c").unwrap(), ..old }]).unwrap();
    let (Known(before), Known(after)) = (before, book.known());
    assert!(Arc::ptr_eq(&before[0], &after[1]), "whatever rule it belongs to");
}
