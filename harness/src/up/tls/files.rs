//! A certificate and its key in files of the user's, which are read again when they change.
//!
//! Invariant: nothing is written. Files that cannot be used are an error, and what was read before stays in use.

use std::path::{Path, PathBuf};

use anyhow::Context;
use rebuffer_proxy::Certificate;

use super::issue;
use super::local_ca::url_names;

/// The files, and what was read of them last.
pub(super) struct CertificateFiles {
    certificate: PathBuf,
    key: PathBuf,
    last_read: (Vec<u8>, Vec<u8>),
}

impl CertificateFiles {
    pub(super) fn open(certificate: PathBuf, key: PathBuf) -> anyhow::Result<(Self, Certificate)> {
        let mut files = Self { certificate, key, last_read: Default::default() };
        let certificate = files.read_if_changed()?.context("--tls: both files are empty")?;
        Ok((files, certificate))
    }

    /// The certificate, if the files are not what they were.
    pub(super) fn read_if_changed(&mut self) -> anyhow::Result<Option<Certificate>> {
        let read = (read_file(&self.certificate)?, read_file(&self.key)?);
        if read == self.last_read {
            return Ok(None);
        }
        let certificate = Certificate::new(&read.0, &read.1)
            .with_context(|| format!("--tls {},{}", self.certificate.display(), self.key.display()))?;
        // Names are for people to read; TLS works without them.
        let names = issue::read_info(&read.0).map(|info| url_names(&info.names)).unwrap_or_default();
        self.last_read = read;
        Ok(Some(certificate.with_names(names)))
    }
}

fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("--tls: cannot read {}", path.display()))
}
