//! Any edit of any playlist of the corpus, cut and mixed at random: what comes out reads as what went in.
//!
//! Deliberately absent: what each edit does (see the tests beside the code).

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rebuffer_media::{Form, dash, hls, manipulate};
use rebuffer_model::{Content, VariantOrder};

use crate::session::playlist;

const CORPUS: &[&[u8]] = &[
    include_bytes!("../../../../tests/fixtures/hls/master.m3u8"),
    include_bytes!("../../../../tests/fixtures/hls/low-latency.m3u8"),
    include_bytes!("../../../../tests/fixtures/hls/low-latency-delta.m3u8"),
    include_bytes!("../../../../tests/fixtures/hls/byte-ranges.m3u8"),
    include_bytes!("../../../../tests/fixtures/hls/crlf-and-mark.m3u8"),
    include_bytes!("../../../../tests/fixtures/hls/weird.m3u8"),
    include_bytes!("../../../../tests/fixtures/dash/vod-number.mpd"),
    include_bytes!("../../../../tests/fixtures/dash/live-timeline.mpd"),
    include_bytes!("../../../../tests/fixtures/dash/on-demand.mpd"),
    include_bytes!("../../../../tests/fixtures/dash/list-and-periods.mpd"),
    include_bytes!("../../../../tests/fixtures/dash/low-latency.mpd"),
];

/// Tags that an edit may touch; every other line has to stay.
const EDITED: &[&str] =
    &["EXT-X-STREAM-INF", "EXT-X-I-FRAME-STREAM-INF", "EXT-X-MEDIA", "EXT-X-START", "EXT-X-SERVER-CONTROL"];

/// A file of the corpus; or its lines in disorder, some left out, some from another one.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let file = || prop::sample::select(CORPUS);
    let lines =
        |body: &[u8]| body.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let mixed = (file(), file()).prop_flat_map(move |(one, other)| {
        let first = lines(one).into_iter().next().unwrap_or_default();
        let pool = [lines(one), lines(other)].concat();
        prop::collection::vec(prop::sample::select(pool), 0..60)
            .prop_map(move |lines| [vec![first.clone()], lines].concat().concat())
    });
    prop_oneof![file().prop_map(<[u8]>::to_vec), mixed]
}

fn content() -> impl Strategy<Value = Content> {
    let uris = vec!["video/360/index.m3u8", "video/720/index.m3u8", "v720", "low", "1", "absent"];
    let orders = vec![VariantOrder::Ascending, VariantOrder::Descending, VariantOrder::Reversed];
    (
        any::<[bool; 4]>(),
        prop::option::of(-90..=900),
        prop::collection::vec(prop::sample::select(uris), 0..3),
        prop::collection::vec(0_u32..5, 0..3),
        prop::option::of(prop::sample::select(orders)),
        0_u32..30,
    )
        .prop_map(|(flags, pct, uris, rungs, variant_order, live_offset)| Content {
            strip_codecs: flags[0],
            strip_average_bandwidth: flags[1],
            strip_resolution: flags[2],
            overstate_bandwidth: flags[3] && pct.is_none(),
            bandwidth_pct: pct,
            allowed_variants: uris.into_iter().map(str::to_owned).collect(),
            allowed_rungs: rungs,
            variant_order,
            live_offset,
        })
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 1_500,
        rng_seed: RngSeed::Fixed(11),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// The tags that no edit touches, in their order.
fn untouched(body: &[u8]) -> Vec<(String, String)> {
    let tags = hls::Lines::new(body).filter_map(|line| match line {
        hls::Line::Tag(tag) if !EDITED.contains(&tag.name) => Some(tag),
        hls::Line::Tag(_) | hls::Line::Uri(_) => None,
    });
    tags.map(|tag| (tag.name.to_owned(), tag.value.text.to_owned())).collect()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_comes_out_reads_as_what_went_in(body in body(), content in content()) {
        prop_assert_eq!(content.check(), Ok(()));
        let Some(playlist) = playlist(&body) else { return Ok(()) };
        let result = manipulate(&playlist, &content);
        let (body, edited) = (playlist.body(), result.playlist.body());
        if result.changed == 0 {
            prop_assert_eq!(edited.as_ptr(), body.as_ptr());
        }
        prop_assert_eq!(hls::Form::of(&edited), hls::Form::of(&body));
        prop_assert_eq!(dash::is_mpd(&edited), dash::is_mpd(&body));
        if let Form::Hls(_) = playlist.form() {
            prop_assert_eq!(untouched(&edited), untouched(&body));
            let (before, after) = (hls::Master::read(&body), hls::Master::read(&edited));
            if content.restricts_variants() {
                prop_assert!(after.variants.len() <= before.variants.len());
                prop_assert_eq!(after.variants.is_empty(), before.variants.is_empty());
            } else {
                prop_assert_eq!(after.variants.len(), before.variants.len());
            }
            if hls::Form::of(&body) == Some(hls::Form::Media) {
                let (before, after) = (hls::Media::read(&body), hls::Media::read(&edited));
                prop_assert_eq!(after.next_sequence, before.next_sequence);
                prop_assert_eq!(after.items.len(), before.items.len());
            }
        } else if let Some(before) = dash::Mpd::read(&body) {
            let after = dash::Mpd::read(&edited).expect("still an MPD");
            let others = |mpd: &dash::Mpd<'_>| {
                let others = mpd.representations.iter().filter(|it| it.content != dash::ContentType::Video);
                others.map(|it| (it.id.to_string(), it.bandwidth, it.content)).collect::<Vec<_>>()
            };
            prop_assert_eq!(others(&after), others(&before));
            prop_assert!(after.representations.len() <= before.representations.len());
        }
        // What was lifted once is lifted again the next time, everything else is done.
        let lasting = Content { bandwidth_pct: None, overstate_bandwidth: false, allowed_rungs: Vec::new(), ..content };
        let once = manipulate(&playlist, &lasting).playlist;
        let twice = manipulate(&once, &lasting).playlist;
        if lasting.variant_order != Some(VariantOrder::Reversed) {
            prop_assert_eq!(twice.body(), once.body());
        }
    }
}
