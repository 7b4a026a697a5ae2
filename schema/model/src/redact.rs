//! Credentials are known by the names they stand under, and are taken out where they are seen first, so that no record, log or
//! page ever holds one.
//!
//! Invariant: one list of names ([`is_secret`]) for parameters, path parameters, headers, metrics and labels, compared after
//! percent-decoding. In a URL the value goes and everything else stays; in any other text that names a secret, all of it goes.
//! Deliberately absent: guessing from values. A secret under an innocent name cannot be known.

use std::borrow::Cow;
use std::ops::Range;

use percent_encoding::percent_decode_str;

/// What stands in place of a credential.
pub const REDACTED: &str = "[redacted]";

/// Anywhere in a name.
const PARTS: &[&str] = &[
    "apikey",
    "authentic",
    "authoriz",
    "credential",
    "hdnea",
    "hdntl",
    "hdnts",
    "hmac",
    "jwt",
    "passwd",
    "password",
    "secret",
    "signature",
    "token",
];

/// As a word of a name.
const WORDS: &[&str] = &["auth", "cookie", "key", "oauth", "pass", "passphrase", "pwd", "sig", "sign"];

/// At the end of a name in which words are not told apart, such as `accesskey`.
const ENDS: &[&str] = &["auth", "key", "pwd", "sig"];

/// As the whole name.
const NAMES: &[&str] = &["policy"];

/// Names that sound like a secret and are none.
const INNOCENT: &[&str] = &["access-control-allow-credentials", "sec-websocket-key", "monkey"];

/// How often data may be encoded on top of each other and is still looked through.
const LAYERS: usize = 3;

/// Whether a value under this name is a credential, whoever invented the name.
pub fn is_secret(name: &str) -> bool {
    let decoded = if name.contains('%') { decoded(name) } else { Cow::Borrowed(name) };
    let lower = decoded.to_ascii_lowercase();
    let found = PARTS.iter().any(|part| lower.contains(part))
        || ENDS.iter().any(|end| lower.ends_with(end))
        || NAMES.contains(&lower.as_str())
        || words(&decoded).any(|word| WORDS.iter().any(|known| word.eq_ignore_ascii_case(known)));
    found && !INNOCENT.contains(&lower.as_str())
}

/// The words of a name: `AWSAccessKeyId` has AWSAccess, Key and Id.
fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|letter: char| !letter.is_ascii_alphanumeric()).flat_map(|part| {
        let mut before = 'A';
        let mut ends: Vec<usize> = part
            .char_indices()
            .filter_map(|(at, letter)| {
                let begins = letter.is_ascii_uppercase() && !before.is_ascii_uppercase();
                before = letter;
                begins.then_some(at)
            })
            .collect();
        ends.push(part.len());
        let mut start = 0;
        ends.into_iter().filter_map(move |end| part.get(std::mem::replace(&mut start, end)..end))
    })
}

/// A URL, whole or in part, as it may be kept and shown.
pub fn url(text: &str) -> Cow<'_, str> {
    if !text.contains(['=', '@', '%']) {
        return Cow::Borrowed(text);
    }
    let mut seen = String::new();
    let mut from = 0;
    for secret in secrets(text) {
        seen.push_str(text.get(from..secret.start).unwrap_or_default());
        seen.push_str(REDACTED);
        from = secret.end;
    }
    if from == 0 {
        return Cow::Borrowed(text);
    }
    seen.push_str(text.get(from..).unwrap_or_default());
    Cow::Owned(seen)
}

/// A text that is no URL, as it may be kept and shown.
pub fn text(text: &str) -> Cow<'_, str> {
    if names_secret(text) { Cow::Borrowed(REDACTED) } else { Cow::Borrowed(text) }
}

/// A text that may be a URL or hold one, encoded as often as it may be.
pub fn said(said: &str) -> Cow<'_, str> {
    match url(said) {
        Cow::Borrowed(said) => text(said),
        seen => seen,
    }
}

/// Where in a URL the secrets stand, in order.
fn secrets(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let authority = text.find("//").filter(|at| *at == 0 || text.get(..*at).is_some_and(is_scheme));
    let rest = authority.map_or(0, |slashes| {
        let start = slashes + 2;
        let end = after(text, start).find(['/', '?', '#']).map_or(text.len(), |length| start + length);
        if let Some(at) = text.get(start..end).unwrap_or_default().rfind('@') {
            found.push(start..start + at);
        }
        end
    });
    let query = after(text, rest).find(['?', '#']).map_or(text.len(), |length| rest + length);
    for piece in pieces(text, rest..query, &['/']) {
        found.extend(secret_in(text, piece));
    }
    for piece in pieces(text, (query + 1).min(text.len())..text.len(), &['&', '#']) {
        found.extend(secret_in(text, piece));
    }
    found
}

fn is_scheme(text: &str) -> bool {
    text.strip_suffix(':').is_some_and(|scheme| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// The pieces of a range between these letters.
fn pieces<'t>(
    text: &'t str,
    range: Range<usize>,
    between: &'t [char],
) -> impl Iterator<Item = Range<usize>> + 't {
    let end = range.end;
    let mut start = range.start;
    std::iter::from_fn(move || {
        let rest = text.get(start..end).filter(|rest| !rest.is_empty())?;
        let length = rest.find(between).unwrap_or(rest.len());
        let piece = start..start + length;
        start = piece.end + 1;
        Some(piece)
    })
}

/// What is to be taken out of a piece such as `name=value` or `a;name=value`: from the value of the first secret to the end of the
/// piece. A piece without a name may be a URL of its own, encoded.
fn secret_in(text: &str, piece: Range<usize>) -> Option<Range<usize>> {
    let mut start = piece.start;
    for pair in text.get(piece.clone())?.split(';') {
        let at = start;
        start += pair.len() + 1;
        let Some((name, value)) = pair.split_once('=') else {
            if pair.contains('%') && names_secret(pair) {
                return Some(at..piece.end);
            }
            continue;
        };
        let value_at = at + name.len() + 1;
        if !value.is_empty() && (is_secret(name) || names_secret(value)) {
            return Some(value_at..piece.end);
        }
    }
    None
}

/// Whether data names a secret, also where it is encoded: as a parameter, in JSON, or in a URL with a user's password.
fn names_secret(data: &str) -> bool {
    let mut layer = Cow::Borrowed(data);
    for _ in 0..=LAYERS {
        if holds_pair(&layer) || holds_user(&layer) {
            return true;
        }
        let next = if layer.contains('%') { decoded(&layer).into_owned() } else { return false };
        if next == layer {
            return false;
        }
        layer = Cow::Owned(next);
    }
    // Nobody encodes so often what may be seen.
    true
}

/// Whether a secret's name stands before `=` or `:` with something after it.
fn holds_pair(data: &str) -> bool {
    data.match_indices(['=', ':']).any(|(at, _)| {
        let before = data.get(..at).unwrap_or_default().trim_end_matches(['"', '\'', ' ', '\\']);
        let begins =
            before.rfind(|letter: char| !letter.is_ascii_alphanumeric() && !"_-.~%".contains(letter));
        let name = before.get(begins.map_or(0, |at| at + 1)..).unwrap_or_default();
        !after(data, at + 1).trim_start_matches(['"', '\'', ' ', '\\']).is_empty() && is_secret(name)
    })
}

fn holds_user(data: &str) -> bool {
    data.match_indices("://").any(|(at, _)| {
        let rest = after(data, at + 3);
        let authority = rest.split(['/', '?', '#', '"', ' ']).next().unwrap_or_default();
        authority.contains('@')
    })
}

fn after(text: &str, at: usize) -> &str {
    text.get(at..).unwrap_or_default()
}

fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_speak_for_themselves() {
        for name in [
            "token",
            "X-Access-Token",
            "%74oken",
            "tok%65n",
            "Signature",
            "sig",
            "key",
            "Key-Pair-Id",
            "AWSAccessKeyId",
            "accesskey",
            "api_key",
            "authKey",
            "x-api-key",
            "Authorization",
            "proxy-authenticate",
            "set-cookie",
            "oauth",
            "hdnts",
            "Policy",
            "clientSecret",
            "pwd",
            "my-pass",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "player_id",
            "keyframe",
            "keyframes",
            "author",
            "design",
            "assign",
            "content-security-policy",
            "passed",
            "access-control-allow-credentials",
            "sec-websocket-key",
            "sid",
            "range",
            "monkey",
            "compass",
            "",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn of_a_url_only_the_secret_goes() {
        for (whole, seen) in [
            (
                "/a/b.m3u8?player_id=p&Signature=abc&x-token=1&&_HLS_msn=4",
                "/a/b.m3u8?player_id=p&Signature=§&x-token=§&&_HLS_msn=4",
            ),
            ("/a?%74oken=1&b=2#access_token=3", "/a?%74oken=§&b=2#access_token=§"),
            ("https://me:pw@host/a", "https://§@host/a"),
            ("//me@host?x=1", "//§@host?x=1"),
            ("/a;token=1;b=2/c;d=3", "/a;token=§/c;d=3"),
            ("/hdntl=exp=1~acl=/*~hmac=ab/v.ts", "/hdntl=§/*~hmac=§/v.ts"),
            ("/a?x=1;sig=2/3&y=4", "/a?x=1;sig=§&y=4"),
            ("/a?token=1/2?3&y", "/a?token=§&y"),
            ("/a?u=https%3A%2F%2Fh%2F%3Ftoken%3Dabc&v=1", "/a?u=§&v=1"),
            ("/a?u=https://me:pw@h/&v=1", "/a?u=§&v=1"),
            ("/a?CMCD=nor%3D%22b.mp4%253Fa%253D1%2526sig%253Dabc%22", "/a?CMCD=§"),
            ("/a?x=token%25253Dabc", "/a?x=§"),
            ("/a?x=%252525252541", "/a?x=§"),
            ("/proxy/https%3A%2F%2Fh%2Fa%3Ftoken%3Dabc/b", "/proxy/§/b"),
            ("/a?https%3A%2F%2Fh%2F%3Ftoken%3Dabc&b", "/a?§&b"),
            ("/a?j=%7B%22token%22%3A%22x%22%7D", "/a?j=§"),
        ] {
            assert_eq!(url(whole), seen.replace('§', REDACTED), "{whole}");
        }
        for innocent in [
            "/a?token=&b=2",
            "/a@b=c",
            "/a%20b/c?d%3De&100%",
            "/a?CMCD=bl%3D900%2Cnor%3D%22b.mp4%253Fx%253D1%22",
            "x//y@z?a=1",
            "",
        ] {
            assert_eq!(url(innocent), innocent);
        }
    }

    #[test]
    fn a_text_that_names_a_secret_goes_whole() {
        for secret in [
            "nor=\"b.mp4%3Ftoken%3Dabc\"",
            "{\"password\": \"x\"}",
            "see https://me:pw@h/a",
            "App/1 (token=abc)",
        ] {
            assert_eq!(text(secret), REDACTED, "{secret}");
        }
        for innocent in
            ["max-age=5", "text/html; q=0.8", "App/1 (Linux; rv:3)", "bytes=0-1", "token", "http://h:80/a"]
        {
            assert_eq!(text(innocent), innocent);
        }
    }
}
