//! Who is measured: nginx as the origin, nginx as a proxy in front of it, one or two rigs in front of it.
//!
//! Invariant: everything listens on loopback ports the system chose, and ends with this value.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};
use tempfile::TempDir;

/// One of those who answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contender {
    /// The origin itself.
    Direct,
    /// nginx `proxy_pass` in front of the origin.
    Nginx,
    /// The rig in front of the origin, recording, nothing armed.
    Rig,
    /// Another binary of the rig, likewise.
    Other,
}

/// Everything that runs.
pub(crate) struct Stage {
    _dir: TempDir,
    origin: u16,
    nginx: u16,
    /// Where the sessions of the rigs are.
    sessions: Vec<(Contender, String)>,
    children: Vec<Child>,
}

impl Contender {
    pub(crate) const BESIDE_NGINX: [Self; 3] = [Self::Direct, Self::Nginx, Self::Rig];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "origin alone",
            Self::Nginx => "nginx proxy_pass",
            Self::Rig => "rig",
            Self::Other => "the other rig",
        }
    }
}

impl Stage {
    pub(crate) fn set(rigs: &[(Contender, &Path)], contents: &[(&str, Vec<u8>)]) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let files = dir.path().join("files");
        fs::create_dir(&files)?;
        for (name, content) in contents {
            fs::write(files.join(name), content)?;
        }
        // nginx drops its privileges when root starts it, and must still read the files.
        open_to_all(dir.path())?;
        open_to_all(&files)?;
        let (origin, nginx) = (free_port()?, free_port()?);
        let mut stage = Self { origin, nginx, sessions: Vec::new(), children: Vec::new(), _dir: dir };
        stage.start_nginx(&files)?;
        for (contender, binary) in rigs {
            stage.start_rig(*contender, binary)?;
        }
        Ok(stage)
    }

    pub(crate) fn url(&self, contender: Contender, file: &str) -> String {
        let session = self.sessions.iter().find(|(rig, _)| *rig == contender);
        match (contender, session) {
            (_, Some((_, session))) => format!("{session}/{file}"),
            (Contender::Nginx, None) => format!("http://127.0.0.1:{}/{file}", self.nginx),
            (Contender::Direct | Contender::Rig | Contender::Other, None) => {
                format!("http://127.0.0.1:{}/{file}", self.origin)
            }
        }
    }

    fn start_nginx(&mut self, files: &Path) -> anyhow::Result<()> {
        let dir = self._dir.path().display();
        let Self { origin, nginx, .. } = self;
        let config = format!(
            "worker_processes auto; daemon off; pid {dir}/nginx.pid; error_log {dir}/error.log;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ types {{ application/vnd.apple.mpegurl m3u8; video/iso.segment m4s; }} access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;\n\
             client_body_temp_path {dir}/a; proxy_temp_path {dir}/b; fastcgi_temp_path {dir}/c;\n\
             uwsgi_temp_path {dir}/d; scgi_temp_path {dir}/e;\n\
             upstream origin {{ server 127.0.0.1:{origin}; keepalive 64; keepalive_requests 1000000; }}\n\
             server {{ listen 127.0.0.1:{origin}; root {}; }}\n\
             server {{ listen 127.0.0.1:{nginx}; location / {{ proxy_pass http://origin;\n\
             proxy_http_version 1.1; proxy_set_header Connection \"\"; }} }} }}\n",
            files.display()
        );
        let path = self._dir.path().join("nginx.conf");
        fs::write(&path, config)?;
        let child = Command::new("nginx").arg("-c").arg(&path).spawn().context("nginx is not there")?;
        self.children.push(child);
        for port in [self.origin, self.nginx] {
            wait_for(port)?;
        }
        Ok(())
    }

    /// Starts the rig on ports of its own and takes a session in it.
    fn start_rig(&mut self, contender: Contender, rig: &Path) -> anyhow::Result<()> {
        let data = self._dir.path().join(format!("{contender:?}"));
        let (api, base) = (free_port()?, free_port()?);
        let mut child = Command::new(rig)
            .args(["up", "--log", "warn", "--session-ports", "0", "--shaper", "pacing", "--archive", "off"])
            .arg(format!("--origin=files=http://127.0.0.1:{}", self.origin))
            .arg(format!("--api=127.0.0.1:{api}"))
            .arg(format!("--base=127.0.0.1:{base}"))
            .arg("--data-dir")
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().context("the rig has no output")?;
        self.children.push(child);
        let mut first = String::new();
        BufReader::new(stdout).read_line(&mut first)?;
        wait_for(base)?;
        let redirect = Command::new("curl")
            .args(["-s", "-o", "/dev/null", "-w", "%{redirect_url}"])
            .arg(format!("http://127.0.0.1:{base}/files/small.m4s?player_id=bench"))
            .output()?;
        let url = String::from_utf8(redirect.stdout)?;
        let end = url.find("/small").context("the rig gave no session")?;
        self.sessions.push((contender, url.get(..end).unwrap_or_default().to_owned()));
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for child in &mut self.children {
            // nginx's master takes its workers with it when asked, not when killed.
            let _asked = Command::new("kill").arg(child.id().to_string()).status();
            let _ended = child.wait();
        }
    }
}

fn open_to_all(dir: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(dir, fs::Permissions::from_mode(0o755))?)
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn wait_for(port: u16) -> anyhow::Result<()> {
    for _ in 0..200 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(25));
    }
    bail!("nothing listens on port {port}")
}
