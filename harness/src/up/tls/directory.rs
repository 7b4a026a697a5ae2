//! The directory of the certificates that the rig makes.
//!
//! Invariant: the owner alone can enter it and read a key. A file is replaced as a whole. A certificate is written after its key,
//! so a rig that was killed leaves no certificate without one.

use std::fmt;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::issue::CertificateAndKey;

/// The files of a certificate and of its key.
#[derive(Debug, Clone, Copy)]
pub(super) struct FileNames {
    pub(super) certificate: &'static str,
    pub(super) key: &'static str,
}

/// The CA.
pub(super) const CA: FileNames = FileNames { certificate: "ca.pem", key: "ca-key.pem" };
/// The certificate of players' TLS.
pub(super) const LEAF: FileNames = FileNames { certificate: "certificate.pem", key: "key.pem" };

/// A directory that exists.
#[derive(Debug)]
pub(super) struct Directory(PathBuf);

impl Directory {
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        // It may have existed with other permissions.
        fs::set_permissions(&path, Permissions::from_mode(0o700))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// A certificate and its key; none when there is no certificate.
    pub(super) fn read(&self, names: FileNames) -> io::Result<Option<CertificateAndKey>> {
        let certificate = match fs::read_to_string(self.0.join(names.certificate)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read?,
        };
        let key = self.0.join(names.key);
        let pair = CertificateAndKey { certificate, key: fs::read_to_string(&key)? };
        fs::set_permissions(key, Permissions::from_mode(0o600))?;
        Ok(Some(pair))
    }

    pub(super) fn write(&self, names: FileNames, pair: &CertificateAndKey) -> io::Result<()> {
        remove_if_there(&self.0.join(names.certificate))?;
        self.replace(names.key, &pair.key, 0o600)?;
        self.replace(names.certificate, &pair.certificate, 0o644)?;
        File::open(&self.0)?.sync_all()
    }

    fn replace(&self, name: &str, text: &str, mode: u32) -> io::Result<()> {
        let new = self.0.join(format!("{name}.new"));
        // One that a killed rig left may have another mode.
        remove_if_there(&new)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(new, self.0.join(name))
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

impl fmt::Display for FileNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} and {}", self.certificate, self.key)
    }
}
