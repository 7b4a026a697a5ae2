//! Shapes as far as the machine goes: what is applied, what is left out, and what is kept of both.
//!
//! Invariant: the rig paces in these tests, so the rate and the delay towards the player are all it can do.

use rebuffer_api::{Items, LinkView, PresetView};
use rebuffer_kit::{Ask, Asked, Mode, Origin, Rig, Said, Saying, Setup, Sse, refused};
use rebuffer_model::{Action, ActionKind, Extent, LeftOut, PRESETS, Shape, ShapeControl};

const OFFER: &str = "With \"partial\": true in the shape, the rest of it is applied";

fn site(asked: &Asked) -> Said {
    Saying::new(200, "OK").body(asked, "x")
}

async fn rig() -> (Origin, Rig) {
    let origin = Origin::serve(site).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    (origin, rig)
}

fn names(left_out: &[LeftOut]) -> Vec<&str> {
    left_out.iter().map(|left| left.knob.as_str()).collect()
}

async fn link(rig: &Rig, player: &str) -> LinkView {
    rig.api.player(player).await.link.expect("a session")
}

/// What of a preset a machine that paces can do.
fn paced(preset: &PresetView) -> Shape {
    let mut down = preset.shape.down;
    (down.jitter_ms, down.loss_pct) = (None, None);
    Shape { down, ..Shape::default() }
}

#[tokio::test]
async fn every_preset_applies_as_far_as_pacing_goes_and_says_what_it_lacks() {
    let (_origin, rig) = rig().await;
    rig.session("tv").await;
    let presets: Items<PresetView> = rig.api.get("/api/v2/link-presets").await;
    assert_eq!(presets.items.len(), PRESETS.len());
    let mut refused_with_partial = Vec::new();
    for preset in &presets.items {
        let name = &preset.name;
        let revision = rig.api.player("tv").await.control_revision;
        let patch = |partial| format!(r#"{{"shape":{{"preset":"{name}","partial":{partial}}}}}"#);
        let problem = refused(&rig.api.try_patch("tv", &revision, &patch(false)).await, 409);
        assert_eq!(problem.pointer.as_deref(), Some("/shape/preset"), "{name}");
        assert_eq!(problem.detail.ends_with(OFFER), preset.applies == Extent::Partly, "{}", problem.detail);
        if preset.applies == Extent::NotAtAll {
            let problem = refused(&rig.api.try_patch("tv", &revision, &patch(true)).await, 409);
            assert!(problem.detail.contains("no part of it can be applied"), "{}", problem.detail);
            refused_with_partial.push(name.as_str());
            continue;
        }
        let record = rig.api.patch("tv", &patch(true)).await;
        let stored = serde_json::to_string(&record.shape).unwrap();
        assert_eq!(stored, format!(r#"{{"preset":"{name}","partial":true}}"#));
        let link = record.link.expect("a session");
        assert_eq!((link.observed, link.in_sync), (paced(preset), true), "{name}");
        assert_eq!(link.rate_mbps, preset.shape.down.rate_mbps.map(rebuffer_model::Mbps::get), "{name}");
        assert_eq!(link.left_out, preset.left_out, "{name}");
        assert!(!link.left_out.is_empty() && link.left_out.iter().all(|left| left.reason.contains("paces")));
    }
    assert_eq!(refused_with_partial, ["apple/100-percent-loss"], "it asks for losses and nothing else");
}

#[tokio::test]
async fn what_is_kept_is_what_was_asked_and_each_machine_tries_all_of_it() {
    let (_origin, rig) = rig().await;
    let asked =
        r#"{"preset":"comcast/3g","uplink":{"delay_ms":9},"transport_fault":{"type":"drop"},"partial":true}"#;
    rig.api.create("tv", &format!(r#""shape":{asked}"#)).await;
    let asked: ShapeControl = serde_json::from_str(asked).unwrap();
    let lacking = ["loss_pct", "uplink/rate_mbps", "uplink/delay_ms", "uplink/loss_pct", "transport_fault"];
    let (mut rig, mut before) = (rig, None);
    for mode in [Mode::Pacing, Mode::Pacing, Mode::Off, Mode::Pacing] {
        rig = rig.restarted_with(mode).await;
        rig.session("tv").await;
        let record = rig.api.player("tv").await;
        assert_eq!(record.shape, asked, "{mode}");
        let link = record.link.expect("a session");
        let left_out = names(&link.left_out);
        match mode {
            Mode::Off => {
                assert_eq!((&left_out[..2], left_out.len()), (&["rate_mbps", "delay_ms"][..], 7), "{mode}");
                assert_eq!((link.rate_mbps, link.in_sync), (None, true));
            }
            Mode::Auto | Mode::Kernel | Mode::Pacing => {
                assert_eq!(left_out, lacking, "{mode}");
                assert_eq!(link.rate_mbps, Some(0.75));
                assert!(before.replace(link.clone()).is_none_or(|before| before == link), "{mode}");
            }
        }
    }
}

#[tokio::test]
async fn a_machine_that_shapes_nothing_applies_no_part() {
    let origin = Origin::serve(site).await;
    let rig = Rig::start(Setup::at(origin.address).unshaped()).await;
    rig.session("tv").await;
    let revision = rig.api.player("tv").await.control_revision;
    let partial = r#"{"shape":{"rate_mbps":5,"partial":true}}"#;
    let problem = refused(&rig.api.try_patch("tv", &revision, partial).await, 409);
    assert!(!problem.detail.contains(OFFER), "{}", problem.detail);
    assert_eq!(problem.pointer.as_deref(), Some("/shape"));
}

#[tokio::test]
async fn the_change_is_told_with_what_was_asked_what_is_in_force_and_what_is_left_out() {
    let (_origin, rig) = rig().await;
    rig.api.create("later", r#""shape":{"rate_mbps":3,"loss_pct":2,"partial":true}"#).await;
    rig.session("tv").await;
    let mut events = Sse::open(rig.api.address, "/api/v2/events", None).await;
    rig.api.patch("tv", r#"{"shape":{"rate_mbps":5,"corrupt_pct":1.5,"partial":true}}"#).await;
    let frame = loop {
        let event = events.next().await.expect("the stream goes on");
        if event.name == "player.controls.updated" {
            break event.data;
        }
    };
    assert!(frame.contains(r#""left_out":[{"knob":"corrupt_pct","value":1.5,"reason":"#), "{frame}");

    let mut feed = rig.feed().await;
    let (asked, in_force, left_out) = change_of(feed.action("shaper_config_change").await);
    assert!(asked.partial && in_force.is_none(), "no session yet");
    assert_eq!(names(&left_out), ["loss_pct"]);
    let (asked, in_force, left_out) = change_of(feed.action("shaper_config_change").await);
    assert!(asked.partial && asked.shape.down.corrupt_pct.is_some());
    assert_eq!(in_force, Some(serde_json::from_str(r#"{"rate_mbps":5}"#).unwrap()));
    assert_eq!(names(&left_out), ["corrupt_pct"]);
}

fn change_of(action: Action) -> (ShapeControl, Option<Shape>, Vec<LeftOut>) {
    let ActionKind::ShaperConfigChange { asked, in_force, left_out, .. } = action.kind else {
        panic!("{action:?}")
    };
    (*asked, in_force.map(|shape| *shape), left_out)
}

#[tokio::test]
async fn steps_and_traces_leave_out_what_pacing_lacks() {
    let (_origin, rig) = rig().await;
    let steps =
        r#"{"steps":[{"rate_mbps":4,"duration_seconds":3600},{"loss_pct":2,"duration_seconds":3600}]}"#;
    rig.api
        .create(
            "steps",
            &format!(r#""shape":{{"uplink":{{"delay_ms":9}},"partial":true,"pattern":{steps}}}"#),
        )
        .await;
    let file = "time_s,mbps,loss_pct\n0,4,3\n3600,2,1\n";
    let put = Ask::new("PUT", "/api/v2/traces/lossy").with("Content-Type", "text/plain");
    assert_eq!(rig.api.ask(&put.body(file.as_bytes())).await.status, 201);
    rig.api.create("trace", r#""shape":{"partial":true,"pattern":{"trace":"lossy"}}"#).await;
    for (player, now, whole) in [
        ("steps", &["uplink/delay_ms"][..], &["loss_pct", "uplink/delay_ms"][..]),
        ("trace", &["loss_pct"], &["loss_pct"]),
    ] {
        rig.session(player).await;
        let link = link(&rig, player).await;
        assert_eq!((link.rate_mbps, link.in_sync), (Some(4.0), true), "{player}");
        assert_eq!(names(&link.left_out), now, "{player}");
        assert_eq!(names(&link.pattern.expect("a pattern").left_out), whole, "{player}");
    }
    let mut feed = rig.feed().await;
    let step = feed.action("pattern_step").await;
    let ActionKind::PatternStep { asked, left_out, .. } = step.kind else { panic!("{step:?}") };
    assert!(asked.uplink.delay_ms.is_some(), "the whole link as it was asked for");
    assert_eq!(names(&left_out), ["uplink/delay_ms"]);
}
