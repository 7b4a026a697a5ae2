//! The promises that hold for every input, parser by parser.
//!
//! Invariant: nothing here depends on more than the input. Deliberately absent: what inputs mean.

use bytes::Bytes;
use rebuffer_media::{
    ByteRange, Graph, MISBEHAVIOURS, Origin, cmcd, dash, hls, localise, manipulate as edit,
};
use rebuffer_model::{Content, Timestamp, VariantOrder};

/// The input until the first zero byte, and what follows it; without one the same twice.
fn halves(data: &[u8]) -> (&[u8], &[u8]) {
    let at = data.iter().position(|byte| *byte == 0);
    at.map_or((data, data), |at| {
        let (first, second) = data.split_at(at);
        (first, second.get(1..).unwrap_or_default())
    })
}

/// Bytes to choose by that leave the input whole (FNV-1a).
fn choices(data: &[u8]) -> [u8; 8] {
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    data.iter().fold(0xcbf2_9ce4_8422_2325, mix).to_le_bytes()
}

fn origins() -> [Origin; 1] {
    [Origin::parse("https://cdn.example").expect("a literal URL")]
}

pub(crate) fn hls_master(data: &[u8]) {
    let master = hls::Master::read(data);
    for variant in &master.variants {
        assert_eq!(data.get(variant.uri.span()), Some(variant.uri.text.as_bytes()));
    }
    assert!(master.variants.len() <= hls::MAX_ENTRIES);
}

pub(crate) fn hls_media(data: &[u8]) {
    let media = hls::Media::read(data);
    assert!(media.items.len() <= hls::MAX_ENTRIES);
    for item in &media.items {
        assert_eq!(data.get(item.uri.span()), Some(item.uri.text.as_bytes()));
        assert!(item.sequence <= media.next_sequence);
    }
    let (now, before) = halves(data);
    let (now, before) = (Bytes::copy_from_slice(now), Bytes::copy_from_slice(before));
    for row in MISBEHAVIOURS {
        if let Some(broken) = (row.apply)(&now, Some(&before), row.extent) {
            assert_ne!(broken, now, "{}", row.name);
            assert_eq!(hls::Form::of(&broken), hls::Form::of(&now), "{}", row.name);
        }
    }
}

pub(crate) fn mpd(data: &[u8]) {
    let Some(mpd) = dash::Mpd::read(data) else { return };
    assert!(dash::is_mpd(data) || data.len() > 65_536);
    for representation in &mpd.representations {
        match &representation.addressing {
            dash::Addressing::Template(template) => {
                if let Some(timeline) = &template.timeline {
                    timeline.index_of(0);
                    timeline.index_of(u64::MAX);
                }
                template.numbering.after(u64::MAX, Some(Timestamp::from_millis(1 << 40)));
                template.numbering.after(0, Some(Timestamp::from_micros(i64::MIN)));
            }
            dash::Addressing::List(list) => assert!(list.segments.len() <= dash::MAX_ENTRIES),
            dash::Addressing::Single(_) => {}
        }
    }
}

/// Two versions of a playlist, and requests for what the first letters of each line of the other name.
pub(crate) fn graph(data: &[u8]) {
    let (first, second) = halves(data);
    let mut graph = Graph::new(origins());
    for body in [first, second, first] {
        let absorbed = graph.absorb("/vod/a?x=1", None, body);
        if hls::Form::of(body).is_some() {
            assert_eq!(graph.classify("/vod/a?x=1", None).kind, absorbed.kind);
        }
        for (rung, variant) in graph.ladder().iter().enumerate() {
            assert_eq!(usize::try_from(variant.rung), Ok(rung));
        }
        let text = String::from_utf8_lossy(body);
        for word in text.split(['"', '\n', '\'', '<', '>']).take(200) {
            let target = format!("/vod/{word}");
            let range = ByteRange::from_header("bytes=0-99");
            let classified = graph.classify(&target, range);
            graph.index_in_play("p", classified.kind, &target, range);
        }
    }
    let body = Bytes::copy_from_slice(data);
    let localised = localise(&body, &origins());
    assert_eq!(localise(&localised.body, &origins()).changed, 0);
}

/// The input itself chooses the edits.
pub(crate) fn manipulate(data: &[u8]) {
    let choices = choices(data);
    let choose = |place: usize| choices.get(place).copied().unwrap_or_default();
    let orders =
        [None, Some(VariantOrder::Ascending), Some(VariantOrder::Descending), Some(VariantOrder::Reversed)];
    let flags = choose(0);
    let content = Content {
        strip_codecs: flags & 1 > 0,
        strip_average_bandwidth: flags & 2 > 0,
        strip_resolution: flags & 4 > 0,
        bandwidth_pct: (flags & 8 > 0).then(|| i32::from(choose(1)) * 3 - 90),
        overstate_bandwidth: false,
        allowed_variants: if flags & 16 > 0 {
            vec!["1".to_owned(), "low.m3u8".to_owned()]
        } else {
            Vec::new()
        },
        allowed_rungs: if flags & 32 > 0 { vec![u32::from(choose(2) % 4)] } else { Vec::new() },
        variant_order: orders.get(usize::from(choose(3) % 4)).copied().flatten(),
        live_offset: u32::from(choose(4) % 32),
    };
    assert_eq!(content.check(), Ok(()));
    let body = Bytes::copy_from_slice(data);
    let edited = edit(&body, &content);
    assert_eq!(hls::Form::of(&edited.body), hls::Form::of(&body));
    assert_eq!(dash::Mpd::read(&edited.body).is_some(), dash::Mpd::read(&body).is_some());
    if edited.changed == 0 {
        assert_eq!(edited.body.as_ptr(), body.as_ptr());
    }
}

/// A report, and its records as samples.
pub(crate) fn cmcd(data: &[u8]) {
    let Some(report) = cmcd::read_report(data) else { return };
    for record in &report.records {
        let json = serde_json::to_string(record).expect("a record is JSON");
        assert_eq!(&serde_json::from_str::<rebuffer_model::Cmcd>(&json).expect("and comes back"), record);
        serde_json::to_string(&cmcd::to_metrics(record)).expect("a sample is JSON");
    }
}

/// A dictionary, in a header and in a query.
pub(crate) fn structured_fields(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let alone = cmcd::of_dictionary(&text);
    let header = cmcd::of_request([("cmcd-request", &*text)], None);
    assert_eq!(header.unwrap_or_default(), alone);
    let query = text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    let query = cmcd::of_request([], Some(&format!("CMCD={query}")));
    assert_eq!(query.unwrap_or_default(), alone);
}

pub(crate) fn byte_range(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some(range) = ByteRange::from_header(&text)
        && let Some(length) = range.length
    {
        assert!(length > 0 && range.start.checked_add(length).is_some());
    }
}
