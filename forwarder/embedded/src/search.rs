//! Where libchdb.so is looked for.
//!
//! A path the user gave is the only candidate: a typing error must not silently become another file. Otherwise the first
//! that exists of data directory, the binary's own directory, `<cache>/chdb`. This module reads no environment: the
//! binary's flag (which may be filled from `CHDB_LIB`) is `explicit`, and `REBUFFER_CACHE` (set by the Makefile) is `cache_dir`.

use std::path::PathBuf;

use crate::Error;

pub const LIBRARY_NAME: &str = "libchdb.so";

/// The places to look at, in this order.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// The file itself, from a flag or `CHDB_LIB`; when given, nothing else is tried.
    pub explicit: Option<PathBuf>,
    /// The product's data directory: `<data_dir>/libchdb.so`.
    pub data_dir: Option<PathBuf>,
    /// The product's executable: `libchdb.so` beside it.
    pub executable: Option<PathBuf>,
    /// The cache of a source tree, `REBUFFER_CACHE`: `<cache_dir>/chdb/libchdb.so`, where `make archive` puts it.
    pub cache_dir: Option<PathBuf>,
}

/// The absolute path of the engine's library.
///
/// # Errors
/// [`Error::LibraryMissing`] with every place that was looked at.
pub fn find_library(search: &Search) -> Result<PathBuf, Error> {
    let looked_at = candidates(search);
    let found = looked_at.iter().find(|path| path.is_file()).and_then(|path| path.canonicalize().ok());
    found.ok_or(Error::LibraryMissing { looked_at })
}

fn candidates(search: &Search) -> Vec<PathBuf> {
    if let Some(explicit) = &search.explicit {
        return vec![explicit.clone()];
    }
    let beside = search.executable.as_ref().and_then(|path| path.parent());
    [
        search.data_dir.as_ref().map(|dir| dir.join(LIBRARY_NAME)),
        beside.map(|dir| dir.join(LIBRARY_NAME)),
        search.cache_dir.as_ref().map(|dir| dir.join("chdb").join(LIBRARY_NAME)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_data_directory_wins_over_the_cache() {
        let dir = tempfile::tempdir().unwrap();
        let (data, cache) = (dir.path().join("data"), dir.path().join("cache"));
        fs::create_dir_all(&data).unwrap();
        fs::create_dir_all(cache.join("chdb")).unwrap();
        fs::write(cache.join("chdb").join(LIBRARY_NAME), "cache").unwrap();
        let search = Search { data_dir: Some(data.clone()), cache_dir: Some(cache), ..Search::default() };
        assert_eq!(fs::read_to_string(find_library(&search).unwrap()).unwrap(), "cache");
        fs::write(data.join(LIBRARY_NAME), "data").unwrap();
        assert_eq!(fs::read_to_string(find_library(&search).unwrap()).unwrap(), "data");
    }

    #[test]
    fn an_explicit_path_that_is_wrong_is_an_error_even_if_another_exists() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(LIBRARY_NAME), "").unwrap();
        let search = Search {
            explicit: Some(dir.path().join("nothing.so")),
            data_dir: Some(dir.path().to_owned()),
            ..Search::default()
        };
        let error = find_library(&search).unwrap_err().to_string();
        assert!(error.contains("nothing.so") && error.contains("make archive"), "{error}");
    }
}
