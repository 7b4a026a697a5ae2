//! The certificate of players' TLS: loaded or made at start, and replaced while the rig runs.
//!
//! Invariant: what cannot be renewed is logged and tried again the next day; the certificate in use stays. Files of the user's
//! are read and never written. Deliberately absent: serving TLS (see the proxy).

mod directory;
mod files;
mod issue;
mod local_ca;
mod renewal;

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use anyhow::Context;
use rebuffer_proxy::Tls;
use time::OffsetDateTime;
use tokio::time::{Duration, MissedTickBehavior, interval};

use crate::settings::{Resolved, TlsSource};
use directory::Directory;
use files::CertificateFiles;
use local_ca::LocalCa;
use renewal::{HostAddresses, subject_names};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The certificate of players' TLS, and where the next one comes from.
pub(super) struct PlayerCertificate {
    tls: Tls,
    source: Source,
}

enum Source {
    LocalCa(LocalCa),
    Files(CertificateFiles),
}

impl PlayerCertificate {
    /// As the settings say; none when TLS is off. `isolated` are the addresses of a network namespace that sessions live in.
    pub(super) fn load(
        settings: &Resolved,
        isolated: Option<[IpAddr; 2]>,
        now: OffsetDateTime,
    ) -> anyhow::Result<Option<Self>> {
        let (source, certificate) = match &settings.tls.source {
            TlsSource::Off => return Ok(None),
            TlsSource::Files { certificate, key } => {
                let (files, certificate) = CertificateFiles::open(certificate.clone(), key.clone())?;
                (Source::Files(files), certificate)
            }
            TlsSource::Auto => {
                let ca = local_ca(settings, isolated)?;
                let certificate = ca.ensure_certificate(now).context("--tls auto")?.certificate;
                (Source::LocalCa(ca), certificate)
            }
        };
        let tls = Tls::new(certificate, &settings.tls.offered).context("--tls-alpn")?;
        Ok(Some(Self { tls, source }))
    }

    /// What the proxy serves with.
    pub(super) fn tls(&self) -> Tls {
        self.tls.clone()
    }

    /// Replaces the certificate if it is due, or if its files changed.
    fn refresh(&mut self, now: OffsetDateTime) -> anyhow::Result<()> {
        let replacement = match &mut self.source {
            Source::Files(files) => files.read_if_changed()?,
            Source::LocalCa(ca) => {
                let ensured = ca.ensure_certificate(now)?;
                ensured.is_new.then_some(ensured.certificate)
            }
        };
        if let Some(certificate) = replacement {
            self.tls.replace_certificate(certificate);
        }
        Ok(())
    }
}

/// Refreshes the certificate once a day, for ever.
pub(super) async fn refresh_daily(mut certificate: PlayerCertificate, now: impl Fn() -> OffsetDateTime) {
    let mut days = interval(DAY);
    days.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        days.tick().await;
        if let Err(error) = certificate.refresh(now()) {
            tracing::error!(
                error = format!("{error:#}"),
                "the certificate of players' TLS cannot be renewed"
            );
        }
    }
}

fn local_ca(settings: &Resolved, isolated: Option<[IpAddr; 2]>) -> anyhow::Result<LocalCa> {
    let path = settings.data_dir.join("tls");
    let directory = Directory::open(path.clone())
        .with_context(|| format!("--tls auto: cannot use {}", path.display()))?;
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let (base, added, host_name) = (settings.base.ip(), settings.tls.names.clone(), host.clone());
    let names = move || {
        subject_names(&HostAddresses {
            base,
            host_name: &host_name,
            interfaces: &interface_addresses(),
            isolated: isolated.as_ref().map_or(&[], |addresses| addresses.as_slice()),
            added: &added,
        })
    };
    Ok(LocalCa { directory, host, names: Box::new(names) })
}

/// The addresses of the interfaces that are up.
pub(super) fn interface_addresses() -> Vec<IpAddr> {
    match if_addrs::get_if_addrs() {
        Ok(all) => {
            all.iter().filter(|interface| interface.is_oper_up()).map(if_addrs::Interface::ip).collect()
        }
        Err(error) => {
            tracing::warn!(%error, "cannot list the addresses of this machine; --tls auto needs them as --tls-name");
            Vec::new()
        }
    }
}
