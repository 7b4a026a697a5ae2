//! Turns the error of an upstream request into a sentence that says what to do about it.
//!
//! Invariant: pure and total: an error without a sentence of its own is the text of its innermost cause. Nothing of a key or of a
//! request is in it. Deliberately absent: the URL, which the caller puts before it.

use std::error::Error;
use std::io;

use rebuffer_model::{OriginName, Timestamp};
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError};

use super::again::was_closed;

/// The origin an error is about.
#[derive(Debug)]
pub(super) struct OriginContext<'o> {
    pub(super) name: &'o OriginName,
    pub(super) host: &'o str,
    /// Whether the rig has a client certificate for it.
    pub(super) has_client_certificate: bool,
    /// Whether it ever requested one.
    pub(super) requests_certificate: bool,
}

/// The text of the innermost cause.
pub(super) fn root_cause(error: &(dyn Error + 'static)) -> String {
    let innermost = causes(error).last().unwrap_or(error);
    innermost.to_string()
}

/// Explains the error of an origin with TLS.
pub(super) fn explain_tls(error: &(dyn Error + 'static), origin: &OriginContext<'_>) -> String {
    let tls_error = causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>());
    match tls_error {
        Some(rustls::Error::InvalidCertificate(error)) => explain_certificate(error, origin),
        Some(rustls::Error::AlertReceived(alert)) => explain_alert(*alert, origin),
        Some(error @ rustls::Error::InvalidMessage(_)) => {
            format!("it does not speak TLS ({error}); is its URL http:// instead of https://?")
        }
        Some(error) => format!("the TLS handshake fails: {error}"),
        None => match http2_alert(error) {
            Some(alert) => explain_alert(alert, origin),
            // A client of TLS 1.3 ends the handshake before the origin has verified its certificate. When the origin then closes,
            // the request may fail before its alert is read.
            None if is_closed(error) => {
                format!("it closed the connection ({}){}", root_cause(error), certificate_hint(origin))
            }
            None => root_cause(error),
        },
    }
}

/// The alert that ended an HTTP/2 connection. Of errors below HTTP/2 the text alone is kept.
fn http2_alert(error: &(dyn Error + 'static)) -> Option<AlertDescription> {
    let text = root_cause(error);
    let mut alerts = (0..=u8::MAX).map(AlertDescription::from);
    alerts.find(|alert| rustls::Error::AlertReceived(*alert).to_string() == text)
}

fn explain_certificate(error: &CertificateError, origin: &OriginContext<'_>) -> String {
    let OriginContext { name, host, .. } = origin;
    let signed_by = if matches!(error, CertificateError::UnknownIssuer) {
        Some("an unknown CA")
    } else {
        let is_namesake = matches!(error, CertificateError::BadSignature);
        is_namesake.then_some("an unknown CA with the name of a known one")
    };
    if let Some(who) = signed_by {
        return format!(
            "its certificate is signed by {who}; trust that with --origin-ca FILE, or do not verify the certificate \
             with --origin-insecure {name}"
        );
    }
    let why = explain_name(error, host).or_else(|| explain_validity(error)).unwrap_or_else(|| {
        // `openssl req -x509` makes such ones. rustls wraps the error of webpki, whose type is not reachable here.
        if error.to_string().contains("CaUsedAsEndEntity") {
            "its certificate is that of a CA (CA:TRUE), which is not valid for a server".to_owned()
        } else {
            format!("its certificate is not valid: {error}")
        }
    });
    format!("{why}; --origin-insecure {name} does not verify it")
}

fn explain_name(error: &CertificateError, host: &str) -> Option<String> {
    if let CertificateError::NotValidForNameContext { presented, .. } = error
        && !presented.is_empty()
    {
        let names = presented.iter().map(|name| strip_debug(name)).collect::<Vec<_>>();
        return Some(format!("its certificate is not valid for {host}, but for {}", names.join(", ")));
    }
    let is_name_error =
        matches!(error, CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. });
    is_name_error.then(|| format!("its certificate is not valid for {host}: it has no subjectAltName"))
}

fn explain_validity(error: &CertificateError) -> Option<String> {
    if let CertificateError::ExpiredContext { not_after, .. } = error {
        return Some(format!("its certificate expired at {}", instant(*not_after)));
    }
    if let CertificateError::NotValidYetContext { not_before, .. } = error {
        return Some(format!("its certificate is not valid before {}", instant(*not_before)));
    }
    matches!(error, CertificateError::Expired).then(|| "its certificate expired".to_owned())
}

fn explain_alert(alert: AlertDescription, origin: &OriginContext<'_>) -> String {
    let hint = if alert == AlertDescription::CertificateRequired {
        missing_certificate(origin.name)
    } else if origin.has_client_certificate && CERTIFICATE_ALERTS.contains(&alert) {
        refused_certificate(origin.name)
    } else {
        certificate_hint(origin)
    };
    format!("it refuses the TLS handshake with the alert {alert:?}{hint}")
}

/// The alerts that refuse a client certificate (RFC 8446 §6.2).
const CERTIFICATE_ALERTS: [AlertDescription; 7] = [
    AlertDescription::BadCertificate,
    AlertDescription::UnsupportedCertificate,
    AlertDescription::CertificateRevoked,
    AlertDescription::CertificateExpired,
    AlertDescription::CertificateUnknown,
    AlertDescription::UnknownCA,
    AlertDescription::AccessDenied,
];

/// What may be wrong where an origin requests client certificates.
fn certificate_hint(origin: &OriginContext<'_>) -> String {
    match (origin.requests_certificate, origin.has_client_certificate) {
        (true, false) => missing_certificate(origin.name),
        (true, true) => refused_certificate(origin.name),
        (false, _) => String::new(),
    }
}

fn missing_certificate(name: &OriginName) -> String {
    format!("; it requests a client certificate: give one with --origin-client-cert {name}=CERT,KEY")
}

fn refused_certificate(name: &OriginName) -> String {
    format!("; does it accept the certificate of --origin-client-cert {name}=...?")
}

/// Whether the connection ended before there was an answer.
fn is_closed(error: &(dyn Error + 'static)) -> bool {
    let is_http = |cause: &(dyn Error + 'static)| {
        let error = cause.downcast_ref::<hyper::Error>();
        error.is_some_and(|error| error.is_closed() || error.is_canceled())
    };
    causes(error).any(|cause| was_closed(cause) || is_http(cause))
}

/// An error and everything it wraps. What an `io::Error` wraps is not its `source`.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    })
}

/// `name.example` of `DnsName("name.example")`, which is how webpki presents names.
fn strip_debug(name: &str) -> &str {
    let inner = name.split_once('(').map_or(name, |(_, inner)| inner);
    inner.trim_end_matches(')').trim_matches('"')
}

fn instant(time: UnixTime) -> String {
    let micros = i64::try_from(time.as_secs()).unwrap_or(i64::MAX).saturating_mul(1_000_000);
    Timestamp::from_micros(micros).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wrapped as tokio-rustls and hyper-rustls do it.
    fn explained(error: rustls::Error, has: bool, requests: bool) -> String {
        let name = OriginName::new("cdn").unwrap();
        let origin = OriginContext {
            name: &name,
            host: "cdn.example",
            has_client_certificate: has,
            requests_certificate: requests,
        };
        let error = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, error));
        explain_tls(&error, &origin)
    }

    #[test]
    fn tls_errors_name_the_setting_that_changes_them() {
        let alert = rustls::Error::AlertReceived;
        let certificate = rustls::Error::InvalidCertificate;
        let not_tls = rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType);
        let cases = [
            (alert(AlertDescription::CertificateRequired), false, false, "--origin-client-cert cdn=CERT,KEY"),
            (alert(AlertDescription::HandshakeFailure), false, true, "requests a client certificate"),
            (alert(AlertDescription::UnknownCA), true, true, "UnknownCA; does it accept"),
            (certificate(CertificateError::UnknownIssuer), false, false, "--origin-ca FILE"),
            (certificate(CertificateError::BadSignature), false, false, "--origin-ca FILE"),
            (certificate(CertificateError::Expired), false, false, "expired; --origin-insecure cdn does"),
            (not_tls, false, false, "http://"),
        ];
        for (error, has, requests, expected) in cases {
            let text = explained(error, has, requests);
            assert!(text.contains(expected), "{text}");
        }
        let text = explained(alert(AlertDescription::HandshakeFailure), false, false);
        assert!(!text.contains("--origin-client-cert"), "no certificate was requested: {text}");
    }

    #[test]
    fn other_errors_are_the_text_of_their_root_cause() {
        let name = OriginName::new("cdn").unwrap();
        let origin = OriginContext {
            name: &name,
            host: "h",
            has_client_certificate: false,
            requests_certificate: true,
        };
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(explain_tls(&refused, &origin), "connection refused");
        let cut = io::Error::new(io::ErrorKind::UnexpectedEof, "tls handshake eof");
        let text = explain_tls(&io::Error::other(cut), &origin);
        assert!(text.contains("(tls handshake eof); it requests a client certificate"), "{text}");
    }
}
