//! One measurement: wrk against one URL for a few seconds, and what it says.
//!
//! Invariant: bounded in time by wrk itself; an answer other than 2xx makes the measurement an error.

use std::process::Command;

use anyhow::{Context, bail, ensure};

/// How hard to ask.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) connections: u32,
    pub(crate) seconds: u32,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Figures {
    pub(crate) requests_per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

impl Load {
    pub(crate) fn run(self, url: &str) -> anyhow::Result<Figures> {
        let output = Command::new("wrk")
            .args(["-t1", "--latency"])
            .arg(format!("-c{}", self.connections))
            .arg(format!("-d{}s", self.seconds))
            .arg(url)
            .output()
            .context("wrk is not there")?;
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "wrk failed: {}", String::from_utf8_lossy(&output.stderr));
        if text.contains("Non-2xx") || text.contains("Socket errors") {
            bail!("{url} did not answer cleanly:\n{text}");
        }
        figures(&text).with_context(|| format!("wrk said something unexpected:\n{text}"))
    }
}

fn figures(text: &str) -> Option<Figures> {
    let after = |label: &str| {
        let line = text.lines().map(str::trim).find(|line| line.starts_with(label))?;
        line.split_whitespace().last()
    };
    Some(Figures {
        requests_per_second: after("Requests/sec:")?.parse().ok()?,
        p50_ms: millis(after("50%")?)?,
        p99_ms: millis(after("99%")?)?,
    })
}

fn millis(text: &str) -> Option<f64> {
    let (number, factor) = match text {
        text if text.ends_with("us") => (text.trim_end_matches("us"), 1e-3),
        text if text.ends_with("ms") => (text.trim_end_matches("ms"), 1.0),
        text => (text.trim_end_matches('s'), 1e3),
    };
    Some(number.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrk_is_read() {
        let text = "  Latency Distribution\n     50%  635.00us\n     75%  1.01ms\n     90%    1.6ms\n     99%    2.75ms\n\
                    Requests/sec:  12345.67\nTransfer/sec:      1.77GB\n";
        let read = figures(text).unwrap();
        assert_eq!(read, Figures { requests_per_second: 12_345.67, p50_ms: 0.635, p99_ms: 2.75 });
        assert_eq!(millis("1.5s"), Some(1_500.0));
    }
}
