//! What of the lab is up, and where. IO: run/state.json.

use std::path::PathBuf;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::paths::Paths;

/// The parts that are up and their addresses.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct State {
    /// Kafka as a process on this machine.
    pub kafka: Option<KafkaAddress>,
    /// ReductStore as a process on this machine.
    pub store: Option<StoreAddress>,
    /// etcd and kube-apiserver alone.
    pub apiserver: Option<KubernetesAddress>,
    /// A whole cluster.
    pub cluster: Option<KubernetesAddress>,
}

/// Where Kafka is reached.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct KafkaAddress {
    /// `host:port`, as in `bootstrap.servers`.
    pub bootstrap: String,
}

/// Where ReductStore is reached.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct StoreAddress {
    /// The URL without a path.
    pub url: String,
    /// A token with full access: the lab listens on 127.0.0.1 only, it is no secret.
    pub token: String,
}

/// How Kubernetes is reached.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct KubernetesAddress {
    /// A kubeconfig of an administrator.
    pub kubeconfig: PathBuf,
    /// The API server's URL, if the lab started it.
    pub url: Option<String>,
}

impl State {
    /// Reads the state; nothing is up if there is no file or the machine stopped while it was written.
    #[must_use]
    pub fn load(paths: &Paths) -> Self {
        let bytes = std::fs::read(file(paths)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Writes the state.
    ///
    /// # Errors
    /// The run folder cannot be written.
    pub fn save(&self, paths: &Paths) -> anyhow::Result<()> {
        let path = file(paths);
        let write = || {
            std::fs::create_dir_all(&paths.run)?;
            let unfinished = path.with_extension("json.new");
            std::fs::write(&unfinished, serde_json::to_vec_pretty(self)?)?;
            std::fs::rename(unfinished, &path)
        };
        write().with_context(|| format!("write {}", path.display()))
    }

    /// Reads the state, changes it and writes it; the caller holds [`super::lock::Lock::of_run`].
    ///
    /// # Errors
    /// The run folder cannot be written.
    pub fn update(paths: &Paths, change: impl FnOnce(&mut Self)) -> anyhow::Result<()> {
        let mut state = Self::load(paths);
        change(&mut state);
        state.save(paths)
    }
}

fn file(paths: &Paths) -> PathBuf {
    paths.run.join("state.json")
}
