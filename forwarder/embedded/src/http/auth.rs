//! Who is asking: the three ways in which ClickHouse's clients name a user, and the two users there are.
//!
//! Invariant: a password is compared without telling by the time taken how much of it was right.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::params::Params;
use crate::Credentials;
use crate::engine::{Exception, code};

/// What the asking user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Role {
    /// The product itself.
    Operator,
    /// People and their tools: read only, and bounded in time.
    Analyst,
}

#[derive(Debug)]
pub(super) struct Users {
    pub(super) operator: Credentials,
    pub(super) analyst: Credentials,
}

impl Users {
    pub(super) fn role(&self, headers: &HeaderMap, params: &Params) -> Result<Role, Exception> {
        let given = from_headers(headers).or_else(|| basic(headers)).or_else(|| from_params(params));
        let Some(given) = given else {
            return Err(Exception::new(code::REQUIRED_PASSWORD, "the archive wants a user and a password"));
        };
        if same(&given, &self.operator) {
            Ok(Role::Operator)
        } else if same(&given, &self.analyst) {
            Ok(Role::Analyst)
        } else {
            let text = format!(
                "{}: Authentication failed: password is incorrect, or there is no user with such name",
                given.user
            );
            Err(Exception::new(code::AUTHENTICATION_FAILED, &text))
        }
    }
}

fn from_headers(headers: &HeaderMap) -> Option<Credentials> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Some(Credentials {
        user: text("x-clickhouse-user")?,
        password: text("x-clickhouse-key").unwrap_or_default(),
    })
}

fn basic(headers: &HeaderMap) -> Option<Credentials> {
    use base64::Engine as _;
    let (scheme, encoded) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = base64::engine::general_purpose::STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (user, password) = text.split_once(':')?;
    Some(Credentials { user: user.to_owned(), password: password.to_owned() })
}

fn from_params(params: &Params) -> Option<Credentials> {
    let password = params.get("password").unwrap_or_default().to_owned();
    Some(Credentials { user: params.get("user")?.to_owned(), password })
}

fn same(given: &Credentials, known: &Credentials) -> bool {
    let (given_bytes, known_bytes) = (given.password.as_bytes(), known.password.as_bytes());
    let difference = given_bytes.iter().zip(known_bytes).fold(0, |sum, (one, other)| sum | (one ^ other));
    given.user == known.user && given_bytes.len() == known_bytes.len() && difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users() -> Users {
        let user = |user: &str, password: &str| Credentials { user: user.into(), password: password.into() };
        Users { operator: user("operator", "secret"), analyst: user("analyst", "other") }
    }

    fn ask(headers: &[(&'static str, &'static str)], query: &str) -> Result<Role, u32> {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        users().role(&headers, &Params::from_query(query)).map_err(|exception| exception.code)
    }

    #[test]
    fn every_way_of_naming_a_user_works() {
        assert_eq!(
            ask(&[("x-clickhouse-user", "operator"), ("x-clickhouse-key", "secret")], ""),
            Ok(Role::Operator)
        );
        assert_eq!(ask(&[("authorization", "Basic YW5hbHlzdDpvdGhlcg==")], ""), Ok(Role::Analyst));
        assert_eq!(ask(&[], "user=analyst&password=other"), Ok(Role::Analyst));
    }

    #[test]
    fn everything_else_is_refused() {
        assert_eq!(ask(&[], ""), Err(code::REQUIRED_PASSWORD));
        assert_eq!(ask(&[], "user=operator"), Err(code::AUTHENTICATION_FAILED));
        assert_eq!(ask(&[], "user=operator&password=secre"), Err(code::AUTHENTICATION_FAILED));
        assert_eq!(ask(&[], "user=operator&password=secretx"), Err(code::AUTHENTICATION_FAILED));
        assert_eq!(ask(&[], "user=operator&password=other"), Err(code::AUTHENTICATION_FAILED));
        let mixed = [("x-clickhouse-user", "operator"), ("x-clickhouse-key", "wrong")];
        assert_eq!(ask(&mixed, "user=operator&password=secret"), Err(code::AUTHENTICATION_FAILED));
    }
}
