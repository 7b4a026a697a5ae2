//! Several presentations in one session: the programme keeps its ladder, and each other one has its own.
//!
//! Invariant: a rung is one of the presentation in the same row. Deliberately absent: asset lists (see `steering.rs`).

use rebuffer_kit::{Ask, Asked, Origin, Said, Setup, Wire};
use rebuffer_model::{Exchange, PresentationRole, Remark, RequestKind};

use super::{Stage, TEMPLATE, dash, declared, hls, known, master, media, mpd, rung, typed};

/// A programme of three rungs with an advertisement of two, and something else.
fn site(asked: &Asked) -> Said {
    match asked.path() {
        "/master.m3u8" => hls().body(asked, master(&["low.m3u8", "mid.m3u8", "high.m3u8"])),
        "/high.m3u8" => hls().body(
            asked,
            "#EXTM3U\n#EXT-X-DATERANGE:ID=\"1\",CLASS=\"com.apple.hls.interstitial\",X-ASSET-URI=\"/ad/master.m3u8?a=1\"\n\
             #EXTINF:2,\ns1.ts\n",
        ),
        "/ad/master.m3u8" => hls().body(asked, master(&["one.m3u8", "two.m3u8"])),
        "/ad/two.m3u8" => hls().body(asked, media(&["ad.ts"])),
        "/other/master.m3u8" => hls().body(asked, master(&["only.m3u8"])),
        "/other/only.m3u8" => hls().body(asked, media(&["o1.ts"])),
        "/other/m.mpd" => dash().body(asked, mpd("", TEMPLATE)),
        _ => typed("").body(asked, "media"),
    }
}

/// Path, role and rung of a row.
fn placed(row: &Exchange) -> (&str, PresentationRole, Option<u32>) {
    let presentation = row.request.presentation.as_ref().expect("a presentation");
    (&presentation.path, presentation.role, rung(row))
}

async fn ladder(stage: &Stage) -> Vec<u64> {
    stage.rig.api.player("tv").await.ladder.iter().map(|variant| variant.bandwidth).collect()
}

async fn with_rules(rules: &str) -> Stage {
    let home = Origin::serve(site).await;
    let setup = Setup::at(home.address);
    Stage::with(home, setup, rules).await
}

#[tokio::test]
async fn an_interstitial_does_not_replace_the_ladder_of_the_programme() {
    let mut stage = with_rules("").await;
    for target in ["/master.m3u8", "/high.m3u8", "/ad/master.m3u8?a=1", "/ad/two.m3u8"] {
        stage.get(target).await;
    }
    assert_eq!(ladder(&stage).await, [400_000, 500_000, 600_000]);
    let (programme, ad) = ("/master.m3u8", "/ad/master.m3u8");
    for (target, path, role, place, kind) in [
        ("/s1.ts", programme, PresentationRole::Primary, Some(2), RequestKind::Segment),
        ("/ad/ad.ts", ad, PresentationRole::Interstitial, Some(1), RequestKind::Segment),
        ("/low.m3u8", programme, PresentationRole::Primary, Some(0), RequestKind::Manifest),
        ("/ad/one.m3u8", ad, PresentationRole::Interstitial, Some(0), RequestKind::Manifest),
    ] {
        stage.get(target).await;
        let row = stage.row(target).await;
        assert_eq!((known(&row), placed(&row)), (declared(kind), (path, role, place)), "{target}");
    }
    assert_eq!(stage.feed.waiting("manifest_changed"), 0);
}

#[tokio::test]
async fn a_second_master_is_another_presentation_until_a_play_begins_with_it() {
    let mut stage = with_rules("").await;
    for target in ["/master.m3u8?play_id=a", "/high.m3u8", "/other/master.m3u8", "/other/only.m3u8"] {
        stage.get(target).await;
    }
    assert_eq!(ladder(&stage).await.len(), 3);
    stage.get("/other/o1.ts").await;
    let row = stage.row("/other/o1.ts").await;
    assert_eq!(placed(&row), ("/other/master.m3u8", PresentationRole::Other, Some(0)));
    stage.get("/other/m.mpd").await;
    stage.get("/other/v-1.m4s").await;
    let row = stage.row("/other/v-1.m4s").await;
    assert_eq!(placed(&row), ("/other/m.mpd", PresentationRole::Other, Some(0)));
    assert_eq!(ladder(&stage).await.len(), 3, "the programme's");

    stage.get("/other/master.m3u8?play_id=b").await;
    assert_eq!(ladder(&stage).await, [400_000], "another play has begun");
    stage.get("/other/o1.ts?play_id=b").await;
    let row = stage.row("/other/o1.ts?play_id=b").await;
    assert_eq!(placed(&row), ("/other/master.m3u8", PresentationRole::Primary, Some(0)));
}

#[tokio::test]
async fn a_rule_can_name_a_presentation() {
    let targets = ["/s1.ts", "/ad/ad.ts", "/other/o1.ts", "/low.m3u8", "/ad/one.m3u8"];
    for (filter, expected) in [
        (r#""presentation":{"roles":["interstitial"]}"#, [200, 503, 200, 200, 503]),
        (r#""presentation":{"roles":["primary","other"]}"#, [503, 200, 503, 503, 200]),
        (r#""presentation":{"paths":["/ad/*"]},"request_kind":["segment"]"#, [200, 503, 200, 200, 200]),
        (
            r#""presentation":{"paths":["/ad/*"]},"variant":{"rung_positions":["top"]}"#,
            [200, 503, 200, 200, 200],
        ),
        (r#""variant":{"rung_positions":["top"]}"#, [503, 200, 200, 200, 200]),
        (r#""variant":{"rung_positions":["bottom"]}"#, [200, 200, 200, 503, 200]),
    ] {
        let stage = with_rules("").await;
        for target in [
            "/master.m3u8",
            "/high.m3u8",
            "/ad/master.m3u8?a=1",
            "/ad/two.m3u8",
            "/other/master.m3u8",
            "/other/only.m3u8",
        ] {
            stage.get(target).await;
        }
        let rule = format!(
            r#"{{"fault_rules":[{{"id":"one","type":"503","mode":"requests","frequency":1,"filter":{{{filter}}}}}]}}"#
        );
        stage.rig.api.patch("tv", &rule).await;
        let mut statuses = Vec::new();
        for target in targets {
            statuses.push(stage.get(target).await.status);
        }
        assert_eq!(statuses, expected, "{filter}");
    }
}

/// The play and remarks of the next row of this URL, and the player's current play.
async fn asked(stage: &mut Stage, ask: Ask) -> (String, Vec<Remark>, String) {
    Wire::fetch(stage.session, &ask).await;
    let row = stage.row(&ask.target).await;
    let play = row.who.play_id.map(|play| play.as_str().to_owned()).unwrap_or_default();
    let current = stage.rig.api.player("tv").await.current_play.map(|play| play.id.as_str().to_owned());
    let about_play = row.remarks.into_iter().filter(|remark| *remark != Remark::IdentityRemoved);
    (play, about_play.collect(), current.unwrap_or_default())
}

#[tokio::test]
async fn a_play_that_was_just_left_marks_the_row_and_rotates_nothing() {
    let by_query = |play: &str, number: u32| Ask::get(&format!("/{number}.ts?play_id={play}"));
    let by_sid = |play: &str, number: u32| {
        Ask::get(&format!("/{number}.ts")).with("CMCD-Session", &format!("sid=\"{play}\""))
    };
    for names in [by_query as fn(&str, u32) -> Ask, by_sid] {
        let mut stage = with_rules("").await;
        let beside = || vec![Remark::PlayBeside];
        let steps = [
            ("programme", vec![], "programme"),
            ("ad", vec![], "ad"),
            ("programme", beside(), "ad"),
            ("ad", vec![], "ad"),
            ("programme", beside(), "ad"),
            ("next", vec![], "next"),
            ("ad", beside(), "next"),
            ("programme", beside(), "next"),
        ];
        for (number, (play, remarks, current)) in (10..).zip(steps) {
            let seen = asked(&mut stage, names(play, number)).await;
            assert_eq!(seen, (play.to_owned(), remarks, current.to_owned()), "step {number}");
        }
    }
}
