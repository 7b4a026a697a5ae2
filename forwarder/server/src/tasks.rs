//! Tasks with names: a panic is logged and counted, and makes the forwarder not ready when it cannot do without the task.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinError;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::core::Shared;
use crate::status::Part;

/// Starts a task that ends when the forwarder stops. Without it the forwarder is not whole: its panic is trouble.
pub(crate) fn spawn(
    tracker: &TaskTracker,
    core: &Shared,
    name: &'static str,
    work: impl Future<Output = ()> + Send + 'static,
) {
    let stop = core.stop.clone();
    let work = async move {
        stop.run_until_cancelled(work).await;
    };
    let task = tracker.spawn(work.instrument(tracing::info_span!("task", name)));
    let core = Shared::clone(core);
    tracker.spawn(async move {
        if panicked(&core, name, task.await) {
            core.trouble(Part::Task(name), &format!("the task {name:?} panicked; the log says where"));
        }
    });
}

/// Starts a task that serves one caller and ends with it.
pub(crate) fn spawn_for_caller(
    core: Shared,
    name: &'static str,
    work: impl Future<Output = ()> + Send + 'static,
) {
    let task = tokio::spawn(work.instrument(tracing::info_span!("task", name)));
    tokio::spawn(async move { panicked(&core, name, task.await) });
}

fn panicked(core: &Shared, name: &'static str, ended: Result<(), JoinError>) -> bool {
    let Err(error) = ended else { return false };
    if error.is_panic() {
        tracing::error!(name, %error, "a task panicked");
        core.metrics.panics.inc();
    }
    error.is_panic()
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
