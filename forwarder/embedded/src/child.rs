//! The parent half: starts the archive process, keeps it running, stops it.
//!
//! Invariant: URL and credentials are settled in [`Child::spawn`] and hold for the life of the value, across every restart,
//! because the parent owns the listening socket: while the process is away, connections wait in its queue.
//! Deliberately absent: any look into the archive; readiness is what the process reports.

mod credentials;
mod process;
mod spawner;
mod supervise;

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::wire::Start;
use crate::{Credentials, Error};
use supervise::Supervisor;

/// How to start the archive. [`SpawnOptions::new`] fills what has a good default.
#[derive(Debug, Clone)]
pub struct SpawnOptions {
    /// The executable whose `args` end up in [`crate::serve`]; the product's own.
    pub program: PathBuf,
    /// For instance `["archive-serve"]`. Nothing secret is ever added.
    pub args: Vec<OsString>,
    /// The archive's own directory; made when absent.
    pub data_dir: PathBuf,
    /// What [`crate::find_library`] found.
    pub library: PathBuf,
    /// A loopback address; port 0 picks one.
    pub listen: SocketAddr,
    /// Created at start, and what a request means that names no database.
    pub database: String,
    /// The engine refuses queries beyond this, instead of taking the machine's memory.
    pub memory_limit_bytes: u64,
    /// A start that takes longer counts as failed.
    pub start_timeout: Duration,
}

/// What the archive process is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Starting,
    Ready {
        /// The ClickHouse version, as the engine says it.
        engine: String,
    },
    /// Down; another attempt follows by itself.
    Failed {
        reason: String,
        retry_in: Duration,
    },
    /// After [`Child::shutdown`].
    Stopped,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub state: State,
    /// How often it was started again after it had died or had failed to start.
    pub restarts: u64,
    pub pid: Option<u32>,
}

/// A supervised archive process. Dropping it kills the process; [`Child::shutdown`] lets it end in order.
#[derive(Debug)]
pub struct Child {
    url: String,
    operator: Credentials,
    analyst: Credentials,
    credentials_file: PathBuf,
    status: watch::Receiver<Status>,
    stop: oneshot::Sender<Duration>,
    supervisor: JoinHandle<()>,
}

impl SpawnOptions {
    pub fn new(program: PathBuf, args: Vec<OsString>, data_dir: PathBuf, library: PathBuf) -> SpawnOptions {
        SpawnOptions {
            program,
            args,
            data_dir,
            library,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            database: "rebuffer".to_owned(),
            memory_limit_bytes: 3_000_000_000,
            start_timeout: Duration::from_secs(60),
        }
    }
}

impl Child {
    /// Takes the address, writes the analyst's credentials and starts the process. Returns before the archive is ready:
    /// requests made meanwhile wait; [`Child::ready`] tells when and [`Child::status`] what is wrong.
    ///
    /// # Errors
    /// Only what trying again would not mend: an address or a directory that cannot be used.
    pub async fn spawn(options: SpawnOptions) -> Result<Child, Error> {
        let listener = listen(options.listen)?;
        let address =
            listener.local_addr().map_err(|source| Error::Listen { addr: options.listen, source })?;
        let url = format!("http://{address}");
        let data_dir = prepare(&options.data_dir)
            .map_err(|source| Error::Directory { path: options.data_dir.clone(), source })?;
        let operator = Credentials::random("operator");
        let credentials_file = data_dir.join(credentials::FILE_NAME);
        let analyst = credentials::publish(&credentials_file, &url)
            .map_err(|source| Error::Directory { path: credentials_file.clone(), source })?;

        let start = Start {
            library: options.library.clone(),
            data_dir,
            listen_fd: std::os::fd::AsRawFd::as_raw_fd(&listener),
            database: options.database.clone(),
            memory_limit_bytes: options.memory_limit_bytes,
            operator: operator.clone(),
            analyst: analyst.clone(),
        };
        let (sender, status) = watch::channel(Status { state: State::Starting, restarts: 0, pid: None });
        let (stop, stopped) = oneshot::channel();
        let supervisor = Supervisor::new(options, start, listener, sender)?;
        let supervisor = tokio::spawn(supervisor.run(stopped));
        Ok(Child { url, operator, analyst, credentials_file, status, stop, supervisor })
    }

    /// `http://127.0.0.1:PORT`, the same for the life of this value.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The product's own user, made anew at every start and written nowhere.
    pub fn credentials(&self) -> &Credentials {
        &self.operator
    }

    /// The read-only user for people and their tools.
    pub fn analyst(&self) -> &Credentials {
        &self.analyst
    }

    /// Address, user and password of the analyst as shell variables, readable by this account only.
    pub fn credentials_file(&self) -> &Path {
        &self.credentials_file
    }

    /// The present state and every later one.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Returns when the archive answers.
    ///
    /// # Errors
    /// [`Error::NotReady`] with the last reason when it does not within `timeout`; attempts go on nevertheless.
    pub async fn ready(&self, timeout: Duration) -> Result<(), Error> {
        let mut status = self.status.clone();
        let mut reason = "still starting".to_owned();
        let wait = async {
            loop {
                match &status.borrow_and_update().state {
                    State::Ready { .. } => return true,
                    State::Stopped => return false,
                    State::Failed { reason: last, .. } => reason.clone_from(last),
                    State::Starting => {}
                }
                if status.changed().await.is_err() {
                    return false;
                }
            }
        };
        match tokio::time::timeout(timeout, wait).await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Error::NotReady { waited: timeout, reason }),
        }
    }

    /// Lets running queries end for at most `grace`, then ends the process, by force if need be.
    pub async fn shutdown(self, grace: Duration) {
        if self.stop.send(grace).is_err() {
            tracing::warn!("the archive supervisor was gone before shutdown");
        }
        if let Err(error) = self.supervisor.await {
            tracing::error!(%error, "the archive supervisor panicked");
        }
    }
}

fn listen(addr: SocketAddr) -> Result<TcpListener, Error> {
    if !addr.ip().is_loopback() {
        return Err(Error::NotLoopback(addr));
    }
    TcpListener::bind(addr).map_err(|source| Error::Listen { addr, source })
}

/// The directory, absolute and for this account only: rows may hold addresses of real devices.
fn prepare(dir: &Path) -> std::io::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    dir.canonicalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_accepted() {
        assert!(matches!(listen("0.0.0.0:0".parse().unwrap()), Err(Error::NotLoopback(_))));
        assert!(listen("127.0.0.1:0".parse().unwrap()).is_ok());
    }
}
