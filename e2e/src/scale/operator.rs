//! The operator as its chart runs it, as a process of this machine. IO: processes, HTTP.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::process::{Child, Command};
use tokio::time::{Instant, interval};

use super::stage::Stage;
use crate::usage::{self, Usage};

/// What it calls itself in the API server's audit log.
pub(super) const CLIENT: &str = "kafkasink-operator";

const START_MAX: Duration = Duration::from_mins(1);
const LOOK: Duration = Duration::from_millis(50);

/// A running operator, killed when dropped.
pub(super) struct Operator {
    process: Child,
    pid: u32,
    admin: SocketAddr,
    log: PathBuf,
}

impl Operator {
    /// Starts it and waits until it is ready.
    pub(super) async fn start(stage: &Stage) -> anyhow::Result<Self> {
        let program = program()?;
        let admin = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let log = stage.logs.join(format!("operator-{}.log", stage.namespace));
        let mut command = Command::new(&program);
        command.args(["run", "--admin-address", &admin.to_string()]);
        command.args(["--runtime-image", "registry.example/runtime:scale"]);
        command.args(["--leader-elect", "--lease-namespace", &stage.namespace]);
        if !stage.is_own {
            command.args(["--watch-namespace", &stage.namespace]);
        }
        command.env("KUBECONFIG", &stage.kubernetes.kubeconfig).env("HOSTNAME", "scale");
        command.stdin(Stdio::null()).stderr(std::fs::File::create(&log)?).kill_on_drop(true);
        let process = command.spawn().with_context(|| format!("start {}", program.display()))?;
        let pid = process.id().context("a process that was just started has an id")?;
        let mut operator = Self { process, pid, admin, log };
        operator.until_ready().await?;
        Ok(operator)
    }

    /// Returns what it has used so far.
    pub(super) fn usage(&self) -> anyhow::Result<Usage> {
        usage::of(self.pid).with_context(|| format!("look at the operator, {}", self.log.display()))
    }

    /// Returns how many reconciliations it has ended.
    pub(super) async fn reconciliations(&self) -> anyhow::Result<u64> {
        let metrics = self.get("metrics").await?;
        let lines = metrics.lines().filter(|line| line.starts_with("controller_runtime_reconcile_total{"));
        Ok(lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum())
    }

    async fn get(&self, path: &str) -> anyhow::Result<String> {
        Ok(reqwest::get(format!("http://{}/{path}", self.admin)).await?.error_for_status()?.text().await?)
    }

    async fn until_ready(&mut self) -> anyhow::Result<()> {
        let (deadline, mut looks) = (Instant::now() + START_MAX, interval(LOOK));
        while let Err(error) = self.get("readyz").await {
            let ended = self.process.try_wait()?;
            ensure!(ended.is_none(), "the operator has ended, {ended:?}: {}", self.log.display());
            ensure!(
                Instant::now() < deadline,
                "the operator is never ready, {error}: {}",
                self.log.display()
            );
            looks.tick().await;
        }
        Ok(())
    }
}

/// The program as cargo built it beside this one, or beside the folder of this test.
fn program() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("find this program")?;
    let beside = own.parent().context("find the folder of this program")?;
    let folder = if beside.ends_with("deps") { beside.parent().unwrap_or(beside) } else { beside };
    let program = folder.join(CLIENT);
    ensure!(program.is_file(), "{} is absent: use `make scale`", program.display());
    Ok(program)
}
