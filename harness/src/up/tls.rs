//! The certificate that players are shown: read from files, or made once and kept with the data.
//!
//! Invariant: a key that is made here can be read by its owner alone. A certificate of our own is kept, because a device that was
//! told to trust it must not be told again after each start.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use rebuffer_proxy::Tls;

use crate::settings::{Resolved, TlsSource};

const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";

/// TLS as it was asked for.
pub(super) fn of(settings: &Resolved) -> anyhow::Result<Option<Tls>> {
    let (certificate, key) = match &settings.tls {
        TlsSource::Off => return Ok(None),
        TlsSource::Files { certificate, key } => (certificate.clone(), key.clone()),
        TlsSource::SelfSigned => {
            let folder = settings.data_dir.join("tls");
            if !folder.join(CERTIFICATE).exists() || !folder.join(KEY).exists() {
                make(&folder, settings).with_context(|| format!("cannot make {}", folder.display()))?;
            }
            (folder.join(CERTIFICATE), folder.join(KEY))
        }
    };
    let read = |path: &Path| fs::read(path).with_context(|| format!("--tls: cannot read {}", path.display()));
    let tls = Tls::new(&read(&certificate)?, &read(&key)?, &settings.tls_alpn);
    Ok(Some(tls.context("--tls")?))
}

fn make(folder: &Path, settings: &Resolved) -> anyhow::Result<()> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !settings.base.ip().is_unspecified() {
        names.push(settings.base.ip().to_string());
    }
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    names.extend((!host.is_empty() && host.is_ascii()).then_some(host));
    names.sort_unstable();
    names.dedup();
    let made = rcgen::generate_simple_self_signed(names)?;
    fs::create_dir_all(folder)?;
    let mut key = fs::OpenOptions::new();
    let mut key = key.write(true).create(true).truncate(true).mode(0o600).open(folder.join(KEY))?;
    key.write_all(made.signing_key.serialize_pem().as_bytes())?;
    fs::write(folder.join(CERTIFICATE), made.cert.pem())?;
    Ok(())
}
