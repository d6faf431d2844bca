//! Installs Debian packages that a part needs. IO: apt.

use std::path::Path;

use anyhow::bail;

use super::command::Run;
use super::program;
use super::progress::Step;

/// Returns whether packages can be installed here: apt is there and we are root.
#[must_use]
pub fn usable() -> bool {
    program::find(Path::new("apt-get")).is_some() && nix::unistd::geteuid().is_root()
}

/// Installs packages, whose programs were looked for and not found; does nothing if there are none.
///
/// # Errors
/// We are not root, with the command that installs them; or apt fails.
pub async fn install(packages: &[&str], step: &Step) -> anyhow::Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let names = packages.join(" ");
    if !usable() {
        bail!("packages are missing and only root can install them: sudo apt-get install -y {names}");
    }
    step.note(&format!("installs {names}"));
    if apt_install(packages, step).await.is_ok() {
        return Ok(());
    }
    // On a fresh machine the package lists are absent or stale.
    apt_get(step).arg("update").run().await?;
    apt_install(packages, step).await
}

async fn apt_install(packages: &[&str], step: &Step) -> anyhow::Result<()> {
    apt_get(step).args(["install", "-y", "--no-install-recommends"]).args(packages).run().await.map(drop)
}

/// Waits for another apt that runs on the machine instead of failing at once.
fn apt_get(step: &Step) -> Run<'_> {
    let run = Run::new("apt-get").args(["-o", "DPkg::Lock::Timeout=300"]).step(step);
    run.env("DEBIAN_FRONTEND", "noninteractive")
}
