//! A link on a machine that paces, asked for more than that, where a part is enough.

use super::*;

/// What the carrier was told, as it is written.
fn applied(theatre: &Theatre) -> Vec<String> {
    let shapes = theatre.told.shapes.lock();
    shapes.iter().map(|(_, shape)| serde_json::to_string(shape).unwrap()).collect()
}

fn names(left_out: &[LeftOut]) -> Vec<&str> {
    left_out.iter().map(|left| left.knob.as_str()).collect()
}

fn left_out(theatre: &Theatre) -> Vec<String> {
    theatre.conductor.shown().left_out.into_iter().map(|left| left.knob).collect()
}

#[tokio::test(start_paused = true)]
async fn what_the_machine_cannot_do_is_left_out_and_the_rest_is_set() {
    let mut theatre = Theatre::open(None).await;
    let shape = r#""rate_mbps":5,"loss_pct":1,"uplink":{"delay_ms":9},"transport_fault":{"type":"drop"}"#;
    theatre.change(&format!(r#"{{{shape},"partial":true}}"#)).await.unwrap();
    assert_eq!(applied(&theatre), [r#"{"rate_mbps":5.0}"#]);
    let shown = theatre.conductor.shown();
    assert_eq!(names(&shown.left_out), ["loss_pct", "uplink/delay_ms", "transport_fault"]);
    assert_eq!((shown.transport_fault, theatre.edges()), (None, vec![]));
    theatre.change(r#"{"rate_mbps":5,"partial":true}"#).await.unwrap();
    assert_eq!(left_out(&theatre), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn each_step_leaves_out_what_it_has_to_and_the_pattern_names_all_of_it() {
    let steps = r#"{"steps":[{"duration_seconds":1,"loss_pct":2},
        {"duration_seconds":1,"loss_pct":0,"rate_mbps":2},{"duration_seconds":1,"corrupt_pct":3,"loss_pct":4}]}"#;
    let theatre =
        Theatre::playing(&format!(r#"{{"rate_mbps":5,"partial":true,"loss_pct":1,"pattern":{steps}}}"#))
            .await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        wait(500).await;
        let (link, pattern) = (left_out(&theatre), theatre.pattern().left_out);
        assert_eq!(names(&pattern), ["loss_pct", "corrupt_pct"]);
        assert_eq!(serde_json::to_string(&pattern[0].value).unwrap(), "4", "the largest");
        seen.push(link);
        wait(500).await;
    }
    assert_eq!(seen, [vec!["loss_pct"], vec![], vec!["loss_pct", "corrupt_pct"]]);
    let (five, two) = (r#"{"rate_mbps":5.0}"#, r#"{"rate_mbps":2.0,"loss_pct":0.0}"#);
    assert_eq!(applied(&theatre)[..3], [five, two, five]);
}

#[tokio::test(start_paused = true)]
async fn an_edit_of_the_shape_changes_what_the_pattern_leaves_out() {
    let mut theatre = Theatre::playing(&format!(r#"{{"partial":true,"pattern":{TWO}}}"#)).await;
    assert_eq!(theatre.pattern().left_out, []);
    theatre.change(&format!(r#"{{"partial":true,"loss_pct":1,"pattern":{TWO}}}"#)).await.unwrap();
    assert_eq!(names(&theatre.pattern().left_out), ["loss_pct"]);
    theatre.change(r#"{"partial":true,"loss_pct":1}"#).await.unwrap();
    assert_eq!(left_out(&theatre), ["loss_pct"]);
}

#[tokio::test(start_paused = true)]
async fn a_pattern_that_waits_leaves_nothing_out_until_its_steps_are_known() {
    let mut theatre = Theatre::open(None).await;
    theatre.change(r#"{"partial":true,"loss_pct":1,"pattern":{"template":"ramp_up"}}"#).await.unwrap();
    assert_eq!((left_out(&theatre), theatre.pattern().left_out), (vec!["loss_pct".to_owned()], vec![]));
    *theatre.watch.ladder.lock() = ladder(&[1_000_000]);
    theatre.conductor.ladder_changed();
    wait(100).await;
    assert_eq!(names(&theatre.pattern().left_out), ["loss_pct"]);
}

#[tokio::test(start_paused = true)]
async fn another_trace_of_that_name_is_looked_at_when_it_is_taken_up() {
    let theatre = Theatre::playing(r#"{"partial":true,"pattern":{"trace":"kept"}}"#).await;
    *theatre.watch.trace.lock() = "time_s,mbps,loss_pct\n0,3,7\n1,4,0\n2,4,0\n";
    wait(1_500).await;
    assert_eq!(theatre.pattern().left_out, []);
    wait(1_000).await;
    assert_eq!(
        (names(&theatre.pattern().left_out), left_out(&theatre)),
        (vec!["loss_pct"], vec!["loss_pct".to_owned()])
    );
}

#[tokio::test(start_paused = true)]
async fn a_step_that_is_refused_leaves_what_was_left_out_before() {
    let steps = r#"{"steps":[{"duration_seconds":1,"rate_mbps":2},{"duration_seconds":1,"corrupt_pct":3}]}"#;
    let theatre = Theatre::playing(&format!(r#"{{"partial":true,"pattern":{steps}}}"#)).await;
    theatre.told.refuse.lock().push_back(true);
    wait(1_500).await;
    assert!(theatre.conductor.shown().refused);
    assert_eq!(left_out(&theatre), [""; 0], "the first step is still in force");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_taken_back_leaves_out_what_was_left_out_before() {
    let theatre = Theatre::playing(r#"{"rate_mbps":5,"partial":true,"loss_pct":1}"#).await;
    let other = wanted(r#"{"rate_mbps":5,"partial":true,"corrupt_pct":1}"#);
    let changing = theatre.conductor.change(other, &theatre.watch).await.unwrap();
    assert_eq!(left_out(&theatre), ["corrupt_pct"]);
    changing.undo().await;
    assert_eq!(left_out(&theatre), ["loss_pct"]);
}

#[tokio::test(start_paused = true)]
async fn without_partial_everything_is_asked_of_the_link() {
    let theatre = Theatre::playing(r#"{"rate_mbps":5,"loss_pct":1}"#).await;
    assert_eq!(applied(&theatre), [r#"{"rate_mbps":5.0,"loss_pct":1.0}"#]);
    assert_eq!(left_out(&theatre), [""; 0]);
}
