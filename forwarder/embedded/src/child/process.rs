//! One run of the archive process: start it, hear its report, pass its log on, end it.
//!
//! Invariant: a `Process` that is dropped is killed. The last lines of its log are kept, because the engine explains a
//! refused start only there.

use std::collections::VecDeque;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use crate::wire::{Report, Start};

const KEPT_LINES: usize = 6;
const LONGEST_LINE: usize = 4096;
/// For the log's end to arrive after the process itself has ended.
const LOG_TIMEOUT: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// Open as long as the child shall live.
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    /// Until its end was awaited.
    log: Option<JoinHandle<()>>,
    last_lines: Arc<Mutex<VecDeque<String>>>,
}

impl Process {
    /// The pipes every run needs.
    pub(super) fn pipes(command: &mut Command) {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    }

    pub(super) fn new(mut child: Child) -> Process {
        let stderr = child.stderr.take().expect("stderr was asked for as a pipe");
        let last_lines = Arc::default();
        Process {
            stdin: child.stdin.take(),
            stdout: child.stdout.take(),
            log: Some(tokio::spawn(forward_log(stderr, Arc::clone(&last_lines)))),
            last_lines,
            child,
        }
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Sends the start message and waits for the report: the engine's version, or why there is none.
    pub(super) async fn start(&mut self, start: &Start, timeout: Duration) -> Result<String, String> {
        let report = tokio::time::timeout(timeout, self.exchange(start)).await;
        match report {
            Ok(Ok(Report::Ready { engine, .. })) => Ok(engine),
            Ok(Ok(Report::Failed { reason })) => Err(self.with_log(reason).await),
            Ok(Err(error)) => Err(self.with_log(format!("no report from the process: {error}")).await),
            Err(_) => Err(format!("not ready within {timeout:?}")),
        }
    }

    /// Waits for an end nobody asked for and says how it came.
    pub(super) async fn died(&mut self) -> String {
        let how = match self.child.wait().await {
            Ok(status) => describe(status),
            Err(error) => format!("lost: {error}"),
        };
        self.with_log(how).await
    }

    /// Closes the pipe that keeps the child alive, waits, then kills.
    pub(super) async fn stop(mut self, grace: Duration) {
        drop(self.stdin.take());
        if tokio::time::timeout(grace, self.child.wait()).await.is_err() {
            tracing::warn!(
                ?grace,
                "the archive did not end in time and is killed; acknowledged rows are safe"
            );
            if let Err(error) = self.child.kill().await {
                tracing::warn!(%error, "the archive could not be killed");
            }
        }
        self.log_end().await;
    }

    async fn exchange(&mut self, start: &Start) -> io::Result<Report> {
        let mut line = serde_json::to_vec(start)?;
        line.push(b'\n');
        let stdin = self.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        stdin.write_all(&line).await?;
        let stdout = self.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut answer = String::new();
        BufReader::new(stdout).read_line(&mut answer).await?;
        if answer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_str(&answer)?)
    }

    /// The last words of the log belong to the run.
    async fn log_end(&mut self) {
        let Some(log) = self.log.take() else { return };
        if let Ok(Err(error)) = tokio::time::timeout(LOG_TIMEOUT, log).await {
            tracing::error!(%error, "reading the archive's log panicked");
        }
    }

    async fn with_log(&mut self, reason: String) -> String {
        self.log_end().await;
        let lines = self.last_lines.lock();
        let log = lines.iter().filter(|line| level_of(line) <= tracing::Level::WARN);
        log.fold(reason, |text, line| format!("{text} | {line}"))
    }
}

async fn forward_log(stderr: ChildStderr, last_lines: Arc<Mutex<VecDeque<String>>>) {
    let mut lines = BufReader::new(stderr);
    let mut line = Vec::new();
    loop {
        line.clear();
        match lines.read_until(b'\n', &mut line).await {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => return tracing::warn!(%error, "the archive's log cannot be read"),
        }
        line.truncate(LONGEST_LINE);
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        if text.is_empty() {
            continue;
        }
        log(&text);
        let mut last = last_lines.lock();
        if last.len() == KEPT_LINES {
            last.pop_front();
        }
        last.push_back(text);
    }
}

fn log(line: &str) {
    match level_of(line) {
        tracing::Level::ERROR => tracing::error!(target: "archive", "{line}"),
        tracing::Level::WARN => tracing::warn!(target: "archive", "{line}"),
        tracing::Level::INFO => tracing::info!(target: "archive", "{line}"),
        _ => tracing::debug!(target: "archive", "{line}"),
    }
}

/// The engine marks its lines `<Error>`, this product's subscriber writes ` ERROR `. What has no mark is a crash talking.
fn level_of(line: &str) -> tracing::Level {
    let has = |marks: &[&str]| marks.iter().any(|mark| line.contains(mark));
    if has(&["<Information>", "<Debug>", "<Trace>", "<Test>", " DEBUG ", " TRACE "]) {
        tracing::Level::DEBUG
    } else if has(&[" INFO "]) {
        tracing::Level::INFO
    } else if has(&["<Fatal>", "<Critical>", "<Error>", " ERROR ", "panicked"]) {
        tracing::Level::ERROR
    } else {
        tracing::Level::WARN
    }
}

fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("the process ended with status {code}"),
        (None, Some(signal)) => format!("the process was ended by signal {signal}"),
        (None, None) => "the process ended".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn lines_keep_their_severity() {
        assert_eq!(level_of("2026.01.01 <Error> Application: disk"), Level::ERROR);
        assert_eq!(level_of("2026-01-01T00:00:00Z  INFO ready"), Level::INFO);
        assert_eq!(level_of("2026.01.01 <Information> x"), Level::DEBUG);
        assert_eq!(level_of("Segmentation fault"), Level::WARN);
    }
}
