//! The images of our own programs. IO: `cargo build --release`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;

use super::oci::Start;
use super::recipe::{Archive, Recipe};
use super::{base, third_party};
use crate::lab::command::Run;
use crate::lab::progress::{Progress, Step};

/// The folder of the workspace that this program was compiled in.
const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Package, program and image have the same name.
const PROGRAMS: [&str; 2] = ["kafkasink-operator", "kafkasink-runtime"];

/// Builds operator and runtime and writes their images into a folder: `kafkasink-operator.tar`, `kafkasink-runtime.tar`.
///
/// # Errors
/// The build fails, or the folder cannot be written.
pub async fn write_to(progress: &Progress, folder: &Path) -> anyhow::Result<Vec<Archive>> {
    let builds = progress.step("builds operator and runtime for release (about 2 minutes the first time)");
    let target = build_programs(&builds).await?;
    builds.done();
    let writes = progress.step("writes their images");
    let mut archives = Vec::new();
    for name in PROGRAMS {
        writes.note(name);
        archives.push(write(name, &target, folder).await?);
    }
    writes.done();
    Ok(archives)
}

/// Builds both programs for release and returns the folder they are in.
///
/// By program and not by package: the features of shared crates are then those of the whole workspace, as for the demo
/// itself, and cargo builds each of them once.
async fn build_programs(step: &Step) -> anyhow::Result<PathBuf> {
    let programs = PROGRAMS.iter().flat_map(|name| ["--bin", name]);
    let build = Run::new("cargo").args(["build", "--release"]).args(programs).dir(WORKSPACE);
    build.step(step).run().await?;
    let metadata = Run::new("cargo").args(["metadata", "--format-version=1", "--no-deps"]).dir(WORKSPACE);
    let metadata: Metadata =
        serde_json::from_str(&metadata.run().await?.stdout).context("read cargo's metadata")?;
    Ok(metadata.target_directory.join("release"))
}

/// What of `cargo metadata` is needed.
#[derive(Deserialize)]
struct Metadata {
    target_directory: PathBuf,
}

async fn write(name: &'static str, target: &Path, folder: &Path) -> anyhow::Result<Archive> {
    let program = target.join(name);
    let start =
        Start { entrypoint: vec![format!("/{name}")], user: Some(base::USER.to_owned()), ..Start::default() };
    let recipe = Recipe { name, tag: env!("CARGO_PKG_VERSION").to_owned(), start };
    let archive = recipe.archive_in(folder);
    // The lab itself is asked too: it holds the recipe.
    if is_younger(&archive.path, &[&program, &std::env::current_exe()?])? {
        return Ok(archive);
    }
    recipe.write(third_party::with_program(&format!("/{name}"), &program).await?, folder).await
}

/// Returns whether a file is there and was written after all of the others.
fn is_younger(file: &Path, others: &[&Path]) -> anyhow::Result<bool> {
    let written = |path: &Path| {
        let written = path.metadata().and_then(|found| found.modified());
        written.with_context(|| format!("look at {}", path.display()))
    };
    if !file.exists() {
        return Ok(false);
    }
    let age = written(file)?;
    for other in others {
        if written(other)? >= age {
            return Ok(false);
        }
    }
    Ok(true)
}
