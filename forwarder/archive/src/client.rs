//! The connection to the archive, and the one way to run a statement.
//!
//! Invariant: nothing waits for ever: connecting, answering and each piece of an answer have a limit.

use std::future::Future;
use std::time::Duration;

use clickhouse::query::Query;
use clickhouse::{Client, Compression};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::lines::Lines;
use crate::{Error, Target};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// ClickHouse closes idle connections after three seconds; being earlier avoids racing it.
const IDLE: Duration = Duration::from_secs(2);
/// For a statement to be done, or the next piece of an answer to come.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(15);

/// An archive. Cheap to clone; nothing is connected until it is asked something.
#[derive(Clone)]
pub struct Archive {
    pub(crate) client: Client,
    pub(crate) database: String,
}

impl Archive {
    /// The archive at this address.
    ///
    /// # Errors
    /// [`Error::DatabaseName`].
    pub fn new(target: &Target) -> Result<Self, Error> {
        let name_ok =
            |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !name_ok(&target.database) {
            return Err(Error::DatabaseName(target.database.clone()));
        }
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        let client = Client::with_http_client(http)
            .with_url(&target.url)
            .with_user(&target.user)
            .with_password(&target.password)
            .with_compression(Compression::None)
            .with_validation(false);
        Ok(Self { client, database: target.database.clone() })
    }

    /// Asks whether the archive answers.
    ///
    /// # Errors
    /// [`Error::Unreachable`] or [`Error::Refused`].
    pub async fn ping(&self) -> Result<(), Error> {
        self.execute(self.client.query("SELECT 1 FORMAT Null")).await
    }

    /// A query in our database; `?` has no meaning in it, values come as parameters.
    pub(crate) fn query(&self, sql: &str) -> Query {
        self.client.clone().with_database(&self.database).query_raw(sql)
    }

    pub(crate) async fn execute(&self, query: Query) -> Result<(), Error> {
        in_time(TIMEOUT, query.execute()).await
    }

    /// The answer as lines of JSON.
    pub(crate) fn lines(&self, query: Query) -> Result<Lines, Error> {
        let query = JSON.iter().fold(query, |query, (name, value)| query.with_setting(*name, *value));
        Ok(Lines::new(query.fetch_bytes("JSONEachRow")?))
    }
}

/// How values look in JSON: 64-bit integers as strings, instants as RFC 3339, pairs as objects.
const JSON: &[(&str, &str)] = &[
    ("output_format_json_quote_64bit_integers", "1"),
    ("output_format_json_named_tuples_as_objects", "1"),
    ("output_format_json_quote_denormals", "0"),
    ("output_format_json_escape_forward_slashes", "0"),
    ("date_time_output_format", "iso"),
    ("max_execution_time", "60"),
];

pub(crate) async fn in_time<T>(
    limit: Duration,
    work: impl Future<Output = clickhouse::error::Result<T>>,
) -> Result<T, Error> {
    match tokio::time::timeout(limit, work).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(Error::Unreachable(clickhouse::error::Error::TimedOut)),
    }
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive").field("database", &self.database).finish_non_exhaustive()
    }
}
