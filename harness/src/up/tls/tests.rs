//! Certificates of players' TLS over the years: what they are valid for, and when they are replaced.
//!
//! Invariant: `now` is given or paused time. The verifier of rustls judges chains.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use rebuffer_kit::{Ask, Asked, Origin, Rig, Saying, Setup, TestCa, Wire, server_certificate};
use rebuffer_proxy::{Protocol, Tls};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

use super::directory::{CA, Directory, FileNames, LEAF};
use super::files::CertificateFiles;
use super::issue::{self, CertificateAndKey};
use super::local_ca::LocalCa;
use super::renewal::Validity;
use super::{PlayerCertificate, Source, refresh_daily};
use crate::settings::CertificateName;

const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::days(20_000));
const NAMES: &str = "localhost rig.lab *.rig.lab 127.0.0.1 192.0.2.5 2001:db8::5";

fn names(text: &str) -> BTreeSet<CertificateName> {
    text.split(' ').map(|name| name.parse().unwrap()).collect()
}

fn day(days: i64) -> OffsetDateTime {
    START + Duration::days(days)
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

fn ca_and_leaf() -> (CertificateAndKey, CertificateAndKey) {
    let ca = issue::ca("a-machine", START).unwrap();
    let validity = Validity::of_leaf(START, Validity::of_ca(START));
    let leaf = issue::leaf(&ca, &names(NAMES), validity).unwrap();
    (ca, leaf)
}

fn trust_store(ca: &str) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(der(ca)).unwrap();
    Arc::new(roots)
}

fn unix(now: OffsetDateTime) -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(now.unix_timestamp().try_into().unwrap()))
}

/// Verifies a chain, its end first, as a client does.
fn verify(ca: &str, chain: &[&str], name: &str, now: OffsetDateTime) -> Result<(), rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(trust_store(ca), provider).build().unwrap();
    let (leaf, between) = chain.split_first().unwrap();
    let between = between.iter().map(|pem| der(pem)).collect::<Vec<_>>();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    verifier.verify_server_cert(&der(leaf), &between, &name, &[], unix(now)).map(|_verified| ())
}

#[test]
fn a_certificate_is_valid_for_each_of_its_names_as_a_server_and_at_most_397_days() {
    let (ca, leaf) = ca_and_leaf();
    let verify = |name: &str, now| verify(&ca.certificate, &[&leaf.certificate], name, now);
    for name in ["localhost", "rig.lab", "tv.rig.lab", "127.0.0.1", "192.0.2.5", "2001:db8::5"] {
        assert_eq!(verify(name, START), Ok(()), "{name}");
        assert_eq!(verify(name, day(394)), Ok(()), "{name}");
    }
    for name in ["other.lab", "192.0.2.6"] {
        assert!(verify(name, START).is_err(), "{name}");
    }
    assert!(verify("localhost", day(396)).is_err() && verify("localhost", day(-2)).is_err());
    let info = issue::read_info(leaf.certificate.as_bytes()).unwrap();
    assert_eq!(info.names, names(NAMES));
    assert!(info.validity.not_after - info.validity.not_before <= Duration::days(397));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(trust_store(&ca.certificate), provider);
    let as_client = clients.build().unwrap().verify_client_cert(&der(&leaf.certificate), &[], unix(START));
    assert!(as_client.is_err(), "it is not valid for clients");
}

#[test]
fn a_stolen_certificate_cannot_sign() {
    let (ca, leaf) = ca_and_leaf();
    let bank = names("bank.example");
    let validity = Validity::of_leaf(START, Validity::of_ca(START));
    let forged = issue::leaf(&leaf, &bank, validity).unwrap();
    let chain = [forged.certificate.as_str(), &leaf.certificate];
    assert!(verify(&ca.certificate, &chain, "bank.example", START).is_err());

    let direct = issue::leaf(&ca, &bank, validity).unwrap();
    assert_eq!(verify(&ca.certificate, &[&direct.certificate], "bank.example", START), Ok(()));
}

/// A data directory, and the names that a certificate has to have.
struct Place {
    dir: TempDir,
    names: Arc<Mutex<BTreeSet<CertificateName>>>,
}

impl Place {
    fn new() -> Self {
        Self { dir: TempDir::new().unwrap(), names: Arc::new(Mutex::new(names(NAMES))) }
    }

    fn ca(&self) -> LocalCa {
        let directory = Directory::open(self.path()).unwrap();
        let names = Arc::clone(&self.names);
        LocalCa { directory, host: "a-machine".to_owned(), names: Box::new(move || names.lock().clone()) }
    }

    fn certificate(&self, now: OffsetDateTime) -> PlayerCertificate {
        let ca = self.ca();
        let certificate = ca.ensure_certificate(now).unwrap().certificate;
        let tls = Tls::new(certificate, &[Protocol::Http1]).unwrap();
        PlayerCertificate { tls, source: Source::LocalCa(ca) }
    }

    fn path(&self) -> std::path::PathBuf {
        self.dir.path().join("tls")
    }

    fn read(&self, names: FileNames) -> String {
        fs::read_to_string(self.path().join(names.certificate)).unwrap()
    }

    /// The CA and the certificate after a refresh at this time.
    fn refreshed(&self, now: OffsetDateTime) -> (String, String) {
        self.ca().ensure_certificate(now).unwrap();
        (self.read(CA), self.read(LEAF))
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn directory_and_keys_are_for_their_owner_only() {
    let place = Place::new();
    // A directory and a self-signed certificate of an earlier version.
    fs::create_dir(place.path()).unwrap();
    fs::write(place.path().join(LEAF.certificate), TestCa::self_signed().certificate).unwrap();
    fs::write(place.path().join(LEAF.key), "not a key").unwrap();
    let modes = || {
        let files = [CA.certificate, CA.key, LEAF.certificate, LEAF.key];
        (mode(&place.path()), files.map(|file| mode(&place.path().join(file))))
    };
    place.refreshed(START);
    assert_eq!(modes(), (0o700, [0o644, 0o600, 0o644, 0o600]));
    for open in [CA.key, LEAF.key] {
        fs::set_permissions(place.path().join(open), fs::Permissions::from_mode(0o666)).unwrap();
    }
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777)).unwrap();
    place.refreshed(START);
    assert_eq!(modes(), (0o700, [0o644, 0o600, 0o644, 0o600]), "permissions are restored");
}

#[test]
fn a_certificate_is_renewed_in_time_by_the_same_ca() {
    let place = Place::new();
    let (ca, first) = place.refreshed(START);
    assert_eq!(place.refreshed(day(365)), (ca.clone(), first.clone()), "30 days are left");
    let (same, second) = place.refreshed(day(366));
    assert_eq!(same, ca);
    assert_ne!(second, first, "29 days are left");
    assert_eq!(verify(&ca, &[&second], "rig.lab", day(700)), Ok(()));
    assert_eq!(place.refreshed(day(367)), (ca.clone(), second.clone()));

    *place.names.lock() = names("localhost 192.0.2.6");
    let (same, third) = place.refreshed(day(368));
    assert_eq!(same, ca);
    assert_eq!(verify(&ca, &[&third], "192.0.2.6", day(368)), Ok(()));

    fs::write(place.path().join(LEAF.key), "not a key").unwrap();
    let (same, fourth) = place.refreshed(day(369));
    assert_eq!((same == ca, fourth == third), (true, false), "an unusable certificate is replaced");
}

#[test]
fn a_ca_is_replaced_before_it_expires() {
    let place = Place::new();
    let (first, _) = place.refreshed(START);
    assert_eq!(place.refreshed(day(3_600)).0, first);
    let (second, leaf) = place.refreshed(day(3_640));
    assert_ne!(second, first);
    assert_eq!(verify(&second, &[&leaf], "localhost", day(3_640)), Ok(()));
}

#[test]
fn an_unusable_ca_is_refused_and_not_replaced() {
    for (file, text) in [(CA.key, Some("not a key")), (CA.certificate, Some("x")), (CA.key, None)] {
        let place = Place::new();
        place.refreshed(START);
        let path = place.path().join(file);
        match text {
            Some(text) => fs::write(&path, text).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let refused = place.ca().ensure_certificate(START).map(|_| ()).unwrap_err();
        let refused = format!("{refused:#}");
        assert!(refused.contains("ca.pem and ca-key.pem cannot be used; remove both"), "{refused}");
        assert_eq!(fs::read_to_string(&path).ok().as_deref(), text);
    }
    let place = Place::new();
    let other = issue::ca("another", START).unwrap();
    place.refreshed(START);
    fs::write(place.path().join(CA.key), other.key).unwrap();
    assert!(place.ca().ensure_certificate(START).is_err(), "the key does not belong to it");
    fs::write(place.path().join(CA.certificate), &other.certificate).unwrap();
    let (ca, leaf) = place.refreshed(START);
    assert_eq!(verify(&ca, &[&leaf], "localhost", START), Ok(()), "a CA of the user's is used");
}

#[tokio::test(start_paused = true)]
async fn a_running_rig_renews_its_certificate() {
    let place = Place::new();
    let (ca, first) = place.refreshed(START);
    let began = tokio::time::Instant::now();
    let now = move || START + Duration::try_from(began.elapsed()).unwrap();
    let refreshing = tokio::spawn(refresh_daily(place.certificate(START), now));
    let days = |days: u64| tokio::time::sleep(std::time::Duration::from_secs(days * 24 * 60 * 60));
    days(365).await;
    assert_eq!(place.read(LEAF), first);
    days(2).await;
    let second = place.read(LEAF);
    assert_ne!(second, first);

    let key = fs::read(place.path().join(CA.key)).unwrap();
    fs::write(place.path().join(CA.key), "unusable for a while").unwrap();
    *place.names.lock() = names("localhost");
    days(2).await;
    assert_eq!(place.read(LEAF), second, "what cannot be renewed stays in use");
    fs::write(place.path().join(CA.key), key).unwrap();
    days(2).await;
    assert_ne!(place.read(LEAF), second, "it is tried again the next day");
    assert_eq!(place.read(CA), ca);
    refreshing.abort();
}

#[tokio::test]
async fn a_renewed_certificate_is_for_new_connections_and_open_ones_go_on() {
    let place = Place::new();
    // Clients use the real clock: the first certificate is valid today, and due for renewal.
    let today = OffsetDateTime::now_utc();
    let mut certificate = place.certificate(today - Duration::days(370));
    let (ca, first) = (place.read(CA), place.read(LEAF));
    let origin = Origin::serve(|asked: &Asked| Saying::new(200, "OK").body(asked, "whole")).await;
    let rig = Rig::start(Setup::at(origin.address).with_tls(certificate.tls())).await;
    let session = rig.session("tv").await;
    let mut old = Wire::secure_with(session, &ca, "rig.lab").await;
    assert_eq!(old.ask(&Ask::get("/a")).await.text(), "whole");
    assert_eq!(server_certificate(session, &ca, "rig.lab").await, der(&first));

    certificate.refresh(today).unwrap();
    let second = place.read(LEAF);
    assert_ne!(second, first);
    assert_eq!(place.read(CA), ca);
    assert_eq!(server_certificate(session, &ca, "rig.lab").await, der(&second));
    assert_eq!(old.ask(&Ask::get("/b")).await.text(), "whole");
}

#[tokio::test]
async fn certificate_files_are_read_again_when_they_change_and_never_written() {
    let dir = TempDir::new().unwrap();
    let (certificate, key) = (dir.path().join("a.pem"), dir.path().join("a-key.pem"));
    let ca = TestCa::new("the user's CA");
    let write = |names: &[&str]| {
        let issued = ca.issue(names);
        fs::write(&certificate, &issued.certificate).unwrap();
        fs::write(&key, &issued.key).unwrap();
        issued.certificate
    };
    let first = write(&["one.test", "rig.test"]);
    let (files, loaded) = CertificateFiles::open(certificate.clone(), key.clone()).unwrap();
    let tls = Tls::new(loaded, &[Protocol::Http1]).unwrap();
    let mut current = PlayerCertificate { tls, source: Source::Files(files) };
    let origin = Origin::serve(|asked: &Asked| Saying::new(200, "OK").body(asked, "whole")).await;
    let rig = Rig::start(Setup::at(origin.address).with_tls(current.tls())).await;
    let served = async || server_certificate(rig.base, ca.pem(), "rig.test").await;
    let info = rig.api.ask(&Ask::get("/api/v2/info")).await;
    assert!(info.text().contains("https://one.test:"), "{}", info.text());

    current.refresh(START).unwrap();
    assert_eq!(served().await, der(&first));
    let second = write(&["two.test", "rig.test"]);
    current.refresh(START).unwrap();
    assert_eq!(served().await, der(&second));

    fs::write(&certificate, &first).unwrap();
    let refused = format!("{:#}", current.refresh(START).unwrap_err());
    assert!(refused.contains("--tls") && refused.contains("a.pem"), "{refused}");
    assert_eq!(served().await, der(&second), "what was read before stays in use");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing is written");
    assert_eq!(fs::read_to_string(&certificate).unwrap(), first);
}
