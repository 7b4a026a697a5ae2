//! For which names and how long the rig issues certificates, and when it issues the next one.
//!
//! Invariant: pure; `now` and the addresses of the machine are given. A certificate is valid for at most 397 days, as browsers
//! demand (CA/Browser Forum Baseline Requirements §6.3.2), and never longer than its CA.
//! Deliberately absent: keys, files and clocks.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use time::{Duration, OffsetDateTime};

use crate::settings::CertificateName;

/// For devices whose clock is behind.
const BACKDATED: Duration = Duration::days(1);
/// 396 days, counted from the backdated begin.
const LEAF_LIFE: Duration = Duration::days(395);
const CA_LIFE: Duration = Duration::days(3_652);
/// A certificate with less than this left is renewed.
const RENEWAL_MARGIN: Duration = Duration::days(30);

/// When a certificate is valid, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) not_before: OffsetDateTime,
    pub(super) not_after: OffsetDateTime,
}

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CertificateInfo {
    pub(super) validity: Validity,
    pub(super) names: BTreeSet<CertificateName>,
    /// The subject key identifier.
    pub(super) key_id: Option<Vec<u8>>,
    /// The authority key identifier: that of the CA's key.
    pub(super) issuer_key_id: Option<Vec<u8>>,
}

/// Why a certificate is issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RenewalReason {
    Missing,
    Expires(OffsetDateTime),
    /// The clock was ahead when it was issued.
    NotYetValid(OffsetDateTime),
    NamesChanged,
    CaChanged,
}

/// How this machine is addressed.
#[derive(Debug)]
pub(super) struct HostAddresses<'h> {
    /// The address that players' ports are bound to.
    pub(super) base: IpAddr,
    /// Empty when the machine has none.
    pub(super) host_name: &'h str,
    /// The addresses of the interfaces that are up.
    pub(super) interfaces: &'h [IpAddr],
    /// The addresses of the network namespace that sessions live in; empty without `--isolate`.
    pub(super) isolated: &'h [IpAddr],
    /// `--tls-name`.
    pub(super) added: &'h [CertificateName],
}

impl Validity {
    pub(super) fn of_ca(now: OffsetDateTime) -> Self {
        Self { not_before: now - BACKDATED, not_after: now + CA_LIFE }
    }

    pub(super) fn of_leaf(now: OffsetDateTime, ca: Self) -> Self {
        Self {
            not_before: (now - BACKDATED).max(ca.not_before),
            not_after: (now + LEAF_LIFE).min(ca.not_after),
        }
    }

    fn renewal(self, now: OffsetDateTime) -> Option<RenewalReason> {
        if now < self.not_before {
            return Some(RenewalReason::NotYetValid(self.not_before));
        }
        (self.not_after - now < RENEWAL_MARGIN).then_some(RenewalReason::Expires(self.not_after))
    }
}

/// Why a new CA is made; none when there is no need to. Devices have to be told to trust a new one.
pub(super) fn ca_renewal(ca: Option<&CertificateInfo>, now: OffsetDateTime) -> Option<RenewalReason> {
    ca.map_or(Some(RenewalReason::Missing), |ca| ca.validity.renewal(now))
}

/// Why a new certificate is issued; none when the one there is will do.
pub(super) fn leaf_renewal(
    leaf: Option<&CertificateInfo>,
    ca: &CertificateInfo,
    names: &BTreeSet<CertificateName>,
    now: OffsetDateTime,
) -> Option<RenewalReason> {
    let Some(leaf) = leaf else { return Some(RenewalReason::Missing) };
    if leaf.issuer_key_id.is_none() || leaf.issuer_key_id != ca.key_id {
        return Some(RenewalReason::CaChanged);
    }
    if leaf.names != *names {
        return Some(RenewalReason::NamesChanged);
    }
    leaf.validity.renewal(now)
}

/// The names and addresses that a certificate has to be valid for.
pub(super) fn subject_names(host: &HostAddresses<'_>) -> BTreeSet<CertificateName> {
    let always = ["localhost", "127.0.0.1", "::1", host.host_name];
    let mut names: BTreeSet<_> = always.iter().filter_map(|name| name.parse().ok()).collect();
    // A link-local IPv6 address needs a zone, which URLs cannot carry.
    let is_usable = |address: &&IpAddr| match address {
        IpAddr::V4(_) => host.base.is_ipv4() || host.base.is_unspecified(),
        IpAddr::V6(six) => host.base.is_ipv6() && !six.is_unicast_link_local(),
    };
    let interfaces = if host.isolated.is_empty() { host.interfaces } else { host.isolated };
    let addresses = if host.base.is_unspecified() { interfaces } else { std::slice::from_ref(&host.base) };
    names.extend(addresses.iter().filter(is_usable).copied().map(CertificateName::Ip));
    names.extend(host.added.iter().cloned());
    names
}

impl fmt::Display for RenewalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there is none"),
            Self::Expires(at) => write!(f, "the last one expires on {}", at.date()),
            Self::NotYetValid(from) => write!(f, "the last one is not valid before {}", from.date()),
            Self::NamesChanged => f.write_str("names or addresses of this machine changed"),
            Self::CaChanged => f.write_str("the last one is of another CA"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::days(20_000));

    fn names(text: &str) -> BTreeSet<CertificateName> {
        text.split(' ').map(|name| name.parse().unwrap()).collect()
    }

    fn ca() -> CertificateInfo {
        CertificateInfo {
            validity: Validity::of_ca(NOW),
            names: BTreeSet::new(),
            key_id: Some(vec![1]),
            issuer_key_id: None,
        }
    }

    fn leaf() -> CertificateInfo {
        CertificateInfo {
            validity: Validity::of_leaf(NOW, ca().validity),
            names: names("a b"),
            key_id: Some(vec![2]),
            issuer_key_id: Some(vec![1]),
        }
    }

    fn renewal(leaf: &CertificateInfo, wanted: &str, days: i64) -> Option<RenewalReason> {
        leaf_renewal(Some(leaf), &ca(), &names(wanted), NOW + Duration::days(days))
    }

    #[test]
    fn a_certificate_is_renewed_for_each_reason_and_for_no_other() {
        assert_eq!(leaf_renewal(None, &ca(), &names("a"), NOW), Some(RenewalReason::Missing));
        let end = leaf().validity.not_after;
        assert_eq!(renewal(&leaf(), "a b", 0), None);
        assert_eq!(renewal(&leaf(), "a b", 365), None, "30 days are left");
        assert_eq!(renewal(&leaf(), "a b", 366), Some(RenewalReason::Expires(end)), "29 days are left");
        assert_eq!(renewal(&leaf(), "a b", 9_999), Some(RenewalReason::Expires(end)), "it expired long ago");
        assert_eq!(renewal(&leaf(), "a b", -2), Some(RenewalReason::NotYetValid(leaf().validity.not_before)));
        assert_eq!(renewal(&leaf(), "a", 0), Some(RenewalReason::NamesChanged));
        assert_eq!(renewal(&leaf(), "a b c", 0), Some(RenewalReason::NamesChanged));
        for issuer_key_id in [None, Some(vec![9])] {
            assert_eq!(
                renewal(&CertificateInfo { issuer_key_id, ..leaf() }, "a b", 0),
                Some(RenewalReason::CaChanged)
            );
        }
    }

    #[test]
    fn a_ca_is_valid_for_ten_years_and_no_certificate_longer_than_its_ca() {
        let ca = ca();
        assert_eq!(ca_renewal(None, NOW), Some(RenewalReason::Missing));
        assert_eq!(ca_renewal(Some(&ca), NOW + Duration::days(3_600)), None);
        let late = NOW + Duration::days(3_630);
        assert_eq!(ca_renewal(Some(&ca), late), Some(RenewalReason::Expires(ca.validity.not_after)));
        for days in [0, 1, 3_000, 3_600] {
            let leaf = Validity::of_leaf(NOW + Duration::days(days), ca.validity);
            assert!(leaf.not_before >= ca.validity.not_before && leaf.not_after <= ca.validity.not_after);
            assert!(leaf.not_after - leaf.not_before <= Duration::days(397));
        }
    }

    #[test]
    fn subject_names_are_those_of_the_bound_address_and_the_machine() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let interfaces = ["127.0.0.1", "192.0.2.5", "::1", "2001:db8::5", "fe80::5"].map(ip);
        let isolated = ["198.18.0.2", "fd00::2"].map(ip);
        let of = |base: &str, isolated: &[IpAddr], added: &[CertificateName]| {
            subject_names(&HostAddresses {
                base: ip(base),
                host_name: "Rig-1",
                interfaces: &interfaces,
                isolated,
                added,
            })
        };
        let always = "localhost rig-1 127.0.0.1 ::1";
        assert_eq!(of("::", &[], &[]), names(&format!("{always} 192.0.2.5 2001:db8::5")));
        assert_eq!(of("0.0.0.0", &[], &[]), names(&format!("{always} 192.0.2.5")));
        assert_eq!(of("192.0.2.9", &[], &[]), names(&format!("{always} 192.0.2.9")));
        assert_eq!(of("::", &isolated, &[]), names(&format!("{always} 198.18.0.2 fd00::2")));
        let added = ["*.rig.lab".parse().unwrap(), "203.0.113.1".parse().unwrap()];
        assert_eq!(
            of("127.0.0.1", &[], &added),
            names(&format!("{always} *.rig.lab 203.0.113.1")),
            "--tls-name is taken as it is"
        );
        let nameless =
            HostAddresses { base: ip("::1"), host_name: "", interfaces: &[], isolated: &[], added: &[] };
        assert_eq!(subject_names(&nameless), names("localhost 127.0.0.1 ::1"));
    }
}
