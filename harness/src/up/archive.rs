//! The evidence: which archive it goes to, and whether it gets there.
//!
//! Invariant: without an archive everything else works and says so; an archive that is away is waited for, and meanwhile the feed
//! keeps the rows. Deliberately absent: what is kept (see the forwarder).

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::routing::any;
use prometheus_client::registry::Registry;
use rebuffer_api::{PartView, Problem, ProblemKind};
use rebuffer_embedded::{Child, Search, SpawnOptions, State, find_library};
use rebuffer_forwarder::{ArchiveTarget, Config, Forwarder, Status};
use tokio::sync::watch;
use url::Url;

use super::errors;
use crate::settings::{Archive, Resolved};

const DATABASE: &str = "rebuffer";

/// The archive and the way to it.
pub(super) struct Keeping {
    kind: Kind,
    forwarder: Option<Forwarder>,
    /// Filled once the forwarder runs; shared with whoever asks how it is.
    status: Arc<OnceLock<watch::Receiver<Status>>>,
}

enum Kind {
    Embedded(Box<Child>),
    Server(ArchiveTarget),
    Missing(String),
}

impl Keeping {
    /// Starts the archive process, if there is to be one; does not wait for it.
    pub(super) async fn begin(settings: &Resolved) -> Self {
        let kind = match &settings.archive {
            Archive::Off => Kind::Missing("off, as told: nothing is kept beyond the feed".to_owned()),
            Archive::Server(url) => Kind::Server(target_of(url)),
            Archive::Embedded => match embedded(settings).await {
                Ok(child) => Kind::Embedded(Box::new(child)),
                Err(error) => Kind::Missing(format!("{error:#}")),
            },
        };
        if let Kind::Missing(reason) = &kind {
            tracing::warn!(reason, "no archive");
        }
        Self { kind, forwarder: None, status: Arc::default() }
    }

    /// Starts to follow the proxy's feed.
    pub(super) fn follow(
        &mut self,
        settings: &Resolved,
        proxy_url: &str,
        registry: &mut Registry,
    ) -> anyhow::Result<()> {
        let archive = match &self.kind {
            Kind::Embedded(child) => ArchiveTarget {
                url: child.url().to_owned(),
                user: child.credentials().user.clone(),
                password: child.credentials().password.clone(),
                database: DATABASE.to_owned(),
            },
            Kind::Server(target) => target.clone(),
            Kind::Missing(_) => return Ok(()),
        };
        let source = source(&settings.data_dir)?;
        let config = Config { proxy_url: proxy_url.to_owned(), source, archive };
        let forwarder = Forwarder::start(config, registry).context("--archive")?;
        // Set once, here.
        let _first = self.status.set(forwarder.watch());
        self.forwarder = Some(forwarder);
        Ok(())
    }

    /// The archive's half of the API; without an archive every path of it says why.
    pub(super) fn router(&self) -> Router {
        let Some(forwarder) = &self.forwarder else {
            let reason = self.part().reason;
            let refuse = any(move || {
                let problem = Problem::new(ProblemKind::Unavailable, format!("no archive: {reason}"));
                std::future::ready(errors::answer(&problem))
            });
            return [
                "plays",
                "plays/{play_id}",
                "archive/events",
                "network_requests",
                "control_events",
                "timeseries",
                "labels",
            ]
            .iter()
            .fold(Router::new(), |router, path| router.route(&format!("/api/v2/{path}"), refuse.clone()));
        };
        let (router, _document) = forwarder.router().split_for_parts();
        router
    }

    /// Whether it works, at any later time.
    pub(super) fn outlook(&self) -> impl Fn() -> PartView + Send + Sync + use<> {
        let status = Arc::clone(&self.status);
        let (engine, missing) = match &self.kind {
            Kind::Embedded(child) => (Some(child.status()), None),
            Kind::Server(_) => (None, None),
            Kind::Missing(reason) => (None, Some(reason.clone())),
        };
        move || {
            if let Some(reason) = &missing {
                return part(false, reason.clone());
            }
            if let Some(engine) = &engine {
                match &engine.borrow().state {
                    State::Ready { .. } => {}
                    State::Starting => return part(false, "the archive is starting".to_owned()),
                    State::Stopped => return part(false, "the archive has stopped".to_owned()),
                    State::Failed { reason, retry_in } => {
                        let seconds = retry_in.as_secs_f64();
                        return part(
                            false,
                            format!("the archive failed, next try in {seconds:.1} s: {reason}"),
                        );
                    }
                }
            }
            match status.get().map(|status| status.borrow().clone()) {
                None => part(false, "the archive is starting".to_owned()),
                Some(status) if status.ready => {
                    let lag = format!("{} rows, {:.1} s behind", status.lag_rows, status.lag_seconds);
                    part(true, lag)
                }
                Some(status) => part(false, status.reason.unwrap_or_else(|| "not ready".to_owned())),
            }
        }
    }

    /// Whether it works now.
    pub(super) fn part(&self) -> PartView {
        self.outlook()()
    }

    /// Whether the rig is meant to have an archive.
    pub(super) fn is_wanted(&self) -> bool {
        !matches!(self.kind, Kind::Missing(_))
    }

    /// Waits a moment, so that the first words can tell how it is.
    pub(super) async fn ready_within(&self, limit: Duration) {
        if let Some(status) = self.status.get() {
            let mut status = status.clone();
            let _ready_or_not = tokio::time::timeout(limit, status.wait_for(|status| status.ready)).await;
        }
    }

    /// Archives what the feed still holds.
    pub(super) async fn drain(&mut self, limit: Duration) {
        if let Some(forwarder) = self.forwarder.take() {
            forwarder.shutdown(limit).await;
        }
    }

    /// Ends the archive process.
    pub(super) async fn end(self, grace: Duration) {
        if let Kind::Embedded(child) = self.kind {
            child.shutdown(grace).await;
        }
    }
}

fn part(ready: bool, reason: String) -> PartView {
    PartView { name: "archive", ready, reason }
}

async fn embedded(settings: &Resolved) -> anyhow::Result<Child> {
    let executable = std::env::current_exe()?;
    let library = find_library(&Search {
        explicit: settings.archive_library.clone(),
        data_dir: Some(settings.data_dir.clone()),
        executable: Some(executable.clone()),
        cache_dir: settings.cache.clone(),
    })?;
    let directory = settings.data_dir.join("archive");
    let options = SpawnOptions::new(executable, vec!["archive-serve".into()], directory, library);
    Ok(Child::spawn(options).await?)
}

fn target_of(url: &Url) -> ArchiveTarget {
    let mut plain = url.clone();
    let user = if url.username().is_empty() { "default" } else { url.username() };
    let (user, password) = (user.to_owned(), url.password().unwrap_or_default().to_owned());
    // Neither can fail for an http URL.
    let _plain = (plain.set_username(""), plain.set_password(None));
    let database = Some(url.path().trim_matches('/')).filter(|path| !path.is_empty()).unwrap_or(DATABASE);
    plain.set_path("");
    let plain = plain.as_str().trim_end_matches('/').to_owned();
    ArchiveTarget { url: plain, user, password, database: database.to_owned() }
}

/// The name of this rig's feed in an archive that others may share; made once per data directory.
fn source(dir: &Path) -> anyhow::Result<String> {
    let path = dir.join("source");
    if let Ok(name) = std::fs::read_to_string(&path) {
        return Ok(name.trim().to_owned());
    }
    let name = format!("rig-{}", &uuid::Uuid::new_v4().simple().to_string().get(..8).unwrap_or_default());
    std::fs::write(&path, &name).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_url_is_taken_apart() {
        let target = target_of(&"http://me:pw@192.0.2.1:8123/lab".parse().unwrap());
        assert_eq!((target.url.as_str(), target.database.as_str()), ("http://192.0.2.1:8123", "lab"));
        assert_eq!((target.user.as_str(), target.password.as_str()), ("me", "pw"));
        let target = target_of(&"http://192.0.2.1:8123".parse().unwrap());
        assert_eq!((target.user.as_str(), target.database.as_str()), ("default", "rebuffer"));
    }

    #[test]
    fn the_name_of_a_feed_is_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let name = source(dir.path()).unwrap();
        assert_eq!(source(dir.path()).unwrap(), name);
        assert_eq!(name.len(), "rig-01234567".len());
    }
}
