//! Tears write-ahead logs of a store that was killed, as a kill between two writes of one append does. IO: files.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context as _;
use rand::RngExt as _;
use rand::rngs::StdRng;

use super::wal;

/// The folder of an entry in which its logs lie, one a block.
const LOGS: &str = ".wal";

/// Cuts the log that was written last inside its last entry, in each entry of the store with a chance of one half, in at
/// least one; returns the files.
///
/// Only the log written last: an append that a kill interrupts is always to that one.
///
/// # Errors
/// A file cannot be read or cut.
pub fn tear(data: &Path, random: &mut StdRng) -> anyhow::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    find(data, &mut folders)?;
    folders.sort();
    let logs: Vec<PathBuf> = folders.iter().filter_map(|folder| newest(folder)).collect();
    let chosen = random.random_range(0..logs.len().max(1));
    let mut torn = Vec::new();
    for (index, log) in logs.into_iter().enumerate() {
        let is_torn = index == chosen || random.random_bool(0.5);
        if is_torn && cut(&log).with_context(|| format!("tear {}", log.display()))? {
            torn.push(log);
        }
    }
    Ok(torn)
}

fn find(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name == LOGS) {
            found.push(path);
        } else if path.is_dir() {
            find(&path, found)?;
        }
    }
    Ok(())
}

fn newest(folder: &Path) -> Option<PathBuf> {
    let logs = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    let written =
        |path: &PathBuf| path.metadata().and_then(|found| found.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    logs.filter(|path| path.extension().is_some_and(|extension| extension == "wal")).max_by_key(written)
}

fn cut(log: &Path) -> anyhow::Result<bool> {
    let Some(length) = wal::torn_length(&fs::read(log)?) else { return Ok(false) };
    File::options().write(true).open(log)?.set_len(length)?;
    Ok(true)
}
