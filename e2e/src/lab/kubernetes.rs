//! Kubernetes built from its Go modules, one binary at a time. IO: `go build`, the cache folder.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::go::{Program, Wrapper};
use super::lock::Lock;
use super::paths::Paths;
use super::preflight::Need;
use super::progress::Step;
use super::versions;

const WRAPPER: Wrapper = Wrapper {
    module: include_str!("../../parts/kubernetes/go.mod"),
    sums: include_str!("../../parts/kubernetes/go.sum"),
    main: None,
};

/// Both packages answer for the version: the first for the servers, the second for clients. Left unset, `/version`
/// lies and a chart's `kubeVersion` check fails.
const VERSION_PACKAGES: [&str; 2] = ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"];

/// A program of Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// `kube-apiserver`.
    ApiServer,
    /// `kube-controller-manager`.
    ControllerManager,
    /// `kube-scheduler`.
    Scheduler,
    /// `kube-proxy`.
    Proxy,
    /// `kubelet`.
    Kubelet,
    /// `kubectl`.
    Kubectl,
}

impl Binary {
    /// Every program that a cluster and its user need.
    pub const ALL: [Self; 6] = [
        Self::ApiServer,
        Self::Kubectl,
        Self::ControllerManager,
        Self::Scheduler,
        Self::Proxy,
        Self::Kubelet,
    ];

    /// Returns its file name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Proxy => "kube-proxy",
            Self::Kubelet => "kubelet",
            Self::Kubectl => "kubectl",
        }
    }
}

/// Returns the folder with the binaries, and builds those that it lacks.
///
/// # Errors
/// A build fails, or the cache cannot be written.
pub async fn binaries(paths: &Paths, step: &Step, wanted: &[Binary]) -> anyhow::Result<PathBuf> {
    let part = paths.part_dir("kubernetes", versions::KUBERNETES);
    let bin = part.join("bin");
    if missing(&bin, wanted).is_empty() {
        return Ok(bin);
    }
    let lock_file = paths.cache.join("locks").join("kubernetes.lock");
    let _lock = Lock::acquire(&lock_file, || step.note("waits for another process that builds it")).await?;
    for binary in missing(&bin, wanted) {
        build(&part, binary, step).await.with_context(|| format!("build {}", binary.name()))?;
    }
    Ok(bin)
}

/// Returns what the machine must have for one of the [`binaries`] alone.
#[must_use]
pub fn needs(paths: &Paths, wanted: Binary) -> Vec<Need> {
    if are_built(paths, &[wanted]) {
        return Vec::new();
    }
    vec![Need::Architecture, Need::Go, Need::DiskGib(3)]
}

/// Tells whether all of them are built.
#[must_use]
pub fn are_built(paths: &Paths, wanted: &[Binary]) -> bool {
    missing(&paths.part_dir("kubernetes", versions::KUBERNETES).join("bin"), wanted).is_empty()
}

fn missing(bin: &Path, wanted: &[Binary]) -> Vec<Binary> {
    wanted.iter().copied().filter(|binary| !bin.join(binary.name()).exists()).collect()
}

/// Builds beside the final place and renames, so that a killed build leaves no half binary under its name.
async fn build(part: &Path, binary: Binary, step: &Step) -> anyhow::Result<()> {
    let unfinished = part.join("unfinished").join(binary.name());
    let package = format!("k8s.io/kubernetes/cmd/{}", binary.name());
    let program = Program { package: &package, settings: &version_settings(versions::KUBERNETES) };
    step.note(&format!("compiles {}", binary.name()));
    WRAPPER.build(&part.join("wrapper"), program, &unfinished, step).await?;
    let finished = part.join("bin").join(binary.name());
    tokio::fs::create_dir_all(part.join("bin")).await?;
    tokio::fs::rename(&unfinished, &finished).await?;
    Ok(())
}

fn version_settings(version: &str) -> Vec<(String, String)> {
    let mut numbers = version.split('.');
    let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    let values = [
        ("gitVersion", format!("v{version}")),
        ("gitMajor", major.to_owned()),
        ("gitMinor", minor.to_owned()),
        ("gitTreeState", "clean".to_owned()),
        ("gitCommit", "kafkasink-lab".to_owned()),
        // Any fixed moment: a build of the same sources gives the same bytes.
        ("buildDate", "2026-01-01T00:00:00Z".to_owned()),
    ];
    let settings = |package: &'static str| {
        values.clone().into_iter().map(move |(name, value)| (format!("{package}.{name}"), value))
    };
    VERSION_PACKAGES.into_iter().flat_map(settings).collect()
}

#[cfg(test)]
mod tests {
    use super::version_settings;

    #[test]
    fn version_is_told_to_servers_and_clients() {
        let settings = version_settings("1.36.4");
        let has = |name: &str, value: &str| settings.contains(&(name.to_owned(), value.to_owned()));
        assert!(has("k8s.io/component-base/version.gitVersion", "v1.36.4"));
        assert!(has("k8s.io/client-go/pkg/version.gitMinor", "36"));
    }
}
