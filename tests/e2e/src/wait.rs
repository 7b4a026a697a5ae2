//! Waiting for what a process outside does: there is no event for it, so it is asked again until a deadline.

use std::time::Duration;

const ASK_EVERY: Duration = Duration::from_millis(25);

/// Asks until there is an answer.
///
/// # Panics
/// With `what` when there is none within `limit`.
pub async fn until<T>(what: &str, limit: Duration, ask: impl AsyncFnMut() -> Option<T>) -> T {
    asked(limit, ask).await.unwrap_or_else(|| panic!("not within {limit:?}: {what}"))
}

/// Asks until there is an answer; `None` when there is none within `limit`.
pub(crate) async fn asked<T>(limit: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let mut turns = tokio::time::interval(ASK_EVERY);
    let asking = async {
        loop {
            turns.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    tokio::time::timeout(limit, asking).await.ok()
}
