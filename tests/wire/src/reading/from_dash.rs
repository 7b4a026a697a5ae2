//! Every way an MPD names a URL: each is known afterwards, led to the session's port for its origin, or told as left.
//!
//! Invariant: of a URL that is led elsewhere only scheme and authority change. Deliberately absent: steering (see `steering.rs`).

use std::net::SocketAddr;

use rebuffer_kit::{Answer, Ask, Origin, Setup, Wire};
use rebuffer_model::{ActionKind, Remark, RequestKind};

use super::{Stage, TEMPLATE, dash, declared, known, mpd, rung, typed};

/// What of an MPD names a URL: before its period or within its representation; what of that host is asked for then, and its kind.
struct Named {
    before: &'static str,
    within: &'static str,
    asked: &'static str,
    kind: RequestKind,
}

const fn before(before: &'static str, asked: &'static str, kind: RequestKind) -> Named {
    Named { before, within: TEMPLATE, asked, kind }
}

const fn within(within: &'static str, asked: &'static str, kind: RequestKind) -> Named {
    Named { before: "", within, asked, kind }
}

const NAMED: &[Named] = &[
    before("<Location>{}/next</Location>", "/next", RequestKind::Manifest),
    before(
        "<PatchLocation ttl=\"9\"> {}/patch?a=1&amp;b </PatchLocation>",
        "/patch?a=1&b",
        RequestKind::Manifest,
    ),
    before("<Period xlink:href=\"{}/period\" xlink:actuate=\"onLoad\"/>", "/period", RequestKind::Manifest),
    before(
        "<Period><AdaptationSet xlink:href='{}/set' xlink:actuate='onLoad'/></Period>",
        "/set",
        RequestKind::Manifest,
    ),
    before(
        "<ContentSteering queryBeforeStart=\"true\">{}/steer</ContentSteering>",
        "/steer",
        RequestKind::Other,
    ),
    before(
        "<UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-xsdate:2014\" value=\"/near {}/time\"/>",
        "/time",
        RequestKind::Other,
    ),
    before(
        "<UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-head:2014\" value=\"{}/head\"/>",
        "/head",
        RequestKind::Other,
    ),
    before(
        "<Metrics metrics=\"DVBErrors\"><Reporting schemeIdUri=\"urn:dvb:dash:reporting:2014\" \
         reportingUrl=\"{}/report\"/></Metrics>",
        "/report",
        RequestKind::Other,
    ),
    before(
        "<Period><EventStream schemeIdUri=\"urn:mpeg:dash:event:callback:2015\" value=\"1\">\
         <Event presentationTime=\"0\">{}/called</Event></EventStream></Period>",
        "/called",
        RequestKind::Other,
    ),
    before(
        "<Period><EventStream schemeIdUri=\"urn:mpeg:dash:event:callback:2015\" value=\"1\">\
         <Event presentationTime=\"0\" messageData=\"{}/message\"/></EventStream></Period>",
        "/message",
        RequestKind::Other,
    ),
    before(
        "<ContentProtection schemeIdUri=\"urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e\">\
         <dashif:Laurl xmlns:dashif=\"https://dashif.org/CPS\">{}/licence</dashif:Laurl></ContentProtection>",
        "/licence",
        RequestKind::Key,
    ),
    before("<BaseURL>{}/base/</BaseURL>", "/base/v-1.m4s", RequestKind::Segment),
    before("<BaseURL><![CDATA[{}/data/?a&b]]></BaseURL>", "/data/v-1.m4s", RequestKind::Segment),
    before(
        "<BaseURL>near/</BaseURL><BaseURL serviceLocation=\"b\">{}/far/</BaseURL>",
        "/far/v-2.m4s",
        RequestKind::Segment,
    ),
    within(
        "<BaseURL>{}/r/</BaseURL><SegmentTemplate media=\"$Number$\" initialization=\"i\" duration=\"2\"/>",
        "/r/i",
        RequestKind::Init,
    ),
    within(
        "<SegmentTemplate media=\"{}/t/$RepresentationID$/$Number%03d$\" duration=\"2\"/>",
        "/t/v/002",
        RequestKind::Segment,
    ),
    within(
        "<SegmentTemplate initialization='{}/ti?x=$Bandwidth$' media='$Time$'><SegmentTimeline><S t='0' d='2' r='1'/>\
         </SegmentTimeline></SegmentTemplate>",
        "/ti?x=500000",
        RequestKind::Init,
    ),
    within(
        "<SegmentTemplate index=\"{}/$Number$.sidx\" media=\"$Number$\" duration=\"2\"/>",
        "/1.sidx",
        RequestKind::Init,
    ),
    within(
        "<SegmentList duration=\"2\"><Initialization sourceURL=\"{}/l/init\"/><SegmentURL media=\"a\"/></SegmentList>",
        "/l/init",
        RequestKind::Init,
    ),
    within(
        "<SegmentList duration=\"2\"><SegmentURL media=\"{}/l/1\"/></SegmentList>",
        "/l/1",
        RequestKind::Segment,
    ),
    within(
        "<SegmentList duration=\"2\"><SegmentURL media=\"a\" index=\"{}/l/x\"/></SegmentList>",
        "/l/x",
        RequestKind::Init,
    ),
    within(
        "<BaseURL>{}/f.mp4</BaseURL><SegmentBase indexRange=\"100-199\"><Initialization range=\"0-99\"/></SegmentBase>",
        "/f.mp4",
        RequestKind::Segment,
    ),
    within(
        "<BaseURL>f.mp4</BaseURL><SegmentBase><RepresentationIndex sourceURL=\"{}/f.idx\"/></SegmentBase>",
        "/f.idx",
        RequestKind::Init,
    ),
];

fn written(named: &Named, host: &str) -> String {
    mpd(&named.before.replace("{}", host), &named.within.replace("{}", host))
}

/// The origin `b`, and an origin that has the MPD of way N at `/N/m.mpd`, which names `host`; where that is empty, `b`.
async fn stage(host: &'static str) -> (Stage, Origin) {
    let away = Origin::serve(|asked| typed("").body(asked, "b")).await;
    let b = away.address;
    let home = Origin::serve(move |asked| {
        let folder = asked.path().strip_suffix("/m.mpd").and_then(|path| path.strip_prefix('/'));
        let number = folder.and_then(|number| number.parse::<usize>().ok());
        let host = match host {
            "own" => format!("http://{}", asked.value("host").unwrap_or_default()),
            "" => format!("http://{b}"),
            host => host.replace("{}", &number.unwrap_or_default().to_string()),
        };
        match number.and_then(|number| NAMED.get(number)) {
            Some(named) => dash().body(asked, written(named, &host)),
            None => typed("").body(asked, "own"),
        }
    })
    .await;
    let setup = Setup::at(home.address).and("b", b);
    (Stage::with(home, setup, "").await, away)
}

#[tokio::test]
async fn urls_on_another_origin_lead_to_its_port_and_are_known_there() {
    let (mut stage, away) = stage("").await;
    for (number, named) in NAMED.iter().enumerate() {
        let how = format!("{}{}", named.before, named.within);
        let target = format!("/{number}/m.mpd");
        let answer = stage.get(&target).await;
        let b = stage.rig.port_to("tv", "b").await;
        assert_eq!(answer.text(), written(named, &format!("http://{b}")));
        assert_eq!(stage.row(&target).await.remarks, [Remark::UrlsRewritten], "{how}");
        assert_eq!(Wire::fetch(b, &Ask::get(named.asked)).await.text(), "b", "{how}");
        let row = stage.row(named.asked).await;
        assert_eq!(known(&row), declared(named.kind), "{how}");
        if named.kind.is_media() {
            assert_eq!(rung(&row), Some(0), "{how}");
        }
        assert_eq!(away.take_asked()[0].target, named.asked, "{how}");
    }
}

#[tokio::test]
async fn urls_on_the_own_origin_become_paths() {
    let (mut stage, _away) = stage("own").await;
    for (number, named) in NAMED.iter().enumerate() {
        let how = format!("{}{}", named.before, named.within);
        let target = format!("/{number}/m.mpd");
        assert_eq!(stage.get(&target).await.text(), written(named, ""));
        assert_eq!(stage.row(&target).await.remarks, [Remark::UrlsRewritten], "{how}");
        assert_eq!(stage.known(named.asked).await, declared(named.kind), "{how}");
    }
}

#[tokio::test]
async fn urls_on_unknown_hosts_are_told_with_what_would_keep_them() {
    let (mut stage, _away) = stage("https://cdn{}.invalid:8443").await;
    for (number, named) in NAMED.iter().enumerate() {
        let how = format!("{}{}", named.before, named.within);
        let host = format!("https://cdn{number}.invalid:8443");
        let target = format!("/{number}/m.mpd");
        assert_eq!(stage.get(&target).await.text(), written(named, &host), "nothing is touched");
        assert_eq!(stage.feed.exchange(&target).await.remarks, [Remark::OriginLeft], "{how}");
        let setting = format!("--origin-hosts cdn{number}.invalid:8443");
        let left = stage.feed.action("origin_left").await.kind;
        assert_eq!(left, ActionKind::OriginLeft { host, setting }, "{how}");
    }
}

async fn range(at: SocketAddr, target: &str, range: &str) -> Answer {
    Wire::fetch(at, &Ask::get(target).with("Range", &format!("bytes={range}"))).await
}

#[tokio::test]
async fn ranges_of_one_file_are_told_apart() {
    let single = "<BaseURL>f.mp4</BaseURL><SegmentBase indexRange=\"100-199\"><Initialization range=\"0-99\"/></SegmentBase>";
    let list = "<SegmentList duration=\"2\"><Initialization sourceURL=\"g.mp4\" range=\"0-99\"/>\
                <SegmentURL media=\"g.mp4\" mediaRange=\"100-199\"/><SegmentURL media=\"g.mp4\" mediaRange=\"200-299\"/>\
                </SegmentList>";
    let mut stage = Stage::new(move |asked| match asked.path() {
        "/single.mpd" => dash().body(asked, mpd("", single)),
        "/list.mpd" => dash().body(asked, mpd("", list)),
        _ => typed("video/mp4").body(asked, "media"),
    })
    .await;
    stage.get("/single.mpd").await;
    stage.get("/list.mpd").await;
    for (target, asked, kind) in [
        ("/f.mp4", "0-99", RequestKind::Init),
        ("/f.mp4", "100-199", RequestKind::Init),
        ("/f.mp4", "0-199", RequestKind::Init),
        ("/f.mp4", "200-999", RequestKind::Segment),
        ("/g.mp4", "0-99", RequestKind::Init),
        ("/g.mp4", "100-199", RequestKind::Segment),
        ("/g.mp4", "200-299", RequestKind::Segment),
    ] {
        range(stage.session, target, asked).await;
        assert_eq!(known(&stage.row(target).await), declared(kind), "{target} {asked}");
    }
}

#[tokio::test]
async fn base_urls_of_all_levels_are_joined_and_each_alternative_is_known() {
    let text = "<MPD type=\"static\" mediaPresentationDuration=\"PT4S\"><BaseURL>/a/</BaseURL><BaseURL>/b/</BaseURL>\
        <Period><BaseURL>p/</BaseURL><AdaptationSet contentType=\"audio\"><BaseURL>s/</BaseURL>\
        <Representation id=\"1\" bandwidth=\"96000\"><BaseURL>r1/</BaseURL><BaseURL>/c/r1/</BaseURL>\
        <SegmentTemplate media=\"$Number$\" duration=\"2\"/></Representation></AdaptationSet></Period></MPD>";
    let mut stage = Stage::new(move |asked| match asked.path() {
        "/m.mpd" => dash().body(asked, text),
        _ => typed("").body(asked, "media"),
    })
    .await;
    assert_eq!(stage.get("/m.mpd").await.text(), text);
    for target in ["/a/p/s/r1/1", "/b/p/s/r1/2", "/c/r1/1"] {
        assert_eq!(stage.known(target).await, declared(RequestKind::AudioSegment), "{target}");
    }
}

#[tokio::test]
async fn a_remote_period_and_a_patch_belong_to_their_mpd() {
    let period = format!(
        "<Period duration=\"PT4S\"><AdaptationSet contentType=\"video\"><Representation id=\"v\" bandwidth=\"500000\">\
         {TEMPLATE}</Representation></AdaptationSet></Period>"
    );
    let patch = "<Patch mpdId=\"m\" originalPublishTime=\"2026-01-01T00:00:00Z\" publishTime=\"2026-01-01T00:00:09Z\">\
        <add sel=\"/MPD\"><Period><AdaptationSet contentType=\"video\"><Representation id=\"v\" bandwidth=\"500000\">\
        <SegmentTemplate media=\"new-$Number$.m4s\" duration=\"2\"/></Representation></AdaptationSet></Period></add></Patch>";
    let mut stage = Stage::new(move |asked| match asked.path() {
        "/live/m.mpd" => dash().body(
            asked,
            "<MPD type=\"static\" mediaPresentationDuration=\"PT4S\"><PatchLocation>patch</PatchLocation>\
             <Period xmlns:xlink=\"http://www.w3.org/1999/xlink\" xlink:href=\"../far/period.xml\"/></MPD>",
        ),
        "/far/period.xml" => typed("text/xml").body(asked, period.clone()),
        "/live/patch" => typed("application/dash-patch+xml").body(asked, patch),
        _ => typed("").body(asked, "media"),
    })
    .await;
    stage.get("/live/m.mpd").await;
    for target in ["/far/period.xml", "/live/patch"] {
        stage.get(target).await;
        let row = stage.row(target).await;
        assert_eq!(known(&row), declared(RequestKind::Manifest), "{target}");
        assert_eq!(row.answer.playlist_unread, None, "{target}");
    }
    for target in ["/live/v-2.m4s", "/live/new-1.m4s"] {
        stage.get(target).await;
        let row = stage.row(target).await;
        assert_eq!((known(&row), rung(&row)), (declared(RequestKind::Segment), Some(0)), "{target}");
        let presentation = row.request.presentation.expect("a presentation");
        assert_eq!(&*presentation.path, "/live/m.mpd", "{target}");
    }
}
