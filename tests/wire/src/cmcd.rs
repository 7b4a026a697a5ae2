//! What players say of themselves: in requests, in reports, and whose it is.
//!
//! Invariant: order decides, never time; how often samples are taken is measured beside the code. Deliberately absent: the keys
//! (see the model) and their syntax (see the media room).

use rebuffer_kit::{Ask, Asked, Feed, Origin, Rig, Said, Saying, Setup, Wire, json, refused};
use rebuffer_model::{Exchange, RecordBody, Sample};

async fn rig() -> (Origin, Rig, Feed) {
    let origin = Origin::serve(|asked: &Asked| -> Said { Saying::new(200, "OK").body(asked, "x") }).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    let feed = rig.feed().await;
    (origin, rig, feed)
}

async fn sample(feed: &mut Feed) -> Sample {
    feed.next(|record| match &record.body {
        RecordBody::Sample(sample) => Some((**sample).clone()),
        RecordBody::Exchange(_) | RecordBody::Action(_) | RecordBody::Gap { .. } => None,
    })
    .await
}

fn play_of(row: &Exchange) -> Option<&str> {
    row.who.play_id.as_ref().map(|play| play.as_str())
}

async fn report(rig: &Rig, target: &str, kind: &str, body: &str) -> rebuffer_kit::Answer {
    rig.api.ask(&Ask::new("POST", target).with("Content-Type", kind).body(body.as_bytes())).await
}

#[tokio::test]
async fn what_a_request_says_is_in_its_row_and_a_sample() {
    let (origin, rig, mut feed) = rig().await;
    let mut wire = Wire::connect(rig.session("tv").await).await;
    let target = "/a.mp4?CMCD=bl%3D1500%2Cmtp%3D25000%2Csid%3D%22s1%22";
    wire.ask(&Ask::get(target).with("CMCD-Object", "br=3000,ot=v").with("CMCD-Status", "bs")).await;
    assert_eq!(origin.take_asked()[0].target, target, "it passes");
    let row = feed.exchange("/a.mp4").await;
    let said = row.request.cmcd.as_ref().expect("CMCD");
    assert_eq!((said.request.buffer_ms[0].value, said.object.bitrate[0].value), (1_500, 3_000));
    assert_eq!(play_of(&row), Some("s1"), "the play has the name that CMCD gives it");
    let first = sample(&mut feed).await;
    assert_eq!((first.player.source.as_deref(), first.player.buffer_depth_s), (Some("cmcd"), Some(1.5)));
    assert_eq!(first.player.video_bitrate_mbps, Some(3.0));
    assert_eq!(first.who.play_id.as_ref().map(|play| play.as_str()), Some("s1"));
    // Something happened: that is said at once, however short after.
    wire.ask(&Ask::get("/b.mp4").with("CMCD-Request", "bl=200").with("CMCD-Status", "bs")).await;
    assert_eq!(sample(&mut feed).await.player.buffer_depth_s, Some(0.2));
    assert_eq!(rig.api.player("tv").await.player_metrics.and_then(|m| m.buffer_depth_s), Some(0.2));
}

#[tokio::test]
async fn a_player_that_posts_is_not_sampled_beside_it() {
    let (_origin, rig, mut feed) = rig().await;
    let session = rig.session("tv").await;
    let post = async |buffer: u32| {
        let body = format!(r#"{{"buffer_depth_s":{buffer}}}"#);
        let ask = json(Ask::new("POST", "/api/v2/players/tv/metrics?play_id=own"), &body);
        assert_eq!(rig.api.ask(&ask).await.status, 204);
    };
    post(7).await;
    Wire::fetch(session, &Ask::get("/a.mp4").with("CMCD-Session", "sid=\"s1\"").with("CMCD-Status", "bs"))
        .await;
    let row = feed.exchange("/a.mp4").await;
    assert_eq!(play_of(&row), Some("own"), "a name given otherwise stays");
    post(8).await;
    for expected in [7.0, 8.0] {
        let sample = sample(&mut feed).await;
        assert_eq!((sample.player.buffer_depth_s, sample.player.source), (Some(expected), None));
    }
}

#[tokio::test]
async fn reports_of_both_shapes_become_samples_of_whose_they_are() {
    let (_origin, rig, mut feed) = rig().await;
    let lines = "sid=\"s1\",e=ps,sta=r,bl=0,ts=1772445600000\nsid=\"s1\",e=ps,sta=p,bl=900\n";
    assert_eq!(report(&rig, "/cmcd?player_id=tv", "application/cmcd", lines).await.status, 204);
    let id = rig.api.player("tv").await.id;
    for (state, buffer) in [("stalled", 0.0), ("playing", 0.9)] {
        let sample = sample(&mut feed).await;
        assert_eq!(
            (sample.player.state.as_deref(), sample.player.buffer_depth_s),
            (Some(state), Some(buffer))
        );
        assert_eq!((sample.who.player_id, sample.player.last_event.as_deref()), (id, Some("state_change")));
    }
    // From now on the play tells whose a report is.
    let one = r#"{"sid":"s1","e":"e","ec":["E7"]}"#;
    assert_eq!(report(&rig, "/cmcd", "application/json", one).await.status, 204);
    let sample = sample(&mut feed).await;
    assert_eq!((sample.who.player_id, sample.player.error.as_deref()), (id, Some("E7")));

    let mixed = r#"[{"sid":"s1","e":"ps","sta":"e"},{"sid":"s9","e":"ps"}]"#;
    refused(&report(&rig, "/cmcd", "application/json", mixed).await, 404);
    let kept = rig.api.player("tv").await.player_metrics.and_then(|metrics| metrics.error);
    assert_eq!(kept.as_deref(), Some("E7"), "nothing of a report is kept that is partly nobody's");
    refused(&report(&rig, "/cmcd?player_id=tv", "application/cmcd", "\"").await, 400);
    let large = "x".repeat((1 << 20) + 1);
    assert_eq!(report(&rig, "/cmcd?player_id=tv", "application/cmcd", &large).await.status, 413);
    let preflight = rig.api.ask(&Ask::new("OPTIONS", "/cmcd").with("Origin", "http://192.0.2.1")).await;
    assert_eq!((preflight.status, preflight.value("access-control-allow-origin")), (204, Some("*")));
}

#[tokio::test]
async fn urls_that_a_player_names_lose_their_credentials() {
    let (_origin, rig, mut feed) = rig().await;
    let session = rig.session("tv").await;
    let ask = Ask::get("/a.mp4?CMCD=nor%3D%22b.mp4%253Ftoken%253Dhush%22%2Cbl%3D100");
    Wire::fetch(session, &ask.with("CMCD-Request", "nor=\"c.mp4%3Fsig%3Dhush\"")).await;
    let row = feed.exchange("/a.mp4").await;
    let text = serde_json::to_string(&row).expect("JSON");
    assert!(!text.contains("hush"), "{text}");
    assert_eq!(row.request.cmcd.expect("CMCD").request.buffer_ms[0].value, 100);
}
