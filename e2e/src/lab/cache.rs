//! Builds each part once per version. IO: the cache folder.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::lock::Lock;
use super::paths::Paths;
use super::progress::Step;

/// Returns the folder of a built part, `cache/<name>-<version>`, and builds it before that if it is absent.
///
/// `build` fills the folder it is given; only a finished one gets the part's name. Of two processes that need the same
/// part one builds and the other waits; what a killed build leaves is removed by the next.
///
/// # Errors
/// The build fails, or the cache cannot be written.
pub async fn cached<F, B>(
    paths: &Paths,
    name: &str,
    version: &str,
    step: &Step,
    build: F,
) -> anyhow::Result<PathBuf>
where
    F: FnOnce(PathBuf) -> B,
    B: Future<Output = anyhow::Result<()>>,
{
    let target = paths.part_dir(name, version);
    if target.exists() {
        return Ok(target);
    }
    let part = format!("{name}-{version}");
    let lock_file = paths.cache.join("locks").join(format!("{part}.lock"));
    let _lock = Lock::acquire(&lock_file, || step.note("waits for another process that builds it")).await?;
    if target.exists() {
        return Ok(target);
    }
    let unfinished = paths.cache.join("unfinished").join(&part);
    fresh_folder(&unfinished).await?;
    build(unfinished.clone()).await.with_context(|| format!("build {part}"))?;
    let renamed = tokio::fs::rename(&unfinished, &target).await;
    renamed.with_context(|| format!("move {} to {}", unfinished.display(), target.display()))?;
    Ok(target)
}

/// Removes a folder with all it holds, if it is there, and creates it empty.
///
/// # Errors
/// The folder cannot be removed or created.
pub async fn fresh_folder(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        let removed = tokio::fs::remove_dir_all(folder).await;
        removed.with_context(|| format!("remove {}", folder.display()))?;
    }
    tokio::fs::create_dir_all(folder).await.with_context(|| format!("create {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use anyhow::bail;

    use super::cached;
    use crate::lab::{Paths, Progress};

    fn paths(root: &tempfile::TempDir) -> Paths {
        Paths { cache: root.path().to_path_buf(), run: root.path().join("run") }
    }

    async fn write_file(folder: PathBuf) -> anyhow::Result<()> {
        Ok(std::fs::write(folder.join("file"), "content")?)
    }

    #[tokio::test]
    async fn parallel_callers_build_once() {
        let root = tempfile::tempdir().unwrap();
        let paths = paths(&root);
        let step = Progress::start(1).step("builds");
        let builds = AtomicUsize::new(0);
        let build = |folder| {
            builds.fetch_add(1, Ordering::Relaxed);
            write_file(folder)
        };
        let (one, two) = tokio::join!(
            cached(&paths, "part", "1", &step, build),
            cached(&paths, "part", "1", &step, build)
        );
        assert_eq!(one.unwrap(), two.unwrap());
        assert_eq!(builds.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn failed_build_leaves_nothing_that_counts_as_built() {
        let root = tempfile::tempdir().unwrap();
        let paths = paths(&root);
        let step = Progress::start(1).step("builds");
        let half = |folder: PathBuf| async move {
            std::fs::write(folder.join("half"), "")?;
            bail!("killed")
        };
        cached(&paths, "part", "1", &step, half).await.unwrap_err();
        let built = cached(&paths, "part", "1", &step, write_file).await.unwrap();
        let names: Vec<_> =
            std::fs::read_dir(built).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["file"]);
    }
}
