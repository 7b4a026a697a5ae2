//! Pages of other origins (CORS): a page may read through the rig exactly what it may read direct.
//!
//! Invariant: the origin is asked in the name of the page that really asks, and what it grants to that page is repeated for the
//! `Origin` that the browser sent; what it refuses stays refused. The rig's own answers are readable for every page, since they
//! tell nothing of the origin. With `--cors origin` no header of an answer that passes is changed.
//! Deliberately absent: judging what a browser allows; only headers are written here.

use std::collections::VecDeque;
use std::str::FromStr;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderName, HeaderValue, ORIGIN, UPGRADE,
    VARY,
};
use http::{HeaderMap, Method};
use parking_lot::Mutex;
use rebuffer_media::Address;

use crate::identity::PLAYER_ID_HEADER;

const REQUEST_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");
/// What a page may read of the rig's own answers. For one that sends credentials `*` is a name like any other.
const OWN_HEADERS: HeaderValue = HeaderValue::from_static("*, Content-Length, Date, Location, Retry-After");
const NULL: &[u8] = b"null";

/// What pages of other origins may read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Cors {
    /// What they may read direct.
    #[default]
    Page,
    /// What the origin's headers say to a browser that talks to the rig; no header is changed.
    Origin,
}

impl FromStr for Cors {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "page" => Ok(Self::Page),
            "origin" => Ok(Self::Origin),
            _ => Err(format!("is page or origin; got {text:?}")),
        }
    }
}

/// The pages that the rig itself led somewhere, because a browser says `Origin: null` after that.
#[derive(Debug, Default)]
pub(crate) struct LedPages(Mutex<VecDeque<(Address, HeaderValue)>>);

/// The most places of a session to which pages were led.
const MAX_LED: usize = 64;

/// The page behind a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    /// As the browser says it.
    pub(crate) sent: HeaderValue,
    /// As the browser would say it to the origin itself.
    pub(crate) real: HeaderValue,
    /// Whether it is the origin's own page, of which a browser asks nothing.
    pub(crate) is_own: bool,
    /// Whether it sends credentials, as far as can be seen: it sent a cookie.
    pub(crate) with_credentials: bool,
}

impl LedPages {
    /// A page was led here.
    pub(crate) fn lead(&self, to: Address, page: HeaderValue) {
        let mut led = self.0.lock();
        led.retain(|(other, _)| *other != to);
        if led.len() >= MAX_LED {
            led.pop_front();
        }
        led.push_back((to, page));
    }

    /// The page that was led here last.
    pub(crate) fn to(&self, at: &Address) -> Option<HeaderValue> {
        self.0.lock().iter().rev().find(|(to, _)| to == at).map(|(_, page)| page.clone())
    }
}

/// Whether a request is a browser's question whether another one may be sent.
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Lets every page read an answer of the rig's own, also one that sends credentials.
pub(crate) fn open_to_all(headers: &mut HeaderMap, page: Option<&HeaderValue>) {
    match page {
        Some(page) => {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, page.clone());
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, OWN_HEADERS);
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
        None => {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*"));
        }
    }
}

/// The rest of the answer to a preflight that allows whatever was asked for.
pub(crate) fn allow_what_is_asked(headers: &mut HeaderMap, asked: &HeaderMap) {
    let methods = asked.get(ACCESS_CONTROL_REQUEST_METHOD).cloned();
    headers.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        methods.unwrap_or(HeaderValue::from_static("GET, HEAD, OPTIONS")),
    );
    let names = asked.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.unwrap_or(HeaderValue::from_static("*")));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    if asked.contains_key(&REQUEST_PRIVATE_NETWORK) {
        headers.insert(ALLOW_PRIVATE_NETWORK, HeaderValue::from_static("true"));
    }
}

impl Page {
    /// The page of a request. `led` is the page that the rig itself led here by a redirect, after which a browser says `null`;
    /// `by_port` is the origin behind a port of the session, when the page was loaded through it; `origin` is where the request
    /// goes, as a URL without a path.
    pub(crate) fn of(
        sent: &HeaderValue,
        led: Option<HeaderValue>,
        by_port: Option<HeaderValue>,
        origin: &str,
        with_credentials: bool,
    ) -> Self {
        let real = match led {
            Some(led) if sent.as_bytes() == NULL => led,
            Some(_) | None => by_port.unwrap_or_else(|| sent.clone()),
        };
        Self { is_own: real.as_bytes() == origin.as_bytes(), sent: sent.clone(), real, with_credentials }
    }

    /// Whether the origin has to be told another page than the browser says.
    pub(crate) fn is_restored(&self) -> bool {
        self.is_own || self.real != self.sent
    }

    /// Asks in the page's name. A browser does not name the origin's own page when it only reads, but for a WebSocket.
    pub(crate) fn ask(&self, headers: &mut HeaderMap, method: &Method) {
        let reads = (method == Method::GET || method == Method::HEAD) && !headers.contains_key(UPGRADE);
        if self.is_own && reads {
            headers.remove(ORIGIN);
        } else {
            headers.insert(ORIGIN, self.real.clone());
        }
    }

    /// Whether the page itself would not have asked this preflight: it is the origin's own, or only the header by which it names
    /// its player to the rig needs one.
    pub(crate) fn needs_no_preflight(&self, headers: &HeaderMap) -> bool {
        let method = headers.get(ACCESS_CONTROL_REQUEST_METHOD).map(HeaderValue::as_bytes);
        let is_simple = matches!(method, Some(b"GET" | b"HEAD" | b"POST"));
        let names = headers.get(ACCESS_CONTROL_REQUEST_HEADERS).and_then(|names| names.to_str().ok());
        let mut names = names.into_iter().flat_map(|names| names.split(',')).map(str::trim);
        let is_ours = |name: &str| name.eq_ignore_ascii_case(PLAYER_ID_HEADER);
        self.is_own || (is_simple && names.clone().any(is_ours) && names.all(is_ours))
    }

    /// Repeats what the origin grants to the page for the `Origin` that the browser sent.
    pub(crate) fn answer(&self, headers: &mut HeaderMap) -> Verdict {
        if self.is_own {
            return self.grant_all(headers);
        }
        let granted = headers.get(ACCESS_CONTROL_ALLOW_ORIGIN);
        match granted {
            // For a page with credentials `*` names nobody, and no name is enough.
            Some(granted)
                if self.with_credentials
                    && (*granted == "*" || (*granted == self.real && !lets_credentials(headers))) =>
            {
                Verdict::Refused
            }
            Some(any) if any.as_bytes() == b"*" => Verdict::AsItIs,
            Some(granted) if *granted == self.real && self.real == self.sent => Verdict::AsItIs,
            Some(granted) if *granted == self.real => {
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, self.sent.clone());
                vary_by_origin(headers);
                Verdict::Rewritten
            }
            Some(_) | None => {
                // `null` may have been granted to anybody who has no name, and that is not this page.
                if self.real != self.sent && granted.is_some_and(|granted| *granted == self.sent) {
                    headers.remove(ACCESS_CONTROL_ALLOW_ORIGIN);
                }
                Verdict::Refused
            }
        }
    }

    fn grant_all(&self, headers: &mut HeaderMap) -> Verdict {
        let mut names = headers.keys().map(HeaderName::as_str).collect::<Vec<_>>();
        names.sort_unstable();
        let exposed = HeaderValue::from_str(&names.join(", "));
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, self.sent.clone());
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        if let Ok(exposed) = exposed {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
        vary_by_origin(headers);
        Verdict::Rewritten
    }
}

/// What the page may do with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// What the origin's headers say.
    AsItIs,
    /// The same, said for the `Origin` that the browser sent.
    Rewritten,
    /// Nothing: the origin does not let it.
    Refused,
}

fn lets_credentials(headers: &HeaderMap) -> bool {
    headers.get(ACCESS_CONTROL_ALLOW_CREDENTIALS).is_some_and(|value| value.as_bytes() == b"true")
}

fn vary_by_origin(headers: &mut HeaderMap) {
    let varies = headers.get_all(VARY).iter().any(|value| {
        let names = value.to_str().unwrap_or_default().split(',').map(str::trim);
        names.into_iter().any(|name| name == "*" || name.eq_ignore_ascii_case("origin"))
    });
    if !varies {
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "https://app.example";
    const CDN: &str = "https://cdn.example";

    fn value(text: &str) -> HeaderValue {
        HeaderValue::from_str(text).unwrap()
    }

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        fields.iter().map(|(name, text)| (HeaderName::from_static(name), value(text))).collect()
    }

    fn page(sent: &str, led: Option<&str>, by_port: Option<&str>) -> Page {
        Page::of(&value(sent), led.map(value), by_port.map(value), CDN, false)
    }

    fn answered(page: &Page, granted: Option<&str>) -> (Verdict, Option<String>) {
        let mut headers = HeaderMap::new();
        if let Some(granted) = granted {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, value(granted));
        }
        let verdict = page.answer(&mut headers);
        (verdict, headers.get(ACCESS_CONTROL_ALLOW_ORIGIN).map(|it| it.to_str().unwrap().to_owned()))
    }

    #[test]
    fn the_origin_is_asked_in_the_name_of_the_real_page() {
        for (page, real, is_restored) in [
            (page(APP, None, None), APP, false),
            (page("null", Some(APP), None), APP, true),
            (page("null", None, None), "null", false),
            (page(APP, Some("https://other.example"), None), APP, false),
            (page("http://rig:30100", None, Some("https://first.example")), "https://first.example", true),
        ] {
            let mut asked = headers(&[("origin", "whatever")]);
            page.ask(&mut asked, &Method::GET);
            assert_eq!((asked[ORIGIN].to_str().unwrap(), page.is_restored()), (real, is_restored));
        }
        let own = page(CDN, None, None);
        let mut asked = headers(&[("origin", CDN)]);
        own.ask(&mut asked, &Method::POST);
        assert_eq!(asked[ORIGIN], CDN);
        own.ask(&mut asked, &Method::GET);
        assert!(!asked.contains_key(ORIGIN) && own.is_restored());
    }

    #[test]
    fn what_is_granted_is_repeated_and_what_is_refused_stays_refused() {
        let plain = page(APP, None, None);
        assert_eq!(answered(&plain, Some(APP)), (Verdict::AsItIs, Some(APP.to_owned())));
        assert_eq!(answered(&plain, Some("*")), (Verdict::AsItIs, Some("*".to_owned())));
        assert_eq!(answered(&plain, Some(CDN)), (Verdict::Refused, Some(CDN.to_owned())));
        assert_eq!(answered(&plain, None), (Verdict::Refused, None));
        let led = page("null", Some(APP), None);
        assert_eq!(answered(&led, Some(APP)), (Verdict::Rewritten, Some("null".to_owned())));
        assert_eq!(answered(&led, Some("null")), (Verdict::Refused, None), "direct it would be refused");
        assert_eq!(answered(&led, None), (Verdict::Refused, None));
    }

    #[test]
    fn a_page_with_credentials_is_granted_by_name_and_leave() {
        for (granted, leave, verdict) in [
            (APP, "true", Verdict::AsItIs),
            (APP, "false", Verdict::Refused),
            ("*", "true", Verdict::Refused),
            (CDN, "true", Verdict::Refused),
        ] {
            let mut answer = headers(&[
                ("access-control-allow-origin", granted),
                ("access-control-allow-credentials", leave),
            ]);
            let page = Page { with_credentials: true, ..page(APP, None, None) };
            assert_eq!((page.answer(&mut answer), answer.len()), (verdict, 2), "{granted} {leave}");
        }
    }

    #[test]
    fn the_origins_own_page_reads_all_that_it_reads_direct() {
        let mut answer = headers(&[("x-mine", "1"), ("etag", "\"a\""), ("vary", "Accept, Origin")]);
        assert_eq!(page(CDN, None, None).answer(&mut answer), Verdict::Rewritten);
        assert_eq!(answer[ACCESS_CONTROL_ALLOW_ORIGIN], CDN);
        assert_eq!(answer[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        assert_eq!(answer[ACCESS_CONTROL_EXPOSE_HEADERS], "etag, vary, x-mine");
        assert_eq!(answer.get_all(VARY).iter().count(), 1);
    }

    #[test]
    fn a_preflight_that_only_the_rig_needs_is_told() {
        let needs_none = |page: &Page, method: &str, names: &str| {
            let mut asked = headers(&[("access-control-request-method", method)]);
            if !names.is_empty() {
                asked.insert(ACCESS_CONTROL_REQUEST_HEADERS, value(names));
            }
            page.needs_no_preflight(&asked)
        };
        let app = page(APP, None, None);
        assert!(needs_none(&app, "GET", "player-id"));
        assert!(!needs_none(&app, "GET", "authorization,player-id"));
        assert!(!needs_none(&app, "PUT", "player-id") && !needs_none(&app, "GET", ""));
        assert!(needs_none(&page(CDN, None, None), "PUT", "x-any"));
    }
}
