//! TLS for players: where the certificate comes from, which names it has, which protocols are offered.
//!
//! Invariant: a checked value has names only where the rig makes the certificate. Deliberately absent: files (see `up/tls.rs`).

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, bail};
use rebuffer_proxy::Protocol;
use rustls::pki_types::DnsName;
use serde::{Deserialize, Serialize};

/// TLS for players, checked.
#[derive(Debug)]
pub(crate) struct PlayerTlsSettings {
    pub(crate) source: TlsSource,
    /// Added to those of the machine.
    pub(crate) names: Vec<CertificateName>,
    pub(crate) offered: Vec<Protocol>,
}

/// Where the certificate for players comes from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum TlsSource {
    /// There is none: clear text alone.
    #[default]
    Off,
    /// Issued by a CA that is kept with the data.
    Auto,
    /// PEM files.
    Files {
        /// The chain.
        certificate: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
}

/// A subject alternative name of a certificate, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum CertificateName {
    /// A host name, perhaps with `*.` before it.
    Dns(String),
    /// An address.
    Ip(IpAddr),
}

impl PlayerTlsSettings {
    pub(super) fn new(source: TlsSource, names: Vec<CertificateName>, offered: &str) -> anyhow::Result<Self> {
        if !names.is_empty() && source != TlsSource::Auto {
            bail!("--tls-name is for a certificate that the rig makes: it goes with --tls auto");
        }
        Ok(Self { source, names, offered: protocols(offered).context("--tls-alpn")? })
    }
}

/// Names of protocols, with commas between them.
fn protocols(text: &str) -> anyhow::Result<Vec<Protocol>> {
    let known = [Protocol::Http2, Protocol::Http1];
    let named = |name: &str| {
        let found = known.into_iter().find(|protocol| protocol.name() == name.trim());
        found.with_context(|| format!("the protocols are h2 and http/1.1; got {name:?}"))
    };
    text.split(',').map(named).collect()
}

impl FromStr for CertificateName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.trim_matches(['[', ']']).parse() {
            return Ok(Self::Ip(address));
        }
        let name = text.to_ascii_lowercase();
        match DnsName::try_from(name.strip_prefix("*.").unwrap_or(&name)) {
            Ok(_) => Ok(Self::Dns(name)),
            Err(_) => Err(format!("a certificate is for a host name or an address; got {text:?}")),
        }
    }
}

impl fmt::Display for CertificateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(address) => write!(f, "{address}"),
        }
    }
}

impl TryFrom<String> for CertificateName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<CertificateName> for String {
    fn from(name: CertificateName) -> String {
        name.to_string()
    }
}

impl FromStr for TlsSource {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.split_once(',')) {
            ("off", _) => Ok(Self::Off),
            ("auto" | "self-signed", _) => Ok(Self::Auto),
            (_, Some((certificate, key))) if !certificate.is_empty() && !key.is_empty() => {
                Ok(Self::Files { certificate: certificate.into(), key: key.into() })
            }
            _ => Err(format!(
                "TLS is off, auto (or self-signed), or CERTIFICATE,KEY as PEM files; got {text:?}"
            )),
        }
    }
}

impl TryFrom<String> for TlsSource {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<TlsSource> for String {
    fn from(source: TlsSource) -> String {
        match source {
            TlsSource::Off => "off".to_owned(),
            TlsSource::Auto => "auto".to_owned(),
            TlsSource::Files { certificate, key } => format!("{},{}", certificate.display(), key.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_certificates_are_hosts_and_addresses() {
        let read = |text: &str| text.parse::<CertificateName>().map(String::from);
        for (text, expected) in
            [("Rig.Lab", "rig.lab"), ("*.rig.lab", "*.rig.lab"), ("192.0.2.1", "192.0.2.1"), ("[::1]", "::1")]
        {
            assert_eq!(read(text).as_deref(), Ok(expected));
        }
        for bad in ["", "http://rig", "rig:30081", "a b", "*.", "*"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn tls_is_read_under_both_names_of_its_mode() {
        for text in ["auto", "self-signed"] {
            assert_eq!(text.parse(), Ok(TlsSource::Auto));
        }
        assert!("on".parse::<TlsSource>().is_err());
    }

    #[test]
    fn names_go_with_a_certificate_that_is_made() {
        let new = |source| PlayerTlsSettings::new(source, vec!["rig.lab".parse().unwrap()], "h2");
        assert!(new(TlsSource::Auto).is_ok());
        assert!(new(TlsSource::Off).unwrap_err().to_string().contains("--tls auto"));
    }
}
