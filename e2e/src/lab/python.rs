//! Libraries of Python, each in a folder of the cache. IO: pip.

use std::path::PathBuf;

use super::cache::cached;
use super::command::Run;
use super::paths::Paths;
use super::preflight::Need;
use super::progress::Step;
use super::versions;

/// A library and its version.
pub type Library = (&'static str, &'static str);

/// The store's client by its vendor.
pub const REDUCT: Library = ("reduct-py", versions::REDUCT_PY);
/// A client of Kafka: librdkafka with a thin layer.
pub const KAFKA: Library = ("confluent-kafka", versions::CONFLUENT_KAFKA);

/// Returns what the machine must have to use libraries: Python, and its installer as long as one of them is absent.
#[must_use]
pub fn needs(paths: &Paths, libraries: &[Library]) -> Vec<Need> {
    let all = libraries.iter().all(|(name, version)| paths.part_dir(name, version).exists());
    if all { vec![Need::Python] } else { vec![Need::Python, Need::Pip] }
}

/// Returns the folder of a library, for `PYTHONPATH`, and installs it there before that if it is absent.
///
/// # Errors
/// Python or pip is absent, or the library cannot be fetched.
pub async fn library(paths: &Paths, (name, version): Library, step: &Step) -> anyhow::Result<PathBuf> {
    cached(paths, name, version, step, async |folder: PathBuf| {
        let run = Run::new("python3").args(["-m", "pip", "install", "--quiet", "--target"]).arg(folder);
        run.arg(format!("{name}=={version}")).step(step).run().await.map(drop)
    })
    .await
}
