//! What a session has said of itself: each thing once, and what the rig did not see, until it does.
//!
//! Invariant: one topic does not silence another, and of each the first [`SAID_ONCE`] things are said; so what is kept is bounded.
//! Deliberately absent: where it is said (see `learning.rs`).

use std::collections::BTreeSet;

use parking_lot::Mutex;
use rebuffer_api::UnseenView;
use rebuffer_model::{ActionKind, Timestamp};

/// The most things of a topic that are said.
const SAID_ONCE: usize = 64;

/// What was said.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<Said>);

#[derive(Debug, Default)]
struct Said {
    once: BTreeSet<(Topic, String)>,
    unseen: Vec<UnseenView>,
}

/// What a session says once of each thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Topic {
    /// Origins outside the rig.
    Left,
    /// Edits of playlists that could not be made.
    Unmet,
    /// Bodies that look like playlists and were not read.
    Unread,
    /// Media that no playlist has named.
    Unknown,
    /// What was no request.
    Malformed,
    /// What playlists of several sessions declare.
    Ambiguous,
}

impl Told {
    /// Whether something has not been said before.
    pub(crate) fn is_news(&self, topic: Topic, what: &str) -> bool {
        let once = &mut self.0.lock().once;
        let of_topic = once.range((topic, String::new())..).take_while(|(other, _)| *other == topic).count();
        of_topic < SAID_ONCE && once.insert((topic, what.to_owned()))
    }

    /// Keeps an action that says what is not seen; whether it is one.
    pub(crate) fn keep(&self, at: Timestamp, action: &ActionKind) -> bool {
        let is_unseen = action.is_unseen();
        if is_unseen {
            self.0.lock().unseen.push(UnseenView { at, action: action.clone() });
        }
        is_unseen
    }

    /// A playlist was read: its session's playlists are known, and this one is no longer unread. Whether that was otherwise before.
    pub(crate) fn playlist_is_read(&self, path: &str) -> bool {
        let mut said = self.0.lock();
        if said.unseen.is_empty() {
            return false;
        }
        let of_it = |what: &str| what.strip_prefix(path).is_some_and(|rest| rest.starts_with(' '));
        said.once.retain(|(topic, what)| match topic {
            Topic::Unknown => false,
            Topic::Unread => !of_it(what),
            Topic::Left | Topic::Unmet | Topic::Malformed | Topic::Ambiguous => true,
        });
        let before = said.unseen.len();
        let is_over = |action: &ActionKind| {
            matches!(action, ActionKind::PlaylistUnread { path: unread, .. } if unread == path)
                || matches!(action, ActionKind::PlaylistsUnknown { .. })
        };
        said.unseen.retain(|unseen| !is_over(&unseen.action));
        said.unseen.len() < before
    }

    /// What was not seen, in the order in which it was found out, but for what is by now.
    pub(crate) fn unseen(&self) -> Vec<UnseenView> {
        self.0.lock().unseen.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_is_news_once_and_a_topic_ends_at_its_bound() {
        let told = Told::default();
        assert!(told.is_news(Topic::Left, "a") && !told.is_news(Topic::Left, "a"));
        assert!(told.is_news(Topic::Unread, "a"), "another topic");
        let news = (0..100).filter(|n| told.is_news(Topic::Left, &n.to_string())).count();
        assert_eq!(news, SAID_ONCE - 1);
        assert!(told.is_news(Topic::Unread, "b"));
    }

    #[test]
    fn what_is_not_seen_stands_until_it_is() {
        let told = Told::default();
        let at = Timestamp::from_millis(7);
        let unknown = ActionKind::PlaylistsUnknown { path: "/a".to_owned() };
        let left = ActionKind::OriginLeft { host: "cdn.example".to_owned(), setting: String::new() };
        assert!(told.keep(at, &unknown) && told.keep(at, &left));
        assert!(!told.keep(at, &ActionKind::LabelChanged { labels: std::collections::BTreeMap::new() }));
        assert!(told.is_news(Topic::Unknown, "") && told.playlist_is_read("/m"));
        assert!(!told.playlist_is_read("/m"));
        assert_eq!(told.unseen(), [UnseenView { at, action: left.clone() }]);
        assert!(told.is_news(Topic::Unknown, ""), "it may happen again");

        let unread = |path: &str| ActionKind::PlaylistUnread {
            path: path.to_owned(),
            reason: "it broke off".to_owned(),
        };
        for path in ["/a", "/ab"] {
            assert!(
                told.is_news(Topic::Unread, &format!("{path} it broke off")) && told.keep(at, &unread(path))
            );
        }
        assert!(told.playlist_is_read("/a"));
        assert_eq!(told.unseen(), [left, unread("/ab")].map(|action| UnseenView { at, action }));
        assert!(
            told.is_news(Topic::Unread, "/a it broke off")
                && !told.is_news(Topic::Unread, "/ab it broke off")
        );
    }
}
