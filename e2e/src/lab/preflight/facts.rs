//! Looks at the machine. IO: programs, ports, disk.

use std::path::Path;

use anyhow::{Context as _, bail};
use nix::sys::statvfs::statvfs;

use super::verdict::{self, Facts, Need, Problem};
use crate::lab::apt;
use crate::lab::command::Run;
use crate::lab::paths::Paths;
use crate::lab::progress::Step;

/// Makes sure that the machine has what a part needs: installs what Debian's packages can mend if we are root, and names
/// everything else at once.
///
/// # Errors
/// Something is missing that the lab may not or cannot install: one line for each, with what mends it.
pub async fn check(paths: &Paths, needs: &[Need], step: &Step) -> anyhow::Result<()> {
    let problems = problems(paths, needs).await?;
    let packages: Vec<&str> = problems.iter().filter_map(|problem| problem.package).collect();
    let packages_mend_all = packages.len() == problems.len();
    if problems.is_empty() {
        return Ok(());
    }
    if packages_mend_all && apt::usable() {
        apt::install(&packages, step).await?;
        return refuse(&self::problems(paths, needs).await?);
    }
    refuse(&problems)
}

async fn problems(paths: &Paths, needs: &[Need]) -> anyhow::Result<Vec<Problem>> {
    Ok(verdict::problems(needs, &look(paths, needs).await?))
}

fn refuse(problems: &[Problem]) -> anyhow::Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = problems.iter().map(|problem| format!("\n  - {problem}")).collect();
    bail!("this machine lacks:{}", lines.concat())
}

/// Looks only at what is asked for: starting Java to ask its version takes longer than all the rest.
async fn look(paths: &Paths, needs: &[Need]) -> anyhow::Result<Facts> {
    let mut facts = Facts::default();
    for need in needs {
        match *need {
            Need::DiskGib(_) => facts.disk_bytes_free = disk_bytes_free(&paths.cache)?,
            Need::Root(_) => facts.root = nix::unistd::geteuid().is_root(),
            Need::Architecture => std::env::consts::ARCH.clone_into(&mut facts.architecture),
            Need::Java => facts.java = java().await,
            Need::Jlink => facts.programs_absent.extend(absent("jlink").await),
            Need::Maven => facts.programs_absent.extend(absent("mvn").await),
            Need::Go => facts.go = go().await,
            Need::CCompiler => facts.programs_absent.extend(absent("cc").await),
            Need::Cargo => facts.programs_absent.extend(absent("cargo").await),
            Need::Curl => facts.programs_absent.extend(absent("curl").await),
            Need::Python => facts.programs_absent.extend(absent("python3").await),
            Need::Pip => facts.programs_absent.extend(pip_absent().await),
        }
    }
    Ok(facts)
}

fn disk_bytes_free(folder: &Path) -> anyhow::Result<u64> {
    // The cache may not exist yet; its disk is that of the nearest folder above that does.
    let existing = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    let stat = statvfs(existing).with_context(|| format!("look at the disk of {}", existing.display()))?;
    Ok(stat.blocks_available() * stat.fragment_size())
}

async fn absent(program: &'static str) -> Option<&'static str> {
    Run::new(program).arg("--version").run().await.is_err().then_some(program)
}

/// A Python may be there without its installer, which is no program of its own.
async fn pip_absent() -> Option<&'static str> {
    Run::new("python3").args(["-m", "pip", "--version"]).run().await.is_err().then_some("pip")
}

/// Asks for the feature version: `JAVA_VERSION="17.0.2"` and `1.8.0` are 17 and 8.
async fn java() -> Option<u32> {
    // Prints its version on standard output only in this spelling, and only from Java 9 on: older ones fail.
    let output = match Run::new("java").arg("--version").run().await {
        Ok(output) => output.stdout,
        Err(_older) => return Run::new("java").arg("-version").run().await.is_ok().then_some(8),
    };
    let version = output.split_ascii_whitespace().nth(1)?;
    version.split(['.', '-', '+']).next()?.parse().ok()
}

/// Asks for the minor version: `go version go1.26.8 linux/amd64` is 26.
async fn go() -> Option<u32> {
    let output = Run::new("go").arg("version").run().await.ok()?.stdout;
    let version = output.split_ascii_whitespace().nth(2)?.strip_prefix("go1.")?;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
