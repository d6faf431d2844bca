//! The operator as a process of its own. IO: processes.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

/// The operator's process; it ends with the test, however that ends.
pub(crate) struct Operator {
    pub(crate) process: Child,
    pub(super) admin: SocketAddr,
    pub(super) log: PathBuf,
}

impl Drop for Operator {
    fn drop(&mut self) {
        if let Err(error) = self.process.kill().and_then(|()| self.process.wait()) {
            tracing::warn!(%error, "failed to stop the operator");
        }
    }
}

impl Operator {
    /// Starts one that watches `namespace` alone.
    pub(crate) fn start(kubeconfig: &Path, namespace: &str) -> anyhow::Result<Self> {
        Self::launch(kubeconfig, namespace, &["--watch-namespace", namespace])
    }

    /// Starts an operator; its log is called `name`.
    pub(crate) fn launch(kubeconfig: &Path, name: &str, arguments: &[&str]) -> anyhow::Result<Self> {
        let program = built("kafkasink-operator")?;
        let admin = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.log"));
        let process = Command::new(&program)
            .args(["run", "--log-level", "debug"])
            .args(arguments)
            .args(["--admin-address", &admin.to_string(), "--runtime-image", "registry.example/runtime:test"])
            .env("KUBECONFIG", kubeconfig)
            .stderr(std::fs::File::options().create(true).append(true).open(&log)?)
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("start {}", program.display()))?;
        Ok(Self { process, admin, log })
    }

    /// What the operator answers at `/readyz`, `/livez` or `/metrics`.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<String> {
        Ok(reqwest::get(format!("http://{}/{path}", self.admin)).await?.error_for_status()?.text().await?)
    }
}

/// A program as cargo built it: beside the folder of this test program.
pub(crate) fn built(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.ancestors().nth(2).context("find the target folder")?;
    let program = folder.join(name);
    anyhow::ensure!(program.is_file(), "{} is not built: cargo build --workspace --bins", program.display());
    Ok(program)
}
