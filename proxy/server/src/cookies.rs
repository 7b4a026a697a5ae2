//! Cookies on their way: rewritten so that a client keeps them for the rig, and withheld where a client would not send them.
//!
//! Invariant: of a `Set-Cookie` only `Domain` goes, and `Secure` when the client came over clear text; the rest keeps its bytes. Of a
//! `Cookie` only pairs go that are known to come from elsewhere: browsers ignore ports, so at the rig's address they send one
//! origin's cookies to another, and one player's to another.
//! Deliberately absent: a jar. What a script set, or what was set before the rig started, is nobody's and passes.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};

use http::HeaderMap;
use http::header::{COOKIE, HeaderValue, SET_COOKIE};
use parking_lot::Mutex;
use rebuffer_media::Origin;
use rebuffer_model::{PlayerId, Remark};

/// The most cookies whose origin is known.
const MAX_KNOWN: usize = 65_536;
/// The most places of which one cookie is known to come.
const MAX_SETTERS: usize = 16;

/// Where cookies come from, for all players of the rig.
#[derive(Debug, Default)]
pub(crate) struct CookieOrigins {
    hasher: RandomState,
    known: Mutex<Known>,
}

/// By name and value, of which only a hash is kept.
#[derive(Debug, Default)]
struct Known {
    setters: HashMap<u64, Vec<Setter>>,
    order: VecDeque<u64>,
}

/// An origin that set a cookie for a player.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Setter {
    player: PlayerId,
    origin: Origin,
    /// The hosts it is for, when the cookie says so.
    domain: Option<String>,
}

impl Setter {
    /// Whether a client would send the cookie to this origin.
    fn reaches(&self, player: PlayerId, origin: &Origin) -> bool {
        let in_domain = |domain: &String| {
            let host = origin.host();
            host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        // Ports make no difference to cookies, direct or not.
        let is_host = self.origin.host() == origin.host();
        self.player == player && (is_host || self.domain.as_ref().is_some_and(in_domain))
    }
}

impl CookieOrigins {
    /// Rewrites the cookies that an answer sets, and remembers whose they are.
    pub(crate) fn rewrite_set(
        &self,
        headers: &mut HeaderMap,
        player: PlayerId,
        origin: &Origin,
        secure: bool,
        mut remark: impl FnMut(Remark),
    ) {
        // In place, because a header that is taken out changes the order of the others.
        for cookie in headers.iter_mut().filter(|(name, _)| *name == SET_COOKIE).map(|(_, value)| value) {
            let rewritten = SetCookie::read(cookie.as_bytes());
            let domain = rewritten.domain.clone();
            self.remember(&rewritten.pair, Setter { player, origin: origin.clone(), domain });
            let (bytes, remarks) = rewritten.rewrite(secure);
            remarks.into_iter().for_each(&mut remark);
            // What came as a header value is one after bytes were taken from it.
            if let Ok(fitting) = HeaderValue::from_bytes(&bytes) {
                *cookie = fitting;
            }
        }
    }

    /// Takes the cookies out of a request that a client would not send to this origin; whether there were any.
    pub(crate) fn withhold(&self, headers: &mut HeaderMap, player: PlayerId, origin: &Origin) -> bool {
        let known = self.known.lock();
        if known.setters.is_empty() {
            return false;
        }
        let is_foreign = |pair: &[u8]| {
            let setters = known.setters.get(&self.hasher.hash_one(pair.trim_ascii()));
            setters.is_some_and(|setters| !setters.iter().any(|setter| setter.reaches(player, origin)))
        };
        let (mut withheld, mut kept_any, mut emptied_any) = (false, false, false);
        for field in headers.iter_mut().filter(|(name, _)| *name == COOKIE).map(|(_, value)| value) {
            let pairs = field.as_bytes().split(|byte| *byte == b';');
            let (gone, kept) = pairs.partition::<Vec<_>, _>(|pair| is_foreign(pair));
            if gone.is_empty() {
                kept_any = true;
                continue;
            }
            withheld = true;
            let kept = kept.join(&b';');
            let kept = kept.trim_ascii();
            (kept_any, emptied_any) = (kept_any | !kept.is_empty(), emptied_any | kept.is_empty());
            *field = HeaderValue::from_bytes(kept).unwrap_or(HeaderValue::from_static(""));
        }
        drop(known);
        if emptied_any {
            drop_empty(headers, kept_any);
        }
        withheld
    }

    fn remember(&self, pair: &[u8], setter: Setter) {
        let key = self.hasher.hash_one(pair.trim_ascii());
        let mut known = self.known.lock();
        if !known.setters.contains_key(&key) {
            known.order.push_back(key);
            if known.order.len() > MAX_KNOWN
                && let Some(oldest) = known.order.pop_front()
            {
                known.setters.remove(&oldest);
            }
        }
        let setters = known.setters.entry(key).or_default();
        if !setters.contains(&setter) {
            if setters.len() >= MAX_SETTERS {
                setters.remove(0);
            }
            setters.push(setter);
        }
    }
}

/// Takes out the fields of which nothing is left.
fn drop_empty(headers: &mut HeaderMap, kept_any: bool) {
    let fields = headers.get_all(COOKIE).iter().filter(|_| kept_any).cloned().collect::<Vec<_>>();
    headers.remove(COOKIE);
    for field in fields.into_iter().filter(|field| !field.is_empty()) {
        headers.append(COOKIE, field);
    }
}

/// A cookie as an answer sets it.
struct SetCookie<'a> {
    pair: Vec<u8>,
    domain: Option<String>,
    attributes: Vec<&'a [u8]>,
}

impl<'a> SetCookie<'a> {
    fn read(cookie: &'a [u8]) -> Self {
        let mut parts = cookie.split(|byte| *byte == b';');
        let pair = parts.next().unwrap_or_default().to_vec();
        let attributes = parts.collect::<Vec<_>>();
        let domain = attributes.iter().rev().find(|attribute| is_named(attribute, "domain"));
        let domain = domain.map(|attribute| {
            let value = attribute.splitn(2, |byte| *byte == b'=').nth(1).unwrap_or_default();
            String::from_utf8_lossy(value).trim().trim_start_matches('.').to_ascii_lowercase()
        });
        Self { pair, domain: domain.filter(|domain| !domain.is_empty()), attributes }
    }

    /// The cookie for the rig's address, and what was done to it.
    fn rewrite(&self, secure: bool) -> (Vec<u8>, Vec<Remark>) {
        let mut remarks = Vec::new();
        let mut bytes = self.pair.clone();
        let name = self.pair.trim_ascii_start();
        let mut is_lost = name.starts_with(b"__Host-") || name.starts_with(b"__Secure-");
        for attribute in &self.attributes {
            let value = attribute.splitn(2, |byte| *byte == b'=').nth(1).unwrap_or_default().trim_ascii();
            let is_cross_site = is_named(attribute, "samesite") && value.eq_ignore_ascii_case(b"none");
            is_lost |= is_cross_site || is_named(attribute, "partitioned");
            if is_named(attribute, "domain") {
                remarks.push(Remark::CookieDomainRemoved);
            } else if !secure && is_named(attribute, "secure") {
                remarks.push(Remark::CookieSecureRemoved);
            } else {
                bytes.push(b';');
                bytes.extend_from_slice(attribute);
            }
        }
        if is_lost && !secure {
            remarks.push(Remark::CookieNotKept);
        }
        (bytes, remarks)
    }
}

fn is_named(attribute: &[u8], name: &str) -> bool {
    let own = attribute.split(|byte| *byte == b'=').next().unwrap_or_default();
    own.trim_ascii().eq_ignore_ascii_case(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(url: &str) -> Origin {
        Origin::parse(url).unwrap()
    }

    fn player(name: &str) -> PlayerId {
        PlayerId::canonical(name).unwrap()
    }

    fn set(
        cookies: &CookieOrigins,
        who: &str,
        url: &str,
        cookie: &str,
        secure: bool,
    ) -> (String, Vec<Remark>) {
        let mut headers = HeaderMap::new();
        headers.insert(SET_COOKIE, cookie.parse().unwrap());
        let mut remarks = Vec::new();
        cookies.rewrite_set(&mut headers, player(who), &origin(url), secure, |it| remarks.push(it));
        (headers[SET_COOKIE].to_str().unwrap().to_owned(), remarks)
    }

    fn sent(cookies: &CookieOrigins, who: &str, url: &str, cookie: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, cookie.parse().unwrap());
        cookies.withhold(&mut headers, player(who), &origin(url));
        headers.get(COOKIE).map(|it| it.to_str().unwrap().to_owned())
    }

    #[test]
    fn domain_goes_and_secure_where_it_cannot_be_kept() {
        use Remark::{CookieDomainRemoved, CookieNotKept, CookieSecureRemoved};
        let cookies = CookieOrigins::default();
        for (cookie, secure, expected, remarks) in [
            ("sig=a+b/c==; Path=/;  HttpOnly", false, "sig=a+b/c==; Path=/;  HttpOnly", vec![]),
            ("a=1; Domain=.cdn.test; Path=/", false, "a=1; Path=/", vec![CookieDomainRemoved]),
            ("a=1;domain=cdn.test", false, "a=1", vec![CookieDomainRemoved]),
            ("a=1; Secure; Path=/", false, "a=1; Path=/", vec![CookieSecureRemoved]),
            ("a=1; Secure; Path=/", true, "a=1; Secure; Path=/", vec![]),
            (
                "a=1; SameSite=None; Secure",
                false,
                "a=1; SameSite=None",
                vec![CookieSecureRemoved, CookieNotKept],
            ),
            (
                "__Host-a=1; Secure; Path=/",
                false,
                "__Host-a=1; Path=/",
                vec![CookieSecureRemoved, CookieNotKept],
            ),
            ("__Host-a=1; Secure; Path=/", true, "__Host-a=1; Secure; Path=/", vec![]),
            ("a", false, "a", vec![]),
        ] {
            let (rewritten, told) = set(&cookies, "p", "http://cdn.test", cookie, secure);
            assert_eq!((rewritten.as_str(), told), (expected, remarks), "{cookie}");
        }
    }

    #[test]
    fn a_cookie_goes_where_a_client_would_send_it() {
        let cookies = CookieOrigins::default();
        set(&cookies, "p", "http://a.cdn.test", "own=1", false);
        set(&cookies, "p", "http://a.cdn.test", "all=1; Domain=cdn.test", false);
        set(&cookies, "q", "http://a.cdn.test", "other=1", false);
        let pairs = "own=1; all=1; other=1; unknown=1";
        let check = |who, url, expected: &str| {
            assert_eq!(sent(&cookies, who, url, pairs).as_deref(), Some(expected), "{who} {url}");
        };
        check("p", "http://a.cdn.test", "own=1; all=1; unknown=1");
        check("p", "https://a.cdn.test:8443", "own=1; all=1; unknown=1");
        check("p", "http://b.cdn.test", "all=1; unknown=1");
        check("p", "http://elsewhere.test", "unknown=1");
        check("q", "http://a.cdn.test", "other=1; unknown=1");
        assert_eq!(sent(&cookies, "q", "http://a.cdn.test", "own=1"), None);
        assert_eq!(
            sent(&cookies, "q", "http://a.cdn.test", "own=2").as_deref(),
            Some("own=2"),
            "another value"
        );
    }

    #[test]
    fn the_same_cookie_of_two_is_both_of_theirs() {
        let cookies = CookieOrigins::default();
        set(&cookies, "p", "http://a.test", "lang=en", false);
        set(&cookies, "q", "http://b.test", "lang=en", false);
        assert!(sent(&cookies, "p", "http://a.test", "lang=en").is_some());
        assert!(sent(&cookies, "q", "http://b.test", "lang=en").is_some());
        assert!(sent(&cookies, "p", "http://b.test", "lang=en").is_none());
    }

    #[test]
    fn what_is_known_is_bounded() {
        let cookies = CookieOrigins::default();
        for number in 0..MAX_KNOWN + 10 {
            let setter = Setter { player: player("p"), origin: origin("http://a.test"), domain: None };
            cookies.remember(format!("a={number}").as_bytes(), setter);
        }
        assert_eq!(cookies.known.lock().setters.len(), MAX_KNOWN);
    }
}
