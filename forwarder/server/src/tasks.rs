//! Tasks with names: they stop together, and a panic is logged, counted, and makes the forwarder not ready.

use std::future::Future;
use std::time::Duration;

use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::core::Shared;
use crate::status::Part;

/// Starts a task that ends when the forwarder stops.
pub(crate) fn spawn(
    tracker: &TaskTracker,
    core: &Shared,
    name: &'static str,
    work: impl Future<Output = ()> + Send + 'static,
) {
    let stop = core.stop.clone();
    let span = tracing::info_span!("task", name);
    let task = tracker.spawn(async move { stop.run_until_cancelled(work).await }.instrument(span));
    let core = Shared::clone(core);
    tracker.spawn(async move {
        if let Err(error) = task.await
            && error.is_panic()
        {
            tracing::error!(name, %error, "a task panicked");
            core.metrics.panics.inc();
            core.trouble(Part::Task(name), format!("the task {name:?} panicked; the log says where"));
        }
    });
}

/// Waits that double up to a bound, and begin anew when something went well.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }

    pub(crate) async fn wait(&mut self) {
        tokio::time::sleep(self.take()).await;
    }

    fn take(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(self.longest);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_begin_anew() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(500));
        let waits: Vec<_> = (0..4).map(|_| backoff.take().as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 500]);
        backoff.reset();
        assert_eq!(backoff.take().as_millis(), 100);
    }
}
