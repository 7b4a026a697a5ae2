//! Starts an archive for a test and speaks plain HTTP to it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rebuffer_embedded::{Child, Credentials, Search, SpawnOptions, find_library};
use tempfile::TempDir;

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Rig {
    pub(crate) archive: Child,
    pub(crate) dir: TempDir,
    client: Client<HttpConnector, Full<Bytes>>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The body ended before its end.
    pub(crate) broken: bool,
}

pub(crate) struct Ask<'r> {
    rig: &'r Rig,
    request: http::request::Builder,
    params: url::form_urlencoded::Serializer<'static, String>,
    body: Bytes,
}

#[expect(clippy::print_stdout, reason = "the one line that tells why nothing was tested")]
pub(crate) fn library() -> Option<PathBuf> {
    let cache = std::env::var_os("REBUFFER_CACHE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache"), PathBuf::from);
    let search = Search {
        explicit: std::env::var_os("CHDB_LIB").map(PathBuf::from),
        cache_dir: Some(cache),
        ..Search::default()
    };
    match find_library(&search) {
        Ok(path) => Some(path),
        Err(error) => {
            println!("skipped: {error}");
            None
        }
    }
}

pub(crate) fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_rebuffer-embedded-child").into()
}

pub(crate) async fn spawn(dir: &Path, library: PathBuf) -> Child {
    let options = SpawnOptions::new(program(), vec!["serve".into()], dir.to_owned(), library);
    Child::spawn(options).await.expect("loopback and a directory")
}

impl Rig {
    /// An archive that is ready, or nothing when the machine has no library.
    pub(crate) async fn start() -> Option<Rig> {
        Rig::start_in(tempfile::tempdir().unwrap()).await
    }

    pub(crate) async fn start_in(dir: TempDir) -> Option<Rig> {
        let _ = tracing_subscriber::fmt().with_test_writer().try_init();
        let archive = spawn(dir.path(), library()?).await;
        archive.ready(PATIENCE).await.unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        Some(Rig { archive, dir, client })
    }

    /// A request as the operator; see [`Ask`] for the rest.
    pub(crate) fn ask(&self, method: Method) -> Ask<'_> {
        let ask = Ask {
            rig: self,
            request: Request::builder().method(method),
            params: url::form_urlencoded::Serializer::new(String::new()),
            body: Bytes::new(),
        };
        ask.user(self.archive.credentials())
    }

    pub(crate) fn post(&self, query: &str) -> Ask<'_> {
        self.ask(Method::POST).param("query", query)
    }

    /// Must succeed; the answer as text.
    pub(crate) async fn run(&self, query: &str) -> String {
        self.post(query).send().await.text()
    }

    pub(crate) fn address(&self) -> &str {
        self.archive.url().trim_start_matches("http://")
    }
}

impl Ask<'_> {
    pub(crate) fn param(mut self, name: &str, value: &str) -> Self {
        self.params.append_pair(name, value);
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        let headers = self.request.headers_mut().unwrap();
        headers.remove(name);
        headers.insert(name, value.parse().unwrap());
        self
    }

    pub(crate) fn user(self, credentials: &Credentials) -> Self {
        self.header("x-clickhouse-user", &credentials.user).header("x-clickhouse-key", &credentials.password)
    }

    pub(crate) fn nobody(mut self) -> Self {
        self.request.headers_mut().unwrap().clear();
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) async fn send(mut self) -> Answer {
        let uri = format!("{}/?{}", self.rig.archive.url(), self.params.finish());
        let request = self.request.uri(uri).body(Full::new(self.body)).unwrap();
        let answer = async {
            let response = self.rig.client.request(request).await.unwrap();
            let (parts, mut body) = response.into_parts();
            let (mut whole, mut broken) = (Vec::new(), false);
            while let Some(frame) = body.frame().await {
                match frame.map(http_body::Frame::into_data) {
                    Ok(Ok(data)) => whole.extend_from_slice(&data),
                    Ok(Err(_)) => {}
                    Err(_) => broken = true,
                }
            }
            Answer { status: parts.status, headers: parts.headers, body: whole.into(), broken }
        };
        tokio::time::timeout(PATIENCE, answer).await.expect("an answer in time")
    }
}

impl Answer {
    /// The body of a success.
    pub(crate) fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.body).into_owned();
        assert_eq!(self.status, StatusCode::OK, "{text}");
        assert!(!self.broken, "{text}");
        text
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and ClickHouse's number of a failure, and that the text agrees.
    pub(crate) fn failure(&self) -> (u16, u32) {
        let text = String::from_utf8_lossy(&self.body).into_owned();
        let code = self
            .header("x-clickhouse-exception-code")
            .parse()
            .unwrap_or_else(|_| panic!("no failure: {text}"));
        assert!(text.starts_with(&format!("Code: {code}. DB::Exception:")), "{text}");
        (self.status.as_u16(), code)
    }
}
