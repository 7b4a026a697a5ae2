//! Makes certificates, a CA's and those it issues, and reads what they say.
//!
//! Invariant: an issued certificate cannot sign: it is no CA, and the CA allows none below it. Every certificate has a new key.
//! Deliberately absent: when, and for which names (see `renewal.rs`), and files.

use std::collections::BTreeSet;
use std::net::IpAddr;

use anyhow::{Context, anyhow};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType,
};
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::pem::parse_x509_pem;

use super::renewal::{CertificateInfo, Validity};
use crate::settings::CertificateName;

/// A certificate and its key, as PEM.
pub(super) struct CertificateAndKey {
    pub(super) certificate: String,
    pub(super) key: String,
}

/// A CA for this machine.
pub(super) fn ca(host: &str, now: OffsetDateTime) -> anyhow::Result<CertificateAndKey> {
    // A device may trust several rigs, so their names differ. A name has 64 characters at most (RFC 5280 §A.1).
    let host = host.chars().take(32).collect::<String>();
    let mut params = params(&format!("Rebuffer on {host}, {}", now.date()), Validity::of_ca(now));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let key = KeyPair::generate()?;
    Ok(CertificateAndKey { certificate: params.self_signed(&key)?.pem(), key: key.serialize_pem() })
}

/// A server certificate for these names, signed by a CA.
pub(super) fn leaf(
    ca: &CertificateAndKey,
    names: &BTreeSet<CertificateName>,
    validity: Validity,
) -> anyhow::Result<CertificateAndKey> {
    let issuer = Issuer::from_ca_cert_pem(&ca.certificate, KeyPair::from_pem(&ca.key)?)?;
    let mut params = params("Rebuffer", validity);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let names = names.iter().map(|name| {
        Ok(match name {
            CertificateName::Dns(name) => SanType::DnsName(name.as_str().try_into()?),
            CertificateName::Ip(address) => SanType::IpAddress(*address),
        })
    });
    params.subject_alt_names = names.collect::<Result<_, rcgen::Error>>()?;
    let key = KeyPair::generate()?;
    Ok(CertificateAndKey { certificate: params.signed_by(&key, &issuer)?.pem(), key: key.serialize_pem() })
}

fn params(name: &str, validity: Validity) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (validity.not_before, validity.not_after);
    params
}

/// What the first certificate of a PEM text says.
pub(super) fn read_info(pem: &[u8]) -> anyhow::Result<CertificateInfo> {
    let (_rest, pem) = parse_x509_pem(pem).map_err(|error| anyhow!("not a PEM certificate: {error}"))?;
    let certificate = pem.parse_x509().context("not an X.509 certificate")?;
    let validity = certificate.validity();
    let extensions = certificate.extensions().iter().map(|extension| extension.parsed_extension());
    let (mut key_id, mut issuer_key_id) = (None, None);
    for extension in extensions {
        if let ParsedExtension::SubjectKeyIdentifier(id) = extension {
            key_id = Some(id.0.to_vec());
        }
        if let ParsedExtension::AuthorityKeyIdentifier(issuer) = extension {
            issuer_key_id = issuer.key_identifier.as_ref().map(|id| id.0.to_vec());
        }
    }
    Ok(CertificateInfo {
        validity: Validity {
            not_before: validity.not_before.to_datetime(),
            not_after: validity.not_after.to_datetime(),
        },
        names: read_names(&certificate),
        key_id,
        issuer_key_id,
    })
}

fn read_names(certificate: &X509Certificate<'_>) -> BTreeSet<CertificateName> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return BTreeSet::new() };
    let names = names.value.general_names.iter();
    names
        .filter_map(|name| {
            if let GeneralName::DNSName(name) = name {
                return Some(CertificateName::Dns((*name).to_owned()));
            }
            let GeneralName::IPAddress(bytes) = name else { return None };
            let address = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let address = address.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            address.ok().map(CertificateName::Ip)
        })
        .collect()
}
