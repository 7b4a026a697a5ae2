//! Keeps the archive process running.
//!
//! Invariant: at most one process exists at a time. After a death or a failed start the next attempt waits, twice as long each
//! time up to a bound; a run that lasted makes the wait short again. It never gives up: what was wrong may be mended.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::process::Process;
use super::spawner::Spawner;
use super::{SpawnOptions, State, Status};
use crate::wire::Start;
use crate::{Error, os};

const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// A run of this length shows that the archive works.
const LASTING: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Supervisor {
    options: SpawnOptions,
    start: Start,
    listener: TcpListener,
    status: watch::Sender<Status>,
    spawner: Spawner,
}

/// Why a run is over.
enum End {
    Asked(Duration),
    Failed(String),
}

impl Supervisor {
    pub(super) fn new(
        options: SpawnOptions,
        start: Start,
        listener: TcpListener,
        status: watch::Sender<Status>,
    ) -> Result<Supervisor, Error> {
        Ok(Supervisor { options, start, listener, status, spawner: Spawner::new()? })
    }

    /// Until asked to stop, or until the [`super::Child`] is dropped, which stops at once.
    #[tracing::instrument(name = "archive supervisor", skip_all)]
    pub(super) async fn run(self, mut stop: oneshot::Receiver<Duration>) {
        let mut wait = Wait::default();
        loop {
            let began = Instant::now();
            let reason = match self.run_once(&mut stop).await {
                End::Asked(_) => break,
                End::Failed(reason) => reason,
            };
            let retry_in = wait.next(began.elapsed());
            tracing::warn!(%reason, ?retry_in, "the archive is down");
            self.set(State::Failed { reason, retry_in }, None);
            tokio::select! {
                _ = &mut stop => break,
                () = tokio::time::sleep(retry_in) => {}
            }
            self.status.send_modify(|status| status.restarts += 1);
        }
        self.set(State::Stopped, None);
    }

    async fn run_once(&self, stop: &mut oneshot::Receiver<Duration>) -> End {
        self.set(State::Starting, None);
        let began = Instant::now();
        let mut process = match self.spawner.spawn(self.command()).await {
            Ok(child) => Process::new(child),
            Err(error) => return End::Failed(format!("{}: {error}", self.options.program.display())),
        };
        let pid = process.pid();
        self.set(State::Starting, pid);
        let end = tokio::select! {
            grace = &mut *stop => End::Asked(grace.unwrap_or_default()),
            started = process.start(&self.start, self.options.start_timeout) => match started {
                Err(reason) => End::Failed(reason),
                Ok(engine) => {
                    tracing::info!(pid, %engine, took = ?began.elapsed(), "the archive is ready");
                    self.set(State::Ready { engine }, pid);
                    tokio::select! {
                        grace = stop => End::Asked(grace.unwrap_or_default()),
                        reason = process.died() => End::Failed(reason),
                    }
                }
            },
        };
        let grace = match &end {
            End::Asked(grace) => *grace,
            End::Failed(_) => Duration::ZERO,
        };
        process.stop(grace).await;
        end
    }

    fn command(&self) -> Command {
        let mut command = std::process::Command::new(&self.options.program);
        // The engine takes the machine's time zone for values without one; the archive's times are UTC everywhere.
        command.args(&self.options.args).current_dir(&self.start.data_dir).env("TZ", "UTC");
        // An interrupt typed at a terminal goes to the whole group; the archive must outlive what still writes to it.
        command.process_group(0);
        os::tie_to_parent(&mut command, &self.listener);
        let mut command = Command::from(command);
        Process::pipes(&mut command);
        command
    }

    fn set(&self, state: State, pid: Option<u32>) {
        self.status.send_modify(|status| {
            status.state = state;
            status.pid = pid;
        });
    }
}

#[derive(Debug, Default)]
struct Wait(u32);

impl Wait {
    fn next(&mut self, lasted: Duration) -> Duration {
        if lasted >= LASTING {
            self.0 = 0;
        }
        let wait = FIRST_WAIT.saturating_mul(1 << self.0.min(10)).min(LONGEST_WAIT);
        self.0 = self.0.saturating_add(1);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_to_a_bound_and_resets_after_a_lasting_run() {
        let mut wait = Wait::default();
        let waits: Vec<_> = (0..9).map(|_| wait.next(Duration::ZERO).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        assert_eq!(wait.next(LASTING), FIRST_WAIT);
        assert_eq!(wait.next(Duration::ZERO), FIRST_WAIT * 2);
    }
}
