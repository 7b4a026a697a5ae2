//! Which numbers may have been used: reserved in blocks, on disk before the first of a block is given out.
//!
//! Invariant: a number is never given out twice, not even when a power cut took the end of the log with it, because the archive
//! may have had those records already. After an orderly end the next number follows the last; after any other it follows the
//! reserved block. Deliberately absent: the log itself.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rebuffer_model::Position;

const BLOCK: u64 = 1_000_000;
/// A new block is reserved when this many numbers are left of the old one.
const LOW: u64 = 100_000;

/// The reserved numbers of a feed.
#[derive(Debug)]
pub(super) struct Numbers {
    path: PathBuf,
    reserved: Position,
}

impl Numbers {
    /// Reads what was reserved and reserves the first block; returns the number to go on with.
    pub(super) fn open(dir: &Path, after_the_log: Position) -> io::Result<(Self, Position)> {
        let path = dir.join("numbers");
        let reserved = match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().map_err(|_| {
                let text = format!("{} does not hold a number", path.display());
                io::Error::new(io::ErrorKind::InvalidData, text)
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Position(0),
            Err(error) => return Err(error),
        };
        let next = after_the_log.max(reserved);
        let mut numbers = Self { path, reserved };
        numbers.reserve(Position(next.0 + BLOCK))?;
        Ok((numbers, next))
    }

    /// Makes sure that numbers up to `next` may be given out.
    pub(super) fn cover(&mut self, next: Position) -> io::Result<()> {
        if next.0 + LOW > self.reserved.0 {
            self.reserve(Position(next.0 + BLOCK))?;
        }
        Ok(())
    }

    /// The end, in order: `next` was not given out and is the first of the next run.
    pub(super) fn give_back(&mut self, next: Position) -> io::Result<()> {
        self.reserve(next)
    }

    fn reserve(&mut self, up_to: Position) -> io::Result<()> {
        let draft = self.path.with_extension("new");
        let mut file = File::create(&draft)?;
        writeln!(file, "{up_to}")?;
        file.sync_all()?;
        fs::rename(&draft, &self.path)?;
        if let Some(dir) = self.path.parent() {
            File::open(dir)?.sync_all()?;
        }
        self.reserved = up_to;
        Ok(())
    }
}
