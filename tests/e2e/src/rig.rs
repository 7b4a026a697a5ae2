//! `rebuffer up --demo` as a process: started, asked where it is, killed or told to end.
//!
//! Invariant: the rig dies with the test, however the test ends: when the value is dropped, and by the kernel when the
//! thread that started it is gone. What it logs is kept in `target/e2e`.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use http::Request;
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use crate::place::{Place, program};
use crate::tied::tied;
use crate::wait::until;
use crate::web::Web;

const START: Duration = Duration::from_secs(20);
const END: Duration = Duration::from_secs(20);

/// A running rig with the demo stream.
#[derive(Debug)]
pub struct Rig {
    child: Child,
    /// Kept open: a rig that cannot speak would end.
    words: Lines<BufReader<ChildStdout>>,
    log: PathBuf,
    began: Instant,
    api: String,
    info: Info,
}

/// What does the shaping.
#[derive(Debug, Clone, Copy, Default)]
pub enum Shaper {
    /// The rig itself, which every user may.
    #[default]
    Pacing,
}

/// What a rig is started with.
#[derive(Debug, Clone)]
pub struct RigConfig {
    pub shaper: Shaper,
    /// Whether it has the embedded archive.
    pub archive: bool,
    /// Origins beside the demo, as `NAME=URL`.
    pub origins: Vec<String>,
    /// The ports of API and players; 0 lets the system choose.
    pub ports: [u16; 2],
    /// Where players start, when that is not on loopback.
    pub base: Option<String>,
    /// Further flags of `rebuffer up`.
    pub flags: Vec<&'static str>,
    /// Further variables of the environment.
    pub environment: Vec<(&'static str, OsString)>,
}

impl Default for RigConfig {
    fn default() -> Self {
        Self {
            shaper: Shaper::default(),
            archive: true,
            origins: Vec::new(),
            ports: [0, 0],
            base: None,
            flags: Vec::new(),
            environment: Vec::new(),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Info {
    listen: Listen,
    origins: Vec<Origin>,
}

#[derive(Debug, Deserialize)]
struct Listen {
    base_port: u16,
}

#[derive(Debug, Deserialize)]
struct Origin {
    url: String,
}

impl Rig {
    /// Starts a rig with the embedded archive and returns when it has said where it is.
    pub async fn start(place: &Place, shaper: Shaper) -> Self {
        Self::start_with(place, &RigConfig { shaper, ..RigConfig::default() }).await
    }

    /// Starts a rig and returns when it has said where it is.
    pub async fn start_with(place: &Place, config: &RigConfig) -> Self {
        let began = Instant::now();
        let log = place.log();
        let errors = OpenOptions::new().append(true).open(&log).unwrap();
        let mut command = tied(program());
        let address = |port: &u16| format!("127.0.0.1:{port}");
        let base = config.base.clone().unwrap_or_else(|| address(&config.ports[1]));
        command.args(["up", "--demo", "--api", &address(&config.ports[0]), "--base", &base]);
        command.args(["--session-ports", "0"]);
        command.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
        command.envs(config.environment.iter().map(|(name, value)| (name, value)));
        for origin in &config.origins {
            command.args(["--origin", origin]);
        }
        command.args(&config.flags);
        command.args(["--archive", if config.archive { "embedded" } else { "off" }]);
        command.args(["--log", "info,archive=warn", "--shaper", config.shaper.name()]);
        command.arg("--data-dir").arg(place.data()).arg("--archive-library").arg(place.library());
        command.stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().expect("setpriv, from util-linux, starts the rig");
        let mut words = BufReader::new(child.stdout.take().unwrap()).lines();
        let api = tokio::time::timeout(START, api_of(&mut words)).await;
        let Ok(Some(api)) = api else { panic!("the rig did not say where it is:\n{}", tail(&log)) };
        let info = Web::default().get(&format!("{api}/api/v2/info")).await.unwrap().json();
        Self { child, words, log, began, api, info }
    }

    /// `http://127.0.0.1:PORT` of API and dashboard.
    pub fn api(&self) -> &str {
        &self.api
    }

    /// The rest of the next line of its introduction that begins so.
    pub async fn introduction(&mut self, beginning: &str) -> String {
        let words = &mut self.words;
        let found = async {
            while let Some(line) = words.next_line().await.unwrap() {
                if let Some(rest) = line.trim().strip_prefix(beginning) {
                    return rest.trim().to_owned();
                }
            }
            panic!("no line begins with {beginning:?}");
        };
        tokio::time::timeout(START, found).await.expect("the introduction comes at once")
    }

    /// The port where players start.
    pub fn base_port(&self) -> u16 {
        self.info.listen.base_port
    }

    /// `http://127.0.0.1:PORT/demo` where players start.
    pub fn base(&self) -> String {
        self.base_of("demo")
    }

    /// Where players of another origin start.
    pub fn base_of(&self, origin: &str) -> String {
        format!("http://127.0.0.1:{}/{origin}", self.info.listen.base_port)
    }

    /// The origin itself, without a slash at the end.
    pub fn origin(&self) -> &str {
        self.info.origins[0].url.trim_end_matches('/')
    }

    /// The ports of API and players.
    pub fn ports(&self) -> [u16; 2] {
        let api = self.api.rsplit(':').next().and_then(|port| port.parse().ok());
        [api.expect("the address of the API has a port"), self.info.listen.base_port]
    }

    /// Waits until every part works; returns how long after the start that was.
    pub async fn ready(&self) -> Duration {
        let web = Web::default();
        let url = format!("{}/readyz", self.api);
        until("/readyz says 200", START, async || {
            let answer = web.get(&url).await.ok()?;
            answer.status.is_success().then(|| self.began.elapsed())
        })
        .await
    }

    /// The base address of a session of this player.
    pub async fn session(&self, web: &Web, player: &str) -> String {
        let start = format!("{}/live/master.m3u8?player_id={player}", self.base());
        let answer = web.get(&start).await.unwrap();
        answer.location().split("/live/").next().unwrap().to_owned()
    }

    /// Makes a player before it comes, with these settings beside its id.
    pub async fn create(&self, player: &str, settings: &str) {
        let request = Request::post(format!("{}/api/v2/players", self.api));
        let body = format!("{{\"player_id\":\"{player}\",{settings}}}");
        Web::default().send(request, body).await.unwrap().text();
    }

    /// The process of the archive, which is the rig's only child.
    pub fn archive(&self) -> Option<Pid> {
        let pid = self.pid().as_raw_nonzero();
        // A child is listed under the thread that started it.
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).ok()?;
        threads.flatten().find_map(|thread| {
            let children = std::fs::read_to_string(thread.path().join("children")).ok()?;
            Pid::from_raw(children.split_whitespace().next()?.parse().ok()?)
        })
    }

    /// `kill -9`. Returns when both the rig and its archive are gone.
    pub async fn kill(mut self) {
        let archive = self.archive();
        self.child.start_kill().unwrap();
        self.child.wait().await.unwrap();
        if let Some(archive) = archive {
            until("the archive dies with the rig", END, async || is_gone(archive).then_some(())).await;
        }
    }

    /// `kill -9` of the archive alone. Returns which process it was.
    pub fn kill_archive(&self) -> Pid {
        let archive = self.archive().expect("the archive runs");
        kill_process(archive, Signal::KILL).unwrap();
        archive
    }

    /// Sends a signal; returns how the rig ended and how long that took.
    pub async fn end(mut self, signal: Signal) -> (ExitStatus, Duration) {
        let told = Instant::now();
        kill_process(self.pid(), signal).unwrap();
        let ended = tokio::time::timeout(END, self.child.wait()).await;
        let Ok(status) = ended else { panic!("the rig did not end:\n{}", tail(&self.log)) };
        (status.unwrap(), told.elapsed())
    }

    fn pid(&self) -> Pid {
        let raw = self.child.id().and_then(|id| i32::try_from(id).ok());
        raw.and_then(Pid::from_raw).expect("a rig that was not waited for has a process")
    }
}

impl Shaper {
    fn name(self) -> &'static str {
        match self {
            Self::Pacing => "pacing",
        }
    }
}

/// The address behind the word `API`.
async fn api_of(words: &mut Lines<BufReader<ChildStdout>>) -> Option<String> {
    while let Some(line) = words.next_line().await.ok()? {
        let url = line.trim().strip_prefix("API").map(str::trim);
        if let Some(address) = url.and_then(|url| url.strip_suffix("/api/v2/info")) {
            return Some(address.to_owned());
        }
    }
    None
}

fn is_gone(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    // The state follows the name, which ends with the last parenthesis; Z has ended and waits to be buried.
    stat.map_or(true, |stat| stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
}

fn tail(log: &PathBuf) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}
