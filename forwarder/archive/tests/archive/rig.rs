//! An embedded archive for one test.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rebuffer_archive::{Archive, Target};
use rebuffer_embedded::{Child, Search, SpawnOptions, find_library};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Rig {
    pub(crate) archive: Archive,
    pub(crate) target: Target,
    pub(crate) child: Child,
    _dir: TempDir,
}

impl Rig {
    /// An archive with our schema, or nothing when the machine has no library.
    pub(crate) async fn start() -> Option<Rig> {
        let rig = Rig::empty().await?;
        rig.archive.migrate().await.unwrap();
        Some(rig)
    }

    /// An archive that nobody has used.
    #[expect(clippy::print_stdout, reason = "the one line that tells why nothing was tested")]
    pub(crate) async fn empty() -> Option<Rig> {
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
        child.ready(PATIENCE).await.unwrap();
        let user = child.credentials();
        let target = Target {
            url: child.url().to_owned(),
            user: user.user.clone(),
            password: user.password.clone(),
            database: "rebuffer".to_owned(),
        };
        Some(Rig { archive: Archive::new(&target).unwrap(), target, child, _dir: dir })
    }

    /// Plain SQL, for what a test wants to look at.
    pub(crate) fn client(&self) -> clickhouse::Client {
        let Target { url, user, password, database } = &self.target;
        clickhouse::Client::default()
            .with_url(url)
            .with_user(user)
            .with_password(password)
            .with_database(database)
            .with_compression(clickhouse::Compression::None)
    }

    pub(crate) async fn text(&self, sql: &str) -> String {
        self.client().query_raw(sql).fetch_one::<String>().await.unwrap()
    }

    pub(crate) async fn number(&self, sql: &str) -> u64 {
        self.client().query_raw(sql).fetch_one::<u64>().await.unwrap()
    }
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
