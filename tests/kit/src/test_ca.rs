//! A private certificate authority (CA) and what it issues.
//!
//! Invariant: every value is another CA, and no machine trusts any of them.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// A CA for servers and clients.
#[derive(Debug)]
pub struct TestCa {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM.
#[derive(Debug, Clone)]
pub struct Issued {
    pub certificate: String,
    pub key: String,
}

impl TestCa {
    pub fn new(name: &str) -> Self {
        let (params, key) = Self::unsigned(name);
        let certificate = params.self_signed(&key).expect("a certificate").pem();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    fn unsigned(name: &str) -> (CertificateParams, KeyPair) {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        (params, KeyPair::generate().expect("a key"))
    }

    /// Its certificate, as PEM.
    pub fn pem(&self) -> &str {
        &self.certificate
    }

    /// A certificate for these names and addresses, valid in this century.
    pub fn issue(&self, names: &[&str]) -> Issued {
        self.issue_valid(names, (2000, 2100))
    }

    /// A certificate that is valid from the beginning of one year to that of another.
    pub fn issue_valid(&self, names: &[&str], (from, to): (i32, i32)) -> Issued {
        let names = names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut params = CertificateParams::new(names).expect("names");
        (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        Issued { certificate, key: key.serialize_pem() }
    }

    /// A self-signed certificate with `CA:TRUE`, as `openssl req -x509` makes them.
    pub fn self_signed() -> Issued {
        let (params, key) = Self::unsigned("a server that is a CA");
        let certificate = params.self_signed(&key).expect("a certificate").pem();
        Issued { certificate, key: key.serialize_pem() }
    }
}
