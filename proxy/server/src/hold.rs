//! A delay of the link done on answers, where no packet can be delayed.
//!
//! Invariant: as long as the link says at the moment the answer is there; a link that delays packets asks for nothing here.
//! Deliberately absent: the record of it (see `record.rs`).

use std::time::Duration;

use rebuffer_shaper::Link;
use tokio::time::Instant;

/// Holds an answer back for as long as the link asks; how long that was, none if it asks for nothing.
pub(crate) async fn hold_back(link: &Link) -> Option<Duration> {
    let delay = link.in_force().answer_delay?;
    let began = Instant::now();
    tokio::time::sleep(delay).await;
    Some(began.elapsed())
}

#[cfg(test)]
mod tests {
    use rebuffer_model::Shape;
    use rebuffer_shaper::{Mode, Shaper, ShaperConfig};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_waits_as_long_as_the_link_was_told() {
        let shaper =
            Shaper::open(ShaperConfig { mode: Mode::Pacing, interfaces: Vec::new(), isolate: false })
                .await
                .unwrap();
        let link = shaper.attach(30_100).unwrap();
        assert_eq!(hold_back(&link).await, None);
        let shape = |json: &str| serde_json::from_str::<Shape>(json).unwrap();
        link.set(&shape(r#"{"delay_ms":250}"#)).await.unwrap();
        assert_eq!(hold_back(&link).await, Some(Duration::from_millis(250)));
        link.set(&shape("{}")).await.unwrap();
        assert_eq!(hold_back(&link).await, None);
    }
}
