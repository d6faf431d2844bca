//! Helm, built from its Go module, and charts installed by it. IO: `go install`, the API server.

use std::path::{Path, PathBuf};

use super::cache::cached;
use super::command::Run;
use super::go::{self, Program};
use super::paths::Paths;
use super::preflight::Need;
use super::progress::Step;
use super::versions;

const NAME: &str = "helm";

/// A chart to be installed.
#[derive(Clone, Copy, Debug)]
pub struct Release<'a> {
    /// The release's name.
    pub name: &'a str,
    /// The chart's folder.
    pub chart: &'a Path,
    /// Where it is installed; created if absent.
    pub namespace: &'a str,
    /// Settings as in `--set`: `image.tag=0.1.0`.
    pub settings: &'a [&'a str],
}

/// Returns what the machine must have for [`program`].
#[must_use]
pub fn needs(paths: &Paths) -> Vec<Need> {
    if paths.part_dir(NAME, versions::HELM).exists() { Vec::new() } else { vec![Need::Go, Need::DiskGib(1)] }
}

/// Returns the program; the first build takes about a minute.
///
/// # Errors
/// `go install` fails, or the cache cannot be written.
pub async fn program(paths: &Paths, step: &Step) -> anyhow::Result<PathBuf> {
    let version = format!("v{}", versions::HELM);
    // Unset, Helm calls itself v3 without a minor version and refuses charts that ask for one.
    let settings = [("helm.sh/helm/v3/internal/version.version".to_owned(), version.clone())];
    let build = async |folder: PathBuf| {
        let program = Program { package: "helm.sh/helm/v3/cmd/helm", settings: &settings };
        go::install(&folder.join("bin"), program, &version, step).await
    };
    Ok(cached(paths, NAME, versions::HELM, step, build).await?.join("bin/helm"))
}

/// Installs or upgrades a release and waits until its workloads are ready.
///
/// # Errors
/// Helm cannot be built, refuses the chart, or the workloads do not become ready within two minutes.
pub async fn install(
    paths: &Paths,
    kubeconfig: &Path,
    release: Release<'_>,
    step: &Step,
) -> anyhow::Result<()> {
    let helm = program(paths, step).await?;
    let settings = release.settings.iter().flat_map(|setting| ["--set", setting]);
    let run = Run::new(helm).args(["upgrade", "--install", release.name]).arg(release.chart);
    let run = run.args(["--namespace", release.namespace, "--create-namespace", "--wait", "--timeout", "2m"]);
    run.args(settings).arg("--kubeconfig").arg(kubeconfig).step(step).run().await.map(drop)
}
