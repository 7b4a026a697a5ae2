//! What the control API answers is what its document says it answers.
//!
//! Invariant: live answers are judged, not samples; each operation of the document is asked at least once.

use std::collections::BTreeSet;

use rebuffer_kit::{
    Answer, Api, Ask, Asked, Origin, Rig, Said, Saying, Schema, Setup, Sse, Wire, json, pattern,
};

const PLAYERS: &str = "/api/v2/players";
const PLAYER: &str = "/api/v2/players/{player_id}";
const RULES: &str = "/api/v2/players/{player_id}/fault_rules";
const RULE: &str = "/api/v2/players/{player_id}/fault_rules/{rule_id}";
const TRACE: &str = "/api/v2/traces/{name}";
const HAR: &str = "/api/v2/players/{player_id}/network.har";
const METRICS: &str = "/api/v2/players/{player_id}/metrics";

fn site(asked: &Asked) -> Said {
    match asked.path() {
        "/master.m3u8" => Saying::new(200, "OK").body(
            asked,
            concat!(
                "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=400000,AVERAGE-BANDWIDTH=390000,CODECS=\"avc1.4d401e\",",
                "RESOLUTION=320x180\nlow.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=900000\nhttp://192.0.2.1/high.m3u8\n",
            ),
        ),
        _ => Saying::new(200, "OK").body(asked, pattern(9, 200_000)),
    }
}

/// The document, and which of its operations were asked.
struct Judge {
    api: Api,
    schema: Schema,
    asked: BTreeSet<(String, String)>,
}

impl Judge {
    /// Asks and judges the answer.
    async fn ask(&mut self, path: &str, status: u16, ask: Ask) -> Answer {
        let answer = self.api.ask(&ask).await;
        assert_eq!(answer.status, status, "{ask:?}: {}", answer.text());
        let method = ask.method.to_lowercase();
        let faults = self.schema.answer_faults(&method, path, status, &answer.body);
        assert!(faults.is_empty(), "{ask:?}: {faults:#?}\n{}", answer.text());
        self.asked.insert((method, path.to_owned()));
        answer
    }
}

fn document() -> String {
    rebuffer_proxy::openapi().to_json().expect("a document")
}

fn change(method: &str, path: &str, revision: &str, body: &str) -> Ask {
    json(Ask::new(method, path).with("If-Match", &format!("\"{revision}\"")), body)
}

#[tokio::test]
async fn live_answers_fit_the_document_and_every_operation_is_asked() {
    let origin = Origin::serve(site).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    let mut judge = Judge { api: rig.api, schema: Schema::of(&document()), asked: BTreeSet::new() };
    let mut events = Sse::open(rig.api.address, "/api/v2/events", None).await;
    let mut feed = Sse::open(rig.api.address, "/api/v2/feed", None).await;

    let full = r#"{"player_id":"tv","labels":{"run":"7"},"shape":{"rate_mbps":100,"loss_pct":1.5,
        "uplink":{"delay_ms":9,"stall":true},"transport_fault":{"type":"drop"},"partial":true},"fault_rules":[
        {"id":"a","type":"corrupted","mode":"requests","consecutive":2,"frequency":0,"filter":{"request_kind":["segment"],
         "variant":{"rung_indexes":[0],"rung_positions":["top"],"resolutions":["320x180"],"bandwidth_above":1,
         "bandwidth_below":9000000,"codec_prefix":"avc1"},"url_match":{"mode":"regex","patterns":["x"]}}}]}"#;
    let make = |body: &str| json(Ask::new("POST", PLAYERS), body);
    judge.ask(PLAYERS, 201, make(full)).await;
    judge.ask(PLAYERS, 200, make(full)).await;
    judge.ask(PLAYERS, 409, make(r#"{"player_id":"tv","labels":{"run":"8"}}"#)).await;
    judge.ask(PLAYERS, 400, make(r#"{"player":"tv"}"#)).await;
    let session = rig.session("tv").await;
    let mut wire = Wire::connect(session).await;
    for target in ["/master.m3u8?play_id=p&attempt_id=1", "/low.m4s"] {
        assert_eq!(wire.ask(&Ask::get(target)).await.status, 200);
    }
    let report = r#"{"state":"playing","event_time":"2026-03-02T10:00:00Z","video_bitrate_mbps":1.5}"#;
    let metrics = "/api/v2/players/tv/metrics?play_id=p";
    judge.ask(METRICS, 204, json(Ask::new("POST", metrics), report)).await;
    judge.ask(METRICS, 400, json(Ask::new("POST", metrics), r#"{"state":1}"#)).await;
    let said =
        |text: &str| Ask::new("POST", "/cmcd").with("Content-Type", "application/cmcd").body(text.as_bytes());
    judge.ask("/cmcd", 204, said("sid=\"p\",e=ps,sta=p\n")).await;
    judge.ask("/cmcd", 404, said("sid=\"nobody\",e=ps\n")).await;
    judge.ask("/cmcd", 400, said("")).await;
    judge.ask(HAR, 200, Ask::get("/api/v2/players/tv/network.har")).await;
    judge.ask(HAR, 404, Ask::get("/api/v2/players/nobody/network.har")).await;
    judge.ask(PLAYERS, 200, Ask::get(PLAYERS)).await;
    judge.ask("/api/v2/info", 200, Ask::get("/api/v2/info")).await;
    judge.ask(PLAYER, 404, Ask::get("/api/v2/players/nobody")).await;
    let one = "/api/v2/players/tv";
    judge.ask(PLAYER, 200, Ask::get(one)).await;
    judge.ask(PLAYER, 428, json(Ask::new("PATCH", one), "{}")).await;
    judge.ask(PLAYER, 400, change("PATCH", one, "1", r#"{"shape":{"rate_mbps":-1}}"#)).await;
    judge.ask(PLAYER, 200, change("PATCH", one, "1", r#"{"labels":{"more":"x"}}"#)).await;
    judge.ask(PLAYER, 412, change("PATCH", one, "0", r#"{"labels":{"more":"y"}}"#)).await;
    let rules = "/api/v2/players/tv/fault_rules";
    judge.ask(RULES, 201, change("POST", rules, "2", r#"{"type":"404"}"#)).await;
    judge.ask(RULES, 409, change("POST", rules, "3", r#"{"id":"a","type":"404"}"#)).await;
    judge.ask(RULES, 400, change("POST", rules, "3", r#"{"type":"x"}"#)).await;
    judge.ask(RULE, 200, change("PATCH", &format!("{rules}/a"), "3", r#"{"type":"503"}"#)).await;
    judge.ask(RULE, 412, change("PATCH", &format!("{rules}/a"), "3", r#"{"type":"504"}"#)).await;
    judge.ask(RULE, 404, change("DELETE", &format!("{rules}/nothing"), "4", "")).await;
    judge.ask(RULE, 204, change("DELETE", &format!("{rules}/a"), "4", "")).await;
    judge.ask(PLAYER, 204, Ask::new("DELETE", one)).await;

    let trace = "/api/v2/traces/lte";
    let put = |file: &str| json(Ask::new("PUT", trace), file);
    judge.ask(TRACE, 400, put("nothing of the kind")).await;
    judge.ask(TRACE, 201, put("0 4.0\n5 2.0\n")).await;
    judge.ask(TRACE, 200, put("0 4.0\n5 2.0\n")).await;
    judge.ask(TRACE, 200, Ask::get(trace)).await;
    judge.ask("/api/v2/traces", 200, Ask::get("/api/v2/traces")).await;
    judge.ask(TRACE, 204, Ask::new("DELETE", trace)).await;
    judge.ask(TRACE, 404, Ask::new("DELETE", trace)).await;
    judge.ask("/api/v2/link-presets", 200, Ask::get("/api/v2/link-presets")).await;

    // Every frame and record of all this, up to the last of each.
    judge_stream(&mut judge, &mut events, "Frame", |event| event.contains("player.deleted")).await;
    judge_stream(&mut judge, &mut feed, "Record", |record| record.contains("session_end")).await;
    judge.asked.insert(("get".to_owned(), "/api/v2/events".to_owned()));
    judge.asked.insert(("get".to_owned(), "/api/v2/feed".to_owned()));
    assert_eq!(judge.asked, judge.schema.operations());
}

async fn judge_stream(judge: &mut Judge, stream: &mut Sse, schema: &str, last: impl Fn(&str) -> bool) {
    loop {
        let event = stream.next().await.expect("the stream goes on");
        if event.name == "meta" {
            continue;
        }
        let faults = judge.schema.faults(schema, event.data.as_bytes());
        assert!(faults.is_empty(), "{faults:#?}\n{}", event.data);
        if last(&event.data) {
            return;
        }
    }
}
