//! A certificate authority (CA) of the rig's own and the certificate it issues, both kept in a directory.
//!
//! Invariant: a CA that is there is used, or refused with the reason; it is replaced only when its own end comes near, because
//! devices trust it. The certificate it issued is replaced whenever a reason of `renewal.rs` holds, or when it cannot be read.

use std::collections::BTreeSet;

use anyhow::Context;
use rebuffer_proxy::Certificate;
use time::OffsetDateTime;

use super::directory::{CA, Directory, LEAF};
use super::issue::{self, CertificateAndKey};
use super::renewal::{CertificateInfo, RenewalReason, Validity, ca_renewal, leaf_renewal};
use crate::settings::CertificateName;

/// The CA in its directory.
pub(super) struct LocalCa {
    pub(super) directory: Directory,
    /// The name of the machine.
    pub(super) host: String,
    /// What a certificate has to be valid for. Looked up each time: addresses come and go.
    pub(super) names: Box<dyn Fn() -> BTreeSet<CertificateName> + Send>,
}

/// A certificate that is current.
pub(super) struct Ensured {
    pub(super) certificate: Certificate,
    /// Whether it was issued just now.
    pub(super) is_new: bool,
}

impl LocalCa {
    /// The certificate there is, or a new one if that is due.
    pub(super) fn ensure_certificate(&self, now: OffsetDateTime) -> anyhow::Result<Ensured> {
        let path = self.directory.path().display();
        let (ca, ca_info) = self
            .ensure_ca(now)
            .with_context(|| format!("{path}: {CA} cannot be used; remove both to have another CA made"))?;
        let names = (self.names)();
        let stored = self.stored_leaf();
        let renewal = leaf_renewal(stored.as_ref().map(|(_, info)| info), &ca_info, &names, now);
        let (leaf, is_new) = match (stored, renewal) {
            (Some((leaf, _)), None) => (leaf, false),
            (_, reason) => {
                let validity = Validity::of_leaf(now, ca_info.validity);
                let leaf = issue::leaf(&ca, &names, validity).context("cannot issue a certificate")?;
                self.directory.write(LEAF, &leaf).with_context(|| format!("cannot write to {path}"))?;
                log_issued("issued a certificate for players' TLS", reason, validity);
                (leaf, true)
            }
        };
        let certificate = Certificate::new(leaf.certificate.as_bytes(), leaf.key.as_bytes())?;
        let certificate = certificate.with_names(url_names(&names)).with_ca(ca.certificate);
        Ok(Ensured { certificate, is_new })
    }

    fn ensure_ca(&self, now: OffsetDateTime) -> anyhow::Result<(CertificateAndKey, CertificateInfo)> {
        let stored = self.directory.read(CA)?.map(checked).transpose()?;
        match (ca_renewal(stored.as_ref().map(|(_, info)| info), now), stored) {
            (None, Some(ca)) => Ok(ca),
            (reason, _) => {
                let ca = issue::ca(&self.host, now)?;
                self.directory.write(CA, &ca)?;
                log_issued("made a CA, which devices have to trust", reason, Validity::of_ca(now));
                checked(ca)
            }
        }
    }

    fn stored_leaf(&self) -> Option<(CertificateAndKey, CertificateInfo)> {
        let stored = self.directory.read(LEAF).map_err(Into::into);
        match stored.and_then(|stored| stored.map(checked).transpose()) {
            Ok(stored) => stored,
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "{LEAF} cannot be used");
                None
            }
        }
    }
}

/// A certificate with what it says, if the key belongs to it.
fn checked(pair: CertificateAndKey) -> anyhow::Result<(CertificateAndKey, CertificateInfo)> {
    Certificate::new(pair.certificate.as_bytes(), pair.key.as_bytes())?;
    let info = issue::read_info(pair.certificate.as_bytes())?;
    Ok((pair, info))
}

fn log_issued(what: &'static str, reason: Option<RenewalReason>, validity: Validity) {
    let reason = reason.unwrap_or(RenewalReason::Missing);
    tracing::info!(%reason, until = %validity.not_after.date(), "{what}");
}

/// The names that can stand in a URL.
pub(super) fn url_names(names: &BTreeSet<CertificateName>) -> Vec<String> {
    names.iter().map(ToString::to_string).filter(|name| !name.starts_with("*.")).collect()
}
