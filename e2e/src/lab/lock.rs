//! Locks between processes, released by the kernel when their holder ends. IO: lock files.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use anyhow::Context;

use super::paths::Paths;

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Waits until no other `lab up` or `lab down` works on this run folder; `waiting` is called once if that takes time.
    ///
    /// # Errors
    /// The lock file cannot be created or locked.
    pub async fn of_run(paths: &Paths, waiting: impl FnOnce()) -> anyhow::Result<Self> {
        Self::acquire(&paths.run.join("lock"), waiting).await
    }

    /// Waits until no other process holds the lock file; `waiting` is called once if that takes time.
    ///
    /// # Errors
    /// The lock file cannot be created or locked.
    pub async fn acquire(path: &Path, waiting: impl FnOnce()) -> anyhow::Result<Self> {
        let file = open(path).with_context(|| format!("open lock file {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => return Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => waiting(),
            Err(TryLockError::Error(cause)) => {
                return Err(cause).with_context(|| format!("lock {}", path.display()));
            }
        }
        let locked = tokio::task::spawn_blocking(move || file.lock().map(|()| file)).await?;
        Ok(Self { _file: locked.with_context(|| format!("lock {}", path.display()))? })
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    OpenOptions::new().create(true).truncate(false).write(true).open(path)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::Lock;

    #[tokio::test]
    async fn second_holder_waits_for_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::acquire(&path, || panic!("nobody holds it")).await.unwrap();
        let waited = AtomicBool::new(false);
        let second = Lock::acquire(&path, || waited.store(true, Ordering::Relaxed));
        let mut second = std::pin::pin!(second);
        assert!(tokio::time::timeout(Duration::from_millis(50), &mut second).await.is_err());
        assert!(waited.load(Ordering::Relaxed));
        drop(first);
        second.await.unwrap();
    }
}
