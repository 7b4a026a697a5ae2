//! A feed, an archive and a forwarder between them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, Request, StatusCode};
use prometheus_client::registry::Registry;
use rebuffer_embedded::{Child, Search, SpawnOptions, State, find_library};
use rebuffer_forwarder::{ArchiveTarget, Config, Forwarder, Status};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::feed::Feed;

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Rig {
    pub(crate) feed: Feed,
    pub(crate) child: Child,
    pub(crate) target: ArchiveTarget,
    _dir: TempDir,
}

/// An answer of the API.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Rig {
    /// A feed and an archive, or nothing when the machine has no library.
    #[expect(clippy::print_stdout, reason = "the one line that tells why nothing was tested")]
    pub(crate) async fn start() -> Option<Rig> {
        let _ = tracing_subscriber::fmt().with_test_writer().with_max_level(tracing::Level::INFO).try_init();
        let library = match find_library(&search()) {
            Ok(library) => library,
            Err(error) => {
                println!("skipped: {error}");
                return None;
            }
        };
        let dir = tempfile::tempdir().unwrap();
        let options = SpawnOptions::new(program(), Vec::new(), dir.path().to_owned(), library);
        let child = Child::spawn(options).await.unwrap();
        let user = child.credentials();
        let target = ArchiveTarget {
            url: child.url().to_owned(),
            user: user.user.clone(),
            password: user.password.clone(),
            database: "rebuffer".to_owned(),
        };
        Some(Rig { feed: Feed::start().await, child, target, _dir: dir })
    }

    pub(crate) fn forwarder(&self) -> Forwarder {
        let config = Config {
            proxy_url: self.feed.url.clone(),
            source: "proxy".to_owned(),
            archive: self.target.clone(),
        };
        Forwarder::start(config, &mut Registry::default()).unwrap()
    }

    /// Kills the archive process; the next comes by itself.
    pub(crate) async fn kill_archive(&self) {
        let Some(pid) = self.signal_archive("KILL").await else { return };
        let mut status = self.child.status();
        let down = status.wait_for(|now| now.pid != Some(pid) || !matches!(now.state, State::Ready { .. }));
        tokio::time::timeout(PATIENCE, down).await.unwrap().unwrap();
    }

    /// Sends a signal to the archive process, if there is one at the moment.
    pub(crate) async fn signal_archive(&self, signal: &str) -> Option<u32> {
        let pid = self.child.status().borrow().pid?;
        let kill = format!("kill -{signal} {pid}");
        let kill = tokio::process::Command::new("sh").args(["-c", &kill]).status().await;
        assert!(kill.unwrap().success());
        Some(pid)
    }

    pub(crate) async fn numbers(&self, sql: &str) -> Vec<u64> {
        let ArchiveTarget { url, user, password, database } = &self.target;
        let client = clickhouse::Client::default()
            .with_url(url)
            .with_user(user)
            .with_password(password)
            .with_database(database)
            .with_compression(clickhouse::Compression::None);
        client.query_raw(sql).fetch_one::<Vec<u64>>().await.unwrap()
    }
}

/// Waits until the forwarder says what is waited for.
pub(crate) async fn until(forwarder: &Forwarder, what: &str, condition: impl Fn(&Status) -> bool) -> Status {
    let mut watch = forwarder.watch();
    let found = tokio::time::timeout(PATIENCE, watch.wait_for(|status| condition(status))).await;
    match found {
        Ok(status) => status.unwrap().clone(),
        Err(_) => panic!("not {what} in time: {:?}", forwarder.status()),
    }
}

pub(crate) async fn settled(forwarder: &Forwarder, position: u64) {
    until(forwarder, "settled", |status| status.settled >= position).await;
}

pub(crate) async fn open(router: &Router, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

pub(crate) async fn get(router: &Router, path: &str) -> Answer {
    get_with(router, path, &[]).await
}

pub(crate) async fn get_with(router: &Router, path: &str, headers: &[(&str, &str)]) -> Answer {
    let (parts, body) = open(router, path, headers).await.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let text = String::from_utf8(body.to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, text }
}

pub(crate) fn router(forwarder: &Forwarder) -> Router {
    forwarder.router().split_for_parts().0
}

fn search() -> Search {
    let cache = std::env::var_os("REBUFFER_CACHE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache"), PathBuf::from);
    let explicit = std::env::var_os("CHDB_LIB").map(PathBuf::from);
    Search { explicit, cache_dir: Some(cache), ..Search::default() }
}

/// Examples are built beside the tests.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(Path::parent).unwrap().join("examples/archive_child")
}
