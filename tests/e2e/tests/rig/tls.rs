//! TLS on both sides of the rig, judged by OpenSSL and curl: `SSL_CERT_FILE` for origins, the rig's own CA for players.
//!
//! Invariant: no machine trusts the CAs here. What is missing on the machine skips the test.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use rebuffer_e2e::{Place, Rig, RigConfig, Web, lacks, tied};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Deserialize)]
struct Info {
    listen: Listen,
}

#[derive(Debug, Deserialize)]
struct Listen {
    tls: TlsInfo,
}

#[derive(Debug, Deserialize)]
struct TlsInfo {
    urls: Vec<String>,
    ca_url: String,
}

/// Whether both programs are installed.
async fn has_tools() -> bool {
    for (program, flag) in [("openssl", "version"), ("curl", "--version")] {
        let known = tied(program).arg(flag).stdout(Stdio::null()).status().await;
        if !known.is_ok_and(|status| status.success()) {
            lacks(&format!("{program} is not installed"));
            return false;
        }
    }
    true
}

async fn run(program: &str, args: &[&str]) -> Output {
    let output = tied(program).args(args).output();
    tokio::time::timeout(PATIENCE, output).await.expect("it ends").unwrap()
}

async fn openssl(args: &[&str]) -> Output {
    run("openssl", args).await
}

/// Runs a command that has to succeed.
async fn openssl_ok(args: &[&str]) {
    let output = openssl(args).await;
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A private CA and an origin with a certificate of it.
struct Lab {
    dir: TempDir,
    _origin: Child,
    url: String,
}

const NEW_KEY: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

impl Lab {
    async fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        let (ca, ca_key) = (at("ca.pem"), at("ca-key.pem"));
        let own = ["req", "-x509", "-days", "2", "-subj", "/CN=lab", "-keyout", &ca_key, "-out", &ca];
        openssl_ok(&[&own[..], &NEW_KEY].concat()).await;
        let (certificate, key) = issue(dir.path(), (&ca, &ca_key), "subjectAltName=IP:127.0.0.1\n").await;
        let mut origin = tied("openssl");
        origin.args(["s_server", "-www", "-accept", "127.0.0.1:0", "-cert", &certificate, "-key", &key]);
        let mut origin = origin.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut words = BufReader::new(origin.stdout.take().unwrap()).lines();
        let address = async {
            loop {
                let line = words.next_line().await.unwrap().expect("it says where it is");
                if let Some(address) = line.strip_prefix("ACCEPT ") {
                    return address.to_owned();
                }
            }
        };
        let address = tokio::time::timeout(PATIENCE, address).await.expect("it starts");
        tokio::spawn(async move { while let Ok(Some(_)) = words.next_line().await {} });
        Self { dir, _origin: origin, url: format!("https://{address}") }
    }

    fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }
}

/// Issues a certificate with these extensions; returns the files of the certificate and of its key.
async fn issue(dir: &Path, (ca, ca_key): (&str, &str), extensions: &str) -> (String, String) {
    let number = std::fs::read_dir(dir).unwrap().count();
    let at = |what: &str| dir.join(format!("{number}-{what}")).to_str().unwrap().to_owned();
    let (request, text, key, certificate) = (at("request"), at("text"), at("key.pem"), at("certificate.pem"));
    std::fs::write(&text, extensions).unwrap();
    let subject = format!("/CN={number}");
    openssl_ok(&[&["req", "-subj", &subject, "-keyout", &key, "-out", &request][..], &NEW_KEY].concat())
        .await;
    let from = ["x509", "-req", "-days", "2", "-in", &request, "-extfile", &text, "-out", &certificate];
    openssl_ok(&[&from[..], &["-CA", ca, "-CAkey", ca_key, "-set_serial", "7"]].concat()).await;
    (certificate, key)
}

#[tokio::test]
async fn ssl_cert_file_and_ssl_cert_dir_are_the_trust_store_for_origins() {
    if !has_tools().await {
        return;
    }
    let Some(place) = Place::take("origin-tls") else { return };
    let lab = Lab::start().await;
    let (origin, file) = (format!("lab={}", lab.url), lab.ca());
    let asked = async |environment| {
        let origins = vec![origin.clone()];
        let rig = Rig::start_with(&place, &RigConfig { origins, environment, ..RigConfig::default() }).await;
        let web = Web::default();
        let start = format!("http://127.0.0.1:{}/lab/?player_id=tv", rig.base_port());
        let session = web.get(&start).await.unwrap().location().to_owned();
        let answer = web.get(&session).await.unwrap();
        (answer.status.as_u16(), String::from_utf8_lossy(&answer.body).into_owned())
    };
    let (status, body) = asked(vec![("SSL_CERT_FILE", file.clone().into_os_string())]).await;
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("s_server"), "{body}");
    let folder = TempDir::new().unwrap();
    std::fs::copy(&file, folder.path().join("lab.pem")).unwrap();
    assert_eq!(asked(vec![("SSL_CERT_DIR", folder.path().as_os_str().to_owned())]).await.0, 200);
    let (status, body) = asked(Vec::new()).await;
    assert_eq!(status, 502);
    assert!(body.contains("unknown CA") && body.contains("--origin-ca"), "{body}");
}

#[tokio::test]
async fn clients_that_trust_the_rigs_ca_connect_by_every_name() {
    if !has_tools().await {
        return;
    }
    let Some(place) = Place::take("player-tls") else { return };
    let (flags, base) = (vec!["--tls", "auto", "--tls-name", "rig.lab"], Some("0.0.0.0:0".to_owned()));
    let mut rig = Rig::start_with(&place, &RigConfig { flags, base, ..RigConfig::default() }).await;
    let port = rig.base_port();
    let web = Web::default();
    let tls = web.get(&format!("{}/api/v2/info", rig.api())).await.unwrap().json::<Info>().listen.tls;
    assert_eq!(rig.introduction("over TLS").await, tls.urls[0]);
    assert_eq!(rig.introduction("CA to trust").await, tls.ca_url);

    let dir = TempDir::new().unwrap();
    let ca = dir.path().join("ca.pem").to_str().unwrap().to_owned();
    let downloaded = web.get(&format!("http://127.0.0.1:{port}/ca.pem")).await.unwrap();
    std::fs::write(&ca, downloaded.text()).unwrap();
    for name in ["localhost", "rig.lab", "127.0.0.1", "[::1]"] {
        assert!(tls.urls.contains(&format!("https://{name}:{port}/")), "{name} of {:?}", tls.urls);
    }
    for url in &tls.urls {
        let host = url.strip_prefix("https://").and_then(|rest| rest.strip_suffix(&format!(":{port}/")));
        let name = host.expect("a URL of the base port").trim_matches(['[', ']']);
        let is_address = name.parse::<std::net::IpAddr>().is_ok();
        let kind = if is_address { "-verify_ip" } else { "-verify_hostname" };
        let to = format!("127.0.0.1:{port}");
        let client =
            ["s_client", "-brief", "-verify_return_error", "-CAfile", &ca, "-connect", &to, kind, name];
        openssl_ok(&client).await;
    }
    let wrong = ["-verify_hostname", "other.lab"];
    let to = format!("127.0.0.1:{port}");
    let client = ["s_client", "-brief", "-verify_return_error", "-CAfile", &ca, "-connect", &to];
    assert!(!openssl(&[&client[..], &wrong].concat()).await.status.success(), "verification is on");

    let url = format!("https://localhost:{port}/demo/live/master.m3u8?player_id=tv");
    let curl = [
        "-sSL",
        "--max-time",
        "15",
        "--cacert",
        &ca,
        "-o",
        "/dev/null",
        "-w",
        "%{http_code} %{http_version} %{num_redirects}",
        &url,
    ];
    let output = run("curl", &curl).await;
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "200 2 1",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test]
async fn what_the_rigs_ca_issued_cannot_sign() {
    if !has_tools().await {
        return;
    }
    let Some(place) = Place::take("local-ca") else { return };
    let flags = vec!["--tls", "auto"];
    let _rig = Rig::start_with(&place, &RigConfig { flags, ..RigConfig::default() }).await;
    let at = |name: &str| place.data().join("tls").join(name).to_str().unwrap().to_owned();
    let (ca, ca_key, leaf, leaf_key) = (at("ca.pem"), at("ca-key.pem"), at("certificate.pem"), at("key.pem"));
    openssl_ok(&["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", &ca, &leaf]).await;
    let is_refused = async |args: &[&str], why: &str| {
        let output = openssl(&[&["verify", "-CAfile", &ca][..], args].concat()).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(why), "{why}: {said}");
    };
    is_refused(&["-purpose", "sslclient", &leaf], "unsuitable certificate purpose").await;

    let dir = TempDir::new().unwrap();
    let (forged, _) = issue(dir.path(), (&leaf, &leaf_key), "subjectAltName=DNS:bank.example\n").await;
    is_refused(&["-untrusted", &leaf, &forged], "invalid CA certificate").await;

    let ca_too = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n";
    let (between, between_key) = issue(dir.path(), (&ca, &ca_key), ca_too).await;
    let below = issue(dir.path(), (&between, &between_key), "subjectAltName=DNS:bank.example\n").await.0;
    is_refused(&["-untrusted", &between, &below], "path length constraint exceeded").await;
}
