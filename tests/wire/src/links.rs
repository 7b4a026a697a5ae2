//! Links over HTTP: presets, traces, patterns, baselines; what cannot be done here is refused and changes nothing.
//!
//! Invariant: the rig paces in these tests, so everything that needs the kernel has to be refused with its reason.

use rebuffer_kit::{Ask, Asked, Origin, Rig, Said, Saying, Setup, Wire, json, pattern, refused};
use rebuffer_model::ActionKind;

const MASTER: &str = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000000\nlow.m3u8\n\
    #EXT-X-STREAM-INF:BANDWIDTH=4000000,AVERAGE-BANDWIDTH=3000000\nhigh.m3u8\n";

fn site(asked: &Asked) -> Said {
    match asked.path() {
        "/master.m3u8" => Saying::new(200, "OK").body(asked, MASTER),
        _ => Saying::new(200, "OK").body(asked, pattern(4, 2_000)),
    }
}

async fn rig() -> (Origin, Rig) {
    let origin = Origin::serve(site).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    (origin, rig)
}

#[tokio::test]
async fn what_only_a_kernel_can_do_is_refused_at_its_knob_with_the_reason() {
    let (_origin, rig) = rig().await;
    rig.api.create("tv", r#""shape":{"rate_mbps":5}"#).await;
    let before = rig.api.player("tv").await;
    for (shape, pointer) in [
        (r#"{"loss_pct":1}"#, "/shape/loss_pct"),
        (r#"{"uplink":{"rate_mbps":1}}"#, "/shape/uplink/rate_mbps"),
        (r#"{"transport_fault":{"type":"drop"}}"#, "/shape/transport_fault"),
        (r#"{"preset":"comcast/edge"}"#, "/shape/preset"),
        (
            r#"{"pattern":{"steps":[{"duration_seconds":1},{"duration_seconds":1,"corrupt_pct":1}]}}"#,
            "/shape/pattern/steps/1/corrupt_pct",
        ),
    ] {
        let revision = &before.control_revision;
        let problem =
            refused(&rig.api.try_patch("tv", revision, &format!(r#"{{"shape":{shape}}}"#)).await, 409);
        assert_eq!(problem.pointer.as_deref(), Some(pointer), "{shape}: {}", problem.detail);
        assert!(
            problem.detail.contains("paced") || problem.detail.contains("paces"),
            "{shape}: {}",
            problem.detail
        );
        assert_eq!(rig.api.player("tv").await, before, "{shape}");
    }
}

#[tokio::test]
async fn a_pattern_over_the_ladder_begins_when_the_ladder_is_known() {
    let (_origin, rig) = rig().await;
    rig.api
        .create(
            "tv",
            r#""shape":{"pattern":{"template":"ramp_down","margin_pct":10,"default_step_seconds":3600}}"#,
        )
        .await;
    let session = rig.session("tv").await;
    let mut feed = rig.feed().await;
    let waiting = rig.api.player("tv").await.link.unwrap().pattern.unwrap();
    assert_eq!((waiting.step, waiting.mode.as_str()), (0, "ramp_down"));
    assert!(waiting.idle.unwrap().contains("ladder"));
    assert_eq!(Wire::fetch(session, &Ask::get("/master.m3u8")).await.status, 200);
    let step = feed.action("pattern_step").await;
    assert!(
        matches!(&step.kind, ActionKind::PatternStep { step: 1, rate_mbps: Some(rate), .. } if *rate == 3.3),
        "{step:?}"
    );
    let link = rig.api.player("tv").await.link.unwrap();
    assert_eq!((link.rate_mbps, link.in_sync, link.pattern.unwrap().steps), (Some(3.3), true, 2));
}

#[tokio::test]
async fn a_trace_is_kept_played_and_not_removed_under_its_players() {
    let (_origin, rig) = rig().await;
    let put = |name: &str, file: &str| json(Ask::new("PUT", &format!("/api/v2/traces/{name}")), file);
    assert_eq!(rig.api.ask(&put("lte", "0 4.0\n5 2.0\n10 1.0\n")).await.status, 201);
    assert_eq!(rig.api.ask(&put("lte", "0 8.0\n5 2.0\n")).await.status, 200);
    let bad = refused(&rig.api.ask(&put("bad", "0 8.0\nfive 2.0\n")).await, 400);
    assert!(bad.detail.contains("line 2"), "{}", bad.detail);
    let unknown = r#"{"player_id":"tv","shape":{"pattern":{"trace":"umts"}}}"#;
    let refusal = refused(&rig.api.ask(&json(Ask::new("POST", "/api/v2/players"), unknown)).await, 400);
    assert_eq!(refusal.pointer.as_deref(), Some("/shape/pattern/trace"));
    rig.api.create("tv", r#""shape":{"pattern":{"trace":"lte"}}"#).await;
    rig.session("tv").await;
    assert_eq!(rig.api.player("tv").await.link.unwrap().rate_mbps, Some(8.0));
    let remove = Ask::new("DELETE", "/api/v2/traces/lte");
    assert_eq!(rig.api.ask(&remove).await.status, 409);
    let rig = rig.restarted().await;
    assert_eq!(rig.api.ask(&Ask::get("/api/v2/traces/lte")).await.status, 200, "it survives a restart");
    rig.api.patch("tv", r#"{"shape":{"pattern":null}}"#).await;
    assert_eq!(rig.api.ask(&remove).await.status, 204);
    assert_eq!(rig.api.ask(&remove).await.status, 404);
}

#[tokio::test]
async fn presets_are_listed_and_knobs_beside_one_win() {
    let (_origin, rig) = rig().await;
    let listed = rig.api.ask(&Ask::get("/api/v2/link-presets")).await;
    assert!(listed.text().contains("\"devtools/slow-4g\""), "{}", listed.text());
    let unknown = r#"{"player_id":"tv","shape":{"preset":"wpt/9g"}}"#;
    let refusal = refused(&rig.api.ask(&json(Ask::new("POST", "/api/v2/players"), unknown)).await, 400);
    assert_eq!(refusal.pointer.as_deref(), Some("/shape/preset"));
}

#[tokio::test]
async fn a_baseline_holds_links_that_have_no_rate_of_their_own_also_after_a_restart() {
    let origin = Origin::serve(site).await;
    let rig = Rig::start(Setup::at(origin.address).based(7.0)).await;
    rig.session("tv").await;
    rig.session("own").await;
    rig.api.patch("own", r#"{"shape":{"rate_mbps":3}}"#).await;
    let rig = rig.restarted().await;
    for (player, mbps) in [("tv", 7.0), ("own", 3.0)] {
        rig.session(player).await;
        assert_eq!(rig.api.player(player).await.link.unwrap().rate_mbps, Some(mbps), "{player}");
    }
    rig.api.patch("own", r#"{"shape":{"rate_mbps":null}}"#).await;
    assert_eq!(rig.api.player("own").await.link.unwrap().rate_mbps, Some(7.0));
}
