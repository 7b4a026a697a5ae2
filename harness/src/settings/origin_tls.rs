//! TLS with origins: trusted CAs, origins that are not verified, client certificates.
//!
//! Invariant: a checked value names configured origins only, and gives each one client certificate at most. Deliberately absent:
//! reading the files (see `up/origin_tls.rs`).

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::bail;
use rebuffer_proxy::{HostPattern, OriginName};
use serde::{Deserialize, Serialize};

const INSECURE: &str = "--origin-insecure";

/// The client certificate for an origin, as `NAME=CERT,KEY`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct OriginClientCertificate {
    pub(crate) origin: String,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// TLS with origins, checked.
#[derive(Debug, Default)]
pub(crate) struct OriginTlsSettings {
    /// CAs that are trusted beside those of the system.
    pub(crate) ca_files: Vec<PathBuf>,
    /// Origins whose certificates are not verified.
    pub(crate) insecure: Vec<OriginName>,
    pub(crate) client_certificates: Vec<OriginClientCertificate>,
    pub(crate) system: SystemStore,
}

/// Where the system's trust store is, if the environment says so; it is searched in the usual places otherwise.
#[derive(Debug, Default)]
pub(crate) struct SystemStore {
    /// `SSL_CERT_FILE`
    pub(crate) file: Option<OsString>,
    /// `SSL_CERT_DIR`, separated by colons.
    pub(crate) directories: Option<OsString>,
}

impl OriginTlsSettings {
    /// Refuses names of origins that are not configured; `hosts` let in others, which need not be verified either.
    pub(super) fn check(&self, origins: &[&str], hosts: &[HostPattern]) -> anyhow::Result<()> {
        let is_let_in = |flag, name| flag == INSECURE && hosts.iter().any(|host| host.may_be_called(name));
        let insecure = self.insecure.iter().map(|name| (INSECURE, name.as_str()));
        let certificates = &self.client_certificates;
        let identified = certificates.iter().map(|given| ("--origin-client-cert", given.origin.as_str()));
        for (flag, name) in insecure.chain(identified) {
            if !origins.contains(&name) && !is_let_in(flag, name) {
                bail!("{flag}: no origin is called {name:?}; there are: {}", origins.join(", "));
            }
        }
        for given in certificates {
            if certificates.iter().filter(|other| other.origin == given.origin).count() > 1 {
                bail!("--origin-client-cert: origin {:?} gets two certificates", given.origin);
            }
        }
        Ok(())
    }
}

impl FromStr for OriginClientCertificate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('=').and_then(|(origin, files)| {
            let (certificate, key) = files.split_once(',')?;
            let all_given = ![origin, certificate, key].contains(&"");
            all_given.then(|| Self {
                origin: origin.to_owned(),
                certificate: certificate.into(),
                key: key.into(),
            })
        });
        parts.ok_or_else(|| {
            format!("a client certificate is written NAME=CERT,KEY with PEM files; got {text:?}")
        })
    }
}

impl fmt::Display for OriginClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={},{}", self.origin, self.certificate.display(), self.key.display())
    }
}

impl TryFrom<String> for OriginClientCertificate {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<OriginClientCertificate> for String {
    fn from(given: OriginClientCertificate) -> String {
        given.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_certificate_round_trips() {
        let text = "cdn=a.pem,b.pem";
        assert_eq!(text.parse::<OriginClientCertificate>().unwrap().to_string(), text);
        for bad in ["cdn", "cdn=a.pem", "=a,b", "cdn=,b", "cdn=a,"] {
            assert!(bad.parse::<OriginClientCertificate>().unwrap_err().contains("NAME=CERT,KEY"), "{bad}");
        }
    }

    #[test]
    fn unknown_origin_names_are_refused() {
        let certificate = |text: &str| text.parse::<OriginClientCertificate>().unwrap();
        let insecure = OriginTlsSettings { insecure: vec!["cdn".parse().unwrap()], ..Default::default() };
        assert!(insecure.check(&["cdn"], &[]).is_ok());
        assert!(insecure.check(&["other"], &["c*".parse().unwrap()]).is_ok(), "one that is let in");
        let refused = insecure.check(&["other", "demo"], &[]).unwrap_err().to_string();
        assert!(refused.contains("--origin-insecure") && refused.contains("other, demo"), "{refused}");
        let identified = |certificates: Vec<_>| OriginTlsSettings {
            client_certificates: certificates,
            ..Default::default()
        };
        assert!(identified(vec![certificate("cdn=a,b")]).check(&["cdn"], &[]).is_ok());
        assert!(
            identified(vec![certificate("cdn=a,b")]).check(&["other"], &["c*".parse().unwrap()]).is_err()
        );
        let twice = identified(vec![certificate("cdn=a,b"), certificate("cdn=c,d")]).check(&["cdn"], &[]);
        assert!(twice.unwrap_err().to_string().contains("two certificates"));
    }
}
