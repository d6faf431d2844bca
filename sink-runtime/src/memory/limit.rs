//! `MemoryLimit`: the smallest limit that holds for this process. IO: files of the kernel.

use std::path::{Path, PathBuf};

use super::cgroup::{limit_files, parse_limit};

/// Part of the machine's memory that a member takes for its own where nothing limits it.
const MACHINE_PART: u64 = 4;

/// The memory that this process may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryLimit {
    /// How much.
    pub bytes: u64,
    /// The file that says so; none where nothing limits the process, and the bytes are a part of the machine's memory.
    pub file: Option<PathBuf>,
}

/// Why the limit is not known.
#[derive(Debug, thiserror::Error)]
pub enum LimitError {
    /// The kernel does not tell.
    #[error("cannot read {}", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The kernel does not tell how much memory the machine has.
    #[error("/proc/meminfo does not say how much memory the machine has")]
    Machine,
}

impl MemoryLimit {
    /// Finds the smallest limit on the way from this process' cgroup to the root.
    ///
    /// # Errors
    /// The kernel's files cannot be read.
    pub fn find() -> Result<Self, LimitError> {
        let (cgroups, mounts) = (read("/proc/self/cgroup")?, read("/proc/self/mountinfo")?);
        let limit = |file: PathBuf| {
            // The root of a hierarchy has no limit, and parents that a container cannot see have no file.
            let bytes = parse_limit(&std::fs::read_to_string(&file).ok()?)?;
            Some(Self { bytes, file: Some(file) })
        };
        let limits = limit_files(&cgroups, &mounts).into_iter().filter_map(limit);
        match limits.min_by_key(|found| found.bytes) {
            Some(smallest) => Ok(smallest),
            None => Ok(Self { bytes: machine_bytes()? / MACHINE_PART, file: None }),
        }
    }
}

fn machine_bytes() -> Result<u64, LimitError> {
    let text = read("/proc/meminfo")?;
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kibibytes = total.and_then(|total| total.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kibibytes.map(|kibibytes| kibibytes * 1024).ok_or(LimitError::Machine)
}

fn read(file: &str) -> Result<String, LimitError> {
    std::fs::read_to_string(file)
        .map_err(|source| LimitError::Read { file: Path::new(file).to_owned(), source })
}
