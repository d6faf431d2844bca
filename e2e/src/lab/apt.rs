//! Installs Debian packages that a part needs. IO: dpkg and apt.

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

/// Makes sure that packages are installed; does nothing, fast, if they are.
///
/// # Errors
/// Packages are absent and we are not root, with the command that installs them; or apt fails.
pub async fn ensure_packages(packages: &[&str], step: &Step) -> anyhow::Result<()> {
    let mut absent = Vec::new();
    for package in packages {
        if !installed(package).await {
            absent.push(*package);
        }
    }
    if absent.is_empty() {
        return Ok(());
    }
    let names = absent.join(" ");
    if !usable() {
        bail!("packages are missing and only root can install them: sudo apt-get install -y {names}");
    }
    step.note(&format!("installs {names}"));
    if install(&absent, step).await.is_ok() {
        return Ok(());
    }
    // On a fresh machine the package lists are absent or stale.
    apt_get(step).arg("update").run().await?;
    install(&absent, step).await
}

async fn installed(package: &str) -> bool {
    let query =
        Run::new("dpkg-query").args(["--show", "--showformat=${db:Status-Status}", package]).run().await;
    query.is_ok_and(|output| output.stdout == "installed")
}

async fn install(packages: &[&str], step: &Step) -> anyhow::Result<()> {
    apt_get(step).args(["install", "-y", "--no-install-recommends"]).args(packages).run().await.map(drop)
}

/// Waits for another apt that runs on the machine instead of failing at once.
fn apt_get(step: &Step) -> Run<'_> {
    let run = Run::new("apt-get").args(["-o", "DPkg::Lock::Timeout=300"]).step(step);
    run.env("DEBIAN_FRONTEND", "noninteractive")
}
