//! Each predicate alone, where it holds and where it does not.

use rebuffer_model::{Resolution, VariantPredicate};

use super::*;

fn variant(rung: u32) -> Variant {
    Variant {
        rung,
        bandwidth: 1_000_000,
        average_bandwidth: Some(500_000),
        resolution: Some(Resolution { width: 1280, height: 720 }),
        codecs: Some("avc1.64001f, mp4a.40.2".to_owned()),
        uri: "v.m3u8".to_owned(),
    }
}

fn matches(
    filter: &Filter,
    kind: RequestKind,
    variant: Option<&Variant>,
    path: &str,
    ladder_len: usize,
) -> bool {
    Matcher::compile(filter).unwrap().matches(&RequestView {
        variant,
        ladder_len,
        ..RequestView::of(kind, path)
    })
}

fn on_variant(predicate: VariantPredicate, rung: u32, ladder_len: usize) -> bool {
    let filter = Filter { variant: Some(predicate), ..Filter::default() };
    matches(&filter, RequestKind::Segment, Some(&variant(rung)), "/", ladder_len)
}

fn on_path(mode: UrlMatchMode, patterns: &[&str], path: &str) -> bool {
    let patterns = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
    let filter = Filter { url_match: Some(UrlMatch { mode, patterns }), ..Filter::default() };
    matches(&filter, RequestKind::Segment, None, path, 0)
}

#[test]
fn a_kind_matches_itself_alone_and_no_kinds_match_all() {
    for (kind, _) in RequestKind::ALL {
        for (other, _) in RequestKind::ALL {
            let filter = Filter { request_kind: vec![kind], ..Filter::default() };
            assert_eq!(matches(&filter, other, None, "/", 0), kind == other, "{kind} {other}");
        }
        let is_matched_unnamed = kind != RequestKind::Preflight;
        assert_eq!(matches(&Filter::default(), kind, None, "/", 0), is_matched_unnamed, "{kind}");
    }
}

#[test]
fn positions_follow_the_ladder() {
    use RungPosition::{Bottom, SecondFromBottom, SecondFromTop, Top};
    let rungs = |place, ladder_len| {
        let predicate = || VariantPredicate { rung_positions: vec![place], ..VariantPredicate::default() };
        (0..5).filter(|rung| on_variant(predicate(), *rung, ladder_len)).collect::<Vec<_>>()
    };
    for (place, expected) in [
        (Top, [vec![], vec![0], vec![1], vec![2], vec![4]]),
        (SecondFromTop, [vec![], vec![], vec![0], vec![1], vec![3]]),
        (Bottom, [vec![], vec![0], vec![0], vec![0], vec![0]]),
        (SecondFromBottom, [vec![], vec![], vec![1], vec![1], vec![1]]),
    ] {
        let found = [0, 1, 2, 3, 5].map(|ladder_len| rungs(place, ladder_len));
        assert_eq!(found, expected, "{place:?}");
    }
}

#[test]
fn bandwidth_is_compared_strictly() {
    let above = |limit| VariantPredicate { bandwidth_above: Some(limit), ..VariantPredicate::default() };
    let below = |limit| VariantPredicate { bandwidth_below: Some(limit), ..VariantPredicate::default() };
    assert!(on_variant(above(999_999), 0, 1) && !on_variant(above(1_000_000), 0, 1));
    assert!(on_variant(below(1_000_001), 0, 1) && !on_variant(below(1_000_000), 0, 1));
}

#[test]
fn any_codec_of_the_list_may_begin_with_the_prefix() {
    let codec = |prefix: &str| VariantPredicate {
        codec_prefix: Some(prefix.to_owned()),
        ..VariantPredicate::default()
    };
    assert!(on_variant(codec("avc1"), 0, 1) && on_variant(codec("mp4a.40"), 0, 1));
    assert!(!on_variant(codec("vc1"), 0, 1) && !on_variant(codec("hvc1"), 0, 1));
}

#[test]
fn rungs_and_resolutions_match_when_they_are_equal() {
    let rungs = VariantPredicate { rung_indexes: vec![2, 4], ..VariantPredicate::default() };
    assert!(on_variant(rungs.clone(), 4, 9) && !on_variant(rungs, 3, 9));
    let size = |width| VariantPredicate {
        resolutions: vec![Resolution { width, height: 720 }],
        ..VariantPredicate::default()
    };
    assert!(on_variant(size(1280), 0, 1) && !on_variant(size(1281), 0, 1));
}

#[test]
fn every_named_predicate_must_hold() {
    let both = |rung| VariantPredicate {
        rung_indexes: vec![rung],
        bandwidth_above: Some(500_000),
        ..VariantPredicate::default()
    };
    assert!(on_variant(both(0), 0, 1) && !on_variant(both(1), 0, 1));
    let filter = Filter {
        request_kind: vec![RequestKind::Init],
        variant: Some(both(0)),
        url_match: Some(UrlMatch { mode: UrlMatchMode::Exact, patterns: vec!["/a".to_owned()] }),
        ..Filter::default()
    };
    let rung = variant(0);
    assert!(matches(&filter, RequestKind::Init, Some(&rung), "/a", 1));
    assert!(!matches(&filter, RequestKind::Key, Some(&rung), "/a", 1));
    assert!(!matches(&filter, RequestKind::Init, None, "/a", 1));
    assert!(!matches(&filter, RequestKind::Init, Some(&rung), "/b", 1));
}

#[test]
fn a_request_without_a_variant_is_on_no_rung() {
    let filter = |predicate| Filter { variant: Some(predicate), ..Filter::default() };
    let none = filter(VariantPredicate::default());
    assert!(matches(&none, RequestKind::Key, None, "/", 3), "nothing was asked of it");
    let below = filter(VariantPredicate { bandwidth_below: Some(u64::MAX), ..VariantPredicate::default() });
    assert!(!matches(&below, RequestKind::Key, None, "/", 3));
}

#[test]
fn paths_are_read_as_the_mode_says() {
    use UrlMatchMode::{Basename, Exact, Regex, Substring};
    for (mode, pattern, yes, no) in [
        (Exact, "/v/1.ts", "/v/1.ts?x=1", "/v/1.ts.bak"),
        (Exact, "/v/1.ts", "/v/1.ts", "/w/v/1.ts"),
        (Basename, "1.ts", "/v/1.ts?x=/2", "/v/11.ts"),
        (Basename, "", "/v/", "/v"),
        (Substring, "/v/", "/w/v/1.ts", "/w/1.ts?x=/v/"),
        (Regex, r"/seg_\d+\.ts$", "/v/seg_12.ts?x=1", "/v/seg_.ts"),
        (Regex, "^1", "1.ts", "/1.ts"),
    ] {
        assert!(on_path(mode, &[pattern], yes), "{mode:?} {pattern} {yes}");
        assert!(on_path(mode, &["never", pattern], yes), "any of the patterns");
        assert!(!on_path(mode, &[pattern], no), "{mode:?} {pattern} {no}");
    }
}

#[test]
fn a_place_is_compared_with_both_ends_and_an_unknown_one_never_holds() {
    let span = |from, to| Some(Span { from, to });
    let predicate = |media_sequence, index_in_play, from_live_edge| {
        let sequence = SequencePredicate { media_sequence, index_in_play, from_live_edge };
        Filter { sequence: Some(sequence), ..Filter::default() }
    };
    let stands = |media_sequence, index_in_play, from_live_edge| Sequence {
        media_sequence,
        index_in_play,
        from_live_edge,
    };
    let known = stands(Some(100), Some(0), Some(2));
    for (filter, sequence, expected) in [
        (predicate(span(Some(100), Some(100)), None, None), known, true),
        (predicate(span(Some(101), None), None, None), known, false),
        (predicate(span(None, Some(99)), None, None), known, false),
        (predicate(None, span(None, Some(0)), None), known, true),
        (predicate(None, None, span(Some(0), Some(1))), known, false),
        (predicate(span(Some(0), None), span(Some(0), None), span(Some(0), None)), known, true),
        (predicate(span(Some(0), None), span(Some(1), None), None), known, false),
        (predicate(span(Some(0), None), None, None), stands(None, Some(0), Some(0)), false),
        (predicate(None, span(Some(0), None), None), Sequence::default(), false),
        (predicate(None, None, None), Sequence::default(), true),
    ] {
        let request = RequestView { sequence, ..RequestView::of(RequestKind::Segment, "/") };
        let found = Matcher::compile(&filter).unwrap().matches(&request);
        assert_eq!(found, expected, "{filter:?} {sequence:?}");
    }
}

#[test]
fn a_host_is_named_by_its_origin_or_by_itself() {
    let on_host = |patterns: &[&str]| {
        let host = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        let filter = Filter { host, ..Filter::default() };
        let hosts = ["cdn", "edge1.cdn.example", "edge1.cdn.example:8080"];
        let request = RequestView { hosts, ..RequestView::of(RequestKind::Segment, "/") };
        Matcher::compile(&filter).unwrap().matches(&request)
    };
    for holds in ["cdn", "edge1.cdn.example", "EDGE?.cdn.example:8080", "*.cdn.example", "*:8080"] {
        assert!(on_host(&[holds]) && on_host(&["other", holds]), "{holds}");
    }
    for not in ["cdn2", "cdn.example", "*.example:80", ""] {
        assert!(!on_host(&[not]), "{not}");
    }
    assert!(on_host(&[]));
}

#[test]
fn a_variant_is_the_primary_presentations_unless_another_is_named() {
    let on = |role, predicate: Option<PresentationPredicate>| {
        let variant_predicate = VariantPredicate { rung_indexes: vec![0], ..VariantPredicate::default() };
        let filter =
            Filter { variant: Some(variant_predicate), presentation: predicate, ..Filter::default() };
        let presentation = Presentation { path: "/ads/7/m.m3u8".into(), role };
        let variant = variant(0);
        let request = RequestView {
            presentation: Some(&presentation),
            variant: Some(&variant),
            ladder_len: 1,
            ..RequestView::of(RequestKind::Segment, "/")
        };
        Matcher::compile(&filter).unwrap().matches(&request)
    };
    use PresentationRole::{Interstitial, Other, Primary};
    assert_eq!([Primary, Interstitial, Other].map(|role| on(role, None)), [true, false, false]);
    let any = || Some(PresentationPredicate::default());
    assert_eq!([Primary, Interstitial, Other].map(|role| on(role, any())), [true; 3]);
    let ads = || Some(PresentationPredicate { roles: vec![Interstitial], paths: vec!["/ads/*".into()] });
    assert_eq!([Primary, Interstitial, Other].map(|role| on(role, ads())), [false, true, false]);
    let elsewhere = Some(PresentationPredicate { roles: vec![], paths: vec!["/film/*".into()] });
    assert!(!on(Interstitial, elsewhere));
}
