//! What is done to one player, no other one meets.

use rebuffer_e2e::{Place, Rig, Shaper, Web};

/// Everything here is the same whenever it is asked for.
const PATHS: [&str; 8] = [
    "/vod/master.m3u8",
    "/vod/v5/index.m3u8",
    "/vod/v5/init.mp4",
    "/vod/v5/3.m4s",
    "/vod/v2/4.m4s",
    "/vod/a1/4.m4s",
    "/vod/v5/300.m4s",
    "/nothing/here",
];
const ROUNDS: usize = 3;

#[tokio::test]
async fn a_player_gets_what_the_origin_sends_while_its_neighbour_is_capped_and_faulted() {
    let Some(place) = Place::take("isolation") else { return };
    let rig = Rig::start(&place, Shaper::Pacing).await;
    let settings = r#""shape":{"rate_mbps":0.5},"fault_rules":[{"type":"503","mode":"requests","frequency":2,
        "consecutive":1,"filter":{"request_kind":["manifest","init"]}}]"#;
    rig.create("troubled", settings).await;
    let (troubled, fine, direct) = (Web::default(), Web::default(), Web::default());
    let its = rig.session(&troubled, "troubled").await;
    let ours = rig.session(&fine, "fine").await;

    // Half a minute at its rate: the neighbour is busy for as long as the rest takes.
    let slow = format!("{its}/vod/v5/3.m4s");
    let slow = tokio::spawn(async move { troubled.get(&slow).await });
    let mut neighbours = Vec::new();
    for _ in 0..ROUNDS {
        for path in PATHS {
            let passed = fine.get(&format!("{ours}{path}")).await.unwrap();
            let origin = direct.get(&format!("{}{path}", rig.origin())).await.unwrap();
            assert_eq!((passed.status, passed.body), (origin.status, origin.body), "{path}");
        }
        let manifest = direct.get(&format!("{its}/vod/v5/index.m3u8")).await.unwrap();
        neighbours.push(manifest.status.as_u16());
        let manifest = direct.get(&format!("{its}/vod/v5/index.m3u8")).await.unwrap();
        neighbours.push(manifest.status.as_u16());
    }
    assert!(!slow.is_finished(), "twelve megabytes passed while the neighbour waited for two");
    slow.abort();
    assert_eq!(neighbours, [503, 200, 503, 200, 503, 200], "and the neighbour had its trouble");
}
