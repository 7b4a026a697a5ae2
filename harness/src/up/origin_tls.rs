//! Loads what TLS with origins needs: the system's trust store, CAs of the user's, client certificates.
//!
//! Invariant: a file that cannot be used is an error that names it. `SSL_CERT_FILE` and `SSL_CERT_DIR` replace the system's store;
//! the CAs that were built in are trusted only where the system has no store. No key appears in an error or in the log.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use rebuffer_proxy::{ClientCertificate, OriginConfig, OriginHosts, OriginTls, TrustStore, Verification};
use rustls_native_certs::{CertificateResult, load_certs_from_paths, load_native_certs};

use crate::settings::{OriginClientCertificate, OriginTlsSettings, SystemStore};

/// Gives each origin its TLS, and says how it is with those that `hosts` let in.
pub(super) fn configure(
    settings: &OriginTlsSettings,
    origins: &mut [OriginConfig],
    hosts: &mut OriginHosts,
) -> anyhow::Result<()> {
    let is_secure = |origin: &OriginConfig| origin.url.scheme() == "https";
    let mut store = if origins.iter().any(is_secure) || !hosts.patterns.is_empty() {
        load_system_store(&settings.system)?
    } else {
        TrustStore::built_in()
    };
    // All files are loaded, also those of origins without TLS: what is wrong with them is known at start.
    for file in &settings.ca_files {
        let pem = read_file("--origin-ca", file)?;
        store.add_pem(&pem).with_context(|| format!("--origin-ca {}", file.display()))?;
    }
    let given = settings.client_certificates.iter();
    let given = given.map(|given| Ok((given.origin.as_str(), load_client_certificate(given)?)));
    let client_certificates = given.collect::<anyhow::Result<BTreeMap<_, _>>>()?;
    for origin in origins {
        let name = origin.name.as_str();
        let verification = if settings.insecure.contains(&origin.name) {
            tracing::warn!(
                origin = name,
                "--origin-insecure: the certificate of this origin is not verified"
            );
            Verification::Off
        } else {
            Verification::Trusted(store.clone())
        };
        origin.tls = OriginTls { verification, client_certificate: client_certificates.get(name).cloned() };
    }
    hosts.tls.verification = Verification::Trusted(store);
    hosts.insecure = settings.insecure.clone();
    Ok(())
}

fn load_client_certificate(given: &OriginClientCertificate) -> anyhow::Result<ClientCertificate> {
    let flag = "--origin-client-cert";
    let (chain, key) = (read_file(flag, &given.certificate)?, read_file(flag, &given.key)?);
    ClientCertificate::new(&chain, &key).with_context(|| format!("{flag} {given}"))
}

fn read_file(flag: &str, file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("{flag}: cannot read {}", file.display()))
}

fn load_system_store(store: &SystemStore) -> anyhow::Result<TrustStore> {
    let mut named = Vec::new();
    let mut found = CertificateResult::default();
    if let Some(file) = &store.file {
        named.push(format!("SSL_CERT_FILE={}", file.display()));
        extend(&mut found, load_certs_from_paths(Some(Path::new(file)), None));
    }
    if let Some(directories) = &store.directories {
        named.push(format!("SSL_CERT_DIR={}", directories.display()));
        for directory in std::env::split_paths(directories) {
            extend(&mut found, load_certs_from_paths(None, Some(&directory)));
        }
    }
    choose_store(if named.is_empty() { load_native_certs() } else { found }, &named)
}

fn extend(found: &mut CertificateResult, more: CertificateResult) {
    found.certs.extend(more.certs);
    found.errors.extend(more.errors);
}

/// `named` are the variables of the environment that said where to look; empty when the system's usual places were searched.
fn choose_store(found: CertificateResult, named: &[String]) -> anyhow::Result<TrustStore> {
    for error in &found.errors {
        tracing::warn!(%error, "a part of the system's trust store cannot be read");
    }
    match TrustStore::from_certificates(found.certs) {
        Some(store) => Ok(store),
        None if named.is_empty() => {
            tracing::warn!("the system has no trust store: origins are trusted by the CAs that are built in");
            Ok(TrustStore::built_in())
        }
        None => bail!("{} holds no usable CA certificate", named.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;
    use std::path::PathBuf;

    use rebuffer_kit::{Issued, TestCa};
    use tempfile::TempDir;

    use super::*;

    struct Place(TempDir);

    impl Place {
        fn new() -> Self {
            Self(TempDir::new().unwrap())
        }

        fn holds(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.path().join(name);
            fs::write(&path, text).unwrap();
            path
        }

        fn certificate(&self, certificate: &Issued, key: &Issued) -> OriginClientCertificate {
            OriginClientCertificate {
                origin: "cdn".to_owned(),
                certificate: self.holds("certificate", &certificate.certificate),
                key: self.holds("key", &key.key),
            }
        }
    }

    fn configured(settings: &OriginTlsSettings) -> Result<OriginTls, String> {
        let mut origins = vec![OriginConfig {
            name: "cdn".parse().unwrap(),
            url: "https://cdn.example".parse().unwrap(),
            playlists: Vec::new(),
            tls: OriginTls::default(),
        }];
        configure(settings, &mut origins, &mut OriginHosts::default())
            .map_err(|error| format!("{error:#}"))?;
        Ok(origins.remove(0).tls)
    }

    fn with_client(given: OriginClientCertificate) -> OriginTlsSettings {
        OriginTlsSettings { client_certificates: vec![given], ..Default::default() }
    }

    #[test]
    fn an_unusable_ca_file_is_refused_by_name() {
        let place = Place::new();
        let ca = TestCa::new("lab");
        let of = |file: PathBuf| {
            configured(&OriginTlsSettings { ca_files: vec![file], ..Default::default() }).map(|_| ())
        };
        let two = format!("{}{}", ca.pem(), TestCa::new("other").pem());
        assert_eq!(of(place.holds("two.pem", &two)), Ok(()));
        for (name, text) in [("empty.pem", ""), ("key.pem", &ca.issue(&["a"]).key), ("text.pem", "x")] {
            let refused = of(place.holds(name, text)).unwrap_err();
            assert!(refused.contains("--origin-ca") && refused.contains(name), "{refused}");
        }
        let refused = of(place.0.path().join("missing.pem")).unwrap_err();
        assert!(refused.contains("--origin-ca: cannot read") && refused.contains("missing.pem"), "{refused}");
    }

    #[test]
    fn a_client_certificate_needs_its_key() {
        let place = Place::new();
        let ca = TestCa::new("lab");
        let (one, other) = (ca.issue(&["a"]), ca.issue(&["a"]));
        let given = configured(&with_client(place.certificate(&one, &one))).unwrap();
        assert!(given.client_certificate.is_some() && matches!(given.verification, Verification::Trusted(_)));
        let refused = configured(&with_client(place.certificate(&one, &other))).unwrap_err();
        assert!(
            refused.contains("--origin-client-cert cdn=") && refused.contains("does not belong"),
            "{refused}"
        );
        assert!(!refused.contains("PRIVATE"), "a key is told: {refused}");
        let missing = OriginClientCertificate { key: "missing.pem".into(), ..place.certificate(&one, &one) };
        let refused = configured(&with_client(missing)).unwrap_err();
        assert!(refused.contains("--origin-client-cert: cannot read missing.pem"), "{refused}");
    }

    #[test]
    fn an_insecure_origin_is_not_verified() {
        let settings = OriginTlsSettings { insecure: vec!["cdn".parse().unwrap()], ..Default::default() };
        assert!(matches!(configured(&settings).unwrap().verification, Verification::Off));
    }

    #[test]
    fn a_store_named_by_the_environment_must_hold_a_ca() {
        let place = Place::new();
        let good = place.holds("good.pem", TestCa::new("lab").pem());
        let of = |file: Option<OsString>, directories: Option<OsString>| {
            load_system_store(&SystemStore { file, directories })
                .map(|_| ())
                .map_err(|error| error.to_string())
        };
        assert_eq!(of(Some(good.into()), None), Ok(()));
        let mut directories = OsString::from("/nowhere:");
        directories.push(place.0.path());
        assert_eq!(of(None, Some(directories)), Ok(()), "colons separate them");
        for file in ["", "/nowhere/ca.pem"] {
            let refused = of(Some(file.into()), None).unwrap_err();
            assert!(refused.contains(&format!("SSL_CERT_FILE={file} holds no usable CA")), "{refused}");
        }
    }

    #[test]
    fn built_in_cas_are_the_fallback_of_a_system_without_a_store() {
        assert!(choose_store(CertificateResult::default(), &[]).is_ok());
        assert!(choose_store(CertificateResult::default(), &["SSL_CERT_FILE=x".to_owned()]).is_err());
    }
}
