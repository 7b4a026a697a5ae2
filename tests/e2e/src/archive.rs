//! The archive as an analyst reads it: ClickHouse over HTTP, with the credentials the rig leaves in its data directory.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use http::Request;

use crate::wait::asked;
use crate::web::Web;

const CATCH_UP: Duration = Duration::from_secs(30);

/// A way to ask.
#[derive(Debug)]
pub struct Archive {
    web: Web,
    url: String,
    user: String,
    password: String,
}

impl Archive {
    /// Of the rig that runs in this data directory now.
    pub fn of(data: &Path) -> Self {
        let text = std::fs::read_to_string(data.join("archive/credentials")).unwrap();
        let value = |name: &str| {
            let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            found.unwrap_or_else(|| panic!("no {name} among the credentials")).to_owned()
        };
        Self {
            web: Web::default(),
            url: value("ARCHIVE_URL"),
            user: value("ARCHIVE_USER"),
            password: value("ARCHIVE_PASSWORD"),
        }
    }

    /// The first column of every row; nothing while the archive is away.
    pub async fn ask(&self, query: &str) -> Option<Vec<String>> {
        let request = Request::post(format!("{}/?database=rebuffer", self.url))
            .header("x-clickhouse-user", &self.user)
            .header("x-clickhouse-key", &self.password);
        let answer = self.web.send(request, query.to_owned()).await.ok()?;
        answer.status.is_success().then(|| answer.text().lines().map(str::to_owned).collect())
    }

    /// Asks until the answer holds every one of `wanted`; returns how often each value stood in it.
    pub async fn holds(&self, query: &str, wanted: &[u64]) -> BTreeMap<u64, usize> {
        let mut missing = wanted.to_vec();
        let held = asked(CATCH_UP, async || {
            let mut found = BTreeMap::new();
            for value in self.ask(query).await? {
                *found.entry(value.parse().unwrap()).or_insert(0) += 1;
            }
            missing.retain(|wanted| !found.contains_key(wanted));
            missing.is_empty().then_some(found)
        });
        let held = held.await;
        held.unwrap_or_else(|| {
            panic!("{} of {} are not in the archive: {missing:?}", missing.len(), wanted.len())
        })
    }
}
