//! How single settings are written: addresses, port ranges, origins, archives.
//!
//! Invariant: a value that parsed can be used; the message of one that did not shows how it is written.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::str::FromStr;

use anyhow::{Context, bail};
use rebuffer_model::redact;
use rebuffer_proxy::{IpNet, Mbps, OriginConfig, OriginName, OriginTls, PortRange};
use serde::{Deserialize, Serialize};
use url::Url;

/// An origin as `NAME=URL`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct NamedOrigin {
    name: OriginName,
    url: Url,
}

/// Where the evidence is kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum Archive {
    /// In a process of our own.
    #[default]
    Embedded,
    /// In a ClickHouse server, perhaps with user and password in the URL.
    Server(Url),
    /// Nowhere.
    Off,
}

/// `ADDR:PORT`, `:PORT` or `PORT`; without an address every one of the machine.
pub(super) fn address(text: &str) -> anyhow::Result<SocketAddr> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let port = text.strip_prefix(':').unwrap_or(text).parse();
    let port = port.with_context(|| format!("an address is written ADDR:PORT or :PORT; got {text:?}"))?;
    Ok(SocketAddr::new(everywhere(), port))
}

fn everywhere() -> IpAddr {
    let six = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).is_ok();
    if six { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() }
}

/// `FIRST-LAST`, one port, or 0.
pub(super) fn ports(text: &str) -> anyhow::Result<PortRange> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.trim().parse(), last.trim().parse()) {
        (Ok(first), Ok(last)) => PortRange::new(first, last),
        (Ok(_) | Err(_), _) => None,
    }
    .with_context(|| format!("ports are written FIRST-LAST, for example 30100-30599; got {text:?}"))
}

/// Values that are each written alone.
pub(super) fn each<T>(texts: &[String]) -> anyhow::Result<Vec<T>>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    texts.iter().map(|text| Ok(text.parse()?)).collect()
}

/// Networks as `ADDRESS/BITS`.
pub(super) fn networks(texts: &[String]) -> anyhow::Result<Vec<IpNet>> {
    let network = |text: &String| {
        text.parse().with_context(|| {
            format!("a network is written ADDRESS/BITS, for example 10.0.0.0/8; got {text:?}")
        })
    };
    texts.iter().map(network).collect()
}

/// A rate in 10^6 bit/s within the bounds of a link; 0 is none.
pub(super) fn baseline(mbps: f64) -> anyhow::Result<Option<Mbps>> {
    let rate = Mbps::new(mbps)?;
    let nearest = Mbps::within_knob(mbps);
    if mbps > 0.0 && nearest != rate {
        bail!("a link cannot have {rate}; the nearest it can have is {nearest}");
    }
    Ok((mbps > 0.0).then_some(rate))
}

impl NamedOrigin {
    pub(super) fn name(&self) -> &OriginName {
        &self.name
    }

    pub(super) fn into_config(self) -> OriginConfig {
        let Self { name, url } = self;
        OriginConfig { name, url, playlists: Vec::new(), tls: OriginTls::default() }
    }
}

impl FromStr for NamedOrigin {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (name, url) = text.split_once('=').with_context(|| {
            format!(
                "an origin is written NAME=URL, for example cdn=https://cdn.example; got {:?}",
                redact::said(text)
            )
        })?;
        let seen = redact::said(url);
        let url: Url = url.parse().with_context(|| format!("{seen:?} is not a URL"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            bail!("an origin's URL begins with http:// or https://; got {seen}");
        }
        if seen.contains(redact::REDACTED) {
            bail!("an origin's URL holds no credentials, because settings are shown; got {seen}");
        }
        Ok(Self { name: name.parse()?, url })
    }
}

impl TryFrom<String> for NamedOrigin {
    type Error = anyhow::Error;
    fn try_from(text: String) -> anyhow::Result<Self> {
        text.parse()
    }
}

impl From<NamedOrigin> for String {
    fn from(origin: NamedOrigin) -> String {
        format!("{}={}", origin.name, origin.url)
    }
}

impl FromStr for Archive {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        match text {
            "embedded" => Ok(Self::Embedded),
            "off" => Ok(Self::Off),
            url if url.starts_with("http://") || url.starts_with("https://") => {
                Ok(Self::Server(url.parse().with_context(|| format!("{url:?} is not a URL"))?))
            }
            _ => {
                bail!("an archive is embedded, off, or the http(s) URL of a ClickHouse server; got {text:?}")
            }
        }
    }
}

impl TryFrom<String> for Archive {
    type Error = anyhow::Error;
    fn try_from(text: String) -> anyhow::Result<Self> {
        text.parse()
    }
}

impl From<Archive> for String {
    fn from(archive: Archive) -> String {
        archive.to_string()
    }
}

/// Without the password: this is printed.
impl fmt::Display for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("embedded"),
            Self::Off => f.write_str("off"),
            Self::Server(url) => {
                let mut shown = url.clone();
                if shown.password().is_some() {
                    // Cannot fail for a URL that has a password already.
                    let _shown = shown.set_password(Some("redacted"));
                }
                write!(f, "{shown}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_ports_and_origins_are_read_as_people_write_them() {
        assert_eq!(address("192.0.2.1:80").unwrap().to_string(), "192.0.2.1:80");
        assert_eq!(address(":30000").unwrap().port(), 30_000);
        assert!(address("here").is_err());
        assert_eq!(ports("30100-30599").unwrap().count(), 500);
        assert!(ports("0").unwrap().is_ephemeral());
        assert!(ports("9-1").is_err() && ports("x").is_err());
        assert!("cdn=ftp://x".parse::<NamedOrigin>().is_err() && "cdn".parse::<NamedOrigin>().is_err());
    }

    #[test]
    fn the_password_of_an_archive_is_not_shown() {
        let archive: Archive = "http://me:secret@192.0.2.1:8123/".parse().unwrap();
        assert_eq!(archive.to_string(), "http://me:redacted@192.0.2.1:8123/");
    }
}
