//! Which machine this is, as far as it matters for the figures.

use std::fs;
use std::process::Command;

/// One line: processor, cores, memory, kernel.
pub(crate) fn describe() -> String {
    let cpu = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let day =
        Command::new("date").args(["-u", "+%F"]).output().map(|output| output.stdout).unwrap_or_default();
    format!(
        "Machine: {cpu}, {cores} cores, {memory}, Linux {}, {}.\n",
        kernel.trim(),
        String::from_utf8_lossy(&day).trim()
    )
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
