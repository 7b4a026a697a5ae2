//! The promises that hold for every input, parser by parser.
//!
//! Invariant: nothing here depends on more than the input. Deliberately absent: what inputs mean.

use bytes::Bytes;
use rebuffer_media::{
    Address, ByteRange, Context, Expected, Graph, Led, MAX_FOREIGN, MISBEHAVIOURS, Origin, OriginId,
    Playlist, Request, cmcd, dash, hls, localise, manipulate as edit,
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

/// Two versions of a document, as whatever was declared, and requests for what it names.
fn learned(data: &[u8], expected: Expected) {
    let (first, second) = halves(data);
    let mut graph = Graph::new(origins());
    let at = Address { origin: OriginId::FIRST, target: "/vod/a?x=1".to_owned() };
    for body in [first, second, first] {
        let Ok(Some(playlist)) = Playlist::read(&Bytes::copy_from_slice(body), expected) else { continue };
        assert_eq!(playlist.body(), body, "an unchanged body is itself");
        let context = graph.context(&at, &playlist);
        assert!(context.leads(&playlist).foreign.len() <= MAX_FOREIGN);
        graph.absorb(&playlist, &context, None);
        for (rung, variant) in graph.ladder().iter().enumerate() {
            assert_eq!(usize::try_from(variant.rung), Ok(rung));
        }
        let range = ByteRange::from_header("bytes=0-99");
        for word in String::from_utf8_lossy(body).split(['"', '\n', '\'', '<', '>']).take(200) {
            let target = format!("/vod/{word}");
            graph.ask("p", Request { range, ..Request::of(OriginId::FIRST, &target) });
        }
        let serves = |_| Some("http://rig:30100".to_owned());
        let localised = localise(&playlist, &context, serves).playlist;
        let again = localise(&localised, &graph.context(&at, &localised), serves);
        assert_eq!(again.changed, 0, "what stays at the rig is not changed again");
    }
}

/// A playlist, an MPD, or whatever else is known by its first bytes.
pub(crate) fn graph(data: &[u8]) {
    learned(data, Expected::Unknown);
}

pub(crate) fn asset_list(data: &[u8]) {
    learned(data, Expected::AssetList);
}

pub(crate) fn steering(data: &[u8]) {
    learned(data, Expected::Steering);
}

/// `Location`, at a place of any spelling.
pub(crate) fn redirect(data: &[u8]) {
    let (place, location) = halves(data);
    let place = String::from_utf8_lossy(place).into_owned();
    let at = Address { origin: OriginId::FIRST, target: format!("/{place}") };
    let context = Context::at(at, Graph::new(origins()).origins().clone());
    let led = context.led(&String::from_utf8_lossy(location), |_| Some("http://rig:30100".to_owned()));
    if let Led::Here { to, .. } = led {
        assert!(to.target.starts_with('/'), "a target begins at the root");
    }
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
    let Ok(Some(playlist)) = Playlist::read(&body, Expected::Unknown) else { return };
    let edited = edit(&playlist, &content);
    let body_after = edited.playlist.body();
    let form = Playlist::read(&body_after, Expected::Unknown).ok().flatten().map(|playlist| playlist.form());
    assert_eq!(form, Some(playlist.form()), "it stays what it was");
    if edited.changed == 0 {
        assert_eq!(body_after.as_ptr(), body.as_ptr());
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
