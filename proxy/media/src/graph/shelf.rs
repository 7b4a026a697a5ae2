//! What is known of each URL, found by origin, path and query as a player may spell them.
//!
//! Invariant: a URL that was declared as it is asked for is always found as that. Otherwise it is sought without what
//! clients add (CMCD, low-latency directives, ids), then without its query, and last by its path, if all that is known
//! under that path is the same thing: so a renewed token does not make a segment unknown. What one origin does not have is
//! sought at the others, because the same path there is the same content (mirrors, cloned pathways).
//! A URL takes the same memory however long it is: it is kept as a hash of 64 bits with a key of the process's own, so that
//! of a million URLs two are confused once in ten million sessions, and nobody can bring that about.
//! Deliberately absent: which playlists there are; they are numbers here.

use std::collections::hash_map::{Entry, RandomState};
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};

use super::declared::{Declared, Likeness, Role};
use super::playlists::PlaylistId;
use crate::address::{self, Address};
use crate::origin::OriginId;

/// What a URL takes, about: its place in the tables and in the list of its playlist.
pub(super) const ENTRY_WEIGHT: usize = 128;

/// A URL of an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key(u64);

/// Makes keys. Clones make the same ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Keys(RandomState);

/// A table by key, which is a hash already.
pub(super) type ByKey<T> = HashMap<Key, T, BuildHasherDefault<AsItIs>>;

/// Takes a key for its hash.
#[derive(Debug, Default)]
pub(super) struct AsItIs(u64);

#[derive(Debug, Default)]
pub(super) struct Shelf {
    keys: Keys,
    exact: ByKey<Declared>,
    /// For each path that was declared with a query, what was declared under it.
    by_path: ByKey<Alike>,
    /// By playlist.
    lists: Vec<List>,
}

/// The URLs of one path.
#[derive(Debug)]
struct Alike {
    /// The newest of them.
    newest: Key,
    count: usize,
    /// Whether they are not all the same thing.
    mixed: bool,
}

/// The URLs of one playlist.
#[derive(Debug, Default)]
struct List {
    /// All of them, and some that were its own.
    keys: Vec<Key>,
    count: usize,
    weight: usize,
}

/// A request as it may have been declared.
#[derive(Debug)]
pub(super) struct Spellings {
    /// As it is, then without what clients add.
    pub(super) whole: [Option<String>; 2],
    /// Without its query.
    pub(super) path: String,
}

impl Keys {
    pub(super) fn of(&self, origin: OriginId, url: &str) -> Key {
        Key(self.0.hash_one((origin, url)))
    }
}

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

impl Spellings {
    /// `None` for what is no path of an origin.
    pub(super) fn of(target: &str) -> Option<Self> {
        let canonical = address::canonical(target)?.into_owned();
        let own = address::without_client_parameters(&canonical);
        let path = canonical.split_once('?').map_or(canonical.as_str(), |(path, _)| path).to_owned();
        Some(Self { whole: [Some(canonical), own], path })
    }

    /// Only as it is.
    pub(super) fn as_it_is(target: &str) -> Option<Self> {
        let canonical = address::canonical(target)?.into_owned();
        Some(Self { path: canonical.clone(), whole: [Some(canonical), None] })
    }

    pub(super) fn whole(&self) -> impl Iterator<Item = &str> {
        self.whole.iter().flatten().map(String::as_str)
    }
}

impl Shelf {
    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(super) fn exact(&self, at: &Address) -> Option<&Declared> {
        self.exact.get(&self.keys.of(at.origin, &at.target))
    }

    /// What a request is in the very spelling in which it was declared.
    pub(super) fn as_declared(&self, origin: OriginId, target: &str) -> Option<&Declared> {
        let found = self.exact.get(&self.keys.of(origin, target));
        found.or_else(|| self.exact.get(&self.keys.of(origin, &address::canonical(target)?)))
    }

    /// What a request is, but for what clients add.
    pub(super) fn as_spelt(&self, origin: OriginId, spellings: &Spellings) -> Option<&Declared> {
        spellings.whole().find_map(|url| self.exact.get(&self.keys.of(origin, url)))
    }

    /// What a request is, judged by its path.
    pub(super) fn by_path(&self, origin: OriginId, spellings: &Spellings) -> Option<&Declared> {
        let path = self.keys.of(origin, &spellings.path);
        let alike = || self.by_path.get(&path).filter(|alike| !alike.mixed);
        self.exact.get(&path).or_else(|| self.exact.get(&alike()?.newest))
    }

    /// Puts a declaration beside what the same version said of the URL, and in place of anything else.
    pub(super) fn put(&mut self, at: &Address, mut declared: Declared) {
        let key = self.keys.of(at.origin, &at.target);
        let path = at.target.split_once('?').map(|(path, _)| self.keys.of(at.origin, path));
        declared.path = path;
        let (owner, kind) = (declared.playlist, declared.likeness());
        match self.exact.entry(key) {
            Entry::Vacant(vacant) => {
                list(&mut self.lists, owner).take(key, vacant.insert(declared).weight());
                self.count_path(path, key, kind, 1);
            }
            Entry::Occupied(mut occupied) => {
                let known = occupied.get_mut();
                let (before, weight) = (known.playlist, known.weight());
                known.meet(declared);
                let after = known.playlist;
                list(&mut self.lists, before).weight -= weight;
                if after == before {
                    list(&mut self.lists, after).weight += known.weight();
                } else {
                    list(&mut self.lists, before).count -= 1;
                    list(&mut self.lists, after).take(key, known.weight());
                }
                self.count_path(path, key, kind, 0);
            }
        }
    }

    /// Counts a URL of a path that has been declared as this kind of thing.
    fn count_path(&mut self, path: Option<Key>, key: Key, kind: Likeness, more: usize) {
        let Some(path) = path else { return };
        let Some(alike) = self.by_path.get_mut(&path) else {
            self.by_path.insert(path, Alike { newest: key, count: more, mixed: false });
            return;
        };
        let newest = self.exact.get(&alike.newest);
        alike.mixed |= newest.is_none_or(|other| other.likeness() != kind);
        alike.newest = key;
        alike.count += more;
    }

    /// Forgets what a playlist declared, but for what stays.
    pub(super) fn retain(&mut self, playlist: PlaylistId, stays: impl Fn(&Declared) -> bool) {
        let owned = list(&mut self.lists, playlist);
        let mut keys = std::mem::take(&mut owned.keys);
        if keys.len() > owned.count * 2 {
            keys.sort_unstable();
            keys.dedup();
        }
        keys.retain(|key| match self.exact.get(key) {
            Some(declared) if declared.playlist == playlist => {
                let stays = stays(declared);
                if !stays {
                    self.remove(*key);
                }
                stays
            }
            Some(_) | None => false,
        });
        list(&mut self.lists, playlist).keys = keys;
    }

    fn remove(&mut self, key: Key) {
        let Some(gone) = self.exact.remove(&key) else { return };
        let owner = list(&mut self.lists, gone.playlist);
        owner.count -= 1;
        owner.weight -= gone.weight();
        let Some(path) = gone.path else { return };
        if let Entry::Occupied(mut alike) = self.by_path.entry(path) {
            alike.get_mut().count = alike.get().count.saturating_sub(1);
            if alike.get().count == 0 {
                alike.remove();
            }
        }
    }

    /// How many names a playlist has.
    pub(super) fn names(&self, playlist: PlaylistId) -> usize {
        let Some(list) = self.lists.get(usize::from(playlist)) else { return 0 };
        let is_name = |it: &Declared| it.playlist == playlist && it.role == Role::Playlist;
        let names = list.keys.iter().filter(|key| self.exact.get(key).is_some_and(is_name));
        names.collect::<HashSet<_>>().len()
    }

    /// What a playlist's declarations take.
    pub(super) fn weight(&self, playlist: PlaylistId) -> usize {
        self.lists.get(usize::from(playlist)).map_or(0, |list| list.weight)
    }

    /// What all declarations take.
    pub(super) fn total_weight(&self) -> usize {
        self.lists.iter().map(|list| list.weight).sum()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.exact.len()
    }
}

impl List {
    fn take(&mut self, key: Key, weight: usize) {
        self.keys.push(key);
        self.count += 1;
        self.weight += weight;
    }
}

fn list(lists: &mut Vec<List>, playlist: PlaylistId) -> &mut List {
    let at = usize::from(playlist);
    if lists.len() <= at {
        lists.resize_with(at + 1, List::default);
    }
    &mut lists[at]
}
