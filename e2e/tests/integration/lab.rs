//! The lab as its users see it: real parts in run folders of their own, beside any lab that runs already. IO: processes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::ensure;
use k8s_openapi::api::core::v1::{Endpoints, Pod};
use kafkasink_e2e::lab::control_plane::{self, Reach};
use kafkasink_e2e::lab::{Daemon, Paths, Progress, State};
use kube::api::ListParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use tempfile::TempDir;

/// A lab of its own, stopped when the test ends, however it ends.
struct OwnLab {
    folder: TempDir,
    paths: Paths,
}

impl OwnLab {
    /// One that uses what is built already.
    fn new() -> anyhow::Result<Self> {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
        let paths = Paths { run: folder.path().join("run"), ..Paths::from_env()? };
        Ok(Self { folder, paths })
    }

    /// One for which nothing is built yet.
    fn bare() -> anyhow::Result<Self> {
        let mut lab = Self::new()?;
        lab.paths.cache = lab.folder.path().join("cache");
        Ok(lab)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
        command.args(words);
        command.env("KAFKASINK_LAB_CACHE", &self.paths.cache).env("KAFKASINK_LAB_RUN", &self.paths.run);
        command
    }

    /// Runs it to its end and returns what it printed.
    fn lab(&self, words: &[&str]) -> anyhow::Result<String> {
        let output = self.command(words).output()?;
        ensure!(output.status.success(), "`lab {}` failed: {}", words.join(" "), stderr(&output));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Returns the command lines of all processes that name our folder there or in their environment.
    fn processes(&self) -> Vec<String> {
        let ours = self.folder.path().display().to_string();
        let text =
            |path: PathBuf| String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned();
        let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        all.map(|entry| (text(entry.path().join("cmdline")), text(entry.path().join("environ"))))
            .filter(|(command, environment)| command.contains(&ours) || environment.contains(&ours))
            .map(|(command, _)| command.replace('\0', " "))
            .collect()
    }
}

impl Drop for OwnLab {
    fn drop(&mut self) {
        // The test has failed already if this fails, or does so on its own.
        drop(self.command(&["down"]).output());
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Returns the value that a shell would have after `eval`.
fn exported(exports: &str, name: &str) -> anyhow::Result<String> {
    let script = format!("{exports}printf %s \"${name}\"");
    let output = Command::new("sh").args(["-c", &script]).env_remove(name).output()?;
    ensure!(output.status.success(), "the shell refuses {exports}");
    Ok(String::from_utf8(output.stdout)?)
}

async fn client_of(kubeconfig: &Path) -> anyhow::Result<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

fn pids(paths: &Paths) -> Vec<i32> {
    Daemon::all(paths).iter().map(|daemon| daemon.identity.pid).collect()
}

#[tokio::test]
async fn kafka_and_store_come_up_once_and_go_down_without_a_trace() {
    let lab = OwnLab::new().unwrap();
    let first = lab.lab(&["up", "kafka", "store"]).unwrap();
    assert_ne!(exported(&first, "KAFKA_BOOTSTRAP").unwrap(), "127.0.0.1:19092");
    let (url, token) = (exported(&first, "REDUCT_URL").unwrap(), exported(&first, "REDUCT_TOKEN").unwrap());
    let buckets = reqwest::Client::new().get(format!("{url}/api/v1/list"));
    assert_eq!(buckets.try_clone().unwrap().send().await.unwrap().status(), 401, "it must want a token");
    buckets.bearer_auth(token).send().await.unwrap().error_for_status().unwrap();

    let running = pids(&lab.paths);
    assert_eq!((running.len(), lab.processes().len()), (2, 2));
    assert_eq!(lab.lab(&["up", "store", "kafka"]).unwrap(), first, "a second `up` changes nothing");
    assert_eq!(lab.lab(&["env"]).unwrap(), first);
    assert_eq!(pids(&lab.paths), running);

    lab.lab(&["down"]).unwrap();
    assert_eq!(lab.processes(), Vec::<String>::new());
    assert_eq!(lab.lab(&["env"]).unwrap(), "");
    assert_eq!(lab.lab(&["status"]).unwrap(), "nothing of the lab runs\n");
    assert!(!lab.paths.run.join("data").exists());
    lab.lab(&["down"]).unwrap();
}

#[tokio::test]
async fn killed_run_blocks_nothing() {
    let lab = OwnLab::new().unwrap();
    let mut killed = lab.command(&["up", "kafka"]).spawn().unwrap();
    let started = async {
        let mut interval = tokio::time::interval(Duration::from_millis(20));
        while Daemon::find(&lab.paths, "kafka").is_none() {
            interval.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(5), started).await.expect("it starts Kafka");
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(State::load(&lab.paths), State::default(), "it was killed before Kafka was up");

    lab.lab(&["up", "kafka"]).unwrap();
    assert_eq!(pids(&lab.paths).len(), 1);
    lab.lab(&["down"]).unwrap();
    assert_eq!(lab.processes(), Vec::<String>::new());
}

#[tokio::test]
async fn part_that_has_ended_is_not_shown_and_comes_up_again() {
    let lab = OwnLab::new().unwrap();
    lab.lab(&["up", "store"]).unwrap();
    Daemon::find(&lab.paths, "reductstore").unwrap().stop(Duration::from_secs(10)).await.unwrap();
    assert_eq!(lab.lab(&["env"]).unwrap(), "");
    assert!(!exported(&lab.lab(&["up", "store"]).unwrap(), "REDUCT_URL").unwrap().is_empty());
}

#[test]
fn everything_that_a_machine_lacks_is_named_at_once() {
    let lab = OwnLab::bare().unwrap();
    let output =
        lab.command(&["up", "kafka", "store", "apiserver"]).env("PATH", lab.folder.path()).output().unwrap();
    assert!(!output.status.success());
    let told = stderr(&output);
    for line in [
        "this machine lacks:",
        "\n  - Java is missing: apt-get install -y default-jdk-headless\n",
        "\n  - Maven is missing: apt-get install -y maven\n",
        "\n  - cargo is missing: ",
        "\n  - Go is missing: ",
    ] {
        assert!(told.contains(line), "{line:?} is not in {told}");
    }
}

#[tokio::test]
async fn api_server_knows_its_users() {
    let lab = OwnLab::new().unwrap();
    let exports = lab.lab(&["up", "apiserver"]).unwrap();
    let kubeconfig = PathBuf::from(exported(&exports, "KUBECONFIG").unwrap());
    let admin = client_of(&kubeconfig).await.unwrap();
    assert_eq!(admin.apiserver_version().await.unwrap().git_version, "v1.36.4");
    Api::<Pod>::default_namespaced(admin).list(&ListParams::default()).await.unwrap();

    let plane = control_plane::find(&lab.paths, Reach::ThisMachine).unwrap();
    let nobody = client_of(&plane.issue("ann", None).unwrap()).await.unwrap();
    let refused = Api::<Pod>::default_namespaced(nobody).list(&ListParams::default()).await.unwrap_err();
    assert!(refused.to_string().contains(r#"User "ann" cannot list resource "pods""#), "{refused}");

    lab.lab(&["down"]).unwrap();
    assert_eq!(lab.processes(), Vec::<String>::new());
}

#[tokio::test]
async fn api_server_of_a_cluster_runs_beside_and_leads_pods_to_itself() {
    let lab = OwnLab::new().unwrap();
    lab.lab(&["up", "apiserver"]).unwrap();
    let alone = control_plane::find(&lab.paths, Reach::ThisMachine).unwrap();
    let cluster = control_plane::up(&lab.paths, &Progress::start(2), Reach::Pods).await.unwrap();
    assert_ne!(cluster.url, alone.url);

    let service = Api::<Endpoints>::namespaced(client_of(&cluster.kubeconfig).await.unwrap(), "default");
    let leads_to_host = || async {
        let text = format!("{:?}", service.get("kubernetes").await?.subsets);
        ensure!(text.contains(&control_plane::HOST_ADDRESS.to_string()), "it leads to {text}");
        Ok(())
    };
    let apiserver = Daemon::find(&lab.paths, "cluster-kube-apiserver").unwrap();
    // The API server looks after this Service every ten seconds.
    apiserver.wait_until("pods are led to it", Duration::from_secs(30), leads_to_host).await.unwrap();

    assert_eq!(pids(&lab.paths).len(), 4);
    lab.lab(&["down"]).unwrap();
    assert_eq!(lab.processes(), Vec::<String>::new());
}

#[tokio::test]
async fn cluster_of_somebody_else_is_used_and_left_alone() {
    let (theirs, ours) = (OwnLab::new().unwrap(), OwnLab::new().unwrap());
    let exports = theirs.lab(&["up", "apiserver"]).unwrap();
    let kubeconfig = exported(&exports, "KUBECONFIG").unwrap();
    assert_eq!(ours.lab(&["up", "cluster", "--kubeconfig", &kubeconfig]).unwrap(), exports);
    assert_eq!(ours.lab(&["env"]).unwrap(), exports);
    assert!(ours.lab(&["status"]).unwrap().starts_with("uses the cluster of "));
    ours.lab(&["down"]).unwrap();
    assert_eq!(ours.lab(&["env"]).unwrap(), "");
    assert_eq!(pids(&theirs.paths).len(), 2);
}
