//! Visits to the page: a script in `browser/` drives a real Chromium and tells what it saw.
//!
//! Invariant: a visit ends in time, and its last line is what it saw, as JSON. Deliberately absent: what should be seen.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rebuffer_e2e::{Place, Rig, lacks, tied};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout};

const CHROMIUM: &str = "/usr/bin/chromium";
const VISIT: Duration = Duration::from_secs(150);

/// What a machine needs for visits is there.
pub(crate) struct Visit {
    scripts: PathBuf,
}

/// A visit that is going on.
pub(crate) struct Going {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    errors: ChildStderr,
}

impl Visit {
    /// Says what is missing, if something is.
    pub(crate) fn able() -> Option<Self> {
        if !Path::new(CHROMIUM).is_file() {
            lacks("Chromium is not installed");
            return None;
        }
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
        if !scripts.join("../../../dashboard/node_modules/playwright-core").is_dir() {
            lacks("the dashboard's packages are not installed (`npm ci` in dashboard/)");
            return None;
        }
        Some(Self { scripts })
    }

    /// Runs a script against the rig; what it saw.
    pub(crate) async fn to<T: DeserializeOwned>(
        &self,
        rig: &Rig,
        script: &str,
        place: &Place,
        more: &[&str],
    ) -> T {
        self.begin(rig, script, place, more).seen().await
    }

    /// Starts a script that says how far it is.
    pub(crate) fn begin(&self, rig: &Rig, script: &str, place: &Place, more: &[&str]) -> Going {
        let mut visit = tied("node");
        visit.arg(self.scripts.join(script)).arg(CHROMIUM).arg(rig.api()).arg(place.keeps("page"));
        visit.args(more).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = visit.spawn().expect("setpriv, from util-linux, starts node");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let errors = child.stderr.take().unwrap();
        Going { child, lines, errors }
    }
}

impl Going {
    /// Waits until the script says so.
    pub(crate) async fn says(&mut self, word: &str) {
        let line = self.line().await;
        assert_eq!(line, word, "pictures are in target/e2e");
    }

    /// Waits for the end; what was seen.
    pub(crate) async fn seen<T: DeserializeOwned>(mut self) -> T {
        let line = self.line().await;
        assert!(self.child.wait().await.unwrap().success(), "{line}");
        serde_json::from_str(&line).unwrap()
    }

    async fn line(&mut self) -> String {
        let line = tokio::time::timeout(VISIT, self.lines.next_line()).await;
        if let Some(line) = line.expect("a visit ends").unwrap() {
            return line;
        }
        let mut errors = String::new();
        self.errors.read_to_string(&mut errors).await.unwrap();
        panic!("pictures are in target/e2e: {errors}");
    }
}
