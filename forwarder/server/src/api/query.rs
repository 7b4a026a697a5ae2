//! The query string of a request, read into the types that document it.
//!
//! Invariant: what a parameter is called stands in its type alone; a parameter that no type knows is refused.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use url::form_urlencoded;
use utoipa::IntoParams;

use super::failure::Failure;

/// A query string, and which of its names were understood.
#[derive(Debug)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
    known: BTreeSet<String>,
}

impl Query {
    pub(crate) fn new(raw: Option<&str>) -> Self {
        let pairs = form_urlencoded::parse(raw.unwrap_or_default().as_bytes()).into_owned().collect();
        Self { pairs, known: BTreeSet::new() }
    }

    /// The parameters this type documents.
    pub(crate) fn part<T: DeserializeOwned + IntoParams>(&mut self) -> Result<T, Failure> {
        let names: BTreeSet<_> =
            T::into_params(|| None).into_iter().map(|parameter| parameter.name).collect();
        let mut mine = form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.pairs.iter().filter(|(name, _)| names.contains(name)) {
            mine.append_pair(name, value);
        }
        let mine = mine.finish();
        self.known.extend(names);
        let reader = serde_html_form::Deserializer::from_bytes(mine.as_bytes());
        serde_path_to_error::deserialize(reader).map_err(|error| {
            let path = error.path().to_string();
            let name = path.split('[').next().unwrap_or_default();
            Failure::parameter(name, format!("{name}: {}", error.inner()))
        })
    }

    /// Refuses what no part knew.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let Some((name, _)) = self.pairs.iter().find(|(name, _)| !self.known.contains(name)) else {
            return Ok(());
        };
        let known: Vec<_> = self.known.into_iter().collect();
        Err(Failure::parameter(
            name,
            format!("there is no parameter {name:?}; there are: {}", known.join(", ")),
        ))
    }
}

/// The entries of a list that is separated by commas.
pub(crate) fn listed(text: Option<&str>) -> impl Iterator<Item = &str> {
    text.unwrap_or_default().split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rebuffer_api::archive::{NetworkQuery, Paging, ScopeQuery};

    fn refused<T: DeserializeOwned + IntoParams + std::fmt::Debug>(raw: &str) -> (Option<String>, String) {
        let failure = Query::new(Some(raw)).part::<T>().unwrap_err();
        (failure.problem().parameter.clone(), failure.problem().detail.clone())
    }

    #[test]
    fn parts_read_what_they_document() {
        let raw = "player_id=TV&from=2026-03-01T10%3A00%3A00Z&label_has=error%3Da&label_has=info%3D*b&status_min=400&faulted=1";
        let mut query = Query::new(Some(raw));
        let scope = query.part::<ScopeQuery>().unwrap();
        let paging = query.part::<Paging>().unwrap();
        let network = query.part::<NetworkQuery>().unwrap();
        query.finish().unwrap();
        assert_eq!(scope.player_id.unwrap().uuid().get_version_num(), 5, "canonical");
        assert_eq!(scope.from.unwrap().as_millis(), 1_772_359_200_000);
        assert_eq!(paging.label_has.len(), 2);
        assert_eq!((network.status_min, network.faulted.map(|flag| flag.0)), (Some(400), Some(true)));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (raw, name) in [
            ("from=yesterday", "from"),
            ("to=2026-03-01", "to"),
            ("attempt_id=-1", "attempt_id"),
            ("session_id=7", "session_id"),
            ("player_id=a&player_id=b", "player_id"),
        ] {
            assert_eq!(refused::<ScopeQuery>(raw).0.as_deref(), Some(name), "{raw}");
        }
        for (raw, name) in [
            ("label_has=bad", "label_has"),
            ("label_has=info%3Da&label_has=x", "label_has"),
            ("limit=many", "limit"),
        ] {
            assert_eq!(refused::<Paging>(raw).0.as_deref(), Some(name), "{raw}");
        }
        assert!(refused::<NetworkQuery>("faulted=maybe").1.contains("true or false"));
    }

    #[test]
    fn what_nobody_knows_is_refused_with_what_there_is() {
        let mut query = Query::new(Some("player_id=a&plyer_id=b"));
        query.part::<ScopeQuery>().unwrap();
        let failure = query.finish().unwrap_err();
        assert_eq!(failure.problem().parameter.as_deref(), Some("plyer_id"));
        assert!(failure.problem().detail.contains("player_id"));
    }
}
