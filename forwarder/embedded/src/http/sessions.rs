//! Named sessions (`session_id`): a connection kept between requests, with its temporary tables and settings.
//!
//! Invariants: a session is used by one request at a time, the second is refused as a server does it; a user cannot reach another
//! user's session; their number and their idle time are bounded. Differs from a server: a setting given with a request stays in
//! force for the later requests of the same session.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::auth::Role;
use super::params::Params;
use crate::engine::{Engine, Exception, Session, code};

const MOST_SESSIONS: usize = 64;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(3600);

/// What a request says about its session.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    key: (Role, String),
    timeout: Duration,
    must_exist: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<HashMap<(Role, String), Slot>>);

/// A session for the time of one request.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) session: Session,
    /// Opened by this request.
    pub(super) new: bool,
    wanted: Option<Wanted>,
}

#[derive(Debug)]
enum Slot {
    Busy,
    Idle { session: Session, until: Instant },
}

impl Wanted {
    pub(super) fn from_params(role: Role, params: &Params) -> Result<Option<Wanted>, Exception> {
        let Some(id) = params.filled("session_id") else { return Ok(None) };
        let seconds = params.filled("session_timeout").map(str::parse::<u64>).transpose();
        let seconds = seconds
            .map_err(|_| Exception::new(code::BAD_ARGUMENTS, "session_timeout is a number of seconds"))?;
        let timeout = seconds.map_or(DEFAULT_TIMEOUT, Duration::from_secs);
        if timeout > LONGEST_TIMEOUT {
            return Err(Exception::new(code::BAD_ARGUMENTS, "session_timeout is at most 3600"));
        }
        Ok(Some(Wanted { key: (role, id.to_owned()), timeout, must_exist: params.flag("session_check") }))
    }
}

impl Sessions {
    /// The wanted session, or one for this request alone.
    pub(super) fn take(&self, engine: &Engine, wanted: Option<Wanted>) -> Result<Taken, Exception> {
        let Some(wanted) = wanted else {
            return Ok(Taken { session: engine.session()?, new: true, wanted: None });
        };
        let mut slots = self.0.lock();
        let now = Instant::now();
        slots.retain(|_, slot| match slot {
            Slot::Busy => true,
            Slot::Idle { until, .. } => *until > now,
        });
        let kept = match slots.insert(wanted.key.clone(), Slot::Busy) {
            Some(Slot::Idle { session, .. }) => Some(session),
            Some(Slot::Busy) => {
                return Err(Exception::new(
                    code::SESSION_IS_LOCKED,
                    "Session is locked by a concurrent client",
                ));
            }
            None if wanted.must_exist => {
                slots.remove(&wanted.key);
                return Err(Exception::new(code::SESSION_NOT_FOUND, "Session not found"));
            }
            None if slots.len() > MOST_SESSIONS => {
                slots.remove(&wanted.key);
                return Err(Exception::new(code::TOO_MANY_SIMULTANEOUS_QUERIES, "Too many sessions"));
            }
            None => None,
        };
        let new = kept.is_none();
        let session = match kept.map_or_else(|| engine.session(), Ok) {
            Ok(session) => session,
            Err(exception) => {
                slots.remove(&wanted.key);
                return Err(exception);
            }
        };
        Ok(Taken { session, new, wanted: Some(wanted) })
    }

    /// Ends the request's hold; a session of its own is closed.
    pub(super) fn give_back(&self, taken: Taken) {
        if let Some(wanted) = taken.wanted {
            let idle = Slot::Idle { session: taken.session, until: Instant::now() + wanted.timeout };
            self.0.lock().insert(wanted.key, idle);
        }
    }

    /// Closes every session nobody uses.
    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_bounded() {
        let wanted = |query: &str| Wanted::from_params(Role::Operator, &Params::from_query(query));
        assert!(wanted("query=x").unwrap().is_none());
        assert_eq!(wanted("session_id=a").unwrap().unwrap().timeout, DEFAULT_TIMEOUT);
        assert_eq!(wanted("session_id=a&session_timeout=5").unwrap().unwrap().timeout.as_secs(), 5);
        assert!(wanted("session_id=a&session_timeout=3601").is_err());
        assert!(wanted("session_id=a&session_timeout=x").is_err());
    }
}
